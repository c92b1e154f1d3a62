package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// moody is a KV that answers its next writes with other errors than the truth, like a cluster whose leader changes (rule 5).
type moody struct {
	store.KV
	moods []mood
}

type mood struct {
	apply bool
	err   error
}

func (m *moody) next() (mood, bool) {
	if len(m.moods) == 0 {
		return mood{}, false
	}
	first := m.moods[0]
	m.moods = m.moods[1:]
	return first, true
}

func (m *moody) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	now, ok := m.next()
	if !ok || now.apply {
		if revision, err := m.KV.Create(ctx, key, value); !ok || err != nil {
			return revision, err
		}
	}
	return 0, now.err
}

func (m *moody) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	now, ok := m.next()
	if !ok || now.apply {
		if revision, err := m.KV.Update(ctx, key, value, revision); !ok || err != nil {
			return revision, err
		}
	}
	return 0, now.err
}

// TestSureAgainstMoods lets a sole writer see any sequence of false conflicts and lost answers: each write must happen, and only once.
func TestSureAgainstMoods(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		moods := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) mood {
			return mood{rapid.Bool().Draw(rt, "apply"), rapid.SampledFrom([]error{store.ErrUnknown, store.ErrConflict}).Draw(rt, "err")}
		}), 0, 6).Draw(rt, "moods")
		// A rapid test runs many times within one bubble's lifetime, so each run gets a bubble of its own.
		synctest.Test(t, func(t *testing.T) {
			h := fake.New().Open(fake.Options{})
			kv := &moody{KV: h.Bucket(store.Runs), moods: moods}
			revision, err := store.CreateSure(t.Context(), kv, "k", []byte("0"))
			for i := 1; i < 4 && err == nil; i++ {
				revision, err = store.UpdateSure(t.Context(), kv, "k", fmt.Append(nil, i), revision)
			}
			got, getErr := h.Bucket(store.Runs).Get(t.Context(), "k")
			if err != nil || getErr != nil || string(got.Value) != "3" || got.Revision != 4 || revision != 4 {
				t.Errorf("moods %v: %q at %d (%v), writer thinks %d (%v); want 3 at 4", moods, got.Value, got.Revision, getErr, revision, err)
			}
		})
	})
}

func TestSureGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := fake.New().Open(fake.Options{Inject: func(fake.Op) fake.Fault { return fake.Unavailable }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := store.CreateSure(ctx, h.Bucket(store.Runs), "k", nil)
		if !errors.Is(err, store.ErrUnknown) || time.Since(start) != time.Minute {
			t.Errorf("CreateSure without a store = %v after %v, want ErrUnknown after a minute", err, time.Since(start))
		}
	})
}

// TestSureLoses lets another writer win while the first one does not know.
func TestSureLoses(t *testing.T) {
	t.Parallel()
	h := fake.New().Open(fake.Options{})
	inner := h.Bucket(store.Runs)
	if _, err := inner.Create(t.Context(), "k", []byte("other")); err != nil {
		t.Fatal(err)
	}
	kv := &moody{KV: inner, moods: []mood{{false, store.ErrUnknown}}}
	if _, err := store.CreateSure(t.Context(), kv, "k", []byte("mine")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("CreateSure over another's key = %v, want ErrConflict", err)
	}
	if _, err := store.CreateSure(t.Context(), inner, "bad key", nil); errors.Is(err, store.ErrConflict) || err == nil {
		t.Errorf("CreateSure of a bad key = %v, want another error", err)
	}
}
