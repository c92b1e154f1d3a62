package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// claim makes the run that a message speaks of this process's own, with the write that says so. It returns no journal when there is
// nothing to do; a nil error then means that the message has served its purpose.
func (c *carrier) claim(ctx context.Context, m message) (*journal, error) {
	wish, err := c.readWish(ctx)
	if err != nil {
		return nil, err
	}
	j, err := c.e.load(ctx, c.id)
	switch {
	case errors.Is(err, store.ErrNotFound) && m.Plan != nil:
		return c.create(ctx, m, wish)
	case errors.Is(err, store.ErrNotFound):
		c.log.Warn("message about a run that does not exist")
		return nil, nil
	case err != nil:
		return nil, err
	}
	now := time.Now()
	next := judge(j.run, m, c.parcel, wish, now)
	switch next {
	case leave:
		return nil, nil
	case rearm:
		return nil, c.arm(ctx, j.run)
	case later:
		return nil, errElsewhere
	}
	j.claim(c.e.o.Owner, c.parcel.sequence, wish != nil, now)
	switch next {
	case takeOver:
		c.log.Info("run taken over", "epoch", j.run.Epoch)
	case wake:
		j.wake(now)
	case undo:
		j.undo(m.Undo.By, now)
	case cancel:
		j.cancel(wish.By, now)
	}
	return j, j.commit(ctx)
}

// create begins a run. Its cause is remembered first: a message that the queue's own memory did not recognise as a repeat ends here.
func (c *carrier) create(ctx context.Context, m message, wish *cancelWish) (*journal, error) {
	r := actions.Run{
		ID: c.id, Plan: *m.Plan, State: actions.Running, Epoch: 1, Owner: c.e.o.Owner, Ticket: c.parcel.sequence, Accepted: m.Accepted,
	}
	original, err := c.remember(ctx, m.Plan.Request.Cause)
	if err != nil {
		return nil, err
	}
	ask(&r)
	now := time.Now()
	j := c.e.begin(r, now)
	switch {
	case original != c.id:
		j.repeats(original, now)
	case wish != nil:
		j.cancel(wish.By, now)
	}
	return j, j.commit(ctx)
}

// remember makes the cause stand for this run and returns the run that it stands for.
func (c *carrier) remember(ctx context.Context, cause string) (string, error) {
	key := causeKey(cause)
	for {
		_, err := c.e.dedupe.CreateFor(ctx, key, []byte(c.id), c.e.o.Remember.Truncate(time.Second))
		if err == nil {
			return c.id, nil
		}
		if !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrConflict) {
			return "", fmt.Errorf("remember the cause of %s: %w", c.id, err)
		}
		was, err := read(ctx, c.e.dedupe, key)
		if err == nil {
			return string(was.Value), nil
		}
		if !errors.Is(err, store.ErrNotFound) || !sleep(ctx, 20*time.Millisecond) {
			return "", fmt.Errorf("remember the cause of %s: %w", c.id, err)
		}
	}
}

// readWish looks for a wish to cancel that was put down before this process had the run.
func (c *carrier) readWish(ctx context.Context) (*cancelWish, error) {
	have, err := read(ctx, c.e.runs, controlKey(c.id))
	if errors.Is(err, store.ErrNotFound) {
		return c.wished(), nil
	}
	if err != nil {
		return nil, err
	}
	var w cancelWish
	if err := json.Unmarshal(have.Value, &w); err != nil {
		return nil, fmt.Errorf("control key of %s: %w", c.id, err)
	}
	c.cancel(w)
	return &w, nil
}

// move is what a message means for a run.
type move string

// The moves.
const (
	leave    move = "leave"     // nothing to do, acknowledge
	rearm    move = "rearm"     // its time has not come: set the timer again, acknowledge
	later    move = "later"     // another process has just begun it past the queue; see after a lease whether it lives
	takeOver move = "take over" // its owner is dead
	wake     move = "wake"      // its time has come
	undo     move = "undo"
	cancel   move = "cancel"
)

// judge decides what a message means for a run that exists. A running run belongs to the message that it names as its ticket: that one is
// acknowledged only when the run is over or parked, so its redelivery, and nothing else, means that the owner is gone.
func judge(r actions.Run, m message, p parcel, wish *cancelWish, now time.Time) move {
	wantsUndo := m.Undo != nil && m.Undo.Epoch == r.Epoch
	switch {
	case wantsUndo && (r.State == actions.Waiting || r.State.Final() && r.State != actions.Undone):
		return undo
	case r.State.Final():
		return leave
	case r.State == actions.Waiting && wish != nil:
		return cancel
	case r.State == actions.Waiting && now.Before(r.Until):
		return rearm
	case r.State == actions.Waiting:
		return wake
	case p.sequence != r.Ticket || p.lease == nil:
		return leave
	case p.fresh():
		return later
	}
	return takeOver
}
