package bot_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
)

// tap takes the frames that come in a segment of a node. A frame is known by the last byte of its sender's MAC.
type tap struct{ fd int }

func startTap(t *testing.T, s *netlab.Space, vni overlay.VNI) *tap {
	t.Helper()
	x := &tap{}
	err := s.Do(func() (err error) {
		const all = unix.ETH_P_ALL
		if x.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all<<8); err != nil {
			return err
		}
		dev, err := net.InterfaceByName(overlay.TunnelName(vni))
		if err == nil {
			err = unix.Bind(x.fd, &unix.SockaddrLinklayer{Protocol: all << 8, Ifindex: dev.Index})
		}
		return errors.Join(err, unix.SetsockoptTimeval(x.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	})
	if err != nil {
		t.Fatalf("tap %s of %s: %v", overlay.TunnelName(vni), s.Name, err)
	}
	t.Cleanup(func() { _ = unix.Close(x.fd) }) // it was only read
	return x
}

// until reads until a frame with the mark comes, and returns all injected marks that came before it.
func (x *tap) until(t *testing.T, mark byte) (before []byte) {
	t.Helper()
	frame := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(x.fd, frame, 0)
		if err != nil {
			t.Errorf("no frame with mark %d came, before it %v: %v", mark, before, err)
			return before
		}
		if n < 12 || frame[6] != 2 || frame[7] != 0x99 {
			continue
		}
		if frame[11] == mark {
			return before
		}
		before = append(before, frame[11])
	}
}

// inject sends a frame with a mark into a segment of a node by hand, as whoever can reach its port may.
func inject(t *testing.T, from, to *netlab.Space, vni overlay.VNI, mark byte) {
	t.Helper()
	packet := append([]byte{8, 0, 0, 0, byte(vni >> 16), byte(vni >> 8), byte(vni), 0}, make([]byte, 60)...)
	copy(packet[8:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0x99, 0, 0, 0, mark, 0x88, 0xb5})
	err := from.Do(func() error {
		c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to.Addr, overlay.DefaultPort)))
		if err != nil {
			return err
		}
		_, err = c.Write(packet)
		return errors.Join(err, c.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	from.Ping(t, to.Addr, true) // what was sent before it has come, or was dropped
}

// TestSegmentGuard makes a segment by words and injects into it: a stranger is not heard, a new member is, a foreign tunnel is not cut off, and
// with the last segment the guard goes.
func TestSegmentGuard(t *testing.T) {
	t.Parallel()
	x := startTunnelled(t, 3, "")
	victim, member, stranger := x.lab.Nodes[0], x.lab.Nodes[1], x.lab.Nodes[2]
	if able := x.Gate().Status("edge-1").Report.Facts.Capability; !able.PacketFilter {
		t.Skipf("no nftables on this kernel: %s", able.Missing["packet filter"])
	}
	x.told(t, "create segment studio-a of acme with vni 5001 on edge-1 and edge-2", door.OK, "VNI 5001")
	in := startTap(t, victim, 5001)
	inject(t, stranger, victim, 5001, 1)
	inject(t, member, victim, 5001, 2)
	if before := in.until(t, 2); len(before) > 0 {
		t.Errorf("a stranger's frame came in: %v", before)
	}
	x.passes(t, 0, 1, "1422", true)

	x.told(t, "attach edge-3 to studio-a", door.OK, "edge-3 is 100.83.137.4")
	inject(t, stranger, victim, 5001, 3)
	in.until(t, 3)
	x.passes(t, 2, 0, "1422", true)
	x.told(t, "verify segment studio-a", door.OK, "6/6 pairs ok")

	// A tunnel of somebody else on the same port appears, with ends that are nobody's of ours, and is heard.
	x.told(t, "detach edge-3 from studio-a", door.OK)
	theirs := []string{"type", "vxlan", "id", "77", "local", victim.Addr.String(), "remote", stranger.Addr.String(), "dstport", "4789", "nolearning"}
	guarded := x.Gate().Status(victim.Name).Report.Objects
	victim.Run(t, "ip", append([]string{"link", "add", "foreign77"}, theirs...)...)
	theirs[5], theirs[7] = theirs[7], theirs[5]
	stranger.Run(t, "ip", append([]string{"link", "add", "foreign77"}, theirs...)...)
	for i, n := range []*netlab.Space{victim, stranger} {
		n.Run(t, "ip", "address", "add", fmt.Sprintf("198.51.100.%d/24", i+1), "dev", "foreign77")
		n.Run(t, "ip", "link", "set", "dev", "foreign77", "up")
	}
	x.reported(t, victim.Name, "no longer guards", func(s agent.Status) bool { return len(s.Report.Foreign) > 0 && s.Report.Objects == guarded-2 })
	stranger.Ping(t, netip.MustParseAddr("198.51.100.1"), true)
	victim.Run(t, "ip", "link", "delete", "foreign77")
	x.reported(t, victim.Name, "guards again", func(s agent.Status) bool { return len(s.Report.Foreign) == 0 && s.Report.Objects == guarded })
	inject(t, stranger, victim, 5001, 4)
	inject(t, member, victim, 5001, 5)
	if before := in.until(t, 5); len(before) > 0 {
		t.Errorf("a stranger's frame came in: %v", before)
	}
	x.told(t, "delete segment studio-a", door.OK)
	for _, n := range x.lab.Nodes {
		if s := x.Gate().Status(n.Name).Report; s.Objects != 0 {
			t.Errorf("%s still holds %d objects", n.Name, s.Objects)
		}
	}
}

// reported waits for what a node's agent says.
func (x *tunnelled) reported(t *testing.T, node, what string, ok func(agent.Status) bool) {
	t.Helper()
	wait, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if s, err := x.Gate().Wait(wait, node, ok); err != nil {
		t.Fatalf("%s: want that it %s: %v\n%s", node, what, err, strings.Join(append(s.Report.Failed, fmt.Sprintf("%+v", s.Report)), "\n"))
	}
}
