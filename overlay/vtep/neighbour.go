//go:build linux || darwin

package vtep

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/shitops/opsbot/overlay"
)

// Bounds of what is found by asking. A strange network can make a node ask, and answer it, as often as it likes.
const (
	maxLearned   = 1024
	maxPending   = 256
	learnedFor   = 60 * time.Second // then it is asked for again
	pendingFor   = 3 * time.Second  // then the packet is dropped (RFC 4861 section 10: three tries, a second each)
	askAgain     = time.Second      // at most one question a neighbour in this time
	refreshAfter = learnedFor / 2
)

// neighbours is what was found by asking. Safe for concurrent use.
type neighbours struct {
	count *counters

	mu      sync.Mutex
	learned map[netip.Addr]learned
	pending map[netip.Addr]pending
}

// learned is a neighbour that answered.
type learned struct {
	hop
	at time.Time
}

// pending is a neighbour that was asked for, and the latest packet to it.
type pending struct {
	packet []byte
	since  time.Time // of the packet
	asked  time.Time
}

func newNeighbours(count *counters) *neighbours {
	return &neighbours{count: count, learned: map[netip.Addr]learned{}, pending: map[netip.Addr]pending{}}
}

// find tells where a neighbour is. When that is not known, the packet is kept; ask tells whether the neighbour is to be asked for now.
func (n *neighbours) find(ip netip.Addr, packet []byte) (to hop, found, ask bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if l, ok := n.learned[ip]; ok {
		if age := now.Sub(l.at); age < learnedFor {
			if age > refreshAfter {
				ask = n.ask(ip, nil, now)
			}
			return l.hop, true, ask
		}
		delete(n.learned, ip)
	}
	return hop{}, false, n.ask(ip, packet, now)
}

// ask notes that a neighbour is wanted, with the packet that waits for it, and tells whether it is time for a question.
func (n *neighbours) ask(ip netip.Addr, packet []byte, now time.Time) bool {
	p, known := n.pending[ip]
	if !known && len(n.pending) >= maxPending {
		n.sweep(now)
		if len(n.pending) >= maxPending {
			n.count.unresolved.Add(1)
			return false
		}
	}
	if packet != nil {
		if p.packet != nil {
			n.count.unresolved.Add(1)
		}
		p.packet, p.since = append(make([]byte, 0, len(packet)), packet...), now
	}
	due := now.Sub(p.asked) >= askAgain
	if due {
		p.asked = now
	}
	n.pending[ip] = p
	return due
}

// sweep drops what waits in vain.
func (n *neighbours) sweep(now time.Time) {
	for ip, p := range n.pending {
		if now.Sub(p.asked) >= pendingFor {
			if p.packet != nil {
				n.count.unresolved.Add(1)
			}
			delete(n.pending, ip)
		}
	}
}

// answer notes where a neighbour is, when it was asked for or is known, and returns the packet that waited for it. It does not take news of others:
// what nobody asked for is not believed.
func (n *neighbours) answer(ip netip.Addr, mac overlay.MAC, to *net.UDPAddr) (packet []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	p, asked := n.pending[ip]
	_, known := n.learned[ip]
	if !asked && !known || mac.IsZero() || mac[0]&1 != 0 {
		return nil
	}
	if !known && len(n.learned) >= maxLearned {
		for other, l := range n.learned {
			if now.Sub(l.at) >= learnedFor || len(n.learned) >= maxLearned {
				delete(n.learned, other)
			}
		}
	}
	n.learned[ip] = learned{hop{mac, to}, now}
	delete(n.pending, ip)
	if p.packet != nil && now.Sub(p.since) >= pendingFor {
		n.count.unresolved.Add(1)
		return nil
	}
	return p.packet
}

// forget drops everything that was found at a VTEP that peers no longer has.
func (n *neighbours) forget(peers map[netip.Addr]*net.UDPAddr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for ip, l := range n.learned {
		if peers[l.to.AddrPort().Addr().Unmap()] == nil {
			delete(n.learned, ip)
		}
	}
}
