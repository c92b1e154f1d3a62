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
	"github.com/shitops/opsbot/bot/door/slack"
	fake "github.com/shitops/opsbot/fixtures/slack"
)

// The world on Slack: one workspace with a channel for talk and one for alerts, and three people.
const (
	slackTeam    = "T0123"
	slackTalk    = "C0TALK"
	slackAlerts  = "C0ALERTS"
	slackAnna    = "U0ANNA"
	slackBen     = "U0BEN"
	slackMallory = "U0MALLORY"
)

// slackHouse is a bot with a door to a stand-in of Slack.
type slackHouse struct {
	*house
	platform *fake.Server
	mode     string
	pace     slack.Pace
}

// startSlack starts a bot that Slack reaches by mode, with the given rest of the configuration.
func startSlack(t *testing.T, mode, rest string) *slackHouse {
	t.Helper()
	return startSlackAt(t, mode, rest, slack.Pace{}, fake.Limits{})
}

// startSlackAt is startSlack where as much may be posted as the limits say.
func startSlackAt(t *testing.T, mode, rest string, pace slack.Pace, limits fake.Limits) *slackHouse {
	t.Helper()
	platform := fake.New(fake.Options{Team: slackTeam, Limits: limits, Seed: 1, Retries: []time.Duration{0, 200 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}})
	t.Cleanup(platform.Close)
	platform.AddChannel(slackTalk, slackAlerts)
	platform.AddUser(slackAnna, slackBen, slackMallory)
	h := &slackHouse{platform: platform, mode: mode, pace: pace}
	dir := folder(t)
	file := configure(t, dir, rest)
	h.prepare(t, dir, file)
	h.start(t, dir, file)
	return h
}

// prepare puts the workspace and who people are there into a configuration file.
func (h *slackHouse) prepare(t *testing.T, dir, file string) {
	t.Helper()
	write(t, filepath.Join(dir, "app.token"), h.platform.AppToken())
	write(t, filepath.Join(dir, "bot.token"), h.platform.BotToken())
	write(t, filepath.Join(dir, "signing.key"), h.platform.SigningSecret())
	rewriteFile(t, file, "\npeople:", fmt.Sprintf(`
slack:
  - {workspace: %s, mode: %s, app_token_file: app.token, bot_token_file: bot.token, signing_secret_file: signing.key, channels: {alerts: %s}}
people:`, slackTeam, h.mode, slackAlerts))
	rewriteFile(t, file, "unix: [anna, root]", fmt.Sprintf("unix: [anna, root], slack: [{workspace: %s, user: %s}]", slackTeam, slackAnna))
	rewriteFile(t, file, "unix: [ben]", fmt.Sprintf("unix: [ben], slack: [{workspace: %s, user: %s}]", slackTeam, slackBen))
	rewriteFile(t, file, "serve: [ops]", "serve: [ops, hooks]")
}

// start starts the bot on what is in a folder already.
func (h *slackHouse) start(t *testing.T, dir, file string) {
	t.Helper()
	h.house = startOn(t, dir, file, func(o *bot.Options) { o.SlackBase, o.SlackPace = h.platform.URL(), h.pace })
	if h.mode == config.ModeHTTP {
		h.platform.PostTo("http://" + h.HooksAddr())
		return
	}
	for end := time.Now().Add(20 * time.Second); h.platform.Sockets() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the bot does not connect within 20 s")
		}
	}
}

// sees waits until a person sees a message with all the words in a channel, and returns it.
func (h *slackHouse) sees(t *testing.T, person, channel string, words ...string) fake.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := h.platform.Await(ctx, channel, func(m fake.Message) bool {
		if m.Only != "" && m.Only != person {
			return false
		}
		for _, w := range words {
			if !strings.Contains(m.Shown, w) {
				return false
			}
		}
		return true
	})
	if err != nil {
		var seen []string
		for _, m := range h.platform.Messages(channel) {
			seen = append(seen, fmt.Sprintf("[%s only %q] %s", m.TS, m.Only, m.Shown))
		}
		t.Fatalf("%s does not see %q: %v; there is:\n%s", person, words, err, strings.Join(seen, "\n"))
	}
	return m
}

func (h *slackHouse) slash(t *testing.T, person, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := h.platform.Slash(ctx, fake.Slash{User: person, Channel: slackTalk, Text: line}); err != nil {
		t.Fatalf("/opsbot %s: %v", line, err)
	}
}

func (h *slackHouse) click(t *testing.T, person string, m fake.Message, label string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := h.platform.Click(ctx, fake.Press{User: person, Channel: m.Channel, TS: m.TS, Label: label}); err != nil {
		t.Fatalf("%s clicks %q of %q: %v", person, label, m.Shown, err)
	}
}

// TestSlackFlushesARealCache: a command, the plan shown to who asked, a yes by a button, the run for everybody to see, its effect on the real cache.
func TestSlackFlushesARealCache(t *testing.T) {
	for _, mode := range []string{config.ModeSocket, config.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			e := startEdge(t, 1)
			h := startSlack(t, mode, e.inventory())
			const segment = "/ts/v0/seg000.ts"
			before := e.etag(t, segment)
			e.origin.SetGeneration(7)
			h.slash(t, slackAnna, "flush edge-1")
			q := h.sees(t, slackAnna, slackTalk, "flush cache front on edge-1", "do it?")
			if q.Only != slackAnna {
				t.Errorf("the question is for %q, want anna alone: %s", q.Only, q.Shown)
			}
			h.click(t, slackAnna, q, "yes")
			h.sees(t, slackBen, slackTalk, "done in", "flush cache front")
			if after := e.etag(t, segment); after == before {
				t.Errorf("a viewer still gets %s", after)
			}
			h.slash(t, slackMallory, "flush edge-1")
			h.sees(t, slackMallory, slackTalk, "refused", "slack:"+slackTeam+"/"+slackMallory)
		})
	}
}

// TestSlackSecondPerson: what needs two people shows the plan to all, and a button of it counts for who presses it alone.
func TestSlackSecondPerson(t *testing.T) {
	t.Parallel()
	h := startSlack(t, config.ModeSocket, twoPeople)
	h.slash(t, slackAnna, "prime news on edge-1")
	waits := h.sees(t, slackBen, slackTalk, "waits for a yes", "edge-1", "ben")
	h.click(t, slackAnna, waits, "Approve")
	h.sees(t, slackAnna, slackTalk, "must come from somebody else")
	h.click(t, slackMallory, waits, "Approve")
	h.sees(t, slackMallory, slackTalk, slackMallory)
	h.click(t, slackBen, waits, "Approve")
	h.sees(t, slackAnna, slackTalk, "failed after", "prime news on edge-1") // nobody answers at its cache
}

// TestSlackMention: a question in the thread of a mention, answered there by typing.
func TestSlackMention(t *testing.T) {
	t.Parallel()
	h := startSlack(t, config.ModeSocket, quiet)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ts, err := h.platform.Mention(ctx, fake.Said{User: slackAnna, Channel: slackTalk, Text: "whoami"})
	if err != nil {
		t.Fatal(err)
	}
	if m := h.sees(t, slackAnna, slackTalk, "anna"); m.Thread != ts {
		t.Errorf("the answer is in thread %q, want that of the mention %q", m.Thread, ts)
	}
}
