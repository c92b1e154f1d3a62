package store_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/storetest"
)

// quiet drops the log.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open opens a store that is closed with the test.
func open(t *testing.T, o store.Options) *store.Engine {
	t.Helper()
	if o.Log == nil {
		o.Log = quiet()
	}
	e, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, e) })
	return e
}

// shut closes a store.
func shut(t *testing.T, e *store.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.World{
		Lease: 2 * time.Second,
		New: func(t *testing.T) func() store.Store {
			dir := filepath.Join(t.TempDir(), "store")
			return func() store.Store { return open(t, store.Options{Dir: dir, Lease: 2 * time.Second}) }
		},
	})
}
