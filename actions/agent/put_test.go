package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// put is a step's arguments that add a segment to nodes.
func put(vni overlay.VNI, nodes ...string) Put {
	p := Put{Nodes: map[string]NodePut{}}
	for i, n := range nodes {
		s := segment(vni)
		p.Nodes[n] = NodePut{VTEP: vtepOf(i + 1), Segments: []SegmentPut{{VNI: vni, Want: &s}}}
	}
	return p
}

func call(node string, args any) run.Call {
	return run.Call{Run: "r-1", Step: 0, Node: node, Key: "r-1/do/0/" + node, Epoch: 1, Attempt: 1, Args: actions.Encode(args)}
}

func TestPut(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *GateOptions) { o.Patience = 400 * time.Millisecond })
	r := w.settle("edge-1")
	x := putter{w.gate}
	p := put(5001, "edge-1")
	res, err := x.Do(t.Context(), call("edge-1", p))
	if err != nil || !strings.Contains(res.Say, "edge-1 holds generation 1, read back") {
		t.Fatalf("Do = %+v, %v", res, err)
	}
	// Repeated: the same, and no new generation.
	if res, err = x.Do(t.Context(), call("", p)); err != nil || !strings.Contains(res.Say, "generation 1,") {
		t.Errorf("Do again = %+v, %v", res, err)
	}
	if lines, err := x.ByHand(t.Context(), call("edge-1", p)); err != nil || !strings.Contains(strings.Join(lines, "\n"), "VNI 5001") {
		t.Errorf("ByHand = %q, %v", lines, err)
	}
	if res, err = x.Undo(t.Context(), call("edge-1", p), run.Result{}); err != nil || len(r.plane.holds()) != 0 {
		t.Errorf("Undo = %+v, %v; the node holds %v", res, err, r.plane.holds())
	}
	if res, err = x.Undo(t.Context(), call("edge-1", p), run.Result{}); err != nil {
		t.Errorf("Undo again = %+v, %v", res, err)
	}
	// Others changed it since: that is shown, not overwritten.
	if _, err := x.Do(t.Context(), call("edge-1", p)); err != nil {
		t.Fatal(err)
	}
	w.hold("edge-1", Edit{Change: func(d *overlay.Desired) error { d.Segments[0].MTU = 1400; return nil }})
	if _, err := x.Undo(t.Context(), call("edge-1", p), run.Result{}); err == nil || !strings.Contains(err.Error(), "not as it was") {
		t.Errorf("Undo over a change of others = %v, want a refusal", err)
	}
	if _, err := x.Do(t.Context(), call("edge-1", p)); err == nil || actions.IsTemporary(err) {
		t.Errorf("Do over a change of others = %v, want a refusal", err)
	}
	for name, c := range map[string]run.Call{
		"a node without an agent": call("edge-9", put(5001, "edge-9")), "a node that is not in it": call("edge-2", p),
		"no arguments": {Node: "edge-1", Args: json.RawMessage(`[]`)},
	} {
		if _, err := x.Do(t.Context(), c); err == nil || actions.IsTemporary(err) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	_, err = x.Do(t.Context(), call("edge-1", put(5002, "edge-1")))
	if !actions.IsTemporary(err) || !strings.Contains(err.Error(), "did not confirm generation") {
		t.Errorf("Do on a node that is away = %v, want to be tried again", err)
	}
	if res, err := x.Undo(t.Context(), call("edge-1", put(5002, "edge-1")), run.Result{}); err != nil || !strings.Contains(res.Say, "has not confirmed") {
		t.Errorf("Undo on a node that is away = %+v, %v; want that it takes it later", res, err)
	}
}

