package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/overlay"
)

func TestNodeHoldsWhatItMust(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	s := w.hold("edge-1", with(5001, 5002))
	if s.Report.Segments != 2 || !s.Report.Converged || s.Report.Facts.Underlay != 1500 || s.Report.Facts.Capability.Plane != "memory" {
		t.Errorf("report = %+v, want two segments, converged, with facts", s.Report)
	}
	if diff := cmp.Diff([]overlay.VNI{5001, 5002}, r.plane.holds()); diff != "" {
		t.Errorf("the node holds other VNIs (-want +got):\n%s", diff)
	}
	s = w.hold("edge-1", Edit{Change: with(5001).Change, Yes: true})
	if s.Report.Generation != 2 || s.Report.Segments != 1 {
		t.Errorf("report = %+v, want generation 2 with one segment", s.Report)
	}
}
