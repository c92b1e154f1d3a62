package rule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/icinga"
)

// noon is when the replayed alerts come from.
var noon = time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)

// reported is an alert that came so long after noon, of a problem that began a minute before it.
func reported(after time.Duration, node string, edit ...func(*actions.Alert)) actions.Alert {
	at := noon.Add(after)
	a := actions.Alert{Host: node, Service: "Cache Hit Rate", Node: node, Kind: "PROBLEM", State: "WARNING", Hard: true, Reminder: 1, Since: at.Add(-time.Minute), Received: at}
	for _, e := range edit {
		e(&a)
	}
	p := icinga.Problem{Host: a.Host, Service: a.Service, Since: a.Since}
	a.Problem, a.ID = p.ID(), fmt.Sprintf("%s/%s/%d", p.ID(), a.State, a.Reminder)
	return a
}

func kind(k, state string) func(*actions.Alert) {
	return func(a *actions.Alert) { a.Kind, a.State = k, state }
}

// replayed replays what was reported; commands of edge-3 are refused, and a window holds those of the evening.
func replayed(t *testing.T, reports ...actions.Alert) (*rule.Engine, *outside) {
	t.Helper()
	o := newOutside()
	return process(t, healthy(), o, func(opt *rule.Options) {
		opt.Now = func() time.Time { return noon.Add(24 * time.Hour) }
		opt.History = func(_ context.Context, from, to time.Time) ([]actions.Alert, error) {
			var out []actions.Alert
			for _, a := range reports {
				if !a.Received.Before(from) && a.Received.Before(to) {
					out = append(out, a)
				}
			}
			return out, nil
		}
		opt.Rehearse = func(_ context.Context, c rule.Command) (rule.Judge, error) {
			if strings.Contains(c.Text, "edge-3") {
				return nil, errors.New("edge-3 has no cache")
			}
			return func(at time.Time) (bool, string, string) {
				if at.Hour() >= 20 {
					return false, "prime time is frozen", "prime-time"
				}
				return true, "", ""
			}, nil
		}
	}), o
}

