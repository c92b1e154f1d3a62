package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
)

// bubble runs a test on a virtual clock with a world in it.
func bubble(t *testing.T, change func(*outbox.Options), test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change)
		defer func() { w.stop() }()
		test(t, w)
	})
}

func TestOneLivingMessage(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.send("c", live("r-1", "accepted"))
		w.settle()
		begin := time.Now()
		for i := range 100 { // ten seconds of progress
			w.send("c", live("r-1", fmt.Sprintf("%d %%", i)))
			time.Sleep(100 * time.Millisecond)
		}
		w.send("c", done("r-1", "done"))
		ended := time.Now()
		w.settle()
		all := w.wire.all("c")
		if len(all) != 1 || all[0].card.Title != "done" {
			t.Fatalf("messages = %s, want one that says done", titles(all))
		}
		if n := len(all[0].edits); n > 6 {
			t.Errorf("%d edits in %s, want at most 6", n, ended.Sub(begin))
		}
		for i := 1; i < len(all[0].edits); i++ {
			if d := all[0].edits[i].Sub(all[0].edits[i-1]); d < 2*time.Second {
				t.Errorf("edit %d came %s after the one before, want at least 2 s", i, d)
			}
		}
		if late := time.Since(ended); late > 5*time.Second {
			t.Errorf("the end was shown after %s, want at most 5 s", late)
		}
	})
}

func TestSameContentIsSentOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		c := reply.Card{ID: "x", Kind: reply.Answer, Title: "all is well", Lines: []string{"a", "b"}, Data: map[string]int{"n": 1}}
		w.send("c", c, c)
		w.settle()
		c.Data = map[string]int{"n": 2} // nobody sees it
		w.send("c", c)
		w.settle()
		w.stop()
		w.start()
		w.send("c", c)
		w.settle()
		if w.wire.asked() != 1 {
			t.Errorf("%d calls for the same content four times, want 1: %s", w.wire.asked(), titles(w.wire.all("c")))
		}
		w.send("c", reply.Card{Kind: reply.Answer, Title: "no id"}, reply.Card{Kind: reply.Answer, Title: "no id"})
		w.settle()
		if got := titles(w.wire.all("c")); got != "all is well | no id | no id" {
			t.Errorf("messages = %s; cards without an ID are messages of their own", got)
		}
	})
}

func TestOrderInAChannel(t *testing.T) {
	bubble(t, func(o *outbox.Options) { o.DigestOver = -1 }, func(t *testing.T, w *world) {
		var want []string
		for i := range 20 {
			title := fmt.Sprint("answer ", i)
			w.send("c", reply.Card{Kind: reply.Answer, Title: title})
			want = append(want, title)
		}
		w.send("other", reply.Card{Kind: reply.Answer, Title: "at once"})
		begin := time.Now()
		synctest.Wait()
		if got := titles(w.wire.all("other")); got != "at once" {
			t.Errorf("the other channel shows %q at once, want its answer: it does not wait for the first", got)
		}
		w.settle()
		if got := titles(w.wire.all("c")); got != strings.Join(want, " | ") {
			t.Errorf("messages = %s, want them in order", got)
		}
		if d := time.Since(begin); d < 19*time.Second || d > 21*time.Second {
			t.Errorf("20 messages took %s, want one a second", d)
		}
	})
}

func TestFinalCardsSurviveARestart(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.fails(func(string, string) error { return outbox.ErrNotSent })
		w.send("c", live("r-1", "begins"), reply.Card{ID: "q", Kind: reply.Answer, Title: "an answer"}, live("r-1", "half"), done("r-1", "done"))
		time.Sleep(time.Minute)
		w.crash()
		w.wire.fails(nil)
		w.start()
		w.settle()
		if got := titles(w.wire.all("c")); got != "done | an answer" {
			t.Errorf("messages after the restart = %s, want what was sent before it", got)
		}
	})
}

