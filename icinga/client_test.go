package icinga_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/lab"
)

const hitRate = "Cache Hit Rate"

func report(t *testing.T, c *icinga.Client, host, service string, exit int) {
	t.Helper()
	err := c.ProcessCheckResult(t.Context(), host, service, icinga.CheckResult{
		Exit: exit, Output: "HIT RATE: 41 % <b>", Perfdata: []string{"hit_ratio=41%;85:;70:;0;100", "hits=41c"}, Source: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
}

func object(t *testing.T, c *icinga.Client, host, service string) icinga.Object {
	t.Helper()
	o, err := c.Object(t.Context(), host, service)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestObjectIsReadAsItIs(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	before := object(t, c, host, hitRate)
	if !before.Pending() || before.Problem(icinga.Problem{}) != (icinga.Problem{}) {
		t.Errorf("before any check: pending %v, problem %v; want pending and none", before.Pending(), before.Problem(icinga.Problem{}))
	}
	report(t, c, host, hitRate, 1)
	got := object(t, c, host, hitRate)
	want := icinga.Object{
		Host: host, Service: hitRate, Display: hitRate, State: icinga.Warning, StateType: icinga.Hard, Attempt: 1, MaxAttempts: 1, Reachable: true,
		Output: "HIT RATE: 41 % <b>", Perfdata: []string{"hit_ratio=41%;85:;70:;0;100", "hits=41c"},
	}
	times := cmpopts.IgnoreFields(icinga.Object{}, "LastStateChange", "LastHardStateChange", "LastCheck", "LastGood")
	if diff := cmp.Diff(want, got, times, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Object(%s, %s) (-want +got):\n%s", host, hitRate, diff)
	}
	if off := time.Since(got.LastCheck); off < 0 || off > time.Minute || !got.LastHardStateChange.Equal(got.LastCheck) {
		t.Errorf("checked at %s, hard since %s; want the same time, just now", got.LastCheck, got.LastHardStateChange)
	}
	h := object(t, c, host, "")
	if h.Service != "" || h.State != icinga.Up && h.State != icinga.Down || h.Vars["number"] == nil {
		t.Errorf("the host is %+v, want a host with its vars", h)
	}
}

// TestProblemGoesOn follows one object through soft, hard, worse and well: one problem for as long as it is not well.
func TestProblemGoesOn(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	none := icinga.Problem{}
	report(t, c, host, "slow", 0) // a pending object counts as one that was UNKNOWN once
	for range 2 {
		report(t, c, host, "slow", 1)
		if o := object(t, c, host, "slow"); o.Hard() || o.Problem(none) != none {
			t.Fatalf("after soft results: type %s, problem %v; want SOFT and none", o.StateType, o.Problem(none))
		}
	}
	report(t, c, host, "slow", 1)
	o := object(t, c, host, "slow")
	open := o.Problem(none)
	if !o.Hard() || open.Since.Unix() != o.LastHardStateChange.Unix() || open.Since.Nanosecond() != 0 {
		t.Fatalf("hard WARNING: problem %v, hard since %s; want the floor of it", open, o.LastHardStateChange)
	}
	later := o.LastCheck.Add(3 * time.Second)
	worse := icinga.CheckResult{Exit: 2, Output: "worse", Start: later, End: later}
	if err := c.ProcessCheckResult(t.Context(), host, "slow", worse); err != nil {
		t.Fatal(err)
	}
	o = object(t, c, host, "slow")
	if got := o.Problem(open); o.State != icinga.Critical || got != open {
		t.Errorf("%s after WARNING: problem %v, want %v to go on", o.State, got, open)
	}
	if got := o.Problem(none); got.Since.Unix() != later.Unix() {
		t.Errorf("%s without a known problem: %v, want one since %s", o.State, got, later)
	}
	for n, exit := range []int{0, 2, 2, 2} {
		at := later.Add(time.Duration(n+2) * time.Second)
		if err := c.ProcessCheckResult(t.Context(), host, "slow", icinga.CheckResult{Exit: exit, Output: "x", Start: at, End: at}); err != nil {
			t.Fatal(err)
		}
	}
	if got := object(t, c, host, "slow").Problem(open); got == open || got == none {
		t.Errorf("after it was well: problem %v, want another than %v", got, open)
	}
}

func TestAcknowledgeMayBeRepeated(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	ctx := t.Context()
	ack := icinga.Ack{Author: "anna", Comment: "on it", Sticky: true, Expiry: time.Now().Add(time.Hour)}
	report(t, c, host, hitRate, 0)
	if err := c.Acknowledge(ctx, host, hitRate, ack); !errors.Is(err, icinga.ErrConflict) {
		t.Errorf("Acknowledge what is OK = %v, want ErrConflict", err)
	}
	report(t, c, host, hitRate, 2)
	for n := range 3 {
		if err := c.Acknowledge(ctx, host, hitRate, ack); err != nil {
			t.Fatalf("Acknowledge, time %d = %v", n+1, err)
		}
	}
	o := object(t, c, host, hitRate)
	if off := o.AckExpiry.Sub(ack.Expiry).Abs(); !o.Acknowledged || off > time.Second {
		t.Errorf("acknowledged %v until %s, want true until %s", o.Acknowledged, o.AckExpiry, ack.Expiry)
	}
	for n := range 3 {
		if err := c.RemoveAcknowledgement(ctx, host, hitRate, "anna"); err != nil {
			t.Fatalf("RemoveAcknowledgement, time %d = %v", n+1, err)
		}
	}
	if object(t, c, host, hitRate).Acknowledged {
		t.Error("it is still acknowledged")
	}
	ack.Expiry = time.Now().Add(-time.Hour)
	if err := c.Acknowledge(ctx, host, hitRate, ack); !errors.Is(err, icinga.ErrConflict) {
		t.Errorf("Acknowledge until an hour ago = %v, want ErrConflict", err)
	}
}

func TestCommentIsAddedOnce(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	ctx := t.Context()
	comments := func() int {
		t.Helper()
		n, err := icinga.CountComments(ctx, c, host, hitRate)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 3 {
		if err := c.AddComment(ctx, host, hitRate, icinga.Comment{Author: "opsbot", Text: `flushed: 71.2 % -> 88.4 % "ok" *`, Marker: "r-17/3"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := comments(); n != 1 {
		t.Errorf("three calls with one marker made %d comments, want 1", n)
	}
	for _, other := range []icinga.Comment{
		{Author: "opsbot", Text: "x", Marker: "r-17/33"}, {Author: "anna", Text: "x", Marker: "r-17/3"}, {Author: "opsbot", Text: "x", Marker: "17/3"},
	} {
		if err := c.AddComment(ctx, host, hitRate, other); err != nil {
			t.Fatal(err)
		}
	}
	if n := comments(); n != 4 {
		t.Errorf("with three other markers and authors there are %d comments, want 4", n)
	}
	for _, bad := range []icinga.Comment{{Author: "opsbot", Text: "x"}, {Author: "opsbot", Marker: "m"}, {Text: "x", Marker: "m"}, {Author: "a", Text: "x", Marker: "a]b"}} {
		if err := c.AddComment(ctx, host, hitRate, bad); !errors.Is(err, icinga.ErrInvalid) {
			t.Errorf("AddComment(%+v) = %v, want ErrInvalid", bad, err)
		}
	}
}

func TestDowntimeIsSetOnceAndRemoved(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	d := icinga.Downtime{Author: "opsbot", Comment: "flush", Marker: "r-17/1", From: time.Now().Add(-time.Second), Until: time.Now().Add(time.Hour)}
	for range 2 {
		if err := c.ScheduleDowntime(t.Context(), host, "", d); err != nil {
			t.Fatal(err)
		}
	}
	if got := object(t, c, host, "").DowntimeDepth; got != 1 {
		t.Errorf("downtime depth after two calls = %d, want 1", got)
	}
	for range 2 {
		if err := c.RemoveDowntime(t.Context(), host, "", "opsbot", "r-17/1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := object(t, c, host, "").DowntimeDepth; got != 0 {
		t.Errorf("downtime depth after the removal = %d, want 0", got)
	}
	d.Until = d.From
	if err := c.ScheduleDowntime(t.Context(), host, "", d); !errors.Is(err, icinga.ErrInvalid) {
		t.Errorf("ScheduleDowntime of no length = %v, want ErrInvalid", err)
	}
}

func TestProblemsWorstFirst(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	report(t, c, host, "slow", 1)
	report(t, c, host, hitRate, 2)
	got, err := c.Problems(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range got {
		names = append(names, o.Name()+" "+string(o.State)+" "+string(o.StateType))
	}
	want := []string{host + "!" + hitRate + " CRITICAL HARD", host + "!slow WARNING SOFT"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("Problems(%s) (-want +got):\n%s", host, diff)
	}
	// A name is a value, whatever it looks like.
	if got, err := c.Problems(t.Context(), `h" || true || "`); err != nil || len(got) != 0 {
		t.Errorf("Problems of a hostile name = %d objects, %v; want none", len(got), err)
	}
	if _, err := c.Objects(t.Context(), icinga.Query{Filter: "service.name =="}); !errors.Is(err, icinga.ErrNotFound) {
		t.Errorf("Objects with half a filter = %v, want Icinga2's ErrNotFound", err)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	i := shared(t)
	few := clientOf(t, i, "few", "secret-of-few")
	held, err := few.Permissions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := icinga.Permissions{User: "few", Version: held.Version, Held: []string{"actions/remove-*", "objects/modify/Host", "objects/query/Host"}}
	if diff := cmp.Diff(want, held, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("Permissions (-want +got):\n%s", diff)
	}
	missing := slices.DeleteFunc(icinga.Needed(), func(n string) bool {
		return slices.Contains([]string{"objects/query/Host", "objects/modify/Host", "actions/remove-acknowledgement", "actions/remove-downtime"}, n)
	})
	if diff := cmp.Diff(missing, held.Missing(icinga.Needed()...)); diff != "" {
		t.Errorf("Missing (-want +got):\n%s", diff)
	}
	for what, err := range map[string]error{
		"objects/query/Service":       second(few.Object(t.Context(), "h-0", hitRate)),
		"actions/acknowledge-problem": few.Acknowledge(t.Context(), "h-0", hitRate, icinga.Ack{Author: "a", Comment: "c"}),
		"objects/query/Comment":       few.AddComment(t.Context(), "h-0", hitRate, icinga.Comment{Author: "a", Text: "c", Marker: "m"}),
		"actions/reschedule-check":    few.Reschedule(t.Context(), "h-0", ""),
		"status/query":                second(few.Status(t.Context())),
	} {
		wantError(t, what, err, "few", what)
		if !errors.Is(err, icinga.ErrForbidden) {
			t.Errorf("without %s = %v, want ErrForbidden", what, err)
		}
	}
	if _, err := few.Object(t.Context(), "nobody", ""); !errors.Is(err, icinga.ErrNotFound) {
		t.Errorf("a host that is not there, with the permission = %v, want ErrNotFound", err)
	}
	if _, err := clientOf(t, i, "few", "wrong").Permissions(t.Context()); !errors.Is(err, icinga.ErrUnauthorized) {
		t.Errorf("a wrong password = %v, want ErrUnauthorized", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestStatusAndReschedule(t *testing.T) {
	t.Parallel()
	c, host := claim(t)
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Node != "lab-icinga" || s.PID == 0 || time.Since(s.ProgramStart) > time.Hour || !s.Notifications || !s.ActiveChecks {
		t.Errorf("Status = %+v, want a daemon that has just started and does everything", s)
	}
	if err := c.Reschedule(t.Context(), host, hitRate); err != nil {
		t.Error(err)
	}
	if err := c.Reschedule(t.Context(), host, "no such"); !errors.Is(err, icinga.ErrNotFound) {
		t.Errorf("Reschedule what is not there = %v, want ErrNotFound", err)
	}
}

// TestDaemonAway ends the daemon, and starts it again while a call is under way.
func TestDaemonAway(t *testing.T) {
	t.Parallel()
	i := lab.NewIcinga(t, lab.IcingaOptions{Config: `object Host "edge-1" { check_command = "passive" }`})
	c := clientOf(t, i, i.User, i.Password)
	object(t, c, "edge-1", "")
	i.Kill()
	if _, err := c.Object(t.Context(), "edge-1", ""); !icinga.Temporary(err) || !errors.Is(err, icinga.ErrUnavailable) {
		t.Fatalf("Object of a dead daemon = %v, want a temporary ErrUnavailable", err)
	}
	back := make(chan error, 1)
	go func() { back <- i.Start(t.Context()) }()
	comment := icinga.Comment{Author: "opsbot", Text: "x", Marker: "m"}
	if err := c.AddComment(t.Context(), "edge-1", "", comment); err != nil {
		t.Errorf("AddComment while the daemon starts = %v, want it to arrive", err)
	}
	if err := <-back; err != nil {
		t.Fatal(err)
	}
}

func TestAnotherCertificateGetsNoPassword(t *testing.T) {
	t.Parallel()
	i := shared(t)
	stranger := lab.NewIcinga(t, lab.IcingaOptions{})
	c := clientOf(t, stranger, i.User, i.Password)
	if _, err := c.Permissions(t.Context()); err != nil && !errors.Is(err, icinga.ErrUnauthorized) {
		t.Fatalf("its own authority = %v", err)
	}
	for _, tt := range []struct{ name, url, server string }{
		{"another authority", i.URL, i.ServerName}, {"another name", stranger.URL, "somebody-else"}, {"no name", stranger.URL, ""},
	} {
		other, err := icinga.New(icinga.Options{URL: tt.url, User: "root", Password: fixed("x"), CA: read(t, stranger.CAFile), ServerName: tt.server})
		if err != nil {
			t.Fatal(err)
		}
		_, err = other.Permissions(t.Context())
		if !errors.Is(err, icinga.ErrUntrusted) || icinga.Temporary(err) {
			t.Errorf("%s: Permissions = %v, want ErrUntrusted, which lasts", tt.name, err)
		}
		other.Close()
	}
}
