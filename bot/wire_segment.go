package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/vtep"
)

// openSegments knows the segments, and what stands behind the verbs about them.
func (a *App) openSegments(ctx, work context.Context, _ *config.Config) error {
	log := a.log.With("room", "segment")
	s, err := segment.NewStore(segment.StoreOptions{Segments: a.store.Bucket(store.Segments), VNIs: a.store.Bucket(store.VNIs), Changed: a.nodesChanged, Peopled: a.segmentsPeopled, Log: log})
	if err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return err
	}
	vnis, err := segment.NewAllocator(segment.AllocatorOptions{KV: a.store.Bucket(store.VNIs)})
	if err != nil {
		return err
	}
	a.known = s
	a.segments, err = segment.New(segment.Options{
		Store: s, Allocator: vnis, Fleet: &fleet{app: a, began: time.Now()}, Draining: a.draining, Tenants: func() []string { return a.config.Load().Inventory.Tenants }, File: a.filed, Probed: a.pairsOf,
		Strays: a.straysOf,
	})
	if err != nil {
		return err
	}
	if err := a.openProber(); err != nil {
		return err
	}
	follow, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("segments", follow, s.Run) })
	a.own("segments", func(context.Context) error { stop(); return nil })
	return nil
}

// segmentsPeopled lets the monitoring know which nodes are in a segment.
func (a *App) segmentsPeopled(context.Context) { a.enrol.Kick() }

// filed returns a segment as the configuration file defines it.
func (a *App) filed(name string) (segment.Filed, bool) {
	for _, s := range a.config.Load().Inventory.Segments {
		if s.Name == name {
			return segment.Filed{Name: s.Name, Tenant: s.Tenant, VNI: overlay.VNI(s.VNI), Nodes: s.Nodes}, true
		}
	}
	return segment.Filed{}, false
}

// How often the segments of the file are looked at, and the longest rest of one whose plan or run failed.
const (
	fileEvery = 2 * time.Second
	fileRest  = time.Hour
)

// attempt is what became of the latest try for a segment of the file.
type attempt struct {
	run   string
	why   string
	fails int
	next  time.Time
}

// keepFileSegments makes the segments of the file and brings their nodes in, until ctx ends. What a person has to settle is told once.
func (a *App) keepFileSegments(ctx context.Context) {
	tries := map[string]*attempt{}
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if on, _, err := a.observing(ctx); on || err != nil {
			continue
		}
		for _, c := range a.config.Load().Inventory.Segments {
			t := tries[c.Name]
			if t == nil {
				t = &attempt{}
				tries[c.Name] = t
			}
			f, _ := a.filed(c.Name)
			a.keepFiled(ctx, f, t)
		}
	}
}

// keepFiled does what one segment of the file lacks, after what it did before has ended.
func (a *App) keepFiled(ctx context.Context, f segment.Filed, t *attempt) {
	now := time.Now()
	if now.Before(t.next) {
		return
	}
	if t.run != "" {
		r, err := a.engine.Get(ctx, t.run)
		if err != nil || !r.State.Final() {
			return
		}
		t.run = ""
		if r.State != actions.Done {
			a.filedFailed(f, t, r.Why)
			return
		}
		t.fails, t.why = 0, ""
	}
	r := actions.Request{
		Cause: fmt.Sprintf("file:segment:%s:%d", f.Name, now.UnixNano()), Intent: "segment.create", Slots: map[string][]string{"segment": {f.Name}},
		Text: "segment " + f.Name + " of the configuration file", Actor: actions.Actor{Kind: actions.System, Name: "the configuration file"}, At: now,
	}
	p, ok, err := a.segments.Missing(ctx, r, liveWorld{a}, f)
	switch {
	case err != nil:
		a.filedFailed(f, t, err.Error())
	case ok:
		if t.run, _, err = a.engine.Accept(ctx, p); err != nil {
			t.run = ""
			a.filedFailed(f, t, err.Error())
		}
	}
}

// filedFailed tells a failure where it is another one than before, and lets the segment rest.
func (a *App) filedFailed(f segment.Filed, t *attempt, why string) {
	t.fails++
	t.next = time.Now().Add(min(fileEvery<<min(t.fails, 12), fileRest))
	if why == t.why {
		return
	}
	t.why = why
	a.log.Warn("segment of the configuration file", "segment", f.Name, "err", why)
	a.alarm(reply.Card{ID: "segment/" + f.Name, Kind: reply.Failed, Title: "segment " + f.Name + " of the configuration file: " + why})
}

// draining tells whether a node takes nothing new.
func (a *App) draining(name string) bool {
	_, ok := a.drains.Find(name)
	return ok
}

// segmentsOf names the segments that a node is in.
func (a *App) segmentsOf(_ context.Context, name string) ([]string, error) {
	in, _ := a.known.On(name)
	var out []string
	for _, r := range in {
		out = append(out, "segment "+r.Name)
	}
	return out, nil
}

// fleet is the agents as the verbs of segments need them.
type fleet struct {
	app   *App
	began time.Time
	asked atomic.Uint64 // tells calls apart
}

