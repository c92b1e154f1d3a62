package bot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
)

// nodeAgent is `opsbot agent` as a process of its own, for one namespace.
type nodeAgent struct {
	tb    testing.TB
	space *netlab.Space
	from  *netlab.Space // where it talks to the bot; nil is where the test is
	dir   string
	cmd   *exec.Cmd
	mu    sync.Mutex
	log   bytes.Buffer
}

// Write takes the log.
func (n *nodeAgent) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(p)
}

// passes counts how often the agent had to change its node.
func (n *nodeAgent) passes() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bytes.Count(n.log.Bytes(), []byte(`"msg":"node changed"`))
}

// start runs the agent, with more arguments at its first start.
func (n *nodeAgent) start(args ...string) {
	n.tb.Helper()
	args = append([]string{"agent", "--data", n.dir, "--netns", n.space.Path, "--endpoints", n.space.Endpoints}, args...)
	n.cmd = exec.Command("opsbot", args...)
	if n.from != nil {
		n.cmd = n.from.Command("opsbot", args...)
	}
	n.cmd.Stderr = n
	if err := n.cmd.Start(); err != nil {
		n.tb.Fatal(err)
	}
}

// kill ends the process with a signal.
func (n *nodeAgent) kill(sig syscall.Signal) {
	if n.cmd == nil || n.cmd.Process == nil {
		return
	}
	_ = n.cmd.Process.Signal(sig) // it may have ended
	_ = n.cmd.Wait()              // how it ended is the test's doing
	n.cmd = nil
}

// lab is a bot with agents in namespaces.
type agentLab struct {
	*house
	*netlab.Lab
	agents map[string]*nodeAgent
}

func startAgentLab(t *testing.T, nodes int) *agentLab {
	t.Helper()
	net := netlab.New(t, nodes)
	var inventory strings.Builder
	inventory.WriteString("inventory:\n  tenants: [acme]\n  nodes:\n")
	for _, n := range net.Nodes {
		fmt.Fprintf(&inventory, "    - {name: %s, address: %s, site: berlin}\n", n.Name, n.Addr)
	}
	dir := folder(t)
	file := configure(t, dir, inventory.String())
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`serve: [ops]}`), []byte(`serve: [ops]}, {address: "127.0.0.1:0", serve: [agents]}`), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	l := &agentLab{house: startIn(t, dir, file), Lab: net, agents: map[string]*nodeAgent{}}
	// The next bot must be where the agents look for it.
	text = bytes.Replace(text, []byte(`"127.0.0.1:0", serve: [agents]`), fmt.Appendf(nil, "%q, serve: [agents]", l.AgentsAddr()), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range net.Nodes {
		line, err := exec.Command("opsbot", "enrol", "--socket", l.SocketPath(), n.Name).Output()
		if err != nil {
			t.Fatal(err)
		}
		a := &nodeAgent{tb: t, space: n, dir: filepath.Join(dir, n.Name)}
		t.Cleanup(func() {
			a.kill(syscall.SIGKILL)
			if t.Failed() {
				t.Logf("%s:\n%s", n.Name, &a.log)
			}
		})
		l.agents[n.Name] = a
		a.start(strings.Fields(string(line))[2:]...)
	}
	for _, n := range net.Nodes {
		l.until(t, n.Name, "knows its address", func(s agent.Status) bool {
			return s.Health == agent.OK && s.Generation > 0 && s.Report.Facts.Underlay == 1500 && !s.Report.Facts.MissingVTEP
		})
	}
	return l
}

func (l *agentLab) until(t *testing.T, node, what string, ok func(agent.Status) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if s, err := l.Gate().Wait(ctx, node, ok); err != nil {
		t.Fatalf("%s: want that it %s, got %s: %s\n%+v", node, what, s.Health, s.Why, s.Report)
	}
}

