package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// bubble runs a test with a world and one process on virtual time.
func bubble(t *testing.T, f func(t *testing.T, w *world, p *process), tune ...func(*run.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := w.start(t, fake.New(), "owner", nil, tune...)
		f(t, w, p)
		p.close(t)
		for _, bad := range w.faults {
			t.Error(bad)
		}
	})
}

func accepted(t testing.TB, p *process, plan actions.Plan) string {
	t.Helper()
	id, first, err := p.e.Accept(t.Context(), plan)
	if err != nil || !first {
		t.Fatalf("Accept(%q) = %q, %v, %v", plan.Request.Cause, id, first, err)
	}
	return id
}

// code is an executor made of functions.
type code struct {
	do     func(ctx context.Context, c run.Call) (run.Result, error)
	undo   func(ctx context.Context, c run.Call, done run.Result) (run.Result, error)
	verify func(ctx context.Context, c run.Call, done run.Result) error
}

func (x code) Do(ctx context.Context, c run.Call) (run.Result, error) { return x.do(ctx, c) }
func (x code) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	if x.undo == nil {
		return run.Result{}, errors.New("there is no way back")
	}
	return x.undo(ctx, c, done)
}
func (x code) Verify(ctx context.Context, c run.Call, done run.Result) error {
	if x.verify == nil {
		return nil
	}
	return x.verify(ctx, c, done)
}

func with(kind string, x run.Executor) func(*run.Options) {
	return func(o *run.Options) { o.Executors[kind] = x }
}

// one returns a plan of a single group of steps of a kind, each on a thing of its own.
func one(cause, kind string, n int) actions.Plan {
	g := actions.Group{}
	for i := range n {
		g.Steps = append(g.Steps, actions.Step{Kind: kind, Key: fmt.Sprintf("%s/%d", cause, i), Say: fmt.Sprintf("%s %d", kind, i)})
	}
	return plan(cause, g)
}

func TestNewWantsItsParts(t *testing.T) {
	s := fake.New().Open(fake.Options{})
	for name, o := range map[string]run.Options{
		"no store":     {},
		"nil executor": {Store: s, Executors: map[string]run.Executor{"x": nil}},
		"own executor": {Store: s, Executors: map[string]run.Executor{run.CancelKind: code{}}},
	} {
		if _, err := run.New(o); err == nil {
			t.Errorf("New with %s = nil error", name)
		}
	}
}

func TestAcceptRefuses(t *testing.T) {
	big := plan("big", actions.Group{Steps: steps(1, nil)})
	big.Groups[0].Steps[0].Args = json.RawMessage(`"` + strings.Repeat("x", run.MaxPlan) + `"`)
	torn := plan("torn", actions.Group{Steps: steps(1, nil)})
	torn.Groups[0].Steps[0].Args = json.RawMessage("{")
	bubble(t, func(t *testing.T, _ *world, p *process) {
		for _, test := range []struct {
			name string
			plan actions.Plan
			want error
			says string
		}{
			{"no cause", plan("", actions.Group{Steps: steps(1, nil)}), run.ErrBadPlan, "names no cause"},
			{"unknown kind", one("c", "levitate", 1), run.ErrBadPlan, `kind "levitate"`},
			{"too many nodes", plan("c", actions.Group{Nodes: nodes(1001), Steps: steps(1, nil)}), run.ErrBadPlan, "1001 nodes, at most 1000"},
			{"a node twice", plan("c", actions.Group{Nodes: []string{"a", "b", "a"}, Steps: steps(1, nil)}), run.ErrBadPlan, `"a" twice`},
			{"arguments that are no JSON", torn, run.ErrBadPlan, "no JSON"},
			{"too large", big, store.ErrTooLarge, "split it"},
		} {
			id, _, err := p.e.Accept(t.Context(), test.plan)
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.says) || id != "" {
				t.Errorf("%s: Accept = %q, %v, want %v with %q", test.name, id, err, test.want, test.says)
			}
		}
		if runs, err := p.e.List(t.Context(), run.Filter{}); err != nil || len(runs) > 0 {
			t.Errorf("refused plans left %d runs, %v", len(runs), err)
		}
	})
}

