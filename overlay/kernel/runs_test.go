//go:build linux

package kernel

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// drawObject is any object, of a world so small that objects share VNIs.
func drawObject(t *rapid.T) overlay.Object {
	return overlay.Object{
		Kind: overlay.Kind(rapid.IntRange(int(overlay.Bridge), int(overlay.Guard)).Draw(t, "kind")),
		VNI:  overlay.VNI(rapid.IntRange(5001, 5005).Draw(t, "vni")),
		MAC:  overlay.MAC{2, byte(rapid.IntRange(0, 3).Draw(t, "mac"))},
		VTEP: netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 3).Draw(t, "vtep"))}),
		IP: rapid.SampledFrom([]netip.Prefix{{}, netip.MustParsePrefix("100.64.0.1/32"), netip.MustParsePrefix("100.64.0.2/32"),
			netip.MustParsePrefix("fd00::1/128"), netip.MustParsePrefix("fd00::2/128")}).Draw(t, "ip"),
		Endpoint: rapid.SampledFrom([]string{"", "box", "other"}).Draw(t, "endpoint"),
		Bare:     rapid.Bool().Draw(t, "bare"),
	}
}

// TestRunsMergeAsIfSorted holds that whatever the kernel tells in whatever order comes out as a sort of all of it would have it, and that the room of
// one reading does not show in the next.
func TestRunsMergeAsIfSorted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r runs
		for range 2 {
			all := rapid.SliceOfN(rapid.Custom(drawObject), 0, 40).Draw(t, "objects")
			slices.SortStableFunc(all, overlay.CompareObjects)
			all = slices.CompactFunc(all, func(a, b overlay.Object) bool { return overlay.CompareObjects(a, b) == 0 })
			told := slices.Clone(all)
			if rapid.Bool().Draw(t, "shuffled") {
				told = rapid.Permutation(all).Draw(t, "told")
			}
			r.empty()
			for _, o := range told {
				r.add(o)
			}
			kept := r.merge()
			if d := cmp.Diff(all, kept, cmpopts.EquateComparable(overlay.Object{}), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("merge of %v (-want +got):\n%s", told, d)
			}
		}
	})
}

func TestRunsForgetADumpThatStartsOver(t *testing.T) {
	t.Parallel()
	var r runs
	for _, k := range []overlay.Kind{overlay.Tunnel, overlay.Neighbour, overlay.Flood} {
		r.add(overlay.Object{Kind: k, VNI: 5001})
	}
	r.empty(overlay.Neighbour, overlay.Flood)
	if got := r.merge(); len(got) != 1 || got[0].Kind != overlay.Tunnel {
		t.Errorf("after neighbours and flood lists started over: %v, want the tunnel", got)
	}
}

// TestALinkIsReadAsIfItsRoomWereNew: what stood in the room of a link does not show in what is read into it.
func TestALinkIsReadAsIfItsRoomWereNew(t *testing.T) {
	t.Parallel()
	device := func(name, alias string, master uint32) message {
		w := writer{b: ifinfo(7, unix.IFF_UP, 0)}
		if name != "" {
			w.text(unix.IFLA_IFNAME, name)
		}
		if alias != "" {
			w.text(unix.IFLA_IFALIAS, alias)
		}
		if master != 0 {
			w.u32(unix.IFLA_MASTER, master)
		}
		return message{kind: unix.RTM_NEWLINK, body: w.b}
	}
	for _, c := range []struct{ name, alias string }{
		{"ob001389", "opsbot test 1"}, {"ob001389", "opsbot test 2"}, {"ob00138a", ""}, {"ob", "opsbot test 12"}, {"", ""}, {"ob001389x", "opsbot test 1 box"},
	} {
		l := link{name: "ob001389", alias: "opsbot test 1", master: 3, vni: 5001, slave: true, learning: true}
		if ok := l.parse(device(c.name, c.alias, 0)); !ok || l != (link{index: 7, up: true, name: c.name, alias: c.alias}) {
			t.Errorf("parse of %+v = %+v, %v", c, l, ok)
		}
	}
	l := link{name: "ob001389"}
	if l.parse(message{kind: unix.RTM_NEWADDR}) {
		t.Errorf("parse takes an address for a link: %+v", l)
	}
}
