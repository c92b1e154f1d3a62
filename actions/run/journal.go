package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// How outcomes are written: those of a group of up to narrow nodes into the journal itself, with the write that also begins what follows. Those of a
// wider group would make each write longer than the last, so they go to keys of their own, chunk outcomes or pause at a time.
const (
	narrow = 16
	chunk  = 64
	pause  = 100 * time.Millisecond
	// spill is the size at which a journal moves its outcomes to keys of their own.
	spill = store.MaxValue * 3 / 4
	// batch is the most bytes of outcomes in one key.
	batch = store.MaxValue / 2
)

// journal is a run as its owner holds it: the record, what its outcomes amount to, and what of both is in the store already.
//
// The write of an outcome is also the intention of what follows: it holds the cursor up to which nodes may have begun, and a node that has
// begun may be at the step after its last outcome. So after a crash exactly those acts are in doubt, and are done again under the same key.
type journal struct {
	e *Engine

	mu     sync.Mutex
	run    actions.Run
	track  *track
	dirty  bool              // the record differs from what is stored
	later  []actions.Outcome // for keys of their own, not stored yet
	marked int               // cursor as stored in such a key
	doubt  int               // nodes of the group at hand whose next act the owner before may have begun
	count  int               // counts the changes

	writing  chan struct{} // a token: one write at a time; who waits for it finds his change written by the next
	revision uint64
	chunks   int
	stored   int // changes that are in the store
	failed   error
}

// begin makes the journal of a run that is not in the store yet.
func (e *Engine) begin(r actions.Run, now time.Time) *journal {
	r.Schema = actions.RunSchema
	r.Wide = slices.ContainsFunc(r.Plan.Groups, wide)
	j := &journal{e: e, run: r, track: newTrack(r.Plan, e.undoes), writing: make(chan struct{}, 1)}
	j.change(now, func() { j.track.advance(&j.run, now, false) })
	return j
}

// wide tells whether a group's outcomes get keys of their own.
func wide(g actions.Group) bool { return len(g.Nodes) > narrow }

// undoes tells whether steps of a kind can be taken back. For an unknown kind it says yes: trying, and failing, tells the person.
func (e *Engine) undoes(kind string) bool {
	x := e.o.Executors[kind]
	_, ok := x.(Undoer)
	return ok || x == nil
}

// change makes a change of the record that the next commit writes.
func (j *journal) change(now time.Time, f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
	j.run.Updated = now
	j.dirty = true
	j.count++
}

// claim makes the run that of an owner, whose acts carry a new epoch. A frozen one is to be cancelled.
func (j *journal) claim(owner string, ticket uint64, frozen bool, now time.Time) {
	j.change(now, func() {
		released := j.run.Owner == ""
		j.run.Epoch++
		j.run.Owner, j.run.Ticket = owner, ticket
		if j.run.State == actions.Running {
			// First see what the owner before had come to, then let more begin: only his acts are in doubt.
			j.track.advance(&j.run, now, true)
			if !released {
				j.doubt = j.run.Cursor
			}
			if !frozen {
				j.track.advance(&j.run, now, false)
			}
		}
		j.track.retreat(&j.run, now) // he may have stored the last outcomes of a group without coming to say so
	})
}

// release says that nobody owns the run and that no act is in doubt.
func (j *journal) release(now time.Time) {
	j.change(now, func() { j.run.Owner = "" })
}

// wake ends the waiting: for people, who came or did not; for the step that asked for it; or of a change whose time is over.
func (j *journal) wake(now time.Time) {
	j.change(now, func() {
		if awaiting(j.run) {
			j.run.By, j.run.Why = self.Name, expiry(j.run)
			j.track.end(&j.run, actions.Cancelled, now)
			return
		}
		if !j.run.Holding() {
			j.run.State, j.run.Until, j.run.Why = actions.Running, time.Time{}, ""
			j.track.advance(&j.run, now, false)
			return
		}
		j.run.By, j.run.Why = self.Name, "its time of "+j.run.Plan.Hold.String()+" was over"
		j.track.takeBack(&j.run, now, actions.Done)
	})
}

// self is the author of what was decided earlier.
var self = actions.Actor{Kind: actions.System, Name: "opsbot"}

// undo begins to take back what was done, because a person wants it.
func (j *journal) undo(by string, now time.Time) {
	j.change(now, func() {
		j.run.By, j.run.Why = by, joinWhy(firstClause(j.run), "undone by "+by)
		j.track.takeBack(&j.run, now, actions.Failed)
	})
}

// firstClause keeps why a run failed when it is undone later.
func firstClause(r actions.Run) string {
	if r.State == actions.Failed || r.State == actions.Cancelled {
		return r.Why
	}
	return ""
}

// cancel ends the run because a person wants it.
func (j *journal) cancel(by string, now time.Time) {
	j.change(now, func() { j.track.cancel(&j.run, by, now) })
}

