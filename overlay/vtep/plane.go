//go:build linux || darwin

package vtep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// Plane is the data plane of the program itself. Not safe for concurrent use, except for [Plane.Counters], for its probers and, on Linux, for Watch.
type Plane struct {
	o         Options
	system    *system
	count     *counters
	probes    *probes
	configs   map[overlay.VNI]*config
	segments  map[overlay.VNI]*segment
	underlays map[netip.AddrPort]*underlay
	caps      overlay.Capabilities
}

var _ overlay.DataPlane = (*Plane)(nil)

// New prepares to hold segments. Close takes them away.
func New(o Options) (*Plane, error) {
	if err := overlay.CheckName("node", o.Node); err != nil {
		return nil, err
	}
	if err := overlay.CheckName("instance", o.Instance); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := newSystem(o.Namespace)
	if err != nil {
		return nil, fmt.Errorf("userspace VTEP of %s: %w", o.Node, err)
	}
	return &Plane{o: o, system: s, count: &counters{}, probes: newProbes(o.Node), configs: map[overlay.VNI]*config{}, segments: map[overlay.VNI]*segment{},
		underlays: map[netip.AddrPort]*underlay{}}, nil
}

// Close takes the segments and their devices away: they cannot outlive the program that carries their packets.
func (p *Plane) Close() error {
	var errs []error
	for _, s := range p.segments {
		errs = append(errs, p.closeSegment(s))
	}
	p.system.close()
	return errors.Join(errs...)
}

// Probe makes a device and takes it away again. What it finds becomes part of the facts of later reads.
func (p *Plane) Probe(ctx context.Context) (overlay.Capabilities, error) {
	if err := ctx.Err(); err != nil {
		return overlay.Capabilities{}, err
	}
	p.caps = overlay.Capabilities{Plane: Kind, Kernel: release(), MaxSegments: MaxSegments, Missing: map[string]string{
		"bridges": "the userspace VTEP carries one host a segment, at layer 3", "endpoints": "the userspace VTEP bears no endpoints"}}
	if p.o.NoKernel != "" {
		p.caps.Missing[MissingKernel] = p.o.NoKernel
	}
	if err := p.system.try(); err != nil {
		p.caps.Missing["tunnels"] = err.Error()
		return p.caps, fmt.Errorf("probe the userspace VTEP of %s on %s: %w", p.o.Node, runtime.GOOS, err)
	}
	p.caps.Tunnels, p.caps.Suppress, p.caps.IPv6, p.caps.IPv6Underlay = true, true, true, true
	return p.caps, nil
}

// Read tells what is held: devices and addresses as the system has them, the rest as it was written. A segment whose device was taken away is
// gone, and Read lets go of what was left of it.
func (p *Plane) Read(ctx context.Context) (overlay.Observed, error) {
	if err := ctx.Err(); err != nil {
		return overlay.Observed{}, err
	}
	devices, err := p.system.devices()
	if err != nil {
		return overlay.Observed{}, fmt.Errorf("userspace VTEP of %s: %w", p.o.Node, err)
	}
	byName := map[string]deviceState{}
	for _, d := range devices {
		byName[d.name] = d
	}
	out := overlay.Observed{Node: p.o.Node}
	ours := map[string]bool{}
	for vni, s := range p.segments {
		d, there := byName[s.name]
		if !there || s.dead.Load() {
			p.o.Log.Warn("a segment's device was taken away", "node", p.o.Node, "vni", vni, "device", s.name)
			if err := p.closeSegment(s); err != nil {
				p.o.Log.Warn("device let go with an error", "device", s.name, "error", err)
			}
			continue
		}
		ours[s.name] = true
		out.Objects = p.read(out.Objects, vni, d)
	}
	slices.SortFunc(out.Objects, overlay.CompareObjects)
	out.Foreign = foreign(devices, ours)
	out.Facts = p.facts(devices, ours)
	return out, nil
}

// read appends what is held of one segment.
func (p *Plane) read(list []overlay.Object, vni overlay.VNI, d deviceState) []overlay.Object {
	c := p.configs[vni]
	tunnel := c.tunnel
	tunnel.MTU = d.mtu
	if !d.up {
		tunnel.Flaw = "down"
	}
	list = append(c.objects(list, vni), tunnel)
	for _, ip := range d.addresses {
		list = c.address(list, vni, ip)
	}
	return list
}

// foreign are the devices in our way: those called as ours, and VXLAN devices of the kernel, which take their UDP port for themselves whatever
// their VNI.
func foreign(devices []deviceState, ours map[string]bool) (list []overlay.Foreign) {
	for _, d := range devices {
		var vni overlay.VNI
		n, _ := fmt.Sscanf(d.name, "ob%06x", &vni)
		named := n == 1 && d.name == overlay.TunnelName(vni)
		if ours[d.name] || !named && !d.vxlan {
			continue
		}
		list = append(list, overlay.Foreign{Name: d.name, Kind: cmp.Or(d.kind, "device"), Port: d.port, VTEP: d.vtep, Owner: d.owner})
	}
	return list
}

// facts is what the node tells about itself. Without a VTEP, the underlay is the first device that is up and not the loopback.
func (p *Plane) facts(devices []deviceState, ours map[string]bool) overlay.Facts {
	f := overlay.Facts{Devices: len(devices), At: time.Now(), Capability: p.caps, MissingVTEP: p.o.VTEP.IsValid()}
	for _, d := range devices {
		if ours[d.name] {
			continue
		}
		bears := false
		for _, a := range d.addresses {
			f.Addresses = append(f.Addresses, a.Addr())
			bears = bears || a.Addr() == p.o.VTEP
		}
		if bears || !p.o.VTEP.IsValid() && f.Device == "" && d.up && !d.loopback {
			f.Device, f.Underlay, f.MissingVTEP = d.name, d.mtu, false
		}
	}
	return f
}

// closeSegment takes a segment's device away, and closes its socket when it was the last there.
func (p *Plane) closeSegment(s *segment) error {
	u := s.underlay.Load()
	left := u.leave(s)
	p.probes.leave(s)
	err := s.close()
	delete(p.segments, s.vni)
	delete(p.configs, s.vni)
	if left == 0 {
		delete(p.underlays, u.addr)
		err = errors.Join(err, u.close())
	}
	return err
}
