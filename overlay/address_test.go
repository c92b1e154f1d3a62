package overlay_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

func live() overlay.Segment {
	return overlay.Segment{Name: "live", Tenant: "tv", VNI: 5001, MTU: 1450, V4: prefix("100.64.0.0/24"), V6: overlay.SegmentV6(0x0a0b0c0d, 5001)}
}

func TestMembersGetTheLowestAddressesAndKeepThem(t *testing.T) {
	t.Parallel()
	plan, err := overlay.NewAddressPlan(live(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		node, endpoint, ips string
		lease               uint64
	}{
		{"edge-1", "", "[100.64.0.2 fd0a:b0c:d00:1389::2]", 1},
		{"edge-2", "", "[100.64.0.3 fd0a:b0c:d00:1389::3]", 2},
		{"edge-2", "box", "[100.64.0.4 fd0a:b0c:d00:1389::4]", 3},
		{"edge-1", "box", "[100.64.0.4 fd0a:b0c:d00:1389::4]", 3}, // an endpoint is the same wherever it is
		{"edge-1", "", "[100.64.0.2 fd0a:b0c:d00:1389::2]", 1},
	} {
		m, err := plan.Take(c.node, c.endpoint, addr("192.0.2.1"))
		if err != nil || fmt.Sprint(m.IPs) != c.ips || m.Lease != c.lease || m.MAC[0] != 2 {
			t.Errorf("Take(%s, %q) = %v with lease %d, MAC %s, %v, want %s with lease %d", c.node, c.endpoint, m.IPs, m.Lease, m.MAC, err, c.ips, c.lease)
		}
	}
}

func TestAddressPlansSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	small := live()
	small.V4 = prefix("100.64.0.0/30")
	with := func(ips ...string) overlay.Member {
		m := member(7, "")
		m.IPs = nil
		for _, ip := range ips {
			m.IPs = append(m.IPs, addr(ip))
		}
		return m
	}
	same := with("100.64.0.9")
	same.Node = "edge-8"
	for _, c := range []struct {
		name string
		seg  overlay.Segment
		held []overlay.Member
		want string
		is   error
	}{
		{"no prefix", overlay.Segment{Name: "live"}, nil, "addresses of segment live: it has no prefix", nil},
		{"outside", live(), []overlay.Member{with("10.0.0.1")}, "10.0.0.1 lies outside of the segment", nil},
		{"the gateway's number is no member's", live(), []overlay.Member{with("100.64.0.0")}, "100.64.0.0 is not an address for members", nil},
		{"broadcast", live(), []overlay.Member{with("100.64.0.255")}, "100.64.0.255 is not an address for members", nil},
		{"twice", live(), []overlay.Member{with("100.64.0.9"), same}, "100.64.0.9 is already taken", overlay.ErrTaken},
		{"full", small, []overlay.Member{with("100.64.0.2")}, "addresses of segment live: exhausted (1 members)", overlay.ErrExhausted},
	} {
		plan, err := overlay.NewAddressPlan(c.seg, c.held)
		if err == nil {
			_, err = plan.Take("edge-9", "", addr("192.0.2.9"))
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestNoAddressIsGivenTwice fills segments of any size around any members.
func TestNoAddressIsGivenTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := live()
		s.V4 = netip.PrefixFrom(s.V4.Addr(), rapid.IntRange(24, 30).Draw(t, "bits"))
		plan, err := overlay.NewAddressPlan(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		ips, macs, n := map[netip.Addr]bool{}, map[overlay.MAC]bool{}, 0
		for ; ; n++ {
			m, err := plan.Take("edge-1", fmt.Sprintf("box-%d", n), addr("192.0.2.1"))
			if errors.Is(err, overlay.ErrExhausted) {
				break
			}
			if err != nil || macs[m.MAC] {
				t.Fatalf("member %d: %v, MAC %s", n, err, m.MAC)
			}
			macs[m.MAC] = true
			for _, ip := range m.IPs {
				if ips[ip] || !s.V4.Contains(ip) && !s.V6.Contains(ip) {
					t.Fatalf("member %d got %s", n, ip)
				}
				ips[ip] = true
			}
		}
		if want := 1<<(32-s.V4.Bits()) - 3; n != want {
			t.Fatalf("%s took %d members, want %d", s.V4, n, want)
		}
	})
}

func TestBlocksAreCutAroundWhatIsHeld(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, pool string
		size       int
		held       []string
		want       string
	}{
		{"empty", "100.64.0.0/10", 24, nil, "100.64.0.0/24"},
		{"around", "100.64.0.0/10", 24, []string{"100.64.0.0/24", "100.64.2.0/24"}, "100.64.1.0/24"},
		{"around a larger one", "100.64.0.0/10", 24, []string{"100.64.0.0/22"}, "100.64.4.0/24"},
		{"around a smaller one", "100.64.0.0/10", 24, []string{"100.64.0.64/26"}, "100.64.1.0/24"},
		{"others do not matter", "100.64.0.0/10", 26, []string{"10.0.0.0/8", "fd00::/64"}, "100.64.0.0/26"},
		{"all of it held", "100.64.0.0/10", 24, []string{"100.0.0.0/8"}, "exhausted"},
		{"full", "10.1.0.0/23", 24, []string{"10.1.0.0/24", "10.1.1.0/24"}, "exhausted"},
		{"host bits", "10.1.0.1/23", 24, nil, "without host bits"},
		{"too large", "10.1.0.0/24", 23, nil, "cannot be cut"},
		{"IPv6", "fd00::/48", 64, nil, "want an IPv4 prefix"},
	} {
		var held []netip.Prefix
		for _, h := range c.held {
			held = append(held, prefix(h))
		}
		blocks, err := overlay.NewBlocks(prefix(c.pool), c.size, held)
		got := fmt.Sprint(err)
		if err == nil {
			p, err := blocks.Take()
			got = fmt.Sprint(p)
			if err != nil {
				got = err.Error()
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: /%d of %s around %v = %s, want %s", c.name, c.size, c.pool, c.held, got, c.want)
		}
	}
}

// TestEveryVNIHasItsOwnPrefix holds what a formula that drops bits would break: 5001 and 70537 are equal modulo 65536.
func TestEveryVNIHasItsOwnPrefix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vni := rapid.Custom(func(t *rapid.T) overlay.VNI {
			return overlay.VNI(rapid.IntRange(int(overlay.FirstVNI), int(overlay.LastVNI)).Draw(t, "vni"))
		})
		a, b := vni.Draw(t, "a"), vni.Draw(t, "b")
		pa, pb := overlay.SegmentV6(7, a), overlay.SegmentV6(7, b)
		if (a == b) != (pa == pb) || pa.Bits() != 64 || !pa.Addr().IsPrivate() {
			t.Fatalf("VNIs %d and %d have %s and %s", a, b, pa, pb)
		}
	})
	if a, b := overlay.SegmentV6(7, 5001), overlay.SegmentV6(7, 5001+65536); a == b {
		t.Errorf("VNIs 5001 and 70537 share %s", a)
	}
}

