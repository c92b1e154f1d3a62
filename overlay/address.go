package overlay

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// DefaultV4 is the block that segments of a tenant without its own are cut from: shared address space (RFC 6598), which no host of the
// underlay should bear.
func DefaultV4() netip.Prefix { return netip.MustParsePrefix("100.64.0.0/10") }

// SegmentV6 is the /64 of a VNI in a site's ULA: fd, the site's 32 bits, then the VNI's 24 bits fill the /64 (RFC 4193 section 3.1; the
// random part has 32 bits instead of 40, so that each of the 2^24 VNIs gets one).
func SegmentV6(site uint32, vni VNI) netip.Prefix {
	var a [16]byte
	a[0] = 0xfd
	binary.BigEndian.PutUint32(a[1:], site)
	a[5] = byte(vni >> 16)
	binary.BigEndian.PutUint16(a[6:], uint16(vni))
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

// bitmap is a set of small numbers.
type bitmap []uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitmap) clear(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitmap) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// lowest is the lowest number below n that is not in b, looked for from the word of from on and then from 0; -1 is none.
func (b bitmap) lowest(n, from int) int {
	w := from / 64
	for range b {
		if word := b[w]; word != ^uint64(0) {
			if i := w*64 + bits.TrailingZeros64(^word); i < n {
				return i
			}
		}
		if w++; w >= len(b) {
			w = 0
		}
	}
	return -1
}

// Blocks cuts prefixes of one size out of one tenant's IPv4 block. Not safe for concurrent use.
type Blocks struct {
	pool netip.Prefix
	bits int
	held bitmap
}

// NewBlocks prepares to cut prefixes of size bits from pool, around those held. What is held may be of any size.
func NewBlocks(pool netip.Prefix, size int, held []netip.Prefix) (*Blocks, error) {
	if !pool.Addr().Is4() || pool != pool.Masked() {
		return nil, fmt.Errorf("address block %s: want an IPv4 prefix without host bits", pool)
	}
	if size < pool.Bits() || size > 30 || size-pool.Bits() > 20 {
		return nil, fmt.Errorf("address block %s: cannot be cut into /%d", pool, size)
	}
	b := &Blocks{pool: pool, bits: size, held: newBitmap(1 << (size - pool.Bits()))}
	for _, h := range held {
		b.Hold(h)
	}
	return b, nil
}

// Hold marks everything that overlaps p as taken. What lies outside of the block is harmless.
func (b *Blocks) Hold(p netip.Prefix) {
	if !p.IsValid() || !p.Addr().Is4() || !p.Overlaps(b.pool) {
		return
	}
	if p.Bits() <= b.pool.Bits() {
		for i := range b.held {
			b.held[i] = ^uint64(0)
		}
		return
	}
	first := int(number(p.Masked().Addr())-number(b.pool.Addr())) >> (32 - b.bits)
	for i := range 1 << max(0, b.bits-p.Bits()) {
		b.held.set(first + i)
	}
}

// Take gives the lowest prefix that overlaps nothing held. Returns an error that wraps [ErrExhausted] when there is none.
func (b *Blocks) Take() (netip.Prefix, error) {
	n := 1 << (b.bits - b.pool.Bits())
	i := b.held.lowest(n, 0)
	if i < 0 {
		return netip.Prefix{}, fmt.Errorf("address block %s: %w (%d prefixes of /%d)", b.pool, ErrExhausted, n, b.bits)
	}
	b.held.set(i)
	return netip.PrefixFrom(address(number(b.pool.Addr())+uint32(i)<<(32-b.bits)), b.bits), nil
}

// AddressPlan gives the members of one segment their addresses. Not safe for concurrent use.
type AddressPlan struct {
	segment Segment
	held    bitmap // indexes: 0 is the network, 1 the gateway, members from 2
	last    int    // indexes below it may be given
	keys    map[string]Member
	macs    map[MAC]string
	lease   uint64
}

// maxMembers bounds a segment without IPv4, where a /64 would not.
const maxMembers = 1 << 16

