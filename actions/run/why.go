package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// most is how many nodes or steps a reason names before it only counts the rest.
const most = 3

// joinWhy appends a clause to a reason.
func joinWhy(why, clause string) string {
	if why == "" || clause == "" {
		return why + clause
	}
	return why + "; " + clause
}

// acts returns what picks chooses among the outcomes, in the order of the plan.
func (t *track) acts(book map[act]actions.Outcome, pick func(actions.Outcome) bool) []actions.Outcome {
	var out []actions.Outcome
	for _, o := range book {
		if pick(o) {
			out = append(out, o)
		}
	}
	at := map[string]int{}
	for i, n := range t.plan.Targets() {
		at[n] = i
	}
	slices.SortFunc(out, func(a, b actions.Outcome) int {
		if a.Step != b.Step {
			return a.Step - b.Step
		}
		return at[a.Node] - at[b.Node]
	})
	return out
}

// outcomes returns all outcomes that count: those of doing, then those of taking back, each in the order of the plan.
func (t *track) outcomes() []actions.Outcome {
	every := func(actions.Outcome) bool { return true }
	return append(t.acts(t.do, every), t.acts(t.undo, every)...)
}

// name says which act an outcome is of: what the step says, and its node where that does not name it.
func (t *track) name(o actions.Outcome) string {
	return sayOn(t.step(o.Step), o.Node)
}

// sayOn returns what a step says on a node, naming the node.
func sayOn(s actions.Step, node string) string {
	say := actions.On(s.Say, node)
	if say == "" {
		say = s.Kind
	}
	if node != "" && !strings.Contains(say, node) {
		say += " on " + node
	}
	return say
}

// failure says which step failed, on which nodes, and why.
func (t *track) failure(group int) string {
	return t.tell(t.acts(t.do, func(o actions.Outcome) bool {
		return o.State == actions.StepFailed && t.groupOf(o.Step) == group
	}))
}

// tell names the first few outcomes with what they say.
func (t *track) tell(os []actions.Outcome) string {
	var parts []string
	for _, o := range os[:min(len(os), most)] {
		part := t.name(o) + ": " + o.Say
		if o.Attempts > 1 {
			part += fmt.Sprintf(" (%d tries)", o.Attempts)
		}
		parts = append(parts, part)
	}
	if n := len(os) - most; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(parts, "; ")
}

// stopping says why the rest was not needed.
func (t *track) stopping(group int) string {
	os := t.acts(t.do, func(o actions.Outcome) bool {
		return o.State == actions.StepStopped && t.groupOf(o.Step) == group
	})
	return "stopped, the rest is not needed: " + t.tell(os)
}

// shortfall says which nodes did not get through.
func (t *track) shortfall(n int) string {
	failed := t.acts(t.do, func(o actions.Outcome) bool { return o.State == actions.StepFailed })
	return fmt.Sprintf("%d of %s failed: %s", n, count(len(t.plan.Targets()), "node"), t.tell(failed))
}

// remains says what an undo left: what could not be taken back although it was tried, and what never can be.
func (t *track) remains() string {
	missed := t.acts(t.undo, func(o actions.Outcome) bool { return o.State == actions.StepUndoFailed })
	kept := t.acts(t.do, func(o actions.Outcome) bool { return o.State == actions.StepDone && !t.canUndo(o.Step) })
	for i, o := range kept {
		kept[i].Attempts = 0
		if kept[i].Say = t.step(o.Step).NoUndo; kept[i].Say == "" {
			kept[i].Say = "steps of kind " + t.step(o.Step).Kind + " cannot be undone"
		}
	}
	why := ""
	if len(missed) > 0 {
		why = "not undone: " + t.tell(missed)
	}
	if len(kept) > 0 {
		why = joinWhy(why, "stays done: "+t.tell(kept))
	}
	return why
}

// soFar says how much was done before the end came.
func (t *track) soFar() string {
	all := 0
	for _, g := range t.plan.Groups {
		all += len(g.Steps) * len(g.On())
	}
	if t.through == 0 {
		return " before anything was done"
	}
	return fmt.Sprintf(" when %d of %s were done", t.through, count(all, "act"))
}

// count returns "1 node", "2 nodes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
