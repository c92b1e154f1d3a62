package content_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
)

// TestSettle waits for what is left of the longest settling time on the node, and parks the run where that is long.
func TestSettle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		settle  time.Duration
		ago     time.Duration // when the flush ended; negative = there was none
		want    time.Duration
		waiting bool
	}{
		{"just flushed", 2 * time.Second, 0, 2 * time.Second, false},
		{"after a restart", 2 * time.Second, 1500 * time.Millisecond, 500 * time.Millisecond, false},
		{"long after a restart", 2 * time.Second, time.Hour, 0, false},
		{"no step before", 2 * time.Second, -1, 2 * time.Second, false},
		{"clock went back", 2 * time.Second, -time.Hour, 2 * time.Second, false},
		{"slow origin", 5 * time.Minute, time.Minute, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := &driver{}
				w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Settle: tt.settle})}}
				c := newContent(t, content.Options{World: w, Open: d.open})
				in := run.Call{Node: "edge-1"}
				if tt.ago != -1 {
					in.Before = []actions.Outcome{{At: time.Now().Add(-tt.ago)}}
				}
				start := time.Now()
				_, err := c.Executors()[content.KindSettle].Do(t.Context(), in)
				var wait actions.Wait
				if errors.As(err, &wait) != tt.waiting || err != nil && !tt.waiting {
					t.Fatalf("settle = %v, want parked %v", err, tt.waiting)
				}
				if tt.waiting && !wait.Until.Equal(start.Add(tt.settle-tt.ago)) {
					t.Errorf("parked for %s, want %s", wait.Until.Sub(start), tt.settle-tt.ago)
				}
				if got := time.Since(start); got != tt.want {
					t.Errorf("waited %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestSettleCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &driver{}
		w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Settle: 8 * time.Second})}}
		c := newContent(t, content.Options{World: w, Open: d.open})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Executors()[content.KindSettle].Do(ctx, run.Call{Node: "edge-1"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("settle = %v, want the end of its context", err)
		}
	})
}
