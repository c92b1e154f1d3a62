//go:build linux

package kernel

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// Read dumps devices, forwarding entries, neighbours and addresses, and tells what of them is ours, what is not as it must be, and what
// is foreign.
func (p *Plane) Read(ctx context.Context) (out overlay.Observed, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	if p.links, err = readLinks(p.c, p.links); err != nil {
		return out, fmt.Errorf("read devices of %s: %w", p.o.Node, err)
	}
	r := reader{p: p}
	clear(p.odd)
	clear(p.byIndex)
	p.runs.empty()
	for i := range p.links {
		r.link(&p.links[i])
	}
	for _, dump := range []func() error{r.forwarding, r.neighbours, r.addresses, r.endpoints} {
		if err := dump(); err != nil {
			return out, fmt.Errorf("read tables of %s: %w", p.o.Node, err)
		}
	}
	if p.caps.PacketFilter {
		allowed, err := p.readGuard()
		if err != nil {
			return out, fmt.Errorf("read the guard of %s: %w", p.o.Node, err)
		}
		for _, ip := range allowed {
			p.runs.add(overlay.Object{Kind: overlay.Guard, VTEP: ip, Port: p.port()})
		}
	}
	return overlay.Observed{Node: p.o.Node, Objects: p.runs.merge(), Foreign: r.alien, Facts: r.facts()}, nil
}

// ours is one of our devices, as it is known by its index.
type ours struct {
	kind     overlay.Kind
	vni      overlay.VNI
	endpoint string
}

// reader gathers what was read.
type reader struct {
	p     *Plane
	ports []port
	own   []netip.Addr // addresses on devices that are not ours
	vtep  uint32       // index of the device that bears the VTEP
	alien []overlay.Foreign
}

// link files one device.
func (r *reader) link(l *link) {
	vni, kind, endpoint, mine := r.p.owns(l)
	if !mine {
		r.foreign(l)
		return
	}
	o := overlay.Object{Kind: kind, VNI: vni, MTU: int(l.mtu), MAC: l.mac, Endpoint: endpoint}
	name := o.Device()
	r.p.byIndex[l.index] = ours{kind, vni, endpoint}
	delete(r.p.odd, name)
	if kind == overlay.Port || l.index != chosen(kind, vni) {
		r.p.odd[name] = l.index
	}
	flaws := r.p.flaws(l, name)
	switch kind {
	case overlay.Port:
		if l.index >= r.p.ports && l.index&ourIndexes == portIndex {
			r.p.ports = l.index + 1
		}
		r.ports = append(r.ports, port{vni, endpoint, *l})
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
	r.p.runs.add(o)
}

// owns tells whether l bears our mark and what it is to us. A device without an alias that has our group, our name and the index that we
// would choose is one that we made and could not finish.
func (p *Plane) owns(l *link) (vni overlay.VNI, kind overlay.Kind, endpoint string, mine bool) {
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
func (p *Plane) flaws(l *link, want string) (list []string) {
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
func tunnelFlaws(l *link, vni overlay.VNI) (list []string) {
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
func portFlaws(l *link, vni overlay.VNI, suppress bool) (list []string) {
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
func (r *reader) foreign(l *link) {
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
	r.alien = append(r.alien, f)
}

// port is the UDP port of VXLAN.
func (p *Plane) port() uint16 { return cmp.Or(p.o.Port, overlay.DefaultPort) }

// facts is what the node tells about itself. Without a VTEP, the underlay is the first device that is up and not the loopback.
func (r *reader) facts() overlay.Facts {
	p := r.p
	f := overlay.Facts{Devices: len(p.links), Addresses: r.own, At: time.Now(), Capability: p.caps, MissingVTEP: p.o.VTEP.IsValid() && r.vtep == 0}
	at := slices.IndexFunc(p.links, func(l link) bool {
		if p.o.VTEP.IsValid() {
			return l.index == r.vtep
		}
		_, mine := p.byIndex[l.index]
		return l.up && !mine && l.name != "lo"
	})
	if at >= 0 {
		f.Device, f.Underlay = p.links[at].name, int(p.links[at].mtu)
	}
	return f
}
