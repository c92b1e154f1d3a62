package overlay

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
)

// Kind is a kind of object that a node holds for a segment. The order is the order in which they are made; they go in the reverse one.
type Kind uint8

// Kinds of objects.
const (
	Bridge          Kind = iota + 1 // joins the tunnel and the endpoints of a node that has some
	Tunnel                          // VXLAN device, a port of the bridge where there is one
	Port                            // of the bridge, whose other end lies in an endpoint
	Address                         // of the node itself, on the bridge or the bare tunnel
	EndpointAddress                 // within an endpoint
	TunnelMAC                       // a MAC behind a remote VTEP, in the tunnel's table
	BridgeMAC                       // a MAC behind a port (empty: behind the tunnel), in the bridge's table
	Neighbour                       // whose MAC an IP has: answers ARP and ND on the spot
	Flood                           // a VTEP that hears broadcasts
	Guard                           // a VTEP that is let in; the VNI is 0
)

var kindNames = [...]string{"", "bridge", "tunnel", "port", "address", "endpoint address", "tunnel mac", "bridge mac", "neighbour", "flood", "guard"}

// String gives the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Object is one thing that a node holds. Which fields count depends on the kind; it is comparable, and equal means as wanted.
type Object struct {
	Kind     Kind         `json:"kind"`
	VNI      VNI          `json:"vni"`
	Port     uint16       `json:"port,omitempty"` // UDP, of a tunnel
	MAC      MAC          `json:"mac,omitzero"`
	MTU      int          `json:"mtu,omitempty"`
	VTEP     netip.Addr   `json:"vtep,omitzero"` // a tunnel's own address; where a MAC or a broadcast goes
	IP       netip.Prefix `json:"ip,omitzero"`
	Endpoint string       `json:"endpoint,omitempty"`
	Bare     bool         `json:"bare,omitempty"` // there is no bridge: a tunnel of its own, or what lies on that
	Flaw     string       `json:"flaw,omitempty"` // observed only: what else is not as it must be, in words
}

// CompareObjects orders objects by VNI, then kind, then what names the object; 0 means the same thing, perhaps with other values.
func CompareObjects(a, b Object) int {
	if a.VNI != b.VNI {
		return cmp.Compare(a.VNI, b.VNI)
	}
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind)
	}
	switch a.Kind {
	case Port:
		return strings.Compare(a.Endpoint, b.Endpoint)
	case TunnelMAC, BridgeMAC:
		return compareMAC(a.MAC, b.MAC)
	case Address, Neighbour:
		if a.Bare != b.Bare {
			return map[bool]int{false: -1, true: 1}[a.Bare]
		}
		return comparePrefix(a.IP, b.IP)
	case EndpointAddress:
		return cmp.Or(strings.Compare(a.Endpoint, b.Endpoint), comparePrefix(a.IP, b.IP))
	case Flood, Guard:
		return a.VTEP.Compare(b.VTEP)
	}
	return 0
}

func compareMAC(a, b MAC) int {
	for i := range a {
		if a[i] != b[i] {
			return cmp.Compare(a[i], b[i])
		}
	}
	return 0
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// TunnelName is the name of a VNI's tunnel device. The VNI has six digits, so that no tunnel is called as another's bridge; at most 15
// characters fit (IFNAMSIZ).
func TunnelName(v VNI) string { return string(appendHex([]byte("ob"), uint32(v))) }

// BridgeName is the name of a VNI's bridge.
func BridgeName(v VNI) string { return string(appendHex([]byte("obb"), uint32(v))) }

// PortName is the name of the bridge port of an endpoint: the VNI and 24 bits of a hash of the endpoint's name.
func PortName(v VNI, endpoint string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(endpoint)) // a hash never fails
	return string(appendHex(appendHex([]byte("obp"), uint32(v)), h.Sum32()))
}

// appendHex appends the lower 24 bits of n in six digits. Names are made for every object that is read, so this is not left to fmt.
func appendHex(b []byte, n uint32) []byte {
	for shift := 20; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return b
}

// Device is the name of the device that o is or lies on.
func (o Object) Device() string {
	switch o.Kind {
	case Bridge:
		return BridgeName(o.VNI)
	case Address, Neighbour:
		if !o.Bare {
			return BridgeName(o.VNI)
		}
	case Port, EndpointAddress:
		return PortName(o.VNI, o.Endpoint)
	case BridgeMAC:
		if o.Endpoint != "" {
			return PortName(o.VNI, o.Endpoint)
		}
	}
	return TunnelName(o.VNI)
}

// String gives the object in the words of a plan: "flood ob001389: 192.0.2.2".
func (o Object) String() string {
	var what string
	switch o.Kind {
	case Bridge:
		what = fmt.Sprintf("VNI %d, mac %s, mtu %d", o.VNI, o.MAC, o.MTU)
	case Tunnel:
		what = fmt.Sprintf("VNI %d, local %s, mtu %d", o.VNI, netip.AddrPortFrom(o.VTEP, o.Port), o.MTU)
		if !o.Bare {
			what += ", in " + BridgeName(o.VNI)
		}
	case Port:
		what = fmt.Sprintf("endpoint %s, mac %s, mtu %d", o.Endpoint, o.MAC, o.MTU)
	case Address, EndpointAddress:
		what = o.IP.String()
	case TunnelMAC:
		what = fmt.Sprintf("%s behind %s", o.MAC, o.VTEP)
	case BridgeMAC:
		what = fmt.Sprintf("%s behind %s", o.MAC, o.Device())
	case Neighbour:
		what = fmt.Sprintf("%s is at %s", o.IP.Addr(), o.MAC)
	case Flood:
		what = o.VTEP.String()
	case Guard:
		return fmt.Sprintf("guard: %s may send to UDP port %d", o.VTEP, o.Port)
	}
	if o.Flaw != "" {
		what += " (" + o.Flaw + ")"
	}
	device := o.Device()
	if o.Kind == BridgeMAC {
		device = BridgeName(o.VNI)
	}
	return fmt.Sprintf("%s %s: %s", o.Kind, device, what)
}
