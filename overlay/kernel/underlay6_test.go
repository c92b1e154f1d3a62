//go:build linux

package kernel_test

import (
	"net/netip"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
)

func TestSegmentsRunOverAnIPv6Underlay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for i, n := range w.Lab.Nodes {
		n.Addr = netip.MustParseAddr([]string{"2001:db8::1", "2001:db8::2"}[i])
		n.Run(t, "ip", "address", "add", n.Addr.String()+"/64", "dev", "e0", "nodad")
		w.Planes[i] = netlab.NewKernel(t, n)
	}
	s := w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	w.PingAll(t, s)
	w.Lab.Nodes[0].Ping(t, w.Members[1].IPs[0], true, "-s", "1402", "-M", "do")
	list := w.probers(t)
	if got, want := verdict(t, list[0], w.Desired(0).Targets(false)), "segment s5001: 1/1 pairs ok"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.Lab.Underlay.Run(t, "ip", "link", "set", "dev", "n2", "mtu", "1400")
	if got, want := verdict(t, list[0], w.Desired(0).Targets(false)), "segment s5001: 0/1 pairs ok, edge-1 → edge-2 passes only 1330 of 1430 (a hop of 1400)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.Segments, w.Members = nil, nil
	w.Settle(t)
}

func TestDeleteLeavesNothingOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for vni := overlay.VNI(5001); vni < 5006; vni++ {
		w.Segment(t, vni, 0)
	}
	n := w.Lab.Nodes[0]
	n.Endpoint(t, "box")
	w.Attach(t, w.Segments[0], 0, "box")
	n.Run(t, "ip", "link", "add", "mine", "group", "7299684", "type", "bridge") // somebody else's in the group that we delete by
	w.Settle(t)
	if err := w.Planes[0].(*kernel.Plane).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := stripStates(n.Run(t, "ip", "-o", "link")), "lo:\ne0@if3:\nmine:\n"; len(got) != len(want) {
		t.Errorf("left:\n%s\nwant:\n%s", got, want)
	}
}
