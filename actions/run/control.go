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

// Cancel asks that a run ends before its next act. It returns when the wish is stored; the run ends as soon as the acts under way have, and says
// what was done. A temporary change (Plan.Hold) is taken back instead: it has but that end. ErrOver: it has ended. ErrUndoing: it is being undone.
func (e *Engine) Cancel(ctx context.Context, id string, by actions.Actor) error {
	r, err := e.Get(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("cancel %s: %w", id, err)
	case r.State == actions.Undoing:
		return fmt.Errorf("cancel %s: %w", id, ErrUndoing)
	case r.State.Final():
		return fmt.Errorf("cancel %s, which is %s: %w", id, r.State, ErrOver)
	}
	wish := cancelWish{By: by.String(), At: time.Now()}
	_, err = store.CreateSure(ctx, e.runs, controlKey(id), actions.Encode(wish))
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody wished so before
		return fmt.Errorf("cancel %s: %w", id, err)
	}
	e.live.cancel(id, wish)
	return e.send(ctx, "cancel."+id, message{Run: id})
}

// Undo asks that what a run did is taken back. It returns when the wish is stored. A temporary change in force may be undone before its time.
// ErrLive: it has not ended, cancel it first. ErrUndoing: it is being undone. ErrOver: it has been undone. ErrNothing: nothing can be.
func (e *Engine) Undo(ctx context.Context, id string, by actions.Actor) error {
	r, err := e.Get(ctx, id)
	if err == nil {
		err = e.undoProblem(r)
	}
	if err != nil {
		return fmt.Errorf("undo %s: %w", id, err)
	}
	return e.send(ctx, fmt.Sprintf("undo.%s.%d", id, r.Epoch), message{Run: id, Undo: &undoWish{Epoch: r.Epoch, By: by.String()}})
}

// undoProblem tells why a run cannot be undone now, nil if it can.
func (e *Engine) undoProblem(r actions.Run) error {
	switch {
	case r.State == actions.Undoing:
		return ErrUndoing
	case r.State == actions.Undone:
		return fmt.Errorf("undone already: %w", ErrOver)
	case !r.State.Final() && !r.Holding():
		return fmt.Errorf("it is %s, cancel it first: %w", r.State, ErrLive)
	case !e.trackOf(r).undoable():
		return ErrNothing
	}
	return nil
}

// trackOf returns what the outcomes of a whole run amount to.
func (e *Engine) trackOf(r actions.Run) *track {
	t := newTrack(r.Plan, e.undoes)
	for _, o := range r.Outcomes {
		t.add(o, r.UndoFrom)
	}
	return t
}

// send publishes a message about a run and sees to it that it does not queue behind ordinary ones.
func (e *Engine) send(ctx context.Context, id string, m message) error {
	data := m.encode()
	sequence, _, err := e.publish(ctx, id, data)
	if err != nil {
		return fmt.Errorf("wake %s: %w", m.Run, err)
	}
	e.hurry(parcel{sequence: sequence, data: data})
	return nil
}

// The kinds of the steps that change other runs.
const (
	CancelKind = "run.cancel"
	UndoKind   = "run.undo"
)

// target are the arguments of such a step.
type target struct {
	Run   string `json:"run"`
	Epoch uint64 `json:"epoch,omitempty"` // of an undo: as the run stood when it was planned
	Why   string `json:"why,omitempty"`   // of an approval or a rejection
}

// How long such a step watches its run in place, and how long it parks before it looks again. Parking matters: workers that wait for runs
// which wait for workers would wait for ever.
const (
	watching = 15 * time.Second
	glance   = 5 * time.Second
)

// canceller is the executor of run.cancel.
type canceller struct{ e *Engine }

// Do cancels the run and tells how that ended.
func (x canceller) Do(ctx context.Context, c Call) (Result, error) {
	var t target
	if err := json.Unmarshal(c.Args, &t); err != nil {
		return Result{}, fmt.Errorf("arguments of %s: %w", CancelKind, err)
	}
	err := x.e.Cancel(ctx, t.Run, c.Request.Actor)
	if err != nil && !errors.Is(err, ErrOver) && !errors.Is(err, ErrUndoing) {
		return Result{}, retryable(err)
	}
	r, err := x.e.settle(ctx, t.Run, "its act under way ends", actions.State.Final, 0)
	if err != nil {
		return Result{}, err
	}
	if r.State != actions.Cancelled && r.By == "" {
		return Result{}, fmt.Errorf("%s was %s before it could be cancelled", t.Run, r.State)
	}
	return Result{Say: Summary(r)}, nil
}

// undoer is the executor of run.undo.
type undoer struct{ e *Engine }

// Do undoes the run and tells how that ended. A run that has been claimed since the plan was made is being undone already.
func (x undoer) Do(ctx context.Context, c Call) (Result, error) {
	var t target
	if err := json.Unmarshal(c.Args, &t); err != nil {
		return Result{}, fmt.Errorf("arguments of %s: %w", UndoKind, err)
	}
	r, err := x.e.Get(ctx, t.Run)
	if err == nil && r.Epoch == t.Epoch {
		err = x.e.Undo(ctx, t.Run, c.Request.Actor)
	}
	if err != nil {
		return Result{}, retryable(err)
	}
	r, err = x.e.settle(ctx, t.Run, "it is being undone", actions.State.Final, t.Epoch)
	if err != nil {
		return Result{}, err
	}
	if r.State != actions.Undone {
		return Result{}, errors.New(Summary(r))
	}
	return Result{Say: Summary(r)}, nil
}

// settle waits for a run to be over in an epoch after one. It parks the step when that takes long.
func (e *Engine) settle(ctx context.Context, id, why string, over func(actions.State) bool, after uint64) (actions.Run, error) {
	short, cancel := context.WithTimeout(ctx, watching)
	defer cancel()
	r, err := e.await(short, id, func(r actions.Run) bool { return over(r.State) && r.Epoch > after })
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() == nil && short.Err() != nil:
		return r, actions.Wait{Until: time.Now().Add(glance), Why: id + ": " + why}
	}
	return r, retryable(err)
}

// retryable marks what the store could not answer as temporary.
func retryable(err error) error {
	if errors.Is(err, store.ErrUnknown) {
		return actions.Temporary{Err: err}
	}
	return err
}
