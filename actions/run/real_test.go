package run_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// house is a process on the embedded store, in real time.
type house struct {
	s    *store.Engine
	e    *run.Engine
	stop func()
}

// open starts a process on a directory.
func (w *world) open(t testing.TB, dir string) *house {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Lease: lease, Final: run.Final})
	if err != nil {
		t.Fatal(err)
	}
	x := put{w: w, alive: func() bool { return true }}
	e, err := run.New(run.Options{Store: s, Executors: map[string]run.Executor{"put": x, "final": final{x}}, Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx) }()
	return &house{s, e, func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}}
}

// until follows a run until f is true of it or it is over.
func (h *house) until(t testing.TB, id string, f func(actions.Run) bool) actions.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events, err := h.e.Follow(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var last actions.Run
	for e := range events {
		if last = e.Run; f != nil && e.Progress == nil && f(last) {
			return last
		}
	}
	if !last.State.Final() {
		t.Fatalf("%s: not over in time", run.Summary(last))
	}
	return last
}

// TestOnTheRealStore takes runs of each kind through the embedded store, with its own timers, redelivery and revisions.
func TestOnTheRealStore(t *testing.T) {
	w := newWorld()
	h := w.open(t, filepath.Join(t.TempDir(), "store"))
	defer h.stop()
	soon := func(c string, f func(*does)) actions.Plan {
		return plan(c, actions.Group{Steps: steps(2, func(_ int, d *does) {
			d.Thing = c + d.Thing
			if f != nil {
				f(d)
			}
		})})
	}
	hold := soon("hold", nil)
	hold.Hold = 2 * time.Second
	for _, test := range []struct {
		name   string
		plan   actions.Plan
		during func(actions.Run) bool
		then   func(id string) error
		state  actions.State
		states string
	}{
		{"two steps", soon("two", nil), nil, nil, actions.Done, "0:done 1:done"},
		{"the same cause", soon("two", nil), nil, nil, actions.Done, "0:done 1:done"},
		{"a failure", soon("fail", func(d *does) { d.Fail = map[string]string{"failt1": "refused"}[d.Thing] }), nil, nil, actions.Undone, "0:undone 1:failed"},
		{"a wait", soon("wait", func(d *does) { d.Wait = 3 * time.Second }), nil, nil, actions.Done, "0:done 1:done"},
		{"a hold", hold, nil, nil, actions.Undone, "0:undone 1:undone"},
		{"thirty nodes", plan("wide", actions.Group{Nodes: nodes(30), Width: 8, KeepGoing: true, Steps: onNodes(steps(1, func(_ int, d *does) { d.Fail, d.On = "refused", "edge-30" }))}),
			nil, nil, actions.Done, ""},
		{"cancelled while it waits", soon("cancel", func(d *does) { d.Wait = time.Hour }), at(actions.Waiting),
			func(id string) error { return h.e.Cancel(t.Context(), id, ben) }, actions.Cancelled, ""},
		{"undone when it is over", soon("undo", nil), at(actions.Done),
			func(id string) error { return h.e.Undo(t.Context(), id, ben) }, actions.Undone, "0:undone 1:undone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, err := h.e.Subscribe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			id, first, err := h.e.Accept(t.Context(), test.plan)
			if err != nil {
				t.Fatal(err)
			}
			if test.then != nil {
				h.until(t, id, test.during)
				if err := test.then(id); err != nil {
					t.Fatal(err)
				}
			}
			var r actions.Run
			if first {
				for e := range all {
					if r = e.Run; r.ID == id && e.Progress == nil && r.State.Final() && (test.state != actions.Undone || r.State == test.state) {
						break
					}
				}
			} else {
				r = h.until(t, id, nil)
			}
			if r.State != test.state || test.states != "" && states(r) != test.states {
				t.Errorf("%s: %s, want %s: %s", run.Summary(r), states(r), test.state, test.states)
			}
			got, err := h.e.Get(t.Context(), id)
			if d := cmp.Diff(states(got), states(r)); d != "" || err != nil {
				t.Errorf("what was told is not what is stored: %v (-stored +told):\n%s", err, d)
			}
		})
	}
	runs, err := h.e.List(t.Context(), run.Filter{})
	if err != nil || len(runs) != 7 {
		t.Errorf("%d runs, %v, want 7", len(runs), err)
	}
}

// TestRestartOnTheRealStore stops the process in the middle of runs, those at work and those that wait, and goes on after it.
func TestRestartOnTheRealStore(t *testing.T) {
	w, dir := newWorld(), filepath.Join(t.TempDir(), "store")
	h := w.open(t, dir)
	var ids []string
	for i := range 5 {
		p := plan(fmt.Sprint(i), actions.Group{Steps: steps(20, func(n int, d *does) {
			d.Thing = fmt.Sprintf("%d/%d", i, n)
			if n == 10 && i%2 == 0 {
				d.Wait = time.Second * 4
			}
		})})
		id, _, err := h.e.Accept(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	h.until(t, ids[0], at(actions.Waiting))
	h.stop()
	h = w.open(t, dir)
	defer h.stop()
	for _, id := range ids {
		if r := h.until(t, id, nil); r.State != actions.Done || len(r.Outcomes) != 20 {
			t.Errorf("%s with %d outcomes", run.Summary(r), len(r.Outcomes))
		}
	}
	for key, n := range w.effects {
		if n != 1 {
			t.Errorf("effect %s happened %d times", key, n)
		}
	}
	if len(w.things) != 100 {
		t.Errorf("%d things were changed, want 100", len(w.things))
	}
	if _, err := h.e.Get(t.Context(), "r-100000"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown run: %v", err)
	}
}
