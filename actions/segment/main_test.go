package segment_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/overlay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the inventory edge-1 to edge-9, and one whose name cannot hold segments.
type world struct{ err error }

func (w world) Nodes(context.Context) ([]actions.Node, error) {
	all := []actions.Node{{Name: "Old.Edge", Address: "192.0.2.99"}}
	for i := range 9 {
		all = append(all, actions.Node{Name: fmt.Sprintf("edge-%d", i+1), Address: fmt.Sprintf("192.0.2.%d", i+1)})
	}
	return all, w.err
}

func (w world) Node(ctx context.Context, name string) (actions.Node, error) {
	all, err := w.Nodes(ctx)
	for _, n := range all {
		if n.Name == name {
			return n, err
		}
	}
	return actions.Node{}, errors.Join(err, fmt.Errorf("%w: no node is called %s", actions.ErrUnknown, name))
}

func (world) Deployments(context.Context) ([]actions.Deployment, error) { return nil, nil }
func (world) Deployment(context.Context, string) (actions.Deployment, error) {
	return actions.Deployment{}, actions.ErrUnknown
}

// fleet is agents that hold what they are told, as their kernels would, and outlives processes.
type fleet struct {
	mu     sync.Mutex
	nodes  map[string]*agent
	broken map[[2]string]overlay.ProbeResult // what probes between two nodes find
}

// agent is one of them.
type agent struct {
	look       segment.Look
	err        error // of looking
	fails      string
	desired    overlay.Desired
	objects    []overlay.Object
	generation uint64
	waits      string
}

func newFleet() *fleet {
	f := &fleet{nodes: map[string]*agent{}, broken: map[[2]string]overlay.ProbeResult{}}
	for i := range 8 { // edge-9 has none
		f.nodes[fmt.Sprintf("edge-%d", i+1)] = &agent{look: segment.Look{
			VTEP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), Underlay: 1500, Connected: true,
		}}
	}
	return f
}

func (f *fleet) Look(_ context.Context, node string) (segment.Look, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.nodes[node]
	if a == nil {
		return segment.Look{}, segment.ErrNoAgent
	}
	return a.look, a.err
}

func (f *fleet) Put(_ context.Context, node string, compose func() (overlay.Desired, error), _ string) (segment.Reported, error) {
	want, err := compose()
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.nodes[node]
	if a == nil || err != nil {
		return segment.Reported{}, errors.Join(segment.ErrNoAgent, err)
	}
	if err := want.Check(); err != nil {
		return segment.Reported{}, err
	}
	a.desired = want
	if !a.look.Connected {
		return segment.Reported{}, errors.New(want.Node + " does not answer; it takes it when it is back")
	}
	if a.fails != "" {
		return segment.Reported{Generation: a.generation, Failed: []string{a.fails}}, nil
	}
	a.take()
	return segment.Reported{Generation: a.generation, Waits: a.waits}, nil
}

// take does what an agent does with its newest state.
func (a *agent) take() {
	facts := overlay.Facts{Capability: overlay.Capabilities{PacketFilter: true}}
	changes := overlay.Diff(a.desired, overlay.Observed{Objects: a.objects, Foreign: a.look.Foreign, Facts: facts})
	if held, why := changes.Brake(); held {
		a.waits = why
		return
	}
	if !changes.Empty() {
		a.generation++
	}
	a.objects, a.waits = a.desired.Objects(), ""
}

func (f *fleet) Probe(_ context.Context, node string, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.nodes[node]; a == nil || !a.look.Connected {
		return nil, errors.New("no answer")
	}
	var out []overlay.ProbeResult
	for _, t := range targets {
		r, ok := f.broken[[2]string{node, t.Node}]
		if !ok {
			r.State = overlay.PairOK
		}
		r.Target, r.From = t, node
		if r.State != "lost" {
			out = append(out, r)
		}
	}
	return out, nil
}

// change edits one agent.
func (f *fleet) change(node string, edit func(*agent)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(f.nodes[node])
}

// holds is what a node holds: "5001: tunnel, 1 local, 2 flood".
func (f *fleet) holds(node string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	flood, ips := map[overlay.VNI][]string{}, map[overlay.VNI][]string{}
	for _, o := range f.nodes[node].objects {
		switch o.Kind {
		case overlay.Tunnel:
			flood[o.VNI] = append(flood[o.VNI], fmt.Sprint("mtu ", o.MTU))
		case overlay.Flood:
			flood[o.VNI] = append(flood[o.VNI], "→"+o.VTEP.String())
		case overlay.Address, overlay.EndpointAddress:
			if o.IP.Addr().Is4() {
				ips[o.VNI] = append(ips[o.VNI], o.IP.String())
			}
		}
	}
	var out []string
	for _, v := range slices.Sorted(maps.Keys(flood)) {
		out = append(out, fmt.Sprintf("%d: %s", v, strings.Join(append(flood[v], ips[v]...), " ")))
	}
	return strings.Join(out, "; ")
}

