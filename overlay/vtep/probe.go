//go:build linux || darwin

package vtep

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/shitops/opsbot/overlay"
)

// probes is what segments and probers share. Safe for concurrent use.
type probes struct {
	pairs    *overlay.Prober
	mu       sync.Mutex
	segments map[overlay.VNI]*segment
}

func newProbes(node string) *probes {
	return &probes{pairs: overlay.NewProber(node), segments: map[overlay.VNI]*segment{}}
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
	p.pairs.Forget(s.vni)
}

// segment is the segment of a VNI, or nil.
func (p *probes) segment(vni overlay.VNI) *segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.segments[vni]
}

// Prober sends probes inside the segments of a [Plane], as the kernel's prober does; probes of others are answered by the plane itself. How large a
// packet may be is asked with DF set, which no hop may cut. Safe for concurrent use.
type Prober struct {
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
	return &Prober{probes: p.probes, whole: whole}, nil
}

// Close closes the socket.
func (p *Prober) Close() error { return p.whole.Close() }

// Probe probes each target and returns the results in the same order. A pair costs a round trip when it is well, and up to two seconds when a
// hidden hop has to be measured. The error is that of ctx.
func (p *Prober) Probe(ctx context.Context, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	return p.probes.pairs.Probe(ctx, targets, p.send)
}

// send sends a question. Of size 0 it goes the way that traffic goes, others with DF set.
func (p *Prober) send(t overlay.ProbeTarget, question overlay.ProbeFrame, size int) error {
	s := p.probes.segment(t.VNI)
	if s == nil {
		return overlay.ErrNoWay
	}
	look := s.table.Load()
	to := look.peers[t.VTEP]
	if to == nil {
		return overlay.ErrNoWay
	}
	datagram := sealed(t.VNI, overlay.VTEPMAC(t.VTEP), look.probe, overlay.ProbeEthertype, question.Append(nil, size))
	if size == 0 {
		s.underlay.Load().send(datagram, to)
		return nil
	}
	_, err := p.whole.WriteToUDP(datagram, to)
	return err
}
