package policy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// Decision says what became of a request at one moment; a request that makes a run leaves several.
type Decision string

// The decisions that are recorded.
const (
	Answered  Decision = "answered"  // it only read, and was answered
	Planned   Decision = "planned"   // its plan was shown and nothing else (--dry-run)
	Asked     Decision = "asked"     // its plan was shown and a yes asked for
	Accepted  Decision = "accepted"  // its run was stored
	Refused   Decision = "refused"   // by policy
	Declined  Decision = "declined"  // the person said no
	Expired   Decision = "expired"   // nobody said anything in time
	Failed    Decision = "failed"    // it could not be planned, answered or stored
	RunEnded  Decision = "run-ended" // its run is over; Why says how
	RunUndone Decision = "run-undone"
	Unclear   Decision = "unclear" // it was asked back what was meant
	Noted     Decision = "noted"   // something about the bot itself: a start, a reload, an import
)

// Entry is what is recorded of one decision. Append cuts long texts and blanks what looks like a token.
type Entry struct {
	At       time.Time           `json:"at"`
	Actor    actions.Actor       `json:"actor"`
	Origin   actions.Origin      `json:"origin,omitzero"`
	Intent   string              `json:"intent,omitempty"`
	Slots    map[string][]string `json:"slots,omitempty"`
	Text     string              `json:"text,omitempty"` // as it was said
	Decision Decision            `json:"decision"`
	Why      string              `json:"why,omitempty"`
	Rule     string              `json:"rule,omitempty"`
	Risk     actions.Risk        `json:"risk,omitempty"`
	Run      string              `json:"run,omitempty"`
	PlanHash string              `json:"plan_hash,omitempty"`
}

// Audit is the record of all decisions: append only, every record bound to its predecessor by hash. It is safe for concurrent use, also by
// several processes on one log.
type Audit struct {
	log  store.Log
	turn chan struct{} // holds one value while no append is under way: racing with ourselves would only cost tries
	tail link          // the newest link that is known; a guess that the log checks
	at   bool          // tail is set
}

// link is where the chain ends; the zero value is the start of an empty log.
type link struct {
	sequence uint64
	hash     string
}

// NewAudit returns the audit that is kept in log.
func NewAudit(log store.Log) *Audit {
	a := &Audit{log: log, turn: make(chan struct{}, 1)}
	a.turn <- struct{}{}
	return a
}

// Append records one decision and returns when it is stored. It tries until ctx ends, so give it a deadline. An error means that the decision is
// not recorded, or with store.ErrUnknown in its chain that nobody knows: what depends on the record must not go on.
func (a *Audit) Append(ctx context.Context, e Entry) error {
	body, err := encode(e)
	if err != nil {
		return fmt.Errorf("audit %s of %q: %w", e.Decision, e.Intent, err)
	}
	select {
	case <-a.turn:
		defer func() { a.turn <- struct{}{} }()
	case <-ctx.Done():
		return fmt.Errorf("audit %s of %q: %w", e.Decision, e.Intent, ctx.Err())
	}
	if err := a.append(ctx, body); err != nil {
		return fmt.Errorf("audit %s of %q by %s: %w", e.Decision, e.Intent, e.Actor, err)
	}
	return nil
}

// append adds body behind whatever is last. Where another writer was first or the outcome is not known, it walks over what came behind the
// link that it had built on: if its own record is there, all is well, else it builds on the last one. A write of which nothing is known could
// land later only behind the same link, and is then the same record under the same id, which the log keeps once.
func (a *Audit) append(ctx context.Context, body []byte) error {
	if !a.at {
		if err := a.toLast(ctx); err != nil {
			return err
		}
	}
	nonce := newNonce()
	mine := map[string]bool{}
	var unsure error // set once an outcome was not known
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		r := seal(a.tail.hash, nonce, body)
		mine[r.Hash] = true
		sequence, err := a.log.Append(ctx, r.Hash, r.bytes(), a.tail.sequence)
		if err == nil {
			a.tail = link{sequence, r.Hash}
			return nil
		}
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnknown) {
			a.at = false
			return errors.Join(err, unsure)
		}
		if errors.Is(err, store.ErrUnknown) {
			unsure = store.ErrUnknown
		}
		switch found, moved, lookErr := a.advance(ctx, mine); {
		case found:
			return nil
		case moved && lookErr == nil:
			continue
		case errors.Is(err, store.ErrConflict) && lookErr == nil && unsure == nil:
			// Nothing came behind our link, and yet it is not the last: the log is another one than before, such as after an import.
			if err := a.toLast(ctx); err != nil {
				return err
			}
		}
		if !pause(ctx, wait) {
			a.at = false
			return errors.Join(err, unsure, context.Cause(ctx))
		}
	}
}

// toLast makes the newest record the tail.
func (a *Audit) toLast(ctx context.Context) error {
	last, err := a.log.Last(ctx)
	if errors.Is(err, store.ErrNotFound) {
		a.tail, a.at = link{}, true
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last record: %w", err)
	}
	r, err := open(last)
	if err != nil {
		return err
	}
	a.tail, a.at = link{last.Sequence, r.Hash}, true
	return nil
}

// advance moves the tail over the records behind it, until it stands on one of mine or on the last one.
func (a *Audit) advance(ctx context.Context, mine map[string]bool) (found, moved bool, err error) {
	for {
		page, err := a.log.Read(ctx, a.tail.sequence+1, pageSize)
		if err != nil || len(page) == 0 {
			return false, moved, err
		}
		for _, rec := range page {
			r, err := open(rec)
			if err != nil {
				return false, moved, err
			}
			a.tail, moved = link{rec.Sequence, r.Hash}, true
			if mine[r.Hash] {
				return true, true, nil
			}
		}
	}
}

func newNonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, it says
	return hex.EncodeToString(b[:])
}

// pause waits and tells whether ctx still runs.
func pause(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
