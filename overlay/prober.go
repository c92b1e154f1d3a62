package overlay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Timing of probes.
const (
	probeTries  = 3
	probeWait   = 100 * time.Millisecond
	probeWidth  = 64               // pairs probed at the same time
	probeMemory = 90 * time.Second // how long a peer that asked counts as heard
)

// Prober asks peers inside segments and takes in what comes back, whatever carries the frames: a data plane gives what it hears to
// [Prober.Take], and [Prober.Probe] the way to send. How large a packet may be is asked by packets that no hop may cut. Safe for concurrent use.
type Prober struct {
	node string

	mu      sync.Mutex
	waiting map[uint64]chan probeAnswer
	heard   map[probePeer]time.Time
}

// probeAnswer is an answer and when it came.
type probeAnswer struct {
	frame ProbeFrame
	at    time.Time
}

// probePeer is a peer that asked us in a segment.
type probePeer struct {
	vni VNI
	mac MAC
}

// NewProber returns the prober of a node, which nobody has asked yet.
func NewProber(node string) *Prober {
	return &Prober{node: node, waiting: map[uint64]chan probeAnswer{}, heard: map[probePeer]time.Time{}}
}

// ErrNoWay says that a question had no way to leave this node, so that no answer is to be waited for.
var ErrNoWay = errors.New("no way to the peer")

// ProbeSend sends a question to a target. Size 0 goes the way that traffic goes; any other is the size in bytes of the IP packet that the question
// has to fill, and no hop may cut it. An answer is waited for even after an error, unless that is [ErrNoWay] or EMSGSIZE.
type ProbeSend func(t ProbeTarget, question ProbeFrame, size int) error

// Take takes in the payload of a frame that a peer sent in a segment; peer is the [VTEPMAC] by which it is known. A question is to be answered by
// reply; an answer wants none. The error says that it is no probe.
func (p *Prober) Take(vni VNI, peer MAC, payload []byte) (reply ProbeFrame, wanted bool, err error) {
	probe, err := ParseProbeFrame(payload)
	if err != nil {
		return ProbeFrame{}, false, err
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if probe.Answer {
		select {
		case p.waiting[probe.Nonce] <- probeAnswer{probe, now}:
		default: // nobody waits any more, or it is the second
		}
		return ProbeFrame{}, false, nil
	}
	p.heard[probePeer{vni, peer}] = now
	return ProbeFrame{Answer: true, VNI: vni, Size: len(payload), Nonce: probe.Nonce, Node: p.node}, true, nil
}

// Forget forgets who asked in a segment that the node no longer holds.
func (p *Prober) Forget(vni VNI) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for h := range p.heard {
		if h.vni == vni {
			delete(p.heard, h)
		}
	}
}

// Probe probes each target and returns the results in the same order. A pair costs a round trip when it is well, and up to two seconds when a
// hidden hop has to be measured. The error is that of ctx.
func (p *Prober) Probe(ctx context.Context, targets []ProbeTarget, send ProbeSend) ([]ProbeResult, error) {
	results := make([]ProbeResult, len(targets))
	var g errgroup.Group
	g.SetLimit(probeWidth)
	for i, t := range targets {
		g.Go(func() error {
			results[i] = p.pair(ctx, t, send)
			return ctx.Err()
		})
	}
	return results, g.Wait()
}

// pair probes one target.
func (p *Prober) pair(ctx context.Context, t ProbeTarget, send ProbeSend) ProbeResult {
	r := ProbeResult{Target: t, From: p.node, State: PairDown, At: time.Now()}
	var first probeAnswer
	ok := false
	for try := 0; try < probeTries && !ok && ctx.Err() == nil; try++ {
		first, r.RTT, ok = p.ask(ctx, t, 0, send)
	}
	if !ok {
		if p.lately(t) {
			r.State = PairOneWay
		}
		return r
	}
	r.Answered = first.frame.Node
	switch {
	case t.Node != "" && first.frame.Node != t.Node:
		r.State = PairWrongNode
	case first.frame.VNI != t.VNI:
		r.State = PairWrongVNI
	default:
		p.measure(ctx, &r, send)
	}
	return r
}

// measure finds out whether full packets pass, and by binary search how large those are that do.
func (p *Prober) measure(ctx context.Context, r *ProbeResult, send ProbeSend) {
	passes := func(size int) bool {
		for range probeTries {
			a, _, ok := p.ask(ctx, r.Target, size, send)
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
		r.State, r.Passes = PairOK, r.Target.MTU
		return
	}
	low, high := ProbeMin, r.Target.MTU // low passes, high does not
	for high-low > 1 && ctx.Err() == nil {
		if middle := (low + high) / 2; passes(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	r.State, r.Passes, r.Hop = PairMTU, low, low+Overhead4
	if !r.Target.VTEP.Is4() {
		r.Hop = low + Overhead6
	}
}

// ask sends one question and waits for its answer.
func (p *Prober) ask(ctx context.Context, t ProbeTarget, size int, send ProbeSend) (a probeAnswer, rtt time.Duration, ok bool) {
	question := ProbeFrame{VNI: t.VNI, Nonce: rand.Uint64(), Node: p.node}
	answered := make(chan probeAnswer, 1)
	p.mu.Lock()
	p.waiting[question.Nonce] = answered
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, question.Nonce)
		p.mu.Unlock()
	}()
	began := time.Now()
	if err := send(t, question, size); errors.Is(err, ErrNoWay) || errors.Is(err, syscall.EMSGSIZE) {
		return probeAnswer{}, 0, false
	}
	timer := time.NewTimer(probeWait)
	defer timer.Stop()
	select {
	case a := <-answered:
		return a, a.at.Sub(began), true
	case <-timer.C:
	case <-ctx.Done():
	}
	return probeAnswer{}, 0, false
}

// lately tells whether a target asked us a short while ago.
func (p *Prober) lately(t ProbeTarget) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, asked := p.heard[probePeer{t.VNI, VTEPMAC(t.VTEP)}]
	return asked && time.Since(at) < probeMemory
}
