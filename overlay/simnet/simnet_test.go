package simnet_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/simnet"
)

// site is a network and what each of its nodes must hold.
type site struct {
	net  *simnet.Net
	want map[string]*overlay.Desired
}

func newSite(nodes int) *site {
	s := &site{net: simnet.New(1), want: map[string]*overlay.Desired{}}
	for i := range nodes {
		s.want[name(i)] = &overlay.Desired{Node: name(i), Incarnation: "i1", Generation: 1, VTEP: vtep(i)}
		s.net.Node(name(i), vtep(i))
	}
	return s
}

func name(i int) string { return fmt.Sprintf("edge-%d", i) }

func vtep(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}) }

// segment makes a segment between two nodes, and returns the second as its member.
func (s *site) segment(t *testing.T, vni overlay.VNI, a, b int) overlay.Member {
	t.Helper()
	seg := overlay.Segment{Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: 1450, V4: netip.MustParsePrefix("100.64.0.0/22"), V6: overlay.SegmentV6(1, vni)}
	plan, err := overlay.NewAddressPlan(seg, nil)
	if err != nil {
		t.Fatal(err)
	}
	var members []overlay.Member
	for _, n := range []int{a, b} {
		m, err := plan.Take(name(n), "", vtep(n))
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	for i, m := range members {
		other := members[1-i]
		d := s.want[m.Node]
		d.Segments = append(d.Segments, overlay.NodeSegment{Name: seg.Name, Tenant: seg.Tenant, VNI: vni, MTU: seg.MTU, V4: seg.V4, V6: seg.V6,
			Local: []overlay.Member{m}, Remote: []overlay.Member{other}, Remotes: []netip.Addr{other.VTEP}})
		slices.SortFunc(d.Segments, func(a, b overlay.NodeSegment) int { return cmp.Compare(a.VNI, b.VNI) })
	}
	return members[1]
}

// settle reconciles every node once.
func (s *site) settle(t *testing.T) {
	t.Helper()
	for node, want := range s.want {
		if err := want.Check(); err != nil {
			t.Fatal(err)
		}
		plane := s.net.Node(node, netip.Addr{})
		have, err := plane.Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plane.Apply(context.Background(), overlay.Diff(*want, have)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPingTellsWhereItGotLost(t *testing.T) {
	t.Parallel()
	s := newSite(3)
	ip := s.segment(t, 5001, 0, 1).IPs[0]
	far := s.segment(t, 5002, 2, 1).IPs[0]
	if err := s.net.Ping("edge-0", "", 5001, ip); !errors.Is(err, simnet.ErrNoRoute) {
		t.Errorf("before anything is there: %v, want %v", err, simnet.ErrNoRoute)
	}
	s.settle(t)
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
	if err := s.net.Ping("edge-0", "", 5002, far); err == nil {
		t.Error("edge-0 reaches VNI 5002, which it is no member of")
	}
}

func TestHiddenHopAndDelay(t *testing.T) {
	t.Parallel()
	s := newSite(2)
	ip := s.segment(t, 5001, 0, 1).IPs[0]
	s.settle(t)
	s.net.HideHop("edge-1", 1400)
	s.net.Delay(3 * time.Millisecond)
	for size, passes := range map[int]bool{1350: true, 1351: false} {
		took, err := s.net.Probe("edge-0", "", 5001, ip, size)
		if (err == nil) != passes || passes && took != 6*time.Millisecond {
			t.Errorf("Probe of %d bytes = %v, %v, want passing %v in 6ms", size, took, err, passes)
		}
	}
}

// TestAnyTroubleEndsInOnePass lets nodes die, reboot, fail and be sabotaged, and holds that one calm pass a node repairs all of it.
func ExampleNet_Ping() {
	net := simnet.New(1)
	net.Node("edge-1", netip.MustParseAddr("192.0.2.1"))
	fmt.Println(net.Ping("edge-1", "", 5001, netip.MustParseAddr("100.64.0.3")))
	// Output: ping 100.64.0.3 from edge-1 in VNI 5001: no entry leads there (no address of its own)
}
