//go:build linux

package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Timing of probes.
const (
	probeTries  = 3
	probeWait   = 100 * time.Millisecond
	probeWidth  = 64               // pairs probed at the same time
	probeMemory = 90 * time.Second // how long a peer that asked counts as heard
)

// Prober sends probes inside segments and answers those of others. A question goes the way that traffic goes: out of the tunnel device, by
// the forwarding entry of the peer's VTEP, and in by the peer's bridge. How large a packet may be is asked by packets of the same form with
// DF set, which no hop may cut. Safe for concurrent use.
type Prober struct {
	o      Options
	packet *os.File // hears and sends probes
	udp    int      // sends tunnelled packets with DF

	mu      sync.Mutex
	waiting map[uint64]chan answer
	heard   map[heard]time.Time
}

// answer is an answer and when it came.
type answer struct {
	frame overlay.ProbeFrame
	at    time.Time
}

// heard is a peer that asked us in a segment.
type heard struct {
	vni overlay.VNI
	mac overlay.MAC
}

// NewProber opens what a node needs to probe and to be probed. Node and VTEP of the options are required. Close it after Run has returned.
func NewProber(o Options) (*Prober, error) {
	if err := overlay.CheckName("node", o.Node); err != nil {
		return nil, err
	}
	if !o.VTEP.IsValid() {
		return nil, fmt.Errorf("prober of %s: no VTEP", o.Node)
	}
	if o.Port == 0 {
		o.Port = overlay.DefaultPort
	}
	fd, err := openPacket(o.Namespace, overlay.ProbeEthertype)
	if err != nil {
		return nil, fmt.Errorf("prober of %s: %w", o.Node, err)
	}
	udp, err := openDF(o)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("prober of %s: %w", o.Node, err)
	}
	return &Prober{o: o, packet: os.NewFile(uintptr(fd), "probes"), udp: udp, waiting: map[uint64]chan answer{}, heard: map[heard]time.Time{}}, nil
}

// openDF opens a UDP socket whose packets bear DF and are sent whatever is thought of the path's MTU (IP_PMTUDISC_PROBE of ip(7)).
func openDF(o Options) (fd int, err error) {
	err = within(o.Namespace, func() error {
		if o.VTEP.Is4() {
			if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err == nil {
				err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
			}
		} else {
			if fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err == nil {
				err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
			}
		}
		if err == nil {
			err = unix.Bind(fd, sockaddr(o.VTEP, 0))
		}
		if err != nil {
			return fmt.Errorf("open a socket on %s: %w", o.VTEP, err)
		}
		return nil
	})
	return fd, err
}

// sockaddr is an address as a system call takes it.
func sockaddr(ip netip.Addr, port uint16) unix.Sockaddr {
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: int(port), Addr: ip.As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: ip.As16()}
}

// Close closes the sockets.
func (p *Prober) Close() error {
	return errors.Join(p.packet.Close(), unix.Close(p.udp))
}

// Run answers probes and takes in answers until ctx ends. A node that does not run it is down to its peers.
func (p *Prober) Run(ctx context.Context) error {
	raw, err := p.packet.SyscallConn()
	if err != nil {
		return fmt.Errorf("prober of %s: %w", p.o.Node, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.packet.SetReadDeadline(time.Now()) }) // wakes the read below
	defer stop()
	buf := make([]byte, 1<<16)
	for ctx.Err() == nil {
		var n int
		var from unix.Sockaddr
		var got error
		err := raw.Read(func(fd uintptr) bool {
			n, from, got = unix.Recvfrom(int(fd), buf, 0)
			return !errors.Is(got, unix.EAGAIN)
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("prober of %s: %w", p.o.Node, err)
		case got != nil: // a device went down under it
			continue
		}
		if link, ok := from.(*unix.SockaddrLinklayer); ok && n >= 14 {
			p.take(uint32(link.Ifindex), buf[:n])
		}
	}
	return nil
}

// take handles a frame that came in by the device with the index given.
func (p *Prober) take(index uint32, frame []byte) {
	vni := overlay.VNI(index & 0xffffff)
	if index&ourIndexes != bridgeIndex && index&ourIndexes != tunnelIndex {
		return
	}
	probe, err := overlay.ParseProbeFrame(frame[14:])
	if err != nil {
		return // a stranger's
	}
	now, peer := time.Now(), overlay.MAC(frame[6:12])
	if probe.Answer {
		p.mu.Lock()
		ch := p.waiting[probe.Nonce]
		p.mu.Unlock()
		select {
		case ch <- answer{probe, now}:
		default: // nobody waits any more, or it is the second
		}
		return
	}
	p.mu.Lock()
	p.heard[heard{vni, peer}] = now
	p.mu.Unlock()
	reply := overlay.ProbeFrame{Answer: true, VNI: vni, Size: len(frame) - 14, Nonce: probe.Nonce, Node: p.o.Node}
	_ = p.send(vni, peer, reply, 0) // the asker notices
}

// send sends a probe the way that traffic goes.
func (p *Prober) send(vni overlay.VNI, to overlay.MAC, probe overlay.ProbeFrame, size int) error {
	frame := probeHeader(to, overlay.VTEPMAC(p.o.VTEP))
	frame = probe.Append(frame, size)
	raw, err := p.packet.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = sendFrame(int(fd), tunnelIndex|int(vni), frame) }); err != nil {
		return err
	}
	return sent
}

