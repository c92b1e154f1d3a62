package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// asked returns a request about runs at a fixed clock time of the bubble.
func asked(intent string, slots ...string) actions.Request {
	r := actions.Request{Cause: intent + strings.Join(slots, " "), Intent: intent, Slots: map[string][]string{}, Actor: ben, At: time.Now().UTC()}
	for i := 0; i < len(slots); i += 2 {
		r.Slots[slots[i]] = []string{slots[i+1]}
	}
	return r
}

// verbsOf returns the verbs of a process by intent; plan again makes two nodes' worth of steps for whatever nodes are asked for.
func verbsOf(p *process) map[string]actions.Verb {
	out := map[string]actions.Verb{}
	for _, v := range run.Verbs(p.e, func(_ context.Context, r actions.Request) (actions.Plan, error) {
		if r.Has("gone") {
			return actions.Plan{}, errors.New("edge-1 is not in the inventory any more")
		}
		q := plan(r.Cause, actions.Group{Nodes: r.All("node"), Steps: onNodes(steps(1, nil))})
		q.Request = r
		return q, nil
	}) {
		out[v.Intent] = v
	}
	return out
}

// text renders an answer as a door would.
func text(a actions.Answer) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Title)
	for _, l := range a.Lines {
		fmt.Fprintln(&b, " ", l)
	}
	if a.Table != nil {
		fmt.Fprintln(&b, " ", strings.Join(a.Table.Columns, " | "))
		for _, row := range a.Table.Rows {
			fmt.Fprintln(&b, " ", strings.Join(row, " | "))
		}
	}
	if a.Hint != "" {
		fmt.Fprintln(&b, "hint:", a.Hint)
	}
	return b.String()
}

// TestShow is what a person reads about runs of each kind of end.
func TestShow(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		done := plan("done", actions.Group{Steps: steps(2, nil)})
		done.Request.Origin.Door, done.Request.At = "terminal", time.Now().UTC()
		partly := plan("partly", actions.Group{Nodes: nodes(3), KeepGoing: true, Steps: onNodes(steps(1, func(_ int, d *does) { d.Fail, d.On = "refused", "edge-2" }))})
		failing := plan("failing", actions.Group{Steps: steps(2, func(i int, d *does) {
			if i == 1 {
				d.Fail = "connection refused"
			}
		})})
		failing.Groups[0].Steps[0].Kind, failing.Groups[0].Steps[0].NoUndo = "final", "what is flushed is gone"
		stopping := plan("stopping", actions.Group{Steps: steps(2, func(_ int, d *does) { d.Stop = "the hit rate is 97 %" })})
		for i, test := range []struct {
			plan  actions.Plan
			until func(actions.Run) bool
			bad   bool
			want  string
		}{
			{done, nil, false, `
r-1 done: put things
  2000-01-01 00:00:00 UTC by anna through terminal: put it
  took 20ms
  2 of 2 acts came to an end
  step | node | outcome | took | at | what
  1 |  | done | 10ms | 00:00:00 | put t0
  2 |  | done | 10ms | 00:00:00 | put t1
hint: undo r-1
`},
			{partly, nil, true, `
r-2 done in part: put things
  2000-01-01 00:00:00 UTC by anna: put it
  took 10ms
  why: 1 of 3 nodes failed: put t0 on edge-2: refused
  3 of 3 acts came to an end
  step | node | outcome | took | at | what
  1 | edge-1 | done | 10ms | 00:00:00 | put edge-1/t0
  1 | edge-2 | failed | 10ms | 00:00:00 | refused
  1 | edge-3 | done | 10ms | 00:00:00 | put edge-3/t0
hint: retry r-2
`},
			{failing, nil, true, `
r-3 failed: put things
  2000-01-01 00:00:00 UTC by anna: put it
  took 20ms
  why: put t1: connection refused; stays done: put t0: what is flushed is gone
  2 of 2 acts came to an end
  step | node | outcome | took | at | what
  1 |  | done | 10ms | 00:00:00 | put t0
  2 |  | failed | 10ms | 00:00:00 | connection refused
hint: retry r-3
`},
			{stopping, nil, false, `
r-4 done: put things
  2000-01-01 00:00:00 UTC by anna: put it
  took 10ms
  why: stopped, the rest is not needed: put t0: the hit rate is 97 %
  1 of 2 acts came to an end
  step | node | outcome | took | at | what
  1 |  | stopped | 10ms | 00:00:00 | the hit rate is 97 %
`},
			{holding("hold", 1), actions.Run.Holding, false, `
r-5 in force: put things
  2000-01-01 00:00:00 UTC by anna: put it
  until 01:00:00, 1h0m0s from now
  why: in force for 1h0m0s, then undone by itself
  1 of 1 act came to an end
  step | node | outcome | took | at | what
  1 |  | done | 10ms | 00:00:00 | put t0
hint: undo r-5 takes it back before its time
`},
		} {
			id := accepted(t, p, test.plan)
			p.until(t, id, test.until)
			a, err := verbsOf(p)["run.show"].Answer(t.Context(), asked("run.show", "run", id), nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.TrimPrefix(test.want, "\n"), text(a)); d != "" || a.Bad != test.bad {
				t.Errorf("run %d, bad %v, want %v (-want +got):\n%s", i+1, a.Bad, test.bad, d)
			}
		}
		_, err := verbsOf(p)["run.show"].Answer(t.Context(), asked("run.show", "run", "r-99"), nil)
		if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), `"runs"`) || strings.Contains(err.Error(), "not found") {
			t.Errorf("show r-99: %v", err)
		}
	})
}

