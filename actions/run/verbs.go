package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
)

// listed is how many runs run.list shows.
const listed = 20

// Verbs returns the verbs about runs. plan makes the plan of any request, as the desk does: a retry plans the old request anew.
func Verbs(e *Engine, plan func(context.Context, actions.Request) (actions.Plan, error)) []actions.Verb {
	v := verbs{e, plan}
	return []actions.Verb{
		{Intent: "run.list", Risk: actions.Read, Answer: v.list},
		{Intent: "run.show", Risk: actions.Read, Answer: v.show},
		{Intent: "run.cancel", Risk: actions.Disruptive, Plan: v.cancel},
		{Intent: "run.retry", Risk: actions.Disruptive, Plan: v.retry},
		{Intent: "run.undo", Risk: actions.Disruptive, Plan: v.undo},
		{Intent: ApproveKind, Risk: actions.Disruptive, Plan: v.approve},
		{Intent: RejectKind, Risk: actions.Reversible, Plan: v.reject},
	}
}

type verbs struct {
	e    *Engine
	plan func(context.Context, actions.Request) (actions.Plan, error)
}

func (v verbs) list(ctx context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	f := Filter{State: actions.State(r.One("state")), Node: r.One("node"), Limit: listed}
	runs, err := v.e.List(ctx, f)
	if err != nil {
		return actions.Answer{}, err
	}
	a := actions.Answer{Title: "runs", Data: runs}
	if f.State != "" {
		a.Title = "runs that are " + string(f.State)
	}
	if f.Node != "" {
		a.Title += " on " + f.Node
	}
	if len(runs) == 0 {
		a.Title = "no " + a.Title
		return a, nil
	}
	a.Table = &actions.Table{Columns: []string{"run", "state", "what", "who", "when", "took", "why"}}
	for _, one := range runs {
		a.Table.Rows = append(a.Table.Rows, []string{
			one.ID, word(one), one.Plan.Request.Text, one.Plan.Request.Actor.String(), clock(one, one.Accepted), took(one, r.At), clip(one.Why, 60),
		})
	}
	if len(runs) == listed {
		a.Lines = append(a.Lines, fmt.Sprintf("the newest %d; older ones by their number", listed))
	}
	a.Hint = "show " + runs[0].ID
	return a, nil
}

func (v verbs) show(ctx context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	run, err := v.get(ctx, r)
	if err != nil {
		return actions.Answer{}, err
	}
	return v.e.Describe(run, r.At), nil
}

func (v verbs) cancel(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	run, err := v.get(ctx, r)
	switch {
	case err != nil:
		return actions.Plan{}, err
	case run.State == actions.Undoing:
		return actions.Plan{}, fmt.Errorf("%s is being undone, that cannot be cancelled: %w", run.ID, ErrUndoing)
	case run.State.Final():
		return actions.Plan{}, fmt.Errorf("%s is over (%s)%s: %w", run.ID, run.State, v.undoHint(run), ErrOver)
	}
	p := control(r, CancelKind, "cancel "+called(run), target{Run: run.ID}, "a cancelled run does not go on; retry "+run.ID+" does what is left of it")
	if run.Plan.Hold > 0 {
		p.Notes = append(p.Notes, "it is a temporary change: what it did is taken back now")
	} else {
		p.Notes = append(p.Notes, "the act under way is finished, what was done stays done")
	}
	return p, nil
}

