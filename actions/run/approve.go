package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// The errors of a yes or a no that does not count.
var (
	// ErrLate says that the time for a yes is over.
	ErrLate = errors.New("the time to approve it is over")
	// ErrTwice says that the person has said yes before.
	ErrTwice = errors.New("approved by the same person before")
	// ErrNotWaiting says that the run does not wait for anybody's yes.
	ErrNotWaiting = errors.New("the run waits for nobody's yes")
	// ErrSelf says that the yes is of the one who asked, or whose rights the run acts with.
	ErrSelf = errors.New("the yes must come from somebody else than who asked")
)

// begun bounds how long a yes waits for a run that was accepted here and is not in the store yet.
const begun = 5 * time.Second

// Approve adds a person's yes to a run that waits for it and returns the run as it stands then: with the last yes that it needs it begins. Whether
// the person has the right is the caller's to know; that nobody approves what they asked for, twice or too late is seen to here.
//
// The same yes (By and At) may be given again and counts once; At is now when it is zero. ErrNotWaiting, ErrLate, ErrTwice, ErrSelf: it does
// not count.
func (e *Engine) Approve(ctx context.Context, id string, yes actions.Assent) (actions.Run, error) {
	if yes.At.IsZero() {
		yes.At = time.Now()
	}
	yes.Why = clip(yes.Why, maxReason)
	r, err := e.amend(ctx, id, func(r *actions.Run, now time.Time) (bool, error) { return assent(r, yes, now) })
	if approved(r) && (err == nil || errors.Is(err, ErrTwice)) { // also when whoever said the last yes died before this
		err = errors.Join(err, e.send(ctx, "approved."+id, message{Run: id}))
	}
	if err != nil {
		return r, fmt.Errorf("approve %s: %w", id, err)
	}
	return r, nil
}

// Reject ends a run that waits for a yes: it is cancelled before anything was done. ErrNotWaiting, ErrLate: there is nothing to reject. The same
// no of the same person may be given again.
func (e *Engine) Reject(ctx context.Context, id string, by actions.Actor, why string) (actions.Run, error) {
	no := "rejected by " + by.String()
	if why != "" {
		no += ": " + clip(why, maxReason)
	}
	fresh := false
	r, err := e.amend(ctx, id, func(r *actions.Run, now time.Time) (bool, error) {
		if r.State == actions.Cancelled && r.By == by.String() && r.Why == no {
			return false, nil
		}
		if err := awaits(*r, now); err != nil {
			return false, err
		}
		fresh = true
		r.By, r.Why = by.String(), no
		newTrack(r.Plan, e.undoes).end(r, actions.Cancelled, now)
		return true, nil
	})
	if err != nil {
		return r, fmt.Errorf("reject %s: %w", id, err)
	}
	if fresh {
		e.log.Info("run rejected", "run", id, "actor", r.By, "why", r.Why)
		if hook := e.o.Observe.Run; hook != nil {
			hook(r.State, r.Ended.Sub(r.Accepted))
		}
	}
	return r, nil
}

// maxReason bounds the reason of a yes or a no.
const maxReason = 500

// amend changes a run that nobody owns, by compare-and-set. change returns false when there is nothing to write.
func (e *Engine) amend(ctx context.Context, id string, change func(r *actions.Run, now time.Time) (bool, error)) (actions.Run, error) {
	if err := e.awaitJournal(ctx, id); err != nil {
		return actions.Run{}, err
	}
	for {
		have, err := read(ctx, e.runs, id)
		if err != nil {
			return actions.Run{}, err
		}
		r, err := decodeRun(have)
		if err != nil {
			return r, err
		}
		now := time.Now()
		if write, err := change(&r, now); err != nil || !write {
			return r, err
		}
		r.Updated = now
		revision, err := store.UpdateSure(ctx, e.runs, id, actions.Encode(r), have.Revision)
		if errors.Is(err, store.ErrConflict) {
			continue // somebody else's yes came first
		}
		if err == nil {
			e.feed.saved(id, revision, func() actions.Run { return r })
		}
		return r, err
	}
}

// awaitJournal waits until a run that was accepted here is in the store.
func (e *Engine) awaitJournal(ctx context.Context, id string) error {
	short, cancel := context.WithTimeout(ctx, begun)
	defer cancel()
	_, err := e.await(short, id, func(r actions.Run) bool { return r.Epoch > 0 })
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		return actions.Temporary{Err: errors.New("it is accepted and not begun yet: try again")}
	}
	return err
}

