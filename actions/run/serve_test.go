package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestStopLetsActsFinish stops a process in the middle of a run: the act under way ends and is journaled, the next process goes on with the next
// one and does none again.
func TestStopLetsActsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		p := w.start(t, disk, "before", nil)
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(4, nil)}))
		time.Sleep(15 * time.Millisecond)
		start := time.Now()
		p.close(t)
		if took := time.Since(start); took != 5*time.Millisecond || w.state() != "t0=1 t1=1" {
			t.Errorf("stopped after %s with %s, want 5ms and two acts", took, w.state())
		}
		p = w.start(t, disk, "after", nil)
		time.Sleep(time.Second)
		r := p.until(t, id, nil)
		if r.State != actions.Done || r.Epoch != 2 || r.Owner != "after" || r.Ended.Sub(r.Accepted) > time.Second {
			t.Errorf("%s, epoch %d, owner %s", run.Summary(r), r.Epoch, r.Owner)
		}
		for key, n := range w.calls {
			if n != 1 {
				t.Errorf("%s was called %d times although nothing was in doubt", key, n)
			}
		}
		p.close(t)
	})
}

// TestNothingIsInDoubtAfterAStop lets the step after a stop in order fail: nobody may wonder whether it has acted.
func TestNothingIsInDoubtAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		p := w.start(t, disk, "before", nil)
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(3, func(i int, d *does) {
			if i == 2 {
				d.Fail = "refused"
			}
		})}))
		time.Sleep(15 * time.Millisecond)
		p.close(t)
		p = w.start(t, disk, "after", nil)
		time.Sleep(time.Second)
		r := p.until(t, id, nil)
		if r.State != actions.Undone || r.Outcomes[2].Unsure || w.calls[id+"/undo/2/"] > 0 {
			t.Errorf("%s: %+v, undone %d times", run.Summary(r), r.Outcomes[2], w.calls[id+"/undo/2/"])
		}
		p.close(t)
	})
}

// TestBrokenOffActIsInDoubt stops a process in an act that had its effect already. When the act fails for good in the next process, it is undone all the same.
func TestBrokenOffActIsInDoubt(t *testing.T) {
	for _, before := range []error{nil, actions.Temporary{Err: errors.New("reply lost")}} {
		synctest.Test(t, func(t *testing.T) {
			w, disk := newWorld(), fake.New()
			undone := false
			x := func(second bool) stoppableUndo {
				return stoppableUndo{stoppable{can: true, do: func(ctx context.Context, _ run.Call) (run.Result, error) {
					if second {
						return run.Result{}, errors.New("refused")
					}
					if before == nil {
						<-ctx.Done()
						return run.Result{}, context.Cause(ctx)
					}
					return run.Result{}, before
				}}, &undone}
			}
			p := w.start(t, disk, "before", nil, with("x", x(false)), func(o *run.Options) { o.Retry.First = time.Hour })
			id := accepted(t, p, one("c", "x", 1))
			time.Sleep(time.Second)
			p.close(t)
			p = w.start(t, disk, "after", nil, with("x", x(true)))
			time.Sleep(time.Second)
			if r := p.until(t, id, nil); r.State != actions.Undone || !undone || !r.Outcomes[0].Unsure {
				t.Errorf("broken off with %v: %s, undone %v: %+v", before, run.Summary(r), undone, r.Outcomes[0])
			}
			p.close(t)
		})
	}
}

// stoppableUndo is stoppable and notes that it was undone.
type stoppableUndo struct {
	stoppable
	undone *bool
}

func (x stoppableUndo) Undo(context.Context, run.Call, run.Result) (run.Result, error) {
	*x.undone = true
	return run.Result{}, nil
}

func TestStopWithinGrace(t *testing.T) {
	for _, test := range []struct {
		name  string
		do    func(ctx context.Context, c run.Call) (run.Result, error)
		can   bool
		took  time.Duration
		cause error
		error string
	}{
		{name: "a step that can stop is stopped at once", can: true, cause: run.ErrStopping,
			do: func(ctx context.Context, _ run.Call) (run.Result, error) {
				<-ctx.Done()
				return run.Result{}, context.Cause(ctx)
			}},
		{name: "another may use its grace", took: 20 * time.Second,
			do: func(ctx context.Context, _ run.Call) (run.Result, error) {
				pass(ctx, 20*time.Second)
				return run.Result{}, nil
			}},
		{name: "and is broken off after it", took: 25 * time.Second, cause: run.ErrStopping,
			do: func(ctx context.Context, _ run.Call) (run.Result, error) {
				<-ctx.Done()
				return run.Result{}, context.Cause(ctx)
			}},
		{name: "one that does not heed its ctx is told", took: 28 * time.Second, error: "steps of r-1 do not end",
			do: func(context.Context, run.Call) (run.Result, error) {
				time.Sleep(40 * time.Second)
				return run.Result{}, nil
			}},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := fake.New().Open(fake.Options{})
			var cause atomic.Pointer[error]
			var first atomic.Bool
			x := stoppable{can: test.can, do: func(ctx context.Context, c run.Call) (run.Result, error) {
				first.Store(true)
				res, err := test.do(ctx, c)
				if e := context.Cause(ctx); e != nil {
					cause.Store(&e)
				}
				return res, err
			}}
			e, err := run.New(run.Options{Store: h, Executors: map[string]run.Executor{"x": x}, StepTimeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- e.Serve(ctx) }()
			if _, _, err := e.Accept(ctx, one("c", "x", 2)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !first.Load() {
				t.Fatal("the step has not begun")
			}
			start := time.Now()
			stop()
			err = <-served
			if took := time.Since(start); took != test.took || (err != nil) != (test.error != "") || !strings.Contains(fmt.Sprint(err), test.error) {
				t.Errorf("%s: stopped after %s with %v, want %s and %q", test.name, took, err, test.took, test.error)
			}
			if got := cause.Load(); (got != nil) != (test.cause != nil) || got != nil && !errors.Is(*got, test.cause) {
				t.Errorf("%s: ctx ended by %v, want %v", test.name, got, test.cause)
			}
			time.Sleep(time.Minute)
		})
	}
}