// home is a process of the bot.
type home struct {
	*segment.Segments
	store  *segment.Store
	vnis   *segment.Allocator
	fleet  *fleet
	kv     store.Store
	engine *run.Engine
	stop   func()
	asked  int
}

func newHome(t testing.TB, kv store.Store, f *fleet, edit ...func(*segment.Options)) *home {
	t.Helper()
	s, err := segment.NewStore(segment.StoreOptions{Segments: kv.Bucket(store.Segments), VNIs: kv.Bucket(store.VNIs)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := segment.NewAllocator(segment.AllocatorOptions{KV: kv.Bucket(store.VNIs)})
	if err != nil {
		t.Fatal(err)
	}
	o := segment.Options{Store: s, Allocator: a, Fleet: f, Tenants: func() []string { return []string{"acme", "initech"} }}
	for _, e := range edit {
		e(&o)
	}
	h := &home{store: s, vnis: a, fleet: f, kv: kv, stop: func() {}}
	if h.Segments, err = segment.New(o); err != nil {
		t.Fatal(err)
	}
	return h
}

// serve lets the process carry out runs.
func (h *home) serve(t testing.TB, owner string) *home {
	t.Helper()
	e, err := run.New(run.Options{Store: h.kv, Executors: h.Executors(), Owner: owner, Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = e.Serve(ctx) }() // the crash of its store ends it with an error
	h.engine, h.stop = e, func() { cancel(); <-ended }
	return h
}

func request(intent string, slots ...string) actions.Request {
	r := actions.Request{Intent: intent, Slots: map[string][]string{}, Actor: actions.Actor{Kind: actions.Person, Name: "anna"}, Cause: "terminal:" + intent}
	for _, s := range slots {
		name, value, _ := strings.Cut(s, "=")
		r.Slots[name] = append(r.Slots[name], value)
	}
	return r
}

func (h *home) plan(t testing.TB, intent string, slots ...string) (actions.Plan, error) {
	t.Helper()
	for _, v := range h.Verbs() {
		if v.Intent == intent {
			return v.Plan(t.Context(), request(intent, slots...), world{})
		}
	}
	t.Fatalf("no verb %s", intent)
	return actions.Plan{}, nil
}

func (h *home) answer(t testing.TB, intent string, slots ...string) (actions.Answer, error) {
	t.Helper()
	for _, v := range h.Verbs() {
		if v.Intent == intent {
			return v.Answer(t.Context(), request(intent, slots...), world{})
		}
	}
	t.Fatalf("no verb %s", intent)
	return actions.Answer{}, nil
}

// do plans and carries out.
func (h *home) do(t testing.TB, intent string, slots ...string) actions.Run {
	t.Helper()
	p, err := h.plan(t, intent, slots...)
	if err != nil {
		t.Fatalf("plan %s %v: %v", intent, slots, err)
	}
	return h.carry(t, p)
}

// carry carries out a plan to its end.
func (h *home) carry(t testing.TB, p actions.Plan) actions.Run {
	t.Helper()
	h.asked++
	p.Request.Cause = fmt.Sprint("terminal:", h.asked)
	id, _, err := h.engine.Accept(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return h.ended(t, id)
}

func (h *home) ended(t testing.TB, id string) actions.Run {
	t.Helper()
	for range 6000 {
		r, err := h.engine.Get(t.Context(), id)
		if err == nil && r.State.Final() {
			return r
		}
		time.Sleep(10 * time.Millisecond) // of the virtual clock
	}
	t.Fatalf("%s does not end", id)
	return actions.Run{}
}

// undo takes a run back.
func (h *home) undo(t testing.TB, id string) actions.Run {
	t.Helper()
	if err := h.engine.Undo(t.Context(), id, actions.Actor{Kind: actions.Person, Name: "anna"}); err != nil {
		t.Fatalf("undo %s: %v", id, err)
	}
	time.Sleep(time.Second)
	return h.ended(t, id)
}

func must(t testing.TB, r actions.Run, state actions.State) actions.Run {
	t.Helper()
	if r.State != state {
		t.Fatalf("%s (%s) is %s: %s; outcomes: %+v", r.ID, r.Plan.Say, r.State, r.Why, r.Outcomes)
	}
	return r
}

func memory() store.Store { return fake.New().Open(fake.Options{}) }
