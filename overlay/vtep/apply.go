//go:build linux || darwin

package vtep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// How often a member that moved is announced, and the time between, as the kernel plane does.
const (
	announcements    = 3
	announcementRest = 20 * time.Millisecond
)

// Apply carries out changes in their order. What packets are looked up in is changed at its end, at once for each segment, so that no packet meets
// half of a change. Then the members that moved here are announced.
//
// What a device needs is not tried when the device could not be made: the report names the device alone.
func (p *Plane) Apply(ctx context.Context, changes overlay.Changes) (overlay.Report, error) {
	a := applier{p: p, alias: fmt.Sprintf("opsbot %s %d", p.o.Instance, changes.Generation), drafts: map[overlay.VNI]*config{}, broken: map[overlay.VNI]bool{}}
	began := time.Now()
	var r overlay.Report
	for _, c := range changes.List {
		if err := ctx.Err(); err != nil {
			a.publish()
			r.Took = time.Since(began)
			return r, err
		}
		if a.broken[c.Object.VNI] && c.Op != overlay.Remove {
			continue
		}
		if err := a.change(c); err != nil {
			r.Failed = append(r.Failed, overlay.Failure{Change: c, Err: fmt.Sprintf("%s: %v", c, err)})
			continue
		}
		r.Applied++
	}
	a.publish()
	if err := p.announce(ctx, changes.Announce); err != nil {
		p.o.Log.Warn("members that moved here were not announced", "node", p.o.Node, "error", err)
	}
	r.Took = time.Since(began)
	return r, nil
}

// applier carries out one list of changes.
type applier struct {
	p      *Plane
	alias  string
	drafts map[overlay.VNI]*config
	broken map[overlay.VNI]bool // whose device could not be made
}

// draft is the config of a segment as it will be.
func (a *applier) draft(vni overlay.VNI) *config {
	d := a.drafts[vni]
	if d == nil {
		d = newConfig()
		if c := a.p.configs[vni]; c != nil {
			d = c.clone()
		}
		a.drafts[vni] = d
	}
	return d
}

// errEndpoints says that this plane has no ports.
var errEndpoints = errors.New("the userspace VTEP bears no endpoints: the node itself is the one host of a segment")

// change carries out one change.
func (a *applier) change(c overlay.Change) error {
	o, remove := c.Object, c.Op == overlay.Remove
	switch o.Kind {
	case overlay.Tunnel:
		if remove {
			return a.removeTunnel(o.VNI)
		}
		if err := a.tunnel(o); err != nil {
			a.broken[o.VNI] = true
			return err
		}
		return nil
	case overlay.Address:
		return a.address(o, remove)
	case overlay.Port, overlay.EndpointAddress:
		if remove {
			return nil
		}
		return errEndpoints
	}
	if remove && a.p.configs[o.VNI] == nil && a.drafts[o.VNI] == nil {
		return nil // it went with its device
	}
	d := a.draft(o.VNI)
	before := maps.Clone(d.addresses)
	if !d.entry(o, remove) {
		return fmt.Errorf("the userspace VTEP knows no %s", o.Kind)
	}
	for k := range before { // that went with the bridge
		if s := a.p.segments[o.VNI]; s != nil && !d.bears(k.ip) {
			if err := a.p.system.removeAddress(s.name, k.ip); err != nil {
				return err
			}
		}
	}
	return nil
}

// tunnel makes the device of a segment, or lets it be as it must.
func (a *applier) tunnel(o overlay.Object) error {
	p := a.p
	o.Flaw = ""
	u, err := p.underlay(netip.AddrPortFrom(o.VTEP, o.Port))
	if err != nil {
		return err
	}
	defer p.idle(u)
	if s := p.segments[o.VNI]; s != nil {
		if err := p.system.setDevice(s.name, o.MTU); err != nil {
			return err
		}
		if old := s.underlay.Load(); old != u {
			u.join(s)
			s.underlay.Store(u)
			old.leave(s)
			p.idle(old)
		}
		a.draft(o.VNI).tunnel = o
		return nil
	}
	if len(p.segments) >= MaxSegments {
		return fmt.Errorf("the userspace VTEP holds %d segments at most", MaxSegments)
	}
	device, name, err := p.system.open(overlay.TunnelName(o.VNI), a.alias, o.MTU)
	if err != nil {
		return err
	}
	d := a.draft(o.VNI)
	d.tunnel = o
	p.configs[o.VNI] = d.clone()
	s := newSegment(o.VNI, name, device, u, d.table(o.VNI), p.count)
	s.probes = p.probes
	p.segments[o.VNI] = s
	p.probes.join(s)
	u.join(s)
	return nil
}

// removeTunnel takes a segment away.
func (a *applier) removeTunnel(vni overlay.VNI) error {
	delete(a.drafts, vni)
	if s := a.p.segments[vni]; s != nil {
		return a.p.closeSegment(s)
	}
	return nil
}

// address gives a device an address or takes it.
func (a *applier) address(o overlay.Object, remove bool) error {
	s := a.p.segments[o.VNI]
	switch {
	case s == nil && remove:
		return nil // it went with its device
	case s == nil:
		return errors.New("the segment has no device")
	}
	d := a.draft(o.VNI)
	put(d.addresses, on{o.IP, o.Bare}, true, remove)
	switch {
	case !remove:
		return a.p.system.addAddress(s.name, o.IP)
	case d.bears(o.IP):
		return nil // it only moved between bridge and bare tunnel, which are one device here
	}
	return a.p.system.removeAddress(s.name, o.IP)
}

// publish lets packets be looked up in what was drafted.
func (a *applier) publish() {
	for vni, d := range a.drafts {
		s := a.p.segments[vni]
		if s == nil {
			continue // the device could not be made
		}
		a.p.configs[vni] = d
		t := d.table(vni)
		s.table.Store(t)
		s.neighbours.forget(t.peers)
	}
	clear(a.drafts)
}

// underlay is the socket at an address, opened when it is the first time.
func (p *Plane) underlay(addr netip.AddrPort) (*underlay, error) {
	if u := p.underlays[addr]; u != nil {
		return u, nil
	}
	u, err := openUnderlay(p.system, addr, p.count)
	if err != nil {
		return nil, err
	}
	p.underlays[addr] = u
	return u, nil
}

// idle closes a socket that no segment uses.
func (p *Plane) idle(u *underlay) {
	if len(*u.segments.Load()) > 0 || p.underlays[u.addr] != u {
		return
	}
	delete(p.underlays, u.addr)
	if err := u.close(); err != nil {
		p.o.Log.Warn("socket let go with an error", "socket", u.addr, "error", err)
	}
}

// announce tells the others of members that moved here (their sequence is not 0).
func (p *Plane) announce(ctx context.Context, list []overlay.Announcement) error {
	moved := list[:0:0]
	for _, a := range list {
		if a.Member.Sequence != 0 && p.segments[a.VNI] != nil {
			moved = append(moved, a)
		}
	}
	for round := 0; round < announcements && len(moved) > 0; round++ {
		if round > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(announcementRest):
			}
		}
		for _, a := range moved {
			p.segments[a.VNI].announce(a.Member.IPs)
		}
	}
	return nil
}
