package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/icinga"
)

// TestListTold: since when a problem stands through all its states, who looks after it, what was done, and what is over on a node that is named.
func TestListTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		acked, symptom := service("edge-1", "Cache Hit Rate"), service("edge-2", "load")
		acked.Acknowledged = true
		soft := service("edge-2", "soft")
		soft.StateType = icinga.Soft
		told := []alert.Told{
			{Host: "edge-1", Service: "Cache Hit Rate", State: "WARNING", Since: now.Add(-time.Hour), Care: "acknowledged by anna", Done: "flush: acted (r-7)"},
			{Host: "edge-2", Service: "load", State: "WARNING", Since: now.Add(-time.Second), Care: "in downtime by bert", Symptom: true},
			{Host: "edge-2", Service: "soft", State: "WARNING", Since: now.Add(-time.Hour), Done: "x"}, // of an earlier problem
			{Host: "edge-2", Service: "disk", State: "CRITICAL", Since: now.Add(-2 * time.Hour), Ended: now.Add(-time.Hour), Done: "bert was called"},
			{Host: "edge-2", State: "DOWN", Since: now.Add(-3 * time.Hour), Ended: now.Add(-time.Minute)},
		}
		var since time.Time
		a := home(healthy(), newMonitoring(acked, symptom, soft), func(o *alert.Options) {
			o.Told = func(_ context.Context, s time.Time) ([]alert.Told, error) { since = s; return slices.Clone(told), nil }
		})
		got := list(t, a)
		want := [][]string{
			{"1999-12-31 23:00", "edge-1", "Cache Hit Rate", "WARNING", "acknowledged by anna", "hit ratio 61 %", "flush: acted (r-7)"},
			{"1999-12-31 23:59", "edge-2", "load", "WARNING", "-", "hit ratio 61 %", "its host is down"},
			{"-", "edge-2", "soft", "WARNING (soft)", "-", "hit ratio 61 %", "-"},
		}
		if diff := cmp.Diff(want, got.Table.Rows); diff != "" || len(got.Lines) != 0 || now.Sub(since) != 24*time.Hour {
			t.Errorf("lines %q, asked for since %s, rows (-want +got):\n%s", got.Lines, since, diff)
		}
		lines := list(t, a, "node=edge-2").Lines
		if diff := cmp.Diff([]string{
			"over: edge-2 was DOWN for 2h59m0s until 1999-12-31 23:59 UTC", "over: edge-2!disk was CRITICAL for 1h0m0s until 1999-12-31 23:00 UTC; bert was called",
		}, lines); diff != "" {
			t.Errorf("what is over on edge-2 (-want +got):\n%s", diff)
		}
		if lines := list(t, a, "service=disk").Lines; len(lines) != 1 {
			t.Errorf("what is over of the service: %q", lines)
		}
		for i := range 30 {
			told = append(told, alert.Told{Host: "edge-2", Service: fmt.Sprint(i), State: "WARNING", Since: now.Add(-time.Hour), Ended: now})
		}
		if lines := list(t, a, "node=edge-2").Lines; len(lines) != 11 || lines[10] != "and 22 more that are over" {
			t.Errorf("many: %d lines, the last %q", len(lines), lines[len(lines)-1])
		}
	})
}

// TestListUntold: when what was done cannot be read, what stands is listed all the same.
func TestListUntold(t *testing.T) {
	t.Parallel()
	a := home(healthy(), newMonitoring(service("edge-1", "s")), func(o *alert.Options) {
		o.Told = func(context.Context, time.Time) ([]alert.Told, error) { return nil, errors.New("the store is away") }
	})
	got := list(t, a)
	if len(got.Table.Rows) != 1 || len(got.Lines) != 1 || !strings.Contains(got.Lines[0], "the store is away") {
		t.Errorf("rows %v, lines %q", got.Table.Rows, got.Lines)
	}
}
