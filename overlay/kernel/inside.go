//go:build linux

package kernel

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/shitops/opsbot/overlay"
)

// endpoints reads the other ends of ports, each in its endpoint.
func (r *reader) endpoints() {
	for _, p := range r.ports {
		o := overlay.Object{Kind: overlay.Port, VNI: p.vni, Endpoint: p.endpoint, MTU: int(p.link.mtu)}
		flaws := append(r.p.flaws(&p.link, p.link.name), portFlaws(&p.link, p.vni, false)...)
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
		r.p.runs.add(o)
		for _, ip := range addresses {
			r.p.runs.add(overlay.Object{Kind: overlay.EndpointAddress, VNI: p.vni, Endpoint: p.endpoint, IP: ip})
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
		links, err := readLinks(c, nil)
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