// stoppable is an executor whose steps say whether they can be stopped.
type stoppable struct {
	can bool
	do  func(ctx context.Context, c run.Call) (run.Result, error)
}

func (x stoppable) Do(ctx context.Context, c run.Call) (run.Result, error) { return x.do(ctx, c) }
func (x stoppable) CanStop(run.Call) bool                                  { return x.can }

// TestPausedOwnerIsFenced has an owner lose its lease in the middle of a step that does not heed its ctx. It must not write any more.
func TestPausedOwnerIsFenced(t *testing.T) {
	for _, nodesN := range []int{0, 20} {
		synctest.Test(t, func(t *testing.T) {
			disk := fake.New()
			resume, calls := make(chan struct{}), map[string][]string{}
			start := func(owner string, inject func(fake.Op) fake.Fault) (*run.Engine, func()) {
				x := onlyDo{func(_ context.Context, c run.Call) (run.Result, error) {
					calls[owner] = append(calls[owner], c.Key)
					if owner == "paused" && len(calls[owner]) == 2 {
						<-resume
					}
					return run.Result{Say: "by " + owner}, nil
				}}
				h := disk.Open(fake.Options{Inject: inject})
				e, err := run.New(run.Options{Store: h, Owner: owner, Executors: map[string]run.Executor{"x": x}, Acts: 1, Workers: 1})
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() { served <- e.Serve(ctx) }()
				return e, func() {
					stop()
					if err := <-served; err != nil {
						t.Error(err)
					}
					if err := h.Close(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
			deaf := func(op fake.Op) fake.Fault {
				if op.Name == "lease.extend" {
					return fake.Unavailable
				}
				return fake.None
			}
			paused, stopPaused := start("paused", deaf)
			q := one("c", "x", 4)
			if nodesN > 0 {
				q = plan("c", actions.Group{Nodes: nodes(nodesN), Steps: q.Groups[0].Steps[:1]})
				q.Groups[0].Steps[0].Key = "{{node}}"
			}
			id, _, err := paused.Accept(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			heir, stopHeir := start("heir", nil)
			time.Sleep(2 * time.Minute)
			before, err := heir.Get(t.Context(), id)
			if err != nil || before.State != actions.Done || before.Owner != "heir" || before.Epoch != 2 {
				t.Errorf("after two minutes: %s by %s, epoch %d, %v", run.Summary(before), before.Owner, before.Epoch, err)
			}
			close(resume)
			time.Sleep(time.Minute)
			after, err := heir.Get(t.Context(), id)
			if err != nil || states(after) != states(before) || !after.Updated.Equal(before.Updated) {
				t.Errorf("the paused owner wrote: %s, %v", run.Summary(after), err)
			}
			if n := len(calls["paused"]); n != 2 {
				t.Errorf("the paused owner went on: %v", calls["paused"])
			}
			stopPaused()
			stopHeir()
		})
	}
}

// TestNewerRecordsAreLeftAlone puts a journal and a message of a later program into the store.
func TestNewerRecordsAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		h := disk.Open(fake.Options{})
		value := `{"schema":99,"id":"r-1","state":{"what":"it cannot be read"},"plan":{}}`
		if _, err := h.Bucket(store.Runs).Create(t.Context(), "r-1", []byte(value)); err != nil {
			t.Fatal(err)
		}
		for i, data := range []string{`{"schema":1,"run":"r-1"}`, `{"schema":99,"run":"r-1"}`, `not JSON`, `{"schema":1}`} {
			if _, _, err := h.Queue().Publish(t.Context(), fmt.Sprint(i), []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		p := w.start(t, disk, "owner", nil)
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(1, nil)})) // the rest goes on
		if r := p.until(t, id, nil); r.State != actions.Done {
			t.Error(run.Summary(r))
		}
		time.Sleep(time.Hour)
		if _, err := p.e.Get(t.Context(), "r-1"); !errors.Is(err, run.ErrNewer) {
			t.Errorf("Get = %v, want ErrNewer", err)
		}
		have, err := h.Bucket(store.Runs).Get(t.Context(), "r-1")
		if err != nil || string(have.Value) != value {
			t.Errorf("journal = %s, %v, want it untouched", have.Value, err)
		}
		if runs, err := p.e.List(t.Context(), run.Filter{}); err != nil || len(runs) != 1 {
			t.Errorf("List = %d runs, %v, want the readable one", len(runs), err)
		}
		p.close(t)
		time.Sleep(2 * time.Minute)
		kept := 0
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			got, err := h.Queue().Pull(ctx, 10)
			cancel()
			if err != nil {
				break
			}
			kept += len(got)
		}
		if kept != 4 {
			t.Errorf("%d of the 4 messages that could not be read are kept", kept)
		}
	})
}

