//go:build linux

package kernel

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// Apply carries out changes in their order, many in a datagram, and then lets the members that are new here be heard.
//
// What a device needs is not tried when the device could not be made: the report names the device alone.
func (p *Plane) Apply(ctx context.Context, changes overlay.Changes) (overlay.Report, error) {
	a := applier{p: p, list: changes.List, generation: changes.Generation, failed: map[int]error{}, done: map[int]bool{}, awake: map[string]bool{}, broken: map[overlay.VNI]bool{}, began: time.Now()}
	a.batch = newBatch(p.c, a.fail)
	for at := 0; at < len(a.list); {
		if err := ctx.Err(); err != nil {
			return a.report(at), err
		}
		end := at + 1
		for end < len(a.list) && stage(a.list[end]) == stage(a.list[at]) {
			end++
		}
		err := a.run(at, end)
		if err == nil {
			err = a.batch.flush()
		}
		if err != nil {
			return a.report(at), fmt.Errorf("apply changes to %s: %w", p.o.Node, err)
		}
		at = end
	}
	if err := p.announce(ctx, changes.Announce); err != nil {
		p.o.Log.Warn("members that moved here were not announced", "node", p.o.Node, "error", err)
	}
	return a.report(len(a.list)), nil
}

// stage is what may be sent together: making and removing of one kind, and the removal of all devices.
func stage(c overlay.Change) int {
	switch {
	case c.Op != overlay.Remove:
		return max(int(c.Object.Kind), int(overlay.Tunnel)) // bridges with their tunnels
	case c.Object.Kind <= overlay.Port:
		return 100
	}
	return 100 + int(c.Object.Kind)
}

// applier carries out one list of changes.
type applier struct {
	p          *Plane
	list       []overlay.Change
	generation uint64
	batch      *batch
	failed     map[int]error
	skipped    int
	awake      map[string]bool      // devices whose IPv6 is known to be on
	done       map[int]bool         // made together with what they belong to
	addresses  map[string][]int     // of endpoints, by the port's name
	broken     map[overlay.VNI]bool // whose bridge or tunnel could not be made
	began      time.Time
}

// fail notes that the kernel refused a request of the change with number who.
func (a *applier) fail(who int, err error) {
	c := a.list[who]
	if c.Op == overlay.Remove && isGone(err) {
		return
	}
	if c.Op != overlay.Remove && (c.Object.Kind == overlay.Bridge || c.Object.Kind == overlay.Tunnel) {
		a.broken[c.Object.VNI] = true
	}
	if a.failed[who] == nil {
		a.failed[who] = err
	}
}

// report tells what came of the first n changes.
func (a *applier) report(n int) overlay.Report {
	r := overlay.Report{Applied: n - len(a.failed) - a.skipped, Took: time.Since(a.began)}
	for i := range n {
		if err := a.failed[i]; err != nil {
			r.Failed = append(r.Failed, overlay.Failure{Change: a.list[i], Err: fmt.Sprintf("%s: %v", a.list[i], err)})
		}
	}
	return r
}

// run carries out the changes from at to end, which are of one stage.
func (a *applier) run(at, end int) error {
	c := a.list[at]
	if c.Object.Kind == overlay.Guard {
		return a.guardChanges(at, end)
	}
	if c.Op == overlay.Remove {
		if c.Object.Kind <= overlay.Port {
			return a.removeDevices(at, end)
		}
		return a.each(at, end, a.removeEntry)
	}
	switch c.Object.Kind {
	case overlay.Bridge, overlay.Tunnel:
		return a.makeDevices(at, end)
	case overlay.Port:
		return a.each(at, end, a.makePort)
	case overlay.EndpointAddress:
		return a.each(at, end, a.endpointAddress)
	}
	return a.each(at, end, a.putEntry)
}

// each calls do for each change whose devices could be made.
func (a *applier) each(at, end int, do func(who int, c overlay.Change) error) error {
	for i := at; i < end; i++ {
		if a.failed[i] != nil || a.done[i] {
			continue
		}
		if a.broken[a.list[i].Object.VNI] && a.list[i].Op != overlay.Remove {
			a.skipped++
			continue
		}
		if err := do(i, a.list[i]); err != nil {
			return err
		}
	}
	return nil
}