// TestShowOfManyNodes tells of a large fan-out only what did not go well.
func TestShowOfManyNodes(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		id := accepted(t, p, plan("c", actions.Group{Nodes: nodes(300), KeepGoing: true, Steps: onNodes(steps(1, func(_ int, d *does) { d.Fail, d.On = "refused", "edge-200" }))}))
		a := p.e.Describe(p.until(t, id, nil), time.Now())
		if len(a.Table.Rows) != 1 || a.Table.Rows[0][1] != "edge-200" || !strings.Contains(strings.Join(a.Lines, "\n"), "300 of 300 acts came to an end, 299 not shown") {
			t.Error(text(a))
		}
	})
}

func TestListVerb(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		v := verbsOf(p)["run.list"]
		a, err := v.Answer(t.Context(), asked("run.list"), nil)
		if err != nil || text(a) != "no runs\n" {
			t.Errorf("empty: %q, %v", text(a), err)
		}
		for i := range 22 {
			p.until(t, accepted(t, p, plan(fmt.Sprint(i), actions.Group{Nodes: []string{"edge-1"}, Steps: onNodes(steps(1, func(_ int, d *does) {
				if i == 20 {
					d.Fail = strings.Repeat("refused ", 20)
				}
			}))})), nil)
		}
		a, err = v.Answer(t.Context(), asked("run.list"), nil)
		if err != nil || len(a.Table.Rows) != 20 || a.Table.Rows[0][0] != "r-22" || a.Hint != "show r-22" || !strings.Contains(text(a), "the newest 20") {
			t.Errorf("all: %v\n%s", err, text(a))
		}
		a, err = v.Answer(t.Context(), asked("run.list", "state", "failed"), nil)
		want := "runs that are failed\n  run | state | what | who | when | took | why\n" +
			"  r-21 | failed | put it | anna | 2000-01-01 00:00:00 UTC | 10ms | put t0 on edge-1: refused refused refused refused refused r…\nhint: show r-21\n"
		if err != nil || text(a) != want {
			t.Errorf("failed: %v\n%s", err, cmp.Diff(want, text(a)))
		}
	})
}

// planned makes the plan of a verb.
func planned(t *testing.T, p *process, intent, id string) (actions.Plan, error) {
	t.Helper()
	return verbsOf(p)[intent].Plan(t.Context(), asked(intent, "run", id), nil)
}

