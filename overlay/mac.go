package overlay

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// MAC is an Ethernet address. The zero value means none. It is written as 02:1a:2b:3c:4d:5e in text and JSON.
type MAC [6]byte

// ParseMAC reads an address of six bytes.
func ParseMAC(text string) (MAC, error) {
	hw, err := net.ParseMAC(text)
	if err != nil || len(hw) != 6 {
		return MAC{}, fmt.Errorf("MAC %q: want six bytes as 02:1a:2b:3c:4d:5e", text)
	}
	return MAC(hw), nil
}

// String gives the address as 02:1a:2b:3c:4d:5e, or nothing for none.
func (m MAC) String() string {
	if m.IsZero() {
		return ""
	}
	return net.HardwareAddr(m[:]).String()
}

// IsZero tells whether m is none.
func (m MAC) IsZero() bool { return m == MAC{} }

// MarshalText writes m as [MAC.String] does.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *MAC) UnmarshalText(text []byte) (err error) {
	*m = MAC{}
	if len(text) > 0 {
		*m, err = ParseMAC(string(text))
	}
	return err
}

// MACOf is the address of an endpoint in a segment: 02 (locally administered) and 40 bits of a hash over tenant, VNI and endpoint. It
// does not depend on the node, so that it stays when the endpoint moves. Attempt counts up when two endpoints of a segment clash.
func MACOf(tenant string, vni VNI, endpoint string, attempt int) MAC {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q %d", tenant, vni, endpoint, attempt))
	return MAC{0x02, sum[0], sum[1], sum[2], sum[3], sum[4]}
}

// VTEPMAC is the address of a node's own end of every tunnel, by which probes reach it. It is 06 6f and the VTEP's four bytes, or 0a
// and 40 bits of a hash when the VTEP is an IPv6 address; neither can be a [MACOf].
func VTEPMAC(vtep netip.Addr) MAC {
	vtep = vtep.Unmap()
	if vtep.Is4() {
		b := vtep.As4()
		return MAC{0x06, 0x6f, b[0], b[1], b[2], b[3]}
	}
	if !vtep.IsValid() {
		return MAC{}
	}
	b := vtep.As16()
	sum := sha256.Sum256(b[:])
	var m MAC
	m[0] = 0x0a
	binary.BigEndian.PutUint32(m[1:], binary.BigEndian.Uint32(sum[:]))
	m[5] = sum[4]
	return m
}

// GatewayMAC is the address of a segment's anycast gateway: the same on every node.
func GatewayMAC(vni VNI) MAC {
	return MAC{0x02, 0x00, 0x5e, byte(vni >> 16), byte(vni >> 8), byte(vni)}
}
