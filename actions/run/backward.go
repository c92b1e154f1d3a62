package run

import (
	"context"
	"errors"

	"github.com/shitops/opsbot/actions"
)

// backward undoes what is to be taken back: the groups from the last to the first, on each node the steps from the last to the first. Everything that
// can be taken back is; one refusal does not keep the rest from it.
func (c *carrier) backward(ctx context.Context, j *journal) error {
	polite, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	defer context.AfterFunc(c.e.drain, func() { halt(ErrStopping) })()
	for j.state() == actions.Undoing {
		group := j.group()
		err := crew{
			limit: j.widthBack(group, c.e.o.Acts),
			tick:  j.tick(ctx),
			next:  j.nodesBack(group),
			work:  func(n nodeAt) error { return c.nodeBack(ctx, polite, j, group, n.name) },
		}.run()
		if err := errors.Join(err, j.commit(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// nodeBack undoes the steps of a group on one node. Steps that cannot be undone are told as kept, together with the next one that can.
func (c *carrier) nodeBack(ctx, polite context.Context, j *journal, group int, node string) error {
	var kept []actions.Outcome
	for _, step := range j.stepsBack(group, node) {
		if polite.Err() != nil {
			return context.Cause(polite)
		}
		was := j.outcome(step, node)
		if !j.canUndo(step) {
			kept = append(kept, actions.Outcome{Step: step, Node: node, State: actions.StepKept, Say: j.step(step).NoUndo, Data: was.Data})
			continue
		}
		o, err := c.undo(ctx, polite, j, step, node, was)
		if err != nil {
			return err
		}
		if err := j.record(ctx, false, append(kept, o)...); err != nil {
			return err
		}
		kept = nil
	}
	if kept == nil {
		return nil
	}
	return j.record(ctx, false, kept...)
}
