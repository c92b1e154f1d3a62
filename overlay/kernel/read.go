//go:build linux

package kernel

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// Read dumps devices, forwarding entries, neighbours and addresses, and tells what of them is ours, what is not as it must be, and what
// is foreign.
func (p *Plane) Read(ctx context.Context) (overlay.Observed, error) {
	if err := ctx.Err(); err != nil {
		return overlay.Observed{}, err
	}
	links, err := readLinks(p.c)
	if err != nil {
		return overlay.Observed{}, fmt.Errorf("read devices of %s: %w", p.o.Node, err)
	}
	r := reader{p: p, byIndex: make(map[uint32]ours, len(links))}
	r.out = overlay.Observed{Node: p.o.Node}
	clear(p.links)
	for _, l := range links {
		r.link(l)
	}
	for _, dump := range []func() error{r.forwarding, r.neighbours, r.addresses} {
		if err := dump(); err != nil {
			return overlay.Observed{}, fmt.Errorf("read tables of %s: %w", p.o.Node, err)
		}
	}
	r.endpoints()
	if p.caps.PacketFilter {
		allowed, err := p.readGuard()
		if err != nil {
			return overlay.Observed{}, fmt.Errorf("read the guard of %s: %w", p.o.Node, err)
		}
		for _, ip := range allowed {
			r.out.Objects = append(r.out.Objects, overlay.Object{Kind: overlay.Guard, VTEP: ip, Port: p.port()})
		}
	}
	slices.SortFunc(r.out.Objects, overlay.CompareObjects)
	r.out.Facts = r.facts(links)
	return r.out, nil
}

// ours is one of our devices, as it is known by its index.
type ours struct {
	kind     overlay.Kind
	vni      overlay.VNI
	endpoint string
}

// reader gathers what was read.
type reader struct {
	p       *Plane
	byIndex map[uint32]ours
	ports   []port
	own     []netip.Addr // addresses on devices that are not ours
	vtep    uint32       // index of the device that bears the VTEP
	out     overlay.Observed
}

// port is a bridge port, whose other end is read in the endpoint.
type port struct {
	vni      overlay.VNI
	endpoint string
	link     link
}

// link files one device.
func (r *reader) link(l link) {
	vni, kind, endpoint, mine := r.p.owns(l)
	if !mine {
		r.foreign(l)
		return
	}
	want := overlay.Object{Kind: kind, VNI: vni, Endpoint: endpoint}.Device()
	r.p.links[want] = l
	r.byIndex[l.index] = ours{kind, vni, endpoint}
	flaws := r.p.flaws(l, want)
	o := overlay.Object{Kind: kind, VNI: vni, MTU: int(l.mtu), MAC: l.mac}
	switch kind {
	case overlay.Port:
		if l.index >= r.p.ports && l.index&ourIndexes == portIndex {
			r.p.ports = l.index + 1
		}
		r.ports = append(r.ports, port{vni, endpoint, l})
		return
	case overlay.Tunnel:
		o.VTEP, o.Port, o.Bare = l.vtep, l.port, !l.slave
		flaws = append(flaws, tunnelFlaws(l, vni)...)
	case overlay.Bridge:
		if l.kind != "bridge" {
			flaws = []string{overlay.FlawKind}
		} else if l.stp {
			flaws = append(flaws, "spanning tree on")
		}
	}
	if slices.Contains(flaws, overlay.FlawKind) {
		flaws = []string{overlay.FlawKind}
	}
	o.Flaw = strings.Join(flaws, ", ")
	r.out.Objects = append(r.out.Objects, o)
}

