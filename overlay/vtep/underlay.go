//go:build linux || darwin

package vtep

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// batchSize is how many datagrams go through the socket, or packets through a device, in one call: what a device cuts out of 64 KiB.
const batchSize = 128

// batchConn is a socket that takes many datagrams in a call (sendmmsg(2), recvmmsg(2)); where the system has no such call, one.
type batchConn interface {
	ReadBatch(messages []ipv4.Message, flags int) (int, error)
	WriteBatch(messages []ipv4.Message, flags int) (int, error)
}

// underlay is one UDP socket that segments share.
type underlay struct {
	addr     netip.AddrPort
	conn     *net.UDPConn
	batch    batchConn
	cut      atomic.Bool // the system cuts one large send into datagrams
	count    *counters
	segments atomic.Pointer[map[overlay.VNI]*segment]
	reading  sync.WaitGroup
}

// openUnderlay opens the socket and starts to read it.
func openUnderlay(s *system, addr netip.AddrPort, count *counters) (*underlay, error) {
	conn, err := s.listen(addr, tuneSocket)
	if err != nil {
		return nil, fmt.Errorf("open UDP socket %s: %w", addr, err)
	}
	u := &underlay{addr: addr, conn: conn, count: count}
	if addr.Addr().Is4() {
		u.batch = ipv4.NewPacketConn(conn)
	} else {
		u.batch = ipv6.NewPacketConn(conn)
	}
	u.cut.Store(canCut(conn))
	u.segments.Store(&map[overlay.VNI]*segment{})
	u.reading.Go(u.read)
	return u, nil
}

// close closes the socket and waits until it is no longer read.
func (u *underlay) close() error {
	err := u.conn.Close()
	u.reading.Wait()
	return err
}

// join lets what comes for a segment reach it.
func (u *underlay) join(s *segment) {
	m := maps.Clone(*u.segments.Load())
	m[s.vni] = s
	u.segments.Store(&m)
}

// leave ends that, and tells how many segments are left.
func (u *underlay) leave(s *segment) int {
	m := maps.Clone(*u.segments.Load())
	if m[s.vni] == s {
		delete(m, s.vni)
	}
	u.segments.Store(&m)
	return len(m)
}

// send sends one datagram.
func (u *underlay) send(datagram []byte, to *net.UDPAddr) {
	if _, err := u.conn.WriteToUDP(datagram, to); err != nil {
		u.count.failed.Add(1)
		return
	}
	u.count.sent.Add(1)
}

// Bounds of what the system cuts: UDP_MAX_SEGMENTS was 64 before Linux 6.9, and a datagram has at most 64 KiB.
const (
	cutMost  = 64
	cutBytes = 65000
)

// outbox gathers datagrams and sends them together. Not safe for concurrent use.
type outbox struct {
	u        *underlay
	messages []ipv4.Message
	sizes    []int // of the first datagram of each message
	bytes    []int // of all of them
}

// add adds a datagram. It is used until flush.
func (o *outbox) add(datagram []byte, to *net.UDPAddr) {
	if last := len(o.messages) - 1; last >= 0 && o.u.cut.Load() {
		m := &o.messages[last]
		n := len(m.Buffers)
		whole := len(m.Buffers[n-1]) == o.sizes[last] // a shorter one ends a message
		if m.Addr == net.Addr(to) && whole && len(datagram) <= o.sizes[last] && n < cutMost && o.bytes[last]+len(datagram) <= cutBytes {
			m.Buffers = append(m.Buffers, datagram)
			o.bytes[last] += len(datagram)
			return
		}
	}
	var m ipv4.Message
	if len(o.messages) < cap(o.messages) { // its lists are used again
		m = o.messages[:len(o.messages)+1][len(o.messages)]
	}
	m.Buffers, m.OOB, m.Addr = append(m.Buffers[:0], datagram), m.OOB[:0], to
	o.messages, o.sizes, o.bytes = append(o.messages, m), append(o.sizes, len(datagram)), append(o.bytes, len(datagram))
}

// flush sends what was added.
func (o *outbox) flush() {
	for i := range o.messages {
		if m := &o.messages[i]; len(m.Buffers) > 1 {
			m.OOB = appendCut(m.OOB[:0], o.sizes[i])
		}
	}
	for rest := o.messages; len(rest) > 0; {
		n, err := o.u.batch.WriteBatch(rest, 0)
		n = max(n, 0)
		for i := range rest[:n] {
			o.u.count.sent.Add(uint64(len(rest[i].Buffers)))
		}
		rest = rest[n:]
		switch {
		case err == nil && n > 0:
		case errors.Is(err, net.ErrClosed) || len(rest) == 0:
			o.u.count.failed.Add(uint64(len(rest)))
			rest = nil
		default:
			o.refused(&rest[0], err)
			rest = rest[1:]
		}
	}
	o.messages, o.sizes, o.bytes = o.messages[:0], o.sizes[:0], o.bytes[:0]
}

// refused handles a message that the system did not take: one to be cut is sent again in pieces, since the device below may not cut, or a route may
// have become too narrow.
func (o *outbox) refused(m *ipv4.Message, err error) {
	if len(m.Buffers) == 1 {
		o.u.count.failed.Add(1)
		return
	}
	if cannotCut(err) {
		o.u.cut.Store(false)
	}
	for _, b := range slices.Clone(m.Buffers) {
		o.u.send(b, m.Addr.(*net.UDPAddr))
	}
}
