package overlay_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shitops/opsbot/overlay"
	"pgregory.net/rapid"
)

func addr(text string) netip.Addr     { return netip.MustParseAddr(text) }
func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// member is a member of segment live with the number n on edge-n.
func member(n int, endpoint string) overlay.Member {
	b := byte(n)
	return overlay.Member{
		Segment: "live", Node: "edge-" + string('0'+rune(n)), Endpoint: endpoint, MAC: overlay.MAC{2, 0, 0, 0, 0, b}, State: overlay.Active,
		IPs: []netip.Addr{netip.AddrFrom4([4]byte{100, 64, 0, b})}, VTEP: netip.AddrFrom4([4]byte{192, 0, 2, b}),
	}
}

// desired is what edge-2 must hold of segment live with edge-3 when it has an endpoint of its own.
func desired() overlay.Desired {
	d := bare()
	box := member(5, "box")
	box.Node, box.VTEP = "edge-2", d.VTEP
	d.Segments[0].Local = append(d.Segments[0].Local, box)
	return d
}

// bare is what edge-2 must hold of segment live with edge-3.
func bare() overlay.Desired {
	return overlay.Desired{
		Node: "edge-2", Incarnation: "i1", Generation: 7, VTEP: addr("192.0.2.2"),
		Segments: []overlay.NodeSegment{{
			Name: "live", Tenant: "tv", VNI: 5001, MTU: 1450, V4: prefix("100.64.0.0/24"), Remotes: []netip.Addr{addr("192.0.2.3")},
			Local: []overlay.Member{member(2, "")}, Remote: []overlay.Member{member(3, "")},
		}},
	}
}

// held is what a node holds that was told want.
func held(want overlay.Desired) overlay.Observed {
	return overlay.Observed{Node: want.Node, Objects: want.Objects()}
}

