//go:build linux

package kernel

import (
	"fmt"
	"os"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// makePort makes or changes the pair of devices between a bridge and an endpoint.
func (a *applier) makePort(who int, c overlay.Change) error {
	o := c.Object
	file, err := os.Open(a.p.endpointPath(o.Endpoint))
	if err != nil {
		a.fail(who, err)
		return nil
	}
	defer func() { _ = file.Close() }() // opened to be read: nothing can be lost
	name := o.Device()
	if have, ok := a.p.odd[name]; ok && c.Op == overlay.Replace {
		if err := a.batch.request(who, unix.RTM_DELLINK, 0, func(w *writer) { w.b = append(w.b, ifinfo(have, 0, 0)...) }); err != nil {
			return err
		}
		delete(a.p.odd, name)
	}
	if _, ok := a.p.odd[name]; !ok {
		index := a.p.ports
		a.p.ports++
		a.p.odd[name] = index
		err := a.batch.request(who, unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, func(w *writer) { a.createPort(w, index, o, int(file.Fd())) })
		if err != nil {
			return err
		}
	}
	if err := a.batch.flush(); err != nil { // what follows needs the device, and the file stays open until then
		return err
	}
	if a.failed[who] != nil {
		delete(a.p.odd, name)
		return nil
	}
	if err := within(a.p.o.Namespace, func() error { a.p.switchIPv6(name, false); return nil }); err != nil {
		return err
	}
	if err := a.finish(who, overlay.Change{Op: overlay.Set, Object: o, Have: o}); err != nil {
		return err
	}
	if err := a.batch.flush(); err != nil {
		return err
	}
	err = a.inside(who, o, func(b *batch, index uint32) error { // last: it finds a carrier, and works at once
		err := b.request(who, unix.RTM_NEWLINK, 0, func(w *writer) {
			w.b = append(w.b, ifinfo(index, unix.IFF_UP, unix.IFF_UP)...)
			w.u32(unix.IFLA_MTU, uint32(o.MTU))
		})
		for _, i := range a.addressesOf(o) {
			if err == nil {
				a.done[i] = true
				err = b.request(i, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, func(w *writer) { w.address(index, a.list[i].Object) })
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.settle(who, o)
}

// addressesOf are the changes that give addresses to the endpoint of a port: they are made in the same visit.
func (a *applier) addressesOf(o overlay.Object) []int {
	if a.addresses == nil {
		a.addresses = map[string][]int{}
		for i, c := range a.list {
			if c.Object.Kind == overlay.EndpointAddress && c.Op != overlay.Remove {
				a.addresses[c.Object.Device()] = append(a.addresses[c.Object.Device()], i)
			}
		}
	}
	return a.addresses[o.Device()]
}

// settle asks for a device that just went up: before it answers, the kernel does for it what its link watch would do a while later (since
// Linux 6.8; until then a device may drop what it is given for up to a second).
func (a *applier) settle(who int, o overlay.Object) error {
	return a.batch.request(who, unix.RTM_GETLINK, 0, func(w *writer) {
		w.b = append(w.b, ifinfo(a.index(o), 0, 0)...)
		w.u32(unix.IFLA_EXT_MASK, skipStats)
	})
}

// createPort writes the request that makes a pair of devices, one end in the bridge and one in the endpoint whose namespace fd is.
func (a *applier) createPort(w *writer, index uint32, o overlay.Object, fd int) {
	w.b = append(w.b, ifinfo(index, 0, 0)...)
	w.text(unix.IFLA_IFNAME, o.Device())
	w.u32(unix.IFLA_GROUP, Group)
	w.u32(unix.IFLA_MTU, uint32(o.MTU))
	w.u32(unix.IFLA_MASTER, a.index(overlay.Object{Kind: overlay.Bridge, VNI: o.VNI}))
	w.nest(unix.IFLA_LINKINFO, func() {
		w.text(unix.IFLA_INFO_KIND, "veth")
		w.nest(unix.IFLA_INFO_DATA, func() {
			w.nest(vethPeer, func() {
				w.b = append(w.b, ifinfo(0, 0, 0)...)
				w.text(unix.IFLA_IFNAME, EndpointDevice(o.VNI))
				w.u32(unix.IFLA_MTU, uint32(o.MTU))
				w.bytes(unix.IFLA_ADDRESS, o.MAC[:])
				w.u32(unix.IFLA_NET_NS_FD, uint32(fd))
			})
		})
	})
}

// vethPeer is VETH_INFO_PEER of linux/veth.h.
const vethPeer = 1

// inside calls do with a batch in the namespace of o's endpoint and the index of the segment's device there.
func (a *applier) inside(who int, o overlay.Object, do func(b *batch, index uint32) error) error {
	err := within(a.p.endpointPath(o.Endpoint), func() error {
		c, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = c.close() }() // it held nothing
		links, err := readLinks(c, nil)
		if err != nil {
			return err
		}
		b := newBatch(c, a.fail)
		for _, l := range links {
			if l.name != EndpointDevice(o.VNI) {
				continue
			}
			if err := do(b, l.index); err != nil {
				return err
			}
			return b.flush()
		}
		return fmt.Errorf("endpoint %s: no %s inside", o.Endpoint, EndpointDevice(o.VNI))
	})
	if err != nil {
		a.fail(who, err)
	}
	return nil
}

// endpointAddress gives an endpoint an address.
func (a *applier) endpointAddress(who int, c overlay.Change) error {
	return a.inside(who, c.Object, func(b *batch, index uint32) error {
		return b.request(who, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, func(w *writer) { w.address(index, c.Object) })
	})
}
