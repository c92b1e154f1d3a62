package alert_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/icinga"
)

// lisbon is where anna is.
func lisbon(o *alert.Options) {
	o.Zone = func(actions.Actor) *time.Location { return time.FixedZone("WET", 0) }
}

// maintained is a monitoring of two edges, the first one written in capitals, and something that depends on it.
func maintained() *monitoring {
	return newMonitoring(host("EDGE-1"), service("EDGE-1", "Cache Hit Rate"), service("EDGE-1", "disk"), host("edge-2"), host("child"))
}

// TestDowntimePlan shows absolute times, what is meant and what goes quiet, and refuses what makes no sense.
func TestDowntimePlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := home(healthy(), maintained(), lisbon)
		for _, tt := range []struct {
			name    string
			slots   []string
			options map[string]string
			say     string
			hold    time.Duration
			err     string
		}{
			{"a node", []string{"node=edge-1", "duration=2h"}, nil, "edge-1 with all services in downtime from Sat 2000-01-01 00:00 WET until Sat 2000-01-01 02:00 WET", 2*time.Hour + time.Minute, ""},
			{"two", []string{"node=edge-1", "node=edge-2", "duration=90m"}, map[string]string{"host-only": "true"}, "edge-1, edge-2 in downtime from Sat 2000-01-01 00:00 WET until Sat 2000-01-01 01:30 WET", 91 * time.Minute, ""},
			{"a service later", []string{"node=edge-1", "service=DISK", "duration=1h", "start=2000-01-02T03:00:00+01:00"}, nil,
				"edge-1!disk in downtime from Sun 2000-01-02 02:00 WET until Sun 2000-01-02 03:00 WET", 27*time.Hour + time.Minute, ""},
			{"flexible", []string{"node=edge-2", "duration=1h"}, map[string]string{"flexible": "true", "within": "8h", "children": "true"},
				"edge-2 with all services and the hosts that depend on it in downtime of 1h0m0s, counted from the first problem between Sat 2000-01-01 00:00 WET and Sat 2000-01-01 08:00 WET", 9*time.Hour + time.Minute, ""},
			{"for how long", []string{"node=edge-1"}, nil, "", 0, "for how long?"},
			{"over", []string{"node=edge-1", "duration=1h", "start=1999-12-31T20:00:00Z"}, nil, "", 0, "it would be over already"},
			{"from when", []string{"node=edge-1", "duration=1h", "start=later"}, nil, "", 0, "from when?"},
			{"within what", []string{"node=edge-1", "duration=1h"}, map[string]string{"flexible": "true", "within": "1s"}, "", 0, "within what time?"},
			{"within alone", []string{"node=edge-1", "duration=1h"}, map[string]string{"within": "8h"}, "", 0, "say --flexible"},
			{"both", []string{"node=edge-1", "service=disk", "duration=1h"}, map[string]string{"host-only": "true"}, "", 0, "do not go together"},
			{"unknown host", []string{"node=edge-9", "duration=1h"}, nil, "", 0, "Icinga2 has no host of that name"},
			{"unknown service", []string{"node=edge-2", "service=disk", "duration=1h"}, nil, "", 0, "it has no service disk"},
			{"no node", []string{"duration=1h"}, nil, "", 0, "which node?"},
		} {
			r := anna("downtime.add", tt.slots...)
			r.Options, r.At = tt.options, time.Now()
			p, err := verb(t, a, "downtime.add").Plan(t.Context(), r, world{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
				}
				continue
			}
			if err != nil || p.Say != tt.say || p.Hold != tt.hold || p.Risk != actions.Disruptive {
				t.Errorf("%s: %q, hold %s, risk %s, %v; want %q, hold %s", tt.name, p.Say, p.Hold, p.Risk, err, tt.say, tt.hold)
			}
		}
		p := plan(t, a, anna("downtime.add", "node=edge-1", "duration=1h"))
		if notes := strings.Join(p.Notes, "; "); !strings.Contains(notes, "EDGE-1!Cache Hit Rate is WARNING now") {
			t.Errorf("notes %q do not name what goes quiet", notes)
		}
	})
}

