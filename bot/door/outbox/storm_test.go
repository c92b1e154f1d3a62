package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"pgregory.net/rapid"
)

// slackly are limits like those of Slack: one post a second in a channel, 50 edits a minute in the whole workspace.
func slackly(o *outbox.Options) {
	o.Edits = outbox.Rate{PerMinute: 30, Burst: 20}
	w := o.Wire.(*platform)
	w.perPost, w.perMin = 990*time.Millisecond, 50
}

// shows tells whether a channel shows the card's last state, in its own message or in the digest.
func shows(messages []shown, run, title string) bool {
	return slices.ContainsFunc(messages, func(m shown) bool {
		if m.card.Title == title {
			return true
		}
		return strings.HasPrefix(m.card.ID, "digest-") && slices.ContainsFunc(m.card.Lines, func(l string) bool {
			kind, names, _ := strings.Cut(l, ": ")
			return strings.HasPrefix(kind, "done") && slices.ContainsFunc(strings.Split(names, ", "), func(name string) bool {
				first, last, _ := strings.Cut(name, " to ")
				return name == run || last != "" && number(first) <= number(run) && number(run) <= number(last)
			})
		})
	})
}

func number(run string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(run, "r-")) // 0 is no run
	return n
}

// TestManyRunsAtOnce lets runs begin, go on and end at once in several channels: no limit is passed, and five seconds after the end
// every last state can be read.
func TestManyRunsAtOnce(t *testing.T) {
	for _, tt := range []struct{ runs, channels int }{{1000, 8}, {300, 1}} {
		t.Run(fmt.Sprintf("%d runs in %d channels", tt.runs, tt.channels), func(t *testing.T) {
			bubble(t, slackly, func(t *testing.T, w *world) {
				channel := func(i int) string { return fmt.Sprint("c", i%tt.channels) }
				for step := range 10 {
					for i := range tt.runs {
						w.send(channel(i), live(fmt.Sprint("r-", i), fmt.Sprintf("r-%d: step %d", i, step)))
					}
					time.Sleep(time.Second)
				}
				for i := range tt.runs {
					w.send(channel(i), done(fmt.Sprint("r-", i), fmt.Sprintf("r-%d: done", i)))
				}
				time.Sleep(5 * time.Second)
				missing := 0
				for i := range tt.runs {
					if !shows(w.wire.all(channel(i)), fmt.Sprint("r-", i), fmt.Sprintf("r-%d: done", i)) {
						missing++
					}
				}
				if missing > 0 {
					t.Errorf("5 s after their end %d of %d runs do not show it", missing, tt.runs)
				}
				w.settle()
				for i := range tt.runs {
					own := slices.DeleteFunc(w.wire.all(channel(i)), func(m shown) bool { return m.card.Run != fmt.Sprint("r-", i) })
					if len(own) != 1 || own[0].card.Kind != reply.Done {
						t.Fatalf("messages of r-%d = %s, want one that says done", i, titles(own))
					}
				}
				if w.wire.limited > 0 {
					t.Errorf("limits were passed %d times", w.wire.limited)
				}
			})
		})
	}
}

// TestStormOfAlerts lets 500 incidents open, change and mostly close within a minute.
func TestStormOfAlerts(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		for i := range 500 {
			id := fmt.Sprintf("edge-%d!load", i)
			w.send("alerts", reply.Card{ID: id, Kind: reply.Failed, Title: id + " is critical", Live: true})
			time.Sleep(100 * time.Millisecond)
			if old := i - 50; old >= 0 && old%10 != 0 {
				id := fmt.Sprintf("edge-%d!load", old)
				w.send("alerts", reply.Card{ID: id, Kind: reply.Done, Title: id + " is well again"})
			}
		}
		w.settle()
		all := w.wire.all("alerts")
		last := map[string]string{}
		digests := 0
		for _, m := range all {
			if strings.HasPrefix(m.card.ID, "digest-") {
				digests++
				if m.card.Live {
					t.Errorf("digest %s was not closed: %q", m.card.ID, m.card.Title)
				}
				continue
			}
			if last[m.card.ID] != "" {
				t.Errorf("%s has two messages", m.card.ID)
			}
			last[m.card.ID] = m.card.Title
		}
		if len(last) != 500 || digests == 0 {
			t.Errorf("%d incidents and %d digests are shown, want 500 and at least one", len(last), digests)
		}
		for i := range 450 {
			id := fmt.Sprintf("edge-%d!load", i)
			want := id + " is well again"
			if i%10 == 0 {
				want = id + " is critical"
			}
			if last[id] != want {
				t.Errorf("%s shows %q, want %q", id, last[id], want)
			}
		}
		if w.wire.limited > 0 {
			t.Errorf("limits were passed %d times", w.wire.limited)
		}
	})
}

