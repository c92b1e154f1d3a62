package bot_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	fakeslack "github.com/shitops/opsbot/fixtures/slack"
)

// bothHouse is one bot with a door to each platform.
type bothHouse struct {
	*house
	slack   *slackHouse
	discord *discordHouse

	mu   sync.Mutex
	feed []reply.Card // what everybody who watches at a terminal was told
}

// startBoth starts a bot that both platforms are connected to, which it calls itself, and that somebody watches.
func startBoth(t *testing.T, rest string) *bothHouse {
	t.Helper()
	platform := fakeslack.New(fakeslack.Options{Team: slackTeam})
	t.Cleanup(platform.Close)
	platform.AddChannel(slackTalk, slackAlerts)
	platform.AddUser(slackAnna, slackBen, slackMallory)
	h := &bothHouse{
		slack:   &slackHouse{platform: platform, mode: config.ModeSocket},
		discord: &discordHouse{platform: newDiscord(t), mode: config.ModeGateway},
	}
	dir := folder(t)
	file := configure(t, dir, rest)
	h.discord.prepare(t, dir, file)
	h.slack.prepare(t, dir, file)
	h.house = startOn(t, dir, file, func(o *bot.Options) { o.SlackBase, o.DiscordBase = platform.URL(), h.discord.platform.URL })
	h.slack.house, h.discord.house = h.house, h.house
	h.discord.reach(t, config.ModeGateway)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	feed := h.Feed(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		for c := range feed {
			h.mu.Lock()
			h.feed = append(h.feed, c)
			h.mu.Unlock()
		}
	})
	t.Cleanup(func() { cancel(); work.Wait() })
	h.ready(t, http.StatusOK)
	return h
}

// ready waits until /readyz answers with a status and all the words.
func (h *bothHouse) ready(t *testing.T, status int, words ...string) {
	t.Helper()
	h.readyWithin(t, 30*time.Second, status, words...)
}

// readyWithin is ready with a time of its own.
func (h *bothHouse) readyWithin(t *testing.T, most time.Duration, status int, words ...string) {
	t.Helper()
	var text string
	got := 0
	h.discord.within(t, most, fmt.Sprintf("/readyz is %d and says %q", status, words), func() bool {
		resp, err := http.Get("http://" + h.OpsAddr() + "/readyz?verbose")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		got, text = resp.StatusCode, string(body)
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return got == status
	})
}

// hears waits until who watches at a terminal was told something with all the words.
func (h *bothHouse) hears(t *testing.T, words ...string) {
	t.Helper()
	h.discord.until(t, fmt.Sprintf("the terminal hears %q", words), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, c := range h.feed {
			text, all := reply.Text(c, reply.Style{Width: 400}), true
			for _, w := range words {
				all = all && strings.Contains(text, w)
			}
			if all {
				return true
			}
		}
		return false
	})
}

// TestSlackInTrouble: Slack does not know the bot any more. Readiness names the door, Discord and the terminal hear of it, and go on; new tokens in the
// files heal it, and everybody hears that, too.
func TestSlackInTrouble(t *testing.T) {
	t.Parallel()
	h := startBoth(t, quiet)
	platform := h.slack.platform
	begun := time.Now()
	platform.Revoke(platform.BotToken(), "token_revoked") // as when the app is removed
	platform.Revoke(platform.AppToken(), "token_revoked")
	h.ready(t, http.StatusServiceUnavailable, "[-] slack", slackTeam, "refuses", "[+] discord", "[+] store")
	h.discord.sees(t, discordBen, discordAlerts, slackTeam, "Slack refuses my token", "new token")
	h.hears(t, slackTeam, "Slack refuses my token")
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("everybody knew after %s, want 15 s at most", took)
	}
	h.discord.slash(t, discordAnna, "whoami")
	h.discord.sees(t, discordAnna, discordTalk, "anna")

	platform.Renew()
	write(t, filepath.Join(h.dir, "app.token"), platform.AppToken())
	write(t, filepath.Join(h.dir, "bot.token"), platform.BotToken())
	h.ready(t, http.StatusOK)
	h.discord.sees(t, discordBen, discordAlerts, slackTeam, "I hear and speak again")
	h.hears(t, slackTeam, "I hear and speak again")
	h.slack.slash(t, slackAnna, "whoami")
	h.slack.sees(t, slackAnna, slackTalk, "anna")
}

// TestDiscordInTrouble is the same the other way round. The door knocks once a minute with a token that was refused, to spare the platform, so that the
// end of it is waited for in the long run alone.
func TestDiscordInTrouble(t *testing.T) {
	t.Parallel()
	h := startBoth(t, quiet)
	h.discord.platform.Revoke("another")
	h.discord.platform.Drop()
	h.ready(t, http.StatusServiceUnavailable, "[-] discord", "[+] slack", "[+] store")
	h.slack.sees(t, slackBen, slackAlerts, "Discord refuses the bot's token")
	h.hears(t, "Discord refuses the bot's token")
	h.slack.slash(t, slackAnna, "whoami")
	h.slack.sees(t, slackAnna, slackTalk, "anna")
	h.expect(h.say("whoami"), door.OK, "anna")

	if os.Getenv("OPSBOT_SOAK") != "1" {
		return
	}
	write(t, filepath.Join(h.dir, "discord.token"), "another\n")
	h.readyWithin(t, 3*time.Minute, http.StatusOK)
	h.slack.sees(t, slackBen, slackAlerts, "Discord", "again")
	h.hears(t, "Discord", "again")
	h.discord.slash(t, discordAnna, "whoami")
	h.discord.sees(t, discordAnna, discordTalk, "anna")
}