// owns tells whether l bears our mark and what it is to us. A device without an alias that has our group, our name and the index that we
// would choose is one that we made and could not finish.
func (p *Plane) owns(l link) (vni overlay.VNI, kind overlay.Kind, endpoint string, mine bool) {
	rest, marked := strings.CutPrefix(l.alias, p.mark)
	unfinished := l.alias == "" && l.group == Group && l.index&ourIndexes != 0
	if !marked && !unfinished {
		return 0, 0, "", false
	}
	_, endpoint, _ = strings.Cut(rest, " ")
	number := overlay.VNI(l.index & 0xffffff)
	switch {
	case endpoint != "":
		vni = nameVNI(l.name, "obp")
		return vni, overlay.Port, endpoint, vni != 0 && overlay.PortName(vni, endpoint) == l.name
	case l.kind == "vxlan":
		return l.vni, overlay.Tunnel, "", marked || l.vni == number && l.name == overlay.TunnelName(number)
	case nameVNI(l.name, "obb") != 0:
		return nameVNI(l.name, "obb"), overlay.Bridge, "", true
	case l.kind == "bridge" && l.index&ourIndexes == bridgeIndex:
		return number, overlay.Bridge, "", true // renamed
	case nameVNI(l.name, "ob") != 0:
		return nameVNI(l.name, "ob"), overlay.Tunnel, "", true // of another kind
	}
	return 0, 0, "", false
}

// nameVNI is the VNI in a device's name after the prefix given, or 0.
func nameVNI(name, prefix string) overlay.VNI {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || len(digits) < 6 || (prefix != "obp" && len(digits) != 6) {
		return 0
	}
	var n overlay.VNI
	for _, d := range []byte(digits[:6]) {
		at := strings.IndexByte("0123456789abcdef", d)
		if at < 0 {
			return 0
		}
		n = n<<4 | overlay.VNI(at)
	}
	return n
}

// flaws are what is wrong with any of our devices.
func (p *Plane) flaws(l link, want string) (list []string) {
	if l.name != want {
		list = append(list, overlay.FlawKind)
	}
	if !l.up {
		list = append(list, "down")
	}
	if l.group != Group {
		list = append(list, "group "+fmt.Sprint(l.group))
	}
	if l.alias == "" {
		list = append(list, "no alias")
	}
	return list
}

// tunnelFlaws are what is wrong with a tunnel.
func tunnelFlaws(l link, vni overlay.VNI) (list []string) {
	if l.kind != "vxlan" || l.vni != vni || l.all {
		return []string{overlay.FlawKind}
	}
	if l.learning {
		list = append(list, "learning on")
	}
	if l.slave {
		list = append(list, portFlaws(l, vni, true)...)
	}
	return list
}

// portFlaws are what is wrong with a port of a bridge.
func portFlaws(l link, vni overlay.VNI, suppress bool) (list []string) {
	switch {
	case !l.slave:
		return []string{overlay.FlawOrphan}
	case l.master&0xffffff != uint32(vni):
		return []string{"in another bridge"}
	}
	if l.portLearning {
		list = append(list, "bridge learns")
	}
	if suppress && !l.suppress {
		list = append(list, "suppression off")
	}
	return list
}

// foreign files a device that is not ours when it may be in the way.
func (r *reader) foreign(l link) {
	owner := ""
	if rest, ok := strings.CutPrefix(l.alias, "opsbot "); ok {
		owner, _, _ = strings.Cut(rest, " ")
	}
	if l.kind != "vxlan" && nameVNI(l.name, "ob") == 0 && nameVNI(l.name, "obb") == 0 {
		return
	}
	f := overlay.Foreign{Name: l.name, Kind: cmp.Or(l.kind, "device"), Port: l.port, VTEP: l.vtep, Owner: owner}
	if !l.all {
		f.VNI = l.vni
	}
	r.out.Foreign = append(r.out.Foreign, f)
}

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
	if len(r.byIndex) == 0 {
		return nil
	}
	from := len(r.out.Objects)
	return r.p.c.dump(unix.RTM_GETNEIGH, ndmsg(unix.AF_BRIDGE, 0, 0, 0), func(m message) {
		if m.kind == 0 {
			r.out.Objects = r.out.Objects[:from]
			return
		}
		n, ok := parseNeighbour(m)
		dev, mine := r.byIndex[n.index]
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
		r.out.Objects = append(r.out.Objects, o)
	})
}