// NewAddressPlan prepares to give addresses in segment around those of the members held.
//
// Returns an error that names both when two members hold the same address, or one holds an address outside of the segment.
func NewAddressPlan(segment Segment, held []Member) (*AddressPlan, error) {
	if !segment.V4.IsValid() && !segment.V6.IsValid() {
		return nil, fmt.Errorf("addresses of segment %s: it has no prefix", segment.Name)
	}
	p := &AddressPlan{segment: segment, last: maxMembers, keys: map[string]Member{}, macs: map[MAC]string{}}
	if segment.V4.IsValid() {
		p.last = 1<<(32-segment.V4.Bits()) - 1 // the last one is the broadcast address
	}
	p.held = newBitmap(p.last)
	p.held.set(0)
	p.held.set(1)
	for _, m := range held {
		if err := p.hold(m); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// hold notes what member m has.
func (p *AddressPlan) hold(m Member) error {
	taken := map[int]bool{}
	for _, ip := range m.IPs {
		i, err := p.index(ip)
		if err != nil {
			return fmt.Errorf("member %s of segment %s: %w", m.Key(), p.segment.Name, err)
		}
		if p.held.has(i) && !taken[i] {
			return fmt.Errorf("member %s of segment %s: %s is %w", m.Key(), p.segment.Name, ip, ErrTaken)
		}
		p.held.set(i)
		taken[i] = true
	}
	if other, ok := p.macs[m.MAC]; ok && !m.MAC.IsZero() {
		return fmt.Errorf("member %s of segment %s: MAC %s is %w by %s", m.Key(), p.segment.Name, m.MAC, ErrTaken, other)
	}
	p.keys[m.Key()], p.macs[m.MAC] = m, m.Key()
	p.lease = max(p.lease, m.Lease)
	return nil
}

// index is the number of ip within the segment.
func (p *AddressPlan) index(ip netip.Addr) (int, error) {
	var n uint64
	switch {
	case p.segment.V4.IsValid() && p.segment.V4.Contains(ip):
		n = uint64(number(ip) - number(p.segment.V4.Addr()))
	case p.segment.V6.IsValid() && p.segment.V6.Contains(ip):
		b := ip.As16()
		n = binary.BigEndian.Uint64(b[8:])
	default:
		return 0, fmt.Errorf("%s lies outside of the segment", ip)
	}
	if n == 0 || n >= uint64(p.last) {
		return 0, fmt.Errorf("%s is not an address for members", ip)
	}
	return int(n), nil
}

// Take gives the endpoint of a node (empty: the node itself) its addresses: the lowest free one in IPv4, the same number in IPv6, a MAC
// that stays when it moves, and a lease generation above all others. Asked again for the same endpoint, it answers the same.
//
// Returns an error that wraps [ErrExhausted] when the segment is full.
func (p *AddressPlan) Take(node, endpoint string, vtep netip.Addr) (Member, error) {
	m := Member{Segment: p.segment.Name, Node: node, Endpoint: endpoint, VTEP: vtep, State: Active}
	if have, ok := p.keys[m.Key()]; ok {
		return have, nil
	}
	i := p.held.lowest(p.last, 0)
	if i < 0 {
		return Member{}, fmt.Errorf("addresses of segment %s: %w (%d members)", p.segment.Name, ErrExhausted, len(p.keys))
	}
	m.IPs = p.at(i)
	for attempt := 0; ; attempt++ {
		m.MAC = MACOf(p.segment.Tenant, p.segment.VNI, m.Key(), attempt)
		if _, clash := p.macs[m.MAC]; !clash && m.MAC != GatewayMAC(p.segment.VNI) {
			break
		}
	}
	p.lease++
	m.Lease = p.lease
	if err := p.hold(m); err != nil {
		return Member{}, err
	}
	return m, nil
}

// at is the addresses with number i.
func (p *AddressPlan) at(i int) (ips []netip.Addr) {
	if p.segment.V4.IsValid() {
		ips = append(ips, address(number(p.segment.V4.Addr())+uint32(i)))
	}
	if p.segment.V6.IsValid() {
		b := p.segment.V6.Addr().As16()
		binary.BigEndian.PutUint64(b[8:], uint64(i))
		ips = append(ips, netip.AddrFrom16(b))
	}
	return ips
}

// GatewayAddresses are the first addresses of a segment's prefixes, with the prefixes' lengths.
func GatewayAddresses(v4, v6 netip.Prefix) (list []netip.Prefix) {
	for _, p := range []netip.Prefix{v4, v6} {
		if p.IsValid() {
			list = append(list, netip.PrefixFrom(p.Addr().Next(), p.Bits()))
		}
	}
	return list
}

// number is an IPv4 address as a number.
func number(ip netip.Addr) uint32 { b := ip.As4(); return binary.BigEndian.Uint32(b[:]) }

// address is the IPv4 address of a number.
func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
