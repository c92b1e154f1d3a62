package segment_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// TestAnyTroubleEndsInOnePass lets nodes die, reboot, fail and be sabotaged, and holds that one calm pass a node repairs all of it.
func TestAnyTroubleEndsInOnePass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newSite(t, 5, rapid.Uint64().Draw(rt, "seed"))
		for vni := overlay.VNI(5001); vni < 5004; vni++ {
			nodes := rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 1, 5, rapid.ID[int]).Draw(rt, "nodes")
			s.segment(rt, vni, nodes...)
			if rapid.Bool().Draw(rt, "endpoint") {
				s.attach(rt, vni, nodes[0], "box")
			}
		}
		s.write(rt)
		for range rapid.IntRange(0, 20).Draw(rt, "events") {
			s.trouble(rt, name(rapid.IntRange(0, 4).Draw(rt, "node")))
		}
		for i := range 5 {
			if changes, err := s.pass(rt, name(i)); err != nil {
				rt.Fatalf("%v after\n%s", err, changes)
			}
			if again, _ := s.pass(rt, name(i)); !again.Empty() {
				rt.Fatalf("a second pass on %s would do\n%s", name(i), again)
			}
		}
		for vni := overlay.VNI(5001); vni < 5004; vni++ {
			if err := s.pingAll(vni); err != nil {
				rt.Fatalf("%v", err)
			}
		}
	})
}

// trouble befalls a node.
func (s *site) trouble(t *rapid.T, n string) {
	node := s.net.Node(n, netip.Addr{})
	switch rapid.IntRange(0, 5).Draw(t, "event") {
	case 0:
		node.Reboot()
	case 1:
		node.DieAfter(rapid.IntRange(1, 30).Draw(t, "changes"))
		_, _ = s.pass(t, n) // it may die
	case 2:
		node.Fail(0.3)
		_, _ = s.pass(t, n)
		node.Fail(0)
	case 3:
		t.Log(node.Sabotage())
	case 4:
		_, _ = s.pass(t, n)
	case 5:
		s.detach(5002, n)
		s.write(t)
	}
	node.DieAfter(0)
}

// TestMoveMakesBeforeItBreaks holds that while an endpoint moves, no step on any node cuts others off, whoever is brought to it first.
func TestMoveMakesBeforeItBreaks(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int{{3, 1, 2, 0}, {0, 3, 1, 2}} {
		s := newSite(t, 4, 1)
		s.segment(t, 5001, 0, 1, 2, 3)
		box := s.attach(t, 5001, 0, "box")
		s.attach(t, 5001, 3, "other") // so that no bridge comes or goes: that takes a node's own traffic a moment
		s.attach(t, 5001, 0, "third")
		s.write(t)
		for i := range 4 {
			if _, err := s.pass(t, name(i)); err != nil {
				t.Fatal(err)
			}
		}
		for i, seat := range s.records[5001].Seats {
			if seat.Endpoint == box.Endpoint {
				seat.Node, seat.VTEP, seat.Sequence = name(3), vtep(3), 1
				s.records[5001].Seats[i] = seat
			}
		}
		s.write(t)
		for _, i := range order {
			s.stepwise(t, i)
		}
		if err := s.pingAll(5001); err != nil {
			t.Error(err)
		}
	}
}

// stepwise brings a node to what it must hold change by change; the nodes themselves reach one another after each of them.
func (s *site) stepwise(t *testing.T, node int) {
	t.Helper()
	plane, others := s.net.Node(name(node), netip.Addr{}), s.members(5001)[:4]
	have, _ := plane.Read(context.Background())
	for _, step := range overlay.Diff(s.desired(t, name(node)), have).List {
		if _, err := plane.Apply(context.Background(), overlay.Changes{List: []overlay.Change{step}}); err != nil {
			t.Fatal(err)
		}
		for _, a := range others {
			for _, b := range others {
				if err := s.net.Ping(a.Node, "", 5001, b.IPs[0]); a.Node != b.Node && err != nil {
					t.Errorf("after %q on %s: %v", step, name(node), err)
				}
			}
		}
	}
}