func TestRestartEditsTheSameMessage(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.send("c", live("r-1", "begins"))
		w.settle()
		time.Sleep(3 * time.Second)
		w.crash()
		w.start()
		w.send("c", live("r-1", "goes on"), done("r-1", "done"))
		w.settle()
		if all := w.wire.all("c"); titles(all) != "done" {
			t.Errorf("messages = %s, want one that says done", titles(all))
		}
		time.Sleep(31 * 24 * time.Hour)
		if left, err := w.o.KV.List(t.Context(), ""); err != nil || len(left) != 0 {
			t.Errorf("%d records (%v) are left after a month, want none", len(left), err)
		}
	})
}

// TestPostsAtMostOnce loses the answer to a post, with and without a crash before the next attempt.
func TestPostsAtMostOnce(t *testing.T) {
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash %v", crash), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, w *world) {
				first := true
				w.wire.lost = func(op, _ string) bool { was := first && op == "post"; first = false; return was }
				w.send("c", reply.Card{ID: "x", Kind: reply.Answer, Title: "once"})
				synctest.Wait()
				if crash {
					w.crash()
					w.start()
				}
				w.settle()
				if got := titles(w.wire.all("c")); got != "once" {
					t.Errorf("messages = %s, want one", got)
				}
				if n := w.count("found"); n != 1 {
					t.Errorf("the message was found %d times by its nonce, want 1", n)
				}
			})
		})
	}
}

// TestEchoedPost loses the answer to the post of a first state on a platform where the same nonce yields the first message: the end is shown all the
// same.
func TestEchoedPost(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.echo = true
		first := true
		w.wire.lost = func(op, _ string) bool { was := first && op == "post"; first = false; return was }
		w.send("c", live("r-1", "accepted"))
		synctest.Wait()
		w.send("c", done("r-1", "done"))
		w.settle()
		if got := titles(w.wire.all("c")); got != "done" {
			t.Errorf("messages = %s, want one that says done", got)
		}
	})
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name  string
		fault func(n int, channel string) error // of the n-th call
		want  string                            // messages in the channel, then those of the asker
		least time.Duration                     // until all is shown
		count string
	}{
		{"a pause is honoured", func(n int, _ string) error {
			if n == 1 {
				return outbox.RetryAfter{D: 30 * time.Second}
			}
			return nil
		}, "first | second / ", 30 * time.Second, "limited"},
		{"a platform that is down for a while", func(n int, _ string) error {
			if n <= 4 {
				return fmt.Errorf("502: %w", outbox.ErrNotSent)
			}
			return nil
		}, "first | second / ", 10 * time.Second, "failed"},
		{"a channel that is gone", func(_ int, channel string) error {
			if channel == "c" {
				return fmt.Errorf("is_archived: %w", outbox.ErrGone)
			}
			return nil
		}, " / first | second", 0, "moved"},
		{"content that is refused", func(n int, _ string) error {
			if n == 1 {
				return fmt.Errorf("invalid_blocks: %w", outbox.ErrRefused)
			}
			return nil
		}, "first | second / ", 0, "refused"},
		{"content that is refused altogether", func(n int, _ string) error {
			if n <= 2 {
				return fmt.Errorf("invalid_blocks: %w", outbox.ErrRefused)
			}
			return nil
		}, "second / ", 0, "dropped"},
		{"a token that is refused for a while", func(n int, _ string) error {
			if n <= 3 {
				return fmt.Errorf("token_revoked: %w", outbox.ErrAuth)
			}
			return nil
		}, "first | second / ", 15 * time.Second, "failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			elsewhere := func(p outbox.Place) (outbox.Place, bool) { return outbox.Place{Channel: "@" + p.User}, p.User != "" }
			bubble(t, func(o *outbox.Options) { o.Elsewhere = elsewhere }, func(t *testing.T, w *world) {
				n := 0
				w.wire.fault = func(_, channel string) error { n++; return tt.fault(n, channel) }
				begin := time.Now()
				w.send("c", reply.Card{Kind: reply.Answer, Title: "first", Lines: []string{"and more"}}, reply.Card{Kind: reply.Answer, Title: "second"})
				w.settle()
				if got := titles(w.wire.all("c")) + " / " + titles(w.wire.all("@anna")); got != tt.want {
					t.Errorf("messages = %s, want %s", got, tt.want)
				}
				if d := time.Since(begin); d < tt.least || d > tt.least+time.Minute {
					t.Errorf("it took %s, want a little more than %s", d, tt.least)
				}
				if w.count(tt.count) == 0 {
					t.Errorf("%q was not counted: %v", tt.count, w.counts)
				}
				if strings.Contains(tt.name, "token") && len(w.alarms) != 1 {
					t.Errorf("alarms = %v, want one", w.alarms)
				}
			})
		})
	}
}

