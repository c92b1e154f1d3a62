package segment_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// letsIn are the addresses that the guard of a node lets in.
func (f *fleet) letsIn(node string) (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.nodes[node].objects {
		if o.Kind == overlay.Guard {
			out = append(out, o.VTEP.String())
		}
	}
	return out
}

// bears tells whether a node holds a segment.
func (f *fleet) bears(node string, vni overlay.VNI) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.nodes[node].objects, func(o overlay.Object) bool { return o.Kind == overlay.Tunnel && o.VNI == vni })
}

// doorkeeper notes when a node is told to send into a segment whose other nodes hold it and do not let it in yet.
type doorkeeper struct {
	*fleet
	early []string
}

func (d *doorkeeper) Put(ctx context.Context, node string, compose func() (overlay.Desired, error), by string) (segment.Reported, error) {
	want, err := compose()
	if err != nil {
		return segment.Reported{}, err
	}
	for _, s := range want.Segments {
		for _, m := range s.Remote {
			if d.bears(m.Node, s.VNI) && !slices.Contains(d.letsIn(m.Node), want.VTEP.String()) {
				d.early = append(d.early, node+" before "+m.Node+" lets it in")
			}
		}
	}
	return d.fleet.Put(ctx, node, compose, by)
}

// TestGuard: each node lets in those alone with whom it shares a segment, and a new member before it sends.
func TestGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keeper := &doorkeeper{fleet: newFleet()}
		h := newHome(t, memory(), keeper.fleet, func(o *segment.Options) { o.Fleet = keeper }).serve(t, "bot")
		defer h.stop()
		is := func(when string, want ...[]string) {
			t.Helper()
			for i, n := range []string{"edge-1", "edge-2", "edge-3"} {
				if d := cmp.Diff(want[i], keeper.letsIn(n)); d != "" {
					t.Errorf("%s: %s lets in (-want +got):\n%s", when, n, d)
				}
			}
		}
		must(t, h.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2"), actions.Done)
		two := []string{"192.0.2.1", "192.0.2.2"}
		is("created", two, two, nil)
		must(t, h.do(t, "segment.create", "segment=studio-b", "tenant=acme", "vni=5002", "node=edge-1", "node=edge-3"), actions.Done)
		is("another one", []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, two, []string{"192.0.2.1", "192.0.2.3"})
		must(t, h.do(t, "segment.attach", "segment=studio-a", "node=edge-3"), actions.Done)
		three := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
		is("attached", three, three, three)
		must(t, h.do(t, "segment.detach", "segment=studio-a", "node=edge-2"), actions.Done)
		is("detached", []string{"192.0.2.1", "192.0.2.3"}, nil, []string{"192.0.2.1", "192.0.2.3"})
		must(t, h.do(t, "segment.delete", "segment=studio-a"), actions.Done)
		must(t, h.do(t, "segment.delete", "segment=studio-b"), actions.Done)
		is("deleted", nil, nil, nil)
		if len(keeper.early) > 0 {
			t.Errorf("senders that are not let in: %q", keeper.early)
		}
	})
}

// TestGuardOfDesired: it is asked for wherever there may be something to guard, and a node that takes part in nothing has none.
func TestGuardOfDesired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := busy(t)
		defer h.stop()
		for node, want := range map[string]int{"edge-1": 2, "edge-2": 2, "edge-8": 0} {
			d, err := h.Desired(t.Context(), node)
			if err != nil || !d.Guard {
				t.Errorf("Desired(%s): guard %v, %v", node, d.Guard, err)
			}
			let := slices.DeleteFunc(d.Objects(), func(o overlay.Object) bool { return o.Kind != overlay.Guard })
			if len(let) != want {
				t.Errorf("Desired(%s) lets in %v, want %d", node, let, want)
			}
			d.VTEP = netip.MustParseAddr("2001:db8::1")
			if slices.ContainsFunc(d.Objects(), func(o overlay.Object) bool { return o.Kind == overlay.Guard }) {
				t.Errorf("Desired(%s) with an IPv6 VTEP guards: the guard knows IPv4 alone", node)
			}
		}
	})
}
