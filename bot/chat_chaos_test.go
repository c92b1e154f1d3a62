package bot_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/door/slack"
	fakediscord "github.com/shitops/opsbot/fixtures/discord"
	fakeslack "github.com/shitops/opsbot/fixtures/slack"
)

// chaosCommands is how many commands are given while everything goes wrong: a tenth of them in the ordinary run.
func chaosCommands() int {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return 200
	}
	return 20
}

// command is the n-th command: it makes a job of its own, so that its effect can be counted.
func chaosCommand(n int) string { return fmt.Sprintf("schedule status every 12h as chaos-%d", n) }

// finals are the messages that tell the end of the n-th command's run.
func finals(texts []string, n int) int {
	word := regexp.MustCompile(fmt.Sprintf(`chaos-%d\b`, n))
	count := 0
	for _, text := range texts {
		if strings.Contains(text, "done in") && word.MatchString(text) {
			count++
		}
	}
	return count
}

// effects holds the jobs, and the runs that made them, against what was commanded: each once.
func (h *house) effects(t *testing.T, n int) {
	t.Helper()
	jobs, runs := h.say("jobs").text(), h.say("done runs").text()
	for i := range n {
		word := regexp.MustCompile(fmt.Sprintf(`chaos-%d\b`, i))
		if got := len(word.FindAllString(jobs, -1)); got < 1 {
			t.Errorf("command %d left no job", i)
		}
		made := 0
		for line := range strings.Lines(runs) {
			if word.MatchString(line) {
				made++
			}
		}
		if made > 1 {
			t.Errorf("command %d made %d runs, want one", i, made)
		}
	}
}

// TestSlackChaos gives commands while connections drop, calls fail, get lost or are throttled, and deliveries come twice and late. Each has one effect
// and one final answer.
func TestSlackChaos(t *testing.T) {
	t.Parallel()
	h := startSlackAt(t, config.ModeSocket, quiet,
		slack.Pace{PostEvery: 10 * time.Millisecond, EditEvery: 100 * time.Millisecond, Edits: outbox.Rate{PerMinute: 6000, Burst: 50}},
		fakeslack.Limits{PostsPerSecond: 200, PostBurst: 50, EditsPerMinute: 12_000, ReadsPerMinute: 12_000})
	h.platform.SetChaos(fakeslack.Chaos{Throttle: 0.05, Fail: 0.05, Lose: 0.05, Duplicate: 0.2, Delay: 0.1, Disconnect: 0.05})
	n := chaosCommands()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var work sync.WaitGroup
	turn := make(chan struct{}, 8)
	for i := range n {
		work.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			h.insist(ctx, i)
		})
	}
	work.Wait()
	h.platform.SetChaos(fakeslack.Chaos{})
	texts := func() []string {
		var out []string
		for _, m := range h.platform.Messages(slackTalk) {
			out = append(out, m.Shown)
		}
		return out
	}
	_, err := h.platform.Await(ctx, slackTalk, func(fakeslack.Message) bool {
		shown := texts()
		return all(n, func(i int) bool { return finals(shown, i) >= 1 })
	})
	if err != nil {
		t.Errorf("not every command was answered to its end: %v", err)
	}
	shown := texts()
	for i := range n {
		if got := finals(shown, i); got != 1 {
			t.Errorf("command %d has %d final answers, want one", i, got)
		}
	}
	h.effects(t, n)
}

// insist gives the i-th command by a mention, as a person does who sees that it did not arrive: the platform repeats what is not acknowledged.
func (h *slackHouse) insist(ctx context.Context, i int) {
	// A mention that is not acknowledged is delivered again by the platform itself; an error here means that all its tries were in vain.
	if _, err := h.platform.Mention(ctx, fakeslack.Said{User: slackAnna, Channel: slackTalk, Text: chaosCommand(i)}); err != nil {
		h.tb.Logf("command %d: %v", i, err)
	}
}

func all(n int, is func(int) bool) bool {
	for i := range n {
		if !is(i) {
			return false
		}
	}
	return true
}

// TestDiscordChaos is the same on Discord's gateway.
func TestDiscordChaos(t *testing.T) {
	t.Parallel()
	h := startDiscord(t, config.ModeGateway, quiet)
	n := chaosCommands()
	dice := rand.New(rand.NewPCG(1, 2))
	h.platform.Twice(true)
	path := regexp.MustCompile(`^/(channels|webhooks)/`)
	for i := range n {
		switch dice.IntN(8) {
		case 0:
			h.platform.Drop()
		case 1:
			h.platform.Reconnect()
		case 2:
			h.platform.Fail(fakediscord.Fault{Path: path, Times: 1, Status: 502})
		case 3:
			h.platform.Fail(fakediscord.Fault{Path: path, Times: 1, Status: 429, Retry: 200 * time.Millisecond})
		case 4:
			h.platform.Fail(fakediscord.Fault{Path: path, Times: 1, Status: 502, After: true})
		}
		h.until(t, "the gateway is back", func() bool { live, _, _ := h.platform.Connected(); return live > 0 })
		h.platform.Say(discordAnna, discordTalk, "<@"+fakediscord.BotUser+"> "+chaosCommand(i), fakediscord.Said{})
	}
	texts := func() []string {
		var out []string
		for _, m := range h.platform.Seen(discordAnna, discordTalk) {
			if m.Author == fakediscord.BotUser {
				out = append(out, m.Text())
			}
		}
		return out
	}
	// Discord takes five messages in five seconds in one channel, and the door keeps to that.
	h.within(t, time.Minute+time.Duration(n)*3*time.Second, "every command is answered to its end", func() bool {
		shown := texts()
		return all(n, func(i int) bool { return finals(shown, i) >= 1 })
	})
	shown := texts()
	for i := range n {
		if got := finals(shown, i); got != 1 {
			t.Errorf("command %d has %d final answers, want one", i, got)
		}
	}
	h.effects(t, n)
}

// TestSlackAnswersAfterARestart: what was accepted before a kill is told to its end by the next process, in the same message.
func TestSlackAnswersAfterARestart(t *testing.T) {
	t.Parallel()
	h := startSlack(t, config.ModeSocket, twoPeople)
	h.slash(t, slackAnna, "prime news on edge-1")
	waits := h.sees(t, slackBen, slackTalk, "waits for a yes")
	h.halt()
	h.start(t, h.dir, filepath.Join(h.dir, "opsbot.yaml"))
	h.say("reject "+runIn(waits.Shown), as("ben"), id("after the restart"))
	end := h.sees(t, slackAnna, slackTalk, "cancelled", "rejected by ben")
	if end.TS != waits.TS {
		t.Errorf("the end is told in another message (%s) than the beginning (%s)", end.TS, waits.TS)
	}
}

var runID = regexp.MustCompile(`r-[0-9]+`)

func runIn(text string) string { return runID.FindString(text) }
