package embed_test

import (
	"fmt"

	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

func ExampleRender() {
	m := embed.Render(reply.Card{Kind: reply.Done, Title: "edge-1 flushed", Lines: []string{"*all* of it"}, Hint: "undo r-17"}, embed.Options{})
	fmt.Println(m.Embeds[0].Title)
	fmt.Println(m.Embeds[0].Description)
	fmt.Println(m.Embeds[0].Footer.Text)
	// Output:
	// ✓ edge-1 flushed
	// \*all\* of it
	// next: undo r-17
}

func ExampleParseAction() {
	a, err := embed.ParseAction("b0.3.tokflush edge-1")
	fmt.Println(string(a.Verb), a.Token, a.Text, err)
	_, err = embed.ParseAction("delete everything")
	fmt.Println(err)
	// Output:
	// b tok flush edge-1 <nil>
	// custom id "delete everything": custom id is not one of this bot's
}
