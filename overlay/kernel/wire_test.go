//go:build linux

package kernel

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

func TestMessagesSurviveTheWire(t *testing.T) {
	t.Parallel()
	w := writer{}
	w.begin(unix.RTM_NEWLINK, unix.NLM_F_REQUEST, 7)
	w.b = append(w.b, ifinfo(tunnelIndex|5001, unix.IFF_UP, 0)...)
	w.text(unix.IFLA_IFNAME, "ob001389")
	w.text(unix.IFLA_IFALIAS, "opsbot test 1")
	w.u32(unix.IFLA_GROUP, Group)
	w.bytes(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1})
	w.nest(unix.IFLA_LINKINFO, func() {
		w.text(unix.IFLA_INFO_KIND, "vxlan")
		w.nest(unix.IFLA_INFO_DATA, func() {
			w.u32(unix.IFLA_VXLAN_ID, 5001)
			w.u16(unix.IFLA_VXLAN_PORT, 0xb512)
			w.bytes(unix.IFLA_VXLAN_LOCAL, []byte{192, 0, 2, 1})
			w.u8(unix.IFLA_VXLAN_LEARNING, 1)
		})
		w.text(unix.IFLA_INFO_SLAVE_KIND, "bridge")
		w.nest(unix.IFLA_INFO_SLAVE_DATA, func() { w.u8(unix.IFLA_BRPORT_NEIGH_SUPPRESS, 1) })
	})
	w.end()
	w.begin(unix.RTM_DELLINK, 0, 8)
	w.end()
	var seen []uint32
	err := split(w.b, func(m message) error {
		seen = append(seen, m.seq)
		got, ok := parseLink(m)
		if m.seq != 7 {
			return nil
		}
		want := link{index: tunnelIndex | 5001, name: "ob001389", alias: "opsbot test 1", group: Group, kind: "vxlan", up: true, mac: overlay.MAC{2, 0, 0, 0, 0, 1},
			vni: 5001, port: 4789, vtep: netip.MustParseAddr("192.0.2.1"), learning: true, slave: true, suppress: true}
		if !ok || got != want {
			t.Errorf("parseLink = %+v, %v, want %+v", got, ok, want)
		}
		return nil
	})
	if d := cmp.Diff([]uint32{7, 8}, seen); err != nil || d != "" {
		t.Errorf("split: %v (-want +got):\n%s", err, d)
	}
}

func TestFailuresSpeak(t *testing.T) {
	t.Parallel()
	body := []byte{0xef, 0xff, 0xff, 0xff, 36, 0, 0, 0, 16, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0} // -17, then the header of the request
	w := writer{}
	w.text(unix.NLMSGERR_ATTR_MSG, "a device exists")
	for _, c := range []struct {
		name string
		m    message
		want error
		text string
	}{
		{"an acknowledgement", message{body: []byte{0, 0, 0, 0}}, nil, ""},
		{"words", message{body: append(append([]byte(nil), body...), w.b...), flags: unix.NLM_F_CAPPED | unix.NLM_F_ACK_TLVS}, syscall.EEXIST, "file exists (a device exists)"},
		{"no words", message{body: body, flags: unix.NLM_F_CAPPED}, syscall.EEXIST, "file exists"},
		{"cut", message{body: body[:2]}, errBroken, "broken netlink message"},
		{"a request that is said to be longer than it is", message{body: body, flags: unix.NLM_F_ACK_TLVS}, syscall.EEXIST, "file exists"},
	} {
		err := c.m.failure()
		if !errors.Is(err, c.want) || err != nil && err.Error() != c.text {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.want, c.text)
		}
	}
}

// FuzzSplit gives the parsers any bytes: the kernel is trusted, but a fault here would end the agent.
func FuzzSplit(f *testing.F) {
	w := writer{}
	w.begin(unix.RTM_NEWNEIGH, 0, 1)
	w.b = append(w.b, ndmsg(unix.AF_BRIDGE, 5, unix.NUD_PERMANENT, unix.NTF_SELF)...)
	w.bytes(unix.NDA_DST, []byte{192, 0, 2, 1})
	w.end()
	f.Add(w.b)
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = split(b, func(m message) error {
			_, _ = parseLink(m)
			_, _ = parseNeighbour(m)
			_ = concerns(m)
			_ = m.failure()
			return nil
		})
	})
}

func TestNamesTellTheVNI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, prefix string
		want         overlay.VNI
	}{
		{overlay.TunnelName(5001), "ob", 5001}, {overlay.BridgeName(overlay.LastVNI), "obb", overlay.LastVNI},
		{overlay.PortName(5001, "box"), "obp", 5001}, {overlay.BridgeName(5001), "ob", 0}, {"eth0", "ob", 0}, {"ob1389", "ob", 0}, {"obXYZXYZ", "ob", 0},
	} {
		if got := nameVNI(c.name, c.prefix); got != c.want || len(c.name) > 15 {
			t.Errorf("nameVNI(%q, %q) = %d, want %d", c.name, c.prefix, got, c.want)
		}
	}
}

func TestAnnouncementsAreWellFormed(t *testing.T) {
	t.Parallel()
	mac := overlay.MAC{2, 0, 0, 0, 0, 9}
	arp := announceFrame(mac, netip.MustParseAddr("100.64.0.9"))
	if len(arp) != 42 || arp[12] != 8 || arp[13] != 6 || arp[21] != 1 || overlay.MAC(arp[22:28]) != mac {
		t.Errorf("ARP: %x", arp)
	}
	na := announceFrame(mac, netip.MustParseAddr("fd00::9"))
	from, to := netip.MustParseAddr("fd00::9"), netip.MustParseAddr("ff02::1")
	if len(na) != 86 || na[54] != 136 || checksum6(from, to, na[54:]) != 0 {
		t.Errorf("NA: %x, checksum over all %x, want 0", na, checksum6(from, to, na[54:]))
	}
}
