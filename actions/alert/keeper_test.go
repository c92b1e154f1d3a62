package alert_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/icinga"
)

// TestKept: what a reload swallows after it was read back is set again; what a person ends stays ended; and after some minutes nobody looks any more.
func TestKept(t *testing.T) {
	t.Parallel()
	service := func(d icinga.ScheduledDowntime) bool { return d.Service != "" }
	for _, tt := range []struct {
		name   string
		after  time.Duration
		reload bool
		end    string // an intent that ends it first
		want   int
	}{
		{"swallowed", time.Second, true, "", 3},
		{"swallowed late", 9 * time.Minute, true, "", 3},
		{"too late to be that", 11 * time.Minute, true, "", 1},
		{"ended by a person in Icinga2", time.Second, false, "", 1},
		{"ended in chat", time.Second, true, "downtime.remove", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := maintained()
			a := home(healthy(), m)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			perform(t, a, plan(t, a, anna("downtime.add", "node=edge-1", "duration=2h")))
			time.Sleep(tt.after)
			if tt.end != "" {
				perform(t, a, plan(t, a, anna(tt.end, "node=edge-1")))
			}
			m.forget(tt.reload, service)
			time.Sleep(20 * time.Second)
			m.forget(true, func(icinga.ScheduledDowntime) bool { return false })
			time.Sleep(20 * time.Second)
			if got := m.set(); len(got) != tt.want {
				t.Errorf("%s: downtimes %q, want %d", tt.name, got, tt.want)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
