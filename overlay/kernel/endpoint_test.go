//go:build linux

package kernel_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
)

// apply reconciles a node once and returns the report.
func (w *world) apply(t *testing.T, node int) overlay.Report {
	t.Helper()
	have, err := w.Planes[node].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.Planes[node].Apply(context.Background(), overlay.Diff(w.Desired(node), have))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAnEndpointThatIsNotThereIsReportedAndTakenUpLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	m := w.Attach(t, s, 0, "box")
	report := w.apply(t, 0)
	if len(report.Failed) == 0 || !strings.Contains(report.Failed[0].Err, "endpoint box, mac "+m.MAC.String()) || !strings.Contains(report.Failed[0].Err, "no such file or directory") {
		t.Errorf("report: %+v, want the endpoint that is not there", report.Failed)
	}
	w.Pass(t, 1)
	w.Lab.Nodes[1].Ping(t, w.Members[0].IPs[0], true) // the rest of the segment works
	w.Lab.Nodes[0].Endpoint(t, "box")
	w.Settle(t)
	w.Lab.Nodes[1].Ping(t, m.IPs[0], true)
}

// TestAnEndpointThatGoesTakesNoOtherAlong: its ports are lost, those of another are as they were, and it is taken up when it is there again.
func TestAnEndpointThatGoesTakesNoOtherAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	n := w.Lab.Nodes[0]
	n.Endpoint(t, "box")
	n.Endpoint(t, "other")
	first, second := w.Segment(t, 5001, 0, 1), w.Segment(t, 5002, 0, 1)
	for _, s := range []overlay.Segment{first, second} {
		w.Attach(t, s, 0, "box")
		w.Attach(t, s, 0, "other")
	}
	w.Settle(t)
	name := filepath.Join(n.Endpoints, "box")
	if err := os.Rename(name, name+"-away"); err != nil {
		t.Fatal(err)
	}
	have, err := w.Planes[0].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ports, addresses := map[string]int{}, map[string]int{}
	for _, o := range have.Objects {
		switch o.Kind {
		case overlay.Port:
			ports[o.Endpoint+" "+o.Flaw]++
		case overlay.EndpointAddress:
			addresses[o.Endpoint]++
		}
	}
	if d := cmp.Diff(map[string]int{"box " + overlay.FlawKind: 2, "other ": 2}, ports); d != "" {
		t.Errorf("ports and their flaws (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]int{"other": 4}, addresses); d != "" { // IPv4 and IPv6 in each segment
		t.Errorf("addresses inside (-want +got):\n%s", d)
	}
	if err := os.Rename(name+"-away", name); err != nil {
		t.Fatal(err)
	}
	w.Settle(t)
	w.PingAll(t, first)
}

// TestADeviceOfAnotherIndexIsTakenUp: somebody made one of ours anew by hand, with our mark and the index that the kernel gave.
func TestADeviceOfAnotherIndexIsTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	n := w.Lab.Nodes[0]
	n.Run(t, "ip", "link", "delete", "ob001389")
	n.Run(t, "ip", "link", "add", "name", "ob001389", "type", "vxlan", "id", "5001", "local", "192.0.2.1", "dstport", "4789", "nolearning")
	n.Run(t, "ip", "link", "set", "dev", "ob001389", "alias", "opsbot test 1")
	w.Settle(t)
	w.PingAll(t, s)
	w.Segments, w.Members = nil, nil
	w.Settle(t)
	if links := n.Run(t, "ip", "-o", "link"); strings.Contains(links, "ob001389") {
		t.Errorf("left behind:\n%s", links)
	}
}

// TestDevicesHaveIPv6WhereTheyNeedIt, whatever the node gives to new devices.
func TestDevicesHaveIPv6WhereTheyNeedIt(t *testing.T) {
	t.Parallel()
	for _, nodeHasIt := range []bool{true, false} {
		n, p := benchNode(t, nodeHasIt)
		want := manySegments(2)
		s := &want.Segments[1]
		s.V6 = netip.MustParsePrefix("fd00:0:0:5002::/64")
		s.Local[0].IPs = append(s.Local[0].IPs, netip.MustParseAddr("fd00:0:0:5002::1"))
		hold(t, p, want)
		for device, off := range map[string]string{"ob001389": "1", "ob00138a": "0"} {
			if got := strings.TrimSpace(n.Run(t, "cat", "/proc/sys/net/ipv6/conf/"+device+"/disable_ipv6")); got != off {
				t.Errorf("on a node whose new devices have IPv6 (%v), disable_ipv6 of %s is %s, want %s", nodeHasIt, device, got, off)
			}
		}
		if addresses := n.Run(t, "ip", "-6", "-o", "address", "show", "dev", "ob00138a"); !strings.Contains(addresses, "fd00:0:0:5002::1/64") || strings.Contains(addresses, "fe80") {
			t.Errorf("addresses of ob00138a: %s, want the segment's and no other", addresses)
		}
	}
}

func TestAnUnfinishedDeviceIsTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	n := w.Lab.Nodes[0]
	// What is there when the agent is killed between the request that makes a tunnel and the one that marks it.
	n.Run(t, "ip", "link", "add", "name", "ob001389", "index", fmt.Sprint(0x20000000|5001), "type", "vxlan", "id", "5001", "local", "192.0.2.1", "dstport", "4789", "nolearning")
	n.Run(t, "ip", "link", "set", "dev", "ob001389", "group", fmt.Sprint(kernel.Group))
	w.Settle(t)
	w.PingAll(t, s)
	w.Segments, w.Members = nil, nil
	w.Settle(t)
	if links := n.Run(t, "ip", "-o", "link"); strings.Contains(links, "ob001389") {
		t.Errorf("left behind:\n%s", links)
	}
}

func TestOneFailureStaysAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	other := w.Segment(t, 5002, 0, 1)
	have, err := w.Planes[0].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	w.Lab.Nodes[0].Run(t, "ip", "link", "add", "vx7", "type", "vxlan", "id", "5001", "dstport", "4789") // after it was read
	changes := overlay.Diff(w.Desired(0), have)
	report, err := w.Planes[0].Apply(context.Background(), changes)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Failed) != 1 || report.Failed[0].Change.Object.Kind != overlay.Tunnel || !strings.Contains(report.Failed[0].Err, "A VXLAN device with the specified VNI already exists") {
		t.Errorf("failed: %+v, want the tunnel alone, in the kernel's words", report.Failed)
	}
	if want := len(changes.List) / 2; report.Applied != want {
		t.Errorf("%d changes went through, want %d: all of the other segment", report.Applied, want)
	}
	w.Pass(t, 1)
	w.PingAll(t, other)
	if again := w.Pass(t, 0); len(again.Blocked) != 1 || !again.Empty() {
		t.Errorf("a second pass would do\n%s", again)
	}
}

func TestGatewayAnswersOnEachNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001)
	s.Gateway = true
	w.Segments[0] = s
	gateway := overlay.GatewayAddresses(s.V4, s.V6)
	for i, n := range w.Lab.Nodes {
		name := fmt.Sprintf("box-%d", i)
		box := n.Endpoint(t, name)
		w.Attach(t, s, i, name)
		defer func() {
			for _, g := range gateway {
				box.Ping(t, g.Addr(), true)
			}
			if got := box.Run(t, "ip", "neighbour", "show", gateway[0].Addr().String()); !strings.Contains(got, overlay.GatewayMAC(5001).String()) {
				t.Errorf("the gateway in %s: %q, want MAC %s", name, got, overlay.GatewayMAC(5001))
			}
		}()
	}
	w.Settle(t)
}

func TestQuestionsForAddressesDoNotCrossTheUnderlay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001)
	a, b := w.Lab.Nodes[0].Endpoint(t, "a"), w.Lab.Nodes[1].Endpoint(t, "b")
	w.Attach(t, s, 0, "a")
	m := w.Attach(t, s, 1, "b")
	w.Settle(t)
	frames := captureOn(t, w.Lab.Nodes[1], overlay.TunnelName(5001))
	a.Ping(t, m.IPs[0], true)
	b.Ping(t, w.Members[0].IPs[0], true)
	for _, f := range frames() {
		if f[12] == 8 && f[13] == 6 {
			t.Errorf("a question crossed the underlay: %x", f)
		}
	}
}

func TestAnEndpointMayBeInManySegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	box := w.Lab.Nodes[0].Endpoint(t, "box")
	for vni := overlay.VNI(5001); vni < 5004; vni++ {
		s := w.Segment(t, vni, 1)
		w.Attach(t, s, 0, "box")
	}
	w.Settle(t)
	for i := range 3 {
		box.Ping(t, w.Members[2*i].IPs[0], true)
	}
	w.Members = w.Members[:5] // it leaves the last
	w.Settle(t)
	box.Ping(t, w.Members[4].IPs[0], false)
	box.Ping(t, w.Members[2].IPs[0], true)
	if out, err := box.Try("ip", "link", "show", kernel.EndpointDevice(5003)); err == nil {
		t.Errorf("the endpoint kept its device: %s", out)
	}
}

func TestAWrittenStateSurvivesANewPlane(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	w.Lab.Nodes[0].Endpoint(t, "box")
	w.Attach(t, s, 0, "box")
	w.Settle(t)
	w.Planes[0] = netlab.NewKernel(t, w.Lab.Nodes[0]) // as after kill -9
	if again := w.Pass(t, 0); !again.Empty() {
		t.Errorf("a new agent would do\n%s", again)
	}
	have, err := w.Planes[0].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f := have.Facts
	if f.Underlay != 1500 || f.Device != "e0" || f.MissingVTEP || len(f.Addresses) == 0 || have.Segments() != 1 {
		t.Errorf("facts: %+v, %d segments", f, have.Segments())
	}
	w.Lab.Nodes[0].Run(t, "ip", "address", "flush", "dev", "e0")
	if have, err = w.Planes[0].Read(context.Background()); err != nil || !have.Facts.MissingVTEP || have.Facts.Underlay != 0 {
		t.Errorf("without its VTEP: %+v, %v", have.Facts, err)
	}
}

func TestAnotherVTEPTakesEffectInOnePass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	n := w.Lab.Nodes[0]
	n.Run(t, "ip", "address", "add", "192.0.2.101/24", "dev", "e0")
	n.Addr = netip.MustParseAddr("192.0.2.101")
	w.Members[0].VTEP = n.Addr
	w.Settle(t)
	n.Run(t, "ip", "address", "delete", "192.0.2.1/24", "dev", "e0")
	n.Run(t, "ip", "address", "replace", "192.0.2.101/24", "dev", "e0")
	w.PingAll(t, s)
}

func TestTwoThousandSegmentsComeAndGo(t *testing.T) {
	t.Parallel()
	count := 200
	if os.Getenv("OPSBOT_SOAK") != "" {
		count = kernel.MaxSegments
	}
	_, p := benchNode(t, true)
	for _, n := range []int{count, count / 2, count, 0} {
		want := manySegments(n)
		hold(t, p, want)
		have, err := p.Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if again := overlay.Diff(want, have); !again.Empty() || have.Segments() != n {
			t.Errorf("%d segments held, want %d; a second pass would do %d changes", have.Segments(), n, len(again.List))
		}
	}
}
