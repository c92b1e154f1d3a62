package icinga_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
)

// TestRuntimeObjects makes, changes and removes a host and a service on a real daemon, by names that hold blanks.
func TestRuntimeObjects(t *testing.T) {
	t.Parallel()
	lab.Need(t, "icinga2")
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: `
template Host "opsbot-node" { check_command = "dummy" }
template Service "opsbot-hit-rate" { check_command = "dummy"; vars.from_template = 1 }
apply Service "Remote Login" { check_command = "dummy"; assign where host.vars.os == "macosx" }
`})
	c := clientOf(t, i, i.User, i.Password)
	ctx := t.Context()
	mark := map[string]any{"managed": true, "owner": "me"}
	host := icinga.RuntimeObject{Host: "mac 1", Templates: []string{"opsbot-node"}, Attrs: map[string]any{"address": "192.0.2.31", "vars.os": "macosx", "vars.opsbot": mark}}
	service := icinga.RuntimeObject{Host: "mac 1", Service: "Cache Hit Rate", Templates: []string{"opsbot-hit-rate"}, Attrs: map[string]any{"vars.opsbot": mark, "vars.opsbot_node": "mac-1"}}
	for _, o := range []icinga.RuntimeObject{host, service} {
		if err := c.Create(ctx, o); err != nil {
			t.Fatalf("Create(%s) = %v", o.Name(), err)
		}
	}
	if err := c.Create(ctx, host); !errors.Is(err, icinga.ErrExists) {
		t.Errorf("Create of a host that is there = %v, want ErrExists", err)
	}
	if err := c.Create(ctx, icinga.RuntimeObject{Host: "bad", Templates: []string{"no-such"}}); !errors.Is(err, icinga.ErrInvalid) {
		t.Errorf("Create by an unknown template = %v, want ErrInvalid", err)
	}
	if there, err := c.Exists(ctx, "mac 1", "Remote Login"); !there || err != nil {
		t.Errorf("the applied service of a macOS host exists: %v, %v", there, err)
	}
	if err := c.Modify(ctx, "mac 1", "", map[string]any{"address": "192.0.2.32", "vars.opsbot_x": 1.0}); err != nil {
		t.Errorf("Modify = %v", err)
	}
	hosts, err := c.Owned(ctx, false)
	want := []icinga.Owned{{Host: "mac 1", Owner: "me", Display: "mac 1", Address: "192.0.2.32", Templates: []string{"opsbot-node"},
		Vars: map[string]any{"os": "macosx", "opsbot": mark, "opsbot_x": 1.0}}}
	if diff := cmp.Diff(want, hosts, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("owned hosts: %v (-want +got):\n%s", err, diff)
	}
	services, err := c.Owned(ctx, true)
	if err != nil || len(services) != 1 || services[0].Name() != "mac 1!Cache Hit Rate" || services[0].Vars["from_template"] != 1.0 || services[0].Vars["opsbot_node"] != "mac-1" {
		t.Errorf("owned services = %+v, %v", services, err)
	}
	if names, err := c.Names(ctx, true, []string{"mac 1", "nobody"}); err != nil || !cmp.Equal(names, []string{"mac 1!Cache Hit Rate", "mac 1!Remote Login"}) {
		t.Errorf("names of services = %q, %v", names, err)
	}
	if names, err := c.Names(ctx, false, []string{"mac 1", "nobody"}); err != nil || !cmp.Equal(names, []string{"mac 1"}) {
		t.Errorf("names of hosts = %q, %v", names, err)
	}
	if names, err := c.Templates(ctx, true); err != nil || !cmp.Equal(names, []string{"opsbot-hit-rate"}) {
		t.Errorf("templates of services = %q, %v", names, err)
	}
	for range 2 { // the second finds nothing
		if err := c.Delete(ctx, "mac 1", ""); err != nil {
			t.Errorf("Delete = %v", err)
		}
	}
	if there, err := c.Exists(ctx, "mac 1", "Cache Hit Rate"); there || err != nil {
		t.Errorf("after the removal of its host the service exists: %v, %v", there, err)
	}
}

// TestDowntimes reads what was set, fixed and flexible, and cancels by name.
func TestDowntimes(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	ctx, from := t.Context(), time.Now().Truncate(time.Millisecond).UTC()
	for service, d := range map[string]icinga.Downtime{
		"":      {Author: "anna", Comment: "disk [new]", Marker: "r-1/0", From: from, Until: from.Add(time.Hour)},
		hitRate: {Author: "anna", Comment: "tests", Marker: "r-1/0", From: from, Until: from.Add(time.Hour), Flexible: 20 * time.Minute, Children: true},
	} {
		if err := c.ScheduleDowntime(ctx, host, service, d); err != nil {
			t.Fatalf("schedule %q: %v", service, err)
		}
	}
	got, err := c.Downtimes(ctx, host, "", "")
	want := []icinga.ScheduledDowntime{
		{Host: host, Author: "anna", Comment: "disk [new]", Marker: "r-1/0", From: from, Until: from.Add(time.Hour)},
		{Host: host, Service: hitRate, Author: "anna", Comment: "tests", Marker: "r-1/0", From: from, Until: from.Add(time.Hour), Flexible: 20 * time.Minute},
	}
	ignore := cmp.Options{cmpopts.IgnoreFields(icinga.ScheduledDowntime{}, "Name", "Triggered"), cmpopts.EquateApproxTime(time.Millisecond)}
	if diff := cmp.Diff(want, got, ignore); err != nil || diff != "" {
		t.Fatalf("downtimes: %v (-want +got):\n%s", err, diff)
	}
	if got[0].Triggered.IsZero() {
		t.Error("a fixed downtime that has begun is not triggered")
	}
	if marked, err := c.Downtimes(ctx, "", "anna", "r-1/0"); err != nil || len(marked) != 2 {
		t.Errorf("marked on all hosts: %v, %v, want 2", marked, err)
	}
	if marked, err := c.Downtimes(ctx, host, "anna", "r-1/1"); err != nil || len(marked) != 0 {
		t.Errorf("with another marker: %v, %v, want none", marked, err)
	}
	for range 2 {
		if err := c.CancelDowntime(ctx, got[0].Name); err != nil {
			t.Errorf("cancel: %v", err)
		}
	}
	if left, err := c.Downtimes(ctx, host, "", ""); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v, want one", left, err)
	}
	if err := c.CancelDowntime(ctx, ""); !errors.Is(err, icinga.ErrInvalid) {
		t.Errorf("cancel of no name = %v, want ErrInvalid", err)
	}
}

// TestCheckables tells how a host and its services are checked.
func TestCheckables(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	all, err := c.Checkables(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range all {
		names = append(names, k.Name())
		if !k.Reported() || k.Active || k.Interval != 5*time.Minute {
			t.Errorf("%s: command %q, active %v, every %s", k.Name(), k.Command, k.Active, k.Interval)
		}
	}
	if want := host + " " + host + "!" + hitRate + " " + host + "!slow"; strings.Join(names, " ") != want {
		t.Errorf("checkables of %s = %q, want %q", host, names, want)
	}
	if some, err := c.Checkables(t.Context(), host, "nobody"); err != nil || len(some) != len(all) {
		t.Errorf("of several: %d, %v, want %d", len(some), err, len(all))
	}
	if none, err := c.Checkables(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("of none: %v, %v", none, err)
	}
	if _, err := c.Checkables(t.Context(), "nobody"); !errors.Is(err, icinga.ErrNotFound) {
		t.Errorf("of an unknown host: %v, want ErrNotFound", err)
	}
}
