package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
)

// tunnelled is a bot with real agents, each of which holds segments in a network namespace of its own.
type tunnelled struct {
	*house
	lab *netlab.Lab
}

// startTunnelled starts a bot and enrols n nodes.
func startTunnelled(t *testing.T, n int, more string) *tunnelled {
	t.Helper()
	return startTunnelledWith(t, n, more, "")
}

// startTunnelledWith is startTunnelled with more keys beside the inventory.
func startTunnelledWith(t *testing.T, n int, more, beside string) *tunnelled {
	t.Helper()
	x := &tunnelled{lab: netlab.New(t, n)}
	var inventory strings.Builder
	inventory.WriteString("inventory:\n  tenants: [acme]\n" + more + "  nodes:\n")
	for _, s := range x.lab.Nodes {
		inventory.WriteString(fmt.Sprintf("    - {name: %s, address: %s, site: berlin, platform: linux}\n", s.Name, s.Addr))
	}
	x.house = startHouse(t, beside+inventory.String())
	for _, s := range x.lab.Nodes {
		x.enrol(t, s)
	}
	return x
}

// enrol starts the agent of a node, and waits until the bot has heard of it.
func (x *tunnelled) enrol(t *testing.T, s *netlab.Space) {
	t.Helper()
	code, err := x.Gate().NewCode(t.Context(), s.Name, "test")
	if err != nil {
		t.Fatal(err)
	}
	p := &nodePlane{space: s}
	a, err := agent.New(agent.Options{
		Dir: filepath.Join(t.TempDir(), "agent"), Code: code.Text, Local: x.Gate(), Log: slog.New(slog.DiscardHandler), Open: p.open,
		Handlers: map[string]agent.Handler{agent.HandlerProbe: p.probe},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("agent of %s: %v", s.Name, err)
		}
	})
	ready, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if st, err := x.Gate().Wait(ready, s.Name, func(s agent.Status) bool { return s.Health != agent.NotEnrolled && s.Health != agent.Offline }); err != nil {
		t.Fatalf("%s is %s: %v", s.Name, st.Health, err)
	}
}

// nodePlane is the kernel of one namespace and the prober in it.
type nodePlane struct {
	space *netlab.Space

	mu     sync.Mutex
	prober *kernel.Prober
}

// closing stops the prober with the plane.
type closing struct {
	*kernel.Plane
	stop func()
}

func (c closing) Close() error { c.stop(); return c.Plane.Close() }

