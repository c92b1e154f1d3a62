// Package blockkit renders cards for Slack, within every limit that Slack has.
//
// In comes a [reply.Card]; out comes a [Message]: blocks, the plain text that notifications show, and what did not fit. Nothing that a card carries
// is obeyed by Slack: angle brackets and ampersands are escaped, so that no text calls a person or a channel, and characters that steer are
// shown ([reply.Clean]). What is pressed comes back as an action id and a value, which [ParseAction] reads; a question without choices has a button
// that opens the form of [Form]. Read message.go first, then limit.go for the limits and where they come from, and action.go.
//
//	m := blockkit.Render(reply.Card{Kind: reply.Question, Title: "flush edge-1?", Choices: []string{"yes", "no"}, Token: "t1"})
//	_, ts, err := api.PostMessageContext(ctx, channel, slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...))
package blockkit