func TestDeletedUnderUs(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.send("c", live("r-1", "begins"))
		w.settle()
		for range 3 {
			for _, m := range w.wire.all("c") {
				w.wire.remove(m.id)
			}
			w.send("c", live("r-1", "at "+time.Now().String()))
			w.settle()
		}
		w.send("c", done("r-1", "done"))
		w.settle()
		if n := w.count("reposted"); n != 1 {
			t.Errorf("posted anew %d times, want once", n)
		}
		if got := titles(w.wire.all("c")); got != "" {
			t.Errorf("messages = %q, want none: somebody deleted it twice", got)
		}
	})
}

func TestDeletedOnceIsPostedAnew(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.send("c", live("r-1", "begins"))
		w.settle()
		w.wire.remove("m1")
		w.send("c", done("r-1", "done"))
		w.settle()
		if got := titles(w.wire.all("c")); got != "done" {
			t.Errorf("messages = %q, want done", got)
		}
	})
}

// TestStoreDown sends while the store answers nothing: the card is brought all the same, the caller learns that it was not safe, and the
// record is made up for.
func TestStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.stop()
		var down atomic.Bool
		down.Store(true)
		w.store = w.disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			if down.Load() && op.Name != "kv.list" {
				return fake.Unavailable
			}
			return fake.None
		}})
		w.startOn(w.store)
		defer func() { w.stop() }()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c := reply.Card{ID: "x", Kind: reply.Answer, Title: "shown"}
		if err := w.box.Send(ctx, outbox.Place{Channel: "c"}, c); err == nil {
			t.Error("Send without a store returned no error")
		}
		w.settle()
		if got := titles(w.wire.all("c")); got != "shown" {
			t.Errorf("messages = %q, want the card in spite of the store", got)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		w.stop()
		w.start()
		w.send("c", c)
		w.settle()
		if n := w.wire.n; n != 1 {
			t.Errorf("%d messages, want 1: the record was made up for", n)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	bubble(t, func(o *outbox.Options) { o.Memory, o.DigestOver = 10_000, -1 }, func(t *testing.T, w *world) {
		w.wire.fails(func(string, string) error { return outbox.ErrNotSent })
		var want []string
		for i := range 50 {
			title := fmt.Sprint("answer ", i)
			w.send("c", reply.Card{ID: title, Kind: reply.Answer, Title: title, Lines: []string{strings.Repeat("x", 1000)}})
			want = append(want, title)
		}
		if n := w.count("spilled"); n < 35 {
			t.Errorf("%d of 50 KB lie in the store alone, want at least 35", n)
		}
		w.wire.fails(nil)
		w.settle()
		if got := titles(w.wire.all("c")); got != strings.Join(want, " | ") {
			t.Errorf("messages = %s, want all in order", got)
		}
	})
}

func TestCardOfAnySize(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		var lines []string
		for i := range 200_000 {
			lines = append(lines, fmt.Sprint("line ", i))
		}
		w.send("c", reply.Card{ID: "x", Kind: reply.Answer, Title: "big", Lines: lines, Code: []string{strings.Repeat("x", 3<<20)}})
		w.settle()
		all := w.wire.all("c")
		if len(all) != 1 || all[0].card.Title != "big" || !strings.Contains(all[0].card.Lines[len(all[0].card.Lines)-1], "left out") {
			t.Errorf("messages = %s, want one that says that something is left out", titles(all))
		}
	})
}