// TestPutThatFails takes back what a node cannot hold, and does not fail for what is not its doing.
func TestPutThatFails(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	r.plane.set(func(p *plane) {
		p.fail = func(c overlay.Change) string {
			if c.Object.VNI == 5002 {
				return "no buffer space"
			}
			return ""
		}
	})
	x := putter{w.gate}
	if _, err := x.Do(t.Context(), call("edge-1", put(5001, "edge-1"))); err != nil {
		t.Fatal(err)
	}
	_, err := x.Do(t.Context(), call("edge-1", put(5002, "edge-1")))
	if err == nil || actions.IsTemporary(err) || !strings.Contains(err.Error(), "no buffer space") {
		t.Fatalf("Do = %v, want the node's reason", err)
	}
	d, err := w.gate.Desired(t.Context(), "edge-1")
	if err != nil || len(d.Segments) != 1 {
		t.Errorf("desired = %+v, %v; want that the failed change was taken back", d, err)
	}
	// 5002 is somebody else's, and does not work: 5003 does.
	if _, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Do(t.Context(), call("edge-1", put(5003, "edge-1"))); err != nil {
		t.Errorf("Do beside a failure of others = %v", err)
	}
	// A removal of too much, unless somebody said yes.
	have := segment(5001)
	drop := Put{Nodes: map[string]NodePut{"edge-1": {Segments: []SegmentPut{{VNI: 5001, Have: &have}}}}}
	if _, err := x.Do(t.Context(), call("edge-1", drop)); err != nil {
		t.Errorf("a removal on purpose = %v", err)
	}
}

// TestPutInRuns lets the engine carry it out on many nodes, fail on the last, and take it back on all.
func TestPutInRuns(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	nodes := []string{"edge-1", "edge-2", "edge-3"}
	planes := map[string]*plane{}
	for _, n := range nodes {
		planes[n] = w.settle(n).plane
	}
	e, err := run.New(run.Options{Store: w.store, Executors: w.gate.Executors(), Owner: "test", Lease: 5 * time.Second, Log: logOf(t, "run")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx) }()
	defer func() { cancel(); <-served }()
	perform := func(id string, vni overlay.VNI) actions.Run {
		t.Helper()
		plan := actions.Plan{
			Request: actions.Request{Intent: "segment.create", Cause: id, Actor: actions.Actor{Kind: actions.Person, Name: "anna"}}, Risk: actions.Reversible, Say: "create",
			Groups: []actions.Group{{Nodes: nodes, Steps: []actions.Step{{Kind: KindPut, Key: fmt.Sprintf("vni/%d", vni), Args: actions.Encode(put(vni, nodes...)), Say: "put"}}}},
		}
		accepted, _, err := e.Accept(ctx, plan)
		if err != nil {
			t.Fatal(err)
		}
		end, stop := context.WithTimeout(ctx, patience)
		defer stop()
		for {
			r, err := e.Get(end, accepted)
			if err == nil && r.State.Final() {
				return r
			}
			if !pause(end, 5*time.Millisecond) {
				t.Fatalf("run %s does not end: %+v, %v", accepted, r, err)
			}
		}
	}
	if r := perform("one", 5001); r.State != actions.Done {
		t.Fatalf("run = %s, %+v", r.State, r.Outcomes)
	}
	for _, n := range nodes {
		if diff := cmp.Diff([]overlay.VNI{5001}, planes[n].holds()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", n, diff)
		}
	}
	planes["edge-3"].set(func(p *plane) { p.fail = func(overlay.Change) string { return "no" } })
	if r := perform("two", 5002); r.State != actions.Undone {
		t.Errorf("run = %s, want undone: %+v", r.State, r.Outcomes)
	}
	for _, n := range nodes {
		if diff := cmp.Diff([]overlay.VNI{5001}, planes[n].holds()); diff != "" {
			t.Errorf("%s after the undo (-want +got):\n%s", n, diff)
		}
	}
}