// TestDowntime sets one on a host and all its services, twice without harm, and takes back that one alone.
func TestDowntime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := maintained()
		m.add(icinga.ScheduledDowntime{Host: "EDGE-1", Author: "ben", Until: time.Now().Add(time.Hour)})
		a := home(healthy(), m, lisbon)
		r := anna("downtime.add", "node=edge-1", "duration=2h", "reason=new disk")
		r.Options = map[string]string{"children": "true"}
		p := plan(t, a, r)
		ours := []string{"EDGE-1 of anna via opsbot", "EDGE-1 of ben", "EDGE-1!Cache Hit Rate of anna via opsbot", "EDGE-1!disk of anna via opsbot", "child of anna via opsbot"}
		var done run.Result
		for range 2 { // again after a crash
			done = perform(t, a, p)
			if diff := cmp.Diff(ours, m.set()); diff != "" {
				t.Fatalf("downtimes (-want +got):\n%s", diff)
			}
		}
		if want := "EDGE-1 and 2 services and 1 dependent object: in downtime until Sat 2000-01-01 02:00 WET"; done.Say != want {
			t.Errorf("said %q, want %q", done.Say, want)
		}
		if m.downtimes[1].Comment != "new disk" {
			t.Errorf("comment %q", m.downtimes[1].Comment)
		}
		for _, want := range []string{"EDGE-1: ended 4 downtimes of this run", "EDGE-1: the downtime has ended already"} {
			if got := undo(t, a, p, done); got != want {
				t.Errorf("undo says %q, want %q", got, want)
			}
		}
		if diff := cmp.Diff([]string{"EDGE-1 of ben"}, m.set()); diff != "" {
			t.Errorf("after the undo (-want +got):\n%s", diff)
		}
	})
}

// TestDowntimeSwallowed: what a reload has swallowed is missed when it is read back, and set again.
func TestDowntimeSwallowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := maintained()
		m.swallow = 2
		a := home(healthy(), m)
		perform(t, a, plan(t, a, anna("downtime.add", "node=edge-1", "duration=2h")))
		if got := m.set(); len(got) != 3 {
			t.Errorf("downtimes %q, want 3", got)
		}
	})
}

// TestUndowntime ends what the plan shows, whoever has set it, leaves what came later, and an undo sets it again as it was.
func TestUndowntime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, until := maintained(), time.Now().Add(time.Hour)
		m.add(icinga.ScheduledDowntime{Host: "EDGE-1", Author: "ben", Comment: "kernel", Until: until})
		m.add(icinga.ScheduledDowntime{Host: "EDGE-1", Service: "disk", Author: "anna via opsbot", Comment: "disk", Marker: "r-9/0/edge-1", Until: until})
		m.add(icinga.ScheduledDowntime{Host: "EDGE-1", Service: "disk", Author: "icingaadmin", Comment: "nightly", Until: until, Configured: true})
		a := home(healthy(), m, lisbon)
		p := plan(t, a, anna("downtime.remove", "node=edge-1"))
		want := []string{"EDGE-1: of ben, until Sat 2000-01-01 01:00 WET: kernel", "EDGE-1!disk: of anna via opsbot, until Sat 2000-01-01 01:00 WET: disk",
			"the downtime of EDGE-1!disk until Sat 2000-01-01 01:00 WET stays: a schedule in Icinga2's files made it"}
		if diff := cmp.Diff(want, p.Notes); diff != "" || p.Say != "end 2 downtimes of edge-1" {
			t.Errorf("%q, notes (-want +got):\n%s", p.Say, diff)
		}
		m.add(icinga.ScheduledDowntime{Host: "EDGE-1", Author: "vik", Until: until})
		done := perform(t, a, p)
		if done.Say != "edge-1: ended 2 downtimes of ben, anna via opsbot; 2 others there still" || len(m.set()) != 2 {
			t.Errorf("said %q, left %q", done.Say, m.set())
		}
		if got := undo(t, a, p, done); got != "edge-1: set 2 downtimes again" {
			t.Errorf("undo says %q", got)
		}
		all := []string{"EDGE-1 of ben", "EDGE-1 of vik", "EDGE-1!disk of anna via opsbot", "EDGE-1!disk of icingaadmin"}
		undo(t, a, p, done) // again after a crash
		if diff := cmp.Diff(all, m.set()); diff != "" {
			t.Errorf("after the undo (-want +got):\n%s", diff)
		}
		if p = plan(t, a, anna("downtime.remove", "node=edge-1", "service=Disk")); len(p.Notes) != 2 {
			t.Errorf("of a service: %q", p.Notes)
		}
		_, err := verb(t, a, "downtime.remove").Plan(t.Context(), anna("downtime.remove", "node=edge-2"), world{})
		if err == nil || !strings.Contains(err.Error(), "edge-2: no downtime to end") {
			t.Errorf("of a node without: %v", err)
		}
	})
}

