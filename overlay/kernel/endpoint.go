//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// port is a bridge port, whose other end is read in the endpoint.
type port struct {
	vni      overlay.VNI
	endpoint string
	link     link
}

// end is the other end of a port.
type end struct {
	link
	addresses []netip.Prefix
}

// endpoints reads the other ends of ports, all that lie in one endpoint in one visit.
func (r *reader) endpoints() error {
	if len(r.ports) == 0 {
		return nil
	}
	slices.SortStableFunc(r.ports, func(a, b port) int { return strings.Compare(a.endpoint, b.endpoint) })
	return onThread(func() error { // one for all: each visit moves it on
		v := visitor{p: r.p}
		for ports := r.ports; len(ports) > 0; {
			n := slices.IndexFunc(ports, func(p port) bool { return p.endpoint != ports[0].endpoint })
			if n < 0 {
				n = len(ports)
			}
			ends, err := v.visit(ports[0].endpoint)
			if err != nil && !errors.Is(err, errLost) { // whoever only lacked room to look must not make the port anew
				return fmt.Errorf("endpoint %s: %w", ports[0].endpoint, err)
			}
			for i := range ports[:n] {
				r.port(&ports[i], ends, err)
			}
			ports = ports[n:]
		}
		return nil
	})
}

// port files a bridge port with what lies in its endpoint.
func (r *reader) port(p *port, ends map[string]end, err error) {
	o := overlay.Object{Kind: overlay.Port, VNI: p.vni, Endpoint: p.endpoint, MTU: int(p.link.mtu)}
	flaws := append(r.p.flaws(&p.link, p.link.name), portFlaws(&p.link, p.vni, false)...)
	inside, found := ends[EndpointDevice(p.vni)]
	switch {
	case !found, p.link.kind != "veth":
		flaws = []string{overlay.FlawKind} // its other end is lost
		r.p.o.Log.Debug("the other end of a port is lost", "endpoint", p.endpoint, "vni", p.vni, "error", err)
	case inside.mtu != p.link.mtu:
		flaws = append(flaws, fmt.Sprintf("mtu %d inside", inside.mtu))
	case !inside.up:
		flaws = append(flaws, "down inside")
	}
	o.MAC, o.Flaw = inside.mac, strings.Join(flaws, ", ")
	r.p.runs.add(o)
	for _, ip := range inside.addresses {
		r.p.runs.add(overlay.Object{Kind: overlay.EndpointAddress, VNI: p.vni, Endpoint: p.endpoint, IP: ip})
	}
}

// errLost says that an endpoint is not there any more.
var errLost = errors.New("no such endpoint")

// visitor looks into endpoints, one after another, from a thread that ends with it.
type visitor struct {
	p     *Plane
	links []link
}

// visit reads the devices of an endpoint and their addresses, by name.
func (v *visitor) visit(endpoint string) (map[string]end, error) {
	if err := enter(v.p.endpointPath(endpoint)); errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.close() }() // it held nothing
	c.buf = v.p.c.buf                // which waits for us
	if v.links, err = readLinks(c, v.links); err != nil {
		return nil, err
	}
	addresses := map[uint32][]netip.Prefix{}
	err = readAddresses(c, func() { clear(addresses) }, func(index uint32, ip netip.Prefix) { addresses[index] = append(addresses[index], ip) })
	if err != nil {
		return nil, err
	}
	ends := make(map[string]end, len(v.links))
	for _, l := range v.links {
		ends[l.name] = end{l, addresses[l.index]}
	}
	return ends, nil
}
