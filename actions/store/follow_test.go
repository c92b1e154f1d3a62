package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
)

// brittle is a bucket whose watches are given one by one: each is a list of entries, after which it breaks off.
type brittle struct {
	store.KV
	mu      sync.Mutex
	watches [][]store.Entry
}

// Watch gives the next watch; without one it fails.
func (b *brittle) Watch(ctx context.Context, _ string) (<-chan store.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.watches) == 0 {
		return nil, errors.New("nothing to watch")
	}
	next := b.watches[0]
	b.watches = b.watches[1:]
	out := make(chan store.Entry)
	go func() {
		defer close(out)
		for _, e := range next {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// TestFollow: everything first, then each change; after a break everything again, so that what vanished meanwhile is known; and it never gives up.
func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		is := func(key string) store.Entry { return store.Entry{Key: key} }
		gone := store.Entry{Key: "a", Deleted: true}
		kv := &brittle{watches: [][]store.Entry{
			{is("a"), is("b"), {}, is("c"), gone},
			{is("b")}, // breaks off before all was told: it tells nothing
			{is("b"), {}, is("d")},
		}}
		var told []string
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		begun := time.Now()
		store.Follow(ctx, kv, "", store.Follower{
			Whole: func(all []store.Entry) {
				var line strings.Builder
				line.WriteString("all:")
				for _, e := range all {
					line.WriteString(" " + e.Key)
				}
				told = append(told, line.String())
			},
			Change: func(e store.Entry) { told = append(told, fmt.Sprintf("%s deleted=%t", e.Key, e.Deleted)) },
			Broke: func(err error, wait time.Duration) {
				told = append(told, fmt.Sprintf("%v after %v, again in %v", err, time.Since(begun).Round(time.Second), wait))
			},
		})
		want := []string{
			"all: a b", "c deleted=false", "a deleted=true", "the watch has ended after 0s, again in 1s", "the watch has ended after 1s, again in 2s",
			"all: b", "d deleted=false", "the watch has ended after 3s, again in 4s",
			`watch "": nothing to watch after 7s, again in 8s`, `watch "": nothing to watch after 15s, again in 16s`,
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// TestFollowWithoutEars: who does not want to hear of breaks need not.
func TestFollowWithoutEars(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		store.Follow(ctx, &brittle{}, "", store.Follower{})
	})
}
