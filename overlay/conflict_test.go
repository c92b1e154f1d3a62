package overlay_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

func TestConflictsSayWhatStandsAgainstWhat(t *testing.T) {
	t.Parallel()
	vod := overlay.Segment{Name: "vod", Tenant: "tv", VNI: 5002, MTU: 1450, V4: prefix("100.64.1.0/24")}
	node := func(n string, vtep string, foreign ...overlay.Foreign) overlay.NodeView {
		return overlay.NodeView{Node: n, VTEP: addr(vtep), Foreign: foreign}
	}
	nodes := []overlay.NodeView{node("edge-2", "192.0.2.2"), node("edge-3", "192.0.2.3")}
	with := func(m overlay.Member, change func(*overlay.Member)) overlay.Member { change(&m); return m }
	for _, c := range []struct {
		name     string
		segments []overlay.Segment
		members  []overlay.Member
		nodes    []overlay.NodeView
		want     []string
	}{
		{"none", []overlay.Segment{live(), vod}, []overlay.Member{member(2, ""), member(3, "")}, nodes, nil},
		{"vni", []overlay.Segment{live(), {Name: "other", Tenant: "radio", VNI: 5001}}, nil, nil,
			[]string{"vni conflict: segment other wants VNI 5001, but segment live of tenant tv has it; leave the VNI out, and a free one is taken"}},
		{"name", []overlay.Segment{live(), {Name: "live", Tenant: "tv", VNI: 5009}}, nil, nil,
			[]string{"name conflict: tenant tv wants a segment live, but it has one with VNI 5001; choose another name"}},
		{"prefix in a tenant", []overlay.Segment{live(), {Name: "x", Tenant: "tv", VNI: 5009, V4: prefix("100.64.0.128/25")}}, nil, nil,
			[]string{"prefix conflict: segment x wants 100.64.0.128/25, but segment live of the same tenant has 100.64.0.0/24; leave the prefix out, and a free one is taken"}},
		{"prefix in another tenant", []overlay.Segment{live(), {Name: "x", Tenant: "radio", VNI: 5009, V4: prefix("100.64.0.0/24")}}, nil, nil, nil},
		{"vtep", nil, nil, append(slices.Clone(nodes), node("edge-4", "192.0.2.2")),
			[]string{"vtep conflict: node edge-4 has VTEP 192.0.2.2, but node edge-2 has it too; give one of them another address"}},
		{"mac", []overlay.Segment{live()}, []overlay.Member{member(2, ""), with(member(3, ""), func(m *overlay.Member) { m.MAC = member(2, "").MAC })}, nodes,
			[]string{"mac conflict: node/edge-3 in segment live has MAC 02:00:00:00:00:02, but node/edge-2 has it too; detach one of them"}},
		{"address", []overlay.Segment{live()}, []overlay.Member{member(2, ""), with(member(3, ""), func(m *overlay.Member) { m.IPs = member(2, "").IPs })}, nodes,
			[]string{"address conflict: node/edge-3 in segment live has 100.64.0.2, but node/edge-2 has it too; leave the address out, and a free one is taken"}},
		{"no segment", nil, []overlay.Member{member(2, "")}, nodes,
			[]string{"name conflict: node/edge-2 is a member of segment live, but there is no such segment; create it first"}},
		{"foreign device", []overlay.Segment{live()}, []overlay.Member{member(2, "")}, []overlay.NodeView{node("edge-2", "192.0.2.2", overlay.Foreign{Name: "flannel.1", Kind: "vxlan", VNI: 5001, Port: 4789})},
			[]string{"vni conflict: segment live needs VNI 5001 on UDP port 4789 of node edge-2, but the foreign device flannel.1 has it; remove it by hand on edge-2 (ip link delete flannel.1), or take another VNI"}},
		{"foreign port", nil, nil, []overlay.NodeView{node("edge-2", "192.0.2.2", overlay.Foreign{Name: "cilium_vxlan", Kind: "vxlan", Port: 4789})},
			[]string{"port conflict: UDP port 4789 of node edge-2 is to be ours, but the foreign device cilium_vxlan takes all of it; remove cilium_vxlan on edge-2, or configure another port"}},
		{"one node in the same prefix of two tenants", []overlay.Segment{live(), {Name: "x", Tenant: "radio", VNI: 5009, V4: prefix("100.64.0.0/24")}},
			[]overlay.Member{member(2, ""), with(member(2, ""), func(m *overlay.Member) { m.Segment = "x" })}, nodes,
			[]string{"prefix conflict: node edge-2 itself is to have an address in 100.64.0.0/24 of segment x, but it has one in 100.64.0.0/24 of segment live; attach an endpoint in its own namespace, or give the segment another prefix"}},
	} {
		var got []string
		for _, k := range overlay.Conflicts(c.segments, c.members, c.nodes) {
			got = append(got, k.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
		}
	}
}

// TestIndexAgreesWithPairs holds the index against looking at every pair.
func TestIndexAgreesWithPairs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := overlay.NewIndex()
		var taken []overlay.Segment
		for i := range rapid.IntRange(1, 30).Draw(t, "segments") {
			bits := rapid.IntRange(8, 28).Draw(t, "bits")
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, "b")), byte(rapid.IntRange(0, 3).Draw(t, "c") * 64), 0}), bits).Masked()
			s := overlay.Segment{Name: fmt.Sprintf("s%d", i), Tenant: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "tenant"), VNI: overlay.VNI(5000 + rapid.IntRange(0, 20).Draw(t, "vni")), V4: p}
			clash := slices.ContainsFunc(taken, func(o overlay.Segment) bool { return o.VNI == s.VNI || o.Tenant == s.Tenant && o.V4.Overlaps(s.V4) })
			if got := x.AddSegment(s); (len(got) > 0) != clash {
				t.Fatalf("AddSegment(%+v) = %v, want a conflict: %v, with %+v", s, got, clash, taken)
			}
			if !clash {
				taken = append(taken, s)
			}
		}
	})
}

func TestDesiredStateThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*overlay.Desired)
		want   string
	}{
		{"node", func(d *overlay.Desired) { d.Node = "a.b" }, `node "a.b"`},
		{"no VTEP", func(d *overlay.Desired) { d.VTEP = netip.Addr{} }, "want a unicast address"},
		{"VNI twice", func(d *overlay.Desired) { d.Segments = append(d.Segments, d.Segments[0]) }, "both have VNI 5001"},
		{"reserved VNI", func(d *overlay.Desired) { d.Segments[0].VNI = 100 }, "VNI 100"},
		{"deleted and held", func(d *overlay.Desired) { d.Gone = []overlay.VNI{5001} }, "both deleted and held"},
		{"own VTEP as a peer", func(d *overlay.Desired) { d.Segments[0].Remotes = []netip.Addr{d.VTEP} }, "remote VTEP 192.0.2.2 is not another address"},
		{"families mixed", func(d *overlay.Desired) { d.Segments[0].Remote[0].VTEP = addr("2001:db8::1") }, "VTEP 2001:db8::1 is not another address of the family"},
		{"MAC twice", func(d *overlay.Desired) { d.Segments[0].Remote[0].MAC = d.Segments[0].Local[0].MAC }, "share MAC"},
		{"MAC of a group", func(d *overlay.Desired) { d.Segments[0].Remote[0].MAC = overlay.MAC{1} }, "not a unicast address"},
		{"IP twice", func(d *overlay.Desired) { d.Segments[0].Remote[0].IPs = d.Segments[0].Local[0].IPs }, "share 100.64.0.2"},
		{"IP outside", func(d *overlay.Desired) { d.Segments[0].Remote[0].IPs = []netip.Addr{addr("10.0.0.1")} }, "lies outside"},
		{"the node twice", func(d *overlay.Desired) {
			m := member(9, "")
			d.Segments[0].Local = append(d.Segments[0].Local, m)
		}, "the node itself is a member twice"},
		{"endpoint that is a path", func(d *overlay.Desired) { d.Segments[0].Local[1].Endpoint = "../../etc" }, `endpoint "../../etc"`},
		{"small MTU", func(d *overlay.Desired) { d.Segments[0].MTU = 1000 }, "mtu 1000"},
		{"long flood list", func(d *overlay.Desired) {
			for i := range overlay.MaxFlood + 1 {
				d.Segments[0].Remotes = append(d.Segments[0].Remotes, netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}))
			}
		}, "1002 VTEPs in the flood list"},
	} {
		d := desired()
		c.change(&d)
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Check() = %v, want %q", c.name, err, c.want)
		}
	}
}
