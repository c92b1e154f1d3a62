//go:build linux

package vtep_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// need skips the test, with the reason, where there are no TUN devices. With OPSBOT_REQUIRE_REAL=1 it fails instead.
func need(t testing.TB) {
	t.Helper()
	netlab.Need(t)
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		_ = f.Close() // nothing was made
		return
	}
	if os.Getenv("OPSBOT_REQUIRE_REAL") == "1" {
		t.Fatalf("TUN devices are required: %v", err)
	}
	t.Skipf("needs TUN devices: %v", err)
}

// world is a lab whose first node is a userspace VTEP and whose others are kernels, and the segments that are to be there.
type world struct {
	lab      *netlab.Lab
	user     *vtep.Plane
	planes   []overlay.DataPlane
	segments []overlay.Segment
	members  []overlay.Member
}

func newWorld(t testing.TB, nodes int) *world {
	t.Helper()
	need(t)
	return newWorldIn(t, netlab.New(t, nodes))
}

func newWorldIn(t testing.TB, lab *netlab.Lab) *world {
	t.Helper()
	w := &world{lab: lab}
	w.user = newVTEP(t, w.lab.Nodes[0])
	w.planes = append(w.planes, w.user)
	for _, n := range w.lab.Nodes[1:] {
		fillChecksums(t, n, "e0")
		p, err := kernel.New(kernel.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path, Endpoints: n.Endpoints})
		if err != nil {
			t.Fatal(err)
		}
		w.planes = append(w.planes, p)
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Errorf("close the plane of %s: %v", n.Name, err)
			}
		})
	}
	return w
}

func newVTEP(t testing.TB, n *netlab.Space) *vtep.Plane {
	t.Helper()
	p, err := vtep.New(vtep.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the VTEP of %s: %v", n.Name, err)
		}
	})
	return p
}

// fillChecksums lets a device compute checksums before a packet leaves its namespace, as a real card does on the wire (ethtool -K DEV tx off).
// Without it the checksums of tunnelled packets stay empty between namespaces.
func fillChecksums(t testing.TB, n *netlab.Space, device string) {
	t.Helper()
	ethtool(t, n, device, unix.ETHTOOL_STXCSUM, 0)
}

// ethtoolSGRO lets a device gather packets of a stream as they come in (ETHTOOL_SGRO of linux/ethtool.h).
const ethtoolSGRO = 0x2c

// ethtool sets a value of a device (struct ethtool_value of linux/ethtool.h).
func ethtool(t testing.TB, n *netlab.Space, device string, command, value uint32) {
	t.Helper()
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		values := [2]uint32{command, value}
		var request struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			rest [16]byte
		}
		copy(request.name[:], device)
		request.data = unsafe.Pointer(&values)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		t.Fatalf("ethtool %#x of %s on %s: %v", command, device, n.Name, err)
	}
}

// segment adds a segment whose members are the nodes themselves.
func (w *world) segment(t testing.TB, vni overlay.VNI, nodes ...int) overlay.Segment {
	t.Helper()
	s := overlay.Segment{Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: overlay.MTU(1500, w.lab.Nodes[0].Addr.Is6()),
		V4: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(len(w.segments)), 0}), 24), V6: overlay.SegmentV6(7, vni)}
	w.segments = append(w.segments, s)
	plan, err := overlay.NewAddressPlan(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		m, err := plan.Take(w.lab.Nodes[n].Name, "", w.lab.Nodes[n].Addr)
		if err != nil {
			t.Fatal(err)
		}
		w.members = append(w.members, m)
	}
	return s
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
				ns.Remotes = append(ns.Remotes, m.VTEP)
			}
		}
		if len(ns.Local) > 0 {
			d.Segments = append(d.Segments, ns)
		}
	}
	return d
}

// pass reconciles a node with what it must hold, once, and returns what it did.
func (w *world) pass(t testing.TB, node int) overlay.Changes {
	t.Helper()
	return reconcile(t, w.planes[node], w.desired(node))
}

// reconcile compares and applies, once.
func reconcile(t testing.TB, p overlay.DataPlane, want overlay.Desired) overlay.Changes {
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

// ping sends echo requests until one is answered, for two seconds at most, and expects that one is, or that none is.
func ping(t testing.TB, from *netlab.Space, to netip.Addr, want bool, args ...string) {
	t.Helper()
	out, err := from.Try("ping", append([]string{"-c1", "-i0.1", "-w2", "-n", to.String()}, args...)...)
	if (err == nil) != want {
		t.Errorf("ping %s from %s: answered %v, want %v\n%s\n%s", to, from.Name, err == nil, want, out,
			strings.TrimSpace(from.Run(t, "ip", "-o", "address")))
	}
}

// pingAll pings between all members of a segment, each from its own address: a gateway's is shared.
func (w *world) pingAll(t testing.TB, s overlay.Segment) {
	t.Helper()
	for _, a := range w.members {
		for _, b := range w.members {
			if a.Segment != s.Name || b.Segment != s.Name || a.Node == b.Node {
				continue
			}
			from := w.lab.Nodes[slices.IndexFunc(w.lab.Nodes, func(n *netlab.Space) bool { return n.Name == a.Node })]
			for i, ip := range b.IPs {
				ping(t, from, ip, true, "-I", a.IPs[i].String())
			}
		}
	}
}