// TestRerun waits until the checks have been made, and leaves out what is reported from outside.
func TestRerun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := maintained()
		m.commands = map[string]string{"EDGE-1!disk": "passive", "edge-2": "dummy"}
		a := home(healthy(), m)
		p := plan(t, a, anna("check.rerun", "node=edge-1"))
		began := time.Now()
		done := perform(t, a, p)
		if want := "EDGE-1 was checked: UP EDGE-1; WARNING Cache Hit Rate: hit ratio 61 %"; done.Say != want || time.Since(began) < 3*time.Second {
			t.Errorf("after %s: %q, want %q", time.Since(began), done.Say, want)
		}
		if diff := cmp.Diff([]string{"EDGE-1", "EDGE-1!Cache Hit Rate"}, m.checks); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
		for _, slots := range [][]string{{"node=edge-2"}, {"node=edge-1", "service=disk"}} {
			_, err := verb(t, a, "check.rerun").Plan(t.Context(), anna("check.rerun", slots...), world{})
			if err == nil || !strings.Contains(err.Error(), "reported from outside") {
				t.Errorf("%q: %v, want that it is reported from outside", slots, err)
			}
		}
	})
}

// TestRerunStuck: a check that is not made in its time is an error that says what to look at.
func TestRerunStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := maintained()
		m.stuck = true
		a := home(healthy(), m)
		kind, c := callOf(plan(t, a, anna("check.rerun", "node=edge-1", "service=disk")))
		began := time.Now()
		_, err := a.Executors()[kind].Do(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), "not checked within 30s: EDGE-1!disk") || time.Since(began) > 31*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// TestReadBack: an acknowledgement that is not there when it is read back is tried again; what is well needs none.
func TestReadBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring(host("edge-1"), service("edge-1", "s"))
		a := home(healthy(), m)
		for intent, other := range map[string]bool{"alert.ack": false, "alert.unack": true} {
			m.edit("edge-1!s", func(o *icinga.Object) { o.Acknowledged = intent == "alert.unack" })
			p := plan(t, a, anna(intent, "node=edge-1"))
			done := perform(t, a, p)
			kind, c := callOf(p)
			v := a.Executors()[kind].(run.Verifier)
			if err := v.Verify(t.Context(), c, done); err != nil {
				t.Errorf("%s: %v", intent, err)
			}
			m.edit("edge-1!s", func(o *icinga.Object) { o.Acknowledged = other })
			if err := v.Verify(t.Context(), c, done); !actions.IsTemporary(err) {
				t.Errorf("%s, not so when read back: %v, want a temporary error", intent, err)
			}
			m.edit("edge-1!s", func(o *icinga.Object) { o.State = icinga.OK })
			if err := v.Verify(t.Context(), c, done); err != nil {
				t.Errorf("%s, well meanwhile: %v", intent, err)
			}
			m.edit("edge-1!s", func(o *icinga.Object) { o.State = icinga.Warning })
		}
	})
}
