package segment_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/simnet"
)

// tb is what both a test and a property need.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// site is segments of a store over the nodes site-0, site-1 and so on of a simulated network, each of which holds what is composed for it from the
// records. Here the records are written as another replica would write them, without the steps of a run.
type site struct {
	*home
	net     *simnet.Net
	bucket  store.KV
	records map[overlay.VNI]segment.Record
}

func newSite(t testing.TB, nodes int, seed uint64) *site {
	f := siteFleet(nodes)
	s := &site{net: simnet.New(seed), records: map[overlay.VNI]segment.Record{}}
	for i := range nodes {
		s.net.Node(name(i), vtep(i))
	}
	kv := memory()
	s.home, s.bucket = newHome(t, kv, f), kv.Bucket(store.Segments)
	return s
}

// siteFleet is the agents of a site.
func siteFleet(nodes int) *fleet {
	f := &fleet{nodes: map[string]*agent{}}
	for i := range nodes {
		f.nodes[name(i)] = &agent{look: segment.Look{VTEP: vtep(i), Underlay: 1500, Connected: true}}
	}
	return f
}

func name(i int) string { return fmt.Sprintf("site-%d", i) }

func vtep(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// siteWorld is the inventory of a site.
type siteWorld struct{ world }

func (siteWorld) Node(_ context.Context, name string) (actions.Node, error) {
	return actions.Node{Name: name}, nil
}

// prefix is the n-th of the 16,384 prefixes of a tenant.
func prefix(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64 | byte(n>>8), byte(n), 0}), 24)
}

// segment makes a segment with the nodes given as members.
func (s *site) segment(t tb, vni overlay.VNI, nodes ...int) {
	t.Helper()
	s.records[vni] = segment.Record{Schema: 1, Mark: "site", Segment: overlay.Segment{
		Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: 1450, V4: prefix(int(vni - overlay.FirstVNI)), V6: overlay.SegmentV6(1, vni),
	}}
	for _, n := range nodes {
		s.attach(t, vni, n, "")
	}
}

// attach puts a node, or an endpoint on it, into a segment.
func (s *site) attach(t tb, vni overlay.VNI, node int, endpoint string) overlay.Member {
	t.Helper()
	r := s.records[vni]
	plan, err := overlay.NewAddressPlan(r.Segment, r.Members())
	if err != nil {
		t.Fatalf("%v", err)
	}
	m, err := plan.Take(name(node), endpoint, vtep(node))
	if err != nil {
		t.Fatalf("%v", err)
	}
	r.Seats = append(slices.Clone(r.Seats), segment.Seat{Member: m, Underlay: 1500, Mark: "site"})
	s.records[vni] = r
	return m
}

// detach takes a node out of a segment, with all endpoints on it.
func (s *site) detach(vni overlay.VNI, node string) {
	r := s.records[vni]
	r.Seats = slices.DeleteFunc(slices.Clone(r.Seats), func(m segment.Seat) bool { return m.Node == node })
	r.Left = append(slices.Clone(r.Left), node)
	s.records[vni] = r
}

// write makes the records what the store holds, and reads them from there.
func (s *site) write(t tb) {
	t.Helper()
	ctx := context.Background()
	for _, r := range s.records {
		key, value := "segment."+r.Name, actions.Encode(r)
		e, err := s.bucket.Get(ctx, key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			_, err = s.bucket.Create(ctx, key, value)
		case err == nil && string(e.Value) != string(value):
			_, err = s.bucket.Update(ctx, key, value, e.Revision)
		}
		if err != nil {
			t.Fatalf("write %s: %v", key, err)
		}
	}
	if err := s.store.Load(ctx); err != nil {
		t.Fatalf("%v", err)
	}
}

// members are those of a segment, those without an endpoint first.
func (s *site) members(vni overlay.VNI) []overlay.Member {
	return overlay.Members(s.records[vni].Members())
}

