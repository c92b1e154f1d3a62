package segment_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// strays are the nodes that hold a VNI which nobody told them to, and wait for a yes.
func (f *fleet) strays(v overlay.VNI) (nodes []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, a := range f.nodes {
		told := slices.ContainsFunc(a.desired.Segments, func(n overlay.NodeSegment) bool { return n.VNI == v })
		has := slices.ContainsFunc(a.objects, func(o overlay.Object) bool { return o.Kind == overlay.Tunnel && o.VNI == v })
		if a.waits != "" && has && !told {
			nodes = append(nodes, name)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// withStray is a bot that knows nothing of VNI 7001, which edge-3 and edge-4 hold since another day.
func withStray(t *testing.T) *home {
	t.Helper()
	f := newFleet()
	earlier := newHome(t, memory(), f).serve(t, "earlier")
	must(t, earlier.do(t, "segment.create", "segment=lost", "tenant=acme", "vni=7001", "node=edge-3", "node=edge-4"), actions.Done)
	earlier.stop()
	h := newHome(t, memory(), f, func(o *segment.Options) { o.Strays = f.strays }).serve(t, "bot")
	must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-3", "node=edge-4"), actions.Done)
	return h
}

// TestDeleteOfAStray: what nodes hold and no segment has is let go by its number, by a yes alone, and by nothing else.
func TestDeleteOfAStray(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := withStray(t)
		defer h.stop()
		if got := h.fleet.holds("edge-3"); !strings.Contains(got, "7001: ") {
			t.Fatalf("edge-3 holds %q, want VNI 7001 to wait there", got)
		}
		if _, err := h.plan(t, "segment.delete", "segment=7002"); err == nil || !strings.Contains(err.Error(), `no segment is called "7002"`) {
			t.Errorf("a number that nobody holds: %v", err)
		}
		p, err := h.plan(t, "segment.delete", "segment=7001")
		if err != nil || p.Risk != actions.Destructive || p.Say != "delete VNI 7001, which belongs to no segment, from edge-3, edge-4 with all its traffic" || p.Groups[0].Steps[0].NoUndo == "" {
			t.Fatalf("plan %+v, %v", p, err)
		}
		must(t, h.carry(t, p), actions.Done)
		for _, node := range []string{"edge-3", "edge-4"} {
			if got := h.fleet.holds(node); strings.Contains(got, "7001: ") || !strings.Contains(got, "5001: ") {
				t.Errorf("%s holds %q, want VNI 5001 alone", node, got)
			}
		}
		if _, err := h.plan(t, "segment.delete", "segment=7001"); err == nil {
			t.Error("a second deletion is planned")
		}
	})
}

// TestStrayThatIsOfASegmentByNow stays.
func TestStrayThatIsOfASegmentByNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := withStray(t)
		defer h.stop()
		p, err := h.plan(t, "segment.delete", "segment=7001")
		if err != nil {
			t.Fatal(err)
		}
		must(t, h.do(t, "segment.create", "segment=found", "tenant=acme", "vni=7001", "node=edge-3", "node=edge-4"), actions.Done)
		r := h.carry(t, p)
		if r.State == actions.Done || !strings.Contains(r.Why, "VNI 7001 is of segment found by now") {
			t.Errorf("run %s: %s", r.State, r.Why)
		}
		if got := h.fleet.holds("edge-3"); !strings.Contains(got, "7001: ") {
			t.Errorf("edge-3 holds %q, want VNI 7001 to stay", got)
		}
	})
}