// makeDevices makes or changes bridges and tunnels: first they come to be, down; then IPv6 is switched off on them, since it costs more than all
// the rest; then they get the alias that makes them ours, and go up. A bridge goes up after its tunnel: one that has no port when it goes up
// drops what it is given until the kernel's link watch comes round.
func (a *applier) makeDevices(at, end int) error {
	err := a.each(at, end, func(who int, c overlay.Change) error {
		if c.Op == overlay.Replace {
			if err := a.batch.request(who, unix.RTM_DELLINK, 0, func(w *writer) { w.b = append(w.b, ifinfo(a.index(c.Object), 0, 0)...) }); err != nil {
				return err
			}
			delete(a.p.odd, c.Object.Device())
		}
		if c.Op == overlay.Set {
			return nil
		}
		return a.batch.request(who, unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, func(w *writer) { a.create(w, c.Object) })
	})
	if err == nil {
		err = a.batch.flush()
	}
	if err != nil {
		return err
	}
	if err := a.quietIPv6(at, end); err != nil {
		return err
	}
	first := at
	for first < end && a.list[first].Object.Kind == overlay.Bridge {
		first++
	}
	if err := a.each(first, end, a.finish); err != nil {
		return err
	}
	return a.each(at, first, func(who int, c overlay.Change) error {
		if err := a.finish(who, c); err != nil || first-at > settled {
			return err
		}
		return a.settle(who, c.Object)
	})
}

// settled is how many bridges are made at most with a look after each.
const settled = 64

// index is the index of the device that o is or lies on: as it was read, or as we would choose it.
func (a *applier) index(o overlay.Object) uint32 {
	return a.p.indexOf(o.Device(), o.VNI)
}

// create writes the request that makes a bridge or a tunnel, down.
func (a *applier) create(w *writer, o overlay.Object) {
	w.b = append(w.b, ifinfo(a.index(o), 0, 0)...)
	w.text(unix.IFLA_IFNAME, o.Device())
	w.u32(unix.IFLA_GROUP, Group)
	w.u32(unix.IFLA_MTU, uint32(o.MTU))
	w.bytes(unix.IFLA_ADDRESS, o.MAC[:])
	if o.Kind == overlay.Tunnel && !o.Bare {
		w.u32(unix.IFLA_MASTER, a.index(overlay.Object{Kind: overlay.Bridge, VNI: o.VNI}))
	}
	w.nest(unix.IFLA_LINKINFO, func() {
		if o.Kind == overlay.Bridge {
			w.text(unix.IFLA_INFO_KIND, "bridge")
			w.nest(unix.IFLA_INFO_DATA, func() {
				w.u8(unix.IFLA_BR_MCAST_SNOOPING, 0)     // a segment is small: multicast goes to all, without a querier
				w.u16(unix.IFLA_BR_VLAN_DEFAULT_PVID, 0) // or each entry would be made a second time for VLAN 1
			})
			return
		}
		w.text(unix.IFLA_INFO_KIND, "vxlan")
		w.nest(unix.IFLA_INFO_DATA, func() {
			w.u32(unix.IFLA_VXLAN_ID, uint32(o.VNI))
			w.u16(unix.IFLA_VXLAN_PORT, o.Port<<8|o.Port>>8) // in network order
			w.vxlan(o)
		})
	})
}

// vxlan writes what of a tunnel can be changed later, too.
func (w *writer) vxlan(o overlay.Object) {
	kind := uint16(unix.IFLA_VXLAN_LOCAL6)
	if o.VTEP.Is4() {
		kind = unix.IFLA_VXLAN_LOCAL
	}
	w.bytes(kind, o.VTEP.AsSlice())
	w.u8(unix.IFLA_VXLAN_LEARNING, 0)
}

