//go:build linux

package kernel

import (
	"encoding/binary"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// ndmsg is the fixed header of a neighbour message (struct ndmsg of rtnetlink(7)).
func ndmsg(family uint8, index uint32, state uint16, flags uint8) []byte {
	b := make([]byte, unix.SizeofNdMsg)
	b[0] = family
	binary.NativeEndian.PutUint32(b[4:], index)
	binary.NativeEndian.PutUint16(b[8:], state)
	b[10] = flags
	return b
}

// neighbour is an entry of a forwarding or neighbour table.
type neighbour struct {
	index, master uint32
	state         uint16
	flags         uint8
	mac           overlay.MAC
	dst           netip.Addr
	odd           bool // has a VLAN, or goes to another port, VNI or device
}

// parseNeighbour reads a neighbour message. It tells false for what is not one.
func parseNeighbour(m message) (n neighbour, ok bool) {
	if m.kind != unix.RTM_NEWNEIGH || len(m.body) < unix.SizeofNdMsg {
		return n, false
	}
	n.index = binary.NativeEndian.Uint32(m.body[4:])
	n.state = binary.NativeEndian.Uint16(m.body[8:])
	n.flags = m.body[10]
	err := attributes(m.body[unix.SizeofNdMsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.NDA_LLADDR:
			copy(n.mac[:], v)
		case unix.NDA_DST:
			n.dst, _ = netip.AddrFromSlice(v)
		case unix.NDA_MASTER:
			n.master = u32(v)
		case unix.NDA_VLAN:
			n.odd = n.odd || len(v) >= 2 && binary.NativeEndian.Uint16(v) != 0
		case unix.NDA_PORT, unix.NDA_VNI, unix.NDA_IFINDEX:
			n.odd = true
		}
	})
	return n, err == nil
}

// forwarding reads the forwarding tables of tunnels and bridges.
func (r *reader) forwarding() error {
	if len(r.p.byIndex) == 0 {
		return nil
	}
	return r.p.c.dump(unix.RTM_GETNEIGH, ndmsg(unix.AF_BRIDGE, 0, 0, 0), func(m message) {
		if m.kind == 0 {
			r.p.runs.empty(overlay.TunnelMAC, overlay.BridgeMAC, overlay.Flood)
			return
		}
		n, ok := parseNeighbour(m)
		dev, mine := r.p.byIndex[n.index]
		if !ok || !mine {
			return
		}
		o := overlay.Object{VNI: dev.vni, MAC: n.mac}
		switch {
		case n.master != 0 && n.state&unix.NUD_PERMANENT != 0, dev.kind == overlay.Bridge:
			return // a device's own address
		case n.master != 0 && n.odd:
			return
		case n.master != 0:
			o.Kind, o.Endpoint = overlay.BridgeMAC, dev.endpoint
			if n.state&unix.NUD_NOARP == 0 {
				o.Flaw = "learned"
			}
		case dev.kind != overlay.Tunnel || n.flags&unix.NTF_SELF == 0:
			return
		case n.mac.IsZero():
			o.Kind, o.VTEP = overlay.Flood, n.dst
		default:
			o.Kind, o.VTEP = overlay.TunnelMAC, n.dst
			if n.state&unix.NUD_PERMANENT == 0 {
				o.Flaw = "learned"
			}
		}
		if n.odd {
			o.Flaw = "goes elsewhere"
		}
		r.p.runs.add(o)
	})
}

// neighbours reads the permanent neighbours on bridges and bare tunnels.
func (r *reader) neighbours() error {
	if len(r.p.byIndex) == 0 {
		return nil
	}
	return r.p.c.dump(unix.RTM_GETNEIGH, ndmsg(unix.AF_UNSPEC, 0, 0, 0), func(m message) {
		if m.kind == 0 {
			r.p.runs.empty(overlay.Neighbour)
			return
		}
		n, ok := parseNeighbour(m)
		if dev, mine := r.p.byIndex[n.index]; ok && mine && dev.kind <= overlay.Tunnel && n.state&unix.NUD_PERMANENT != 0 && n.dst.IsValid() {
			r.p.runs.add(overlay.Object{Kind: overlay.Neighbour, VNI: dev.vni, Bare: dev.kind == overlay.Tunnel,
				IP: netip.PrefixFrom(n.dst, n.dst.BitLen()), MAC: n.mac})
		}
	})
}

// addresses reads the addresses on our devices, and those of the node itself.
func (r *reader) addresses() error {
	restart := func() {
		r.p.runs.empty(overlay.Address)
		r.own, r.vtep = nil, 0
	}
	return readAddresses(r.p.c, restart, func(index uint32, ip netip.Prefix) {
		dev, mine := r.p.byIndex[index]
		switch {
		case mine && dev.kind <= overlay.Tunnel:
			r.p.runs.add(overlay.Object{Kind: overlay.Address, VNI: dev.vni, IP: ip, Bare: dev.kind == overlay.Tunnel})
		case !mine:
			r.own = append(r.own, ip.Addr())
			if ip.Addr() == r.p.o.VTEP {
				r.vtep = index
			}
		}
	})
}

// readAddresses calls do for each address of the namespace but those that devices give themselves (fe80::/10). restart is called when
// the dump starts over.
func readAddresses(c *conn, restart func(), do func(index uint32, ip netip.Prefix)) error {
	return c.dump(unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), func(m message) {
		if m.kind == 0 {
			restart()
			return
		}
		if m.kind != unix.RTM_NEWADDR || len(m.body) < unix.SizeofIfAddrmsg {
			return
		}
		var ip netip.Addr
		bits, index := int(m.body[1]), binary.NativeEndian.Uint32(m.body[4:])
		_ = attributes(m.body[unix.SizeofIfAddrmsg:], func(kind uint16, v []byte) { // a broken message has no address
			if a, ok := netip.AddrFromSlice(v); ok && (kind == unix.IFA_LOCAL || kind == unix.IFA_ADDRESS && !ip.IsValid()) {
				ip = a
			}
		})
		if ip.IsValid() && !ip.IsLinkLocalUnicast() {
			do(index, netip.PrefixFrom(ip, bits))
		}
	})
}
