package actions

import (
	"encoding/json"
	"fmt"
	"time"
)

// State is where a run stands.
type State string

// The states of a run. Waiting, Running and Undoing are live; the others are final until a person asks for an undo.
const (
	Waiting   State = "waiting" // for a person or a time; holds no lease
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed" // and what could be undone was not, or could not be
	Undoing   State = "undoing"
	Undone    State = "undone"
	Cancelled State = "cancelled"
)

// Final tells whether the run is over.
func (s State) Final() bool { return s == Done || s == Failed || s == Undone || s == Cancelled }

// Run is the journal of a plan's execution: what a reader sees, and what another process needs to carry on.
type Run struct {
	Schema   int       `json:"schema"` // of this record, RunSchema
	ID       string    `json:"id"`     // r- and the sequence number of its accepting publish
	Plan     Plan      `json:"plan"`
	State    State     `json:"state"`
	Why      string    `json:"why,omitempty"` // why it failed, was stopped, undone, cancelled, or what it waits for
	Epoch    uint64    `json:"epoch"`         // counts the claims; the highest one owns the run
	Owner    string    `json:"owner,omitempty"`
	Ticket   uint64    `json:"ticket,omitempty"`  // sequence of the queue message that carries it while it is live
	Group    int       `json:"group"`             // the group at hand
	Cursor   int       `json:"cursor,omitempty"`  // nodes of that group that may have been begun; written before they are
	Stopped  bool      `json:"stopped,omitempty"` // an executor said that the rest is not needed
	Until    time.Time `json:"until,omitzero"`    // what a waiting run waits for, when it is a time
	Accepted time.Time `json:"accepted"`
	Updated  time.Time `json:"updated"`
	Ended    time.Time `json:"ended,omitzero"`
	By       string    `json:"by,omitempty"`        // who cancelled or undid it
	UndoFrom uint64    `json:"undo_from,omitempty"` // epoch in which the latest undo began
	Failures int       `json:"failures,omitempty"`  // nodes that did not get through a group that keeps going
	Wide     bool      `json:"wide,omitempty"`      // some outcomes live in keys of their own
	Assents  []Assent  `json:"assents,omitempty"`   // of those who agreed to a plan that needs it
	Outcomes []Outcome `json:"outcomes,omitempty"`  // of finished acts, in order of finishing; those of a fan-out live in keys of their own and are merged by the reader
}

// RunSchema is the version of the Run record that this program writes. It reads this one and the one before.
const RunSchema = 1

// OutcomeState is how one step on one node ended.
type OutcomeState string

// The outcomes of a step.
const (
	StepDone       OutcomeState = "done"
	StepFailed     OutcomeState = "failed"
	StepStopped    OutcomeState = "stopped"     // the executor said that the rest of the plan is not needed
	StepUndone     OutcomeState = "undone"      // also when it had not been done after all
	StepUndoFailed OutcomeState = "undo-failed" // what others changed since is shown, not overwritten
	StepKept       OutcomeState = "kept"        // cannot be taken back, as the plan said
)

// Outcome is what one step did on one node.
type Outcome struct {
	Step     int             `json:"step"`           // index over all steps of the plan, from 0
	Node     string          `json:"node,omitempty"` // empty for a step without nodes
	State    OutcomeState    `json:"state"`
	Say      string          `json:"say,omitempty"`    // one line for people: what was found, done, verified
	Data     json.RawMessage `json:"data,omitempty"`   // what Undo and later steps need
	Unsure   bool            `json:"unsure,omitempty"` // it failed, yet a try that got no answer may have acted: it is undone like a done one
	Attempts int             `json:"attempts,omitempty"`
	Took     time.Duration   `json:"took,omitempty"`
	At       time.Time       `json:"at"`
	Epoch    uint64          `json:"epoch"`
}

// Holding tells whether all steps of a temporary change are done and it is in force until Run.Until.
func (r Run) Holding() bool { return r.State == Waiting && r.Group >= len(r.Plan.Groups) }

// Partly tells whether the run ended well on some of its nodes only.
func (r Run) Partly() bool { return r.State == Done && r.Failures > 0 }

// Undoing tells whether the outcome belongs to taking a step back.
func (o Outcome) Undoing() bool {
	return o.State == StepUndone || o.State == StepUndoFailed || o.State == StepKept
}

// Latest returns how each step stands on each node now, in the order of the plan: of several outcomes the one that counts. Acts that
// were never finished are absent.
func (r Run) Latest() []Outcome {
	type act struct {
		step int
		node string
	}
	last := map[act]Outcome{}
	for _, o := range r.Outcomes {
		a := act{o.Step, o.Node}
		if was, ok := last[a]; !ok || o.Supersedes(was) {
			last[a] = o
		}
	}
	var out []Outcome
	n := 0
	for _, g := range r.Plan.Groups {
		for _, node := range g.On() {
			for i := range g.Steps {
				if o, ok := last[act{n + i, node}]; ok {
					out = append(out, o)
				}
			}
		}
		n += len(g.Steps)
	}
	return out
}

// Supersedes tells whether o counts instead of was, an earlier found outcome of the same step on the same node: taking back comes after
// doing, and of two owners the later one knows better.
func (o Outcome) Supersedes(was Outcome) bool {
	if o.Undoing() != was.Undoing() {
		return o.Undoing()
	}
	return o.Epoch >= was.Epoch
}

// StepAt returns the step with the given index over all groups, and the group it is in.
func (p Plan) StepAt(n int) (Step, Group, error) {
	left := n
	for _, g := range p.Groups {
		if left >= 0 && left < len(g.Steps) {
			return g.Steps[left], g, nil
		}
		left -= len(g.Steps)
	}
	return Step{}, Group{}, fmt.Errorf("plan of %s has no step %d", p.Request.Intent, n)
}
