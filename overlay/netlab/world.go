//go:build linux

package netlab

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/shitops/opsbot/overlay"
)

// World is a lab whose nodes have a data plane each, and the segments that are to be there. Planes are in the order of the nodes; there may be fewer.
type World struct {
	Lab      *Lab
	Planes   []overlay.DataPlane
	Segments []overlay.Segment
	Members  []overlay.Member
}

// Segment adds a segment whose members are the nodes themselves, given by their index.
func (w *World) Segment(t testing.TB, vni overlay.VNI, nodes ...int) overlay.Segment {
	t.Helper()
	s := overlay.Segment{Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: overlay.MTU(1500, w.Lab.Nodes[0].Addr.Is6()),
		V4: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(len(w.Segments)), 0}), 24), V6: overlay.SegmentV6(7, vni)}
	w.Segments = append(w.Segments, s)
	for _, n := range nodes {
		w.Attach(t, s, n, "")
	}
	return s
}

// Attach adds a member to a segment: an endpoint of a node, or without a name the node itself.
func (w *World) Attach(t testing.TB, s overlay.Segment, node int, endpoint string) overlay.Member {
	t.Helper()
	held := slices.DeleteFunc(slices.Clone(w.Members), func(m overlay.Member) bool { return m.Segment != s.Name })
	plan, err := overlay.NewAddressPlan(s, held)
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Take(w.Lab.Nodes[node].Name, endpoint, w.Lab.Nodes[node].Addr)
	if err != nil {
		t.Fatal(err)
	}
	w.Members = append(w.Members, m)
	return m
}

// Desired is what a node must hold.
func (w *World) Desired(node int) overlay.Desired {
	n := w.Lab.Nodes[node]
	d := overlay.Desired{Node: n.Name, Incarnation: "i1", Generation: 1, VTEP: n.Addr}
	for _, s := range w.Segments {
		ns := overlay.NodeSegment{Name: s.Name, Tenant: s.Tenant, VNI: s.VNI, MTU: s.MTU, V4: s.V4, V6: s.V6, Gateway: s.Gateway}
		for _, m := range w.Members {
			switch {
			case m.Segment != s.Name:
			case m.Node == n.Name:
				ns.Local = append(ns.Local, m)
			default:
				ns.Remote = append(ns.Remote, m)
				if !slices.Contains(ns.Remotes, m.VTEP) {
					ns.Remotes = append(ns.Remotes, m.VTEP)
				}
			}
		}
		if len(ns.Local) > 0 {
			d.Segments = append(d.Segments, ns)
		}
	}
	return d
}

// Pass reconciles a node with what it must hold, once, and returns what it did.
func (w *World) Pass(t testing.TB, node int) overlay.Changes {
	t.Helper()
	return Reconcile(t, w.Planes[node], w.Desired(node))
}

// Settle reconciles every node, and expects that a second pass has nothing to do.
func (w *World) Settle(t testing.TB) {
	t.Helper()
	for n := range w.Planes {
		w.Pass(t, n)
	}
	for n := range w.Planes {
		if again := w.Pass(t, n); !again.Empty() {
			t.Fatalf("a second pass on %s would do\n%s", w.Lab.Nodes[n].Name, again)
		}
	}
}

// PingAll pings from all members of a segment that are nodes themselves to all members on other nodes. A gateway's address is on every node: where
// there is one, each pings from its own.
func (w *World) PingAll(t testing.TB, s overlay.Segment) {
	t.Helper()
	for _, a := range w.Members {
		for _, b := range w.Members {
			if a.Segment != s.Name || b.Segment != s.Name || a.Node == b.Node || a.Endpoint != "" {
				continue
			}
			from := w.Lab.Nodes[slices.IndexFunc(w.Lab.Nodes, func(n *Space) bool { return n.Name == a.Node })]
			for i, ip := range b.IPs {
				var own []string
				if s.Gateway {
					own = []string{"-I", a.IPs[i].String()}
				}
				from.Ping(t, ip, true, own...)
			}
		}
	}
}

// Ping sends echo requests until one is answered, for two seconds at most, and expects that one is, or that none is. A kernel lets a new device
// carry traffic a moment after it went up.
func (s *Space) Ping(t testing.TB, to netip.Addr, want bool, args ...string) {
	t.Helper()
	out, err := s.Try("ping", append([]string{"-c1", "-i0.1", "-w2", "-n", to.String()}, args...)...)
	if (err == nil) != want {
		t.Errorf("ping %s from %s: answered %v, want %v\n%s\n%s%s", to, s.Name, err == nil, want, out,
			s.Run(t, "ip", "-o", "address"), s.Run(t, "ip", "neighbour"))
	}
}

// Reconcile compares what a plane holds with what it must, and applies the difference, once.
func Reconcile(t testing.TB, p overlay.DataPlane, want overlay.Desired) overlay.Changes {
	t.Helper()
	if err := want.Check(); err != nil {
		t.Fatal(err)
	}
	have, err := p.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	changes := overlay.Diff(want, have)
	report, err := p.Apply(context.Background(), changes)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Failed {
		t.Errorf("%s: %s", want.Node, f.Err)
	}
	return changes
}
