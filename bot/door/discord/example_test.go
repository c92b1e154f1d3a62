package discord_test

import (
	"context"
	"fmt"

	"github.com/shitops/opsbot/actions/store"
	storefake "github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/discord"
	fake "github.com/shitops/opsbot/fixtures/discord"
	"github.com/shitops/opsbot/internal/secret"
)

func ExampleNew() {
	platform := fake.New(fake.Options{Token: "t0ken", Application: "1001", Guilds: map[string][]string{"500": {"555"}}})
	defer platform.Close()
	st := storefake.New().Open(storefake.Options{})
	d, err := discord.New(discord.Options{
		Application: "1001", Token: func() (secret.Secret, error) { return secret.New([]byte("t0ken")), nil }, Guilds: []string{"500"},
		Desk: &desk{}, KV: st.Bucket(store.Dedupe), Leader: st.Leader(), Base: platform.URL,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()

	_ = platform.Until(ctx, func() bool { live, _, _ := platform.Connected(); return live > 0 })
	platform.Say("42", "555", "<@"+fake.BotUser+"> echo hello", fake.Said{})
	answer, err := platform.Await(ctx, "42", "555", func(fake.Message) bool { return true })
	fmt.Println(answer.Embeds[0].Title, err)
	stop()
	fmt.Println(<-ended)
	// Output:
	// hello <nil>
	// <nil>
}