// assent adds a yes to a run, and says whether that changed it.
func assent(r *actions.Run, yes actions.Assent, now time.Time) (bool, error) {
	if yes.By == "" {
		return false, fmt.Errorf("%w: nobody known says yes as %q", ErrSelf, yes.As)
	}
	for _, was := range r.Assents {
		if was.By == yes.By && was.At.Equal(yes.At) {
			return false, nil
		}
		if was.By == yes.By || was.As != "" && was.As == yes.As {
			return false, fmt.Errorf("%s: %w", yes.By, ErrTwice)
		}
	}
	if err := awaits(*r, now); err != nil {
		return false, err
	}
	if asks(r.Plan.Request.Actor, yes) {
		return false, fmt.Errorf("%s: %w", yes.By, ErrSelf)
	}
	r.Assents = append(slices.Clone(r.Assents), yes)
	if r.Why = waitsFor(*r); len(r.Assents) >= r.Plan.Approve.People {
		r.Until, r.Why = now, "approved by "+names(r.Assents)+", about to begin"
	}
	return true, nil
}

// asks tells whether a yes is of the one who asked, or whose rights a rule or a job acts with.
func asks(asker actions.Actor, yes actions.Assent) bool {
	return yes.By == asker.Name || yes.By == asker.Owner || asker.As != "" && yes.As == asker.As
}

// awaiting tells whether a run waits for people.
func awaiting(r actions.Run) bool {
	return r.State == actions.Waiting && r.Plan.Approve != nil && len(r.Assents) < r.Plan.Approve.People && !r.Holding()
}

// approved tells whether a run has the yeses that it needs and has not begun yet.
func approved(r actions.Run) bool {
	return r.State == actions.Waiting && r.Plan.Approve != nil && len(r.Assents) >= r.Plan.Approve.People && r.Group == 0 && r.Cursor == 0
}

// awaits returns nil when a yes or a no would count now.
func awaits(r actions.Run, now time.Time) error {
	switch need := r.Plan.Approve; {
	case awaiting(r) && now.Before(r.Until):
		return nil
	case awaiting(r):
		return fmt.Errorf("it could be approved until %s: %w", clock(r, r.Until), ErrLate)
	case r.State == actions.Cancelled && r.By == self.Name && need != nil && len(r.Assents) < need.People:
		return fmt.Errorf("it could be approved until %s: %w", clock(r, r.Accepted.Add(need.Within)), ErrLate)
	case need == nil:
		return fmt.Errorf("it is %s and needs no approval: %w", word(r), ErrNotWaiting)
	}
	return fmt.Errorf("it is %s: %w", word(r), ErrNotWaiting)
}

// ask makes a fresh run wait for the people that its plan needs. A plan that does nothing waits for nobody.
func ask(r *actions.Run) {
	if need := r.Plan.Approve; need != nil && len(r.Plan.Groups) > 0 {
		r.State, r.Until = actions.Waiting, r.Accepted.Add(need.Within)
		r.Why = waitsFor(*r)
	}
}

// waitsFor says whose yes a run waits for.
func waitsFor(r actions.Run) string {
	need, asker := r.Plan.Approve, r.Plan.Request.Actor
	why := "waits for a yes of "
	switch {
	case len(r.Assents) > 0:
		why = fmt.Sprintf("waits for %d more of ", need.People-len(r.Assents))
	case need.People > 1:
		why += fmt.Sprintf("%d people of ", need.People)
	}
	not := asker.String()
	if asker.Owner != "" && asker.Owner != not {
		not += " or " + asker.Owner
	}
	why += "role " + need.Role + ", not " + not + ", until " + clock(r, r.Until)
	if len(r.Assents) > 0 {
		why += "; approved by " + names(r.Assents)
	}
	return why
}

// expiry says why nobody's yes is waited for any longer.
func expiry(r actions.Run) string {
	return fmt.Sprintf("%d of %d said yes within %s, the time to approve it is over", len(r.Assents), r.Plan.Approve.People, r.Plan.Approve.Within)
}

// names lists who said yes.
func names(yeses []actions.Assent) string {
	out := make([]string, len(yeses))
	for i, y := range yeses {
		out[i] = y.By
	}
	return strings.Join(out, ", ")
}
