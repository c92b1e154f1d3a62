//go:build linux

package kernel_test

import (
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a lab whose nodes are kernels.
type world struct{ *netlab.World }

func newWorld(t testing.TB, nodes int) *world {
	t.Helper()
	w := &world{&netlab.World{Lab: netlab.New(t, nodes)}}
	for _, n := range w.Lab.Nodes {
		w.Planes = append(w.Planes, netlab.NewKernel(t, n))
	}
	return w
}

func TestSegmentsConnectNodesAndLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	before := w.Lab.Nodes[0].Run(t, "ip", "-o", "link")
	s := w.Segment(t, 5001, 0, 1, 2)
	w.Segment(t, 0xb05001, 0, 1)
	w.Settle(t)
	w.PingAll(t, s)
	w.PingAll(t, w.Segments[1])
	from := w.Lab.Nodes[0]
	from.Ping(t, w.Members[1].IPs[0], true, "-s", "1422", "-M", "do")
	links := from.Run(t, "ip", "-d", "link", "show", "dev", overlay.TunnelName(5001))
	for _, want := range []string{"vxlan id 5001", "dstport 4789", "nolearning", "mtu 1450", "group", "alias opsbot test 1"} {
		if !strings.Contains(links, want) {
			t.Errorf("the tunnel has no %q:\n%s", want, links)
		}
	}
	box := from.Endpoint(t, "box")
	m := w.Attach(t, s, 0, "box")
	w.Settle(t)
	w.PingAll(t, s)
	w.Lab.Nodes[2].Ping(t, m.IPs[0], true)
	w.Lab.Nodes[2].Ping(t, m.IPs[1], true)
	box.Ping(t, w.Members[1].IPs[0], true)
	links = from.Run(t, "ip", "-d", "link", "show", "dev", overlay.TunnelName(5001))
	for _, want := range []string{"master obb001389", "neigh_suppress on", "learning off"} {
		if !strings.Contains(links, want) {
			t.Errorf("the tunnel in a bridge has no %q:\n%s", want, links)
		}
	}
	w.Members = w.Members[:len(w.Members)-1]
	w.Settle(t)
	w.PingAll(t, s)
	w.Segments, w.Members = nil, nil
	w.Settle(t)
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