// TestUnder brings details into the thread of the message that they belong to, also when that was posted by an earlier process.
func TestUnder(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		under := func(n int) reply.Card {
			return reply.Card{ID: fmt.Sprint("d", n), Kind: reply.Answer, Title: fmt.Sprint("detail ", n), Under: "r-1"}
		}
		w.send("c", live("r-1", "begins"), under(1))
		w.settle()
		w.stop()
		w.start()
		w.send("c", under(2), reply.Card{ID: "d3", Kind: reply.Answer, Title: "of nobody", Under: "r-9"})
		w.settle()
		var got []string
		for _, m := range w.wire.all("c") {
			got = append(got, m.card.Title+" in "+m.root)
		}
		if want := "begins in |detail 1 in m1|detail 2 in m1|of nobody in "; strings.Join(got, "|") != want {
			t.Errorf("messages = %s, want %s", strings.Join(got, "|"), want)
		}
	})
}

func TestSendAndWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		begin := time.Now()
		w.send("c", reply.Card{Kind: reply.Answer, Title: "before"})
		card := reply.Card{ID: "x", Kind: reply.Answer, Title: "ring"}
		if err := w.box.SendAndWait(t.Context(), outbox.Place{Channel: "c"}, card); err != nil || time.Since(begin) < time.Second {
			t.Errorf("SendAndWait = %v after %s, want nil once it is its turn", err, time.Since(begin))
		}
		if err := w.box.SendAndWait(t.Context(), outbox.Place{Channel: "c"}, card); err != nil {
			t.Errorf("SendAndWait of what is shown = %v, want nil", err)
		}
		w.wire.fails(func(string, string) error { return outbox.ErrGone })
		card.ID = "y"
		if err := w.box.SendAndWait(t.Context(), outbox.Place{Channel: "c"}, card); !errors.Is(err, outbox.ErrGone) {
			t.Errorf("SendAndWait to a channel that is gone = %v, want ErrGone", err)
		}
		w.wire.fails(func(string, string) error { return outbox.ErrNotSent })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		card.ID = "z"
		if err := w.box.SendAndWait(ctx, outbox.Place{Channel: "c"}, card); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("SendAndWait to a platform that is down = %v, want the deadline", err)
		}
	})
}

// TestLetInAgain sends to a channel that we were removed from, and again when we are back: the same content is shown then.
func TestLetInAgain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.fails(func(string, string) error { return outbox.ErrGone })
		c := reply.Card{ID: "i-1", Kind: reply.Failed, Title: "is down", Live: true}
		w.send("c", c)
		w.settle()
		w.wire.fails(nil)
		w.send("c", c)
		w.settle()
		if got := titles(w.wire.all("c")); got != "is down" || w.count("gone") != 1 {
			t.Errorf("messages = %q, gone %d times, want the card once we are back", got, w.count("gone"))
		}
	})
}

func TestNewRefuses(t *testing.T) {
	disk := fake.New()
	kv := disk.Open(fake.Options{}).Bucket("dedupe")
	for name, o := range map[string]outbox.Options{
		"no door":    {KV: kv, Wire: &platform{}},
		"no bucket":  {Door: "d", Wire: &platform{}},
		"no wire":    {Door: "d", KV: kv},
		"a bad name": {Door: "a/b", KV: kv, Wire: &platform{}},
	} {
		if _, err := outbox.New(o); err == nil {
			t.Errorf("New with %s returned no error", name)
		}
	}
}

func TestSettleGivesUp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.fails(func(string, string) error { return outbox.ErrNotSent })
		w.send("c", done("x", "never"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.box.Settle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Settle = %v, want the deadline", err)
		}
		if n, d := w.box.Backlog(), w.box.Oldest(); n != 1 || d != time.Minute {
			t.Errorf("backlog %d for %s, want 1 for 1 min", n, d)
		}
	})
}
