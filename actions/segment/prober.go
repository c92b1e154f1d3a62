package segment

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// ProberOptions are what probing in the background needs. Segments and Every are required.
type ProberOptions struct {
	Segments *Segments
	Every    func() time.Duration // of rounds, asked anew before each; 0 = off
	After    func() int           // bad probes in a row until people are told; nil = 3
	KV       store.KV             // remembers what people were told, beyond a restart; nil = nothing is
	// Tell tells people that pairs of a segment are not well, or are again. Nil = nobody is told.
	Tell func(ctx context.Context, n Notice)
	// Asked is told what came of each asking of a node, nothing where there is no peer whose agent is there; err says that it could not be asked.
	// Nil = nobody is.
	Asked func(ctx context.Context, node string, results []overlay.ProbeResult, err error)
	Log   *slog.Logger     // nil = discard
	Now   func() time.Time // nil = time.Now
}

// Prober lets the agents probe each other in the background, and keeps the newest results. In each round every pair of nodes that share segments is
// probed in one of them, another one each round, together with what was not well before, and with a few more. So a round costs in proportion to the
// pairs of nodes, and in time all segments have their turn. Nodes whose agents are away neither ask nor are asked: it is the agent that answers.
//
// It is safe for concurrent use.
type Prober struct {
	o ProberOptions

	mu     sync.Mutex
	round  uint64
	hops   map[hop]seen
	bad    map[pairKey]*Trouble
	told   map[string]toldSegment // by name: what people were told, and is not over
	silent int                    // segments beyond toldMost, of which people know the number alone

	storm   time.Time  // since when there are such segments
	telling sync.Mutex // one at a time, so that the newest word is the last
}

// hop is a pair of nodes, in the direction of the question.
type hop struct{ from, to string }

// seen is what the newest probe of a hop found, in whatever segment.
type seen struct {
	state overlay.ProbeState
	at    time.Time
}

// pairKey is a hop in a segment.
type pairKey struct {
	vni overlay.VNI
	hop
}

// Trouble is a pair of nodes that was not well in a segment when it was last probed.
type Trouble struct {
	overlay.ProbeResult
	Since time.Time `json:"since"`
	Times int       `json:"times"` // probes in a row
	heard time.Time // of it, or of its agents after a restart
}

// awayMost is how long a pair counts as not well while its agents are away and nobody can tell.
const awayMost = 10 * time.Minute