// desired is what a node must hold.
func (s *site) desired(t tb, node string) overlay.Desired {
	t.Helper()
	want, err := s.Desired(context.Background(), node)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := want.Check(); err != nil {
		t.Fatalf("%v", err)
	}
	return want
}

// pass reconciles a node once. What fails is left to the next pass.
func (s *site) pass(t tb, node string) (overlay.Changes, error) {
	t.Helper()
	plane := s.net.Node(node, netip.Addr{})
	have, err := plane.Read(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	changes := overlay.Diff(s.desired(t, node), have)
	_, err = plane.Apply(context.Background(), changes)
	return changes, err
}

// pingAll pings between all members of a segment and returns the first failure.
func (s *site) pingAll(vni overlay.VNI) error {
	members := s.members(vni)
	for _, a := range members {
		for _, b := range members {
			if a.Key() == b.Key() {
				continue
			}
			for _, ip := range b.IPs {
				if err := s.net.Ping(a.Node, a.Endpoint, vni, ip); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// planned are the nodes of a plan, each once.
func planned(groups []actions.Group) (nodes []string) {
	for _, g := range groups {
		nodes = append(nodes, g.Nodes...)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// TestDesiredTellsEachNodeItsPart composes what each node must hold of a segment over three of them.
func TestDesiredTellsEachNodeItsPart(t *testing.T) {
	t.Parallel()
	s := newSite(t, 6, 1)
	s.segment(t, 5001, 4, 2, 3)
	s.write(t)
	d := s.desired(t, "site-3")
	if len(d.Segments) != 1 || d.VTEP != vtep(3) {
		t.Fatalf("desired state of site-3: %+v", d)
	}
	n := d.Segments[0]
	if len(n.Local) != 1 || n.Local[0].Node != "site-3" || fmt.Sprint(n.Remotes) != "[10.0.0.2 10.0.0.4]" || len(n.Remote) != 2 || n.Remote[0].Node != "site-2" {
		t.Errorf("segment on site-3: %+v", n)
	}
	for _, i := range []int{5, 9} { // 9 is no node
		if d := s.desired(t, name(i)); len(d.Segments) != 0 {
			t.Errorf("desired state of %s: %+v, want nothing to hold", name(i), d)
		}
	}
	s.segment(t, 5002, 9)
	s.write(t)
	if d, err := s.Desired(t.Context(), "site-9"); !errors.Is(err, segment.ErrNoAgent) {
		t.Errorf("desired state of a member without an agent: %+v, %v", d, err)
	}
	s.detach(5001, "site-4")
	s.write(t)
	if d := s.desired(t, "site-4"); len(d.Segments) != 0 || !slices.Equal(d.Gone, []overlay.VNI{5001}) {
		t.Errorf("desired state of a node that left: %+v", d)
	}
	if d := s.desired(t, "site-3"); fmt.Sprint(d.Segments[0].Remotes) != "[10.0.0.2]" {
		t.Errorf("desired state beside it: %+v", d)
	}
}

// TestPlanOfAMoveNamesTheHoldersAlone moves an endpoint on paper, and sees that nothing but paper changed.
func TestPlanOfAMoveNamesTheHoldersAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, 8, 1)
	s.segment(t, 5001, 4, 2, 3)
	s.attach(t, 5001, 4, "box")
	s.segment(t, 5002, 1, 6)
	s.write(t)
	groups, _, err := s.Move(t.Context(), siteWorld{}, "anna", "s5001", "box", "site-5")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(planned(groups), " "); got != "site-2 site-3 site-4 site-5" {
		t.Errorf("nodes of the plan: %s", got)
	}
	if _, _, err := s.Move(t.Context(), siteWorld{}, "anna", "s5001", "box", "site-9"); !errors.Is(err, segment.ErrNoAgent) {
		t.Errorf("a move to a node without an agent: %v", err)
	}
	have, _ := s.store.Find("s5001")
	if got := strings.Join(have.Nodes(), " "); got != "site-2 site-3 site-4" || len(have.Seats) != 4 {
		t.Errorf("planning changed the segment: %s, %d members", got, len(have.Seats))
	}
}