// finish writes the requests that bring a device to what it must be, whatever it was before.
func (a *applier) finish(who int, c overlay.Change) error {
	o := c.Object
	if c.Op == overlay.Set && o.Kind == overlay.Tunnel && (c.Have.VTEP != o.VTEP || c.Have.Flaw != "") {
		err := a.batch.request(who, unix.RTM_NEWLINK, 0, func(w *writer) {
			w.b = append(w.b, ifinfo(a.index(o), 0, 0)...)
			w.nest(unix.IFLA_LINKINFO, func() {
				w.text(unix.IFLA_INFO_KIND, "vxlan")
				w.nest(unix.IFLA_INFO_DATA, func() { w.vxlan(o) })
			})
		})
		if err != nil {
			return err
		}
	}
	if c.Op == overlay.Set { // a port's role is refused as long as it is in no bridge: that comes first
		if err := a.batch.request(who, unix.RTM_NEWLINK, 0, func(w *writer) { a.restore(w, o, c.Have) }); err != nil {
			return err
		}
	}
	return a.batch.request(who, unix.RTM_NEWLINK, 0, func(w *writer) {
		w.b = append(w.b, ifinfo(a.index(o), unix.IFF_UP, unix.IFF_UP)...)
		w.text(unix.IFLA_IFALIAS, a.p.alias(a.generation, o.Endpoint))
		if !o.Bare {
			w.nest(unix.IFLA_LINKINFO, func() { w.role(o.Kind, c.Op) })
		}
	})
}

// restore writes the request that gives a device back what it got when it was made. A MAC that is right is not written: a bridge
// forgets its neighbours then.
func (a *applier) restore(w *writer, o, have overlay.Object) {
	w.b = append(w.b, ifinfo(a.index(o), 0, 0)...)
	w.u32(unix.IFLA_GROUP, Group)
	w.u32(unix.IFLA_MTU, uint32(o.MTU))
	if o.MAC != have.MAC {
		w.bytes(unix.IFLA_ADDRESS, o.MAC[:])
	}
	switch {
	case o.Bare:
		w.u32(unix.IFLA_MASTER, 0)
	case o.Kind != overlay.Bridge:
		w.u32(unix.IFLA_MASTER, a.index(overlay.Object{Kind: overlay.Bridge, VNI: o.VNI}))
	}
}

// role writes what a device is in its bridge: nothing is learned, and a tunnel hears no question that the bridge can answer.
func (w *writer) role(kind overlay.Kind, op overlay.Op) {
	if kind == overlay.Bridge {
		if op == overlay.Set {
			w.text(unix.IFLA_INFO_KIND, "bridge")
			w.nest(unix.IFLA_INFO_DATA, func() { w.u32(unix.IFLA_BR_STP_STATE, 0) })
		}
		return
	}
	w.text(unix.IFLA_INFO_SLAVE_KIND, "bridge")
	w.nest(unix.IFLA_INFO_SLAVE_DATA, func() {
		w.u8(unix.IFLA_BRPORT_LEARNING, 0)
		if kind == overlay.Tunnel {
			w.u8(unix.IFLA_BRPORT_NEIGH_SUPPRESS, 1)
		}
	})
}

// removeDevices removes the devices of the changes from at to end: a few one by one, more of them by group at once, which waits for the
// kernel's grace period once instead of for each.
func (a *applier) removeDevices(at, end int) error {
	foreign := a.p.foreignDoomed()
	single := end-at < 3 || foreign
	for i := at; i < end; i++ {
		o := a.list[i].Object
		index := a.index(o)
		err := a.batch.request(i, kindOfRemoval(single), 0, func(w *writer) {
			w.b = append(w.b, ifinfo(index, 0, 0)...)
			if !single {
				w.u32(unix.IFLA_GROUP, doomed)
			}
		})
		if err != nil {
			return err
		}
		delete(a.p.odd, o.Device())
	}
	if single {
		return nil
	}
	return a.batch.request(at, unix.RTM_DELLINK, 0, func(w *writer) {
		w.b = append(w.b, ifinfo(0, 0, 0)...)
		w.u32(unix.IFLA_GROUP, doomed)
	})
}

// kindOfRemoval is the request for each device: to go, or to join the group that goes.
func kindOfRemoval(single bool) uint16 {
	if single {
		return unix.RTM_DELLINK
	}
	return unix.RTM_NEWLINK
}

// foreignDoomed tells whether a device that is not ours lies in the group that we delete by.
func (p *Plane) foreignDoomed() bool {
	links, err := readLinks(p.c, nil)
	if err != nil {
		return true
	}
	for _, l := range links {
		if l.group == doomed && !strings.HasPrefix(l.alias, p.mark) {
			return true
		}
	}
	return false
}
