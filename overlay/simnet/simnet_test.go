package simnet_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/simnet"
	"pgregory.net/rapid"
)

// tb is what both a test and a property need.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// site is a fleet, the network that it lives on, and its addresses.
type site struct {
	fleet *overlay.Fleet
	net   *simnet.Net
	plans map[overlay.VNI]*overlay.AddressPlan
}

func newSite(nodes int, seed uint64) *site {
	s := &site{fleet: overlay.NewFleet(), net: simnet.New(seed), plans: map[overlay.VNI]*overlay.AddressPlan{}}
	for i := range nodes {
		s.fleet.PutNode(overlay.NodeView{Node: name(i), VTEP: vtep(i)})
		s.net.Node(name(i), vtep(i))
	}
	return s
}

func name(i int) string { return fmt.Sprintf("edge-%d", i) }

func vtep(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// segment makes a segment with the nodes given as members.
func (s *site) segment(t tb, vni overlay.VNI, nodes ...int) {
	t.Helper()
	seg := overlay.Segment{Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: 1450, V4: netip.MustParsePrefix("100.64.0.0/22"), V6: overlay.SegmentV6(1, vni)}
	s.fleet.PutSegment(seg)
	plan, err := overlay.NewAddressPlan(seg, nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	s.plans[vni] = plan
	for _, n := range nodes {
		s.attach(t, vni, n, "")
	}
}

func (s *site) attach(t tb, vni overlay.VNI, node int, endpoint string) overlay.Member {
	t.Helper()
	m, err := s.plans[vni].Take(name(node), endpoint, vtep(node))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := s.fleet.Attach(vni, m); err != nil {
		t.Fatalf("%v", err)
	}
	return m
}

// pass reconciles a node once. What fails is left to the next pass.
func (s *site) pass(t tb, node string) (overlay.Changes, error) {
	t.Helper()
	want, err := s.fleet.Desired(node, "i1", 1)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := want.Check(); err != nil {
		t.Fatalf("%v", err)
	}
	plane := s.net.Node(node, netip.Addr{})
	have, err := plane.Read(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	changes := overlay.Diff(want, have)
	_, err = plane.Apply(context.Background(), changes)
	return changes, err
}

// pingAll pings between all members of a segment and returns the first failure.
func (s *site) pingAll(vni overlay.VNI) error {
	members := s.fleet.MembersOf(vni)
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

func TestPingTellsWhereItGotLost(t *testing.T) {
	t.Parallel()
	s := newSite(3, 1)
	s.segment(t, 5001, 0, 1)
	s.segment(t, 5002, 1, 2)
	ip := s.fleet.MembersOf(5001)[1].IPs[0]
	if err := s.net.Ping("edge-0", "", 5001, ip); !errors.Is(err, simnet.ErrNoRoute) {
		t.Errorf("before anything is there: %v, want %v", err, simnet.ErrNoRoute)
	}
	for _, n := range []string{"edge-0", "edge-1", "edge-2"} {
		if _, err := s.pass(t, n); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		hurt func()
		want error
	}{
		{"all well", func() {}, nil},
		{"loss", func() { s.net.Loss(1) }, simnet.ErrLost},
		{"partition", func() { s.net.Partition([]string{"edge-0"}, []string{"edge-1"}) }, simnet.ErrLost},
		{"a peer that forgot", func() { s.net.Node("edge-1", netip.Addr{}).Reboot() }, simnet.ErrDropped},
	} {
		c.hurt()
		if err := s.net.Ping("edge-0", "", 5001, ip); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		s.net.Heal()
	}
	if err := s.net.Ping("edge-0", "", 5002, s.fleet.MembersOf(5002)[0].IPs[0]); err == nil {
		t.Error("edge-0 reaches VNI 5002, which it is no member of")
	}
}

func TestHiddenHopAndDelay(t *testing.T) {
	t.Parallel()
	s := newSite(2, 1)
	s.segment(t, 5001, 0, 1)
	for _, n := range []string{"edge-0", "edge-1"} {
		if _, err := s.pass(t, n); err != nil {
			t.Fatal(err)
		}
	}
	s.net.HideHop("edge-1", 1400)
	s.net.Delay(3 * time.Millisecond)
	ip := s.fleet.MembersOf(5001)[1].IPs[0]
	for size, passes := range map[int]bool{1350: true, 1351: false} {
		took, err := s.net.Probe("edge-0", "", 5001, ip, size)
		if (err == nil) != passes || passes && took != 6*time.Millisecond {
			t.Errorf("Probe of %d bytes = %v, %v, want passing %v in 6ms", size, took, err, passes)
		}
	}
}

// TestAnyTroubleEndsInOnePass lets nodes die, reboot, fail and be sabotaged, and holds that one calm pass a node repairs all of it.
func TestAnyTroubleEndsInOnePass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSite(5, rapid.Uint64().Draw(t, "seed"))
		for vni := overlay.VNI(5001); vni < 5004; vni++ {
			nodes := rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 1, 5, rapid.ID[int]).Draw(t, "nodes")
			s.segment(t, vni, nodes...)
			if rapid.Bool().Draw(t, "endpoint") {
				s.attach(t, vni, nodes[0], "box")
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			n := name(rapid.IntRange(0, 4).Draw(t, "node"))
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
				s.fleet.Detach(5002, "node/"+n)
			}
			node.DieAfter(0)
		}
		for i := range 5 {
			if changes, err := s.pass(t, name(i)); err != nil {
				t.Fatalf("%v after\n%s", err, changes)
			}
			if again, _ := s.pass(t, name(i)); !again.Empty() {
				t.Fatalf("a second pass on %s would do\n%s", name(i), again)
			}
		}
		for vni := overlay.VNI(5001); vni < 5004; vni++ {
			if err := s.pingAll(vni); err != nil {
				t.Fatalf("%v", err)
			}
		}
	})
}

