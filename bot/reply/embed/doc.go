// Package embed renders a card as a message of Discord.
//
// In comes a [reply.Card]; out comes a [Message] within every limit that Discord documents: text, colour, buttons, selects, and a file
// where the text is longer than a message may be. What people press comes back as a custom id, which [ParseAction] reads. Nothing that a
// card carries can ping anybody, and no markdown in it takes effect. Read message.go first, then component.go for what can be pressed.
//
//	m := embed.Render(reply.Card{Kind: reply.Done, Title: "edge-1 flushed", Hint: "undo r-17"}, embed.Options{})
//	body, err := json.Marshal(m) // {"embeds":[{"title":"✓ edge-1 flushed","footer":{"text":"next: undo r-17"}, ...
package embed