// share is n in the long runs and a tenth of it in the short ones.
func share(n int) int {
	if os.Getenv("OPSBOT_SOAK") == "" {
		return n / 10
	}
	return n
}

// TestTenThousandNodes makes segments over very many nodes, changes one and looks who was touched.
func TestTenThousandNodes(t *testing.T) {
	t.Parallel()
	nodes := share(10000)
	s := newSite(t, nodes, 1)
	for v := range nodes {
		members := make([]int, 10)
		for i := range members {
			members[i] = (v*7 + i*131) % nodes
		}
		slices.Sort(members)
		s.segment(t, overlay.FirstVNI+overlay.VNI(v), slices.Compact(members)...)
	}
	s.write(t)
	for i := range nodes {
		if _, err := s.pass(t, name(i)); err != nil {
			t.Fatal(err)
		}
	}
	for v := 0; v < nodes; v += nodes / 50 {
		if err := s.pingAll(overlay.FirstVNI + overlay.VNI(v)); err != nil {
			t.Fatal(err)
		}
	}
	before := make([]int, nodes)
	for i := range nodes {
		before[i] = s.net.Node(name(i), netip.Addr{}).Applied()
	}
	vni, to := overlay.FirstVNI+17, (17*7+5)%nodes
	m := s.attach(t, vni, to, "box")
	s.write(t)
	holders := s.records[vni].Nodes()
	groups, _, err := s.Move(t.Context(), siteWorld{}, "anna", s.records[vni].Name, m.Endpoint, name(17*7))
	if diff := cmp.Diff(holders, planned(groups)); err != nil || diff != "" {
		t.Errorf("nodes of the plan to move %s: %v (-want +got):\n%s", m.Key(), err, diff)
	}
	for i := range nodes {
		if _, err := s.pass(t, name(i)); err != nil {
			t.Fatal(err)
		}
		if touched := s.net.Node(name(i), netip.Addr{}).Applied() > before[i]; touched != slices.Contains(holders, name(i)) {
			t.Errorf("%s was touched: %v, holders of VNI %d are %v", name(i), touched, vni, holders)
		}
	}
}

// TestPlanSaysWhatHappens holds that a plan changes nothing, and that when it is carried out, the nodes that it names change, and no other.
func TestPlanSaysWhatHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
			return change{node: fmt.Sprintf("edge-%d", rapid.IntRange(1, 8).Draw(t, "node")), detach: rapid.Bool().Draw(t, "detach")}
		}), 0, 12).Draw(rt, "changes")
		synctest.Test(t, func(t *testing.T) {
			h := newHome(t, memory(), newFleet()).serve(t, "bot")
			defer h.stop()
			must(t, h.do(t, "segment.create", "segment=live", "tenant=acme", "vni=5001"), actions.Done)
			for _, c := range changes {
				h.foretold(t, c)
			}
		})
	})
}

// change is that a node comes into segment live, or goes.
type change struct {
	node   string
	detach bool
}

// foretold plans a change, carries it out and compares.
func (h *home) foretold(t *testing.T, c change) {
	t.Helper()
	intent := "segment.attach"
	if c.detach {
		intent = "segment.detach"
	}
	was, _ := h.store.Find("live")
	before := h.fleet.objects()
	p, err := h.plan(t, intent, "segment=live", "node="+c.node)
	if in := slices.Contains(was.Nodes(), c.node); (err == nil) != (in == c.detach) {
		t.Fatalf("plan of %+v while %v are in: %v", c, was.Nodes(), err)
	}
	now, _ := h.store.Find("live")
	if diff := cmp.Diff(before, h.fleet.objects(), cmp.Comparer(sameObject)) + cmp.Diff(was.Nodes(), now.Nodes()); diff != "" {
		t.Fatalf("planning %+v changed something:\n%s", c, diff)
	}
	if err != nil {
		return
	}
	must(t, h.carry(t, p), actions.Done)
	var touched []string
	for node, is := range h.fleet.objects() {
		if !slices.EqualFunc(is, before[node], sameObject) {
			touched = append(touched, node)
		}
	}
	slices.Sort(touched)
	if diff := cmp.Diff(planned(p.Groups), touched); diff != "" {
		t.Fatalf("%+v while %v were in: nodes of the plan and nodes that changed differ:\n%s", c, was.Nodes(), diff)
	}
}

