//go:build linux

package vtep_test

import (
	"context"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay/netlab"
)

func TestWatchTellsOfSabotage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Segment(t, 5001, 0)
	w.Settle(t)
	told := netlab.Watch(t, w.user, time.Millisecond)
	// Whether it hears yet cannot be seen from outside: changes are made until one is told.
	deadline := time.After(5 * time.Second)
	for heard := false; !heard; {
		w.Lab.Nodes[0].Run(t, "ip", "address", "flush", "dev", "ob001389", "scope", "global")
		select {
		case <-told:
			heard = true
		case <-deadline:
			t.Fatal("an address was taken and nobody was told")
		default:
		}
		if w.Pass(t, 0).Empty() {
			t.Error("the pass finds nothing to repair")
		}
	}
	bad, stop := context.WithCancel(context.Background())
	stop()
	if err := w.user.Watch(bad, time.Millisecond, func() {}); err != nil {
		t.Errorf("Watch() after its end = %v, want nil", err)
	}
}
