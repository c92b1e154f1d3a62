//go:build linux

package kernel_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
)

// inject sends a frame into a segment from a node that is no member, as whoever can reach the port may.
func inject(t *testing.T, from *netlab.Space, to netip.Addr, vni overlay.VNI) {
	t.Helper()
	packet := []byte{8, 0, 0, 0, byte(vni >> 16), byte(vni >> 8), byte(vni), 0}
	frame := make([]byte, 60)
	copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x66, 8, 0, 0x45})
	copy(frame[26:], []byte{100, 64, 0, 66, 100, 64, 0, 2}) // from and to
	err := from.Do(func() error {
		c, err := net.Dial("udp4", netip.AddrPortFrom(to, overlay.DefaultPort).String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(append(packet, frame...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGuardDropsWhatStrangersInject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	s := w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	victim, stranger := w.Lab.Nodes[0], w.Lab.Nodes[2]
	stranger.Ping(t, victim.Addr, true)
	open := watchFrames(t, victim, overlay.TunnelName(5001))
	inject(t, stranger, victim.Addr, 5001)
	if n := open(); n != 1 {
		t.Fatalf("%d injected frames came in without a guard, want 1: the test is blind", n)
	}
	caps, err := w.Planes[0].Probe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !caps.PacketFilter {
		t.Skipf("no nftables: %s", caps.Missing["packet filter"])
	}
	guarded := func() overlay.Changes {
		t.Helper()
		want := w.Desired(0)
		want.Guard = true
		have, err := w.Planes[0].Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		changes := overlay.Diff(want, have)
		report, err := w.Planes[0].Apply(context.Background(), changes)
		if err != nil || len(report.Failed) > 0 {
			t.Fatal(err, report.Failed)
		}
		return changes
	}
	if got, want := guarded().String(), "+ guard: 192.0.2.1 may send to UDP port 4789\n+ guard: 192.0.2.2 may send to UDP port 4789\n"; got != want {
		t.Errorf("plan:\n%s, want\n%s", got, want)
	}
	if again := guarded(); !again.Empty() {
		t.Errorf("a second pass would do\n%s", again)
	}
	shut := watchFrames(t, victim, overlay.TunnelName(5001))
	inject(t, stranger, victim.Addr, 5001)
	if n := shut(); n != 0 {
		t.Errorf("%d injected frames came in through the guard", n)
	}
	w.PingAll(t, s)
	w.Attach(t, s, 2, "") // a stranger no more
	w.Pass(t, 1)
	w.Pass(t, 2)
	if got := guarded().String(); !strings.HasPrefix(got, "+ guard: 192.0.2.3 may send") {
		t.Errorf("the guard is not the first to change:\n%s", got)
	}
	w.PingAll(t, s)
	if got := w.Pass(t, 0).String(); strings.Count(got, "- guard") != 3 {
		t.Errorf("without a guard wanted:\n%s", got)
	}
	if again := w.Pass(t, 0); !again.Empty() {
		t.Errorf("a second pass would do\n%s", again)
	}
}
