package segment_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
)

// TestLife creates a segment, attaches, detaches, deletes, and takes each of these back: the nodes follow.
func TestLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, memory(), newFleet()).serve(t, "bot")
		defer h.stop()
		is := func(when string, want ...string) {
			t.Helper()
			var got []string
			for _, n := range []string{"edge-1", "edge-2", "edge-3"} {
				got = append(got, h.fleet.holds(n))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: nodes hold (-want +got):\n%s", when, diff)
			}
		}
		two := []string{"5001: mtu 1450 →192.0.2.2 100.83.137.2/24", "5001: mtu 1450 →192.0.2.1 100.83.137.3/24", ""}
		three := []string{"5001: mtu 1450 →192.0.2.2 →192.0.2.3 100.83.137.2/24", "5001: mtu 1450 →192.0.2.1 →192.0.2.3 100.83.137.3/24", "5001: mtu 1450 →192.0.2.1 →192.0.2.2 100.83.137.4/24"}

		made := must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2"), actions.Done)
		is("created", two...)
		joined := must(t, h.do(t, "segment.attach", "segment=studio-a", "node=edge-3", "node=edge-1"), actions.Done)
		is("attached", three...)
		if got := h.engine; got == nil || joined.Plan.Notes[0] != "edge-1 is in studio-a already" {
			t.Errorf("notes of the attaching: %q", joined.Plan.Notes)
		}
		must(t, h.undo(t, joined.ID), actions.Undone)
		is("attached and undone", two...)
		must(t, h.do(t, "segment.attach", "segment=5001", "node=edge-3"), actions.Done)
		left := must(t, h.do(t, "segment.detach", "segment=studio-a", "node=edge-3", "node=edge-2"), actions.Done)
		is("detached", "5001: mtu 1450 100.83.137.2/24", "", "")
		must(t, h.undo(t, left.ID), actions.Undone)
		is("detached and undone", three...)
		gone := must(t, h.do(t, "segment.delete", "segment=studio-a"), actions.Done)
		is("deleted", "", "", "")
		if _, ok := h.store.Find("studio-a"); ok || gone.Plan.Risk != actions.Destructive {
			t.Errorf("after the deletion there is a segment: %v, risk %s", ok, gone.Plan.Risk)
		}
		must(t, h.undo(t, gone.ID), actions.Undone)
		is("deleted and undone", three...)
		if r := h.undo(t, made.ID); r.State != actions.Failed && r.State != actions.Undone || h.fleet.holds("edge-3") == "" {
			t.Errorf("the undo of the making, while others are in: %s, edge-3 holds %q", r.State, h.fleet.holds("edge-3"))
		}
		must(t, h.do(t, "segment.delete", "segment=studio-a"), actions.Done)
		is("deleted again", "", "", "")
		_, err := h.plan(t, "segment.create", "segment=studio-b", "tenant=acme", "vni=5001")
		if err == nil || !strings.Contains(err.Error(), "in quarantine until") {
			t.Errorf("a VNI that was given back just now: %v", err)
		}
	})
}

// TestFailure: a node that cannot do its part leaves nothing behind anywhere, and the VNI rests.
func TestFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, memory(), newFleet()).serve(t, "bot")
		defer h.stop()
		h.fleet.change("edge-2", func(a *agent) { a.fails = "+ tunnel ob001000: out of memory" })
		r := h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1", "node=edge-2")
		if !strings.Contains(r.Why, "out of memory") {
			t.Errorf("why it failed: %q", r.Why)
		}
		if got := h.fleet.holds("edge-1"); got != "" {
			t.Errorf("edge-1 holds %q", got)
		}
		if _, ok := h.store.Find("studio-a"); ok {
			t.Error("the segment is still there")
		}
		h.fleet.change("edge-2", func(a *agent) { a.fails = "" })
		must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1", "node=edge-2"), actions.Done)
		if have, _ := h.store.Find("studio-a"); have.VNI != 4097 {
			t.Errorf("the second one has VNI %d, while 4096 rests", have.VNI)
		}
	})
}

// TestAbsent: a node that is away holds nobody up, and lets go when it is back.
func TestAbsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, memory(), newFleet()).serve(t, "bot")
		defer h.stop()
		must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1", "node=edge-2", "node=edge-3"), actions.Done)
		h.fleet.change("edge-2", func(a *agent) { a.look.Connected = false })
		p, err := h.plan(t, "segment.delete", "segment=studio-a")
		if err != nil || !strings.Contains(strings.Join(p.Notes, "; "), "edge-2 cannot be reached: it lets go when its agent is back") {
			t.Errorf("notes %q, %v", p.Notes, err)
		}
		r := must(t, h.carry(t, p), actions.Done)
		if !strings.Contains(fmt.Sprint(r.Outcomes), "edge-2 cannot be reached: it is brought to it when its agent is back") || h.fleet.holds("edge-1")+h.fleet.holds("edge-3") != "" || h.fleet.holds("edge-2") == "" {
			t.Errorf("outcomes %+v; edge-1 %q, edge-2 %q, edge-3 %q", r.Outcomes, h.fleet.holds("edge-1"), h.fleet.holds("edge-2"), h.fleet.holds("edge-3"))
		}
		d, err := h.Desired(t.Context(), "edge-2")
		if err != nil {
			t.Fatal(err)
		}
		h.fleet.change("edge-2", func(a *agent) { a.look.Connected, a.desired = true, d; a.take() })
		if got := h.fleet.holds("edge-2"); got != "" {
			t.Errorf("edge-2 is back and holds %q, desired %+v", got, d)
		}
		if _, err := h.plan(t, "segment.create", "segment=b", "tenant=acme", "node=edge-9"); err == nil || !strings.Contains(err.Error(), "no agent is enrolled") {
			t.Errorf("a node without agent: %v", err)
		}
	})
}
