package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
)

// TestEveryWriteFails lets each write of the store in turn get lost, be refused or kill the process. The caller sends again what it was not
// told to be safe, as callers do: each card has one message with its last content.
func TestEveryWriteFails(t *testing.T) {
	for _, fault := range []fake.Fault{fake.ReplyLost, fake.Unavailable, fake.CrashBefore, fake.CrashAfter} {
		for n := 1; n <= 16; n++ {
			t.Run(fmt.Sprintf("%s at write %d", fault, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { failingWrite(t, fault, n) })
			})
		}
	}
}

func failingWrite(t *testing.T, fault fake.Fault, n int) {
	w := newWorld(t, nil)
	w.stop()
	w.store = w.disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
		if op.N == n {
			return fault
		}
		return fake.None
	}})
	dead := w.store
	w.wire.fails(func(string, string) error { // a process that died posts nothing any more
		if dead.Ready() != nil {
			return errLost
		}
		return nil
	})
	next := func() {
		w.stop()
		w.wire.fails(nil)
		w.start()
	}
	w.startOn(w.store)
	defer func() { w.stop() }()
	for _, c := range []struct {
		channel string
		card    reply.Card
	}{
		{"a", live("r-1", "r-1 begins")}, {"b", reply.Card{ID: "x", Kind: reply.Answer, Title: "x"}}, {"a", live("r-1", "r-1 goes on")},
		{"a", done("r-1", "r-1 done")}, {"a", live("r-2", "r-2 begins")}, {"a", done("r-2", "r-2 done")}, {"b", reply.Card{ID: "x", Kind: reply.Answer, Title: "x again"}},
	} {
		for try := 0; ; try++ {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			err := w.box.Send(ctx, outbox.Place{Channel: c.channel}, c.card)
			cancel()
			if err == nil {
				break
			}
			if try == 3 {
				t.Fatalf("Send(%s) again and again: %v", c.card.Title, err)
			}
			if w.store.Ready() != nil { // the process is dead: the next one takes over
				next()
			}
		}
		time.Sleep(1500 * time.Millisecond)
	}
	if w.store.Ready() != nil {
		next()
	}
	w.settle()
	if got := titles(w.wire.all("a")) + " / " + titles(w.wire.all("b")); got != "r-1 done | r-2 done / x again" {
		t.Errorf("messages = %s, want each card once with its end", got)
	}
}

// TestManyAtOnce sends the same cards from many goroutines: one message each, and everything is told of.
func TestManyAtOnce(t *testing.T) {
	w := newWorldFor(t)
	defer w.stop()
	var senders sync.WaitGroup
	for g := range 16 {
		senders.Go(func() {
			for i := range 50 {
				id := fmt.Sprint("r-", i%10)
				if err := w.box.Send(context.Background(), outbox.Place{Channel: fmt.Sprint("c", i%3)}, live(id, fmt.Sprint(id, " by ", g, " ", i))); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
	senders.Wait()
	for i := range 30 {
		id := fmt.Sprint("r-", i%10)
		w.send(fmt.Sprint("c", i%3), done(id, id+" done"))
	}
	w.settle()
	seen := map[string]bool{}
	for _, m := range w.wire.all("") {
		if key := m.channel + m.card.ID; seen[key] || !strings.HasSuffix(m.card.Title, " done") {
			t.Errorf("%s in %s shows %q, or is there twice", m.card.ID, m.channel, m.card.Title)
		} else {
			seen[key] = true
		}
	}
	if len(seen) != 30 {
		t.Errorf("%d messages, want 30", len(seen))
	}
}

// TestPoison has a message at which the platform breaks each time: those behind it come all the same, and it comes once it can.
func TestPoison(t *testing.T) {
	bubble(t, func(o *outbox.Options) { o.DigestOver = -1 }, func(t *testing.T, w *world) {
		w.wire.poison = "bad"
		w.send("c", done("x", "bad"))
		for i := range 10 {
			w.send("c", done(fmt.Sprint("r-", i), fmt.Sprint("good ", i)))
		}
		time.Sleep(90 * time.Second)
		if got := len(w.wire.all("c")); got != 10 {
			t.Errorf("%d messages after 90 s, want the ten behind the one that fails: %s", got, titles(w.wire.all("c")))
		}
		w.wire.mu.Lock()
		w.wire.poison = ""
		w.wire.mu.Unlock()
		begin := time.Now()
		w.settle()
		if d := time.Since(begin); d > 2*time.Minute || len(w.wire.all("c")) != 11 {
			t.Errorf("it came %s after it could, messages %s", d, titles(w.wire.all("c")))
		}
	})
}

// TestOutage has the platform down for long: it is asked now and then, and everything comes soon after it is back.
func TestOutage(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.fails(func(string, string) error { return fmt.Errorf("503: %w", outbox.ErrNotSent) })
		for i := range 5 {
			w.send("c", done(fmt.Sprint("r-", i), fmt.Sprint("r-", i)))
		}
		time.Sleep(time.Hour)
		if n := w.wire.asked(); n < 100 || n > 400 {
			t.Errorf("%d calls in an hour of outage, want one every ten to thirty seconds", n)
		}
		w.wire.fails(nil)
		begin := time.Now()
		w.settle()
		if d := time.Since(begin); d > 2*time.Minute {
			t.Errorf("everything was there %s after the outage", d)
		}
		if got := len(w.wire.all("c")); got != 5 {
			t.Errorf("%d messages, want 5", got)
		}
	})
}

// TestStopsInTime ends while a call hangs: the call is given a moment, then cut off, and its message is found by the next process.
func TestStopsInTime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.takes = time.Hour
		w.send("c", done("x", "x done"))
		synctest.Wait()
		begin := time.Now()
		w.stop()
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("it took %s to stop", d)
		}
		w.wire.takes = 0
		w.start()
		w.settle()
		if got := titles(w.wire.all("c")); got != "x done" {
			t.Errorf("messages = %s, want one", got)
		}
	})
}