// TestDigestComesSoon opens incidents, which go on: the digest does not wait behind all their messages.
func TestDigestComesSoon(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		for i := range 100 {
			w.send("c", reply.Card{ID: fmt.Sprint("i-", i), Run: fmt.Sprint("i-", i), Kind: reply.Failed, Title: "is down", Live: true})
		}
		time.Sleep(5 * time.Second)
		if !slices.ContainsFunc(w.wire.all("c"), func(m shown) bool {
			return strings.HasPrefix(m.card.ID, "digest-") && strings.Contains(m.card.Lines[0], "to i-99")
		}) {
			t.Errorf("after five seconds there is %s, want a digest", titles(w.wire.all("c")))
		}
		w.settle()
	})
}

// TestDigestRefused lets the platform refuse digests: it is not asked again and again, and everything else comes.
func TestDigestRefused(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		w.wire.refuse = "digest-"
		for i := range 60 {
			w.send("c", done(fmt.Sprint("r-", i), fmt.Sprintf("r-%d: done", i)))
		}
		w.settle()
		if n := w.count("digest"); n != 1 {
			t.Errorf("%d digests were tried in a minute, want 1", n)
		}
		if got := w.wire.all("c"); len(got) != 60 {
			t.Errorf("%d messages, want 60", len(got))
		}
	})
}

// TestDigestSurvivesARestart crashes in the middle of a storm: the digest of the old process is taken over and closed.
func TestDigestSurvivesARestart(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		for i := range 40 {
			w.send("c", done(fmt.Sprint("r-", i), fmt.Sprintf("r-%d: done", i)))
		}
		time.Sleep(5 * time.Second)
		w.crash()
		time.Sleep(2 * time.Second)
		w.start()
		w.settle()
		digests := slices.DeleteFunc(w.wire.all("c"), func(m shown) bool { return m.card.Run != "" })
		if len(digests) != 1 || digests[0].card.Live {
			t.Errorf("digests = %s, want one that is closed", titles(digests))
		}
	})
}

// digests returns what the digests of a channel show.
func (w *world) digests(channel string) []shown {
	return slices.DeleteFunc(w.wire.all(channel), func(m shown) bool { return !strings.HasPrefix(m.card.ID, "digest-") })
}

const inPlace = "I have caught up: every message is in its place."

// TestDigestSaysWhatKeepsFailing has a message at which the platform breaks amid a storm, and crashes: the digest does not say that every message is
// in its place before it is, names the one that is not, and a later storm has a digest of its own.
func TestDigestSaysWhatKeepsFailing(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		w.wire.poison = "bad"
		w.send("c", reply.Card{ID: "x", Kind: reply.Failed, Title: "bad", Run: "r-999"})
		storm := func(first int) {
			for i := range 40 {
				w.send("c", done(fmt.Sprint("r-", first+i), fmt.Sprintf("r-%d: done", first+i)))
			}
			time.Sleep(5 * time.Minute)
		}
		exceptIt := func(n int) {
			t.Helper()
			got := w.digests("c")
			if len(got) != n {
				t.Fatalf("digests = %s, want %d", titles(got), n)
			}
			for _, m := range got {
				if slices.Contains(m.states, inPlace) || !strings.HasPrefix(m.card.Title, "I have caught up, but for") || len(m.card.Lines) != 1 || !strings.Contains(m.card.Lines[0], "bad") {
					t.Errorf("while a message fails the digest says %q, %q", m.states, m.card.Lines)
				}
			}
		}
		storm(0)
		exceptIt(1)
		calls := w.wire.asked()
		time.Sleep(time.Hour)
		if n := w.wire.asked() - calls; n > 120 {
			t.Errorf("%d calls in an hour in which one message fails, want it to be tried now and then", n)
		}
		storm(100)
		exceptIt(2)
		w.crash()
		w.start()
		time.Sleep(10 * time.Minute)
		exceptIt(2)
		w.wire.mu.Lock()
		w.wire.poison = ""
		w.wire.mu.Unlock()
		w.settle()
		for _, m := range w.digests("c") {
			if m.card.Live || m.card.Title != inPlace {
				t.Errorf("once it is shown a digest says %q, %v", m.card.Title, m.card.Lines)
			}
		}
		if got := len(w.wire.all("c")); got != 83 {
			t.Errorf("%d messages, want 81 and two digests", got)
		}
	})
}

