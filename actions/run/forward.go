package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
)

// forward does the groups of a running run until its state changes.
func (c *carrier) forward(ctx context.Context, j *journal) error {
	polite, done := c.polite(ctx)
	defer done()
	for j.state() == actions.Running {
		waits, err := c.group(ctx, polite, j)
		j.settled()
		switch {
		case errors.Is(err, ErrStopping) && ctx.Err() == nil:
			return c.release(ctx, j)
		case err != nil:
			return errors.Join(err, j.commit(ctx))
		case j.state() != actions.Running:
		case errors.Is(context.Cause(polite), ErrStopping):
			return c.release(ctx, j)
		case polite.Err() != nil && ctx.Err() == nil:
			j.cancel(c.wished().By, time.Now())
		case waits != nil:
			j.wait(*waits, time.Now())
		}
		if err := j.commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// group brings the nodes of the group at hand as far as they get. It returns what the first of them to go on waits for, if all that is left waits.
func (c *carrier) group(ctx, polite context.Context, j *journal) (*actions.Wait, error) {
	var mu sync.Mutex
	var first *actions.Wait
	group := j.group()
	err := crew{
		limit: c.e.o.Acts,
		tick:  j.tick(ctx),
		next:  j.nodes(group),
		work: func(n nodeAt) error {
			err := c.node(ctx, polite, j, group, n)
			var w actions.Wait
			switch {
			case errors.Is(err, ErrCancelled):
				return nil // the other nodes may have acts in doubt still; forward sees the wish
			case !errors.As(err, &w):
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil || w.Until.Before(first.Until) {
				first = &w
			}
			return nil
		},
	}.run()
	return first, err
}

// node does the steps of a group on one node, up to its end or to the first that does not come to one now. An act that is in doubt is done before a
// wish to cancel is heard: what it did has to be known.
func (c *carrier) node(ctx, polite context.Context, j *journal, group int, n nodeAt) error {
	for doubt := n.doubt; ; doubt = false {
		step, ok := j.nextStep(group, n)
		if !ok {
			return nil
		}
		if cause := context.Cause(polite); cause != nil && (!doubt || !errors.Is(cause, ErrCancelled)) {
			return cause
		}
		o, err := c.do(ctx, polite, j, step, n.name, doubt)
		if err != nil {
			return err
		}
		if err := j.record(ctx, polite.Err() != nil, o); err != nil {
			return err
		}
	}
}

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

// nodeAt is a node of the group at hand.
type nodeAt struct {
	index int
	name  string
	doubt bool // the owner before may have begun its next act
}

// crew works on nodes: at most limit at once, until next has none and all have ended, or one has failed and the others have ended.
type crew struct {
	limit int
	next  func() (nodeAt, bool)
	work  func(nodeAt) error
	tick  func() error // called every pause while nodes are at work; nil for never
}

func (w crew) run() error {
	ended := make(chan error)
	var ticks <-chan time.Time
	if w.tick != nil {
		t := time.NewTicker(pause)
		defer t.Stop()
		ticks = t.C
	}
	var failure error
	for active := 0; ; {
		for failure == nil && active < w.limit {
			n, ok := w.next()
			if !ok {
				break
			}
			active++
			go func() { ended <- w.work(n) }()
		}
		if active == 0 {
			return failure
		}
		var err error
		select {
		case err = <-ended:
			active--
		case <-ticks:
			err = w.tick()
		}
		if failure == nil {
			failure = err
		}
	}
}