// Look implements [segment.Fleet].
func (f *fleet) Look(ctx context.Context, node string) (segment.Look, error) {
	s := f.app.gate.Status(node)
	if s.Health == agent.NotEnrolled {
		return segment.Look{}, segment.ErrNoAgent
	}
	l := segment.Look{Connected: connected(s), Foreign: s.Report.Foreign}
	n, err := liveWorld{f.app}.Node(ctx, node)
	if err != nil {
		return l, err
	}
	if l.VTEP, err = netip.ParseAddr(n.Address); err != nil {
		return l, fmt.Errorf("the address of %s in the inventory, %q, is no IP address: tunnels need one", node, n.Address)
	}
	facts := s.Report.Facts
	l.VTEP = l.VTEP.Unmap()
	l.Homeless = len(facts.Addresses) > 0 && !slices.Contains(facts.Addresses, l.VTEP)
	if !facts.MissingVTEP {
		l.Underlay = facts.Underlay
	}
	if able := facts.Capability; able.Plane == vtep.Kind {
		l.Plane, l.HostOnly, l.Most = able.Plane, !able.Endpoints, able.MaxSegments
	}
	return l, nil
}

// connected tells whether an agent can be told something.
func connected(s agent.Status) bool {
	return s.Health != agent.NotEnrolled && s.Health != agent.Offline && s.Health != agent.TooOld
}

// Put implements [segment.Fleet].
func (f *fleet) Put(ctx context.Context, node string, compose func() (overlay.Desired, error), by string) (segment.Reported, error) {
	d, err := f.app.gate.Edit(ctx, node, agent.Edit{By: by, Change: func(d *overlay.Desired) error {
		want, err := compose()
		if err != nil {
			return err
		}
		want.Node, want.Incarnation, want.Generation, want.Underlay = d.Node, d.Incarnation, d.Generation, d.Underlay
		if same(*d, want) && f.app.gate.Status(node).Health != agent.Ahead { // what a node holds that nobody gave it is overruled
			return agent.ErrUnchanged
		}
		*d = want
		return nil
	}})
	if err != nil {
		return segment.Reported{}, err
	}
	if s := f.back(ctx, node); !connected(s) {
		return segment.Reported{}, actions.Temporary{Err: fmt.Errorf("%s is told when it is back: %s", node, s.Why)}
	}
	if d.Generation == 0 { // it was never told anything, and there is nothing to tell
		return segment.Reported{}, nil
	}
	s, err := f.app.gate.Wait(ctx, node, func(s agent.Status) bool { return hasTaken(s, d) })
	if err != nil {
		return segment.Reported{}, fmt.Errorf("%s did not confirm generation %d: %s: %w", node, d.Generation, s.Why, err)
	}
	r := segment.Reported{Generation: s.Report.Generation, Applied: s.Report.Applied, Failed: slices.Concat(s.Report.Failed, s.Report.Blocked), Waits: s.Report.Held}
	if s.Report.Refused != "" {
		return r, errors.New(node + " refuses its state: " + s.Report.Refused)
	}
	return r, nil
}

// settling is how long after its start a bot waits for the agents that it knows: they come back by themselves, and what was under way must not fail
// for that the bot was quicker.
const settling = 30 * time.Second

// back waits for an agent that has not come back since the bot began.
func (f *fleet) back(ctx context.Context, node string) agent.Status {
	s, left := f.app.gate.Status(node), time.Until(f.began.Add(settling))
	if s.Health != agent.Offline || s.Report.Leaving || left <= 0 {
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	s, _ = f.app.gate.Wait(ctx, node, connected) // that it did not come is in the status
	return s
}

// same compares by what would be sent.
func same(a, b overlay.Desired) bool {
	x, xerr := json.Marshal(a)
	y, yerr := json.Marshal(b)
	return xerr == nil && yerr == nil && bytes.Equal(x, y)
}

// hasTaken tells whether a node has done what it can about a generation.
func hasTaken(s agent.Status, d overlay.Desired) bool {
	if s.Health == agent.Offline || s.Health == agent.Ahead || s.Health == agent.Repairing {
		return false
	}
	return s.Report.Incarnation == d.Incarnation && s.Report.Generation >= d.Generation && s.Generation >= d.Generation || s.Report.Refused != "" && s.Health == agent.Failing
}

// Probe implements [segment.Fleet].
func (f *fleet) Probe(ctx context.Context, node string, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	args, err := json.Marshal(targets)
	if err != nil {
		return nil, fmt.Errorf("probe from %s: %w", node, err)
	}
	if s := f.app.gate.Status(node); !connected(s) {
		return nil, errors.New(s.Why)
	}
	key := fmt.Sprintf("probe/%s/%d/%d", f.app.owner, time.Now().UnixNano(), f.asked.Add(1))
	answer, err := f.app.gate.Call(ctx, node, agent.Order{Key: key, Run: key, Epoch: 1, Name: agent.HandlerProbe, Args: args})
	if err != nil {
		return nil, err
	}
	var out []overlay.ProbeResult
	if err := json.Unmarshal(answer.Data, &out); err != nil {
		return nil, fmt.Errorf("probe from %s: its answer: %w", node, err)
	}
	return out, nil
}
