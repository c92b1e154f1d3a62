//go:build linux

package kernel_test

import (
	"net/netip"
	"testing"

	"github.com/shitops/opsbot/overlay"
)

func TestSegmentsRunOverAnIPv6Underlay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for i, n := range w.lab.Nodes {
		n.Addr = netip.MustParseAddr([]string{"2001:db8::1", "2001:db8::2"}[i])
		n.Run(t, "ip", "address", "add", n.Addr.String()+"/64", "dev", "e0", "nodad")
		w.planes[i] = newPlane(t, n)
	}
	s := w.segment(t, 5001, 0, 1)
	s.MTU = overlay.MTU(1500, true)
	w.segments[0] = s
	w.settle(t)
	w.pingAll(t, s)
	ping(t, w.lab.Nodes[0], w.members[1].IPs[0], true, "-s", "1402", "-M", "do")
	list := w.probers(t)
	if got, want := verdict(t, list[0], w.desired(0).Targets(false)), "segment s5001: 1/1 pairs ok"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n2", "mtu", "1400")
	if got, want := verdict(t, list[0], w.desired(0).Targets(false)), "segment s5001: 0/1 pairs ok, edge-1 → edge-2 passes only 1330 of 1430 (a hop of 1400)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.segments, w.members = nil, nil
	w.settle(t)
}

func TestDeleteLeavesNothingOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for vni := overlay.VNI(5001); vni < 5006; vni++ {
		w.segment(t, vni, 0)
	}
	n := w.lab.Nodes[0]
	n.Endpoint(t, "box")
	w.attach(t, w.segments[0], 0, "box")
	n.Run(t, "ip", "link", "add", "mine", "group", "7299684", "type", "bridge") // somebody else's in the group that we delete by
	w.settle(t)
	if err := w.planes[0].Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := stripStates(n.Run(t, "ip", "-o", "link")), "lo:\ne0@if3:\nmine:\n"; len(got) != len(want) {
		t.Errorf("left:\n%s\nwant:\n%s", got, want)
	}
}
