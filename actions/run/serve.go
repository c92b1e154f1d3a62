package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// reserved is how many workers wait for wishes that must not queue behind ordinary runs: cancel, undo, approve and reject.
const reserved = 8

// slack is how long Serve waits for steps whose ctx has ended before it gives them up.
const slack = 3 * time.Second

// parcel is a message as it came in: through the queue with a lease, or in a hurry, past the queue, without one.
type parcel struct {
	sequence uint64
	data     []byte
	lease    store.Lease // nil in a hurry
}

// fresh tells whether nobody can have died with this message.
func (p parcel) fresh() bool { return p.lease != nil && p.lease.Deliveries() == 1 }

// Serve pulls accepted runs and works on them until ctx ends. Then acts under way may finish within Options.Grace, what they did is
// journaled, the rest is left to the next process, and Serve returns nil. It returns an error when the store is closed under it, or when steps
// do not heed the end of their ctx. An engine serves once.
func (e *Engine) Serve(ctx context.Context) error {
	if !e.serving.CompareAndSwap(false, true) {
		return errors.New("run engine serves already")
	}
	base, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	e.base.Store(&base)
	for range cap(e.slots) {
		e.slots <- struct{}{}
	}
	for range cap(e.express) {
		e.express <- struct{}{}
	}
	var watching sync.WaitGroup
	watching.Go(func() { e.watch(base) })
	err := e.pull(ctx, base)
	err = errors.Join(err, e.stop(kill))
	watching.Wait()
	e.feed.close()
	return err
}

// stop lets the workers finish: politely, then firmly.
func (e *Engine) stop(kill context.CancelCauseFunc) error {
	e.closing.Lock()
	e.drained(ErrStopping)
	e.closing.Unlock()
	defer kill(ErrStopping)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		e.workers.Wait()
	}()
	if within(gone, e.o.Grace) {
		return nil
	}
	kill(ErrStopping)
	if within(gone, slack) {
		return nil
	}
	return fmt.Errorf("stop run engine: steps of %s do not end", strings.Join(e.live.ids(), ", "))
}

// within tells whether a channel is closed in time.
func within(c <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// pull hands messages to free workers, asking for no more than can be worked on: a lease runs from delivery.
func (e *Engine) pull(ctx, base context.Context) error {
	defer e.beat.Store(0)
	for ctx.Err() == nil {
		free := e.takeSlots(ctx)
		if free == 0 {
			break
		}
		healed := time.AfterFunc(time.Second, func() { e.pulling.Store(nil) }) // a Pull that waits is a Pull that works
		leases, err := e.o.Store.Queue().Pull(ctx, free)
		healed.Stop()
		e.beat.Store(time.Now().UnixNano())
		for range free - len(leases) {
			e.slots <- struct{}{}
		}
		for _, l := range leases {
			e.busy.Add(1)
			e.workers.Go(func() {
				defer func() {
					e.busy.Add(-1)
					e.slots <- struct{}{}
				}()
				e.handle(base, parcel{sequence: l.Sequence(), data: l.Data(), lease: l})
			})
		}
		if err := e.pulled(ctx, err); err != nil {
			return err
		}
		e.beat.Store(0)
	}
	return nil
}

// takeSlots waits for a free worker and takes all that are free.
func (e *Engine) takeSlots(ctx context.Context) int {
	select {
	case <-ctx.Done():
		return 0
	case <-e.slots:
	}
	for n := 1; ; n++ {
		select {
		case <-e.slots:
		default:
			return n
		}
	}
}

// pulled judges the error of a Pull. Only a closed store ends the loop.
func (e *Engine) pulled(ctx context.Context, err error) error {
	switch {
	case err == nil || ctx.Err() != nil:
		e.pulling.Store(nil)
		return nil
	case errors.Is(err, store.ErrClosed):
		return fmt.Errorf("pull runs: %w", err)
	}
	if e.pulling.Swap(&err) == nil {
		e.log.Error("cannot pull runs, trying again", "error", err)
	}
	sleep(ctx, time.Second)
	return nil
}

// hurry works on a message that this process has just published, if all ordinary workers are busy and a reserved one is free. The message stays in
// the queue: should this process die, its delivery carries on.
func (e *Engine) hurry(p parcel) {
	e.closing.Lock()
	defer e.closing.Unlock()
	base := e.base.Load()
	if base == nil || e.drain.Err() != nil || e.busy.Load() < int64(e.o.Workers) {
		return
	}
	select {
	case <-e.express:
		e.workers.Go(func() {
			defer func() { e.express <- struct{}{} }()
			e.handle(*base, p)
		})
	default:
	}
}

// handle works on one message until it can be acknowledged, parked or given back.
func (e *Engine) handle(base context.Context, p parcel) {
	m, err := decodeMessage(p.data)
	id := m.Run
	if m.Plan != nil {
		id = runID(p.sequence)
	}
	ctx, lose := context.WithCancelCause(base)
	c := &carrier{e: e, id: id, parcel: p, lose: lose, log: e.log.With("run", id)}
	if err != nil {
		lose(nil)
		c.finish(base, err)
		return
	}
	if other := e.live.begin(c); other != nil {
		lose(nil)
		if !other.adopt(p) {
			c.finish(base, errBusy)
		}
		return
	}
	e.feed.carry(id, true)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		c.heartbeat(ctx)
	}()
	err = c.carry(ctx, m)
	c.finish(base, err)
	e.feed.carry(id, false)
	e.live.end(c)
	lose(nil)
	<-beating
}

// isControl tells whether a plan is nothing but a wish about another run.
func isControl(p actions.Plan) bool {
	return len(p.Groups) == 1 && len(p.Groups[0].Steps) == 1 &&
		slices.Contains([]string{CancelKind, UndoKind, ApproveKind, RejectKind}, p.Groups[0].Steps[0].Kind)
}