func TestTheSameCauseIsTheSameRun(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(2, nil)}))
		for _, later := range []time.Duration{0, time.Minute, time.Hour, 80 * 24 * time.Hour} {
			time.Sleep(later)
			got, first, err := p.e.Accept(t.Context(), plan("c", actions.Group{Steps: steps(2, nil)}))
			if got != id || first || err != nil {
				t.Errorf("after %s: Accept = %s, %v, %v, want %s, false", later, got, first, err, id)
			}
		}
		other := accepted(t, p, plan("d", actions.Group{Steps: steps(2, nil)}))
		p.until(t, other, nil)
		if got, want := w.state(), "t0=2 t1=2"; got != want || other == id {
			t.Errorf("world = %s, want %s; runs %s and %s", got, want, id, other)
		}
	})
}

// TestRepeatThatTheQueueForgot publishes a cause twice with more than the queue's memory between, before anybody works.
func TestRepeatThatTheQueueForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		h := disk.Open(fake.Options{})
		idle, err := run.New(run.Options{Store: h, Executors: map[string]run.Executor{"put": put{w: w}}})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for range 2 {
			id, _, err := idle.Accept(t.Context(), plan("c", actions.Group{Steps: steps(2, nil)}))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
			time.Sleep(time.Hour)
		}
		p := w.start(t, disk, "owner", nil)
		time.Sleep(time.Minute)
		first, second := p.until(t, ids[0], nil), p.until(t, ids[1], nil)
		if second.State == actions.Done { // the two are as old as each other for whoever finds both in the queue
			first, second = second, first
		}
		if first.State != actions.Done || second.State != actions.Cancelled || !strings.Contains(second.Why, "repeats "+first.ID) {
			t.Errorf("%s; %s", run.Summary(first), run.Summary(second))
		}
		if got := w.state(); got != "t0=1 t1=1" {
			t.Errorf("world = %s, want each effect once", got)
		}
		p.close(t)
	})
}

func TestWhatAnExecutorSees(t *testing.T) {
	var mu sync.Mutex
	var calls []run.Call
	x := code{do: func(_ context.Context, c run.Call) (run.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, c)
		if c.Step == 1 && c.Attempt == 1 {
			return run.Result{}, actions.Temporary{Err: errors.New("busy")}
		}
		return run.Result{Say: "did it", Data: actions.Encode(c.Key)}, nil
	}}
	bubble(t, func(t *testing.T, _ *world, p *process) {
		q := one("c", "x", 2)
		q.Groups[0].Nodes, q.Groups[0].Width = []string{"edge-1", "edge-2"}, 1
		q.Groups = append([]actions.Group{{Steps: q.Groups[0].Steps[:1:1]}}, q.Groups...)
		q.Groups = append(q.Groups, q.Groups[0])
		id := accepted(t, p, q)
		p.until(t, id, nil)
		var got []string
		for _, c := range calls {
			var before []string
			for _, o := range c.Before {
				before = append(before, fmt.Sprintf("%d@%s", o.Step, o.Node))
				if string(o.Data) != string(actions.Encode(fmt.Sprintf("%s/do/%d/%s", id, o.Step, o.Node))) {
					t.Errorf("data of step %d before %s = %s", o.Step, c.Key, o.Data)
				}
			}
			got = append(got, fmt.Sprintf("%s try %d epoch %d after %v by %s", c.Key, c.Attempt, c.Epoch, before, c.Request.Actor))
		}
		want := []string{
			"r-1/do/0/ try 1 epoch 1 after [] by anna",
			"r-1/do/1/edge-1 try 1 epoch 1 after [0@] by anna",
			"r-1/do/1/edge-1 try 2 epoch 1 after [0@] by anna",
			"r-1/do/2/edge-1 try 1 epoch 1 after [0@ 1@edge-1] by anna",
			"r-1/do/1/edge-2 try 1 epoch 1 after [0@] by anna",
			"r-1/do/1/edge-2 try 2 epoch 1 after [0@] by anna",
			"r-1/do/2/edge-2 try 1 epoch 1 after [0@ 1@edge-2] by anna",
			"r-1/do/3/ try 1 epoch 1 after [0@ 1@edge-1 1@edge-2 2@edge-1 2@edge-2] by anna",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("calls (-want +got):\n%s", d)
		}
	}, with("x", x))
}

