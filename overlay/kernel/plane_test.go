//go:build linux

package kernel_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a lab whose nodes have a data plane each, and the segments that are to be there.
type world struct {
	lab      *netlab.Lab
	planes   []*kernel.Plane
	segments []overlay.Segment
	members  []overlay.Member
}

func newWorld(t testing.TB, nodes int) *world {
	t.Helper()
	w := &world{lab: netlab.New(t, nodes)}
	for _, n := range w.lab.Nodes {
		w.planes = append(w.planes, newPlane(t, n))
	}
	return w
}

func newPlane(t testing.TB, n *netlab.Space) *kernel.Plane {
	t.Helper()
	p, err := kernel.New(kernel.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path, Endpoints: n.Endpoints})
	if err != nil {
		t.Fatalf("New(%s): %v", n.Name, err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the plane of %s: %v", n.Name, err)
		}
	})
	return p
}

// segment adds a segment whose members are the nodes themselves.
func (w *world) segment(t testing.TB, vni overlay.VNI, nodes ...int) overlay.Segment {
	t.Helper()
	s := overlay.Segment{Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: 1450,
		V4: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(len(w.segments)), 0}), 24), V6: overlay.SegmentV6(7, vni)}
	w.segments = append(w.segments, s)
	for _, n := range nodes {
		w.attach(t, s, n, "")
	}
	return s
}

// attach adds a member to a segment.
func (w *world) attach(t testing.TB, s overlay.Segment, node int, endpoint string) overlay.Member {
	t.Helper()
	held := slices.DeleteFunc(slices.Clone(w.members), func(m overlay.Member) bool { return m.Segment != s.Name })
	plan, err := overlay.NewAddressPlan(s, held)
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Take(w.lab.Nodes[node].Name, endpoint, w.lab.Nodes[node].Addr)
	if err != nil {
		t.Fatal(err)
	}
	w.members = append(w.members, m)
	return m
}

// desired is what a node must hold.
func (w *world) desired(node int) overlay.Desired {
	n := w.lab.Nodes[node]
	d := overlay.Desired{Node: n.Name, Incarnation: "i1", Generation: 1, VTEP: n.Addr}
	for _, s := range w.segments {
		ns := overlay.NodeSegment{Name: s.Name, Tenant: s.Tenant, VNI: s.VNI, MTU: s.MTU, V4: s.V4, V6: s.V6, Gateway: s.Gateway}
		for _, m := range w.members {
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

// pass reconciles a node once and returns what it did.
func (w *world) pass(t testing.TB, node int) overlay.Changes {
	t.Helper()
	want := w.desired(node)
	if err := want.Check(); err != nil {
		t.Fatal(err)
	}
	have, err := w.planes[node].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	changes := overlay.Diff(want, have)
	report, err := w.planes[node].Apply(context.Background(), changes)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Failed {
		t.Errorf("%s: %s", want.Node, f.Err)
	}
	return changes
}

// settle reconciles every node, and expects that a second pass has nothing to do.
func (w *world) settle(t testing.TB) {
	t.Helper()
	for n := range w.planes {
		w.pass(t, n)
	}
	for n := range w.planes {
		if again := w.pass(t, n); !again.Empty() {
			t.Fatalf("a second pass on %s would do\n%s", w.lab.Nodes[n].Name, again)
		}
	}
}

// ping sends echo requests until one is answered, for two seconds at most, and expects that one is, or that none is. A kernel lets a
// new device carry traffic a moment after it went up.
func ping(t testing.TB, from *netlab.Space, to netip.Addr, want bool, args ...string) {
	t.Helper()
	out, err := from.Try("ping", append([]string{"-c1", "-i0.1", "-w2", "-n", to.String()}, args...)...)
	if (err == nil) != want {
		t.Errorf("ping %s from %s: answered %v, want %v\n%s\n%s", to, from.Name, err == nil, want, out, from.Run(t, "ip", "neighbour"))
	}
}

// pingAll pings between all members of a segment that are nodes themselves.
func (w *world) pingAll(t testing.TB, s overlay.Segment) {
	t.Helper()
	for _, a := range w.members {
		for _, b := range w.members {
			if a.Segment != s.Name || b.Segment != s.Name || a.Node == b.Node || a.Endpoint != "" {
				continue
			}
			from := w.lab.Nodes[slices.IndexFunc(w.lab.Nodes, func(n *netlab.Space) bool { return n.Name == a.Node })]
			for _, ip := range b.IPs {
				ping(t, from, ip, true)
			}
		}
	}
}

func TestSegmentsConnectNodesAndLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	before := w.lab.Nodes[0].Run(t, "ip", "-o", "link")
	s := w.segment(t, 5001, 0, 1, 2)
	w.segment(t, 0xb05001, 0, 1)
	w.settle(t)
	w.pingAll(t, s)
	w.pingAll(t, w.segments[1])
	from := w.lab.Nodes[0]
	ping(t, from, w.members[1].IPs[0], true, "-s", "1422", "-M", "do")
	links := from.Run(t, "ip", "-d", "link", "show", "dev", overlay.TunnelName(5001))
	for _, want := range []string{"vxlan id 5001", "dstport 4789", "nolearning", "mtu 1450", "group", "alias opsbot test 1"} {
		if !strings.Contains(links, want) {
			t.Errorf("the tunnel has no %q:\n%s", want, links)
		}
	}
	box := from.Endpoint(t, "box")
	m := w.attach(t, s, 0, "box")
	w.settle(t)
	w.pingAll(t, s)
	ping(t, w.lab.Nodes[2], m.IPs[0], true)
	ping(t, w.lab.Nodes[2], m.IPs[1], true)
	ping(t, box, w.members[1].IPs[0], true)
	links = from.Run(t, "ip", "-d", "link", "show", "dev", overlay.TunnelName(5001))
	for _, want := range []string{"master obb001389", "neigh_suppress on", "learning off"} {
		if !strings.Contains(links, want) {
			t.Errorf("the tunnel in a bridge has no %q:\n%s", want, links)
		}
	}
	w.members = w.members[:len(w.members)-1]
	w.settle(t)
	w.pingAll(t, s)
	w.segments, w.members = nil, nil
	w.settle(t)
	if after := from.Run(t, "ip", "-o", "link"); stripStates(after) != stripStates(before) {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// stripStates keeps the names of devices.
func stripStates(links string) (names string) {
	for line := range strings.Lines(links) {
		names += strings.Fields(line)[1] + "\n"
	}
	return names
}