func TestUndoVerb(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		q := plan("c", actions.Group{Nodes: nodes(2), Steps: onNodes(steps(2, nil))})
		q.Groups[0].Steps[0].Kind, q.Groups[0].Steps[0].NoUndo = "final", "it is gone"
		id := accepted(t, p, q)
		p.until(t, id, nil)
		u, err := planned(t, p, "run.undo", id)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"undo r-1 (put it)",
			"note: takes back: put t1 on edge-2",
			"note: takes back: put t1 on edge-1",
			"note: stays done: put t0 on edge-1: it is gone; put t0 on edge-2: it is gone",
		}
		if d := cmp.Diff(want, u.Lines()); d != "" || u.Risk != actions.Disruptive {
			t.Errorf("plan (-want +got):\n%s", d)
		}
		r := p.until(t, accepted(t, p, u), nil)
		if r.State != actions.Done || w.state() != "edge-1/t0=1 edge-2/t0=1" || !strings.Contains(r.Outcomes[0].Say, "r-1 undone in ") {
			t.Errorf("%s: %s; world %s", run.Summary(r), r.Outcomes[0].Say, w.state())
		}
		if _, err := planned(t, p, "run.undo", id); !errors.Is(err, run.ErrOver) {
			t.Errorf("once more: %v, want ErrOver", err)
		}
		q.Request.Cause, q.Groups[0].Steps = "d", q.Groups[0].Steps[:1]
		kept := accepted(t, p, q)
		p.until(t, kept, nil)
		if _, err := planned(t, p, "run.undo", kept); !errors.Is(err, run.ErrNothing) || !strings.Contains(err.Error(), "it is gone") {
			t.Errorf("undo of what cannot be: %v", err)
		}
	})
}

// TestUndoThatFails tells the person who asked that not all could be taken back.
func TestUndoThatFails(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(1, func(_ int, d *does) { stuck(d) })}))
		p.until(t, id, nil)
		u, err := planned(t, p, "run.undo", id)
		if err != nil {
			t.Fatal(err)
		}
		r := p.until(t, accepted(t, p, u), nil)
		if r.State != actions.Failed || !strings.Contains(r.Why, "not undone: put t0: edge-1 was changed by carl since") {
			t.Error(run.Summary(r))
		}
	})
}

// TestSlowUndoParks undoes a run whose way back takes minutes: the wish waits without a worker.
func TestSlowUndoParks(t *testing.T) {
	x := code{
		do: func(context.Context, run.Call) (run.Result, error) { return run.Result{}, nil },
		undo: func(ctx context.Context, _ run.Call, _ run.Result) (run.Result, error) {
			pass(ctx, 3*time.Minute)
			return run.Result{}, nil
		},
	}
	bubble(t, func(t *testing.T, _ *world, p *process) {
		id := accepted(t, p, one("c", "x", 1))
		p.until(t, id, nil)
		u, err := planned(t, p, "run.undo", id)
		if err != nil {
			t.Fatal(err)
		}
		wish := accepted(t, p, u)
		if r := p.until(t, wish, at(actions.Waiting)); r.Why != id+": it is being undone" {
			t.Error(run.Summary(r))
		}
		if _, err := planned(t, p, "run.cancel", id); !errors.Is(err, run.ErrUndoing) {
			t.Errorf("cancel an undo: %v, want ErrUndoing", err)
		}
		if err := p.e.Cancel(t.Context(), id, ben); !errors.Is(err, run.ErrUndoing) {
			t.Errorf("Cancel: %v, want ErrUndoing", err)
		}
		if r := p.until(t, wish, nil); r.State != actions.Done || p.until(t, id, nil).State != actions.Undone {
			t.Error(run.Summary(r))
		}
	}, with("x", x))
}

