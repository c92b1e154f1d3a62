package vtep

import "net/netip"

// deviceState is a device as the system tells of it.
type deviceState struct {
	name      string
	kind      string
	owner     string // instance, when it bears the mark of this program
	up        bool
	loopback  bool
	mtu       int
	addresses []netip.Prefix // but those that devices give themselves
	vxlan     bool           // a kernel VXLAN device
	port      uint16
	vtep      netip.Addr
}