// TestUnknownKinds takes a run to a program that lacks an executor.
func TestUnknownKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		old := w.start(t, disk, "old", nil, with("relic", onlyDo{func(context.Context, run.Call) (run.Result, error) {
			return run.Result{}, actions.Wait{Until: time.Now().Add(time.Hour), Why: "later"}
		}}))
		q := plan("c", actions.Group{Steps: steps(2, nil)})
		q.Groups[0].Steps[1].Kind = "relic"
		id := accepted(t, old, q)
		old.until(t, id, at(actions.Waiting))
		old.close(t)
		p := w.start(t, disk, "new", nil)
		r := p.until(t, id, nil)
		if r.State != actions.Undone || !strings.Contains(r.Why, `no executor for steps of kind "relic" in this program`) || w.state() != "" {
			t.Errorf("%s, world %q", run.Summary(r), w.state())
		}
		p.close(t)
	})
}

// TestLargeOutcomes has a run leave more than fits into its journal.
func TestLargeOutcomes(t *testing.T) {
	data := actions.Encode(strings.Repeat("x", run.MaxData-100))
	x := code{
		do: func(_ context.Context, c run.Call) (run.Result, error) {
			if c.Step == 2 && c.Node == "edge-16" {
				return run.Result{}, errors.New("refused")
			}
			return run.Result{Data: data}, nil
		},
		undo: func(_ context.Context, c run.Call, done run.Result) (run.Result, error) {
			if string(done.Data) != string(data) {
				return run.Result{}, fmt.Errorf("undo %s got %d bytes", c.Key, len(done.Data))
			}
			return run.Result{}, nil
		},
	}
	for _, n := range []int{16, 60} {
		synctest.Test(t, func(t *testing.T) {
			w, disk := newWorld(), fake.New()
			p := w.start(t, disk, "owner", nil, with("x", x))
			q := one("c", "x", 3)
			q.Groups[0].Nodes = nodes(n)
			for i := range q.Groups[0].Steps {
				q.Groups[0].Steps[i].Key += "{{node}}"
			}
			r := p.until(t, accepted(t, p, q), nil)
			if r.State != actions.Undone || !r.Wide || len(r.Latest()) != 3*n || strings.Contains(r.Why, "not undone") {
				t.Errorf("%d nodes: %s with %d outcomes", n, clip(run.Summary(r)), len(r.Latest()))
			}
			entries, err := p.h.Bucket(store.Runs).List(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !run.Final(entries) {
				t.Error("the sweep does not see that the run is over")
			}
			for _, e := range entries {
				if len(e.Value) > store.MaxValue {
					t.Errorf("%s has %d bytes", e.Key, len(e.Value))
				}
			}
			p.close(t)
		})
	}
}

func clip(s string) string { return s[:min(len(s), 300)] }

func TestFinal(t *testing.T) {
	journal := func(s actions.State) []byte { return actions.Encode(actions.Run{Schema: 1, ID: "r-7", State: s}) }
	for _, test := range []struct {
		name    string
		entries []store.Entry
		want    bool
	}{
		{"no entries", nil, false},
		{"done", []store.Entry{{Key: "r-7", Value: journal(actions.Done)}, {Key: "r-7.ctl"}}, true},
		{"waiting", []store.Entry{{Key: "r-7", Value: journal(actions.Waiting)}}, false},
		{"outcomes alone", []store.Entry{{Key: "r-7.do.1.000001", Value: json.RawMessage(`{}`)}}, false},
		{"damaged", []store.Entry{{Key: "r-7", Value: []byte("{")}}, false},
		{"newer", []store.Entry{{Key: "r-7", Value: []byte(`{"schema":99,"state":"done"}`)}}, false},
	} {
		if got := run.Final(test.entries); got != test.want {
			t.Errorf("Final(%s) = %v, want %v", test.name, got, test.want)
		}
	}
}