// TestPlaces tells apart what has the same ID elsewhere: channels, threads, and what different people alone see.
func TestPlaces(t *testing.T) {
	bubble(t, func(o *outbox.Options) { o.PostEvery = time.Millisecond }, func(t *testing.T, w *world) {
		secret := reply.Card{ID: "x", Kind: reply.Answer, Title: "secret", Private: true}
		public := reply.Card{ID: "x", Kind: reply.Answer, Title: "public"}
		for _, s := range []struct {
			p outbox.Place
			c reply.Card
		}{
			{outbox.Place{Channel: "c", User: "anna"}, public}, {outbox.Place{Channel: "c", User: "ben"}, public}, // the same
			{outbox.Place{Channel: "c", Thread: "t", User: "anna"}, public},
			{outbox.Place{Channel: "d", User: "anna"}, public},
			{outbox.Place{Channel: "e", User: "anna"}, secret}, {outbox.Place{Channel: "e", User: "ben"}, secret},
		} {
			if err := w.box.Send(t.Context(), s.p, s.c); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		for channel, want := range map[string]int{"c": 2, "d": 1, "e": 2} {
			if got := len(w.wire.all(channel)); got != want {
				t.Errorf("%d messages in %s, want %d", got, channel, want)
			}
		}
	})
}

// TestTokenComesBack tells of a refused token until it is good again.
func TestTokenComesBack(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		w.wire.fails(func(string, string) error { return outbox.ErrAuth })
		w.send("c", done("x", "x done"))
		w.send("d", done("y", "y done"))
		time.Sleep(time.Hour)
		if !errors.Is(w.box.Denied(), outbox.ErrAuth) || len(w.alarms) != 1 {
			t.Errorf("denied %v with %d alarms after an hour, want one alarm", w.box.Denied(), len(w.alarms))
		}
		if n := w.wire.asked(); n > 150 {
			t.Errorf("%d calls in an hour with a token that is refused", n)
		}
		w.wire.fails(nil)
		w.settle()
		if w.box.Denied() != nil || titles(w.wire.all("")) != "x done | y done" && titles(w.wire.all("")) != "y done | x done" {
			t.Errorf("denied %v, messages %s", w.box.Denied(), titles(w.wire.all("")))
		}
	})
}

// TestNamesInDigest shortens what a digest tells.
func TestNamesInDigest(t *testing.T) {
	bubble(t, slackly, func(t *testing.T, w *world) {
		for i := range 400 {
			c := reply.Card{ID: fmt.Sprint("i-", i), Kind: reply.Failed, Title: strings.Repeat("störung ", 20) + fmt.Sprint(i), Live: true}
			if i%2 == 0 {
				c.Kind, c.Live, c.Title = reply.Done, false, fmt.Sprint("long and dull name of a thing ", i*i)
			}
			w.send("c", c)
		}
		time.Sleep(5 * time.Second)
		for _, m := range w.wire.all("c") {
			if !strings.HasPrefix(m.card.ID, "digest-") {
				continue
			}
			text := strings.Join(m.card.Lines, "\n")
			if len(text) > 4000 || !strings.Contains(text, "more") || !strings.Contains(text, "…") {
				t.Errorf("the digest has %d bytes:\n%s", len(text), text)
			}
			return
		}
		t.Error("no digest")
	})
}

func TestRetryAfterSays(t *testing.T) {
	if got := (outbox.RetryAfter{D: 3 * time.Second}).Error(); !strings.Contains(got, "3s") {
		t.Errorf("RetryAfter says %q, want the time", got)
	}
}
