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
		case ctx.Err() != nil:
			return context.Cause(ctx) // also where a wish to cancel came first, and no node told
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
