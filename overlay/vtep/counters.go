//go:build linux || darwin

package vtep

import "sync/atomic"

// Counters is how many packets went through and how many were dropped, by reason, since the plane was opened.
type Counters struct {
	Sent       uint64 `json:"sent"`       // tunnelled packets that went out
	Received   uint64 `json:"received"`   // packets handed to the system
	Foreign    uint64 `json:"foreign"`    // came from a VTEP outside of the segment
	WrongVNI   uint64 `json:"wrong_vni"`  // belong to a VNI that is not held
	Malformed  uint64 `json:"malformed"`  // are no VXLAN, or bear nothing that can be read
	NotOurs    uint64 `json:"not_ours"`   // bear another MAC, or a protocol that a host of layer 3 does not hear
	TooBig     uint64 `json:"too_big"`    // exceed the segment's MTU; the sender was told
	Unresolved uint64 `json:"unresolved"` // were kept for a neighbour that did not answer in time, or gave way to a later one
	NoRoute    uint64 `json:"no_route"`   // go to an address outside of the segment
	Failed     uint64 `json:"failed"`     // were refused by the system, either way
}

// counters is Counters as they are counted.
type counters struct {
	sent, received, foreign, wrongVNI, malformed, notOurs, tooBig, unresolved, noRoute, failed atomic.Uint64
}

// Counters tells what was counted. Safe for concurrent use.
func (p *Plane) Counters() Counters {
	c := p.count
	return Counters{
		Sent: c.sent.Load(), Received: c.received.Load(), Foreign: c.foreign.Load(), WrongVNI: c.wrongVNI.Load(), Malformed: c.malformed.Load(),
		NotOurs: c.notOurs.Load(), TooBig: c.tooBig.Load(), Unresolved: c.unresolved.Load(), NoRoute: c.noRoute.Load(), Failed: c.failed.Load(),
	}
}