// TestCalls makes imperative calls: once, repeated, by an owner that is no longer one, of handlers that fail, take long, or are not there.
func TestCalls(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *GateOptions) { o.Patience = 300 * time.Millisecond })
	var acted atomic.Int64
	release := make(chan struct{})
	r := w.settle("edge-1", func(o *Options) {
		o.Handlers = map[string]Handler{
			"count": func(context.Context, Order) ([]byte, error) { return fmt.Appendf(nil, "%d", acted.Add(1)), nil },
			"fail":  func(context.Context, Order) ([]byte, error) { return nil, errors.New("disk is full") },
			"big":   func(context.Context, Order) ([]byte, error) { return json.Marshal(strings.Repeat("x", maxAnswer)) },
			"panic": func(context.Context, Order) ([]byte, error) { panic("bug") },
			"slow": func(ctx context.Context, _ Order) ([]byte, error) {
				select {
				case <-release:
				case <-ctx.Done():
				}
				return []byte(`"late"`), nil
			},
		}
	})
	ask := func(key, name string, epoch uint64) (Answer, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return w.gate.Call(ctx, "edge-1", Order{Key: key, Run: "r-1", Epoch: epoch, Name: name})
	}
	if a, err := ask("k1", "count", 2); err != nil || string(a.Data) != "1" || a.Again {
		t.Errorf("the first call = %+v, %v", a, err)
	}
	if a, err := ask("k1", "count", 3); err != nil || string(a.Data) != "1" || !a.Again {
		t.Errorf("a repeat by a later owner = %+v, %v; want the first answer", a, err)
	}
	if _, err := ask("k2", "count", 2); !errors.Is(err, ErrFenced) {
		t.Errorf("a call of an earlier owner = %v, want ErrFenced", err)
	}
	for name, want := range map[string]string{"fail": "disk is full", "big": "at most", "panic": "bug in the handler", "nobody": `knows no "nobody"`} {
		if _, err := ask("k-"+name, name, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v, want %q", name, err, want)
		}
	}
	// Another process of the agent still knows both.
	r.again(nil)
	w.until("edge-1", "is back", func(s Status) bool { return s.Report.Boot == r.boot && s.Health != Offline })
	if a, err := ask("k1", "count", 3); err != nil || string(a.Data) != "1" || !a.Again || acted.Load() != 1 {
		t.Errorf("a repeat after a restart = %+v, %v, acted %d times", a, err, acted.Load())
	}
	if _, err := ask("k3", "count", 1); !errors.Is(err, ErrFenced) {
		t.Errorf("an earlier owner after a restart = %v, want ErrFenced", err)
	}
	x := doer{w.gate}
	res, err := x.Do(t.Context(), run.Call{Run: "r-2", Node: "edge-1", Key: "k4", Epoch: 1, Args: actions.Encode(Do{Name: "count", Say: "counted"})})
	if err != nil || res.Say != "counted" || string(res.Data) != "2" {
		t.Errorf("Do = %+v, %v", res, err)
	}
	if _, err := x.Do(t.Context(), run.Call{Node: "edge-9", Key: "k5", Args: actions.Encode(Do{Name: "count"})}); err == nil || actions.IsTemporary(err) {
		t.Errorf("a node without an agent = %v, want a refusal", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), x.Timeout(run.Call{}))
	defer cancel()
	slow := run.Call{Run: "r-2", Node: "edge-1", Key: "k6", Epoch: 1, Args: actions.Encode(Do{Name: "slow", Wait: time.Minute})}
	if _, err := x.Do(ctx, slow); !actions.IsTemporary(err) {
		t.Errorf("a slow one = %v, want to be tried again", err)
	}
	if got := x.Timeout(slow); got != time.Minute {
		t.Errorf("Timeout = %v, want what the step says", got)
	}
	close(release)
	if _, err := x.Do(t.Context(), slow); err != nil {
		t.Errorf("the repeat of a slow one = %v", err)
	}
}

