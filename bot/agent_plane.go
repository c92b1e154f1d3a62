package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/vtep"
)

// What may hold the segments of a machine, as --plane names it.
const (
	planeAuto      = "auto"      // the kernel where it can, else the program
	planeKernel    = "kernel"    // VXLAN devices of Linux
	planeUserspace = "userspace" // the program itself
)

// planes opens what holds segments on this machine, and the prober beside it.
type planes struct {
	options kernel.Options // but for node and VTEP; its instance and namespace count for the program, too
	kind    string         // one of the above; empty is auto
	log     *slog.Logger
	// able tells why the kernel cannot hold segments; nil is kernelAble.
	able func(context.Context, kernel.Options) error

	mu     sync.Mutex
	why    string // the kernel was not taken
	prober prober // nil while the node has no VTEP
}

// prober asks other nodes inside of segments.
type prober interface {
	Probe(ctx context.Context, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error)
}

// livePlane is a data plane with its prober.
type livePlane struct {
	overlay.DataPlane
	stop func() // the prober
}

// Close implements [overlay.DataPlane].
func (l livePlane) Close() error {
	l.stop()
	return l.DataPlane.Close()
}

// planeWatcher tells when somebody changed what a data plane holds.
type planeWatcher interface {
	Watch(ctx context.Context, debounce time.Duration, notify func()) error
}

// watchedPlane is one that does; the userspace plane of macOS does not, so that the agent compares once a minute there.
type watchedPlane struct {
	livePlane
	planeWatcher
}

// live gives a data plane its prober.
func live(plane overlay.DataPlane, stop func()) overlay.DataPlane {
	l := livePlane{plane, stop}
	if w, ok := plane.(planeWatcher); ok {
		return watchedPlane{l, w}
	}
	return l
}

// open implements agent.Options.Open.
func (p *planes) open(ctx context.Context, node string, vtep netip.Addr) (overlay.DataPlane, error) {
	o := p.options
	o.Node, o.VTEP, o.Log = node, vtep, p.log
	if err := p.choose(ctx, o); err != nil {
		return nil, err
	}
	if p.kind == planeUserspace {
		return p.openUserspace(ctx, o)
	}
	plane, err := kernel.New(o)
	if err != nil {
		return nil, err
	}
	return live(plane, p.probeKernel(o)), nil
}

// choose settles once, at the start, what holds segments, by trying.
func (p *planes) choose(ctx context.Context, o kernel.Options) error {
	if p.kind == planeKernel || p.kind == planeUserspace {
		return nil
	}
	able := p.able
	if able == nil {
		able = kernelAble
	}
	why := able(ctx, o)
	if why == nil {
		p.kind = planeKernel
		p.log.Info("the kernel holds the segments of this machine")
		return nil
	}
	plane, err := vtep.New(p.userspace(o))
	if err == nil {
		_, err = plane.Probe(ctx)
		err = errors.Join(err, plane.Close())
	}
	if err != nil {
		err = fmt.Errorf("nothing on this machine can hold segments, neither the kernel (%w) nor the program itself (%w)", why, err)
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w; run the agent as root, or with CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN", err)
		}
		return err
	}
	p.kind, p.why = planeUserspace, why.Error()
	p.log.Warn("the program itself holds the segments of this machine: the kernel cannot", "why", why)
	return nil
}

// kernelAble tells why the kernel cannot hold segments, or nil. One that holds some is not given up for a trial that failed.
func kernelAble(ctx context.Context, o kernel.Options) error {
	plane, err := kernel.New(o)
	if err != nil {
		return err
	}
	_, err = plane.Probe(ctx)
	if err != nil {
		if have, rerr := plane.Read(ctx); rerr == nil && len(have.Objects) > 0 {
			err = nil
		}
	}
	if cerr := plane.Close(); cerr != nil {
		o.Log.Warn("data plane let go with an error", "err", cerr)
	}
	return err
}

// userspace is the options of the program's own data plane.
func (p *planes) userspace(o kernel.Options) vtep.Options {
	return vtep.Options{Node: o.Node, Instance: o.Instance, VTEP: o.VTEP, Namespace: o.Namespace, NoKernel: p.why, Log: o.Log}
}

// openUserspace opens the program's own data plane.
func (p *planes) openUserspace(ctx context.Context, o kernel.Options) (overlay.DataPlane, error) {
	if o.VTEP.IsValid() {
		if err := takeOver(ctx, o); err != nil {
			return nil, err
		}
	}
	plane, err := vtep.New(p.userspace(o))
	if err != nil {
		return nil, err
	}
	if !o.VTEP.IsValid() {
		return live(plane, func() {}), nil
	}
	asks, err := plane.Prober()
	if err != nil { // a node that cannot ask still answers, and is kept as it must be
		p.log.Error("segments cannot be probed from here", "err", err)
		return live(plane, func() {}), nil
	}
	p.set(asks)
	return live(plane, func() { p.unset(asks.Close) }), nil
}

// takeOver removes what the kernel held of segments until now, on a machine that was told to hold them by the program. The program cannot take over
// endpoints: they stay where they are, and the agent says so.
func takeOver(ctx context.Context, o kernel.Options) error {
	plane, err := kernel.New(o)
	if err != nil {
		return nil // then it holds nothing
	}
	have, err := plane.Read(ctx)
	switch {
	case err != nil:
		err = fmt.Errorf("look what the kernel holds of segments: %w", err)
	case slices.ContainsFunc(have.Objects, func(o overlay.Object) bool { return o.Kind == overlay.Port }):
		err = errors.New("the kernel holds segments with endpoints here, and the userspace plane bears none: start the agent with --plane kernel, and move them")
	case len(have.Objects) > 0:
		o.Log.Warn("the segments that the kernel held are taken over by the program", "segments", have.Segments())
		err = plane.Delete(ctx)
	}
	return errors.Join(err, plane.Close())
}

// probeKernel answers the probes of other nodes from now on, and lets this one probe. A node that cannot is still kept as it must be.
func (p *planes) probeKernel(o kernel.Options) (stop func()) {
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
		p.unset(func() error {
			cancel()
			work.Wait()
			return prober.Close()
		})
	}
}

func (p *planes) set(asks prober) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prober = asks
}

// unset ends probing from here.
func (p *planes) unset(end func() error) {
	p.set(nil)
	if err := end(); err != nil {
		p.log.Warn("prober let go with an error", "err", err)
	}
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
	asks := p.prober
	p.mu.Unlock()
	if asks == nil {
		return nil, errors.New("no probes from here: the node has no VTEP yet, or probing was refused; its log says which")
	}
	results, err := asks.Probe(ctx, targets)
	if err != nil {
		return nil, err
	}
	return json.Marshal(results)
}
