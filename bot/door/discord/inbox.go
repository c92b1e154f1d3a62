package discord

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// How long events are kept: what is not worked off yet, and what was, so that a repeat of it is known.
const (
	pendingFor = 24 * time.Hour
	doneFor    = time.Hour
)

// entry is one event as it came in. A done entry has no Body.
type entry struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // interaction or message
	At      time.Time `json:"at"`
	Private bool      `json:"private,omitempty"` // the response was declared to be for one person alone
	Body    []byte    `json:"body,omitempty"`
	Mark    string    `json:"mark,omitempty"` // tells two deliveries of the same event apart
}

// errTwice says that an event is known already.
var errTwice = errors.New("this event came before")

// inbox keeps events until they are worked off.
type inbox struct {
	kv     store.KV
	prefix string
}

// put stores an event. It returns errTwice where the event is known, and an error of the store where it is not sure to be kept.
func (b *inbox) put(ctx context.Context, e entry) error {
	e.Mark = rand.Text()
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("keep event %s: %w", e.ID, err)
	}
	key := b.prefix + e.ID
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		_, err := b.kv.CreateFor(ctx, key, value, pendingFor)
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("keep event %s: %w", e.ID, err)
		}
		have, got := b.kv.Get(ctx, key)
		switch {
		case got == nil && bytes.Equal(have.Value, value):
			return nil
		case got == nil:
			return errTwice
		}
		if !sleep(ctx, wait) {
			return fmt.Errorf("keep event %s: %w", e.ID, err)
		}
	}
}

// done leaves of an event that it was worked off. An error is harmless: the event is worked off again after a restart, with the same id.
func (b *inbox) done(ctx context.Context, id string) error {
	key := b.prefix + id
	have, err := b.kv.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("close event %s: %w", id, err)
	}
	value, err := json.Marshal(entry{ID: id})
	if err != nil {
		return fmt.Errorf("close event %s: %w", id, err)
	}
	if _, err := b.kv.UpdateFor(ctx, key, value, have.Revision, doneFor); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("close event %s: %w", id, err)
	}
	return nil
}

// pending returns what was not worked off, oldest first. What cannot be read is returned as an error beside the rest.
func (b *inbox) pending(ctx context.Context) ([]entry, error) {
	all, err := b.kv.List(ctx, b.prefix)
	if err != nil {
		return nil, fmt.Errorf("list events that are not worked off: %w", err)
	}
	var out []entry
	var errs []error
	for _, kept := range all {
		var e entry
		if err := json.Unmarshal(kept.Value, &e); err != nil {
			errs = append(errs, fmt.Errorf("read event %s: %w", kept.Key, err))
		} else if len(e.Body) > 0 {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(x, y entry) int { return x.At.Compare(y.At) })
	return out, errors.Join(errs...)
}
