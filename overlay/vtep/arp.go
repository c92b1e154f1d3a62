package vtep

import (
	"encoding/binary"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
)

// Operations of ARP (RFC 826).
const (
	arpRequest = 1
	arpReply   = 2
)

// arp is a packet of ARP over Ethernet for IPv4.
type arp struct {
	op        uint16
	senderMAC overlay.MAC
	sender    netip.Addr
	targetMAC overlay.MAC
	target    netip.Addr
}

// parseARP reads a packet. It tells false for what is not ARP of Ethernet and IPv4.
func parseARP(b []byte) (a arp, ok bool) {
	if len(b) < 28 || binary.BigEndian.Uint64(b)>>16 != 0x000108000604 {
		return a, false
	}
	return arp{op: binary.BigEndian.Uint16(b[6:]), senderMAC: overlay.MAC(b[8:14]), sender: netip.AddrFrom4([4]byte(b[14:18])),
		targetMAC: overlay.MAC(b[18:24]), target: netip.AddrFrom4([4]byte(b[24:28]))}, true
}

// bytes is the packet on the wire.
func (a arp) bytes() []byte {
	b := binary.BigEndian.AppendUint16([]byte{0, 1, 0x08, 0, 6, 4}, a.op)
	b = append(append(b, a.senderMAC[:]...), a.sender.AsSlice()...)
	return append(append(b, a.targetMAC[:]...), a.target.AsSlice()...)
}
