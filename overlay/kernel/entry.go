//go:build linux

package kernel

import (
	"encoding/binary"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// putEntry makes an address, a forwarding entry, a neighbour or a place in a flood list be as it must.
func (a *applier) putEntry(who int, c overlay.Change) error {
	o := c.Object
	if c.Op == overlay.Set && (o.Kind == overlay.Flood || o.Kind == overlay.TunnelMAC && c.Have.Flaw != "") {
		if err := a.removeEntry(who, overlay.Change{Op: overlay.Remove, Object: c.Have}); err != nil {
			return err
		}
	}
	if needsIPv6(o) {
		if err := a.wakeIPv6(o); err != nil {
			return err
		}
	}
	kind, flags := uint16(unix.RTM_NEWNEIGH), uint16(unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	switch o.Kind {
	case overlay.Address:
		kind = unix.RTM_NEWADDR
	case overlay.Flood:
		flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
	}
	return a.batch.request(who, kind, flags, func(w *writer) { a.entry(w, o) })
}

// removeEntry removes one.
func (a *applier) removeEntry(who int, c overlay.Change) error {
	if c.Object.Kind == overlay.EndpointAddress {
		return a.inside(who, c.Object, func(b *batch, index uint32) error {
			return b.request(who, unix.RTM_DELADDR, 0, func(w *writer) { w.address(index, c.Object) })
		})
	}
	kind := uint16(unix.RTM_DELNEIGH)
	if c.Object.Kind == overlay.Address {
		kind = unix.RTM_DELADDR
	}
	return a.batch.request(who, kind, 0, func(w *writer) { a.entry(w, c.Object) })
}

// entry writes the body that says which entry is meant and what it holds.
func (a *applier) entry(w *writer, o overlay.Object) {
	index := a.index(o)
	switch o.Kind {
	case overlay.Address:
		w.address(index, o)
	case overlay.Neighbour:
		w.b = append(w.b, ndmsg(family(o), index, unix.NUD_PERMANENT, 0)...)
		w.bytes(unix.NDA_DST, o.IP.Addr().AsSlice())
		w.bytes(unix.NDA_LLADDR, o.MAC[:])
	case overlay.BridgeMAC:
		w.b = append(w.b, ndmsg(unix.AF_BRIDGE, index, unix.NUD_NOARP, unix.NTF_MASTER)...)
		w.bytes(unix.NDA_LLADDR, o.MAC[:])
	default: // TunnelMAC and Flood, whose MAC is zero
		w.b = append(w.b, ndmsg(unix.AF_BRIDGE, index, unix.NUD_PERMANENT, unix.NTF_SELF)...)
		w.bytes(unix.NDA_LLADDR, o.MAC[:])
		w.bytes(unix.NDA_DST, o.VTEP.AsSlice())
	}
}

// family is the address family of o's address.
func family(o overlay.Object) uint8 {
	if o.IP.Addr().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// address writes the body of an address message (struct ifaddrmsg of rtnetlink(7)). An IPv6 address is used at once: we gave it to nobody
// else, so that there is no duplicate to be looked for.
func (w *writer) address(index uint32, o overlay.Object) {
	b := make([]byte, unix.SizeofIfAddrmsg)
	b[0], b[1] = family(o), uint8(o.IP.Bits())
	binary.NativeEndian.PutUint32(b[4:], index)
	if o.IP.Addr().Is6() {
		b[2] = unix.IFA_F_NODAD
	}
	w.b = append(w.b, b...)
	w.bytes(unix.IFA_LOCAL, o.IP.Addr().AsSlice())
	w.bytes(unix.IFA_ADDRESS, o.IP.Addr().AsSlice())
}
