//go:build linux

package vtep_test

import (
	"context"
	"sync"
	"testing"
	"time"
)

func TestWatchTellsOfSabotage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.segment(t, 5001, 0)
	w.settle(t)
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	told := make(chan struct{}, 100)
	watching.Go(func() {
		if err := w.user.Watch(ctx, time.Millisecond, func() { told <- struct{}{} }); err != nil {
			t.Errorf("Watch() = %v", err)
		}
	})
	defer watching.Wait()
	defer cancel()
	// Whether it hears yet cannot be seen from outside: changes are made until one is told.
	deadline := time.After(5 * time.Second)
	for heard := false; !heard; {
		w.lab.Nodes[0].Run(t, "ip", "address", "flush", "dev", "ob001389", "scope", "global")
		select {
		case <-told:
			heard = true
		case <-deadline:
			t.Fatal("an address was taken and nobody was told")
		default:
		}
		if w.pass(t, 0).Empty() {
			t.Error("the pass finds nothing to repair")
		}
	}
	bad, stop := context.WithCancel(context.Background())
	stop()
	if err := w.user.Watch(bad, time.Millisecond, func() {}); err != nil {
		t.Errorf("Watch() after its end = %v, want nil", err)
	}
}
