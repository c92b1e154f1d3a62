package vtep

import (
	"encoding/binary"
	"net/netip"
)

// tooBig is the message that tells the sender of an IP packet the MTU of the segment: fragmentation needed (RFC 1191 section 4) or packet too big
// (RFC 4443 section 3.2). It is nil for what must not be answered: an ICMP error, a later fragment, or a packet from nobody.
func tooBig(packet []byte, mtu int) []byte {
	if packet[0]>>4 == 4 {
		return tooBig4(packet, mtu)
	}
	return tooBig6(packet, mtu)
}

func tooBig4(packet []byte, mtu int) []byte {
	head := int(packet[0]&15) * 4
	from, to := netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
	fragment := binary.BigEndian.Uint16(packet[6:])&0x1fff != 0
	if head < 20 || len(packet) < head+8 || fragment || from.IsUnspecified() || from.IsMulticast() {
		return nil
	}
	if kind := packet[head]; packet[9] == 1 && kind != 0 && kind != 8 { // only echoes are not errors
		return nil
	}
	quote := packet[:min(len(packet), head+8)]
	body := append([]byte{3, 4, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, quote...)
	binary.BigEndian.PutUint16(body[2:], checksum(body))
	b := append([]byte{0x45, 0xc0, 0, byte(20 + len(body)), 0, 0, 0, 0, 64, 1, 0, 0}, to.AsSlice()...) // as if the far end said so
	b = append(b, from.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], checksum(b))
	return append(b, body...)
}

func tooBig6(packet []byte, mtu int) []byte {
	from, to := netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
	if from.IsUnspecified() || from.IsMulticast() || packet[6] == 58 && len(packet) > 40 && packet[40] < 128 {
		return nil
	}
	quote := packet[:min(len(packet), 1280-48)] // the answer stays within the least MTU
	body := binary.BigEndian.AppendUint32([]byte{2, 0, 0, 0}, uint32(mtu))
	body = append(body, quote...)
	if to.IsMulticast() {
		to = from
	}
	binary.BigEndian.PutUint16(body[2:], checksum6(to, from, body))
	return append(header6(to, from, 64, len(body)), body...)
}
