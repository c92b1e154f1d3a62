// Package outbox brings cards to a chat platform: each at most once, none lost, the last state of each shown, and never faster than the
// platform allows.
//
// In comes [Outbox.Send] with a [Place] and a card; it returns once the card is kept in the store. Out go the calls of a [Wire], which is what a
// door knows of its platform: Post, Edit and Find. Cards with the same ID at one place are one living message, and the newest card wins: what was
// overtaken before it could be shown is never sent. A channel is served in the order in which its messages came.
//
// What survives a restart: cards that are final, and the first card of every message, until they are shown; which message on the platform shows
// which card; and a hash of what it shows, so that the same content is not sent again. Later states of a card that is still Live are kept in memory
// alone, since another follows. So are cards that are Secret, from their first state: whoever lost one asks again.
//
// When a platform is slower than what happens, as in a storm of alerts, a channel gets one more message, the digest, which tells in few
// lines where everything stands that could not be shown yet. It is edited as the storm goes on and closed when all is in its place; what keeps failing
// and what is lost it names.
//
// Only one process at a time may run the outbox of a door. Read outbox.go first, then lane.go for what happens to one channel, record.go for what is
// stored, and digest.go.
//
//	box, err := outbox.New(outbox.Options{Door: "slack-T0123", KV: st.Bucket(store.Dedupe), Wire: wire, Log: log})
//	if err != nil {
//		return err
//	}
//	go box.Run(ctx)
//	err = box.Send(ctx, outbox.Place{Channel: "T0123/C0456"}, reply.Card{ID: "r-17", Kind: reply.Done, Title: "r-17: done"})
package outbox
