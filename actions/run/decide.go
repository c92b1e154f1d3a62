package run

import (
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
)

// act is a step on a node.
type act struct {
	step int
	node string
}

// nodeState is how far a node has come in the group at hand.
type nodeState int

// The states of a node.
const (
	open nodeState = iota // not begun, or under way
	through
	failed
	stopped
	nodeStates
)

// track is what the outcomes of a run amount to, and the place of every decision about its way: which node may begin, when a group is over, whether
// to go on, hold, take back or end. It is pure: no store, no clock, no executor.
type track struct {
	plan    actions.Plan
	undoes  func(kind string) bool // whether steps of a kind can be taken back
	first   []int                  // per group, the index of its first step
	do      map[act]actions.Outcome
	undo    map[act]actions.Outcome
	through int // acts that were done

	// Of the group at hand, on the way forward.
	group int
	nodes []string // without those that failed in an earlier group
	index map[string]int
	next  []int // per node, the offset of its next step
	state []nodeState
	count [nodeStates]int

	// Of the group at hand, on the way back.
	back int
	left int // acts to take back
}

func newTrack(p actions.Plan, undoes func(string) bool) *track {
	t := &track{plan: p, undoes: undoes, do: map[act]actions.Outcome{}, undo: map[act]actions.Outcome{}, group: -1, back: -1}
	n := 0
	for _, g := range p.Groups {
		t.first = append(t.first, n)
		n += len(g.Steps)
	}
	return t
}

// add takes in an outcome. Of two for the same act the one with the higher epoch counts.
func (t *track) add(o actions.Outcome, undoFrom uint64) {
	a, book := act{o.Step, o.Node}, t.do
	if o.Undoing() {
		book = t.undo
	}
	was, known := book[a]
	if known && was.Epoch > o.Epoch {
		return
	}
	wasOpen := t.toUndo(a, undoFrom)
	book[a] = o
	if t.back >= 0 && wasOpen && !t.toUndo(a, undoFrom) && t.groupOf(o.Step) == t.back {
		t.left--
	}
	if o.State == actions.StepDone && was.State != actions.StepDone {
		t.through++
	}
	if i, ok := t.index[o.Node]; ok && t.groupOf(o.Step) == t.group {
		t.look(i)
	}
}

// groupOf returns the group of a step.
func (t *track) groupOf(step int) int {
	i, found := slices.BinarySearch(t.first, step)
	if !found {
		return i - 1
	}
	for i+1 < len(t.first) && t.first[i+1] == step { // groups without steps share their index with the next one
		i++
	}
	return i
}

// enter makes a group the one at hand.
func (t *track) enter(group int) {
	t.group, t.nodes, t.index, t.count = group, nil, map[string]int{}, [nodeStates]int{}
	out := map[string]bool{}
	for a, o := range t.do {
		if o.State == actions.StepFailed && a.step < t.first[group] {
			out[a.node] = true
		}
	}
	for _, n := range t.plan.Groups[group].On() {
		if !out[n] || n == "" {
			t.index[n] = len(t.nodes)
			t.nodes = append(t.nodes, n)
		}
	}
	t.next, t.state = make([]int, len(t.nodes)), make([]nodeState, len(t.nodes))
	t.count[open] = len(t.nodes)
	for i := range t.nodes {
		t.look(i)
	}
}

// look finds out anew how far a node has come.
func (t *track) look(i int) {
	t.count[t.state[i]]--
	t.next[i], t.state[i] = 0, through
	for s := range t.plan.Groups[t.group].Steps {
		o, ok := t.do[act{t.first[t.group] + s, t.nodes[i]}]
		switch {
		case !ok:
			t.state[i] = open
		case o.State == actions.StepFailed:
			t.state[i] = failed
		case o.State == actions.StepStopped:
			t.state[i] = stopped
		default:
			t.next[i]++
			continue
		}
		break
	}
	t.count[t.state[i]]++
}

// advance moves a running run on as far as its outcomes allow: more nodes may begin, the next group, the end. A frozen run begins
// nothing new, nor does it fail: a step that was broken off because the run is to be cancelled is no reason to take the others back.
func (t *track) advance(r *actions.Run, now time.Time, frozen bool) {
	for r.State == actions.Running {
		if r.Group >= len(t.plan.Groups) {
			t.complete(r, now)
			return
		}
		if t.group != r.Group {
			t.enter(r.Group)
		}
		g := t.plan.Groups[r.Group]
		finished := len(t.nodes) - t.count[open]
		over := t.count[stopped] > 0 || t.count[failed] > 0 && !g.KeepGoing
		if !over && !frozen {
			r.Cursor = max(r.Cursor, min(len(t.nodes), finished+width(g, len(t.nodes))))
		}
		if finished < r.Cursor || !over && r.Cursor < len(t.nodes) {
			return
		}
		fails := t.count[failed] > 0 && (!g.KeepGoing || t.count[failed] == len(t.nodes))
		switch {
		case fails && frozen:
			return
		case fails:
			r.Why = t.failure(r.Group)
			t.takeBack(r, now, actions.Failed)
		case t.count[stopped] > 0:
			r.Failures += t.count[failed]
			r.Stopped, r.Why = true, t.stopping(r.Group)
			t.complete(r, now)
		default:
			r.Failures += t.count[failed]
			r.Group, r.Cursor = r.Group+1, 0
		}
	}
}