// TestMoveMakesBeforeItBreaks holds that while an endpoint moves, no step on any node cuts others off.
func TestMoveMakesBeforeItBreaks(t *testing.T) {
	t.Parallel()
	s := newSite(4, 1)
	s.segment(t, 5001, 0, 1, 2, 3)
	box := s.attach(t, 5001, 0, "box")
	s.attach(t, 5001, 3, "other") // so that no bridge comes or goes: that takes a node's own traffic a moment
	s.attach(t, 5001, 0, "third")
	for i := range 4 {
		if _, err := s.pass(t, name(i)); err != nil {
			t.Fatal(err)
		}
	}
	box.Node, box.VTEP, box.Sequence = name(3), vtep(3), 1
	if err := s.fleet.Attach(5001, box); err != nil {
		t.Fatal(err)
	}
	others := s.fleet.MembersOf(5001)[:4] // those without an endpoint come first
	for _, i := range []int{3, 1, 2, 0} {
		plane := s.net.Node(name(i), netip.Addr{})
		want, err := s.fleet.Desired(name(i), "i1", 2)
		if err != nil {
			t.Fatal(err)
		}
		have, _ := plane.Read(context.Background())
		changes := overlay.Diff(want, have)
		for _, step := range changes.List {
			if _, err := plane.Apply(context.Background(), overlay.Changes{List: []overlay.Change{step}}); err != nil {
				t.Fatal(err)
			}
			for _, a := range others {
				for _, b := range others {
					if err := s.net.Ping(a.Node, "", 5001, b.IPs[0]); a.Node != b.Node && err != nil {
						t.Errorf("after %q on %s: %v", step, name(i), err)
					}
				}
			}
		}
	}
	if err := s.pingAll(5001); err != nil {
		t.Error(err)
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
	s := newSite(nodes, 1)
	for v := range nodes {
		members := make([]int, 10)
		for i := range members {
			members[i] = (v*7 + i*131) % nodes
		}
		slices.Sort(members)
		s.segment(t, overlay.FirstVNI+overlay.VNI(v), slices.Compact(members)...)
	}
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
	vni := overlay.FirstVNI + 17
	m := s.attach(t, vni, (17*7+5)%nodes, "box")
	plan, err := s.fleet.Plan(vni, func(f *overlay.Fleet) error { f.Detach(vni, m.Key()); return nil })
	if err != nil || len(plan) != len(s.fleet.NodesOf(vni)) {
		t.Errorf("the plan to take %s away names %d nodes, %v, want %d", m.Key(), len(plan), err, len(s.fleet.NodesOf(vni)))
	}
	holders := s.fleet.NodesOf(vni)
	for i := range nodes {
		if _, err := s.pass(t, name(i)); err != nil {
			t.Fatal(err)
		}
		if touched := s.net.Node(name(i), netip.Addr{}).Applied() > before[i]; touched != slices.Contains(holders, name(i)) {
			t.Errorf("%s was touched: %v, holders of VNI %d are %v", name(i), touched, vni, holders)
		}
	}
}

// BenchmarkPlanOneChange plans a move in a site of a million segments over ten thousand nodes (a tenth of the segments in short runs).
func BenchmarkPlanOneChange(b *testing.B) {
	const nodes = 10000
	segments := share(1000000)
	f := overlay.NewFleet()
	for i := range nodes {
		f.PutNode(overlay.NodeView{Node: name(i), VTEP: vtep(i)})
	}
	for v := range segments {
		vni := overlay.FirstVNI + overlay.VNI(v)
		f.PutSegment(overlay.Segment{Name: "s", Tenant: "tv", VNI: vni, MTU: 1450, V4: netip.MustParsePrefix("100.64.0.0/24")})
		for i := range 10 {
			m := overlay.Member{Node: name((v*7 + i*997) % nodes), Endpoint: string(rune('a' + i)), MAC: overlay.MAC{2, byte(i), byte(v >> 16), byte(v >> 8), byte(v), 1},
				IPs: []netip.Addr{netip.AddrFrom4([4]byte{100, 64, 0, byte(i + 2)})}}
			if err := f.Attach(vni, m); err != nil {
				b.Fatal(err)
			}
		}
	}
	touched := 0
	for i := 0; b.Loop(); i++ {
		vni := overlay.FirstVNI + overlay.VNI(i*7919%segments)
		plan, err := f.Plan(vni, func(f *overlay.Fleet) error {
			m := f.MembersOf(vni)[3]
			m.Node, m.Sequence = name((i*31)%nodes), m.Sequence+1
			return f.Attach(vni, m)
		})
		if err != nil {
			b.Fatal(err)
		}
		touched = max(touched, len(plan))
	}
	b.ReportMetric(float64(touched), "nodes-touched")
	b.ReportMetric(float64(segments), "segments")
}

func ExampleNet_Ping() {
	net := simnet.New(1)
	net.Node("edge-1", netip.MustParseAddr("192.0.2.1"))
	fmt.Println(net.Ping("edge-1", "", 5001, netip.MustParseAddr("100.64.0.3")))
	// Output: ping 100.64.0.3 from edge-1 in VNI 5001: no entry leads there (no address of its own)
}
