package bot_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/config"
	fake "github.com/shitops/opsbot/fixtures/discord"
)

// The world on Discord: one server with a channel for talk and one for alerts, and three people.
const (
	discordApp     = "100100100"
	discordGuild   = "500500500"
	discordTalk    = "555555555"
	discordAlerts  = "777777777"
	discordAnna    = "42424242"
	discordBen     = "43434343"
	discordMallory = "66666666"
)

// discordHouse is a bot with a door to a stand-in of Discord.
type discordHouse struct {
	*house
	platform *fake.Server
	mode     string
}

// startDiscord starts a bot that Discord reaches by mode, with the given rest of the configuration.
func startDiscord(t *testing.T, mode, rest string) *discordHouse {
	t.Helper()
	h := &discordHouse{platform: newDiscord(t), mode: mode}
	dir := folder(t)
	file := configure(t, dir, rest)
	h.prepare(t, dir, file)
	rewriteFile(t, file, "serve: [ops]", "serve: [ops, hooks]")
	h.start(t, dir, file)
	t.Cleanup(func() {
		if v := h.platform.Violations(); len(v) > 0 {
			t.Errorf("the platform complains: %s", strings.Join(v, "\n"))
		}
	})
	return h
}

// newDiscord makes a stand-in of Discord.
func newDiscord(t *testing.T) *fake.Server {
	t.Helper()
	platform := fake.New(fake.Options{
		Token: "t0ken", Application: discordApp, Guilds: map[string][]string{discordGuild: {discordTalk, discordAlerts}}, Heartbeat: 500 * time.Millisecond,
		Limits: fake.Limits{Channel: 50, ChannelWindow: time.Second, Webhook: 50, Global: 1000},
	})
	t.Cleanup(platform.Close)
	return platform
}

// prepare puts the server and who people are there into a configuration file.
func (h *discordHouse) prepare(t *testing.T, dir, file string) {
	t.Helper()
	write(t, filepath.Join(dir, "discord.token"), "t0ken\n")
	rewriteFile(t, file, "\npeople:", fmt.Sprintf(`
discord:
  - {application: %q, token_file: discord.token, guilds: [%q], mode: %s, alerts: %q, public_key: %q}
people:`, discordApp, discordGuild, h.mode, discordAlerts, h.platform.PublicKey()))
	rewriteFile(t, file, "unix: [anna, root]", fmt.Sprintf("unix: [anna, root], discord: [%q]", discordAnna))
	rewriteFile(t, file, "unix: [ben]", fmt.Sprintf("unix: [ben], discord: [%q]", discordBen))
}

// start starts the bot on what is in a folder already.
func (h *discordHouse) start(t *testing.T, dir, file string) {
	t.Helper()
	h.house = startOn(t, dir, file, func(o *bot.Options) { o.DiscordBase = h.platform.URL })
	h.reach(t, h.mode)
}

// reach waits until the platform and the bot hear each other.
func (h *discordHouse) reach(t *testing.T, mode string) {
	t.Helper()
	h.until(t, "the commands are registered", func() bool { return len(h.platform.Commands()) > 0 })
	if mode == config.ModeHTTP {
		if err := h.platform.UseEndpoint(t.Context(), "http://"+h.HooksAddr()+"/discord/interactions"); err != nil {
			t.Fatal(err)
		}
		return
	}
	h.until(t, "the gateway is connected", func() bool { live, _, _ := h.platform.Connected(); return live > 0 })
}

func (h *discordHouse) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	h.within(t, 30*time.Second, what, done)
}

// within is until with a time of its own.
func (h *discordHouse) within(t *testing.T, most time.Duration, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	if err := h.platform.Until(ctx, done); err != nil {
		var seen []string
		for _, channel := range []string{discordTalk, discordAlerts} {
			for _, m := range h.platform.Seen(discordAnna, channel) {
				seen = append(seen, m.Text())
			}
		}
		t.Fatalf("waiting until %s: %v; violations: %v; anna sees:\n%s", what, err, h.platform.Violations(), strings.Join(seen, "\n--\n"))
	}
}

// sees waits until a person sees a message with all the words in a channel, and returns it.
func (h *discordHouse) sees(t *testing.T, person, channel string, words ...string) fake.Message {
	t.Helper()
	var found fake.Message
	h.until(t, fmt.Sprintf("%s sees %q", person, words), func() bool {
		for _, m := range h.platform.Seen(person, channel) {
			all := true
			for _, w := range words {
				all = all && strings.Contains(m.Text(), w)
			}
			if all {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func (h *discordHouse) slash(t *testing.T, person, line string) {
	t.Helper()
	i, err := h.platform.Slash(person, discordTalk, "opsbot", map[string]any{"text": line})
	if err != nil {
		t.Fatalf("slash %q: %v", line, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := i.Acked(ctx); err != nil {
		t.Fatalf("slash %q is not acknowledged: %v", line, err)
	}
}

func (h *discordHouse) click(t *testing.T, person string, m fake.Message, label string) {
	t.Helper()
	if _, err := h.platform.Click(person, m.ID, label); err != nil {
		t.Fatalf("%s clicks %q of %q: %v", person, label, m.Text(), err)
	}
}

// TestDiscordFlushesARealCache: a command, the plan shown to who asked, a yes by a button, the run for everybody to see, its effect on the real cache.
func TestDiscordFlushesARealCache(t *testing.T) {
	for _, mode := range []string{config.ModeGateway, config.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, 1)
			h := startDiscord(t, mode, e.inventory())
			const segment = "/ts/v0/seg000.ts"
			before := e.etag(t, segment)
			e.origin.SetGeneration(7)
			h.slash(t, discordAnna, "flush edge-1")
			q := h.sees(t, discordAnna, discordTalk, "flush cache front on edge-1", "do it?")
			if !q.Ephemeral {
				t.Errorf("the question is for everybody: %s", q.Text())
			}
			h.click(t, discordAnna, q, "yes")
			h.sees(t, discordBen, discordTalk, "done in", "flush cache front")
			h.sees(t, discordAnna, discordTalk, "anna said yes")
			if after := e.etag(t, segment); after == before {
				t.Errorf("a viewer still gets %s", after)
			}
			h.slash(t, discordMallory, "flush edge-1")
			h.sees(t, discordMallory, discordTalk, "refused", "discord:"+discordMallory)
		})
	}
}

// TestDiscordSecondPerson: what needs two people shows the plan to all, and a button of it counts for who presses it alone.
func TestDiscordSecondPerson(t *testing.T) {
	t.Parallel()
	h := startDiscord(t, config.ModeGateway, twoPeople)
	h.slash(t, discordAnna, "prime news on edge-1")
	waits := h.sees(t, discordBen, discordTalk, "waits for a yes", "edge-1", "ben")
	h.click(t, discordAnna, waits, "Approve")
	h.sees(t, discordAnna, discordTalk, "must come from somebody else")
	h.click(t, discordMallory, waits, "Approve")
	h.sees(t, discordMallory, discordTalk, "discord:"+discordMallory)
	h.click(t, discordBen, waits, "Approve")
	h.sees(t, discordAnna, discordTalk, "failed after", "prime news on edge-1") // nobody answers at its cache
}
