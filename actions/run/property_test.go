package run_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store/fake"
	"pgregory.net/rapid"
)

// anyPlan draws a plan of up to three groups. Several of its steps may change the same thing, and each may have bad luck of every kind.
func anyPlan(rt *rapid.T) actions.Plan {
	var groups []actions.Group
	for g := range rapid.IntRange(0, 3).Draw(rt, "groups") {
		group := actions.Group{
			Nodes:     nodes(rapid.SampledFrom([]int{0, 1, 3, 18}).Draw(rt, "nodes")),
			Width:     rapid.IntRange(0, 4).Draw(rt, "width"),
			KeepGoing: rapid.Bool().Draw(rt, "keep going"),
		}
		for range rapid.IntRange(0, 3).Draw(rt, "steps") {
			group.Steps = append(group.Steps, anyStep(rt, g, len(group.Nodes)))
		}
		groups = append(groups, group)
	}
	return plan("c", groups...)
}

func anyStep(rt *rapid.T, group, nodesN int) actions.Step {
	d := does{Thing: rapid.SampledFrom([]string{"a", "b", "{{node}}/a", "{{node}}/b"}).Draw(rt, "thing")}
	if rapid.Bool().Draw(rt, "on one node") {
		d.On = fmt.Sprintf("edge-%d", rapid.IntRange(1, max(1, nodesN)).Draw(rt, "on"))
	}
	switch rapid.IntRange(0, 12).Draw(rt, "luck") {
	case 0:
		d.Fail = "refused"
	case 1:
		d.Stop = "enough"
	case 2:
		d.Temp = rapid.IntRange(1, 9).Draw(rt, "temp")
	case 3:
		d.Lost = rapid.IntRange(1, 9).Draw(rt, "lost")
	case 4:
		d.Wait = time.Duration(rapid.IntRange(1, 5000).Draw(rt, "wait")) * time.Second
	case 5:
		d.Long = time.Duration(rapid.IntRange(1, 100).Draw(rt, "long")) * time.Second
	}
	return actions.Step{Kind: "put", Key: d.Thing, Args: actions.Encode(d), Say: fmt.Sprintf("put %s in group %d", d.Thing, group)}
}

// TestPlanThenUndoChangesNothing carries out any plan, with a crash or a lost reply somewhere and perhaps a cancel, and then takes it back. The journal
// must agree with the world after the first, and the world be empty after the second. At no time are two steps at work on a thing.
func TestPlanThenUndoChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := anyPlan(rt)
		s := shape{name: "any plan", plan: func() actions.Plan { return p }}
		if rapid.IntRange(0, 3).Draw(rt, "cancels") == 0 {
			s.cancelAt = rapid.IntRange(1, 30).Draw(rt, "cancel at")
		}
		b := blow{rapid.IntRange(1, 60).Draw(rt, "call"), rapid.SampledFrom(crashes).Draw(rt, "fault")}
		synctest.Test(t, func(t *testing.T) {
			p.Request.At = time.Now()
			w, disk, c, hits := newWorld(), fake.New(), &person{shape: s}, 0
			before := w.start(t, disk, "before", b.inject(&hits), sixTries)
			c.use(t, before, w, p)
			before.h.Kill()
			before.close(t)
			proc := w.start(t, disk, "after", nil, sixTries)
			defer proc.close(t)
			if !c.use(t, proc, w, p) {
				t.Errorf("%s is not over", c.id)
				return
			}
			time.Sleep(5 * time.Minute)
			r := proc.until(t, c.id, nil)
			audit(t, "any plan", proc, w, r)
			switch err := proc.e.Undo(t.Context(), c.id, ben); {
			case errors.Is(err, run.ErrNothing), errors.Is(err, run.ErrOver):
			case err != nil:
				t.Error(err)
			default:
				time.Sleep(time.Hour)
				r = proc.until(t, c.id, nil)
				if r.State != actions.Undone {
					t.Errorf("undo ended as %s", run.Summary(r))
				}
			}
			if got := w.state(); got != "" {
				t.Errorf("world = %s after %s, want nothing\noutcomes: %s", got, run.Summary(r), states(r))
			}
			for _, bad := range w.faults {
				t.Error(bad)
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
