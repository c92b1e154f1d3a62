//go:build linux || darwin

package vtep

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shitops/opsbot/overlay"
)

// wanted is what a node must hold of a segment.
func wanted(gateway bool) overlay.Desired {
	return overlay.Desired{Node: "edge-1", VTEP: vtepHere, Segments: []overlay.NodeSegment{{
		Name: "s", Tenant: "tv", VNI: 5001, MTU: 1450, V4: netip.MustParsePrefix("100.64.0.0/24"), V6: netip.MustParsePrefix("fd00::/64"), Gateway: gateway,
		Remotes: []netip.Addr{vtepThere},
		Local:   []overlay.Member{{Node: "edge-1", MAC: hostMAC, IPs: []netip.Addr{host4, host6}, VTEP: vtepHere}},
		Remote:  []overlay.Member{{Node: "edge-2", MAC: peerMAC, IPs: []netip.Addr{peer4, peer6}, VTEP: vtepThere}},
	}}}
}

// TestConfigTellsWhatWasWritten goes from each state to each other, and expects to be told back exactly that.
func TestConfigTellsWhatWasWritten(t *testing.T) {
	t.Parallel()
	bare, gateway, lonely := wanted(false), wanted(true), wanted(false)
	lonely.Segments[0].Remotes, lonely.Segments[0].Remote = nil, nil
	states := map[string]overlay.Desired{"bare": bare, "gateway": gateway, "lonely": lonely}
	for from, first := range states {
		for to, then := range states {
			c := newConfig()
			for _, want := range []overlay.Desired{first, then} {
				have := told(c)
				for _, ch := range overlay.Diff(want, overlay.Observed{Objects: have}).List {
					write(c, ch)
				}
				if d := cmp.Diff(want.Objects(), told(c), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
					t.Errorf("from %s to %s (-want +told):\n%s", from, to, d)
				}
			}
		}
	}
}

// write does to a config what a plane does, without a system.
func write(c *config, ch overlay.Change) {
	remove := ch.Op == overlay.Remove
	switch o := ch.Object; o.Kind {
	case overlay.Tunnel:
		c.tunnel = o
	case overlay.Address:
		put(c.addresses, on{o.IP, o.Bare}, true, remove)
	default:
		c.entry(o, remove)
	}
}

// told is a config as it is read back.
func told(c *config) []overlay.Object {
	list := c.objects(nil, 5001)
	if c.tunnel.Kind != 0 {
		list = append(list, c.tunnel)
	}
	var ips []netip.Prefix
	for k := range c.addresses {
		if !slices.Contains(ips, k.ip) {
			ips = append(ips, k.ip)
			list = c.address(list, 5001, k.ip)
		}
	}
	slices.SortFunc(list, overlay.CompareObjects)
	return list
}

func TestTableOfAConfig(t *testing.T) {
	t.Parallel()
	c := newConfig()
	for _, ch := range overlay.Diff(wanted(false), overlay.Observed{}).List {
		write(c, ch)
	}
	got := c.table(5001)
	if got.mac != hostMAC || got.mtu != 1450 || got.probe != overlay.VTEPMAC(vtepHere) || len(got.flood) != 1 {
		t.Errorf("table %+v, want the host's MAC, 1450 bytes and one VTEP to flood", got)
	}
	for _, ip := range []netip.Addr{peer4, peer6} {
		if h := got.hops[ip]; h.mac != peerMAC || h.to != got.peers[vtepThere] || h.to == nil {
			t.Errorf("%s is at %+v, want %s behind %s", ip, h, peerMAC, vtepThere)
		}
	}
	for _, q := range []struct {
		ip            string
		hears, onLink bool
	}{
		{"100.64.0.2", true, true}, {"fd00::2", true, true}, {"100.64.0.3", false, true}, {"100.64.0.255", true, true}, {"255.255.255.255", true, false},
		{"224.0.0.1", true, false}, {"ff02::1", true, false}, {"fe80::1", false, true}, {"169.254.0.1", false, false}, {"100.64.1.2", false, false},
		{"192.0.2.1", false, false}, {"fd00:0:0:1::2", false, false},
	} {
		ip := netip.MustParseAddr(q.ip)
		if hears, onLink := got.hears(ip), got.onLink(ip); hears != q.hears || onLink != q.onLink {
			t.Errorf("%s: heard %v, on the link %v, want %v, %v", ip, hears, onLink, q.hears, q.onLink)
		}
	}
	again := c.clone()
	again.entry(overlay.Object{Kind: overlay.Flood, VTEP: vtepThere}, true)
	if len(c.table(5001).flood) != 1 || len(again.table(5001).flood) != 0 {
		t.Error("a change to a copy reached the first")
	}
	if again.entry(overlay.Object{Kind: overlay.Port}, false) {
		t.Error("a port was taken for an entry")
	}
}