func (p *nodePlane) open(_ context.Context, node string, vtep netip.Addr) (overlay.DataPlane, error) {
	o := kernel.Options{Node: node, Instance: "test", VTEP: vtep, Namespace: p.space.Path}
	plane, err := kernel.New(o)
	if err != nil || !vtep.IsValid() {
		return plane, err
	}
	prober, err := kernel.NewProber(o)
	if err != nil {
		return nil, errors.Join(err, plane.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- prober.Run(ctx) }()
	p.mu.Lock()
	p.prober = prober
	p.mu.Unlock()
	return closing{plane, func() { cancel(); <-done; _ = prober.Close() }}, nil
}

func (p *nodePlane) probe(ctx context.Context, o agent.Order) ([]byte, error) {
	var targets []overlay.ProbeTarget
	if err := json.Unmarshal(o.Args, &targets); err != nil {
		return nil, err
	}
	p.mu.Lock()
	prober := p.prober
	p.mu.Unlock()
	got, err := prober.Probe(ctx, targets)
	if err != nil {
		return nil, err
	}
	return json.Marshal(got)
}

// told says a line, with a yes where it needs one, and wants words in the reply.
func (x *tunnelled) told(t *testing.T, line string, exit door.Exit, want ...string) {
	t.Helper()
	got := x.say(line, patient, withYes)
	for _, w := range want {
		if !strings.Contains(got.text(), w) {
			t.Errorf("%s: want %q in\n%s", line, w, got.text())
		}
	}
	if got.exit != exit {
		t.Errorf("%s: exit %d, want %d:\n%s", line, got.exit, exit, got.text())
	}
}

// passes sends packets of full size between two nodes inside of a segment.
func (x *tunnelled) passes(t *testing.T, from, to int, size string, want bool) {
	t.Helper()
	ip := ""
	for f := range strings.FieldsSeq(x.lab.Nodes[to].Run(t, "ip", "-o", "-4", "address", "show", "dev", "ob001389")) {
		if strings.HasPrefix(f, "100.") && ip == "" {
			ip, _, _ = strings.Cut(f, "/")
		}
	}
	out, err := x.lab.Nodes[from].Try("ping", "-c1", "-W2", "-M", "do", "-s", size, ip)
	if (err == nil) != want {
		t.Errorf("edge-%d to %s of edge-%d with %s bytes: %v\n%s", from+1, ip, to+1, size, err, out)
	}
}

// TestSegment makes a segment by words between real kernels, lets a packet through, finds a hidden hop, and leaves nothing behind.
func TestSegment(t *testing.T) {
	t.Parallel()
	x := startTunnelled(t, 3, "")
	x.told(t, "create segment studio-a of acme with vni 5001 on edge-1 and edge-2", door.OK, "VNI 5001", "MTU 1450")
	x.passes(t, 0, 1, "1422", true)
	x.told(t, "list segments", door.OK, "studio-a", "5001", "edge-1, edge-2")
	x.told(t, "verify segment studio-a", door.OK, "2/2 pairs ok")
	x.told(t, "attach edge-3 to studio-a", door.OK, "edge-3 is 100.83.137.4")
	x.passes(t, 2, 0, "1422", true)
	x.told(t, "show segment studio-a", door.OK, "edge-3", "192.0.2.3")
	x.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n3", "mtu", "1400")
	x.told(t, "verify studio-a", door.Failure, "pairs ok", "passes only")
	x.lab.Underlay.Run(t, "ip", "link", "set", "dev", "n3", "mtu", "1500")
	x.told(t, "detach edge-1 from studio-a", door.OK, "edge-1 no longer in studio-a")
	x.told(t, "delete segment studio-a", door.OK, "rests until", "segment studio-a is deleted")
	for _, s := range x.lab.Nodes {
		if out := s.Run(t, "ip", "-o", "link"); strings.Contains(out, ": ob") {
			t.Errorf("%s still has\n%s", s.Name, out)
		}
	}
	x.told(t, "list segments", door.OK, "there are no segments")
}

// TestSegmentConflict refuses what a foreign device is in the way of, before anything is written.
func TestSegmentConflict(t *testing.T) {
	t.Parallel()
	x := startTunnelled(t, 1, "")
	x.lab.Nodes[0].Run(t, "ip", "link", "add", "flannel.1", "type", "vxlan", "id", "5001", "local", "192.0.2.1", "dstport", "4789")
	wait, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := x.Gate().Wait(wait, "edge-1", func(s agent.Status) bool { return len(s.Report.Foreign) > 0 }); err != nil {
		t.Fatal(err)
	}
	x.told(t, "create segment studio-a with vni 5001 on edge-1", door.Failure, "flannel.1")
	x.told(t, "list segments", door.OK, "there are no segments")
	x.told(t, "create segment studio-a on edge-1 --dry-run", door.OK, "take a free VNI")
	x.told(t, "create segment studio-a with vni 5002 on edge-1 --by-hand", door.OK, "ip link add ob00138a")
}

// TestDrain keeps new things off a node.
func TestDrain(t *testing.T) {
	t.Parallel()
	x := startTunnelled(t, 1, "")
	x.told(t, `drain edge-1 --reason "new disk"`, door.OK, "edge-1 takes nothing new")
	x.told(t, "create segment studio-a on edge-1", door.Failure, "edge-1 is being drained")
	x.told(t, "show edge-1", door.OK, "draining, by anna")
	x.told(t, "undrain edge-1", door.OK, "takes new things again")
	x.told(t, "create segment studio-a on edge-1", door.OK, "studio-a")
	x.told(t, "drain edge-1 --dry-run", door.OK, "still on edge-1, and untouched by this: segment studio-a")
}

// TestFileSegment makes what the configuration file says as soon as the agents are there, and leaves it to the file.
func TestFileSegment(t *testing.T) {
	t.Parallel()
	x := startTunnelled(t, 2, "  segments: [{name: studio-a, vni: 5001, nodes: [edge-1, edge-2]}]\n")
	for range 300 {
		if strings.Contains(x.say("list segments").text(), "edge-1, edge-2") {
			break
		}
		time.Sleep(100 * time.Millisecond) // of the bot's own clock: it looks every two seconds
	}
	x.told(t, "list segments", door.OK, "studio-a (file)", "5001", "edge-1, edge-2")
	x.told(t, "verify segment studio-a", door.OK, "2/2 pairs ok")
	x.told(t, "delete segment studio-a", door.Failure, "is in the configuration file, which alone decides")
}
