package overlay

import "fmt"

// Overhead of VXLAN in bytes: outer IPv4 20 (IPv6 40), UDP 8, VXLAN 8 and the inner Ethernet header 14 (RFC 7348 section 5).
const (
	Overhead4 = 50
	Overhead6 = 70
)

// MinMTU is the smallest MTU a segment may have: what IPv6 needs (RFC 8200 section 5).
const MinMTU = 1280

// DefaultPort is the UDP port of VXLAN (RFC 7348 section 8.2). 8472, which Linux takes when none is given, collides with what some
// hypervisors use themselves.
const DefaultPort = 4789

// MTU is what fits into a tunnel over an underlay of the MTU given; v6 says that the VTEPs are IPv6 addresses.
func MTU(underlay int, v6 bool) int {
	if v6 {
		return underlay - Overhead6
	}
	return underlay - Overhead4
}

// SegmentMTU is the one MTU of a segment over underlays of the MTUs given: the smallest decides, since one frame must fit everywhere.
//
// Returns an error when there is no underlay or when the result is below [MinMTU].
func SegmentMTU(underlays []int, v6 bool) (int, error) {
	if len(underlays) == 0 {
		return 0, fmt.Errorf("MTU of a segment: no node tells the MTU of its underlay")
	}
	least := underlays[0]
	for _, u := range underlays {
		least = min(least, u)
	}
	if m := MTU(least, v6); m >= MinMTU {
		return m, nil
	}
	return 0, fmt.Errorf("MTU of a segment: an underlay of %d leaves %d, and IPv6 needs %d", least, MTU(least, v6), MinMTU)
}