func TestPlanOfANewSegment(t *testing.T) {
	t.Parallel()
	want := strings.TrimLeft(`
+ tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450
+ address ob001389: 100.64.0.2/24
+ tunnel mac ob001389: 02:00:00:00:00:03 behind 192.0.2.3
+ tunnel mac ob001389: 06:6f:c0:00:02:03 behind 192.0.2.3
+ neighbour ob001389: 100.64.0.3 is at 02:00:00:00:00:03
+ flood ob001389: 192.0.2.3
`, "\n")
	got := overlay.Diff(bare(), overlay.Observed{})
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("plan of a bare tunnel (-want +got):\n%s", d)
	}
	want = strings.TrimLeft(`
+ bridge obb001389: VNI 5001, mac 02:00:00:00:00:02, mtu 1450
+ tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450, in obb001389
+ port obp001389c67e32: endpoint box, mac 02:00:00:00:00:05, mtu 1450
+ address obb001389: 100.64.0.2/24
+ endpoint address obp001389c67e32: 100.64.0.5/24
+ tunnel mac ob001389: 02:00:00:00:00:03 behind 192.0.2.3
+ tunnel mac ob001389: 06:6f:c0:00:02:03 behind 192.0.2.3
+ bridge mac obb001389: 02:00:00:00:00:03 behind ob001389
+ bridge mac obb001389: 02:00:00:00:00:05 behind obp001389c67e32
+ neighbour obb001389: 100.64.0.3 is at 02:00:00:00:00:03
+ neighbour obb001389: 100.64.0.5 is at 02:00:00:00:00:05
+ flood ob001389: 192.0.2.3
`, "\n")
	got = overlay.Diff(desired(), overlay.Observed{})
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("plan with a bridge (-want +got):\n%s", d)
	}
	if len(got.Announce) != 2 || got.Announce[0].Member.Node != "edge-2" {
		t.Errorf("Announce = %+v, want edge-2's own member", got.Announce)
	}
	if err := desired().Check(); err != nil {
		t.Error(err)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		want func(*overlay.Desired)
		have func(*overlay.Observed)
		text string
	}{
		{"nothing to do", nil, nil, ""},
		{"a member moves: one replace, nothing is removed before", func(d *overlay.Desired) { d.Segments[0].Remote[0].VTEP = addr("192.0.2.4") }, nil,
			"~ tunnel mac ob001389: 02:00:00:00:00:03 behind 192.0.2.4, was 02:00:00:00:00:03 behind 192.0.2.3\n"},
		{"a VTEP joins and one leaves: make before break", func(d *overlay.Desired) { d.Segments[0].Remotes = []netip.Addr{addr("192.0.2.4")} }, nil,
			"+ tunnel mac ob001389: 06:6f:c0:00:02:04 behind 192.0.2.4\n+ flood ob001389: 192.0.2.4\n- flood ob001389: 192.0.2.3\n- tunnel mac ob001389: 06:6f:c0:00:02:03 behind 192.0.2.3\n"},
		{"the segment goes: its devices, and the entries with them", func(d *overlay.Desired) { d.Segments = nil }, nil,
			"- port obp001389c67e32: endpoint box, mac 02:00:00:00:00:05, mtu 1450\n- tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450, in obb001389\n- bridge obb001389: VNI 5001, mac 02:00:00:00:00:02, mtu 1450\n"},
		{"learning was switched on by hand", nil, func(o *overlay.Observed) { o.Objects[1].Flaw = "learning on" },
			"~ tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450, in obb001389, was VNI 5001, local 192.0.2.2:4789, mtu 1450, in obb001389 (learning on)\n"},
		{"an address was deleted by hand", nil, func(o *overlay.Observed) { o.Objects = slices.Delete(o.Objects, 3, 4) }, "+ address obb001389: 100.64.0.2/24\n"},
		{"another port: the tunnel and what it bears are made anew", nil, func(o *overlay.Observed) { o.Objects[1].Port = 8472 }, `
! tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450, in obb001389, was VNI 5001, local 192.0.2.2:8472, mtu 1450, in obb001389
+ tunnel mac ob001389: 02:00:00:00:00:03 behind 192.0.2.3
+ tunnel mac ob001389: 06:6f:c0:00:02:03 behind 192.0.2.3
+ bridge mac obb001389: 02:00:00:00:00:03 behind ob001389
+ flood ob001389: 192.0.2.3
`},
		{"the last endpoint goes: the bridge goes with it", func(d *overlay.Desired) { *d = bare() }, nil, `
~ tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450, was VNI 5001, local 192.0.2.2:4789, mtu 1450, in obb001389
+ address ob001389: 100.64.0.2/24
+ neighbour ob001389: 100.64.0.3 is at 02:00:00:00:00:03
- port obp001389c67e32: endpoint box, mac 02:00:00:00:00:05, mtu 1450
- bridge obb001389: VNI 5001, mac 02:00:00:00:00:02, mtu 1450
`},
		{"a foreign device has the VNI", nil, func(o *overlay.Observed) {
			*o = overlay.Observed{Foreign: []overlay.Foreign{{Name: "vx7", Kind: "vxlan", VNI: 5001, Port: 4789}}}
		}, "x vni conflict: segment live needs VNI 5001 on UDP port 4789 of node edge-2, but the foreign device vx7 has it; remove it by hand on edge-2 (ip link delete vx7), or take another VNI\n"},
		{"a fenced member is not announced", func(d *overlay.Desired) { d.Segments[0].Remote[0].State = overlay.Fenced }, nil,
			"- neighbour obb001389: 100.64.0.3 is at 02:00:00:00:00:03\n- bridge mac obb001389: 02:00:00:00:00:03 behind ob001389\n- tunnel mac ob001389: 02:00:00:00:00:03 behind 192.0.2.3\n"},
	} {
		want, have := desired(), held(desired())
		if c.want != nil {
			c.want(&want)
		}
		if c.have != nil {
			c.have(&have)
		}
		if d := cmp.Diff(strings.TrimLeft(c.text, "\n"), overlay.Diff(want, have).String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestBrakeWaitsForAYes(t *testing.T) {
	t.Parallel()
	many := func(n int) overlay.Desired {
		d := desired()
		d.Segments = nil
		for i := range n {
			s := bare().Segments[0]
			s.VNI += overlay.VNI(i)
			d.Segments = append(d.Segments, s)
		}
		return d
	}
	for _, c := range []struct {
		name    string
		held    int
		keep    int
		gone    []overlay.VNI
		removed int
		braked  bool
	}{
		{"one of many", 8, 7, nil, 1, false},
		{"a quarter", 8, 6, nil, 2, false},
		{"more than a quarter", 8, 5, nil, 3, true},
		{"more than ten of very many", 100, 89, nil, 11, true},
		{"all, deleted on purpose", 1, 0, []overlay.VNI{5001}, 0, false},
		{"all, not on purpose", 1, 0, nil, 1, true},
	} {
		want := many(c.keep)
		want.Gone = c.gone
		changes := overlay.Diff(want, held(many(c.held)))
		braked, why := changes.Brake()
		if changes.Removals() != c.removed || braked != c.braked || braked != (why != "") {
			t.Errorf("%s: %d removals, brake %v (%s), want %d, %v", c.name, changes.Removals(), braked, why, c.removed, c.braked)
		}
		if !changes.WithoutRemovals().Empty() {
			t.Errorf("%s: without removals is %s, want nothing", c.name, changes.WithoutRemovals())
		}
	}
}

// TestGuardIsOffWhereItWouldCutOff: without a packet filter, and beside a foreign tunnel on the same port, also while the brake holds.
func TestGuardIsOffWhereItWouldCutOff(t *testing.T) {
	t.Parallel()
	want := bare()
	want.Guard = true
	able := overlay.Facts{Capability: overlay.Capabilities{PacketFilter: true}}
	vxlan := func(port uint16) []overlay.Foreign {
		return []overlay.Foreign{{Name: "flannel.1", Kind: "vxlan", VNI: 7, Port: port}}
	}
	for _, c := range []struct {
		name string
		want overlay.Desired
		have overlay.Observed
		text string
	}{
		{"no packet filter", want, held(bare()), ""},
		{"a packet filter", want, overlay.Observed{Objects: bare().Objects(), Facts: able},
			"+ guard: 192.0.2.2 may send to UDP port 4789\n+ guard: 192.0.2.3 may send to UDP port 4789\n"},
		{"a foreign tunnel comes", want, overlay.Observed{Objects: want.Objects(), Facts: able, Foreign: vxlan(4789)},
			"- guard: 192.0.2.2 may send to UDP port 4789\n- guard: 192.0.2.3 may send to UDP port 4789\n"},
		{"a foreign tunnel on another port", want, overlay.Observed{Objects: want.Objects(), Facts: able, Foreign: vxlan(8472)}, ""},
		{"nothing is left to guard", overlay.Desired{Node: "edge-2", VTEP: want.VTEP, Guard: true, Gone: []overlay.VNI{5001}}, overlay.Observed{Objects: want.Objects(), Facts: able},
			"- guard: 192.0.2.2 may send to UDP port 4789\n- guard: 192.0.2.3 may send to UDP port 4789\n- tunnel ob001389: VNI 5001, local 192.0.2.2:4789, mtu 1450\n"},
	} {
		if d := cmp.Diff(c.text, overlay.Diff(c.want, c.have).String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	none := overlay.Desired{Node: "edge-2", VTEP: want.VTEP, Guard: true} // by mistake
	braked := overlay.Diff(none, overlay.Observed{Objects: want.Objects(), Facts: able})
	if held, _ := braked.Brake(); !held || !braked.WithoutRemovals().Empty() {
		t.Errorf("while the brake holds, what sends stays let in: brake %v, changes\n%s", held, braked.WithoutRemovals())
	}
	braked = overlay.Diff(none, overlay.Observed{Objects: want.Objects(), Facts: able, Foreign: vxlan(4789)})
	if got := braked.WithoutRemovals().String(); strings.Count(got, "- guard") != 2 || strings.Contains(got, "tunnel") {
		t.Errorf("while the brake holds, and a foreign tunnel comes:\n%s, want the guard alone to go", got)
	}
}

// apply is what a perfect node would hold after changes.
func apply(have []overlay.Object, changes overlay.Changes) []overlay.Object {
	have = slices.Clone(have)
	drop := func(gone func(overlay.Object) bool) { have = slices.DeleteFunc(have, gone) }
	for _, c := range changes.List {
		o := c.Object
		drop(func(h overlay.Object) bool { return overlay.CompareObjects(h, o) == 0 })
		if (c.Op == overlay.Replace || c.Op == overlay.Remove) && o.Kind <= overlay.Port {
			drop(func(h overlay.Object) bool {
				return h.Kind > overlay.Port && (h.Device() == o.Device() || o.Kind == overlay.Bridge && h.Kind == overlay.BridgeMAC && h.VNI == o.VNI)
			})
		}
		for i, h := range have {
			if o.Kind == overlay.Bridge && c.Op == overlay.Replace && h.Kind == overlay.Tunnel && h.VNI == o.VNI {
				have[i].Bare = true
			}
		}
		if c.Op != overlay.Remove {
			have = append(have, o)
		}
	}
	slices.SortFunc(have, overlay.CompareObjects)
	return have
}

// drawDesired is any state of a node over a small world, so that states share much.
func drawDesired(t *rapid.T) overlay.Desired {
	d := overlay.Desired{Node: "edge-2", VTEP: addr("192.0.2.2"), Port: rapid.SampledFrom([]uint16{0, 8472}).Draw(t, "port")}
	for vni := overlay.VNI(5001); vni < 5004; vni++ {
		if !rapid.Bool().Draw(t, "segment") {
			continue
		}
		s := overlay.NodeSegment{Name: "live", Tenant: "tv", VNI: vni, MTU: rapid.SampledFrom([]int{1400, 1450}).Draw(t, "mtu"),
			V4: prefix("100.64.0.0/24"), Gateway: rapid.Bool().Draw(t, "gateway")}
		for n := 3; n < 7; n++ {
			m := member(n, rapid.SampledFrom([]string{"", "box-" + string('0'+rune(n))}).Draw(t, "endpoint"))
			switch rapid.IntRange(0, 3).Draw(t, "where") {
			case 1:
				s.Remote, s.Remotes = append(s.Remote, m), append(s.Remotes, m.VTEP)
			case 2:
				s.Remotes = append(s.Remotes, m.VTEP)
			case 3:
				m.Endpoint = "box-" + string('0'+rune(n))
				s.Local = append(s.Local, m)
			}
		}
		d.Segments = append(d.Segments, s)
	}
	return d
}

func TestApplyingTheDiffGivesWhatIsWanted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawDesired(t), drawDesired(t)
		have := held(before)
		for range rapid.IntRange(0, 5).Draw(t, "sabotage") {
			if n := len(have.Objects); n > 0 {
				o := have.Objects[rapid.IntRange(0, n-1).Draw(t, "object")]
				have.Objects = slices.DeleteFunc(have.Objects, func(h overlay.Object) bool {
					return h == o || o.Kind <= overlay.Port && h.Kind > overlay.Port && h.Device() == o.Device()
				})
			}
		}
		changes := overlay.Diff(after, have)
		have.Objects = apply(have.Objects, changes)
		if !slices.Equal(after.Objects(), have.Objects) {
			t.Fatalf("after\n%s the node holds %v, want %v", changes, have.Objects, after.Objects())
		}
		if again := overlay.Diff(after, have); !again.Empty() {
			t.Fatalf("a second pass would do\n%s", again)
		}
	})
}

func TestDesiredSurvivesJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(desired())
	if err != nil {
		t.Fatal(err)
	}
	var back overlay.Desired
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if d := cmp.Diff(desired(), back, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("%s (-want +got):\n%s", text, d)
	}
}

