package slack_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
)

// TestPostsAtMostOnce loses the answer to a post: the message is found by its metadata, in channels, threads and direct messages, and for files.
func TestPostsAtMostOnce(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		w.slack.Lose("chat.postMessage", 1)
		w.slash("U1", "one")
		w.shows("C1", "heard: one")
		w.slack.Lose("chat.postMessage", 2)
		if _, err := w.slack.Mention(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Text: "two"}); err != nil {
			t.Fatal(err)
		}
		w.slack.FailStatus("chat.postMessage", 502, 1)
		if _, err := w.slack.DM(w.ctx(), "U1", "three"); err != nil {
			t.Fatal(err)
		}
		w.eventually("all is settled", func() bool { return w.door.Backlog() == 0 && w.pending() == 0 })
		for channel, want := range map[string]int{"C1": 2, "D1": 1} {
			if got := w.bots(channel); len(got) != want {
				t.Errorf("%s shows %s, want %d messages", channel, shown(got), want)
			}
		}
		if w.count("found") == 0 {
			t.Error("no message was found by its nonce")
		}
	})
}

// TestRefusedContent lets Slack refuse what was rendered: the title is shown instead.
func TestRefusedContent(t *testing.T) {
	w := newWorld(t, setup{})
	w.slack.Fail("chat.postMessage", "invalid_blocks", 1)
	w.slash("U1", "one")
	m := w.shows("C1", "heard: one")
	if !strings.Contains(m.Shown, "cannot be shown") {
		t.Errorf("what is shown is %q, want it to say that something is missing", m.Shown)
	}
}

// TestPauses honours Retry-After: nothing is posted before, and nothing is lost.
func TestPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.slack.Throttle("chat.postMessage", 1, 1)
	begin := time.Now()
	w.slash("U1", "one")
	w.shows("C1", "heard: one")
	if d := time.Since(begin); d < time.Second {
		t.Errorf("posted after %s, want at least the second that Slack asked for", d)
	}
	if n, _ := w.slack.Calls("chat.postMessage"); n > 3 {
		t.Errorf("%d calls of chat.postMessage, want the one of the pulse, the refused one and another", n)
	}
}

// TestThousandRuns lets 1,000 runs begin, go on and end at once under Slack's own limits: none is passed, and five seconds after the end every
// last state can be read, in the run's message or in the digest of its channel.
func TestThousandRuns(t *testing.T) {
	t.Parallel()
	const runs, channels = 1000, 8
	release := make(chan struct{})
	var ended sync.WaitGroup
	ended.Add(runs)
	handle := func(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
		defer ended.Done()
		id := m.Text
		for step := range 4 {
			send(reply.Card{ID: id, Run: id, Kind: reply.Progress, Title: fmt.Sprintf("%s: step %d", id, step), Live: true})
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return door.Interrupted
			}
		}
		<-release
		send(reply.Card{ID: id, Run: id, Kind: reply.Done, Title: id + ": done"})
		return door.OK
	}
	w := newWorld(t, setup{handle: handle, real: true})
	var names []string
	for i := range channels {
		names = append(names, fmt.Sprint("C10", i))
	}
	w.slack.AddChannel(names...)
	var people sync.WaitGroup
	for i := range 100 {
		user := fmt.Sprint("U1", i)
		w.slack.AddUser(user)
		people.Go(func() {
			for k := range runs / 100 {
				n := i*10 + k
				if _, err := w.slack.Slash(context.Background(), workspace.Slash{User: user, Channel: names[n%channels], Text: fmt.Sprint("r-", n)}); err != nil {
					t.Errorf("run %d: %v", n, err)
				}
			}
		})
	}
	people.Wait()
	time.Sleep(5 * time.Second) // the runs go on
	close(release)
	ended.Wait()
	time.Sleep(5 * time.Second) // the bound of the test
	missing := 0
	shown := map[string]string{}
	for _, c := range names {
		for _, m := range w.slack.Messages(c) {
			shown[c] += m.Shown + "\n"
		}
	}
	for n := range runs {
		if !tells(shown[names[n%channels]], n) {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("five seconds after their end %d of %d runs do not show it:\n%.3000s", missing, runs, shown[names[0]])
	}
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		if all, limited := w.slack.Calls(method); limited > 0 {
			t.Errorf("%d of %d calls of %s were over the limit", limited, all, method)
		}
	}
}

