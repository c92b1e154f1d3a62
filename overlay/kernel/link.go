//go:build linux

package kernel

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// link is a device as the kernel tells of it.
type link struct {
	index, master, mtu, group uint32
	name, kind, alias         string
	up                        bool
	mac                       overlay.MAC
	vni                       overlay.VNI
	port                      uint16
	vtep                      netip.Addr
	learning, all             bool // of a VXLAN device: learns from traffic; takes all VNIs
	slave                     bool // is a bridge's port
	portLearning, suppress    bool
	stp                       bool
}

// ifinfo is the fixed header of a link message (struct ifinfomsg of rtnetlink(7)).
func ifinfo(index, flags, change uint32) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], index)
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], change)
	return b
}

// skipStats asks a dump of links to leave out the counters (RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h).
const skipStats = 1 << 3

// readLinks reads all devices of the namespace into list, whose room and words are used again: from one pass to the next little changes.
func readLinks(c *conn, list []link) ([]link, error) {
	list = list[:0]
	w := writer{b: ifinfo(0, 0, 0)}
	w.u32(unix.IFLA_EXT_MASK, skipStats)
	err := c.dump(unix.RTM_GETLINK, w.b, func(m message) {
		if m.kind == 0 {
			list = list[:0]
			return
		}
		n := len(list)
		if n == cap(list) {
			list = slices.Grow(list, n+1)
		}
		if list = list[:n+1]; !list[n].parse(m) {
			list = list[:n]
		}
	})
	return list, err
}

// parseLink reads a link message. It tells false for what is not one.
func parseLink(m message) (l link, ok bool) {
	ok = l.parse(m)
	return l, ok
}

// parse reads a link message over what l was before. It tells false for what is not one.
func (l *link) parse(m message) bool {
	if m.kind != unix.RTM_NEWLINK || len(m.body) < unix.SizeofIfInfomsg {
		return false
	}
	name, alias := l.name, l.alias
	*l = link{index: u32(m.body[4:]), up: u32(m.body[8:])&unix.IFF_UP != 0}
	err := attributes(m.body[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.name = text(v, name)
		case unix.IFLA_IFALIAS:
			l.alias = text(v, alias)
		case unix.IFLA_MASTER:
			l.master = u32(v)
		case unix.IFLA_MTU:
			l.mtu = u32(v)
		case unix.IFLA_GROUP:
			l.group = u32(v)
		case unix.IFLA_ADDRESS:
			copy(l.mac[:], v)
		case unix.IFLA_LINKINFO:
			l.parseInfo(v)
		}
	})
	return err == nil
}

// parseInfo reads what is told of the kind of device, and of the kind of its master.
func (l *link) parseInfo(b []byte) {
	var data, slaveData []byte
	var slaveKind string
	_ = attributes(b, func(kind uint16, v []byte) { // broken attributes leave the device without a kind: foreign
		switch kind {
		case unix.IFLA_INFO_KIND:
			l.kind = text(v, "vxlan", "bridge", "veth")
		case unix.IFLA_INFO_DATA:
			data = v
		case unix.IFLA_INFO_SLAVE_KIND:
			slaveKind = text(v, "bridge")
		case unix.IFLA_INFO_SLAVE_DATA:
			slaveData = v
		}
	})
	switch l.kind {
	case "vxlan":
		l.parseVXLAN(data)
	case "bridge":
		_ = attributes(data, func(kind uint16, v []byte) {
			if kind == unix.IFLA_BR_STP_STATE {
				l.stp = u32(v) != 0
			}
		})
	}
	if slaveKind == "bridge" {
		l.slave = true
		_ = attributes(slaveData, func(kind uint16, v []byte) {
			switch kind {
			case unix.IFLA_BRPORT_LEARNING:
				l.portLearning = isOn(v)
			case unix.IFLA_BRPORT_NEIGH_SUPPRESS:
				l.suppress = isOn(v)
			}
		})
	}
}

func (l *link) parseVXLAN(b []byte) {
	_ = attributes(b, func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_VXLAN_ID:
			l.vni = overlay.VNI(u32(v))
		case unix.IFLA_VXLAN_PORT:
			if len(v) >= 2 {
				l.port = binary.BigEndian.Uint16(v)
			}
		case unix.IFLA_VXLAN_LOCAL, unix.IFLA_VXLAN_LOCAL6:
			l.vtep, _ = netip.AddrFromSlice(v)
		case unix.IFLA_VXLAN_LEARNING:
			l.learning = isOn(v)
		case unix.IFLA_VXLAN_COLLECT_METADATA:
			l.all = isOn(v)
		}
	})
}

// text is a string that ends with a zero byte; one of the likely ones where it is equal to that, which saves making it.
func text(v []byte, likely ...string) string {
	v = bytes.TrimRight(v, "\x00")
	for _, s := range likely {
		if s == string(v) {
			return s
		}
	}
	return string(v)
}

func u32(v []byte) uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}

func isOn(v []byte) bool { return len(v) > 0 && v[0] != 0 }
