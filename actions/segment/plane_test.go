package segment_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
)

// TestHostOnlyNode lets a node whose data plane carries the node alone into segments as that, says so before the yes, and refuses endpoints there
// and more segments than it carries.
func TestHostOnlyNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		for _, node := range []string{"edge-3", "edge-4"} {
			h.fleet.change(node, func(a *agent) { a.look.Plane, a.look.HostOnly, a.look.Most = "userspace", true, 2 })
		}
		const one, both = "edge-3 carries segments by the program itself (userspace)", "edge-3, edge-4 carry segments by the program itself (userspace)"
		for _, tt := range []struct{ say, want string }{
			{"segment.create segment=new tenant=acme node=edge-1", ""},
			{"segment.create segment=new tenant=acme node=edge-1 node=edge-3", one},
			{"segment.attach segment=studio-a node=edge-3 node=edge-4", both},
			{"segment.attach segment=studio-a node=edge-3", one},
		} {
			words := strings.Fields(tt.say)
			p, err := h.plan(t, words[0], words[1:]...)
			if notes := strings.Join(p.Notes, "\n"); err != nil || !strings.HasPrefix(notes, tt.want) || tt.want == "" && notes != "" {
				t.Errorf("%s: notes %q, error %v, want %q", tt.say, notes, err, tt.want)
			}
		}

		p, err := h.plan(t, "segment.attach", "segment=studio-a", "node=edge-3")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := h.engine.ByHand(t.Context(), p)
		if text := strings.Join(lines, "\n"); err != nil || !strings.Contains(text, "# on edge-3: no command does it") || !strings.Contains(text, "dst 192.0.2.3") || strings.Contains(text, "local 192.0.2.3") {
			t.Errorf("by hand: %v, want commands for the others alone:\n%s", err, text)
		}
		must(t, h.carry(t, p), actions.Done)
		if got := h.fleet.holds("edge-3"); !strings.Contains(got, "5001: ") {
			t.Errorf("edge-3 holds %q, want VNI 5001", got)
		}
		must(t, h.do(t, "segment.attach", "segment=studio-b", "node=edge-3"), actions.Done)
		if _, err := h.plan(t, "segment.attach", "segment=lonely", "node=edge-3"); err == nil || !strings.Contains(err.Error(), "edge-3 holds 2 segments, the most that its data plane (userspace) carries") {
			t.Errorf("a third segment of two: %v", err)
		}

		have, _ := h.store.Find("studio-a")
		join := func(node string) ([]actions.Group, error) {
			look, _ := h.fleet.Look(t.Context(), node)
			groups, _, err := h.Join(t.Context(), segment.Args{By: "anna", Places: []segment.Place{{Node: node, Endpoint: "web", VTEP: look.VTEP, Underlay: 1500}}}, have)
			return groups, err
		}
		const refused = "its data plane (userspace) carries the node itself and no endpoints"
		if _, err := join("edge-3"); err == nil || !strings.Contains(err.Error(), "endpoint web cannot be on edge-3: "+refused) {
			t.Errorf("an endpoint on edge-3: %v, want %q", err, refused)
		}
		groups, err := join("edge-1")
		if err != nil {
			t.Fatal(err)
		}
		must(t, h.carry(t, actions.Plan{Request: request("container.run"), Risk: actions.Disruptive, Say: "put web on edge-1", Groups: groups}), actions.Done)
		if _, _, err := h.Move(t.Context(), world{}, "anna", "studio-a", "web", "edge-4"); err == nil || !strings.Contains(err.Error(), "endpoint web cannot be on edge-4: "+refused) {
			t.Errorf("moved to edge-4: %v, want %q", err, refused)
		}
		if _, _, err := h.Move(t.Context(), world{}, "anna", "studio-a", "web", "edge-5"); err != nil {
			t.Errorf("moved to edge-5: %v", err)
		}
	})
}