// width is how many nodes of a group may be under way at once.
func width(g actions.Group, nodes int) int {
	if g.Width > 0 {
		return min(g.Width, nodes)
	}
	return nodes
}

// complete ends a run whose steps are through, or holds what it did for a while.
func (t *track) complete(r *actions.Run, now time.Time) {
	r.Group, r.Cursor = len(t.plan.Groups), 0
	if r.Failures > 0 && r.Why == "" {
		r.Why = t.shortfall(r.Failures)
	}
	if t.plan.Hold > 0 && t.undoable() {
		r.State, r.Until = actions.Waiting, now.Add(t.plan.Hold)
		r.Why = joinWhy(r.Why, "in force for "+t.plan.Hold.Round(time.Second).String()+", then undone by itself")
		return
	}
	t.end(r, actions.Done, now)
}

// end makes the run final.
func (t *track) end(r *actions.Run, s actions.State, now time.Time) {
	r.State, r.Ended, r.Until, r.Cursor = s, now, time.Time{}, 0
}

// takeBack begins to undo what was done. A run in which nothing can be undone gets the state otherwise.
func (t *track) takeBack(r *actions.Run, now time.Time, otherwise actions.State) {
	if !t.undoable() {
		r.Why = joinWhy(r.Why, t.remains())
		t.end(r, otherwise, now)
		return
	}
	r.State, r.UndoFrom, r.Until = actions.Undoing, r.Epoch, time.Time{}
	r.Group, r.Cursor = len(t.plan.Groups)-1, 0
	t.back = -1
	t.retreat(r, now)
}

// retreat moves a run that is being undone on: to the group before, to the end.
func (t *track) retreat(r *actions.Run, now time.Time) {
	for r.State == actions.Undoing {
		if t.back != r.Group {
			t.back, t.left = r.Group, t.countUndo(r.Group, r.UndoFrom)
		}
		if t.left > 0 {
			return
		}
		if r.Group > 0 {
			r.Group--
			continue
		}
		t.conclude(r, now)
	}
}

// conclude ends an undo: well only if everything that could be taken back was, and something was.
func (t *track) conclude(r *actions.Run, now time.Time) {
	undone, missed := 0, 0
	for _, o := range t.undo {
		switch o.State {
		case actions.StepUndone:
			undone++
		case actions.StepUndoFailed:
			missed++
		}
	}
	state := actions.Undone
	if undone == 0 || missed > 0 {
		state = actions.Failed
	}
	r.Why = joinWhy(r.Why, t.remains())
	t.end(r, state, now)
}

// cancel ends a running or waiting run because a person wants it. A temporary change has but one end, to be undone: that comes now.
func (t *track) cancel(r *actions.Run, by string, now time.Time) {
	r.By, r.Why = by, "cancelled by "+by+t.soFar()
	if t.plan.Hold > 0 {
		t.takeBack(r, now, actions.Cancelled)
		return
	}
	t.end(r, actions.Cancelled, now)
}

// canUndo tells whether a step can be taken back at all.
func (t *track) canUndo(step int) bool {
	s := t.step(step)
	return s.NoUndo == "" && t.undoes(s.Kind)
}

// step returns a step by its index, the zero Step for a record that names one the plan does not have.
func (t *track) step(n int) actions.Step {
	s, _, err := t.plan.StepAt(n)
	if err != nil {
		return actions.Step{}
	}
	return s
}

// toUndo tells whether an act waits to be taken back, or to be told as kept, in the undo that began at an epoch.
func (t *track) toUndo(a act, since uint64) bool {
	o := t.do[a]
	acted := o.State == actions.StepDone || o.Unsure && t.canUndo(a.step)
	u, tried := t.undo[a]
	settled := tried && (u.State != actions.StepUndoFailed || u.Epoch >= since)
	return acted && !settled
}

// undoable tells whether any act can be taken back.
func (t *track) undoable() bool {
	for a := range t.do {
		if t.canUndo(a.step) && t.toUndo(a, ^uint64(0)) {
			return true
		}
	}
	return false
}

// countUndo returns how many acts of a group wait to be taken back.
func (t *track) countUndo(group int, since uint64) int {
	n := 0
	for a := range t.do {
		if t.groupOf(a.step) == group && t.toUndo(a, since) {
			n++
		}
	}
	return n
}

// undoOf returns the steps of a group to take back on a node, the last one first.
func (t *track) undoOf(group int, node string, since uint64) []int {
	var out []int
	for s := len(t.plan.Groups[group].Steps) - 1; s >= 0; s-- {
		if n := t.first[group] + s; t.toUndo(act{n, node}, since) {
			out = append(out, n)
		}
	}
	return out
}
