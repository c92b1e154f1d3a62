package rule_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// writes counts the writes of a Handle that nothing befalls.
func writes(t *testing.T) int {
	t.Helper()
	n := 0
	o := newOutside()
	e := process(t, fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault { n = max(n, op.N); return fake.None }}), o)
	handle(t, e, o.alert("edge-1"))
	return n
}

// known lets the engine find the runs that were accepted.
func known(o *outside) func(*rule.Options) {
	return func(opt *rule.Options) {
		opt.Known = func(_ context.Context, cause string) (bool, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.runs[cause] != "", nil
		}
	}
}

// TestCrash kills the process before and after every write of Handle, and loses the answer of every write. Another process that gets the alert again
// makes it one run, one comment and one call, whatever happened.
func TestCrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		most := writes(t)
		if most < 4 {
			t.Fatalf("a Handle makes %d writes, want at least 4: claim, guards, command, end", most)
		}
		for _, finds := range []bool{false, true} {
			for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
				for at := 1; at <= most; at++ {
					crash(t, fault, at, finds)
				}
			}
		}
	})
}

func crash(t *testing.T, fault fake.Fault, at int, finds bool) {
	t.Helper()
	name := fmt.Sprintf("%s at write %d, runs can be found: %v", fault, at, finds)
	o, disk := newOutside(), fake.New()
	edit := func(*rule.Options) {}
	if finds {
		edit = known(o)
	}
	a := o.alert("edge-1")
	first := process(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
		if op.N == at {
			return fault
		}
		return fake.None
	}}), o, edit)
	out, err := first.Handle(t.Context(), a)
	if crashed := fault == fake.CrashBefore || fault == fake.CrashAfter; crashed != (err != nil) {
		t.Fatalf("%s: Handle = %v, %v", name, out, err)
	}
	second := process(t, disk.Open(fake.Options{}), o, edit)
	got := handle(t, second, a)
	if got.Decision != rule.Acted || len(o.runs) != 1 || len(o.comments) != 1 || len(o.called) > 0 {
		t.Errorf("%s: %+v, runs %v, comments %v, called %v; want one run, one comment and no call", name, got, o.runs, o.comments, o.called)
	}
	if len(o.told) == 0 {
		t.Errorf("%s: nobody was told", name)
	}
	// A reminder later calls a person.
	reminder := o.alert("edge-1", func(b *actions.Alert) { b.Since, b.Reminder = a.Since, 2 })
	after := handle(t, second, reminder)
	if after.Decision != rule.Called || len(o.called) != 1 || len(o.runs) != 1 {
		t.Errorf("%s: reminder = %+v with runs %v; want a call and no run", name, after, o.runs)
	}
}

// TestStoreAway: while the store is away nothing is done, people are told once, and when it is back the alert is treated.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"kv.get", "kv.create", "kv.update"} {
		synctest.Test(t, func(t *testing.T) {
			o := newOutside()
			away := true
			e := process(t, fake.New().Open(fake.Options{Inject: func(got fake.Op) fake.Fault {
				if away && got.Name == op {
					return fake.Unavailable
				}
				return fake.None
			}}), o)
			a := o.alert("edge-1")
			for range 3 {
				if out, err := e.Handle(t.Context(), a); !errors.Is(err, store.ErrUnknown) {
					t.Fatalf("%s away: Handle = %v, %v; want ErrUnknown", op, out, err)
				}
			}
			if len(o.runs) != 0 || len(o.told) != 1 {
				t.Errorf("%s away: runs %v, told %d times; want none and once", op, o.runs, len(o.told))
			}
			away = false
			if got := handle(t, e, a); got.Decision != rule.Acted || len(o.runs) != 1 {
				t.Errorf("%s back: %+v, runs %v; want one", op, got, o.runs)
			}
		})
	}
}

// TestReplicas: two processes get the same alerts at the same moment, and each is treated once.
func TestReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, disk := newOutside(), fake.New()
		o.takes = 2 * time.Minute // longer than a claim lives without being renewed
		o.agree = func(int) bool { return true }
		one, two := process(t, disk.Open(fake.Options{}), o), process(t, disk.Open(fake.Options{}), o)
		alerts := []actions.Alert{o.alert("edge-1"), o.alert("edge-3")}
		var wg sync.WaitGroup
		outcomes := make([]rule.Outcome, 4)
		for i := range 4 {
			wg.Go(func() {
				e := []*rule.Engine{one, two}[i%2]
				out, err := e.Handle(t.Context(), alerts[i/2])
				if err != nil || len(out) != 1 {
					t.Errorf("Handle = %v, %v", out, err)
					return
				}
				outcomes[i] = out[0]
			})
		}
		wg.Wait()
		if len(o.said) != 2 || len(o.runs) != 2 || len(o.called) != 2 {
			t.Errorf("said %d times, runs %v, called %d; want two of each", len(o.said), o.runs, len(o.called))
		}
		if outcomes[0] != outcomes[1] || outcomes[2] != outcomes[3] {
			t.Errorf("the two processes tell different outcomes: %+v", outcomes)
		}
	})
}

// TestInterrupted: a process dies while the command is carried out. The next one joins the run if it can find it; if it cannot and things have
// changed, it does nothing and says so.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		finds    bool
		meantime func(e *rule.Engine, o *outside, a actions.Alert)
		want     rule.Decision
		runs     int
	}{
		{"found", true, func(_ *rule.Engine, o *outside, _ actions.Alert) {
			o.runs[o.said[0].Cause] = "r-1"
			time.Sleep(time.Hour)
		}, rule.Acted, 1},
		{"not found, still standing", true, func(*rule.Engine, *outside, actions.Alert) {}, rule.Acted, 1},
		{"not found, too old", true, func(*rule.Engine, *outside, actions.Alert) { time.Sleep(time.Hour) }, rule.HeldBack, 0},
		{"not to be found, too old", false, func(*rule.Engine, *outside, actions.Alert) { time.Sleep(time.Hour) }, rule.Unsure, 0},
		{"not to be found, paused", false, func(e *rule.Engine, _ *outside, _ actions.Alert) {
			_ = e.Switch().Pause(context.Background(), rule.Pause{Mark: "m", By: "anna"}) // seen by the outcome
		}, rule.Unsure, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, disk := newOutside(), fake.New()
				edit := func(*rule.Options) {}
				if tt.finds {
					edit = known(o)
				}
				a := o.alert("edge-1")
				h := disk.Open(fake.Options{})
				first := process(t, h, o, edit)
				o.sayErr = errors.New("the desk is closed")
				if _, err := first.Handle(t.Context(), a); err == nil {
					t.Fatal("Handle = nil error though the command was not said")
				}
				o.sayErr = nil
				h.Kill()
				second := process(t, disk.Open(fake.Options{}), o, edit)
				tt.meantime(second, o, a)
				if got := handle(t, second, a); got.Decision != tt.want || len(o.runs) != tt.runs {
					t.Errorf("%+v, runs %v; want %s and %d", got, o.runs, tt.want, tt.runs)
				}
			})
		})
	}
}

// TestShutdown: the end of the context leaves the alert for the next process.
func TestShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, disk := newOutside(), fake.New()
		o.takes = time.Hour
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		a := o.alert("edge-1")
		if _, err := process(t, disk.Open(fake.Options{}), o).Handle(ctx, a); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Handle = %v, want the end of its context", err)
		}
		o.takes = 0
		if got := handle(t, process(t, disk.Open(fake.Options{}), o, known(o)), a); got.Decision != rule.Acted || len(o.runs) != 1 {
			t.Errorf("next process = %+v, runs %v; want one run", got, o.runs)
		}
	})
}
