package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
)

// planes opens what holds segments on this machine, and the prober beside it.
type planes struct {
	options kernel.Options // but for node and VTEP
	log     *slog.Logger

	mu     sync.Mutex
	prober *kernel.Prober // nil while the node has no VTEP
}

// livePlane is a data plane with its prober.
type livePlane struct {
	*kernel.Plane
	stop func()
}

// Close implements [overlay.DataPlane].
func (l livePlane) Close() error {
	l.stop()
	return l.Plane.Close()
}

// open implements agent.Options.Open.
func (p *planes) open(_ context.Context, node string, vtep netip.Addr) (overlay.DataPlane, error) {
	o := p.options
	o.Node, o.VTEP, o.Log = node, vtep, p.log
	plane, err := kernel.New(o)
	if err != nil {
		return nil, err
	}
	return livePlane{plane, p.probe(o)}, nil
}

// probe answers the probes of other nodes from now on, and lets this one probe. A node that cannot is still kept as it must be.
func (p *planes) probe(o kernel.Options) (stop func()) {
	if !o.VTEP.IsValid() {
		return func() {}
	}
	prober, err := kernel.NewProber(o)
	if err != nil {
		p.log.Error("segments cannot be probed from here", "err", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if err := prober.Run(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("probes of others are no longer answered", "err", err)
		}
	})
	p.set(prober)
	return func() {
		p.set(nil)
		cancel()
		work.Wait()
		if err := prober.Close(); err != nil {
			p.log.Warn("prober let go with an error", "err", err)
		}
	}
}

func (p *planes) set(prober *kernel.Prober) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prober = prober
}

// handlers answer the calls of node.do.
func (p *planes) handlers() map[string]agent.Handler {
	return map[string]agent.Handler{agent.HandlerProbe: p.handleProbe}
}

func (p *planes) handleProbe(ctx context.Context, o agent.Order) ([]byte, error) {
	var targets []overlay.ProbeTarget
	if err := json.Unmarshal(o.Args, &targets); err != nil {
		return nil, fmt.Errorf("targets of a probe: %w", err)
	}
	p.mu.Lock()
	prober := p.prober
	p.mu.Unlock()
	if prober == nil {
		return nil, errors.New("no probes from here: the node has no VTEP yet, or probing was refused; its log says which")
	}
	results, err := prober.Probe(ctx, targets)
	if err != nil {
		return nil, err
	}
	return json.Marshal(results)
}
