//go:build linux

package kernel_test

import (
	"context"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
)

// probers starts a prober on each node; they end with the test.
func (w *world) probers(t testing.TB) (list []*kernel.Prober) {
	t.Helper()
	for _, n := range w.Lab.Nodes {
		p, _ := netlab.StartProber(t, kernel.Options{Node: n.Name, VTEP: n.Addr, Namespace: n.Path})
		list = append(list, p)
	}
	return list
}

// verdict probes from a node and returns the sentence.
func verdict(t *testing.T, p *kernel.Prober, targets []overlay.ProbeTarget) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	results, err := p.Probe(ctx, targets)
	if err != nil {
		t.Fatal(err)
	}
	return overlay.Judge(results)[0].String()
}

func TestProbesFindWhatIsWrongOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.Segment(t, 5001, 0, 1, 2)
	w.Settle(t)
	list := w.probers(t)
	targets := w.Desired(0).Targets(true)
	underlay := w.Lab.Underlay
	for _, c := range []struct{ name, hurt, heal, want string }{
		{"all well", "true", "true", "segment s5001: 2/2 pairs ok"},
		{"a hidden hop", "ip link set n2 mtu 1400", "ip link set n2 mtu 1500", "segment s5001: 1/2 pairs ok, edge-1 → edge-2 passes only 1350 of 1450 (a hop of 1400)"},
		{"a hidden hop of an odd size", "ip link set n3 mtu 1473", "ip link set n3 mtu 1500", "segment s5001: 1/2 pairs ok, edge-1 → edge-3 passes only 1423 of 1450 (a hop of 1473)"},
		{"a cut cable", "ip link set n2 down", "ip link set n2 up", "segment s5001: 1/2 pairs ok, edge-1 → edge-2 is down"},
	} {
		underlay.Run(t, "sh", "-c", c.hurt)
		if got := verdict(t, list[0], targets); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		underlay.Run(t, "sh", "-c", c.heal)
	}
}

func TestProbesFindTwoNodesWithOneVTEP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	list := w.probers(t)
	thief, victim := w.Lab.Nodes[2], w.Lab.Nodes[1]
	thief.Run(t, "ip", "address", "add", victim.Addr.String()+"/24", "dev", "e0")
	stolen := w.Desired(1)
	stolen.Node = thief.Name
	report, err := w.Planes[2].Apply(context.Background(), overlay.Diff(stolen, overlay.Observed{}))
	if err != nil || len(report.Failed) > 0 {
		t.Fatal(err, report.Failed)
	}
	netlab.StartProber(t, kernel.Options{Node: thief.Name, VTEP: victim.Addr, Namespace: thief.Path})
	victim.Run(t, "ip", "address", "del", victim.Addr.String()+"/24", "dev", "e0") // the thief answers ARP first
	w.Lab.Nodes[0].Run(t, "ip", "neighbour", "flush", "dev", "e0")
	want := "segment s5001: 0/1 pairs ok, edge-1 → edge-2: edge-3 answers at 192.0.2.2 (one VTEP, two nodes)"
	if got := verdict(t, list[0], w.Desired(0).Targets(false)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestProbesTellOneWayFromDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	list := w.probers(t)
	w.Lab.Nodes[1].Run(t, "bridge", "fdb", "replace", overlay.VTEPMAC(w.Lab.Nodes[0].Addr).String(), "dev", "ob001389", "dst", "192.0.2.99", "self")
	if got, want := verdict(t, list[0], w.Desired(0).Targets(false)), "segment s5001: 0/1 pairs ok, edge-1 → edge-2 is down"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := verdict(t, list[1], w.Desired(1).Targets(false)), "segment s5001: 0/1 pairs ok, edge-2 → edge-1 is one-way: its probes arrive here, ours are not answered"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
