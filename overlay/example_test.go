package overlay_test

import (
	"fmt"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
)

func ExampleDiff() {
	vtep, peer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	want := overlay.Desired{Node: "ams-3", Generation: 7, VTEP: vtep, Segments: []overlay.NodeSegment{{
		Name: "live", Tenant: "tv", VNI: 5001, MTU: overlay.MTU(1500, false), Remotes: []netip.Addr{peer},
	}}}
	changes := overlay.Diff(want, overlay.Observed{Node: "ams-3"})
	fmt.Print(changes)
	held, why := changes.Brake()
	fmt.Println(held, why)
	// Output:
	// + tunnel ob001389: VNI 5001, local 192.0.2.1:4789, mtu 1450
	// + tunnel mac ob001389: 06:6f:c0:00:02:02 behind 192.0.2.2
	// + flood ob001389: 192.0.2.2
	// false
}

func ExampleAddressPlan() {
	segment := overlay.Segment{Name: "live", Tenant: "tv", VNI: 5001, V4: netip.MustParsePrefix("100.64.0.0/24"), V6: overlay.SegmentV6(0x0a0b0c0d, 5001)}
	plan, err := overlay.NewAddressPlan(segment, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, _ := plan.Take("ams-3", "", netip.MustParseAddr("192.0.2.1"))
	fmt.Println(m.IPs, m.Lease)
	// Output: [100.64.0.2 fd0a:b0c:d00:1389::2] 1
}

func ExampleConflicts() {
	live := overlay.Segment{Name: "live", Tenant: "tv", VNI: 5001}
	vod := overlay.Segment{Name: "vod", Tenant: "tv", VNI: 5001}
	for _, c := range overlay.Conflicts([]overlay.Segment{live, vod}, nil, nil) {
		fmt.Println(c)
	}
	// Output: vni conflict: segment vod wants VNI 5001, but segment live of tenant tv has it; leave the VNI out, and a free one is taken
}
