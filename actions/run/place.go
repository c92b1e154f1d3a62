package run

import (
	"context"
	"slices"

	"github.com/shitops/opsbot/actions"
)

// The questions that a carrier at work asks its journal about the group at hand. Each takes the lock for itself.

func (j *journal) group() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.run.Group
}

// tick returns what stores the outcomes of a wide group from time to time, nil where every outcome is stored as it comes.
func (j *journal) tick(ctx context.Context) func() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.run.Group < len(j.run.Plan.Groups) && !wide(j.run.Plan.Groups[j.run.Group]) {
		return nil
	}
	return func() error { return j.commit(ctx) }
}

// nodes returns an iterator over the nodes of the group that may be worked on and are not through. It has none for the moment when the width is
// used up, and none for good when the group is over.
func (j *journal) nodes(group int) func() (nodeAt, bool) {
	at := 0
	return func() (nodeAt, bool) {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.run.Group != group || j.run.State != actions.Running {
			return nodeAt{}, false
		}
		for at < j.run.Cursor && j.track.state[at] != open {
			at++
		}
		if at >= j.run.Cursor {
			return nodeAt{}, false
		}
		at++
		return nodeAt{index: at - 1, name: j.track.nodes[at-1], doubt: at <= j.doubt}, true
	}
}

// nextStep returns the index of the next step of a node, or false when the node has come to its end.
func (j *journal) nextStep(group int, n nodeAt) (int, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.run.Group != group || j.run.State != actions.Running || j.track.state[n.index] != open {
		return 0, false
	}
	return j.track.first[group] + j.track.next[n.index], true
}

// settled ends the doubt about the group: those acts were done in this round.
func (j *journal) settled() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.doubt = 0
}

func (j *journal) widthBack(group, acts int) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.run.Plan.Groups[group]
	return min(acts, max(1, width(g, len(g.Nodes))))
}

// nodesBack returns an iterator over the nodes of a group that have something to take back, the last one first.
func (j *journal) nodesBack(group int) func() (nodeAt, bool) {
	nodes := slices.Clone(j.run.Plan.Groups[group].On())
	return func() (nodeAt, bool) {
		for len(nodes) > 0 {
			last := len(nodes) - 1
			n := nodes[last]
			nodes = nodes[:last]
			if len(j.stepsBack(group, n)) > 0 {
				return nodeAt{index: last, name: n}, true
			}
		}
		return nodeAt{}, false
	}
}

// stepsBack returns the steps of a group to take back on a node, the last one first.
func (j *journal) stepsBack(group int, node string) []int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.track.undoOf(group, node, j.run.UndoFrom)
}

func (j *journal) canUndo(step int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.track.canUndo(step)
}

func (j *journal) step(n int) actions.Step {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.track.step(n)
}

// outcome returns what doing a step on a node has come to.
func (j *journal) outcome(step int, node string) actions.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.track.do[act{step, node}]
}

// before returns the finished steps before one on a node, as its executor sees them.
func (j *journal) before(step int, node string) []actions.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	if node == "" {
		return j.track.acts(j.track.do, func(o actions.Outcome) bool { return o.Step < step })
	}
	var out []actions.Outcome
	for s := range step {
		for _, n := range []string{"", node} {
			if o, ok := j.track.do[act{s, n}]; ok {
				out = append(out, o)
			}
		}
	}
	return out
}