// TestEditRaces lets many change one node at once: nothing is lost.
func TestEditRaces(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const many = 12
	done := make(chan error, many)
	for i := range many {
		go func() {
			s := segment(overlay.VNI(5001 + i))
			_, err := w.gate.Edit(context.Background(), "edge-1", Edit{Change: NodePut{VTEP: vtepOf(1), Segments: []SegmentPut{{VNI: s.VNI, Want: &s}}}.apply})
			done <- err
		}()
	}
	for range many {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	d, err := w.gate.Desired(t.Context(), "edge-1")
	if err != nil || len(d.Segments) != many || d.Generation != many {
		t.Errorf("%d segments in generation %d, %v; want %d", len(d.Segments), d.Generation, err, many)
	}
	if _, err := w.gate.Edit(t.Context(), "edge-1", Edit{Change: func(*overlay.Desired) error { return errors.New("no") }}); err == nil {
		t.Error("the error of a change is lost")
	}
	if _, err := w.gate.Edit(t.Context(), "edge-1", with(1)); err == nil || !strings.Contains(err.Error(), "reserved") {
		t.Errorf("a state that contradicts itself = %v, want its mistake", err)
	}
	entry, err := w.store.Bucket(store.Desired).Get(t.Context(), "edge-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Bucket(store.Desired).Update(t.Context(), "edge-1", []byte("spoilt"), entry.Revision); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gate.Desired(t.Context(), "edge-1"); err == nil {
		t.Error("a spoilt record was read")
	}
}

// TestCallsThatOnlyRead are neither fenced nor remembered, and not done twice at once.
func TestCallsThatOnlyRead(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var acted atomic.Int64
	r := w.settle("edge-1", func(o *Options) {
		o.Handlers = map[string]Handler{"count": func(context.Context, Order) ([]byte, error) { return fmt.Appendf(nil, "%d", acted.Add(1)), nil }}
	})
	for want := range 3 {
		a, err := w.gate.Call(t.Context(), "edge-1", Order{Key: "look", Name: "count", Reads: true})
		if err != nil || string(a.Data) != fmt.Sprint(want+1) || a.Again {
			t.Errorf("call %d = %+v, %v", want+1, a, err)
		}
	}
	if len(r.calls.Done) != 0 || len(r.calls.Epochs) != 0 {
		t.Errorf("remembered %d answers and %d epochs, want none", len(r.calls.Done), len(r.calls.Epochs))
	}
	if do, _, err := r.calls.begin(Order{Key: "open", Reads: true}); !do || err != nil {
		t.Fatalf("begin = %v, %v", do, err)
	}
	if do, _, err := r.calls.begin(Order{Key: "open", Reads: true}); do || err != nil {
		t.Errorf("begin of one under way = %v, %v", do, err)
	}
}

// TestCallsAreForgotten keeps the memory of calls within its bounds, the newest last.
func TestCallsAreForgotten(t *testing.T) {
	t.Parallel()
	c, err := openCalls(disk{t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		o := Order{Key: fmt.Sprint("k", i), Run: fmt.Sprint("r", i), Epoch: 1}
		if do, _, err := c.begin(o); !do || err != nil {
			t.Fatalf("begin = %v, %v", do, err)
		}
		if err := c.end(o, Answer{Key: o.Key, Data: actions.Encode(strings.Repeat("x", keptBytes/20))}); err != nil {
			t.Fatal(err)
		}
	}
	again, err := openCalls(c.disk)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(again.Done); n == 0 || n > 20 || again.Done[n-1].Key != "k39" {
		t.Errorf("%d answers are kept, want the newest megabyte", n)
	}
}

// TestNewAgentsAreToldTheirAddress lets the gate tell a node's VTEP before there is any segment.
func TestNewAgentsAreToldTheirAddress(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(o *GateOptions) { o.VTEP = func(string) netip.Addr { return vtepOf(7) } })
	r := w.settle("edge-1")
	w.until("edge-1", "knows its address", func(s Status) bool { return s.Health == OK && s.Generation == 1 })
	if got := r.state().Desired.VTEP; got != vtepOf(7) {
		t.Errorf("VTEP = %s, want %s", got, vtepOf(7))
	}
	r.again(nil)
	s := w.until("edge-1", "is back", func(s Status) bool { return s.Report.Boot == r.boot && s.Health == OK })
	if s.Generation != 1 {
		t.Errorf("generation = %d after a restart, want 1", s.Generation)
	}
}
