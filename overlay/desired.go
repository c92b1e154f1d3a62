package overlay

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Desired is all that one node must hold: the body that is signed and sent to it. Its fields are plain data in a stable order, so that
// the same state is the same bytes.
type Desired struct {
	Node        string        `json:"node"`
	Incarnation string        `json:"incarnation"`
	Generation  uint64        `json:"generation"`
	VTEP        netip.Addr    `json:"vtep,omitzero"`
	Port        uint16        `json:"port,omitempty"`     // of VXLAN; 0 is [DefaultPort]
	Underlay    int           `json:"underlay,omitempty"` // MTU in bytes that the underlay is to have; 0 is not checked
	Segments    []NodeSegment `json:"segments,omitempty"` // in order of VNI
	Guard       bool          `json:"guard,omitempty"`    // drop VXLAN from others than VTEPs, where the node can (IPv4)
	Gone        []VNI         `json:"gone,omitempty"`     // deleted on purpose: their removal needs no further yes
}

// NodeSegment is one segment as one node must hold it.
type NodeSegment struct {
	Name       string       `json:"name"`
	Tenant     string       `json:"tenant"`
	VNI        VNI          `json:"vni"`
	MTU        int          `json:"mtu"`
	Remotes    []netip.Addr `json:"remotes,omitempty"` // VTEPs that hear broadcasts (type 3)
	Local      []Member     `json:"local,omitempty"`   // endpoints on this node
	Remote     []Member     `json:"remote,omitempty"`  // endpoints elsewhere (type 2)
	V4         netip.Prefix `json:"v4,omitzero"`
	V6         netip.Prefix `json:"v6,omitzero"`
	Gateway    bool         `json:"gateway,omitempty"`
	Generation uint64       `json:"generation,omitempty"` // of the segment; for people
}

