//go:build linux

package vtep_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
)

func TestPingsBetweenProgramAndKernels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	s := w.Segment(t, 5001, 0, 1, 2)
	w.Segment(t, 0xb05001, 0, 1)
	w.Settle(t)
	w.PingAll(t, s)
	w.PingAll(t, w.Segments[1])
	for _, p := range [][2]int{{0, 1}, {1, 0}} {
		from, to := w.Lab.Nodes[p[0]], w.Members[p[1]]
		from.Ping(t, to.IPs[0], true, "-s", "1422", "-M", "do")
		from.Ping(t, to.IPs[0], true, "-s", "4000") // in pieces
		from.Ping(t, to.IPs[1], true, "-s", "4000")
	}
	got := w.user.Counters()
	if got.Sent == 0 || got.Received == 0 || got.Foreign+got.WrongVNI+got.TooBig+got.Unresolved+got.NoRoute+got.Failed > 0 {
		t.Errorf("Counters() = %+v, want packets both ways and none dropped", got)
	}
}

func TestStreamsAndDatagramsBetweenProgramAndKernel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	talk(t, w)
}

func TestStreamsAndDatagramsThatCardsGather(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for _, n := range w.Lab.Nodes {
		n.SetCard(t, "e0", netlab.CardGathers, 1)
	}
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	talk(t, w)
}

func TestStreamsAndDatagramsBetweenPrograms(t *testing.T) {
	t.Parallel()
	need(t)
	lab := netlab.New(t, 2)
	w := &world{&netlab.World{Lab: lab}, newVTEP(t, lab.Nodes[0])}
	w.Planes = []overlay.DataPlane{w.user, newVTEP(t, w.Lab.Nodes[1])}
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	talk(t, w)
}

// talk sends streams and datagrams both ways between the first two nodes, and expects every byte to arrive.
func talk(t *testing.T, w *world) {
	t.Helper()
	w.PingAll(t, w.Segments[0])
	want := make([]byte, 8<<20)
	_, _ = rand.Read(want) // it never fails
	for _, p := range [][2]int{{0, 1}, {1, 0}} {
		from, to := w.Lab.Nodes[p[0]], w.Lab.Nodes[p[1]]
		for _, ip := range w.Members[p[1]].IPs {
			near, far := stream(t, from, to, ip)
			go func() {
				_, _ = near.Write(want) // the far end notices
				_ = near.Close()
			}()
			if got, err := io.ReadAll(far); err != nil || !bytes.Equal(got, want) {
				t.Errorf("stream from %s to %s: %d bytes, error %v, want the %d that were sent", from.Name, ip, len(got), err, len(want))
			}
			c := dial(t, from, "udp", echo(t, to, ip))
			for _, size := range []int{0, 1, 1400, 9000} {
				exchange(t, c, want[:size])
			}
		}
	}
	if got := w.user.Counters(); got.Failed+got.Malformed > 0 {
		t.Errorf("Counters() = %+v, want nothing malformed or failed", got)
	}
}

// exchange sends a datagram to an echo and expects it back.
func exchange(t testing.TB, c net.Conn, want []byte) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1<<16)
	n, err := c.Write(want)
	if err == nil {
		n, err = c.Read(got)
	}
	if err != nil || !bytes.Equal(got[:n], want) {
		t.Errorf("datagram of %d bytes to %s: %d back, error %v", len(want), c.RemoteAddr(), n, err)
	}
}

func TestUnderlayOfIPv6(t *testing.T) {
	t.Parallel()
	need(t)
	lab := netlab.New(t, 2)
	for i, n := range lab.Nodes {
		n.Addr = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(i + 1)})
		n.Run(t, "ip", "address", "add", n.Addr.String()+"/64", "dev", "e0", "nodad")
	}
	w := newWorldIn(t, lab)
	s := w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	w.PingAll(t, s)
	lab.Nodes[0].Ping(t, w.Members[1].IPs[0], true, "-s", "1402", "-M", "do")
	lab.Nodes[1].Ping(t, w.Members[0].IPs[0], true, "-s", "1402", "-M", "do")
	exchange(t, dial(t, lab.Nodes[0], "udp", echo(t, lab.Nodes[1], w.Members[1].IPs[1])), make([]byte, 9000))
}

func TestIPv6WhereNewDevicesHaveNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Lab.Nodes[0].Run(t, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
	s := w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	w.PingAll(t, s)
}

func TestUnderlayNarrowerThanItsSegments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	w.Lab.Nodes[0].Run(t, "ip", "link", "set", "e0", "mtu", "1300") // packets of 1450 must leave in pieces now, and none may be cut by the system
	near, far := stream(t, w.Lab.Nodes[0], w.Lab.Nodes[1], w.Members[1].IPs[0])
	go func() { _, _ = near.Write(make([]byte, 1<<20)) }()
	if _, err := io.CopyN(io.Discard, far, 1<<20); err != nil {
		t.Errorf("stream: %v", err)
	}
	if got := w.user.Counters().Failed; got > 0 {
		t.Errorf("%d packets were refused by the system and not sent otherwise", got)
	}
}

// asked is what a node must hold when it knows only who takes part, not who has which address.
func asked(d overlay.Desired) overlay.Desired {
	for i := range d.Segments {
		d.Segments[i].Remote = nil
	}
	return d
}

func TestNeighboursThatWereNotWrittenAreAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.Segment(t, 5001, 0, 1, 2)
	for n, p := range w.Planes {
		netlab.Reconcile(t, p, asked(w.Desired(n)))
	}
	for _, ip := range w.Members[1].IPs { // the kernels' new devices are at work
		w.Lab.Nodes[2].Ping(t, ip, true)
	}
	for _, ip := range w.Members[1].IPs { // one packet each, which is kept until the neighbour is found
		out := w.Lab.Nodes[0].Run(t, "ping", "-c1", "-W2", "-n", ip.String())
		if !strings.Contains(out, "1 received") {
			t.Errorf("ping %s:\n%s", ip, out)
		}
	}
	if got := w.user.Counters().Unresolved; got != 0 {
		t.Errorf("%d packets were dropped for neighbours that answered", got)
	}
	for _, ip := range w.Members[0].IPs { // and the program answers the kernels' questions
		w.Lab.Nodes[2].Ping(t, ip, true)
	}
	w.Lab.Nodes[0].Ping(t, netip.MustParseAddr("100.64.0.99"), false)
	if got := w.user.Counters().Unresolved; got == 0 {
		t.Error("no packet to a neighbour that nobody is gave way to a later one")
	}
	w.Lab.Nodes[0].Run(t, "ip", "route", "add", "203.0.113.0/24", "dev", overlay.TunnelName(5001))
	w.Lab.Nodes[0].Ping(t, netip.MustParseAddr("203.0.113.7"), false)
	if got := w.user.Counters().NoRoute; got == 0 {
		t.Error("packets to an address outside of the segment were not counted")
	}
}

func TestSabotageIsRepairedInOnePass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	for _, by := range []struct{ name, line string }{
		{"address deleted", "ip address flush dev ob001389 scope global"},
		{"one address deleted", "ip address delete " + w.Members[0].IPs[1].String() + "/64 dev ob001389"},
		{"address added", "ip address add 100.64.9.9/24 dev ob001389"},
		{"device down", "ip link set ob001389 down"},
		{"mtu", "ip link set ob001389 mtu 1300"},
		{"mtu above", "ip link set ob001389 mtu 9000"},
		{"device deleted", "ip link delete ob001389"},
	} {
		w.Survives(t, w.Lab.Nodes[0], by.name, by.line, func() { w.PingAll(t, w.Segments[0]) })
	}
}

func TestTooBigIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	n := w.Lab.Nodes[0]
	n.Run(t, "ip", "link", "set", "ob001389", "mtu", "9000")
	for i, want := range []string{"mtu = 1450", "mtu=1450"} {
		out, err := n.Try("ping", "-c1", "-W1", "-n", "-M", "do", "-s", "1600", w.Members[1].IPs[i].String())
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("ping %s with 1600 bytes: error %v, want %q in\n%s", w.Members[1].IPs[i], err, want, out)
		}
	}
	if got := w.user.Counters().TooBig; got != 2 {
		t.Errorf("Counters().TooBig = %d, want 2", got)
	}
	near, far := stream(t, n, w.Lab.Nodes[1], w.Members[1].IPs[0]) // what the system cuts is cut by the smaller end
	go func() { _, _ = near.Write(make([]byte, 1<<20)) }()
	if _, err := io.CopyN(io.Discard, far, 1<<20); err != nil {
		t.Errorf("stream while the device's MTU is wrong: %v", err)
	}
}

func TestSegmentsChangeUnderTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	n := w.Lab.Nodes[0]
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"the node becomes the gateway", func() { w.Segments[0].Gateway = true }},
		{"and no longer is", func() { w.Segments[0].Gateway = false }},
		{"another MTU", func() { w.Segments[0].MTU = 1400 }},
		{"another VTEP", func() {
			n.Run(t, "ip", "address", "add", "192.0.2.77/24", "dev", "e0")
			n.Addr = netip.MustParseAddr("192.0.2.77")
			w.Members[0].VTEP = n.Addr
		}},
		{"another MAC", func() { w.Members[0].MAC[5]++ }},
		{"another segment", func() { w.Segment(t, 5002, 0, 1) }},
	} {
		c.do()
		w.Settle(t)
		for _, s := range w.Segments {
			w.PingAll(t, s)
		}
		if t.Failed() {
			t.Fatalf("%s: stopped here", c.name)
		}
	}
	w.Segments, w.Members = w.Segments[1:], w.Members[2:]
	w.Settle(t)
	w.PingAll(t, w.Segments[0])
	if out, err := n.Try("ip", "link", "show", "ob001389"); err == nil {
		t.Errorf("the device of a segment that is gone stays:\n%s", out)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	need(t)
	lab := netlab.New(t, 1)
	n := lab.Nodes[0]
	before := n.Run(t, "ip", "-o", "link")
	w := &netlab.World{Lab: lab}
	w.Segment(t, 5001, 0)
	w.Segment(t, 5002, 0)
	for range 2 { // the second finds the port free again
		p, err := vtep.New(vtep.Options{Node: n.Name, Instance: "test", VTEP: n.Addr, Namespace: n.Path})
		if err != nil {
			t.Fatal(err)
		}
		netlab.Reconcile(t, p, w.Desired(0))
		if links := n.Run(t, "ip", "-d", "link"); !strings.Contains(links, "alias opsbot test 1") || !strings.Contains(links, "ob00138a") {
			t.Errorf("the devices are not there or not marked:\n%s", links)
		}
		if err := p.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if after := n.Run(t, "ip", "-o", "link"); after != before {
			t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
		}
	}
}

func TestForeignDevicesAreReportedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, want string }{
		{"a kernel device on our port", "ip link add vx7 type vxlan id 7 dstport 4789", "port conflict: UDP port 4789 of node edge-1 is to be ours, but the foreign device vx7 takes all of it"},
		{"our name", "ip link add ob001389 type bridge", "but a device ob001389 exists that is not ours"},
		{"another instance", "ip link add ob001389 type bridge; ip link set ob001389 alias 'opsbot lab 3'", "but a device ob001389 (of lab) exists that is not ours"},
	} {
		w := newWorld(t, 1)
		w.Segment(t, 5001, 0)
		w.LeavesAlone(t, c.name, c.line, c.want)
	}
}

func TestWhatCannotBeHeldIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	s := w.Segment(t, 5001, 0)
	box := overlay.Member{Segment: s.Name, Node: "edge-1", Endpoint: "box", MAC: overlay.MAC{2, 1}, IPs: []netip.Addr{netip.MustParseAddr("100.64.0.9")}, VTEP: w.Lab.Nodes[0].Addr}
	w.Members = append(w.Members, box)
	for _, c := range []struct {
		name string
		line string
		want []string
	}{
		{"an endpoint", "true", []string{"+ port obp001389c67e32: endpoint box, mac 02:01:00:00:00:00, mtu 1450: the userspace VTEP bears no endpoints", "+ endpoint address"}},
		{"a VTEP that the node does not bear", "ip address flush dev e0", []string{"+ tunnel ob001389", "192.0.2.1:4789"}},
	} {
		p := newVTEP(t, w.Lab.Nodes[0])
		w.Lab.Nodes[0].Run(t, "sh", "-c", c.line)
		report, err := p.Apply(context.Background(), overlay.Diff(w.Desired(0), overlay.Observed{}))
		if err != nil || len(report.Failed) == 0 {
			t.Fatalf("%s: Apply() = %+v, %v, want failures", c.name, report, err)
		}
		for i, want := range c.want {
			if i == 1 && len(report.Failed) > 1 {
				i = 1
			} else {
				i = 0
			}
			if !strings.Contains(report.Failed[i].Err, want) {
				t.Errorf("%s: failure %q, want %q in it", c.name, report.Failed[i].Err, want)
			}
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: Close() = %v", c.name, err)
		}
	}
}

func TestMoreSegmentsThanFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for i := range vtep.MaxSegments + 1 {
		w.Segment(t, overlay.VNI(5001+i), 0)
	}
	report, err := w.user.Apply(context.Background(), overlay.Diff(w.Desired(0), overlay.Observed{}))
	if err != nil || len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Err, "64 segments at most") {
		t.Fatalf("Apply() of %d segments = %+v, %v, want one failure", vtep.MaxSegments+1, report, err)
	}
	have, err := w.user.Read(context.Background())
	if err != nil || have.Segments() != vtep.MaxSegments {
		t.Errorf("Read() finds %d segments, %v, want %d", have.Segments(), err, vtep.MaxSegments)
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		t.Logf("%s", regexp.MustCompile(`VmRSS.*`).Find(status))
	}
}

func TestProbeAndFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Segment(t, 5001, 0)
	caps, err := w.user.Probe(context.Background())
	if err != nil || !caps.Tunnels || !caps.Suppress || caps.Endpoints || caps.Bridges || caps.Plane != vtep.Kind || caps.MaxSegments != vtep.MaxSegments {
		t.Errorf("Probe() = %+v, %v", caps, err)
	}
	w.Settle(t)
	have, err := w.user.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f := have.Facts
	if f.Device != "e0" || f.Underlay != 1500 || f.MissingVTEP || f.Capability.Plane != vtep.Kind || len(f.Addresses) == 0 {
		t.Errorf("facts %+v, want e0 with 1500 bytes", f)
	}
	for _, ip := range f.Addresses {
		if w.Segments[0].V4.Contains(ip) {
			t.Errorf("%s lies in a segment and is told as the node's own", ip)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.user.Read(ctx); err == nil {
		t.Error("Read went on after its context ended")
	}
	if _, err := w.user.Probe(ctx); err == nil {
		t.Error("Probe went on after its context ended")
	}
	if _, err := w.user.Apply(ctx, overlay.Diff(w.Desired(0), overlay.Observed{})); err == nil {
		t.Error("Apply went on after its context ended")
	}
	for _, o := range []vtep.Options{{Instance: "x"}, {Node: "edge-1"}, {Node: "a.b", Instance: "x"}, {Node: "edge-1", Instance: "x", Namespace: "/nowhere"}} {
		if p, err := vtep.New(o); err == nil {
			t.Errorf("New(%+v) = %v, want an error", o, p)
		}
	}
}
