package vtep

import (
	"maps"
	"net"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
)

// config is what was written of one segment.
type config struct {
	bridge     overlay.Object // bears the host's MAC, or the tunnel does; its kind is 0 while there is none
	tunnel     overlay.Object
	addresses  map[on]bool // that we answer for
	neighbours map[on]overlay.MAC
	macs       map[overlay.MAC]netip.Addr
	bridgeMACs map[overlay.MAC]bool // kept to be told back: there is no bridge that would need them
	flood      map[netip.Addr]bool
}

// on is an address, and whether it was written for a bare tunnel or for a bridge. Here both are the one device.
type on struct {
	ip   netip.Prefix
	bare bool
}

// newConfig is a segment of which nothing was written.
func newConfig() *config {
	return &config{addresses: map[on]bool{}, neighbours: map[on]overlay.MAC{}, macs: map[overlay.MAC]netip.Addr{},
		bridgeMACs: map[overlay.MAC]bool{}, flood: map[netip.Addr]bool{}}
}

// clone is a copy that can be changed while the first is in use.
func (c *config) clone() *config {
	d := *c
	d.addresses, d.neighbours, d.macs = maps.Clone(c.addresses), maps.Clone(c.neighbours), maps.Clone(c.macs)
	d.bridgeMACs, d.flood = maps.Clone(c.bridgeMACs), maps.Clone(c.flood)
	return &d
}

// entry writes or removes what lies in the program alone. It tells false when o is of another kind.
func (c *config) entry(o overlay.Object, remove bool) bool {
	switch o.Kind {
	case overlay.Bridge:
		c.bridge = o
		if remove { // and with it goes what lies on it
			c.bridge = overlay.Object{}
			maps.DeleteFunc(c.addresses, func(k on, _ bool) bool { return !k.bare })
			maps.DeleteFunc(c.neighbours, func(k on, _ overlay.MAC) bool { return !k.bare })
			clear(c.bridgeMACs)
		}
	case overlay.TunnelMAC:
		put(c.macs, o.MAC, o.VTEP, remove)
	case overlay.BridgeMAC:
		put(c.bridgeMACs, o.MAC, true, remove)
	case overlay.Neighbour:
		put(c.neighbours, on{o.IP, o.Bare}, o.MAC, remove)
	case overlay.Flood:
		put(c.flood, o.VTEP, true, remove)
	default:
		return false
	}
	return true
}

func put[K comparable, V any](m map[K]V, key K, value V, remove bool) {
	if remove {
		delete(m, key)
	} else {
		m[key] = value
	}
}

// objects appends all but the tunnel and the addresses, which the system is asked for.
func (c *config) objects(list []overlay.Object, vni overlay.VNI) []overlay.Object {
	if c.bridge.Kind != 0 {
		list = append(list, c.bridge)
	}
	for mac, to := range c.macs {
		list = append(list, overlay.Object{Kind: overlay.TunnelMAC, VNI: vni, MAC: mac, VTEP: to})
	}
	for mac := range c.bridgeMACs {
		list = append(list, overlay.Object{Kind: overlay.BridgeMAC, VNI: vni, MAC: mac})
	}
	for k, mac := range c.neighbours {
		list = append(list, overlay.Object{Kind: overlay.Neighbour, VNI: vni, IP: k.ip, Bare: k.bare, MAC: mac})
	}
	for to := range c.flood {
		list = append(list, overlay.Object{Kind: overlay.Flood, VNI: vni, VTEP: to})
	}
	return list
}

// address appends what an address that the device bears is to us.
func (c *config) address(list []overlay.Object, vni overlay.VNI, ip netip.Prefix) []overlay.Object {
	o := overlay.Object{Kind: overlay.Address, VNI: vni, IP: ip}
	for _, o.Bare = range []bool{false, true} {
		if c.addresses[on{ip, o.Bare}] || !c.bears(ip) && o.Bare == (c.bridge.Kind == 0) { // or it was added by hand
			list = append(list, o)
		}
	}
	return list
}

// bears tells whether an address was written.
func (c *config) bears(ip netip.Prefix) bool {
	return c.addresses[on{ip, false}] || c.addresses[on{ip, true}]
}

// table is what packets are looked up in: a config made ready. It never changes.
type table struct {
	vni        overlay.VNI
	mtu        int
	mac        overlay.MAC // of the host
	probe      overlay.MAC // by which probes reach the node
	own        map[netip.Addr]bool
	routes     bool // packets to others are handed on: the host is the segment's gateway
	broadcasts map[netip.Addr]bool
	prefixes   []netip.Prefix
	hops       map[netip.Addr]hop // neighbours that were written
	peers      map[netip.Addr]*net.UDPAddr
	flood      []*net.UDPAddr
}

// hop is where a neighbour is reached. Without a VTEP its frames go to all.
type hop struct {
	mac overlay.MAC
	to  *net.UDPAddr
}

// table makes the config ready.
func (c *config) table(vni overlay.VNI) *table {
	t := &table{vni: vni, mtu: c.tunnel.MTU, mac: c.tunnel.MAC, probe: overlay.VTEPMAC(c.tunnel.VTEP), own: map[netip.Addr]bool{},
		broadcasts: map[netip.Addr]bool{netip.AddrFrom4([4]byte{255, 255, 255, 255}): true}, hops: map[netip.Addr]hop{}, peers: map[netip.Addr]*net.UDPAddr{}}
	if c.bridge.Kind != 0 {
		t.mac, t.routes = c.bridge.MAC, true
	}
	for k := range c.addresses {
		p := k.ip
		t.own[p.Addr()] = true
		t.prefixes = append(t.prefixes, p.Masked())
		if p.Addr().Is4() && p.Bits() < 31 {
			t.broadcasts[lastAddress(p)] = true
		}
	}
	peer := func(a netip.Addr) *net.UDPAddr {
		if t.peers[a] == nil {
			t.peers[a] = net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, c.tunnel.Port))
		}
		return t.peers[a]
	}
	for a := range c.flood {
		t.flood = append(t.flood, peer(a))
	}
	behind := map[overlay.MAC]*net.UDPAddr{}
	for mac, a := range c.macs {
		behind[mac] = peer(a)
	}
	for k, mac := range c.neighbours {
		t.hops[k.ip.Addr()] = hop{mac, behind[mac]}
	}
	return t
}

// lastAddress is the broadcast address of an IPv4 prefix.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}

// onLink tells whether an address is to be found in the segment.
func (t *table) onLink(ip netip.Addr) bool {
	if ip.IsLinkLocalUnicast() {
		return ip.Is6()
	}
	for _, p := range t.prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// hears tells whether a packet to an address is for this host. Others must not come in: the system would take those to an address that the host has in
// another segment.
func (t *table) hears(to netip.Addr) bool {
	return t.routes || t.own[to] || to.IsMulticast() || t.broadcasts[to]
}

// source is an address of ours of the family given, for questions.
func (t *table) source(v4 bool) (netip.Addr, bool) {
	for _, p := range t.prefixes {
		if p.Addr().Is4() == v4 {
			for ip := range t.own {
				if p.Contains(ip) {
					return ip, true
				}
			}
		}
	}
	return netip.Addr{}, false
}