// TestDigestWaitsForTheLast watches each closing of a digest: at that moment every message of the storm shows its last card.
func TestDigestWaitsForTheLast(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		for i := range 30 {
			w.send("c", done(fmt.Sprint("r-", i), fmt.Sprintf("r-%d: done", i)))
		}
		w.settle()
		all := w.wire.all("c")
		var last time.Time
		for _, m := range all {
			if m.card.Run != "" {
				last = m.at
			}
		}
		got := w.digests("c")
		if len(got) != 1 || got[0].card.Title != inPlace || got[0].edits[len(got[0].edits)-1].Before(last) {
			t.Errorf("digests = %s, want one that was closed after the last message", titles(got))
		}
	})
}

// TestDigestSaysWhatIsLost has messages that will never be shown amid a storm, and a crash: the end of the digest names them.
func TestDigestSaysWhatIsLost(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		w.wire.refuse = "secret-"
		for i := range 60 {
			id := fmt.Sprint("r-", i)
			if i%5 == 0 {
				id = fmt.Sprint("secret-", i)
			}
			w.send("c", done(id, id+": done"))
		}
		time.Sleep(15 * time.Second)
		w.crash()
		w.start()
		w.settle()
		got := w.digests("c")
		if len(got) != 1 {
			t.Fatalf("digests = %s, want one", titles(got))
		}
		c := got[0].card
		if c.Live || !strings.HasPrefix(c.Title, "I have caught up, but for what could not be shown here") || !slices.Contains(c.Lines, "secret-25") ||
			!slices.Contains(c.Lines, "and 1 more") || slices.Contains(got[0].states, inPlace) {
			t.Errorf("the end of the digest is %q, %q, want it to name what is lost", c.Title, c.Lines)
		}
	})
}

// TestChaos sends cards while calls fail, answers are lost, limits are hit and the process crashes, all at random: at the end each card has
// exactly one message with its last content.
func TestChaos(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		synctest.Test(t, func(t *testing.T) { chaos(t, seed) })
		if t.Failed() {
			r.Fatalf("seed %d", seed)
		}
	})
}

func chaos(t *testing.T, seed uint64) {
	rnd := seeded(seed)
	var mu sync.Mutex
	dice := func(n int) int { mu.Lock(); defer mu.Unlock(); return rnd.IntN(n) }
	echo := dice(2) == 0
	w := newWorld(t, func(o *outbox.Options) {
		slackly(o)
		o.DigestOver, o.DigestAfter, o.Fresh = 1+dice(8), time.Duration(1+dice(2000))*time.Millisecond, !echo
	})
	w.wire.echo = echo
	defer func() { w.stop() }()
	stormy := true
	w.wire.takes = 50 * time.Millisecond
	w.wire.fault = func(op, channel string) error {
		if !stormy {
			return nil
		}
		switch dice(10) {
		case 0:
			return outbox.RetryAfter{D: time.Duration(dice(5)) * time.Second, Everywhere: dice(2) == 0}
		case 1:
			return errLost
		case 2:
			return fmt.Errorf("503: %w", outbox.ErrNotSent)
		}
		return nil
	}
	w.wire.lost = func(string, string) bool { return stormy && dice(10) == 0 }
	want := map[string]string{} // by channel and card
	for step := range 120 {
		channel, id := fmt.Sprint("c", dice(3)), fmt.Sprint("r-", dice(30))
		title := fmt.Sprintf("%s at %d", id, step)
		// Only what is final is safe from a crash.
		if want[channel+id] == "" && dice(2) == 0 {
			w.send(channel, live(id, title))
		}
		w.send(channel, done(id, title))
		want[channel+id] = title
		time.Sleep(time.Duration(dice(1500)) * time.Millisecond)
		if dice(12) == 0 {
			w.crash()
			w.start()
		}
	}
	w.wire.mu.Lock()
	stormy = false
	w.wire.mu.Unlock()
	w.settle()
	got := map[string]string{}
	for _, m := range w.wire.all("") {
		if strings.HasPrefix(m.card.ID, "digest-") {
			continue
		}
		if key := m.channel + m.card.ID; got[key] != "" {
			t.Errorf("seed %d: %s has two messages in %s", seed, m.card.ID, m.channel)
		}
		got[m.channel+m.card.ID] = m.card.Title
	}
	for key, title := range want {
		if got[key] != title {
			t.Errorf("seed %d: %s shows %q, want %q", seed, key, got[key], title)
		}
	}
}

// BenchmarkSend keeps and shows a card of its own each time.
func BenchmarkSend(b *testing.B) {
	w := newWorldFor(b)
	defer w.stop()
	for i := 0; b.Loop(); i++ {
		if err := w.box.Send(context.Background(), outbox.Place{Channel: fmt.Sprint("c", i%1000)}, done(fmt.Sprint("r-", i), "done")); err != nil {
			b.Fatal(err)
		}
	}
}
