package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// awaitReady waits until the store has healed.
func awaitReady(t *testing.T, e *store.Engine) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := e.Ready()
		if err == nil {
			return
		}
		if time.Since(start) > 20*time.Second {
			t.Fatalf("not ready after %v: %v", time.Since(start), err)
		}
	}
}

// TestHealsBrokenServer lets the server's log say what it says after a failed write, and looks that a new server runs under the same handles:
// a watch, a waiting pull and a term go on.
func TestHealsBrokenServer(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	kv := e.Bucket(store.Runs)
	revision, err := kv.Create(t.Context(), "before", nil)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := kv.Watch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	<-changes // before
	<-changes // the mark
	term, err := e.Leader().Campaign(t.Context(), "role", "me")
	if err != nil {
		t.Fatal(err)
	}
	pulled := make(chan store.Lease, 1)
	go func() {
		got, err := e.Queue().Pull(t.Context(), 1)
		if err != nil {
			t.Errorf("pull over a restart: %v", err)
			got = make([]store.Lease, 1)
		}
		pulled <- got[0]
	}()
	old := store.ServerOf(e)
	for i := range 3 {
		store.BreakServer(e, "JetStream stream '$G > runs-0' critical write error: no space left on device")
		if err := e.Ready(); err == nil {
			t.Fatal("ready with a broken server")
		}
		awaitReady(t, e)
		if store.ServerOf(e) == old {
			t.Fatal("the server is still the old one")
		}
		old = store.ServerOf(e)
		if revision, err = kv.Update(t.Context(), "before", fmt.Append(nil, i), revision); err != nil {
			t.Fatalf("update after the restart: %v", err)
		}
		if got := <-changes; string(got.Value) != fmt.Sprint(i) {
			t.Errorf("watch after the restart: %q, want %d", got.Value, i)
		}
	}
	if _, _, err := e.Queue().Publish(t.Context(), "after", nil); err != nil {
		t.Fatal(err)
	}
	if l := <-pulled; l != nil && l.ID() != "after" {
		t.Errorf("pulled %s, want after", l.ID())
	}
	select {
	case <-term.Done():
		t.Error("the term ended by a restart that took less than its time")
	default:
	}
	shut(t, e)
}

// TestOnlyDeadlyLinesBreak checks that the server's everyday complaints do not restart it.
func TestOnlyDeadlyLinesBreak(t *testing.T) {
	t.Parallel()
	e := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "store")})
	store.BreakServer(e, "JetStream resource limits exceeded for account")
	if err := e.Ready(); err != nil {
		t.Errorf("ready after an everyday line = %v, want nil", err)
	}
}
