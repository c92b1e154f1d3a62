package run

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// What else can come of working on a message, beside the errors of the store, ErrStopping and ErrNewer.
var (
	errFenced    = errors.New("the run belongs to another owner now")
	errBusy      = errors.New("the run is at work here under another message")
	errElsewhere = errors.New("the run was just begun by another process")
)

// carrier carries one run for as long as this process owns it.
//
// Two life lines hang on it. The ctx that its methods get ends when the run is lost or the process must go; then nothing may be written any
// more. The polite one, a child of it made by carrier.polite, ends earlier: when a person cancels or the process would like to stop. Acts finish,
// pauses and Stoppable steps do not.
type carrier struct {
	e    *Engine
	id   string
	log  *slog.Logger
	lose context.CancelCauseFunc

	mu     sync.Mutex
	parcel parcel
	closed bool // finish has taken the lease
	torn   bool // an act was broken off, or has failed and would have been tried again: it may have acted
	wish   *cancelWish
	halt   context.CancelCauseFunc // ends the polite ctx; nil while nothing can be cancelled
}

// carry brings the run as far as it gets and returns nil when its message is not needed any more.
func (c *carrier) carry(ctx context.Context, m message) error {
	j, err := c.claim(ctx, m)
	if j == nil {
		return err
	}
	for err == nil {
		switch j.state() {
		case actions.Running:
			err = c.forward(ctx, j)
		case actions.Undoing:
			err = c.backward(ctx, j)
		case actions.Waiting:
			var cancelled bool
			if cancelled, err = c.park(ctx, j); !cancelled {
				return err
			}
		default:
			c.ended(j)
			return nil
		}
	}
	return err
}

// ended tells the log and the metrics.
func (c *carrier) ended(j *journal) {
	r := j.snapshot()
	took := r.Ended.Sub(r.Accepted)
	c.log.Info("run ended", "intent", r.Plan.Request.Intent, "actor", r.Plan.Request.Actor.String(), "state", r.State, "why", r.Why, "took", took)
	if hook := c.e.o.Observe.Run; hook != nil {
		hook(r.State, took)
	}
}

// finish acknowledges the message or gives it back, as err says.
func (c *carrier) finish(base context.Context, err error) {
	c.mu.Lock()
	lease := c.parcel.lease
	c.closed = true
	c.mu.Unlock()
	delay := time.Duration(-1)
	switch {
	case err == nil:
	case errors.Is(err, errFenced), errors.Is(err, store.ErrLost), errors.Is(err, store.ErrClosed):
		c.log.Warn("run left to its new owner", "error", err)
		return
	case errors.Is(err, ErrStopping), base.Err() != nil:
		delay = 0
	case errors.Is(err, errElsewhere):
		delay = c.e.o.Lease
	case errors.Is(err, errBusy):
		delay = c.patience(250*time.Millisecond, 30*time.Second)
	default:
		delay = c.patience(time.Second, time.Minute)
		c.log.Error("run set aside", "error", err, "again_in", delay)
	}
	if lease == nil {
		return
	}
	// The base ctx may have ended; these two are worth a moment still.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(base), 2*time.Second)
	defer cancel()
	if delay < 0 {
		err = lease.Ack(ctx)
	} else {
		err = lease.Nak(ctx, delay)
	}
	if err != nil {
		c.log.Debug("message will come again", "error", err)
	}
}

// patience doubles from first to most with each delivery of the message.
func (c *carrier) patience(first, most time.Duration) time.Duration {
	if c.parcel.lease == nil {
		return first
	}
	return min(first<<min(c.parcel.lease.Deliveries()-1, 16), most)
}

// heartbeat extends the lease until ctx ends, and ends it when the lease is lost: told so, or silent for as long as it lasts.
func (c *carrier) heartbeat(ctx context.Context) {
	tick := time.NewTicker(c.e.o.Lease / 4)
	defer tick.Stop()
	good := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lease := c.lease()
		if lease == nil {
			good = time.Now()
			continue
		}
		sent := time.Now()
		err := lease.Extend(ctx)
		switch {
		case err == nil || lease != c.lease():
			good = sent
		case errors.Is(err, store.ErrLost), errors.Is(err, store.ErrClosed), time.Since(good) >= c.e.o.Lease:
			c.lose(err)
			return
		}
	}
}

func (c *carrier) lease() store.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parcel.lease
}

// adopt takes over a newer lease of the same message: the queue delivers what was begun in a hurry, or believes us dead.
func (c *carrier) adopt(p parcel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || p.sequence != c.parcel.sequence || p.lease == nil {
		return false
	}
	c.parcel.lease = p.lease
	return true
}

// polite returns the gentler life line for the way forward, and what ends its use.
func (c *carrier) polite(ctx context.Context) (context.Context, func()) {
	polite, halt := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(c.e.drain, func() { halt(ErrStopping) })
	c.mu.Lock()
	c.halt = halt
	if c.wish != nil {
		halt(ErrCancelled)
	}
	c.mu.Unlock()
	return polite, func() {
		c.mu.Lock()
		c.halt = nil
		c.mu.Unlock()
		unhook()
		halt(nil)
	}
}

// cancel makes a person's wish known. It is honoured before the next act.
func (c *carrier) cancel(w cancelWish) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wish = &w
	if c.halt != nil {
		c.halt(ErrCancelled)
	}
}

// tear notes that an act has no outcome although it was begun.
func (c *carrier) tear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.torn = true
}

// release leaves the run to the next process when this one stops. If every act that was begun has its outcome, it says so in the journal:
// then nothing is in doubt.
func (c *carrier) release(ctx context.Context, j *journal) error {
	c.mu.Lock()
	torn := c.torn
	c.mu.Unlock()
	if !torn {
		j.release(time.Now())
	}
	return errors.Join(ErrStopping, j.commit(ctx))
}

func (c *carrier) wished() *cancelWish {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wish
}

// registry knows the runs that are at work in this process: one carrier a run.
type registry struct {
	mu   sync.Mutex
	runs map[string]*carrier
}

func newRegistry() *registry { return &registry{runs: map[string]*carrier{}} }

// begin enters c, or returns the carrier that has the run already.
func (r *registry) begin(c *carrier) *carrier {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.runs[c.id]; other != nil {
		return other
	}
	r.runs[c.id] = c
	return nil
}

func (r *registry) end(c *carrier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, c.id)
}

// cancel tells the carrier of a run, if it is here.
func (r *registry) cancel(id string, w cancelWish) {
	r.mu.Lock()
	c := r.runs[id]
	r.mu.Unlock()
	if c != nil {
		c.cancel(w)
	}
}

func (r *registry) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.runs))
}