// repeats ends a run before it began, since its cause is another run's.
func (j *journal) repeats(original string, now time.Time) {
	j.change(now, func() {
		j.run.By, j.run.Why = self.Name, "repeats "+original+", which has the same cause"
		j.track.end(&j.run, actions.Cancelled, now)
	})
}

// wait parks the run until a time.
func (j *journal) wait(w actions.Wait, now time.Time) {
	j.change(now, func() { j.run.State, j.run.Until, j.run.Why = actions.Waiting, w.Until, w.Why })
}

// record takes in outcomes of a node and returns when they are safe; the last one of a node in a wide group will be soon. Frozen says that no further node
// is to begin.
func (j *journal) record(ctx context.Context, frozen bool, outs ...actions.Outcome) error {
	j.mu.Lock()
	now := time.Now()
	group, state, cursor := j.run.Group, j.run.State, j.run.Cursor
	own := false
	for _, o := range outs {
		o.At, o.Epoch = now, j.run.Epoch
		j.track.add(o, j.run.UndoFrom)
		if _, g, err := j.run.Plan.StepAt(o.Step); err == nil && wide(g) {
			j.later = append(j.later, o)
			continue
		}
		j.run.Outcomes = append(j.run.Outcomes, o)
		own = true
	}
	j.track.advance(&j.run, now, frozen)
	j.track.retreat(&j.run, now)
	moved := group != j.run.Group || state != j.run.State
	if own || moved {
		j.run.Updated, j.dirty = now, true
	}
	j.count++
	urgent := j.dirty || cursor != j.run.Cursor || len(j.later) >= chunk || j.goesOn(outs[len(outs)-1])
	j.mu.Unlock()
	if !urgent {
		return nil
	}
	return j.commit(ctx)
}

// goesOn tells whether the node of an outcome has more to do in this group. Then that outcome must be stored first: at most one act a node may be
// in doubt after a crash. The caller holds the lock.
func (j *journal) goesOn(o actions.Outcome) bool {
	i, ok := j.track.index[o.Node]
	return ok && j.run.State == actions.Running && j.track.state[i] == open
}

// commit writes what has changed and returns when all changes made before the call are in the store. Callers who come while another one
// writes share the next write. A journal that could not be written stays so: its owner must let go.
func (j *journal) commit(ctx context.Context) error {
	j.mu.Lock()
	want := j.count
	j.mu.Unlock()
	j.writing <- struct{}{}
	defer func() { <-j.writing }()
	if j.failed != nil || j.stored >= want {
		return j.failed
	}
	if err := j.write(ctx); err != nil {
		j.failed = err
	}
	return j.failed
}

// write stores the outcomes that have keys of their own, then the record. The caller holds writing.
func (j *journal) write(ctx context.Context) error {
	j.mu.Lock()
	count, dirty := j.count, j.dirty
	value := actions.Encode(j.run)
	if len(value) > spill {
		j.later = append(j.run.Outcomes, j.later...)
		j.run.Outcomes, j.run.Wide = nil, true
		value = actions.Encode(j.run)
	}
	later, cursor, group := j.later, j.run.Cursor, j.run.Group
	j.later, j.dirty = nil, false
	r := j.run
	r.Outcomes = slices.Clip(r.Outcomes)
	mark := !dirty && cursor != j.marked
	j.mu.Unlock()

	if len(later) > 0 || mark {
		if err := j.append(ctx, facts{Schema: actions.RunSchema, Group: group, Cursor: cursor}, r.ID, r.Epoch, later); err != nil {
			return err
		}
	}
	if dirty {
		if err := j.save(ctx, r.ID, value); err != nil {
			return err
		}
		j.e.feed.saved(r.ID, j.revision, func() actions.Run { return j.whole(r) })
	}
	j.mu.Lock()
	j.marked = cursor
	j.mu.Unlock()
	j.stored = count
	return nil
}

// save writes the record over the revision that this owner wrote last. A conflict means that another one has claimed the run since.
func (j *journal) save(ctx context.Context, id string, value []byte) error {
	var err error
	if j.revision == 0 {
		j.revision, err = store.CreateSure(ctx, j.e.runs, id, value)
	} else {
		j.revision, err = store.UpdateSure(ctx, j.e.runs, id, value, j.revision)
	}
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("journal of %s: %w: %w", id, errFenced, err)
	}
	if err != nil {
		return fmt.Errorf("journal of %s: %w", id, err)
	}
	return nil
}

// whole adds to a record the outcomes that live in keys of their own.
func (j *journal) whole(r actions.Run) actions.Run {
	if !r.Wide {
		return r
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r.Outcomes = j.track.outcomes()
	return r
}

func (j *journal) state() actions.State {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.run.State
}

// snapshot returns the record as it stands, for reading.
func (j *journal) snapshot() actions.Run {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.run
	r.Outcomes = slices.Clip(r.Outcomes)
	return r
}
