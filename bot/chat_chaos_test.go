package bot_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/door/slack"
	fakediscord "github.com/shitops/opsbot/fixtures/discord"
	fakeslack "github.com/shitops/opsbot/fixtures/slack"
)

// chaosCommands is how many commands are given while everything goes wrong, and over which time: some at once in the ordinary run, many over a minute in
// the long one.
func chaosCommands() (n int, over time.Duration) {
	if os.Getenv("OPSBOT_SOAK") == "1" {
		return 200, time.Minute
	}
	return 20, 0
}

// chaosCommand is the n-th command: it makes a job of its own, so that its effect can be counted.
func chaosCommand(n int) string { return fmt.Sprintf("schedule status every 12h as chaos-%d", n) }

// ended tells the end of a run that made its job from what comes before it.
var ended = regexp.MustCompile(`done in`)

// jobsListed is how many jobs a list shows.
const jobsListed = 50

// about finds out of which commands a text is.
var about = regexp.MustCompile(`chaos-(\d+)`)

// mentions counts in how many texts each of n commands occurs.
func mentions(texts []string, n int) []int {
	out := make([]int, n)
	for _, text := range texts {
		seen := map[string]bool{}
		for _, m := range about.FindAllStringSubmatch(text, -1) {
			if i, err := strconv.Atoi(m[1]); err == nil && i < n && !seen[m[1]] {
				seen[m[1]] = true
				out[i]++
			}
		}
	}
	return out
}

// finals counts the messages that tell the end of each command's run. The digest of a backlog tells of many, and replaces none of them.
func finals(texts []string, n int) []int {
	return mentions(slices.DeleteFunc(texts, func(text string) bool {
		return strings.Contains(text, "I have caught up") || strings.Contains(text, "messages wait") || !ended.MatchString(text)
	}), n)
}

// onceEach fails the test unless each command has one final answer, one job and one run.
func (h *house) onceEach(t *testing.T, n int, shown []string) {
	t.Helper()
	jobs := mentions([]string{h.say("jobs", id("jobs, at the end")).text()}, n)
	var runs []string
	newest, err := strconv.Atoi(strings.TrimPrefix(runIn(h.say("runs", id("runs, at the end")).text()), "r-"))
	if err != nil {
		t.Fatal(err)
	}
	for k := range newest { // a list tells the newest alone, and numbers have gaps
		if s := h.say(fmt.Sprintf("show r-%d", k+1), id(fmt.Sprintf("run %d, at the end", k+1))); s.exit != door.NotFound {
			runs = append(runs, s.text())
		}
	}
	answers, made, left := finals(shown, n), mentions(runs, n), 0
	for i := range n {
		if left += jobs[i]; answers[i] != 1 || jobs[i] > 1 || made[i] != 1 {
			t.Errorf("command %d has %d final answers, %d jobs and %d runs, want one of each", i, answers[i], jobs[i], made[i])
		}
	}
	if want := min(n, jobsListed); left != want {
		t.Errorf("%d jobs are listed, want %d", left, want)
	}
}

// TestSlackChaos gives commands while connections drop, calls fail, get lost or are throttled, and deliveries come twice and late; over HTTP the bot is
// stopped and started amidst them, too. Each has one effect and one final answer.
func TestSlackChaos(t *testing.T) {
	for mode, restart := range map[string]bool{config.ModeSocket: false, config.ModeHTTP: true} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h := startSlackAt(t, mode, quiet,
				slack.Pace{PostEvery: 10 * time.Millisecond, EditEvery: 100 * time.Millisecond, Edits: outbox.Rate{PerMinute: 6000, Burst: 50}},
				fakeslack.Limits{PostsPerSecond: 200, PostBurst: 50, EditsPerMinute: 12_000, ReadsPerMinute: 12_000})
			h.platform.SetChaos(fakeslack.Chaos{Throttle: 0.05, Fail: 0.05, Lose: 0.05, Duplicate: 0.2, Delay: 0.1, Disconnect: 0.05})
			n, over := chaosCommands()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			var work sync.WaitGroup
			turn, half := make(chan struct{}, 8), make(chan struct{})
			work.Go(func() {
				for i := range n {
					turn <- struct{}{}
					work.Go(func() { h.insist(ctx, t, i); <-turn })
					if i == n/2 {
						close(half)
					}
					time.Sleep(over / time.Duration(n)) // the pace of the people, not of the test
				}
			})
			if <-half; restart {
				h.halt()
				h.start(t, h.dir, h.file)
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
				return !slices.Contains(finals(texts(), n), 0)
			})
			if err != nil {
				t.Errorf("not every command was answered to its end: %v", err)
			}
			h.onceEach(t, n, texts())
		})
	}
}

// insist gives the i-th command by a mention: the platform repeats what is not acknowledged. An error means that all its tries were in vain.
func (h *slackHouse) insist(ctx context.Context, t *testing.T, i int) {
	if _, err := h.platform.Mention(ctx, fakeslack.Said{User: slackAnna, Channel: slackTalk, Text: chaosCommand(i)}); err != nil {
		t.Logf("command %d: %v", i, err)
	}
}

// TestDiscordChaos is the same on Discord.
func TestDiscordChaos(t *testing.T) {
	for _, mode := range []string{config.ModeGateway, config.ModeHTTP} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h := startDiscord(t, mode, quiet)
			n, over := chaosCommands()
			dice := rand.New(rand.NewPCG(1, 2))
			h.platform.Twice(true)
			for i := range n {
				h.mischief(dice.IntN(8), mode)
				h.command(t, i, mode)
				time.Sleep(over / time.Duration(n))
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
				return !slices.Contains(finals(texts(), n), 0)
			})
			h.onceEach(t, n, texts())
		})
	}
}

// mischief is what befalls the platform before a command: a cut connection where there is one, or a call that fails, is throttled, or has its effect
// without its answer.
func (h *discordHouse) mischief(what int, mode string) {
	path := regexp.MustCompile(`^/(channels|webhooks)/`)
	switch {
	case what == 0 && mode == config.ModeGateway:
		h.platform.Drop()
	case what == 1 && mode == config.ModeGateway:
		h.platform.Reconnect()
	case what == 2:
		h.platform.Fail(fakediscord.Fault{Path: path, Times: 1, Status: 502})
	case what == 3:
		h.platform.Fail(fakediscord.Fault{Path: path, Times: 1, Status: 429, Retry: 200 * time.Millisecond})
	case what == 4:
		h.platform.Fail(fakediscord.Fault{Path: path, Times: 1, Status: 502, After: true})
	}
}

// command gives the i-th command as people do who are heard in that mode: all that a bot hears over HTTP are its slash commands, here twice each.
func (h *discordHouse) command(t *testing.T, i int, mode string) {
	t.Helper()
	if mode == config.ModeGateway {
		h.until(t, "the gateway is back", func() bool { live, _, _ := h.platform.Connected(); return live > 0 })
		h.platform.Say(discordAnna, discordTalk, "<@"+fakediscord.BotUser+"> "+chaosCommand(i), fakediscord.Said{})
		return
	}
	said, err := h.platform.Slash(discordAnna, discordTalk, "opsbot", map[string]any{"text": chaosCommand(i)})
	if err != nil {
		t.Fatal(err)
	}
	h.platform.Again(said)
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