func TestWidth(t *testing.T) {
	for _, test := range []struct{ nodes, width, acts, want int }{
		{5, 1, 64, 1}, {5, 2, 64, 2}, {5, 0, 64, 5}, {40, 7, 64, 7}, {40, 0, 64, 40}, {40, 0, 10, 10}, {200, 0, 64, 64},
	} {
		var live, most atomic.Int64
		x := code{do: func(ctx context.Context, c run.Call) (run.Result, error) {
			n := live.Add(1)
			defer live.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			pass(ctx, time.Second)
			return run.Result{}, nil
		}}
		bubble(t, func(t *testing.T, _ *world, p *process) {
			q := one("c", "x", 2)
			q.Groups[0].Nodes, q.Groups[0].Width = nodes(test.nodes), test.width
			for i := range q.Groups[0].Steps {
				q.Groups[0].Steps[i].Key += "/{{node}}"
			}
			r := p.until(t, accepted(t, p, q), nil)
			if got := int(most.Load()); got != test.want || r.State != actions.Done || len(r.Latest()) != 2*test.nodes {
				t.Errorf("%d nodes, width %d, %d acts: %d at once, want %d; %s with %d outcomes", test.nodes, test.width, test.acts, got, test.want, r.State, len(r.Latest()))
			}
		}, with("x", x), func(o *run.Options) { o.Acts = test.acts })
	}
}

func TestTries(t *testing.T) {
	temporary := actions.Temporary{Err: errors.New("busy")}
	for _, test := range []struct {
		name     string
		do       func(ctx context.Context, c run.Call) (run.Result, error)
		state    actions.State
		attempts int
		why      string
		from, to time.Duration
	}{
		{name: "two tries fail", state: actions.Done, attempts: 3, from: 150 * time.Millisecond, to: 300 * time.Millisecond,
			do: func(_ context.Context, c run.Call) (run.Result, error) {
				if c.Attempt < 3 {
					return run.Result{}, temporary
				}
				return run.Result{}, nil
			}},
		{name: "all tries fail", state: actions.Failed, attempts: 5, why: "x 0: busy (5 tries)", from: 650 * time.Millisecond, to: 1300 * time.Millisecond,
			do: func(context.Context, run.Call) (run.Result, error) { return run.Result{}, temporary }},
		{name: "permanent", state: actions.Failed, attempts: 1, why: "x 0: no such host",
			do: func(context.Context, run.Call) (run.Result, error) { return run.Result{}, errors.New("no such host") }},
		{name: "no end", state: actions.Failed, attempts: 5, why: "no end after 1m0s", from: 5 * time.Minute, to: 6 * time.Minute,
			do: func(ctx context.Context, _ run.Call) (run.Result, error) {
				<-ctx.Done()
				return run.Result{}, ctx.Err()
			}},
		{name: "panic", state: actions.Failed, attempts: 1, why: "bug in the executor of x: oops",
			do: func(context.Context, run.Call) (run.Result, error) { panic("oops") }},
		{name: "data that is no JSON", state: actions.Failed, attempts: 1, why: "its result is no JSON",
			do: func(context.Context, run.Call) (run.Result, error) {
				return run.Result{Data: []byte("{")}, nil
			}},
		{name: "too much data", state: actions.Failed, attempts: 1, why: "its result has 65537 bytes, at most 65536",
			do: func(context.Context, run.Call) (run.Result, error) {
				return run.Result{Data: make([]byte, run.MaxData+1)}, nil
			}},
	} {
		bubble(t, func(t *testing.T, _ *world, p *process) {
			r := p.until(t, accepted(t, p, one("c", "x", 1)), nil)
			o := r.Outcomes[0]
			if r.State != test.state || o.Attempts != test.attempts || !strings.Contains(r.Why, test.why) {
				t.Errorf("%s: %s after %d tries: %s; want %s after %d: %s", test.name, r.State, o.Attempts, r.Why, test.state, test.attempts, test.why)
			}
			if o.Took < test.from || test.to > 0 && o.Took > test.to {
				t.Errorf("%s: took %s, want %s to %s", test.name, o.Took, test.from, test.to)
			}
		}, with("x", onlyDo{test.do}), func(o *run.Options) {
			o.Retry, o.StepTimeout = run.Backoff{First: 100 * time.Millisecond, Max: 500 * time.Millisecond}, time.Minute
		})
	}
}

// onlyDo is an executor that cannot undo.
type onlyDo struct {
	do func(ctx context.Context, c run.Call) (run.Result, error)
}

func (x onlyDo) Do(ctx context.Context, c run.Call) (run.Result, error) { return x.do(ctx, c) }