// TestStormOfAlerts opens 500 incidents at once under Slack's own limits: within five seconds the channel tells of all of them, and no limit is passed.
func TestStormOfAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{real: true})
	for i := range 500 {
		c := reply.Card{ID: fmt.Sprint("incident-", i), Run: fmt.Sprint("i-", i), Kind: reply.Failed, Title: fmt.Sprintf("edge-%d is down", i), Live: true}
		if err := w.door.Tell(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	m := w.shows("C2", "messages wait")
	if !strings.Contains(m.Shown, "failed (") || !strings.Contains(m.Shown, " to i-499") {
		t.Errorf("the digest tells %q, want all that wait", m.Shown)
	}
	if d := time.Since(m.At); d > 5*time.Second {
		t.Errorf("the digest came %s ago", d)
	}
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		if all, limited := w.slack.Calls(method); limited > 1 { // the message of the pulse is posted once, beside the outbox
			t.Errorf("%d of %d calls of %s were over the limit", limited, all, method)
		}
	}
	if n := w.door.Backlog(); n < 480 {
		t.Errorf("backlog %d, want what still waits", n)
	}
	w.stop()
	w.start()
	w.eventually("the next process has taken up what still waited", func() bool { return w.door.Backlog() >= 480 })
}

// tells looks for the end of a run in what a channel shows.
func tells(text string, n int) bool {
	if strings.Contains(text, fmt.Sprintf("r-%d: done", n)) {
		return true
	}
	for line := range strings.Lines(text) {
		if kind, names, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && strings.HasPrefix(kind, "done (") && slices.Contains(strings.Split(names, ", "), fmt.Sprint("r-", n)) {
			return true
		}
	}
	return false
}

// TestChaos sends commands while sockets drop, calls fail, answers get lost and things come twice, with dice of a fixed seed: each command has
// exactly one effect and exactly one final reply.
func TestChaos(t *testing.T) {
	for _, mode := range []slack.Mode{slack.Socket, slack.HTTP} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			effects := map[string]int{}
			seen := map[string]bool{}
			handle := func(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
				mu.Lock()
				if !seen[m.ID] { // as the desk does: the same cause is the same run
					seen[m.ID] = true
					effects[m.Text]++
				}
				mu.Unlock()
				send(reply.Card{ID: "run." + m.Text, Kind: reply.Progress, Title: "begins " + m.Text, Live: true})
				send(reply.Card{ID: "run." + m.Text, Kind: reply.Done, Title: "did " + m.Text})
				return door.OK
			}
			w := newWorld(t, setup{
				mode: mode, handle: handle, place: workspace.Options{Seed: 7, Retries: []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, time.Second, time.Second, time.Second}},
				options: func(o *slack.Options) { o.CheckEvery = time.Hour },
			})
			w.slack.SetChaos(workspace.Chaos{Throttle: 0.02, Fail: 0.05, Lose: 0.05, Duplicate: 0.2, Delay: 0.1, Disconnect: 0.05})
			dice := rand.New(rand.NewPCG(7, 7))
			var people sync.WaitGroup
			for i := range 40 {
				way, text := dice.IntN(3), fmt.Sprint("job-", i)
				people.Go(func() {
					for try := range 20 { // a person whose command failed visibly gives it again
						var err error
						switch way {
						case 0:
							_, err = w.slack.Slash(context.Background(), workspace.Slash{User: "U1", Channel: "C1", Text: text, Trigger: "1337.U1." + text})
						case 1:
							if try > 0 {
								return // Slack tries again by itself
							}
							_, err = w.slack.Mention(context.Background(), workspace.Said{User: "U2", Channel: "C1", Text: text})
						default:
							if try > 0 {
								return
							}
							_, err = w.slack.DM(context.Background(), "U3", text)
						}
						if err == nil {
							return
						}
						time.Sleep(50 * time.Millisecond)
					}
				})
			}
			people.Wait()
			w.slack.SetChaos(workspace.Chaos{})
			w.eventually("all is handled and shown", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(effects) == 40 && w.pending() == 0 && w.door.Backlog() == 0
			})
			final := map[string]int{}
			for _, m := range w.bots("") {
				if text, ok := strings.CutPrefix(m.Shown, "✅ *did "); ok {
					final[strings.TrimSuffix(text, "*")]++
				} else if !strings.Contains(m.Shown, "I have caught up") { // the end of a digest
					t.Errorf("left behind: %q in %s", m.Shown, m.Channel)
				}
			}
			for i := range 40 {
				text := fmt.Sprint("job-", i)
				if effects[text] != 1 || final[text] != 1 {
					t.Errorf("%s had %d effects and %d final replies, want one each", text, effects[text], final[text])
				}
			}
		})
	}
}
