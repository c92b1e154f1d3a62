// Package discord is the door to Discord: commands, mentions, direct messages, buttons, selects and forms.
//
// In come interactions and messages, over the gateway or over signed HTTP, and go to the [door.Desk] as [door.Message]; out go cards, as
// embeds, through an outbox that loses and doubles none. Read door.go first, then take.go for what happens to one event, wire.go for how a card
// finds its way out, and gateway.go for the connection.
//
//	d, err := discord.New(discord.Options{Application: "1234567890", Token: token, Guilds: []string{"987654321"}, Alerts: "555666777",
//		Desk: desk, KV: st.Bucket(store.Dedupe), Leader: st.Leader(), Log: log})
//	if err != nil {
//		return err
//	}
//	err = d.Run(ctx)
//
// # Stored first
//
// An event is written to the store before it is acknowledged, under the id that Discord gave it, and worked off afterwards. The same id again is
// acknowledged and dropped, also after a restart; what was not finished is worked off again, with the same id, so that the desk finds the run it
// has made.
//
// # Why two commands
//
// `/opsbot text:` takes what people say anywhere else, with completion of words and names: hints and help hold as they are written. `/ops` is
// the catalogue as a form, one subcommand an intent: Discord allows 25 options in each place and 8,000 characters in all, so intents are grouped by
// what stands before their dot, and descriptions are shortened until all fits. Both end as the same text on the same road.
//
// # What of discordgo is not used, and why
//
//   - Its waiting for rate limits sleeps whatever the context says and keeps a bucket for every interaction for ever: calls take a bucket of their
//     own, and limit.go keeps the limits.
//   - Its retries: a POST that is answered with 502 would be made again without a nonce. Retries are the outbox's, with nonces.
//   - Its reconnect loop, which ends neither with the program nor at a revoked token: gateway.go opens, watches and closes.
//   - Its types for what comes in, which fail on kinds of components they do not know.
package discord
