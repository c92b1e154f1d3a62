package vtep

import (
	"encoding/binary"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
)

// Types of ICMPv6 that are neighbour discovery (RFC 4861 section 4).
const (
	ndRouterSolicitation = 133
	ndSolicitation       = 135
	ndAdvertisement      = 136
	ndRedirect           = 137
)

// Options of neighbour discovery that carry a MAC.
const (
	ndSourceMAC = 1
	ndTargetMAC = 2
)

// ndType is the type of neighbour discovery that an IPv6 packet is, or 0.
func ndType(b []byte) byte {
	if len(b) > 40 && b[0]>>4 == 6 && b[6] == 58 && b[40] >= ndRouterSolicitation && b[40] <= ndRedirect {
		return b[40]
	}
	return 0
}

// nd is a neighbour solicitation or advertisement.
type nd struct {
	kind     byte
	flags    byte // of an advertisement: router 0x80, solicited 0x40, override 0x20
	from, to netip.Addr
	target   netip.Addr
	mac      overlay.MAC // of the source or target option; zero for none
}

// parseND reads an IPv6 packet. It tells false for what is not whole, did not come from the link (RFC 4861 section 7.1) or is another type.
func parseND(b []byte) (n nd, ok bool) {
	kind := ndType(b)
	if kind != ndSolicitation && kind != ndAdvertisement || len(b) < 64 || b[7] != 255 || b[41] != 0 {
		return n, false
	}
	n = nd{kind: kind, flags: b[44], from: netip.AddrFrom16([16]byte(b[8:24])), to: netip.AddrFrom16([16]byte(b[24:40])),
		target: netip.AddrFrom16([16]byte(b[48:64]))}
	if checksum6(n.from, n.to, b[40:]) != 0 || n.target.IsMulticast() {
		return n, false
	}
	for options := b[64:]; len(options) > 0; {
		if len(options) < 8 || options[1] == 0 || len(options) < int(options[1])*8 {
			return n, false
		}
		if options[0] == ndSourceMAC || options[0] == ndTargetMAC {
			n.mac = overlay.MAC(options[2:8])
		}
		options = options[int(options[1])*8:]
	}
	return n, true
}

// bytes is the IPv6 packet on the wire.
func (n nd) bytes() []byte {
	body := append([]byte{n.kind, 0, 0, 0, n.flags, 0, 0, 0}, n.target.AsSlice()...)
	if !n.mac.IsZero() {
		option := byte(ndSourceMAC)
		if n.kind == ndAdvertisement {
			option = ndTargetMAC
		}
		body = append(append(body, option, 1), n.mac[:]...)
	}
	binary.BigEndian.PutUint16(body[2:], checksum6(n.from, n.to, body))
	return append(header6(n.from, n.to, 255, len(body)), body...)
}

// header6 is the header of an IPv6 packet that carries ICMPv6.
func header6(from, to netip.Addr, hops byte, size int) []byte {
	b := append(make([]byte, 0, 40+size), 0x60, 0, 0, 0, byte(size>>8), byte(size), 58, hops)
	return append(append(b, from.AsSlice()...), to.AsSlice()...)
}

// solicited is the group in which the owner of an address listens (RFC 4291 section 2.7.1).
func solicited(ip netip.Addr) netip.Addr {
	b := ip.As16()
	return netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}