// Check returns every mistake in d, joined: an agent refuses a body that contradicts itself as a whole.
func (d Desired) Check() error {
	var wrong []string
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if err := CheckName("node", d.Node); err != nil {
		note("%v", err)
	}
	if len(d.Segments) > 0 && (!d.VTEP.IsValid() || d.VTEP.IsUnspecified() || d.VTEP.IsMulticast()) {
		note("vtep %s: want a unicast address", d.VTEP)
	}
	seen := map[VNI]string{}
	for _, s := range d.Segments {
		if other, ok := seen[s.VNI]; ok {
			note("segments %s and %s both have VNI %d", other, s.Name, s.VNI)
		}
		seen[s.VNI] = s.Name
		for _, text := range s.check(d.VTEP) {
			note("segment %s: %s", s.Name, text)
		}
	}
	for _, v := range d.Gone {
		if name, ok := seen[v]; ok {
			note("VNI %d is both deleted and held by segment %s", v, name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("desired state of %s, generation %d: %s", d.Node, d.Generation, strings.Join(wrong, "; "))
}

// check lists the mistakes of one segment on the node with the VTEP given.
func (s NodeSegment) check(vtep netip.Addr) (wrong []string) {
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if err := (Segment{Name: s.Name, Tenant: s.Tenant, VNI: s.VNI, V4: s.V4, V6: s.V6, MTU: s.MTU}).Check(); err != nil {
		note("%v", err)
	}
	if len(s.Remotes) > MaxFlood {
		note("%d VTEPs in the flood list, at most %d", len(s.Remotes), MaxFlood)
	}
	for _, r := range s.Remotes {
		if r == vtep || r.Is4() != vtep.Is4() || r.IsUnspecified() || r.IsMulticast() {
			note("remote VTEP %s is not another address of the family of %s", r, vtep)
		}
	}
	size, own := len(s.Local)+len(s.Remote), ""
	macs, ips := make(map[MAC]string, size), make(map[netip.Addr]string, size)
	for _, m := range slices.Concat(s.Local, s.Remote) {
		if m.MAC.IsZero() || m.MAC[0]&1 != 0 {
			note("member %s: MAC %q is not a unicast address", m.Key(), m.MAC)
		}
		if other, ok := macs[m.MAC]; ok {
			note("members %s and %s share MAC %s", other, m.Key(), m.MAC)
		}
		macs[m.MAC] = m.Key()
		for _, ip := range m.IPs {
			if other, ok := ips[ip]; ok {
				note("members %s and %s share %s", other, m.Key(), ip)
			}
			ips[ip] = m.Key()
			if !s.V4.Contains(ip) && !s.V6.Contains(ip) {
				note("member %s: %s lies outside of the segment", m.Key(), ip)
			}
		}
	}
	for _, m := range s.Local {
		if m.Endpoint == "" && own != "" {
			note("the node itself is a member twice (%s and %s)", own, m.MAC)
		}
		if m.Endpoint == "" {
			own = m.MAC.String()
		} else if err := CheckName("endpoint", m.Endpoint); err != nil {
			note("%v", err)
		}
	}
	for _, m := range s.Remote {
		if m.VTEP == vtep || m.VTEP.Is4() != vtep.Is4() || !m.VTEP.IsValid() {
			note("remote member %s: VTEP %s is not another address of the family of %s", m.Key(), m.VTEP, vtep)
		}
	}
	return wrong
}

// port is the UDP port of VXLAN.
func (d Desired) port() uint16 {
	if d.Port == 0 {
		return DefaultPort
	}
	return d.Port
}

// Objects is what the node must hold, as objects in the order of [CompareObjects].
func (d Desired) Objects() (list []Object) {
	d.each(func(_ VNI, some []Object) { list = append(list, some...) })
	return list
}

// each calls do for each VNI, in order, with what the node must hold of it, in the order of [CompareObjects]. The list is do's until it returns.
func (d Desired) each(do func(vni VNI, list []Object)) {
	if guards := d.guards(); len(guards) > 0 {
		do(0, guards)
	}
	byVNI := func(a, b NodeSegment) int { return cmp.Compare(a.VNI, b.VNI) }
	if !slices.IsSortedFunc(d.Segments, byVNI) {
		d.Segments = slices.Clone(d.Segments)
		slices.SortStableFunc(d.Segments, byVNI)
	}
	var list []Object
	for i, s := range d.Segments {
		list = s.objects(list, d.VTEP, d.port())
		if i+1 < len(d.Segments) && d.Segments[i+1].VNI == s.VNI {
			continue
		}
		slices.SortFunc(list, CompareObjects)
		do(s.VNI, slices.CompactFunc(list, func(a, b Object) bool { return CompareObjects(a, b) == 0 }))
		list = list[:0]
	}
}

// guards are the VTEPs that are let in: all that share a segment with the node.
func (d Desired) guards() (list []Object) {
	if !d.Guard || !d.VTEP.Is4() || len(d.Segments) == 0 {
		return nil
	}
	let := map[netip.Addr]bool{d.VTEP: true}
	for _, s := range d.Segments {
		for _, r := range s.Remotes {
			let[r] = true
		}
		for _, m := range s.Remote {
			if m.State != Fenced {
				let[m.VTEP] = true
			}
		}
	}
	for _, v := range slices.SortedFunc(maps.Keys(let), netip.Addr.Compare) {
		list = append(list, Object{Kind: Guard, VTEP: v, Port: d.port()})
	}
	return list
}

// objects appends what one segment needs. Only a node with endpoints in namespaces of their own, or with a gateway for them, needs a bridge: elsewhere
// the tunnel is bare and bears the node's own addresses, which halves the devices and spares the kernel a grace period for each deletion.
func (s NodeSegment) objects(list []Object, vtep netip.Addr, port uint16) []Object {
	bare := !s.Gateway && !slices.ContainsFunc(s.Local, func(m Member) bool { return m.Endpoint != "" && m.State != Fenced })
	own := VTEPMAC(vtep)
	own[0] = 0x0e // any that is not the tunnel's: nobody sends to it
	if s.Gateway {
		own = GatewayMAC(s.VNI)
		for _, p := range GatewayAddresses(s.V4, s.V6) {
			list = append(list, Object{Kind: Address, VNI: s.VNI, IP: p})
		}
	}
	for _, m := range s.Local {
		switch {
		case m.State == Fenced:
		case m.Endpoint != "":
			list = s.endpoint(list, m)
		default:
			own = m.MAC
			for _, ip := range m.IPs {
				list = append(list, Object{Kind: Address, VNI: s.VNI, IP: s.prefix(ip), Bare: bare})
			}
		}
	}
	tunnel := Object{Kind: Tunnel, VNI: s.VNI, MTU: s.MTU, MAC: VTEPMAC(vtep), VTEP: vtep, Port: port, Bare: bare}
	if bare {
		tunnel.MAC = own
	} else {
		list = append(list, Object{Kind: Bridge, VNI: s.VNI, MTU: s.MTU, MAC: own})
	}
	return s.remote(append(list, tunnel), bare)
}

// endpoint appends what an endpoint on this node needs.
func (s NodeSegment) endpoint(list []Object, m Member) []Object {
	list = append(list,
		Object{Kind: Port, VNI: s.VNI, Endpoint: m.Endpoint, MAC: m.MAC, MTU: s.MTU},
		Object{Kind: BridgeMAC, VNI: s.VNI, MAC: m.MAC, Endpoint: m.Endpoint})
	for _, ip := range m.IPs {
		list = append(list, Object{Kind: EndpointAddress, VNI: s.VNI, Endpoint: m.Endpoint, IP: s.prefix(ip)},
			Object{Kind: Neighbour, VNI: s.VNI, IP: single(ip), MAC: m.MAC})
	}
	return list
}

// remote appends what leads to other nodes and to the endpoints there.
func (s NodeSegment) remote(list []Object, bare bool) []Object {
	for _, r := range s.Remotes {
		list = append(list, Object{Kind: Flood, VNI: s.VNI, VTEP: r},
			Object{Kind: TunnelMAC, VNI: s.VNI, MAC: VTEPMAC(r), VTEP: r})
	}
	for _, m := range s.Remote {
		if m.State == Fenced {
			continue
		}
		list = append(list, Object{Kind: TunnelMAC, VNI: s.VNI, MAC: m.MAC, VTEP: m.VTEP})
		if !bare {
			list = append(list, Object{Kind: BridgeMAC, VNI: s.VNI, MAC: m.MAC})
		}
		for _, ip := range m.IPs {
			list = append(list, Object{Kind: Neighbour, VNI: s.VNI, IP: single(ip), MAC: m.MAC, Bare: bare})
		}
	}
	return list
}

// prefix is ip with the length of the segment's prefix.
func (s NodeSegment) prefix(ip netip.Addr) netip.Prefix {
	if ip.Is4() {
		return netip.PrefixFrom(ip, s.V4.Bits())
	}
	return netip.PrefixFrom(ip, s.V6.Bits())
}

// single is ip as a prefix of its full length.
func single(ip netip.Addr) netip.Prefix { return netip.PrefixFrom(ip, ip.BitLen()) }