func TestCancelVerb(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := accepted(t, p, plan("c", actions.Group{Steps: steps(2, func(i int, d *does) { d.Wait = time.Duration(i) * time.Hour })}))
		p.until(t, id, at(actions.Waiting))
		c, err := planned(t, p, "run.cancel", id)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"cancel r-1 (put it)", "note: the act under way is finished, what was done stays done"}, c.Lines()); d != "" {
			t.Errorf("plan (-want +got):\n%s", d)
		}
		r := p.until(t, accepted(t, p, c), nil)
		if want := "r-1 cancelled in 20ms: put things (cancelled by ben when 1 of 2 acts were done)"; r.Outcomes[0].Say != want {
			t.Errorf("said %q, want %q", r.Outcomes[0].Say, want)
		}
		_, err = planned(t, p, "run.cancel", id)
		if !errors.Is(err, run.ErrOver) || !strings.Contains(err.Error(), "r-1 is over (cancelled); undo r-1 takes it back") {
			t.Errorf("once more: %v", err)
		}
		hold := accepted(t, p, holding("h", 1))
		p.until(t, hold, actions.Run.Holding)
		if c, err = planned(t, p, "run.cancel", hold); err != nil || !strings.Contains(strings.Join(c.Notes, " "), "taken back now") {
			t.Errorf("cancel of a temporary change: %v, %v", c.Notes, err)
		}
		if r := p.until(t, accepted(t, p, c), nil); r.State != actions.Done || p.until(t, hold, nil).State != actions.Undone || w.state() != "t0=1" {
			t.Errorf("%s; world %s", run.Summary(r), w.state())
		}
	})
}

func TestRetryVerb(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		q := plan("c", actions.Group{Nodes: nodes(3), KeepGoing: true, Steps: onNodes(steps(1, func(_ int, d *does) { d.Fail, d.On = "refused", "edge-2" }))})
		q.Request.Slots = map[string][]string{"node": nodes(3), "tag": {"news"}}
		id := accepted(t, p, q)
		p.until(t, id, nil)
		again, err := planned(t, p, "run.retry", id)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{"node": {"edge-2"}, "tag": {"news"}}
		if d := cmp.Diff(want, again.Request.Slots); d != "" || again.Request.Intent != "test.put" || again.Request.Actor != ben || again.Notes[0] != "retry of r-1" {
			t.Errorf("request %+v, notes %q; slots (-want +got):\n%s", again.Request, again.Notes, d)
		}
		if r := p.until(t, accepted(t, p, again), nil); r.State != actions.Done || w.state() != "edge-1/t0=1 edge-2/t0=1 edge-3/t0=1" {
			t.Errorf("%s; world %s", run.Summary(r), w.state())
		}
		if len(q.Request.Slots["node"]) != 3 {
			t.Error("the first request was changed")
		}
		done := accepted(t, p, plan("d", actions.Group{Steps: steps(1, nil)}))
		p.until(t, done, nil)
		if _, err := planned(t, p, "run.retry", done); !errors.Is(err, run.ErrOver) || !strings.Contains(err.Error(), "say: put it") {
			t.Errorf("retry of a done run: %v", err)
		}
		waits := accepted(t, p, plan("w", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Wait = time.Hour })}))
		p.until(t, waits, at(actions.Waiting))
		if _, err := planned(t, p, "run.retry", waits); !errors.Is(err, run.ErrLive) {
			t.Errorf("retry of a waiting run: %v", err)
		}
		q.Request.Cause, q.Request.Options = "gone", map[string]string{"gone": "true"}
		gone := accepted(t, p, q)
		p.until(t, gone, nil)
		if _, err := planned(t, p, "run.retry", gone); err == nil || !strings.Contains(err.Error(), "retry "+gone+": edge-1 is not in the inventory") {
			t.Errorf("retry that cannot be planned: %v", err)
		}
	})
}

func TestByHand(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		q := plan("c", actions.Group{Say: "first", Steps: []actions.Step{{Kind: "final", Say: "make it"}}},
			actions.Group{Nodes: nodes(2), Steps: []actions.Step{{Kind: "put", Args: []byte("7"), Say: "put seven"}}})
		got, err := p.e.ByHand(t.Context(), q)
		want := []string{
			"# first", "# make it (no command for steps of kind final)", "# put seven on edge-1", "put edge-1 7", "# put seven on edge-2", "put edge-2 7",
		}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("by hand: %v (-want +got):\n%s", err, d)
		}
		if _, err := p.e.ByHand(t.Context(), one("c", "levitate", 1)); !errors.Is(err, run.ErrBadPlan) {
			t.Errorf("an unknown kind: %v", err)
		}
	})
}
