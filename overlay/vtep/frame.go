package vtep

import (
	"encoding/binary"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
)

// Sizes of what stands before an IP packet in a tunnel (RFC 7348 section 5).
const (
	vxlanSize    = 8
	ethernetSize = 14
	sealSize     = vxlanSize + ethernetSize
)

// Buffers keep room before the packet for our headers and for those of the devices: 10 bytes of virtio on Linux, 4 of family on macOS. And they have
// room for what a device gathers from many packets.
const (
	front      = 64
	bufferSize = front + 1<<16 + 64
)

// Ethertypes (IEEE 802 numbers).
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

// broadcast is the MAC that all hear.
var broadcast = overlay.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// seal writes the VXLAN and Ethernet headers into b, which has [sealSize] bytes or more.
func seal(b []byte, vni overlay.VNI, to, from overlay.MAC, ethertype uint16) {
	_ = b[sealSize-1]
	binary.BigEndian.PutUint32(b, 0x08000000) // the I flag: the VNI is valid
	binary.BigEndian.PutUint32(b[4:], uint32(vni)<<8)
	copy(b[8:], to[:])
	copy(b[14:], from[:])
	binary.BigEndian.PutUint16(b[20:], ethertype)
}

// sealed is a tunnelled frame of its own.
func sealed(vni overlay.VNI, to, from overlay.MAC, ethertype uint16, payload []byte) []byte {
	b := make([]byte, sealSize, sealSize+len(payload))
	seal(b, vni, to, from, ethertype)
	return append(b, payload...)
}

// frame is what a datagram holds.
type frame struct {
	vni       overlay.VNI
	to, from  overlay.MAC
	ethertype uint16
	payload   []byte
}

// unseal reads a datagram. Reserved bits are ignored, as RFC 7348 asks.
func unseal(b []byte) (f frame, ok bool) {
	if len(b) <= sealSize || b[0]&0x08 == 0 {
		return f, false
	}
	f.vni = overlay.VNI(binary.BigEndian.Uint32(b[4:]) >> 8)
	f.to, f.from = overlay.MAC(b[8:14]), overlay.MAC(b[14:20])
	f.ethertype = binary.BigEndian.Uint16(b[20:])
	f.payload = b[sealSize:]
	return f, true
}

// destination is where an IP packet goes. It tells false when b is none.
func destination(b []byte) (to netip.Addr, ethertype uint16, ok bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(b[16:20])), etherIPv4, true
	case len(b) >= 40 && b[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(b[24:40])), etherIPv6, true
	}
	return to, 0, false
}

// ipSize is how long an IP packet says it is, or 0 when that cannot be: frames may be padded.
func ipSize(b []byte, ethertype uint16) int {
	var n int
	switch {
	case ethertype == etherIPv4 && len(b) >= 20 && b[0]>>4 == 4:
		n = int(binary.BigEndian.Uint16(b[2:]))
		if head := int(b[0]&15) * 4; head < 20 || n < head {
			return 0
		}
	case ethertype == etherIPv6 && len(b) >= 40 && b[0]>>4 == 6:
		n = 40 + int(binary.BigEndian.Uint16(b[4:]))
	}
	if n > len(b) {
		return 0
	}
	return n
}

// multicastMAC is the MAC of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7).
func multicastMAC(group netip.Addr) overlay.MAC {
	if group.Is4() {
		b := group.As4()
		return overlay.MAC{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	b := group.As16()
	return overlay.MAC{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// checksum is the Internet checksum over parts that are each of even length but the last (RFC 1071).
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// checksum6 is the checksum of ICMPv6 with its pseudo header (RFC 8200 section 8.1).
func checksum6(from, to netip.Addr, body []byte) uint16 {
	a, b := from.As16(), to.As16()
	tail := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	return checksum(a[:], b[:], append(tail, 0, 0, 0, 58), body)
}
