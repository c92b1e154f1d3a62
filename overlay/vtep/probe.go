//go:build linux || darwin

package vtep

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sync/errgroup"
)

// Timing of probes, that of the kernel plane.
const (
	probeTries  = 3
	probeWait   = 100 * time.Millisecond
	probeWidth  = 64               // pairs probed at the same time
	probeMemory = 90 * time.Second // how long a peer that asked counts as heard
)

// probes is what segments and probers share. Safe for concurrent use.
type probes struct {
	mu       sync.Mutex
	segments map[overlay.VNI]*segment
	waiting  map[uint64]chan probeAnswer
	heard    map[heard]time.Time
}

// probeAnswer is an answer and when it came.
type probeAnswer struct {
	frame overlay.ProbeFrame
	at    time.Time
}

// heard is a peer that asked us in a segment.
type heard struct {
	vni  overlay.VNI
	peer netip.Addr
}

func newProbes() *probes {
	return &probes{segments: map[overlay.VNI]*segment{}, waiting: map[uint64]chan probeAnswer{}, heard: map[heard]time.Time{}}
}

// join lets probers use a segment.
func (p *probes) join(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.segments[s.vni] = s
}

// leave ends that.
func (p *probes) leave(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.segments, s.vni)
	for h := range p.heard {
		if h.vni == s.vni {
			delete(p.heard, h)
		}
	}
}

// segment is the segment of a VNI, or nil.
func (p *probes) segment(vni overlay.VNI) *segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.segments[vni]
}

// answered gives an answer to who waits for it.
func (p *probes) answered(f overlay.ProbeFrame) {
	p.mu.Lock()
	ch := p.waiting[f.Nonce]
	p.mu.Unlock()
	select {
	case ch <- probeAnswer{f, time.Now()}:
	default: // nobody waits any more, or it is the second
	}
}

// asked notes that a peer asked us.
func (p *probes) asked(vni overlay.VNI, peer netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard[heard{vni, peer}] = time.Now()
}

// lately tells whether a peer asked us a short while ago.
func (p *probes) lately(vni overlay.VNI, peer netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.heard[heard{vni, peer}]
	return ok && time.Since(at) < probeMemory
}

// Prober sends probes inside the segments of a [Plane], as the kernel's prober does; probes of others are answered by the plane itself. How large a
// packet may be is asked with DF set, which no hop may cut. Safe for concurrent use.
type Prober struct {
	node   string
	probes *probes
	whole  *net.UDPConn // sends with DF
}

// Prober opens what the plane needs to probe. The options' VTEP is required.
func (p *Plane) Prober() (*Prober, error) {
	if !p.o.VTEP.IsValid() {
		return nil, fmt.Errorf("prober of %s: no VTEP", p.o.Node)
	}
	whole, err := p.system.listen(netip.AddrPortFrom(p.o.VTEP, 0), keepWhole)
	if err != nil {
		return nil, fmt.Errorf("prober of %s: %w", p.o.Node, err)
	}
	return &Prober{node: p.o.Node, probes: p.probes, whole: whole}, nil
}

// Close closes the socket.
func (p *Prober) Close() error { return p.whole.Close() }

// Probe probes each target and returns the results in the same order. A pair costs a round trip when it is well, and up to two seconds when a
// hidden hop has to be measured. The error is that of ctx.
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
	r := overlay.ProbeResult{Target: t, From: p.node, State: overlay.PairDown, At: time.Now()}
	for try := 0; ; try++ {
		if try == probeTries || ctx.Err() != nil {
			if p.probes.lately(t.VNI, t.VTEP) {
				r.State = overlay.PairOneWay
			}
			return r
		}
		if a, rtt, ok := p.ask(ctx, t, 0); ok {
			r.RTT, r.Answered = rtt, a.frame.Node
			switch {
			case t.Node != "" && a.frame.Node != t.Node:
				r.State = overlay.PairWrongNode
			case a.frame.VNI != t.VNI:
				r.State = overlay.PairWrongVNI
			default:
				p.measure(ctx, &r)
			}
			return r
		}
	}
}

// measure finds out whether full packets pass, and by binary search how large those are that do.
func (p *Prober) measure(ctx context.Context, r *overlay.ProbeResult) {
	passes := func(size int) bool {
		for range probeTries {
			a, _, ok := p.ask(ctx, r.Target, size)
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

// ask sends one question and waits for its answer. A question of size 0 goes the way that traffic goes, others with DF set.
func (p *Prober) ask(ctx context.Context, t overlay.ProbeTarget, size int) (probeAnswer, time.Duration, bool) {
	s := p.probes.segment(t.VNI)
	if s == nil {
		return probeAnswer{}, 0, false
	}
	look := s.table.Load()
	to := look.peers[t.VTEP]
	if to == nil {
		return probeAnswer{}, 0, false
	}
	question := overlay.ProbeFrame{VNI: t.VNI, Nonce: rand.Uint64(), Node: p.node}
	ch := make(chan probeAnswer, 1)
	p.probes.wait(question.Nonce, ch)
	defer p.probes.wait(question.Nonce, nil)
	datagram := sealed(t.VNI, overlay.VTEPMAC(t.VTEP), look.probe, overlay.ProbeEthertype, question.Append(nil, size))
	began := time.Now()
	if size == 0 {
		s.underlay.Load().send(datagram, to)
	} else if _, err := p.whole.WriteToUDP(datagram, to); errors.Is(err, syscall.EMSGSIZE) {
		return probeAnswer{}, 0, false // it does not even leave this node: no answer is to be waited for
	}
	timer := time.NewTimer(probeWait)
	defer timer.Stop()
	select {
	case a := <-ch:
		return a, a.at.Sub(began), true
	case <-timer.C:
	case <-ctx.Done():
	}
	return probeAnswer{}, 0, false
}

// wait notes who waits for an answer; nil is nobody.
func (p *probes) wait(nonce uint64, ch chan probeAnswer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	put(p.waiting, nonce, ch, ch == nil)
}
