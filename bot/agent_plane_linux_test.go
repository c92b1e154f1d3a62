package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
)

// planesOf are the planes of a node of the lab.
func planesOf(n *netlab.Space, kind string) *planes {
	return &planes{options: kernel.Options{Instance: "test", Namespace: n.Path, Endpoints: n.Endpoints}, kind: kind, log: slog.New(slog.DiscardHandler)}
}

// wanted is one segment of the first two nodes of a lab, as one of them must hold it.
func wanted(l *netlab.Lab, self int, endpoint string) overlay.Desired {
	s := overlay.NodeSegment{Name: "studio", Tenant: "acme", VNI: 5001, MTU: 1450, V4: netip.MustParsePrefix("100.64.0.0/24")}
	for i, n := range l.Nodes[:2] {
		m := overlay.Member{Segment: s.Name, Node: n.Name, MAC: overlay.MACOf("acme", s.VNI, n.Name, 0), IPs: []netip.Addr{netip.AddrFrom4([4]byte{100, 64, 0, byte(i + 2)})}, VTEP: n.Addr}
		if i == self {
			m.Endpoint = endpoint
			s.Local = append(s.Local, m)
			continue
		}
		s.Remote, s.Remotes = append(s.Remote, m), append(s.Remotes, n.Addr)
	}
	return overlay.Desired{Node: l.Nodes[self].Name, Incarnation: "i1", Generation: 1, VTEP: l.Nodes[self].Addr, Segments: []overlay.NodeSegment{s}}
}

// closedOnce is a plane that a test closes, or its end.
type closedOnce struct {
	overlay.DataPlane
	close func() error
}

func (c *closedOnce) Close() error { return c.close() }

// opened opens a plane as the agent does, tries it and reads it.
func opened(t *testing.T, p *planes, n *netlab.Space) (overlay.DataPlane, overlay.Observed) {
	t.Helper()
	plane, err := p.open(t.Context(), n.Name, n.Addr)
	if err != nil {
		t.Fatalf("open %s by %q: %v", n.Name, p.kind, err)
	}
	plane = &closedOnce{DataPlane: plane, close: sync.OnceValue(plane.Close)}
	t.Cleanup(func() {
		if err := plane.Close(); err != nil {
			t.Errorf("close the plane of %s: %v", n.Name, err)
		}
	})
	if _, err := plane.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	have, err := plane.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return plane, have
}

func needTUN(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/dev/net/tun"); err != nil && os.Getenv("OPSBOT_REQUIRE_REAL") != "1" {
		t.Skipf("needs TUN devices: %v", err)
	}
}

// TestPlaneIsChosen takes the kernel where it can, else the program, and says why.
func TestPlaneIsChosen(t *testing.T) {
	t.Parallel()
	needTUN(t)
	l := netlab.New(t, 2)
	none := func(context.Context, kernel.Options) error { return errors.New("no VXLAN here") }
	for _, tt := range []struct {
		name, kind string
		able       func(context.Context, kernel.Options) error
		want, why  string
	}{
		{"able", planeAuto, nil, kernel.Kind, ""},
		{"of the bot itself", "", nil, kernel.Kind, ""},
		{"no VXLAN", planeAuto, none, vtep.Kind, "no VXLAN here"},
		{"told so", planeUserspace, nil, vtep.Kind, ""},
		{"told the kernel", planeKernel, none, kernel.Kind, ""},
	} {
		p := planesOf(l.Nodes[0], tt.kind)
		p.able = tt.able
		for range 2 { // the second time when the VTEP is known
			plane, have := opened(t, p, l.Nodes[0])
			able := have.Facts.Capability
			if able.Plane != tt.want || able.Missing[vtep.MissingKernel] != tt.why {
				t.Errorf("%s: %q, the kernel lacks %q, want %q and %q", tt.name, able.Plane, able.Missing[vtep.MissingKernel], tt.want, tt.why)
			}
			if _, ok := plane.(*closedOnce).DataPlane.(planeWatcher); !ok {
				t.Errorf("%s: changes by hand are not noticed", tt.name)
			}
			if err := plane.Close(); err != nil {
				t.Errorf("%s: Close() = %v", tt.name, err)
			}
			p.able = func(context.Context, kernel.Options) error {
				t.Errorf("%s: chosen twice", tt.name)
				return nil
			}
		}
	}
	p := planesOf(l.Nodes[0], planeAuto)
	p.able, p.options.Namespace = none, "/nowhere"
	if _, err := p.open(t.Context(), "edge-1", netip.Addr{}); err == nil || !strings.Contains(err.Error(), "neither the kernel (no VXLAN here) nor the program itself (userspace VTEP of edge-1: open network namespace /nowhere") {
		t.Errorf("nothing is able: %v", err)
	}
	p.able = func(context.Context, kernel.Options) error { return fmt.Errorf("probe the kernel: %w", unix.EPERM) }
	if _, err := p.open(t.Context(), "edge-1", netip.Addr{}); err == nil || !strings.HasSuffix(err.Error(), "run the agent as root, or with CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN") {
		t.Errorf("without rights: %v", err)
	}
}

