package rule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// patience bounds the whole of one change: what cannot be written by then is not known to be counted, and nothing is done.
const patience = 10 * time.Second

// Change reads a key, lets edit change its value, and writes it by compare-and-set; edit gets the zero value where there is none, and false from it
// writes nothing. It is repeated when another was faster and when an outcome is not known, so edit must see in the value what it has done already.
// A ttl of whole seconds lets the key vanish by itself; 0 keeps it. The result is the value as it is stored then. An error of edit is returned as it is.
func Change[T any](ctx context.Context, kv store.KV, key string, ttl time.Duration, edit func(v *T) (write bool, err error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		v, revision, err := read[T](ctx, kv, key)
		if err == nil {
			var write bool
			if write, err = edit(&v); err != nil || !write {
				return v, err
			}
			err = put(ctx, kv, key, v, revision, ttl)
		}
		if err == nil || !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnknown) {
			return v, err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return v, fmt.Errorf("change %s: %w", key, err)
		case <-t.C:
		}
	}
}

// read returns the value of a key and its revision, 0 where there is none.
func read[T any](ctx context.Context, kv store.KV, key string) (v T, revision uint64, err error) {
	e, err := kv.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return v, 0, nil
	}
	if err != nil {
		return v, 0, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return v, 0, fmt.Errorf("read %s: %w", key, err)
	}
	return v, e.Revision, nil
}

func put(ctx context.Context, kv store.KV, key string, v any, revision uint64, ttl time.Duration) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	switch {
	case revision == 0 && ttl == 0:
		_, err = kv.Create(ctx, key, value)
	case revision == 0:
		_, err = kv.CreateFor(ctx, key, value, ttl)
	case ttl == 0:
		_, err = kv.Update(ctx, key, value, revision)
	default:
		_, err = kv.UpdateFor(ctx, key, value, revision, ttl)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}