// TestReplay: every alert of the time ends as it would have, under the guards as they would have stood then; and nothing is done.
func TestReplay(t *testing.T) {
	t.Parallel()
	first := reported(0, "edge-1")
	e, o := replayed(t,
		first,
		reported(5*time.Minute, "edge-1", func(a *actions.Alert) { a.Since, a.Reminder = first.Since, 2 }), // a reminder after the remedy
		reported(6*time.Minute, "edge-2"),                                                             // the site rests
		reported(20*time.Minute, "edge-1"),                                                            // the node rests
		reported(time.Hour, "edge-1"),                                                                 // may act again
		reported(2*time.Hour, "edge-2", kind("ACKNOWLEDGEMENT", "WARNING")),                           // ben looks after it
		reported(2*time.Hour+time.Minute, "edge-2"),                                                   // and so the rule does not
		reported(3*time.Hour, "edge-2", kind("RECOVERY", "OK")),                                       //
		reported(4*time.Hour, "edge-2"),                                                               // a new problem
		reported(5*time.Hour, "edge-2", func(a *actions.Alert) { a.Since = a.Since.Add(-time.Hour) }), // old
		reported(6*time.Hour, "edge-2", func(a *actions.Alert) { a.Hard = false }),                    // not confirmed
		reported(6*time.Hour, "edge-2", func(a *actions.Alert) { a.State = "CRITICAL" }),              // not for this rule
		reported(7*time.Hour, "edge-3"),                                                               // cannot be planned
		reported(7*time.Hour, "old"),                                                                  // left the configuration
		reported(9*time.Hour, "edge-2"), reported(10*time.Hour, "edge-1"),                             // in prime time
		reported(-40*24*time.Hour, "edge-1"), // too long ago
	)
	got, err := e.Replay(t.Context(), theRule(), noon.Add(-29*24*time.Hour), noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var ends []string
	for _, l := range got.Lines {
		ends = append(ends, strings.TrimSuffix(l.Object, "!Cache Hit Rate")+" "+l.Outcome)
	}
	want := []string{"edge-1 acts", "edge-1 a person is called", "edge-2 held back", "edge-1 held back", "edge-1 acts", "edge-2 held back", "edge-2 acts",
		"edge-2 held back", "edge-3 refused", "old nothing", "edge-2 refused in prime-time", "edge-1 refused in prime-time"}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	title := "the last 30 days: 3 acts of 12 alerts, 2 more in prime-time, which refuses them, 1 call of a person, 1 refused, 5 held back"
	if got.Title() != title {
		t.Errorf("title\n%s, want\n%s", got.Title(), title)
	}
	if len(o.said)+len(o.told)+len(o.called)+len(o.comments)+o.asked > 0 {
		t.Errorf("the replay did something: %+v", o)
	}
}

// TestRuleTest: the verb tells it in words, and the plan of enabling the rule holds its first line.
func TestRuleTest(t *testing.T) {
	t.Parallel()
	e, _ := replayed(t, reported(0, "edge-1"), reported(9*time.Hour, "edge-2"))
	test := verb(t, e, "rule.test")
	for _, tt := range []struct {
		slots []string
		want  string
	}{
		{[]string{"rule=flush-on-low-hit-rate"}, "flush-on-low-hit-rate, the last 30 days: 1 act of 2 alerts, 1 more in prime-time, which refuses them"},
		{[]string{"rule=flush-on-low-hit-rate", "period=20h0m0s"}, "flush-on-low-hit-rate, the last 20h: 0 acts of 1 alert, 1 more in prime-time, which refuses them"},
		{[]string{"rule=flush-on-low-hit-rate", "period=1h0m0s"}, "flush-on-low-hit-rate, the last 1h: no alert that the rule is for"},
	} {
		a, err := test.Answer(t.Context(), anna("rule.test", tt.slots...), world{})
		if err != nil || a.Title != tt.want {
			t.Errorf("%q = %q, %v; want %q", tt.slots, a.Title, err, tt.want)
		}
	}
	if _, err := test.Answer(t.Context(), anna("rule.test", "rule=flush-on-hit"), world{}); !errors.Is(err, actions.ErrUnknown) {
		t.Errorf("an unknown rule: %v", err)
	}
	a, _ := test.Answer(t.Context(), anna("rule.test", "rule=flush-on-low-hit-rate"), world{}) // looked at above
	if lines := strings.Join(a.Lines, "; "); !strings.Contains(lines, "acts on: edge-1 1") || !strings.Contains(lines, "what cache.stale would have said") || len(a.Table.Rows) != 2 {
		t.Errorf("lines %q, %d rows", lines, len(a.Table.Rows))
	}
	do(t, e, "r-1", anna("rule.disable", "rule=flush-on-low-hit-rate"))
	p, err := verb(t, e, "rule.enable").Plan(t.Context(), anna("rule.enable", "rule=flush-on-low-hit-rate"), world{})
	if notes := strings.Join(p.Notes, "; "); err != nil || !strings.Contains(notes, "the last 30 days: 1 act of 2 alerts") {
		t.Errorf("enable: %v, notes %q", err, notes)
	}
}

// TestReplayWithoutHistory says what is not known instead of standing in the way of a yes.
func TestReplayWithoutHistory(t *testing.T) {
	t.Parallel()
	e := process(t, healthy(), newOutside(), func(o *rule.Options) {
		o.History = func(context.Context, time.Time, time.Time) ([]actions.Alert, error) {
			return nil, errors.New("the disk is gone")
		}
	})
	do(t, e, "r-1", anna("rule.disable", "rule=flush-on-low-hit-rate"))
	p, err := verb(t, e, "rule.enable").Plan(t.Context(), anna("rule.enable", "rule=flush-on-low-hit-rate"), world{})
	if notes := strings.Join(p.Notes, "; "); err != nil || !strings.Contains(notes, "not known: the disk is gone") {
		t.Errorf("enable: %v, notes %q", err, notes)
	}
	if _, err := verb(t, e, "rule.test").Answer(t.Context(), anna("rule.test", "rule=flush-on-low-hit-rate"), world{}); err == nil {
		t.Error("rule.test without alerts has an answer")
	}
	if _, err := verb(t, process(t, healthy(), newOutside()), "rule.test").Answer(t.Context(), anna("rule.test", "rule=flush-on-low-hit-rate"), world{}); err == nil || !strings.Contains(err.Error(), "no alerts are stored") {
		t.Errorf("without a log: %v", err)
	}
}
