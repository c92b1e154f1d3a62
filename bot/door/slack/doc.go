// Package slack is the door to Slack: a slash command, mentions, direct messages, threads, buttons, selects and forms, over Socket Mode or over signed
// posts.
//
// In come what people do in one workspace; each is stored before it is acknowledged, acknowledged within 3 s, de-duplicated across restarts, and
// worked off by a bounded number of workers that hand a [door.Message] to the desk. Out go cards, through package outbox: one living message per
// card, within Slack's rates. A door that is deaf or mute says so through [Door.Ready] and Options.Alarm, and tries again for ever.
//
// Read door.go first, then intake.go for the way in (socket.go and http.go bring what event.go reads), talk.go for what becomes of a message, wire.go for
// the way out, and pulse.go for how the door notices that it is deaf.
//
//	d, err := slack.New(slack.Options{Workspace: "T0123", Mode: slack.Socket, AppToken: app.Read, BotToken: bot.Read, Desk: desk, KV: st.Bucket(store.Dedupe)})
//	if err != nil {
//		return err
//	}
//	go d.Run(ctx)
package slack