// TestPlaneTakesOver removes what the kernel held when the program is told to hold segments, but for endpoints, which it cannot.
func TestPlaneTakesOver(t *testing.T) {
	t.Parallel()
	needTUN(t)
	l := netlab.New(t, 2)
	for i, endpoint := range []string{"", "web"} {
		n := l.Nodes[i]
		if endpoint != "" {
			n.Endpoint(t, endpoint)
		}
		held, _ := opened(t, planesOf(n, planeKernel), n)
		netlab.Reconcile(t, held, wanted(l, i, endpoint))
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := kernelAble(t.Context(), kernel.Options{Node: "edge-1", Instance: "test", Namespace: l.Nodes[0].Path, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Errorf("kernelAble() = %v, want that a kernel which holds segments is able", err)
	}
	plane, have := opened(t, planesOf(l.Nodes[0], planeUserspace), l.Nodes[0])
	if len(have.Objects) > 0 || len(have.Foreign) > 0 {
		t.Errorf("after the program took over: holds %v, in the way is %v", have.Objects, have.Foreign)
	}
	netlab.Reconcile(t, plane, wanted(l, 0, ""))
	if changes := netlab.Reconcile(t, plane, wanted(l, 0, "")); !changes.Empty() {
		t.Errorf("a second pass would do\n%s", changes)
	}
	if _, err := planesOf(l.Nodes[1], planeUserspace).open(t.Context(), "edge-2", l.Nodes[1].Addr); err == nil || !strings.Contains(err.Error(), "the userspace plane bears none") {
		t.Errorf("open where the kernel holds an endpoint: %v", err)
	}
	if _, have := opened(t, planesOf(l.Nodes[1], planeKernel), l.Nodes[1]); have.Segments() != 1 {
		t.Errorf("edge-2 holds %d segments, want the one with the endpoint", have.Segments())
	}
}

// TestPlaneProbes asks through whatever carries the segments, and says why it cannot.
func TestPlaneProbes(t *testing.T) {
	t.Parallel()
	needTUN(t)
	l := netlab.New(t, 2)
	kinds := []string{planeUserspace, planeKernel}
	var all []*planes
	for i, n := range l.Nodes {
		p := planesOf(n, kinds[i])
		plane, _ := opened(t, p, n)
		netlab.Reconcile(t, plane, wanted(l, i, ""))
		all = append(all, p)
	}
	for i, p := range all {
		args := `[{"segment":"studio","vni":5001,"node":"` + l.Nodes[1-i].Name + `","vtep":"` + l.Nodes[1-i].Addr.String() + `","mtu":1450}]`
		ask := p.handlers()[agent.HandlerProbe]
		got, err := ask(t.Context(), agent.Order{Args: []byte(args)})
		if err != nil || !strings.Contains(string(got), `"state":"ok"`) || !strings.Contains(string(got), `"passes":1450`) {
			t.Errorf("probe from %s: %s, %v, want ok at 1450", kinds[i], got, err)
		}
		if _, err := ask(t.Context(), agent.Order{Args: []byte("{")}); err == nil {
			t.Errorf("%s probes nonsense", kinds[i])
		}
	}
	p := planesOf(l.Nodes[0], planeKernel)
	if _, err := p.handleProbe(t.Context(), agent.Order{Args: []byte("[]")}); err == nil || !strings.Contains(err.Error(), "the node has no VTEP yet") {
		t.Errorf("probe without a plane: %v", err)
	}
}
