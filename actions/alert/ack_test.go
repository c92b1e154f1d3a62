package alert_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/icinga"
)

// TestAckPlan: one step for each problem of the nodes, whatever the case of the host's name.
func TestAckPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		acked := service("edge-1", "known")
		acked.Acknowledged = true
		well := service("edge-2", "well")
		well.State = icinga.OK
		a := home(healthy(), newMonitoring(service("EDGE-1", "Cache Hit Rate"), icinga.Object{Host: "EDGE-1", State: icinga.Down, StateType: icinga.Hard}, acked, well, service("other", "x")))
		for _, tt := range []struct {
			name  string
			r     actions.Request
			steps []string
			notes int
			hold  time.Duration
			err   string
		}{
			{"all of a node", anna("alert.ack", "node=edge-1"), []string{"acknowledge EDGE-1 (DOWN)", "acknowledge EDGE-1!Cache Hit Rate (WARNING)"}, 1, 0, ""},
			{"a service", anna("alert.ack", "node=edge-1", "service=cache hit rate", "duration=2h"), []string{"acknowledge EDGE-1!Cache Hit Rate (WARNING)"}, 0, 2 * time.Hour, ""},
			{"nothing", anna("alert.ack", "node=edge-2"), nil, 0, 0, "edge-2: no problem stands there"},
			{"known", anna("alert.ack", "node=edge-1", "service=known"), nil, 0, 0, "it is acknowledged already"},
			{"unack", anna("alert.unack", "node=edge-1"), []string{"remove the acknowledgement of edge-1!known (WARNING)"}, 2, 0, ""},
			{"unack nothing", anna("alert.unack", "node=edge-2"), nil, 0, 0, "no acknowledged problem stands there"},
			{"no node", anna("alert.ack"), nil, 0, 0, "which node?"},
			{"for how long", anna("alert.ack", "node=edge-1", "duration=soon"), nil, 0, 0, "for how long?"},
		} {
			p, err := verb(t, a, tt.r.Intent).Plan(t.Context(), tt.r, world{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%s: plan error %v, want %q", tt.name, err, tt.err)
				}
				continue
			}
			var steps []string
			for _, g := range p.Groups {
				for _, s := range g.Steps {
					steps = append(steps, s.Say)
				}
			}
			if diff := cmp.Diff(tt.steps, steps); err != nil || diff != "" || len(p.Notes) != tt.notes || p.Hold != tt.hold || p.Risk != actions.Reversible {
				t.Errorf("%s: %v, notes %q, hold %s, steps (-want +got):\n%s", tt.name, err, p.Notes, p.Hold, diff)
			}
		}
	})
}

// TestNotConfigured: without a monitoring the verbs say what to configure.
func TestNotConfigured(t *testing.T) {
	t.Parallel()
	a := home(healthy(), nil)
	_, err := verb(t, a, "alert.ack").Plan(t.Context(), anna("alert.ack", "node=edge-1"), world{})
	if err == nil || !strings.Contains(err.Error(), "set icinga.url") {
		t.Errorf("plan without Icinga2 = %v", err)
	}
	for kind, x := range a.Executors() {
		if _, err := x.Do(t.Context(), run.Call{}); err == nil || !strings.Contains(err.Error(), "set icinga.url") {
			t.Errorf("%s without Icinga2 = %v", kind, err)
		}
	}
	answer, err := verb(t, a, "alert.list").Answer(t.Context(), anna("alert.list"), world{})
	if err != nil || answer.Title != "no problem is known to me, and the monitoring could not be asked" || !answer.Bad || !strings.Contains(answer.Lines[0], "set icinga.url") {
		t.Errorf("list without Icinga2 = %+v, %v", answer, err)
	}
}