// TestNothingToDoNeedsNoRoom: a look at very many segments that are as they must be makes no list of them.
func TestNothingToDoNeedsNoRoom(t *testing.T) {
	want := desired()
	one := want.Segments[0]
	for i := range overlay.VNI(1000) {
		one.VNI = 6000 + i
		want.Segments = append(want.Segments, one)
	}
	have := held(want)
	if n := testing.AllocsPerRun(10, func() { _ = overlay.Diff(want, have) }); n > 20 {
		t.Errorf("comparing %d segments that are as they must be allocates %v times", len(want.Segments), n)
	}
}

// TestSegmentsInAnyOrder: a state whose segments are not in order of VNI is the same state.
func TestSegmentsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawDesired(t)
		want.Guard = rapid.Bool().Draw(t, "guard")
		mixed := want
		mixed.Segments = rapid.Permutation(want.Segments).Draw(t, "mixed")
		if d := cmp.Diff(want.Objects(), mixed.Objects(), cmpopts.EquateComparable(overlay.Object{})); d != "" {
			t.Fatalf("objects of the mixed state (-want +got):\n%s", d)
		}
		if !slices.IsSortedFunc(want.Objects(), overlay.CompareObjects) {
			t.Fatalf("objects are not in order: %v", want.Objects())
		}
		have := held(want)
		have.Facts.Capability.PacketFilter = true
		if c := overlay.Diff(mixed, have); !c.Empty() {
			t.Fatalf("a node that holds the state would do\n%s", c)
		}
	})
}