// hold tells all nodes that they share segments, and waits until they do.
func (l *agentLab) hold(t *testing.T, vnis ...overlay.VNI) {
	t.Helper()
	for i, n := range l.Nodes {
		_, err := l.Gate().Edit(t.Context(), n.Name, agent.Edit{By: "test", Change: func(d *overlay.Desired) error {
			d.VTEP = n.Addr
			d.Gone = nil
			for _, s := range d.Segments {
				d.Gone = append(d.Gone, s.VNI)
			}
			d.Segments = nil
			for _, v := range vnis {
				d.Segments = append(d.Segments, l.segment(i, v))
				for j, g := range d.Gone {
					if g == v {
						d.Gone = append(d.Gone[:j:j], d.Gone[j+1:]...)
						break
					}
				}
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range l.Nodes {
		l.until(t, n.Name, "holds its segments", func(s agent.Status) bool {
			return s.Health == agent.OK && s.Report.Generation == s.Generation && s.Report.Segments == len(vnis)
		})
	}
}

// inside is the address of a node within a segment.
func inside(node int, vni overlay.VNI) netip.Addr {
	return netip.AddrFrom4([4]byte{100, 64, byte(vni), byte(node + 2)})
}

// segment is a segment as one node must hold it, where each node is a member itself.
func (l *agentLab) segment(self int, vni overlay.VNI) overlay.NodeSegment {
	prefix := netip.PrefixFrom(inside(-2, vni), 24)
	s := overlay.NodeSegment{Name: fmt.Sprintf("s%d", vni), Tenant: "acme", VNI: vni, MTU: 1450, V4: prefix}
	for i, n := range l.Nodes {
		m := overlay.Member{Segment: s.Name, Node: n.Name, MAC: overlay.MACOf("acme", vni, n.Name, 0), IPs: []netip.Addr{inside(i, vni)}, VTEP: n.Addr}
		if i == self {
			s.Local = append(s.Local, m)
			continue
		}
		s.Remote, s.Remotes = append(s.Remote, m), append(s.Remotes, n.Addr)
	}
	return s
}

// reach pings from every node to every other one.
func (l *agentLab) reach(t *testing.T, vni overlay.VNI) {
	t.Helper()
	for i, from := range l.Nodes {
		for j := range l.Nodes {
			if i == j {
				continue
			}
			if out, err := from.Try("ping", "-c1", "-i0.1", "-w3", "-n", inside(j, vni).String()); err != nil {
				t.Errorf("%s does not reach %s: %v\n%s", from.Name, inside(j, vni), err, out)
			}
		}
	}
}

// received counts the packets that came in a segment.
func received(t *testing.T, n *netlab.Space, vni overlay.VNI) int {
	t.Helper()
	var links []struct {
		Stats struct {
			RX struct {
				Packets int `json:"packets"`
			} `json:"rx"`
		} `json:"stats64"`
	}
	if err := json.Unmarshal([]byte(n.Run(t, "ip", "-j", "-s", "link", "show", "dev", overlay.TunnelName(vni))), &links); err != nil || len(links) != 1 {
		t.Fatalf("%d links: %v", len(links), err)
	}
	return links[0].Stats.RX.Packets
}

// holder is the device that bears an address.
func holder(t *testing.T, n *netlab.Space, ip netip.Addr) string {
	t.Helper()
	for line := range strings.Lines(n.Run(t, "ip", "-o", "address", "show")) {
		if strings.Contains(line, " "+ip.String()+"/") {
			return strings.Fields(line)[1]
		}
	}
	t.Fatalf("%s: no device bears %s", n.Name, ip)
	return ""
}

// devices are the overlay's devices on a node.
func devices(t *testing.T, n *netlab.Space) (list []string) {
	t.Helper()
	for line := range strings.Lines(n.Run(t, "ip", "-o", "link", "show")) {
		if name := strings.Fields(line)[1]; strings.HasPrefix(name, "ob") {
			list = append(list, strings.TrimSuffix(name, ":"))
		}
	}
	return list
}

// TestAgentsInNamespaces runs the real agent on four nodes: segments come, traffic flows, other segments hear nothing, sabotage is repaired within
// one pass, agents and bot are killed in any order, and nothing is left behind.
func TestAgentsInNamespaces(t *testing.T) {
	l := startAgentLab(t, 4)
	l.hold(t, 5001, 5002)
	first := l.Nodes[0]
	before, other := received(t, first, 5002), received(t, first, 5001)
	l.reach(t, 5001)
	if n := received(t, first, 5001) - other; n < 6 {
		t.Errorf("%d packets came in VNI 5001, want those of the pings", n)
	}
	if n := received(t, first, 5002) - before; n != 0 {
		t.Errorf("%d packets of VNI 5001 came in VNI 5002", n)
	}
	first.Run(t, "ip", "link", "del", overlay.TunnelName(5001))
	first.Run(t, "ip", "neighbour", "flush", "dev", holder(t, first, inside(0, 5002)), "nud", "permanent")
	first.Run(t, "ip", "address", "flush", "dev", holder(t, first, inside(0, 5002)))
	began := time.Now()
	for !strings.Contains(first.Run(t, "ip", "-o", "link", "show"), overlay.TunnelName(5001)) {
		if time.Since(began) > 30*time.Second {
			t.Fatal("sabotage is not repaired")
		}
		pause(t.Context(), 20*time.Millisecond)
	}
	t.Logf("repaired after %v", time.Since(began).Round(time.Millisecond))
	l.until(t, first.Name, "is well", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Converged })
	l.reach(t, 5001)

	// Agents die, the bot changes its mind, the bot dies, agents come back.
	for _, a := range l.agents {
		a.kill(syscall.SIGKILL)
	}
	l.reach(t, 5002) // nobody needs the agents for traffic
	for i, n := range l.Nodes {
		if _, err := l.Gate().Edit(t.Context(), n.Name, agent.Edit{By: "test", Change: func(d *overlay.Desired) error {
			d.Segments = append(d.Segments, l.segment(i, 5003))
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
	}
	l.halt()
	for _, a := range l.agents {
		a.start()
	}
	l.house = startIn(t, l.dir, l.file)
	for _, n := range l.Nodes {
		l.until(t, n.Name, "has what it missed", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Segments == 3 })
	}
	l.reach(t, 5003)

	l.hold(t)
	for _, n := range l.Nodes {
		if left := devices(t, n); len(left) > 0 {
			t.Errorf("%s still has %v", n.Name, left)
		}
	}
	for _, a := range l.agents {
		a.kill(syscall.SIGTERM)
	}
	for _, n := range l.Nodes {
		l.until(t, n.Name, "was stopped", func(s agent.Status) bool { return s.Health == agent.Offline && s.Report.Leaving })
	}
}

// TestSegmentsByCommand says what an operator says, to a bot with real agents.
func TestSegmentsByCommand(t *testing.T) {
	l := startAgentLab(t, 3)
	l.expect(l.say("create segment studio of acme with vni 5001 on edge-1 and edge-2 and edge-3", withYes, patient), door.OK, "studio")
	for _, n := range l.Nodes {
		l.until(t, n.Name, "holds the segment", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Segments == 1 })
	}
	l.expect(l.say("verify segment studio", patient), door.OK, "6/6 pairs ok")
	if line := opsbot(t, 0, "check", "overlay", "--segment", "studio", "--socket", l.SocketPath()); !strings.Contains(line, "OVERLAY OK: segment studio: 6/6 pairs ok | pairs_ok=6") {
		t.Errorf("the check says %q", line)
	}
	if line := opsbot(t, 3, "check", "overlay", "--segment", "nothing", "--socket", l.SocketPath()); !strings.HasPrefix(line, "OVERLAY UNKNOWN: ") {
		t.Errorf("the check of a segment that is not there says %q", line)
	}
	l.expect(l.say("show segment studio"), door.OK, "5001", "edge-3")
	l.expect(l.say("detach edge-3 from segment studio", withYes, patient), door.OK)
	l.until(t, "edge-3", "holds nothing", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Segments == 0 })
	l.expect(l.say("delete segment studio", withYes, patient), door.OK)
	for _, n := range l.Nodes {
		l.until(t, n.Name, "holds nothing", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Segments == 0 })
		if left := devices(t, n); len(left) > 0 {
			t.Errorf("%s still has %v", n.Name, left)
		}
	}
}
