// Package alert is the door of the monitoring: it takes notifications over HTTP, reads the stream of events, looks at everything when it has not listened,
// stores what matters, and hands each alert to the rules.
//
// In come POSTs to /icinga/notifications with the proof of a configured sender; 200 is answered only when the alert is durable. In come, too, the events of
// Icinga2 and what a look at all its objects finds. Out go alerts, in the order of each object, to a [Handler], and one living card per problem
// through a [Hub], whichever way was first and however often the same thing was told. Read door.go first, then http.go (what is refused, and how), writer.go
// (how many alerts share one write), dispatch.go (how none is lost), fold.go and seen.go (how the same trigger is known by all its ways), stream.go, live.go
// and catchup.go (how nothing is missed that still matters), group.go (what a host that is down does to its services), card.go (what people see).
//
//	d, err := alert.New(alert.Options{Senders: senders, Log: s.Log(store.Alerts), KV: s.Bucket(store.Guards), Rules: engine})
//	mux.Handle("POST /icinga/notifications", d)
//	stream, err := alert.NewStream(alert.StreamOptions{Source: alert.FromClient(client), Door: d, Leader: s.Leader(), Owner: "bot-1"})
//	go d.Run(ctx)                   // hands over what was stored, from where the last process has come to
//	go stream.Run(ctx)              // stores what the stream tells, when this process leads
//	cards := d.Hub().Subscribe(ctx) // one living card per problem
package alert