func TestVerify(t *testing.T) {
	temporary := 1
	var undone run.Result
	x := code{
		do: func(context.Context, run.Call) (run.Result, error) {
			return run.Result{Say: "written", Data: json.RawMessage(`"seven"`)}, nil
		},
		verify: func(_ context.Context, c run.Call, done run.Result) error {
			if string(done.Data) != `"seven"` {
				return fmt.Errorf("verify got %s", done.Data)
			}
			if c.Attempt <= temporary {
				return actions.Temporary{Err: errors.New("not there yet")}
			}
			if c.Step == 1 {
				return errors.New("another value is there")
			}
			return nil
		},
		undo: func(_ context.Context, c run.Call, done run.Result) (run.Result, error) {
			if c.Step == 1 {
				undone = done
			}
			return run.Result{}, nil
		},
	}
	bubble(t, func(t *testing.T, _ *world, p *process) {
		r := p.until(t, accepted(t, p, one("c", "x", 2)), nil)
		if got, want := states(r), "0:undone 1:failed"; got != want || r.Outcomes[0].Attempts != 2 {
			t.Errorf("outcomes = %s after %d tries, want %s", got, r.Outcomes[0].Attempts, want)
		}
		if want := "x 1: done, but not verified: another value is there (2 tries)"; r.Why != want {
			t.Errorf("why = %s, want %s", r.Why, want)
		}
		if string(undone.Data) != `"seven"` {
			t.Errorf("undo of the unverified step got %q, want its data", undone.Data)
		}
	}, with("x", x))
}

func TestKeepGoing(t *testing.T) {
	for _, test := range []struct {
		on     string
		partly bool
		state  actions.State
		states string
		why    string
	}{
		{"edge-2", true, actions.Done, "0@edge-1:done 1@edge-1:done 0@edge-2:failed 0@edge-3:done 1@edge-3:done",
			"1 of 3 nodes failed: put {{node}}/t0 on edge-2: refused"},
		{"", false, actions.Failed, "0@edge-1:failed 0@edge-2:failed 0@edge-3:failed", "put edge-1/t0 on edge-1: refused"},
	} {
		bubble(t, func(t *testing.T, _ *world, p *process) {
			id := accepted(t, p, plan("c", actions.Group{Nodes: nodes(3), KeepGoing: true, Steps: onNodes(steps(2, func(i int, d *does) {
				if i == 0 {
					d.Fail, d.On = "refused", test.on
				}
			}))}))
			r := p.until(t, id, nil)
			if r.State != test.state || r.Partly() != test.partly || states(r) != test.states {
				t.Errorf("failing on %q: %s, partly %v, %s; want %s, %v, %s", test.on, r.State, r.Partly(), states(r), test.state, test.partly, test.states)
			}
			if !strings.Contains(r.Why, "refused") {
				t.Errorf("why = %q, want it to name the error", r.Why)
			}
		})
	}
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		var broken atomic.Bool
		p := w.start(t, disk, "owner", func(op fake.Op) fake.Fault {
			if op.Name == "queue.pull" && broken.Load() {
				return fake.Unavailable
			}
			return fake.None
		})
		synctest.Wait()
		if err := p.e.Ready(); err != nil {
			t.Errorf("while serving: %v", err)
		}
		if d := time.Since(p.e.Beat()); d > time.Second {
			t.Errorf("last beat %s ago while waiting for work", d)
		}
		broken.Store(true)
		p.until(t, accepted(t, p, plan("c", actions.Group{Steps: steps(1, nil)})), nil)
		if err := p.e.Ready(); err == nil || !strings.Contains(err.Error(), "pull") {
			t.Errorf("while pulling fails: %v", err)
		}
		broken.Store(false)
		time.Sleep(2 * time.Second)
		if err := p.e.Ready(); err != nil {
			t.Errorf("when pulling works again: %v", err)
		}
		p.close(t)
		if err := p.e.Ready(); err == nil {
			t.Error("ready although it has stopped")
		}
		if err := p.e.Serve(t.Context()); err == nil {
			t.Error("an engine serves twice")
		}
	})
}

func TestObserved(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		got[what]++
	}
	bubble(t, func(t *testing.T, _ *world, p *process) {
		p.until(t, accepted(t, p, plan("c", actions.Group{Steps: steps(3, func(i int, d *does) {
			if i == 2 {
				d.Fail = "refused"
			}
		})})), nil)
	}, func(o *run.Options) {
		o.Observe.Step = func(kind string, s actions.OutcomeState, took time.Duration) {
			note(fmt.Sprintf("%s %s %s", kind, s, took))
		}
		o.Observe.Run = func(s actions.State, took time.Duration) { note(fmt.Sprintf("%s %s", s, took)) }
	})
	want := map[string]int{"put done 10ms": 2, "put failed 10ms": 1, "put undone 10ms": 2, "undone 50ms": 1}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("observed (-want +got):\n%s", d)
	}
}