func (v verbs) undo(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	run, err := v.get(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	switch err := v.e.undoProblem(run); {
	case errors.Is(err, ErrNothing):
		return actions.Plan{}, fmt.Errorf("%s did nothing that can be undone: %s: %w", run.ID, clip(v.e.trackOf(run).remains(), 200), err)
	case err != nil:
		return actions.Plan{}, fmt.Errorf("%s cannot be undone: %w", run.ID, err)
	}
	p := control(r, UndoKind, "undo "+called(run), target{Run: run.ID, Epoch: run.Epoch}, "retry "+run.ID+" does it again")
	t := v.e.trackOf(run)
	for _, o := range slices.Backward(t.acts(t.do, func(actions.Outcome) bool { return true })) {
		if a := (act{o.Step, o.Node}); t.toUndo(a, ^uint64(0)) && t.canUndo(o.Step) {
			p.Notes = append(p.Notes, "takes back: "+t.name(o))
		}
	}
	p.Notes = shorten(p.Notes, 12)
	if stays := t.remains(); stays != "" {
		p.Notes = append(p.Notes, stays)
	}
	return p, nil
}

// retry plans the request of a run anew, as the world is now, on the nodes where it was not done.
func (v verbs) retry(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	run, err := v.get(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	if !run.State.Final() {
		return actions.Plan{}, fmt.Errorf("%s is %s; cancel %s first: %w", run.ID, run.State, run.ID, ErrLive)
	}
	again := run.Plan.Request
	again.Cause, again.Actor, again.Origin, again.At = r.Cause, r.Actor, r.Origin, r.At
	left := unfinished(run)
	if run.State == actions.Done && !run.Stopped && len(left) == 0 {
		return actions.Plan{}, fmt.Errorf("%s is done on every node; to do it once more say: %s: %w", run.ID, again.Text, ErrOver)
	}
	if all := run.Plan.Targets(); len(left) > 0 && len(left) < len(all) {
		again.Slots = maps.Clone(again.Slots)
		if again.Slots == nil {
			again.Slots = map[string][]string{}
		}
		again.Slots["node"] = left
	}
	p, err := v.plan(ctx, again)
	if err != nil {
		return actions.Plan{}, fmt.Errorf("retry %s: %w", run.ID, err)
	}
	p.Request.Cause = r.Cause
	p.Notes = append(p.Notes, "retry of "+run.ID)
	return p, nil
}

// unfinished returns the nodes on which not every step of the plan is done now, in the order of the plan.
func unfinished(r actions.Run) []string {
	done := map[string]int{}
	for _, o := range r.Latest() {
		if o.State == actions.StepDone || o.State == actions.StepKept {
			done[o.Node]++
		}
	}
	want := map[string]int{}
	for _, g := range r.Plan.Groups {
		for _, n := range g.Nodes {
			want[n] += len(g.Steps)
		}
	}
	var out []string
	for _, n := range r.Plan.Targets() {
		if done[n] < want[n] {
			out = append(out, n)
		}
	}
	return out
}

// get returns the run that a request names.
func (v verbs) get(ctx context.Context, r actions.Request) (actions.Run, error) {
	return v.e.Get(ctx, r.One("run"))
}

// undoHint says how to take a run back, if that can be done.
func (v verbs) undoHint(r actions.Run) string {
	if v.e.undoProblem(r) != nil {
		return ""
	}
	return "; undo " + r.ID + " takes it back"
}

// control returns the plan of one step on another run.
func control(r actions.Request, kind, say string, t target, noUndo string) actions.Plan {
	return actions.Plan{Request: r, Risk: actions.Disruptive, Say: say, Groups: []actions.Group{{Steps: []actions.Step{{
		Kind: kind, Key: "run/" + t.Run, Args: actions.Encode(t), Say: say, NoUndo: noUndo,
	}}}}}
}

// called returns the id of a run and what it is about.
func called(r actions.Run) string {
	if what := r.Plan.Request.Text; what != "" {
		return r.ID + " (" + what + ")"
	}
	return r.ID
}

// shorten keeps the first few lines and counts the rest.
func shorten(lines []string, most int) []string {
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("and %d more", len(lines)-most))
}

// clip shortens text for a table.
func clip(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// took says how long a run has taken, up to now if it goes on.
func took(r actions.Run, now time.Time) string {
	end := r.Ended
	if end.IsZero() {
		end = now
	}
	return round(end.Sub(r.Accepted))
}
