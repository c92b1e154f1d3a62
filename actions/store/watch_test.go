package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// TestWatchOutlivesASilentConsumer: a consumer that keeps messages back, during the live entries or after them, delays a watch and does not stop it.
func TestWatchOutlivesASilentConsumer(t *testing.T) {
	tests := []struct {
		name string
		mark bool // the watch has sent its live entries when its consumers fall silent
	}{
		{"while the live entries come", false},
		{"while changes come", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
			defer shut(t, e)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			kv := e.Bucket(store.Runs)
			want := map[string]uint64{}
			fill := func(name string) {
				for i := range 8 { // some in every shard
					key := fmt.Sprintf("r-%s%d", name, i)
					revision, err := kv.Create(ctx, key, []byte("created"))
					if err != nil {
						t.Fatal(err)
					}
					if want[key], err = kv.Update(ctx, key, []byte("updated"), revision); err != nil {
						t.Fatal(err)
					}
				}
			}
			fill("a")
			entries, err := kv.Watch(ctx, "")
			if err != nil {
				t.Fatal(err)
			}
			for tt.mark {
				entry := <-entries
				if entry.Key == "" {
					break
				}
				delete(want, entry.Key)
			}
			if n, err := store.Silence(ctx, e, store.Runs); n < 4 || err != nil {
				t.Fatalf("silenced %d consumers, %v, want one per shard", n, err)
			}
			fill("b")
			marks := 0
			for len(want) > 0 || marks == 0 && !tt.mark {
				entry, ok := <-entries
				if !ok {
					t.Fatalf("the watch ended with %d marks and without %v", marks, want)
				}
				if entry.Key == "" {
					marks++
				}
				if want[entry.Key] == entry.Revision {
					delete(want, entry.Key)
				}
			}
		})
	}
}