// probeHeader is the Ethernet header of a probe.
func probeHeader(to, from overlay.MAC) []byte {
	frame := append(make([]byte, 0, 1600), to[:]...)
	frame = append(frame, from[:]...)
	return binary.BigEndian.AppendUint16(frame, overlay.ProbeEthertype)
}

// sendDF sends a probe of size bytes in a tunnelled packet of our own with DF set (the header of RFC 7348 section 5).
func (p *Prober) sendDF(t overlay.ProbeTarget, probe overlay.ProbeFrame, size int) error {
	packet := []byte{0x08, 0, 0, 0, byte(t.VNI >> 16), byte(t.VNI >> 8), byte(t.VNI), 0}
	packet = append(packet, probeHeader(overlay.VTEPMAC(t.VTEP), overlay.VTEPMAC(p.o.VTEP))...)
	return unix.Sendto(p.udp, probe.Append(packet, size), 0, sockaddr(t.VTEP, p.o.Port))
}

// Probe probes each target and returns the results in the same order. It needs [Prober.Run]. A pair costs a round trip when it is well, and
// up to two seconds when a hidden hop has to be measured. The error is that of ctx.
func (p *Prober) Probe(ctx context.Context, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	results := make([]overlay.ProbeResult, len(targets))
	var g errgroup.Group
	g.SetLimit(probeWidth)
	for i, t := range targets {
		g.Go(func() error {
			results[i] = p.pair(ctx, t)
			return ctx.Err()
		})
	}
	return results, g.Wait()
}

// pair probes one target.
func (p *Prober) pair(ctx context.Context, t overlay.ProbeTarget) overlay.ProbeResult {
	r := overlay.ProbeResult{Target: t, From: p.o.Node, State: overlay.PairDown, At: time.Now()}
	var first answer
	var rtt time.Duration
	ok := false
	for try := 0; try < probeTries && !ok && ctx.Err() == nil; try++ {
		first, rtt, ok = p.ask(ctx, t, func(probe overlay.ProbeFrame) error { return p.send(t.VNI, overlay.VTEPMAC(t.VTEP), probe, 0) })
	}
	if !ok {
		p.mu.Lock()
		if at, asked := p.heard[heard{t.VNI, overlay.VTEPMAC(t.VTEP)}]; asked && time.Since(at) < probeMemory {
			r.State = overlay.PairOneWay
		}
		p.mu.Unlock()
		return r
	}
	r.RTT, r.Answered = rtt, first.frame.Node
	switch {
	case t.Node != "" && first.frame.Node != t.Node:
		r.State = overlay.PairWrongNode
	case first.frame.VNI != t.VNI:
		r.State = overlay.PairWrongVNI
	default:
		p.measure(ctx, &r)
	}
	return r
}

// measure finds out whether full packets pass, and by binary search how large those are that do.
func (p *Prober) measure(ctx context.Context, r *overlay.ProbeResult) {
	passes := func(size int) bool {
		for range probeTries {
			a, _, ok := p.ask(ctx, r.Target, func(probe overlay.ProbeFrame) error { return p.sendDF(r.Target, probe, size) })
			if ok && a.frame.Size >= size {
				return true
			}
			if ctx.Err() != nil {
				return false
			}
		}
		return false
	}
	if passes(r.Target.MTU) {
		r.State, r.Passes = overlay.PairOK, r.Target.MTU
		return
	}
	low, high := overlay.ProbeMin, r.Target.MTU // low passes, high does not
	for high-low > 1 && ctx.Err() == nil {
		if middle := (low + high) / 2; passes(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	r.State, r.Passes, r.Hop = overlay.PairMTU, low, low+overlay.Overhead4
	if !r.Target.VTEP.Is4() {
		r.Hop = low + overlay.Overhead6
	}
}

// ask sends one question by send and waits for its answer.
func (p *Prober) ask(ctx context.Context, t overlay.ProbeTarget, send func(overlay.ProbeFrame) error) (answer, time.Duration, bool) {
	probe := overlay.ProbeFrame{VNI: t.VNI, Nonce: rand.Uint64(), Node: p.o.Node}
	ch := make(chan answer, 1)
	p.mu.Lock()
	p.waiting[probe.Nonce] = ch
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, probe.Nonce)
		p.mu.Unlock()
	}()
	began := time.Now()
	if err := send(probe); errors.Is(err, syscall.EMSGSIZE) {
		return answer{}, 0, false // it does not even leave this node: no answer is to be waited for
	}
	timer := time.NewTimer(probeWait)
	defer timer.Stop()
	select {
	case a := <-ch:
		return a, a.at.Sub(began), true
	case <-timer.C:
	case <-ctx.Done():
	}
	return answer{}, 0, false
}
