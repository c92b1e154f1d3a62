package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// TestGivenUpPull cancels pulls while their message is on its way: it must not be locked away for the length of a lease.
func TestGivenUpPull(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store"), Lease: 20 * time.Second})
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		pulled := make(chan []store.Lease)
		go func() {
			got, _ := e.Queue().Pull(ctx, 1) // what matters is whether it took the message
			pulled <- got
		}()
		if _, _, err := e.Queue().Publish(t.Context(), fmt.Sprint("m-", i), nil); err != nil {
			t.Fatal(err)
		}
		cancel()
		got := <-pulled
		if len(got) == 0 {
			short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			var err error
			if got, err = e.Queue().Pull(short, 1); err != nil {
				t.Fatalf("message %d is locked away: %v", i, err)
			}
			cancel()
		}
		if err := got[0].Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
