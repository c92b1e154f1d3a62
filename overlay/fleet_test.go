package overlay_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

// fleetOf is segment live over three nodes.
func fleetOf(t testing.TB) *overlay.Fleet {
	t.Helper()
	f := overlay.NewFleet()
	for n := 2; n < 6; n++ {
		m := member(n, "")
		f.PutNode(overlay.NodeView{Node: m.Node, VTEP: m.VTEP})
	}
	f.PutSegment(live())
	for _, n := range []int{4, 2, 3} {
		if err := f.Attach(5001, member(n, "")); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestFleetTellsEachNodeItsPart(t *testing.T) {
	t.Parallel()
	f := fleetOf(t)
	d, err := f.Desired("edge-3", "i1", 9)
	if err != nil || d.Check() != nil || len(d.Segments) != 1 {
		t.Fatalf("Desired(edge-3) = %+v, %v, %v", d, err, d.Check())
	}
	s := d.Segments[0]
	if len(s.Local) != 1 || s.Local[0].Node != "edge-3" || fmt.Sprint(s.Remotes) != "[192.0.2.2 192.0.2.4]" || len(s.Remote) != 2 || s.Remote[0].Node != "edge-2" {
		t.Errorf("segment on edge-3: %+v", s)
	}
	if d, err := f.Desired("edge-5", "i1", 9); err != nil || len(d.Segments) != 0 {
		t.Errorf("Desired(edge-5) = %+v, %v, want nothing to hold", d, err)
	}
	if _, err := f.Desired("edge-9", "i1", 9); err == nil {
		t.Error("Desired of an unknown node went through")
	}
	if got := f.VTEPsOf(5001); got.Segment != "live" || len(got.List) != 3 || got.List[2].Addr != addr("192.0.2.4") {
		t.Errorf("VTEPsOf = %+v", got)
	}
	if err := f.Attach(5009, member(2, "")); err == nil {
		t.Error("a member of an unknown segment went in")
	}
	if got := f.RemoveSegment(5001); !slices.Equal(got, []string{"edge-2", "edge-3", "edge-4"}) || f.MembersOf(5001) != nil {
		t.Errorf("RemoveSegment = %v", got)
	}
}

func TestPlanOfAMoveNamesTheHoldersAlone(t *testing.T) {
	t.Parallel()
	f := fleetOf(t)
	plan, err := f.Plan(5001, func(f *overlay.Fleet) error {
		f.Detach(5001, "node/edge-4")
		return f.Attach(5001, member(5, ""))
	})
	if err != nil {
		t.Fatal(err)
	}
	var nodes []string
	for _, c := range plan {
		nodes = append(nodes, c.Node)
	}
	if d := cmp.Diff([]string{"edge-2", "edge-3", "edge-4", "edge-5"}, nodes); d != "" {
		t.Errorf("nodes of the plan (-want +got):\n%s", d)
	}
	if got := f.NodesOf(5001); !slices.Equal(got, []string{"edge-2", "edge-3", "edge-4"}) {
		t.Errorf("planning changed the fleet: %v", got)
	}
	broken := errors.New("no")
	if _, err := f.Plan(5001, func(f *overlay.Fleet) error { f.RemoveSegment(5001); return broken }); !errors.Is(err, broken) || len(f.MembersOf(5001)) != 3 {
		t.Errorf("a plan that fails: %v, %d members are left", err, len(f.MembersOf(5001)))
	}
}

// TestPlanLeavesNoTrace holds that a plan changes nothing and says what then happens.
func TestPlanLeavesNoTrace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := overlay.NewFleet()
		for n := range 8 {
			f.PutNode(overlay.NodeView{Node: fmt.Sprintf("edge-%d", n), VTEP: member(n, "").VTEP})
		}
		f.PutSegment(live())
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			n, detach := rapid.IntRange(0, 7).Draw(t, "node"), rapid.Bool().Draw(t, "detach")
			change := func(f *overlay.Fleet) error {
				if detach {
					f.Detach(5001, member(n, "").Key())
					return nil
				}
				return f.Attach(5001, member(n, ""))
			}
			before := objects(t, f)
			plan, err := f.Plan(5001, change)
			if err != nil || !slices.Equal(before, objects(t, f)) {
				t.Fatalf("Plan = %v and changed the fleet: %v", err, !slices.Equal(before, objects(t, f)))
			}
			if err := change(f); err != nil {
				t.Fatal(err)
			}
			if (len(plan) > 0) == slices.Equal(before, objects(t, f)) {
				t.Fatalf("the plan names %d nodes, the change did something: %v", len(plan), !slices.Equal(before, objects(t, f)))
			}
		}
	})
}

// objects is what all nodes must hold, one after the other.
func objects(t *rapid.T, f *overlay.Fleet) (list []overlay.Object) {
	for n := range 8 {
		d, err := f.Desired(fmt.Sprintf("edge-%d", n), "i1", 1)
		if err != nil {
			t.Fatal(err)
		}
		list = append(append(list, d.Objects()...), overlay.Object{})
	}
	return list
}