func TestMTUs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		underlays []int
		v6        bool
		want      int
		err       string
	}{
		{[]int{1500, 1500}, false, 1450, ""},
		{[]int{1500, 9000}, true, 1430, ""},
		{[]int{1500, 1400}, false, 1350, ""},
		{[]int{1500, 1329}, false, 0, "an underlay of 1329 leaves 1279, and IPv6 needs 1280"},
		{nil, false, 0, "no node tells the MTU"},
	} {
		got, err := overlay.SegmentMTU(c.underlays, c.v6)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("SegmentMTU(%v, %v) = %d, %v, want %d, %q", c.underlays, c.v6, got, err, c.want, c.err)
		}
	}
}

func TestMACs(t *testing.T) {
	t.Parallel()
	a := overlay.MACOf("tv", 5001, "node/edge-1", 0)
	for name, other := range map[string]overlay.MAC{
		"attempt": overlay.MACOf("tv", 5001, "node/edge-1", 1), "endpoint": overlay.MACOf("tv", 5001, "node/edge-2", 0),
		"VNI": overlay.MACOf("tv", 5002, "node/edge-1", 0), "tenant": overlay.MACOf("t", 5001, "node/edge-1", 0),
		"VTEP": overlay.VTEPMAC(addr("192.0.2.1")), "VTEP6": overlay.VTEPMAC(addr("2001:db8::1")), "gateway": overlay.GatewayMAC(5001),
	} {
		if other == a || other[0]&1 != 0 || other[0]&2 == 0 {
			t.Errorf("%s: %s beside %s: want another unicast address, locally administered", name, other, a)
		}
	}
	if a != overlay.MACOf("tv", 5001, "node/edge-1", 0) {
		t.Error("a MAC does not stay")
	}
	for text, ok := range map[string]bool{"02:00:00:00:00:01": true, "02-00-00-00-00-01": true, "02:00": false, "": false, "02:00:00:00:00:00:00:01": false} {
		if m, err := overlay.ParseMAC(text); (err == nil) != ok {
			t.Errorf("ParseMAC(%q) = %s, %v", text, m, err)
		}
	}
	if m := overlay.VTEPMAC(netip.Addr{}); !m.IsZero() || m.String() != "" {
		t.Errorf("the MAC of no VTEP is %q", m)
	}
}
