//go:build linux

package kernel_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
)

// apply reconciles a node once and returns the report.
func (w *world) apply(t *testing.T, node int) overlay.Report {
	t.Helper()
	have, err := w.planes[node].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.planes[node].Apply(context.Background(), overlay.Diff(w.desired(node), have))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAnEndpointThatIsNotThereIsReportedAndTakenUpLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.segment(t, 5001, 0, 1)
	m := w.attach(t, s, 0, "box")
	report := w.apply(t, 0)
	if len(report.Failed) == 0 || !strings.Contains(report.Failed[0].Err, "endpoint box, mac "+m.MAC.String()) || !strings.Contains(report.Failed[0].Err, "no such file or directory") {
		t.Errorf("report: %+v, want the endpoint that is not there", report.Failed)
	}
	w.pass(t, 1)
	ping(t, w.lab.Nodes[1], w.members[0].IPs[0], true) // the rest of the segment works
	w.lab.Nodes[0].Endpoint(t, "box")
	w.settle(t)
	ping(t, w.lab.Nodes[1], m.IPs[0], true)
}

func TestAnUnfinishedDeviceIsTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.segment(t, 5001, 0, 1)
	n := w.lab.Nodes[0]
	// What is there when the agent is killed between the request that makes a tunnel and the one that marks it.
	n.Run(t, "ip", "link", "add", "name", "ob001389", "index", fmt.Sprint(0x20000000|5001), "type", "vxlan", "id", "5001", "local", "192.0.2.1", "dstport", "4789", "nolearning")
	n.Run(t, "ip", "link", "set", "dev", "ob001389", "group", fmt.Sprint(kernel.Group))
	w.settle(t)
	w.pingAll(t, s)
	w.segments, w.members = nil, nil
	w.settle(t)
	if links := n.Run(t, "ip", "-o", "link"); strings.Contains(links, "ob001389") {
		t.Errorf("left behind:\n%s", links)
	}
}

func TestOneFailureStaysAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.segment(t, 5001, 0, 1)
	other := w.segment(t, 5002, 0, 1)
	have, err := w.planes[0].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	w.lab.Nodes[0].Run(t, "ip", "link", "add", "vx7", "type", "vxlan", "id", "5001", "dstport", "4789") // after it was read
	changes := overlay.Diff(w.desired(0), have)
	report, err := w.planes[0].Apply(context.Background(), changes)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Failed) != 1 || report.Failed[0].Change.Object.Kind != overlay.Tunnel || !strings.Contains(report.Failed[0].Err, "A VXLAN device with the specified VNI already exists") {
		t.Errorf("failed: %+v, want the tunnel alone, in the kernel's words", report.Failed)
	}
	if want := len(changes.List) / 2; report.Applied != want {
		t.Errorf("%d changes went through, want %d: all of the other segment", report.Applied, want)
	}
	w.pass(t, 1)
	w.pingAll(t, other)
	if again := w.pass(t, 0); len(again.Blocked) != 1 || !again.Empty() {
		t.Errorf("a second pass would do\n%s", again)
	}
}

func TestGatewayAnswersOnEachNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.segment(t, 5001)
	s.Gateway = true
	w.segments[0] = s
	gateway := overlay.GatewayAddresses(s.V4, s.V6)
	for i, n := range w.lab.Nodes {
		name := fmt.Sprintf("box-%d", i)
		box := n.Endpoint(t, name)
		w.attach(t, s, i, name)
		defer func() {
			for _, g := range gateway {
				ping(t, box, g.Addr(), true)
			}
			if got := box.Run(t, "ip", "neighbour", "show", gateway[0].Addr().String()); !strings.Contains(got, overlay.GatewayMAC(5001).String()) {
				t.Errorf("the gateway in %s: %q, want MAC %s", name, got, overlay.GatewayMAC(5001))
			}
		}()
	}
	w.settle(t)
}

func TestQuestionsForAddressesDoNotCrossTheUnderlay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.segment(t, 5001)
	a, b := w.lab.Nodes[0].Endpoint(t, "a"), w.lab.Nodes[1].Endpoint(t, "b")
	w.attach(t, s, 0, "a")
	m := w.attach(t, s, 1, "b")
	w.settle(t)
	frames := captureOn(t, w.lab.Nodes[1], overlay.TunnelName(5001))
	ping(t, a, m.IPs[0], true)
	ping(t, b, w.members[0].IPs[0], true)
	for _, f := range frames() {
		if f[12] == 8 && f[13] == 6 {
			t.Errorf("a question crossed the underlay: %x", f)
		}
	}
}

func TestAnEndpointMayBeInManySegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	box := w.lab.Nodes[0].Endpoint(t, "box")
	for vni := overlay.VNI(5001); vni < 5004; vni++ {
		s := w.segment(t, vni, 1)
		w.attach(t, s, 0, "box")
	}
	w.settle(t)
	for i := range 3 {
		ping(t, box, w.members[2*i].IPs[0], true)
	}
	w.members = w.members[:5] // it leaves the last
	w.settle(t)
	ping(t, box, w.members[4].IPs[0], false)
	ping(t, box, w.members[2].IPs[0], true)
	if out, err := box.Try("ip", "link", "show", kernel.EndpointDevice(5003)); err == nil {
		t.Errorf("the endpoint kept its device: %s", out)
	}
}

func TestAWrittenStateSurvivesANewPlane(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.segment(t, 5001, 0, 1)
	w.lab.Nodes[0].Endpoint(t, "box")
	w.attach(t, s, 0, "box")
	w.settle(t)
	w.planes[0] = newPlane(t, w.lab.Nodes[0]) // as after kill -9
	if again := w.pass(t, 0); !again.Empty() {
		t.Errorf("a new agent would do\n%s", again)
	}
	have, err := w.planes[0].Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f := have.Facts
	if f.Underlay != 1500 || f.Device != "e0" || f.MissingVTEP || len(f.Addresses) == 0 || have.Segments() != 1 {
		t.Errorf("facts: %+v, %d segments", f, have.Segments())
	}
	w.lab.Nodes[0].Run(t, "ip", "address", "flush", "dev", "e0")
	if have, err = w.planes[0].Read(context.Background()); err != nil || !have.Facts.MissingVTEP || have.Facts.Underlay != 0 {
		t.Errorf("without its VTEP: %+v, %v", have.Facts, err)
	}
}

func TestAnotherVTEPTakesEffectInOnePass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.segment(t, 5001, 0, 1)
	w.settle(t)
	n := w.lab.Nodes[0]
	n.Run(t, "ip", "address", "add", "192.0.2.101/24", "dev", "e0")
	n.Addr = netip.MustParseAddr("192.0.2.101")
	w.members[0].VTEP = n.Addr
	w.settle(t)
	n.Run(t, "ip", "address", "delete", "192.0.2.1/24", "dev", "e0")
	n.Run(t, "ip", "address", "replace", "192.0.2.101/24", "dev", "e0")
	w.pingAll(t, s)
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