// NewProber returns a prober that has not begun.
func NewProber(o ProberOptions) (*Prober, error) {
	if o.Segments == nil || o.Every == nil {
		return nil, errors.New("probing in the background: Segments and Every are required")
	}
	if o.After == nil {
		o.After = func() int { return 3 }
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, Notice) {}
	}
	if o.Asked == nil {
		o.Asked = func(context.Context, string, []overlay.ProbeResult, error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Prober{o: o, hops: map[hop]seen{}, bad: map[pairKey]*Trouble{}, told: map[string]toldSegment{}}, nil
}

// idle is how often it is looked whether the interval is another one, or probing was switched on.
const idle = 10 * time.Second

// Run makes a round each Options.Every, until ctx ends. A round begins after the one before has ended.
func (p *Prober) Run(ctx context.Context) error {
	if err := p.recall(ctx); err != nil {
		p.o.Log.Warn("it is not known of which pairs people were told", "err", err)
	}
	last := p.o.Now()
	for ctx.Err() == nil {
		rest := idle
		if every := p.o.Every(); every > 0 {
			if rest = min(idle, every-p.o.Now().Sub(last)); rest <= 0 {
				last = p.o.Now()
				p.Round(ctx, every)
				continue
			}
		}
		wait(ctx, rest)
	}
	return nil
}

// pace is the least time between the askings of two nodes, where the round has room for it.
const pace = 20 * time.Millisecond

// Round asks every node that shares a segment with another, once, spread over most of the time given, and returns when all have answered.
func (p *Prober) Round(ctx context.Context, within time.Duration) {
	names := p.o.Segments.opt.Store.peopled()
	there := make(map[string]bool, len(names))
	for _, n := range names {
		if l, err := p.o.Segments.look(ctx, n); err == nil && l.Connected {
			there[n] = true
		}
	}
	worries := p.begin(ctx, there)
	step := pace
	if n := len(there); n > 0 {
		step = min(step, within*8/10/time.Duration(n))
	}
	slots := make(chan struct{}, probers)
	var work sync.WaitGroup
	defer work.Wait()
	for _, n := range names {
		if !there[n] {
			continue
		}
		targets := p.pick(n, there, worries[n])
		if len(targets) == 0 {
			p.o.Asked(ctx, n, nil, nil)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		work.Go(func() {
			defer func() { <-slots }()
			p.ask(ctx, n, targets)
		})
		wait(ctx, step)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// begin counts a round, forgets what is no longer there, and returns the pairs that were not well, by the node that asks.
func (p *Prober) begin(ctx context.Context, there map[string]bool) map[string][]pairKey {
	p.mu.Lock()
	p.round++
	for h := range p.hops {
		if !there[h.from] || !there[h.to] {
			delete(p.hops, h)
		}
	}
	worries, gone := map[string][]pairKey{}, map[string]string{}
	for k, t := range p.bad {
		switch r, ok := p.o.Segments.opt.Store.Find(t.Target.Segment); {
		case !ok || r.VNI != k.vni:
			gone[t.Target.Segment] = "it is no longer there"
		case !r.has(k.from) || !r.has(k.to):
			gone[t.Target.Segment] = "those nodes are no longer in it together"
		case (!there[k.from] || !there[k.to]) && p.o.Now().Sub(t.heard) < awayMost:
			continue
		case !there[k.from] || !there[k.to]:
			gone[t.Target.Segment] = "the agents of those nodes are away, so that nobody can tell"
		default:
			worries[k.from] = append(worries[k.from], k)
			continue
		}
		delete(p.bad, k)
	}
	p.mu.Unlock()
	for _, name := range sortedKeys(gone) {
		p.settle(ctx, name, gone[name])
	}
	return worries
}

// ask lets one node probe, and takes in what came of it. A node that is being asked by somebody else is left alone for this round.
func (p *Prober) ask(ctx context.Context, node string, targets []overlay.ProbeTarget) {
	if !p.o.Segments.turns.try(node) {
		return
	}
	defer p.o.Segments.turns.done(node)
	asking, cancel := context.WithTimeout(ctx, p.o.Segments.opt.Patience)
	defer cancel()
	results, err := p.o.Segments.probeTargets(asking, node, targets)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.o.Log.Warn("a node did not probe", "node", node, "err", err)
		p.o.Asked(ctx, node, nil, err)
		return
	}
	results = slices.DeleteFunc(results, func(r overlay.ProbeResult) bool {
		return r.State != overlay.PairOK && p.o.Segments.asleep(ctx, r.Target.Node)
	})
	p.take(ctx, results)
	p.o.Asked(ctx, node, results, nil)
}

// asleep tells whether the agent that should have answered has gone meanwhile.
func (s *Segments) asleep(ctx context.Context, node string) bool {
	l, err := s.look(ctx, node)
	return err != nil || !l.Connected
}

// turns lets one at a time ask a node, so that no pair is probed twice at once. The zero value is ready.
type turns struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// try takes the turn of a node if it is free.
func (t *turns) try(node string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[node] != nil {
		return false
	}
	if t.busy == nil {
		t.busy = map[string]chan struct{}{}
	}
	t.busy[node] = make(chan struct{})
	return true
}

// wait takes the turn of a node, when it is free.
func (t *turns) wait(ctx context.Context, node string) error {
	for !t.try(node) {
		t.mu.Lock()
		free := t.busy[node]
		t.mu.Unlock()
		if free == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-free:
		}
	}
	return nil
}

// done gives the turn back.
func (t *turns) done(node string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.busy[node])
	delete(t.busy, node)
}
