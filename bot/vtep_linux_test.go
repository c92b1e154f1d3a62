package bot_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
)

// needTUN skips the test, with the reason, where there are no TUN devices. With OPSBOT_REQUIRE_REAL=1 it fails instead.
func needTUN(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = f.Close() // nothing was made
	case os.Getenv("OPSBOT_REQUIRE_REAL") == "1":
		t.Fatalf("TUN devices are required: %v", err)
	default:
		t.Skipf("needs TUN devices: %v", err)
	}
}

// carried starts the agent of a node anew with a data plane, and waits until the bot knows by what the node carries its segments.
func (l *agentLab) carried(t *testing.T, node, flag, kind string, segments int) {
	t.Helper()
	l.agents[node].kill(syscall.SIGTERM)
	l.agents[node].start("--plane", flag)
	l.until(t, node, "carries its segments by "+kind, func(s agent.Status) bool {
		return s.Health == agent.OK && !s.Report.Leaving && s.Report.Facts.Capability.Plane == kind && s.Report.Segments == segments
	})
}

// addressIn is the IPv4 address of a node within a segment.
func addressIn(t *testing.T, n *netlab.Space, vni overlay.VNI) (ip netip.Addr) {
	t.Helper()
	words := strings.Fields(n.Run(t, "ip", "-o", "-4", "address", "show", "dev", overlay.TunnelName(vni)))
	if len(words) > 3 {
		if p, err := netip.ParsePrefix(words[3]); err == nil {
			return p.Addr()
		}
	}
	t.Fatalf("%s has no address in VNI %d: %q", n.Name, vni, words)
	return ip
}

// reaches pings by full packets between all nodes of a segment.
func (l *agentLab) reaches(t *testing.T, vni overlay.VNI) {
	t.Helper()
	for _, from := range l.Nodes {
		for _, to := range l.Nodes {
			if from != to {
				from.Ping(t, addressIn(t, to, vni), true, "-s", "1422", "-M", "do")
			}
		}
	}
}

// streams sends bytes by TCP from one node to another within a segment, and expects them to arrive.
func streams(t *testing.T, from, to *netlab.Space, ip netip.Addr) {
	t.Helper()
	var l net.Listener
	if err := to.Do(func() (err error) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sent := make([]byte, 4<<20)
	_, _ = rand.Read(sent) // it never fails
	wrote := make(chan error, 1)
	go func() {
		wrote <- from.Do(func() error {
			c, err := net.DialTimeout("tcp", l.Addr().String(), 10*time.Second)
			if err != nil {
				_ = l.Close() // nobody comes
				return err
			}
			_, err = c.Write(sent)
			return errors.Join(err, c.Close())
		})
	}()
	got, err := accepted(l)
	if werr := <-wrote; err != nil || werr != nil || !bytes.Equal(got, sent) {
		t.Errorf("TCP from %s to %s: %d of %d bytes came, sent: %v, received: %v", from.Name, to.Name, len(got), len(sent), werr, err)
	}
}

// accepted is all that the first caller sends.
func accepted(l net.Listener) ([]byte, error) {
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	return io.ReadAll(c)
}

// repaired waits until a node tells of something in its devices and addresses again.
func repaired(t *testing.T, n *netlab.Space, want string) {
	t.Helper()
	began := time.Now()
	for !strings.Contains(n.Run(t, "ip", "-o", "address"), want) {
		if time.Since(began) > 50*time.Second { // before the pass of each minute: by the event
			t.Fatalf("%s still lacks %q:\n%s", n.Name, want, n.Run(t, "ip", "-o", "address"))
		}
		pause(t.Context(), 20*time.Millisecond)
	}
	t.Logf("%s has %q again after %v", n.Name, want, time.Since(began).Round(time.Millisecond))
}

// TestUserspaceAgent runs a real agent that carries segments by itself beside two whose kernels do: a segment is made by command, pings, streams and
// probes cross it both ways, sabotage is repaired, the agent is killed and comes back, changes its data plane and back, and nothing is left behind.
func TestUserspaceAgent(t *testing.T) {
	needTUN(t)
	l := startAgentLab(t, 3)
	first := l.Nodes[0]
	for _, n := range l.Nodes[1:] {
		n.FillChecksums(t, "e0")
	}
	l.carried(t, "edge-1", "userspace", vtep.Kind, 0)
	l.expect(l.say("show edge-1"), door.OK, "agent: ok", "data plane: userspace, holds 0 segments", "bears no endpoints")
	l.expect(l.say("show edge-2"), door.OK, "data plane: "+kernel.Kind+", holds 0 segments")

	const told = "edge-1 carries segments by the program itself (userspace): the node is the one host there, and bears no endpoints"
	l.expect(l.say("create segment studio of acme with vni 5001 on edge-1 and edge-2 --dry-run"), door.OK, told)
	l.expect(l.say("create segment studio of acme with vni 5001 on edge-1 and edge-2 and edge-3", withYes, patient), door.OK, "MTU 1450")
	l.expect(l.say("verify segment studio", patient), door.OK, "6/6 pairs ok")
	l.reaches(t, 5001)
	ownIP := addressIn(t, first, 5001)
	streams(t, first, l.Nodes[1], addressIn(t, l.Nodes[1], 5001))
	streams(t, l.Nodes[1], first, ownIP)

	device, address := overlay.TunnelName(5001), fmt.Sprintf("inet %s/", ownIP)
	first.Run(t, "ip", "address", "flush", "dev", device)
	repaired(t, first, address)
	first.Run(t, "ip", "link", "del", "dev", device)
	repaired(t, first, address)
	l.until(t, "edge-1", "is well", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Converged })
	l.reaches(t, 5001)

	l.agents["edge-1"].kill(syscall.SIGKILL)
	if left := devices(t, first); len(left) > 0 {
		t.Errorf("a killed agent leaves %v", left)
	}
	l.Nodes[1].Ping(t, addressIn(t, l.Nodes[2], 5001), true) // nobody else minds
	l.agents["edge-1"].start("--plane", "userspace")
	repaired(t, first, address)
	l.until(t, "edge-1", "is well", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Segments == 1 })
	l.expect(l.say("verify segment studio", patient), door.OK, "6/6 pairs ok")

	l.carried(t, "edge-1", "auto", kernel.Kind, 1)
	l.reaches(t, 5001)
	l.carried(t, "edge-1", "userspace", vtep.Kind, 1) // what the kernel holds is taken over
	l.reaches(t, 5001)

	l.expect(l.say("detach edge-1 from segment studio", withYes, patient), door.OK)
	if left := devices(t, first); len(left) > 0 {
		t.Errorf("edge-1 is detached and still has %v", left)
	}
	l.expect(l.say("attach edge-1 to studio --dry-run"), door.OK, told)
	l.expect(l.say("attach edge-1 to studio", withYes, patient), door.OK)
	l.expect(l.say("delete segment studio", withYes, patient), door.OK)
	for _, n := range l.Nodes {
		l.until(t, n.Name, "holds nothing", func(s agent.Status) bool { return s.Health == agent.OK && s.Report.Segments == 0 })
		if left := devices(t, n); len(left) > 0 {
			t.Errorf("%s still has %v", n.Name, left)
		}
	}
	if sockets := first.Run(t, "ss", "-Huln"); strings.Contains(sockets, ":4789") {
		t.Errorf("edge-1 still listens for VXLAN:\n%s", sockets)
	}
}
