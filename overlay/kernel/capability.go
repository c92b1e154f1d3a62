//go:build linux

package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// Kind is what [overlay.Capabilities] calls this data plane.
const Kind = "kernel device per VNI"

// Probe tries each feature in a network namespace made for it, which vanishes with everything in it. What is missing is told with the
// kernel's own words. The answer becomes part of the facts of later reads.
func (p *Plane) Probe(ctx context.Context) (overlay.Capabilities, error) {
	if err := ctx.Err(); err != nil {
		return overlay.Capabilities{}, err
	}
	caps := overlay.Capabilities{Plane: Kind, MaxSegments: MaxSegments, Missing: map[string]string{}}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		caps.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	err := inScratch(func() error {
		c, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = c.close() }() // the namespace goes with it
		for _, f := range features(&caps) {
			if err := try(c, f); err != nil {
				caps.Missing[f.name] = err.Error()
			} else {
				*f.has = true
			}
		}
		return nil
	})
	if err != nil {
		return caps, fmt.Errorf("probe the kernel of %s: %w", p.o.Node, err)
	}
	if !caps.Tunnels || !caps.Bridges {
		err = fmt.Errorf("probe the kernel of %s: no VXLAN devices (%s) or bridges (%s)", p.o.Node, caps.Missing["tunnels"], caps.Missing["bridges"])
	}
	p.caps = caps
	return caps, err
}

// feature is one thing to try: a request, or a check of another kind.
type feature struct {
	name  string
	has   *bool
	kind  uint16
	flags uint16
	body  func(w *writer)
	check func() error
}

// Devices of the scratch namespace.
const (
	scratchBridge = iota + 1001
	scratchTunnel
	scratchOther
	scratchAll
)

// features are the things to try, in their order: later ones stand on earlier ones.
func features(caps *overlay.Capabilities) []feature {
	const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	vtep4, vtep6 := []byte{192, 0, 2, 1}, append([]byte{0x20, 0x01, 0x0d, 0xb8}, make([]byte, 12)...)
	return []feature{
		{name: "bridges", has: &caps.Bridges, kind: unix.RTM_NEWLINK, flags: create, body: func(w *writer) { scratchDevice(w, scratchBridge, "bridge", nil) }},
		{name: "tunnels", has: &caps.Tunnels, kind: unix.RTM_NEWLINK, flags: create, body: func(w *writer) {
			scratchDevice(w, scratchTunnel, "vxlan", func() { w.u32(unix.IFLA_VXLAN_ID, 4097); w.bytes(unix.IFLA_VXLAN_LOCAL, vtep4) })
		}},
		{name: "ipv6 underlay", has: &caps.IPv6Underlay, kind: unix.RTM_NEWLINK, flags: create, body: func(w *writer) {
			scratchDevice(w, scratchOther, "vxlan", func() { w.u32(unix.IFLA_VXLAN_ID, 4098); w.bytes(unix.IFLA_VXLAN_LOCAL6, vtep6) })
		}},
		{name: "ipv6", has: &caps.IPv6, check: func() error { _, err := os.Stat("/proc/sys/net/ipv6/conf/default/disable_ipv6"); return err }},
		{name: "suppression", has: &caps.Suppress, kind: unix.RTM_NEWLINK, body: func(w *writer) {
			w.b = append(w.b, ifinfo(scratchTunnel, 0, 0)...)
			w.u32(unix.IFLA_MASTER, scratchBridge)
		}},
		{name: "suppression", has: &caps.Suppress, kind: unix.RTM_NEWLINK, body: func(w *writer) {
			w.b = append(w.b, ifinfo(scratchTunnel, 0, 0)...)
			w.nest(unix.IFLA_LINKINFO, func() { w.role(overlay.Tunnel, overlay.Add) })
		}},
		{name: "endpoints", has: &caps.Endpoints, kind: unix.RTM_NEWLINK, flags: create, body: func(w *writer) { scratchDevice(w, scratchAll+1, "veth", nil) }},
		{name: "vlan filtering", has: &caps.VLANFiltering, kind: unix.RTM_NEWLINK, body: func(w *writer) {
			w.b = append(w.b, ifinfo(scratchBridge, 0, 0)...)
			w.nest(unix.IFLA_LINKINFO, func() {
				w.text(unix.IFLA_INFO_KIND, "bridge")
				w.nest(unix.IFLA_INFO_DATA, func() { w.u8(unix.IFLA_BR_VLAN_FILTERING, 1) })
			})
		}},
		{name: "vni filter", has: &caps.VNIFilter, kind: unix.RTM_NEWLINK, flags: create, body: func(w *writer) {
			scratchDevice(w, scratchAll, "vxlan", func() {
				w.u16(unix.IFLA_VXLAN_PORT, 0x3930) // any other: 12345
				w.u8(unix.IFLA_VXLAN_COLLECT_METADATA, 1)
				w.u8(unix.IFLA_VXLAN_VNIFILTER, 1)
				w.u8(unix.IFLA_VXLAN_LEARNING, 0)
			})
		}},
		{name: "source vni", has: &caps.SourceVNI, kind: unix.RTM_NEWNEIGH, flags: unix.NLM_F_CREATE, body: func(w *writer) {
			w.b = append(w.b, ndmsg(unix.AF_BRIDGE, scratchAll, unix.NUD_PERMANENT, unix.NTF_SELF)...)
			w.bytes(unix.NDA_LLADDR, []byte{2, 0, 0, 0, 0, 1})
			w.bytes(unix.NDA_DST, vtep4)
			w.u32(unix.NDA_SRC_VNI, 4099)
		}},
		{name: "group delete", has: &caps.GroupDelete, kind: unix.RTM_DELLINK, body: func(w *writer) {
			w.b = append(w.b, ifinfo(0, 0, 0)...)
			w.u32(unix.IFLA_GROUP, Group)
		}},
		{name: "packet filter", has: &caps.PacketFilter, check: packetFilter},
	}
}

// scratchDevice writes the request that makes a device of the kind given in the scratch namespace.
func scratchDevice(w *writer, index uint32, kind string, data func()) {
	w.b = append(w.b, ifinfo(index, 0, 0)...)
	w.u32(unix.IFLA_GROUP, Group)
	w.nest(unix.IFLA_LINKINFO, func() {
		w.text(unix.IFLA_INFO_KIND, kind)
		if data != nil {
			w.nest(unix.IFLA_INFO_DATA, data)
		}
	})
}

// try sends the request of one feature and returns the kernel's answer.
func try(c *conn, f feature) (answer error) {
	if f.check != nil {
		return f.check()
	}
	b := newBatch(c, func(_ int, err error) { answer = err })
	if err := b.request(0, f.kind, f.flags, f.body); err != nil {
		return err
	}
	return errors.Join(b.flush(), answer)
}

// packetFilter tells whether the kernel has nftables.
func packetFilter() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // it held nothing
	c := &conn{fd: fd, buf: make([]byte, 1<<13)}
	const getTables = 10<<8 | 1 // NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE
	return c.dump(getTables, []byte{unix.AF_UNSPEC, 0, 0, 0}, func(message) {})
}