// neighbours reads the permanent neighbours on bridges and bare tunnels.
func (r *reader) neighbours() error {
	if len(r.byIndex) == 0 {
		return nil
	}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		from := len(r.out.Objects)
		err := r.p.c.dump(unix.RTM_GETNEIGH, ndmsg(family, 0, 0, 0), func(m message) {
			if m.kind == 0 {
				r.out.Objects = r.out.Objects[:from]
				return
			}
			n, ok := parseNeighbour(m)
			if dev, mine := r.byIndex[n.index]; ok && mine && dev.kind <= overlay.Tunnel && n.state&unix.NUD_PERMANENT != 0 && n.dst.IsValid() {
				r.out.Objects = append(r.out.Objects, overlay.Object{Kind: overlay.Neighbour, VNI: dev.vni, Bare: dev.kind == overlay.Tunnel,
					IP: netip.PrefixFrom(n.dst, n.dst.BitLen()), MAC: n.mac})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addresses reads the addresses on our devices, and those of the node itself.
func (r *reader) addresses() error {
	from := len(r.out.Objects)
	return readAddresses(r.p.c, func() { r.out.Objects, r.own = r.out.Objects[:from], nil }, func(index uint32, ip netip.Prefix) {
		dev, mine := r.byIndex[index]
		switch {
		case mine && dev.kind <= overlay.Tunnel:
			r.out.Objects = append(r.out.Objects, overlay.Object{Kind: overlay.Address, VNI: dev.vni, IP: ip, Bare: dev.kind == overlay.Tunnel})
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

// endpoints reads the other ends of ports, each in its endpoint.
func (r *reader) endpoints() {
	for _, p := range r.ports {
		o := overlay.Object{Kind: overlay.Port, VNI: p.vni, Endpoint: p.endpoint, MTU: int(p.link.mtu)}
		flaws := append(r.p.flaws(p.link, p.link.name), portFlaws(p.link, p.vni, false)...)
		inside, addresses, err := r.p.inside(p.vni, p.endpoint)
		switch {
		case err != nil, p.link.kind != "veth":
			flaws = []string{overlay.FlawKind} // its other end is lost
			r.p.o.Log.Debug("the other end of a port is lost", "endpoint", p.endpoint, "vni", p.vni, "error", err)
		case inside.mtu != p.link.mtu:
			flaws = append(flaws, fmt.Sprintf("mtu %d inside", inside.mtu))
		case !inside.up:
			flaws = append(flaws, "down inside")
		}
		o.MAC, o.Flaw = inside.mac, strings.Join(flaws, ", ")
		r.out.Objects = append(r.out.Objects, o)
		for _, ip := range addresses {
			r.out.Objects = append(r.out.Objects, overlay.Object{Kind: overlay.EndpointAddress, VNI: p.vni, Endpoint: p.endpoint, IP: ip})
		}
	}
}

// inside reads the device of a segment within an endpoint, and its addresses.
func (p *Plane) inside(vni overlay.VNI, endpoint string) (found link, addresses []netip.Prefix, err error) {
	err = within(p.endpointPath(endpoint), func() error {
		c, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = c.close() }() // it held nothing
		links, err := readLinks(c)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(links, func(l link) bool { return l.name == EndpointDevice(vni) })
		if at < 0 {
			return fmt.Errorf("no %s inside", EndpointDevice(vni))
		}
		found = links[at]
		return readAddresses(c, func() { addresses = nil }, func(index uint32, ip netip.Prefix) {
			if index == found.index {
				addresses = append(addresses, ip)
			}
		})
	})
	return found, addresses, err
}

// port is the UDP port of VXLAN.
func (p *Plane) port() uint16 { return cmp.Or(p.o.Port, overlay.DefaultPort) }

// facts is what the node tells about itself. Without a VTEP, the underlay is the first device that is up and not the loopback.
func (r *reader) facts(links []link) overlay.Facts {
	f := overlay.Facts{Devices: len(links), Addresses: r.own, At: time.Now(), Capability: r.p.caps, MissingVTEP: r.p.o.VTEP.IsValid() && r.vtep == 0}
	for _, l := range links {
		_, mine := r.byIndex[l.index]
		if l.index == r.vtep || !r.p.o.VTEP.IsValid() && l.up && !mine && l.name != "lo" {
			f.Device, f.Underlay = l.name, int(l.mtu)
			break
		}
	}
	return f
}