func sameObject(a, b overlay.Object) bool { return a == b }

// objects is what each node holds.
func (f *fleet) objects() map[string][]overlay.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string][]overlay.Object{}
	for node, a := range f.nodes {
		out[node] = slices.Clone(a.objects)
	}
	return out
}

// million is a bucket that sends very many segments of ten endpoints each over very many nodes, and keeps none of them.
type million struct {
	store.KV
	segments, nodes int
}

// Watch implements [store.KV].
func (m million) Watch(ctx context.Context, _ string) (<-chan store.Entry, error) {
	out := make(chan store.Entry)
	go func() {
		defer close(out)
		for v := range m.segments {
			r := m.record(v)
			select {
			case out <- store.Entry{Key: "segment." + r.Name, Value: actions.Encode(r)}:
			case <-ctx.Done():
				return
			}
		}
		select {
		case out <- store.Entry{}:
			<-ctx.Done()
		case <-ctx.Done():
		}
	}()
	return out, nil
}

// record is one of its segments. A tenant has as many as the pool has prefixes.
func (m million) record(v int) segment.Record {
	const each = 1 << 14
	r := segment.Record{Schema: 1, Mark: "bench", Segment: overlay.Segment{
		Name: fmt.Sprintf("s-%d", v), Tenant: fmt.Sprintf("tv-%d", v/each), VNI: overlay.FirstVNI + overlay.VNI(v), MTU: 1450,
		V4: prefix(v % each),
	}}
	for i := range 10 {
		n := (v*7 + i*997) % m.nodes
		r.Seats = append(r.Seats, segment.Seat{Mark: "bench", Member: overlay.Member{
			Node: name(n), Endpoint: string(rune('a' + i)), MAC: overlay.MAC{2, byte(i), byte(v >> 16), byte(v >> 8), byte(v), 1},
			IPs: []netip.Addr{netip.AddrFrom4([4]byte{100, 64 | byte(v%each>>8), byte(v), byte(i + 2)})}, VTEP: vtep(n),
		}})
	}
	return r
}

// BenchmarkPlanOneChange plans a move in a site of a million segments over ten thousand nodes (a tenth of the segments in short runs), and composes
// what one of the nodes that it names must hold.
func BenchmarkPlanOneChange(b *testing.B) {
	const nodes = 10000
	m, known := million{memory().Bucket(store.Segments), share(1000000), nodes}, make(chan struct{})
	s, err := segment.NewStore(segment.StoreOptions{Segments: m, VNIs: memory().Bucket(store.VNIs), Changed: func(context.Context) { close(known) }})
	if err != nil {
		b.Fatal(err)
	}
	segments, err := segment.New(segment.Options{Store: s, Allocator: allocator(b, memory().Bucket(store.VNIs)), Fleet: siteFleet(nodes)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { stop(); <-ended }()
	select {
	case <-known:
	case <-time.After(10 * time.Minute):
		b.Fatal("the segments do not come")
	}
	b.Run("plan", func(b *testing.B) {
		touched := 0
		for i := 0; b.Loop(); i++ {
			v := i * 7919 % m.segments
			groups, _, err := segments.Move(ctx, siteWorld{}, "anna", fmt.Sprintf("s-%d", v), "d", name((v*7+3*997+i%nodes+1)%nodes))
			if err != nil && i%nodes != nodes-1 {
				b.Fatal(err)
			}
			touched = max(touched, len(planned(groups)))
		}
		b.ReportMetric(float64(touched), "nodes-touched")
		b.ReportMetric(float64(m.segments), "segments")
	})
	b.Run("compose", func(b *testing.B) {
		held := 0
		for i := 0; b.Loop(); i++ {
			d, err := segments.Desired(ctx, name(i*31%nodes))
			if err != nil {
				b.Fatal(err)
			}
			held = max(held, len(d.Segments))
		}
		b.ReportMetric(float64(held), "segments-on-node")
		b.ReportMetric(float64(m.segments), "segments")
	})
}