// TestAckUndo: an undo takes back the acknowledgement of its own run and no other.
func TestAckUndo(t *testing.T) {
	t.Parallel()
	const name = "edge-1!s"
	for _, tt := range []struct {
		name     string
		slots    []string
		meantime func(m *monitoring)
		stays    bool
		say      string
	}{
		{"own", nil, func(*monitoring) {}, false, "removed the acknowledgement"},
		{"own, for a time", []string{"duration=2h"}, func(*monitoring) {}, false, "removed the acknowledgement"},
		{"removed since", nil, func(m *monitoring) { m.edit(name, func(o *icinga.Object) { o.Acknowledged = false }) }, false, "has ended already"},
		{"another's since", []string{"duration=2h"}, func(m *monitoring) { m.edit(name, func(o *icinga.Object) { o.AckExpiry = time.Time{} }) }, true, "somebody else has acknowledged"},
		{"another's with an end", nil, func(m *monitoring) { m.edit(name, func(o *icinga.Object) { o.AckExpiry = time.Now().Add(time.Hour) }) }, true, "somebody else has acknowledged"},
		{"another problem", nil, func(m *monitoring) { m.edit(name, func(o *icinga.Object) { o.LastGood = time.Now() }) }, true, "another problem"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMonitoring(service("edge-1", "s"))
			var answered []string
			a := home(healthy(), m, func(o *alert.Options) {
				o.Answered = func(_ context.Context, object, by string) error {
					answered = append(answered, object+" "+by)
					return nil
				}
			})
			p := plan(t, a, anna("alert.ack", append([]string{"node=edge-1", "reason=known fault"}, tt.slots...)...))
			done := perform(t, a, p)
			if done.Say != "acknowledged edge-1!s" || len(m.acks) != 1 || m.acks[0].Comment != "known fault" || m.acks[0].Author != "anna via opsbot" {
				t.Errorf("%s: ack = %q, %+v", tt.name, done.Say, m.acks)
			}
			if len(answered) != 1 || answered[0] != "edge-1!s anna" {
				t.Errorf("%s: answered %q, want anna once", tt.name, answered)
			}
			tt.meantime(m)
			if say := undo(t, a, p, done); !strings.Contains(say, tt.say) || m.acknowledged(name) != tt.stays {
				t.Errorf("%s: undo = %q, acknowledged %v; want %q, %v", tt.name, say, m.acknowledged(name), tt.say, tt.stays)
			}
		})
	}
}

// TestAckTwice: what others have acknowledged counts as done and is left alone by the undo; a lost answer and a crash change nothing of whose it is.
func TestAckTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring(service("edge-1", "s"))
		a := home(healthy(), m)
		p := plan(t, a, anna("alert.ack", "node=edge-1"))
		m.edit("edge-1!s", func(o *icinga.Object) { o.Acknowledged = true })
		done := perform(t, a, p)
		if say := undo(t, a, p, done); done.Say != "edge-1!s was acknowledged already" || !strings.Contains(say, "not of this run") || !m.acknowledged("edge-1!s") {
			t.Errorf("another's: do %q, undo %q, acknowledged %v", done.Say, say, m.acknowledged("edge-1!s"))
		}

		m = newMonitoring(service("edge-1", "s"))
		m.lose = true
		a = home(healthy(), m)
		done = perform(t, a, p)
		if len(m.acks) != 1 {
			t.Errorf("after a lost answer there are %d acknowledgements", len(m.acks))
		}
		if say := undo(t, a, p, done); !strings.HasPrefix(say, "removed") || m.acknowledged("edge-1!s") {
			t.Errorf("after a lost answer: undo = %q", say)
		}

		m = newMonitoring(service("edge-1", "s"))
		m.edit("edge-1!s", func(o *icinga.Object) { o.State = icinga.OK })
		if done := perform(t, home(healthy(), m), p); !strings.Contains(done.Say, "nothing to acknowledge") || len(m.acks) != 0 {
			t.Errorf("well: %q", done.Say)
		}
	})
}

// TestAckCrash kills the process around the note; the next one does it, once, and can take it back, even without the outcome.
func TestAckCrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
			disk, m := fake.New(), newMonitoring(service("edge-1", "s"))
			first := home(disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
				if op.N == 1 {
					return fault
				}
				return fake.None
			}}), m)
			p := plan(t, first, anna("alert.ack", "node=edge-1"))
			kind, c := callOf(p)
			_, _ = first.Executors()[kind].Do(t.Context(), c) // whatever became of it, another does it again
			second := home(disk.Open(fake.Options{}), m)
			done := perform(t, second, p)
			if len(m.acks) != 1 || !m.acknowledged("edge-1!s") {
				t.Errorf("%s: %q, %d acknowledgements", fault, done.Say, len(m.acks))
			}
			if say := undo(t, second, p, run.Result{}); !strings.HasPrefix(say, "removed") {
				t.Errorf("%s: undo without the outcome = %q", fault, say)
			}
		}
	})
}

// TestUnack: it removes, and its undo acknowledges again.
func TestUnack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring(service("edge-1", "s"))
		m.edit("edge-1!s", func(o *icinga.Object) { o.Acknowledged = true })
		a := home(healthy(), m)
		p := plan(t, a, anna("alert.unack", "node=edge-1"))
		done := perform(t, a, p)
		if m.acknowledged("edge-1!s") {
			t.Errorf("unack = %q, still acknowledged", done.Say)
		}
		if say := undo(t, a, p, done); !m.acknowledged("edge-1!s") || !strings.Contains(m.acks[0].Comment, "by an undo") {
			t.Errorf("undo of unack = %q, %+v", say, m.acks)
		}
		m.away = errAway
		kind, c := callOf(p)
		if _, err := a.Executors()[kind].Do(t.Context(), c); !actions.IsTemporary(err) {
			t.Errorf("unack while Icinga2 is away = %v, want it to be tried again", err)
		}
	})
}
