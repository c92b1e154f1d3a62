package segment_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// TestMove moves an endpoint to another node with its addresses, and back; a dead node does not stop it.
func TestMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		have, _ := h.store.Find("studio-a")
		look, _ := h.fleet.Look(t.Context(), "edge-1")
		groups, _, err := h.Join(t.Context(), segment.Args{By: "anna", Places: []segment.Place{{Node: "edge-1", Endpoint: "web", VTEP: look.VTEP, Underlay: 1500}}}, have)
		if err != nil {
			t.Fatal(err)
		}
		plan := func(groups []actions.Group) actions.Plan {
			return actions.Plan{Request: request("failover.run"), Risk: actions.Destructive, Say: "move web", Groups: groups}
		}
		must(t, h.carry(t, plan(groups)), actions.Done)
		where := func() (overlay.Member, string) {
			r, _ := h.store.Find("studio-a")
			for _, m := range r.Members() {
				if m.Endpoint == "web" {
					return m, h.fleet.holds("edge-1") + " | " + h.fleet.holds("edge-2") + " | " + h.fleet.holds("edge-3")
				}
			}
			return overlay.Member{}, ""
		}
		was, _ := where()
		h.fleet.change("edge-1", func(a *agent) { a.look.Connected = false })
		groups, notes, err := h.Move(t.Context(), world{}, "anna", "studio-a", "web", "edge-3")
		if err != nil || !strings.Contains(strings.Join(notes, ""), "edge-1 cannot be reached") {
			t.Fatalf("plan of the move: %v, notes %q", err, notes)
		}
		moved := must(t, h.carry(t, plan(groups)), actions.Done)
		now, hold := where()
		if now.Node != "edge-3" || now.Sequence != was.Sequence+1 || now.MAC != was.MAC || now.IPs[0] != was.IPs[0] {
			t.Errorf("moved: %+v, was %+v", now, was)
		}
		if !strings.Contains(hold, "→192.0.2.1 →192.0.2.3") || !strings.HasSuffix(hold, now.IPs[0].String()+"/24") {
			t.Errorf("nodes hold %s", hold)
		}
		h.fleet.change("edge-1", func(a *agent) { a.look.Connected = true })
		must(t, h.undo(t, moved.ID), actions.Undone)
		if now, hold := where(); now.Node != "edge-1" || now.Sequence != was.Sequence+2 || !strings.HasSuffix(hold, "| ") {
			t.Errorf("moved back: %+v, nodes hold %s", now, hold)
		}
		for _, tt := range []struct{ segment, endpoint, to, want string }{
			{"studio-a", "web", "edge-1", "is on edge-1 already"},
			{"studio-a", "db", "edge-2", "has no endpoint called"},
			{"studio-a", "", "edge-2", "has no endpoint called"},
			{"studio-x", "web", "edge-2", "no segment is called"},
			{"studio-a", "web", "edge-9", "no agent is enrolled"},
		} {
			if _, _, err := h.Move(t.Context(), world{}, "anna", tt.segment, tt.endpoint, tt.to); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("move %s of %s to %s: %v, want %q", tt.endpoint, tt.segment, tt.to, err, tt.want)
			}
		}
	})
}
