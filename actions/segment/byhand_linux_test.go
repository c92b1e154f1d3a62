package segment_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay/netlab"

	"github.com/shitops/opsbot/actions"
)

// TestByHand types the commands that the plans tell, on two real nodes, and pings from one to the other inside of the segment; then what takes it
// away again.
func TestByHand(t *testing.T) {
	t.Parallel()
	lab := netlab.New(t, 2)
	h := newHome(t, memory(), newFleet()).serve(t, "bot")
	defer h.stop()
	typed := func(p actions.Plan) {
		t.Helper()
		lines, err := h.engine.ByHand(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		var on *netlab.Space
		for _, line := range lines {
			if node, ok := strings.CutPrefix(line, "# on "); ok {
				for _, s := range lab.Nodes {
					if strings.HasPrefix(node, s.Name) {
						on = s
					}
				}
			}
			if strings.HasPrefix(line, "#") {
				continue
			}
			if out, err := on.Try("sh", "-c", line); err != nil {
				t.Errorf("%s: %s: %v", on.Name, line, out)
			}
		}
	}
	p, err := h.plan(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2")
	if err != nil {
		t.Fatal(err)
	}
	typed(p)
	if out, err := lab.Nodes[0].Try("ping", "-c1", "-W3", "-M", "do", "-s", "1422", "100.83.137.3"); err != nil {
		t.Errorf("ping edge-2 from edge-1 inside of the segment: %s\n%s", out, lab.Nodes[0].Run(t, "ip", "-d", "link"))
	}
	must(t, h.carry(t, p), actions.Done)
	if p, err = h.plan(t, "segment.delete", "segment=studio-a"); err != nil {
		t.Fatal(err)
	}
	typed(p)
	for _, s := range lab.Nodes {
		if out := s.Run(t, "ip", "-o", "link"); strings.Contains(out, "ob001389") || strings.Contains(out, "obb001389") {
			t.Errorf("%s still has %s", s.Name, out)
		}
	}
}
