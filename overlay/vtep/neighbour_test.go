//go:build linux || darwin

package vtep

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/overlay"
)

func TestOnePacketIsKeptForANeighbour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := &counters{}
		n, to := newNeighbours(count), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2)}
		packet := []byte("one")
		for i, want := range []bool{true, false, false} { // one question a second
			if _, found, ask := n.find(peer4, packet); found || ask != want {
				t.Errorf("find %d: found %v, ask %v, want %v", i, found, ask, want)
			}
			copy(packet, "two") // the kept packet is a copy
		}
		if got := count.unresolved.Load(); got != 2 {
			t.Errorf("%d packets gave way, want 2", got)
		}
		time.Sleep(askAgain)
		if _, _, ask := n.find(peer4, []byte("last")); !ask {
			t.Error("a second later it is not asked again")
		}
		if got := n.answer(peer4, peerMAC, to); string(got) != "last" {
			t.Errorf("answer gave %q, want the last packet", got)
		}
		if h, found, ask := n.find(peer4, nil); !found || ask || h.mac != peerMAC || h.to != to {
			t.Errorf("find = %+v, %v, %v, want the answer", h, found, ask)
		}
		time.Sleep(refreshAfter + time.Second)
		if _, found, ask := n.find(peer4, nil); !found || !ask {
			t.Errorf("an old answer: found %v, ask %v, want both", found, ask)
		}
		time.Sleep(learnedFor)
		if _, found, _ := n.find(peer4, nil); found {
			t.Error("an answer is believed for ever")
		}
	})
}

func TestAnswersThatNobodyAskedForAreNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, to := newNeighbours(&counters{}), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2)}
		n.answer(peer4, peerMAC, to)
		if _, found, _ := n.find(peer4, []byte("x")); found {
			t.Error("unasked news was believed")
		}
		n.answer(peer4, overlay.MAC{1}, to)
		n.answer(peer4, overlay.MAC{}, to)
		if _, found, _ := n.find(peer4, nil); found {
			t.Error("a group or nothing was believed to be a neighbour")
		}
		time.Sleep(pendingFor)
		if got := n.answer(peer4, peerMAC, to); got != nil {
			t.Errorf("an answer after %s released %q, which is too old", pendingFor, got)
		}
		n.forget(map[netip.Addr]*net.UDPAddr{vtepThere: to})
		if _, found, _ := n.find(peer4, nil); !found {
			t.Error("a neighbour at a VTEP that stays was forgotten")
		}
		n.forget(nil)
		if _, found, _ := n.find(peer4, nil); found {
			t.Error("a neighbour at a VTEP that left is still known")
		}
	})
}

func TestStrangersCannotFillTheTables(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := &counters{}
		n, to := newNeighbours(count), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2)}
		ip := peer4
		for range maxPending + 5 {
			n.find(ip, []byte("x"))
			ip = ip.Next()
		}
		if len(n.pending) > maxPending || count.unresolved.Load() != 5 {
			t.Errorf("%d neighbours wait and %d packets were dropped, want at most %d and 5", len(n.pending), count.unresolved.Load(), maxPending)
		}
		time.Sleep(pendingFor)
		if _, _, ask := n.find(ip, []byte("x")); !ask || len(n.pending) != 1 {
			t.Errorf("after %s: ask %v, %d wait, want only the new one", pendingFor, ask, len(n.pending))
		}
		for range maxLearned + 5 {
			n.find(ip, nil)
			n.answer(ip, peerMAC, to)
			ip = ip.Next()
		}
		if len(n.learned) > maxLearned {
			t.Errorf("%d neighbours are known, want at most %d", len(n.learned), maxLearned)
		}
	})
}
