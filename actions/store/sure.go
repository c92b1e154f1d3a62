package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Backoff of the Sure functions: short, since most unknown outcomes are a lost reply of a healthy server.
const (
	sureFirst = 5 * time.Millisecond
	sureMost  = time.Second
)

// CreateSure is Create that settles an unknown outcome and a false conflict by reading back: equal bytes are ours, an absent key is tried again,
// anything else is ErrConflict. It gives up with ErrUnknown when ctx ends, so give it a deadline.
//
// Two callers that write the same bytes both succeed: put something of the caller's own into the value where that matters.
func CreateSure(ctx context.Context, kv KV, key string, value []byte) (uint64, error) {
	return sure(ctx, kv, key, value, 0, func() (uint64, error) { return kv.Create(ctx, key, value) })
}

// UpdateSure is Update that settles an unknown outcome and a false conflict by reading back: equal bytes at a newer revision are ours, the old
// revision is tried again, anything else is ErrConflict. It gives up with ErrUnknown when ctx ends, so give it a deadline.
//
// A cluster answers a sole writer with a conflict now and then when its leader changes, so a conflict alone does not mean that another won.
func UpdateSure(ctx context.Context, kv KV, key string, value []byte, revision uint64) (uint64, error) {
	return sure(ctx, kv, key, value, revision, func() (uint64, error) { return kv.Update(ctx, key, value, revision) })
}

// sure repeats write until its outcome is known. revision is the state that it starts from, 0 for an absent key.
func sure(ctx context.Context, kv KV, key string, value []byte, revision uint64, write func() (uint64, error)) (uint64, error) {
	for wait := sureFirst; ; wait = min(2*wait, sureMost) {
		got, err := write()
		if err == nil || !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict) {
			return got, err
		}
		got, settled := settle(ctx, kv, key, value, revision)
		if settled == nil {
			return got, nil
		}
		if !errors.Is(settled, ErrUnknown) {
			return 0, settled
		}
		if !pause(ctx, wait) {
			return 0, fmt.Errorf("write %s: %w (%w)", key, ErrUnknown, context.Cause(ctx))
		}
	}
}

// settle reads the key back. It returns ErrUnknown when the write has to be tried again.
func settle(ctx context.Context, kv KV, key string, value []byte, revision uint64) (uint64, error) {
	have, err := kv.Get(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound) && revision == 0:
		return 0, ErrUnknown
	case errors.Is(err, ErrNotFound):
		return 0, fmt.Errorf("write %s over revision %d: the key is gone: %w", key, revision, ErrConflict)
	case errors.Is(err, ErrClosed):
		return 0, err
	case err != nil:
		return 0, ErrUnknown
	case have.Revision == revision:
		return 0, ErrUnknown
	case bytes.Equal(have.Value, value):
		return have.Revision, nil
	}
	return 0, fmt.Errorf("write %s over revision %d: holds revision %d: %w", key, revision, have.Revision, ErrConflict)
}

// pause waits and reports whether ctx still runs.
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
