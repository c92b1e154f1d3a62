//go:build linux

package kernel_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/netlab"
	"golang.org/x/sys/unix"
)

// mover is a world in which an endpoint can move between the first two nodes, and a client on the third that asks it each millisecond.
type mover struct {
	*world
	segment overlay.Segment
	boxes   []*netlab.Space // the endpoint's namespaces, by node
	box     int             // index of the endpoint in members
}

func newMover(t testing.TB) *mover {
	t.Helper()
	m := &mover{world: newWorld(t, 3)}
	m.segment = m.world.Segment(t, 5001, 0, 1, 2)
	for i, n := range m.Lab.Nodes[:2] {
		m.boxes = append(m.boxes, n.Endpoint(t, "box"))
		n.Endpoint(t, fmt.Sprintf("stays-%d", i)) // so that the bridge stays, too
		m.Attach(t, m.segment, i, fmt.Sprintf("stays-%d", i))
	}
	m.Attach(t, m.segment, 0, "box")
	m.box = len(m.Members) - 1
	m.Settle(t)
	for _, b := range m.boxes {
		echo(t, b)
	}
	m.Lab.Nodes[2].Ping(t, m.ip(), true)
	return m
}

func (m *mover) ip() netip.Addr { return m.Members[m.box].IPs[0] }

// to moves the member's record to a node.
func (m *mover) to(node int) {
	b := &m.Members[m.box]
	b.Node, b.VTEP, b.Sequence = m.Lab.Nodes[node].Name, m.Lab.Nodes[node].Addr, b.Sequence+1
}

// move moves the endpoint to a node by its planes: what has to change is known, the handles are open, the old node is fenced first.
func (m *mover) move(t testing.TB, node int) func() {
	t.Helper()
	m.to(node)
	have, want := make([]overlay.Observed, 3), make([]overlay.Desired, 3)
	for i := range m.Planes {
		var err error
		if have[i], err = m.Planes[i].Read(context.Background()); err != nil {
			t.Fatal(err)
		}
		want[i] = m.Desired(i)
	}
	return func() {
		var all sync.WaitGroup
		for _, i := range []int{1 - node, node, 2} {
			all.Go(func() {
				report, err := m.Planes[i].Apply(context.Background(), overlay.Diff(want[i], have[i]))
				if err != nil || len(report.Failed) > 0 {
					t.Errorf("move on %s: %v %v", m.Lab.Nodes[i].Name, err, report.Failed)
				}
			})
		}
		all.Wait()
	}
}

// byHand moves the endpoint by the commands that a person would type.
func (m *mover) byHand(t testing.TB, node int) func() {
	m.to(node)
	b, old, port := m.Members[m.box], m.Lab.Nodes[1-node], overlay.PortName(5001, "box")
	away := []string{"ip link delete " + port, fmt.Sprintf("bridge fdb replace %s dev ob001389 dst %s self permanent", b.MAC, b.VTEP), fmt.Sprintf("bridge fdb replace %s dev ob001389 master static", b.MAC)}
	here := []string{
		fmt.Sprintf("ip link set %s mtu 1450 master obb001389 group 7299685 alias 'opsbot test 1 box'", port), "ip link set " + port + " up", fmt.Sprintf("bridge link set dev %s learning off", port),
		fmt.Sprintf("bridge fdb replace %s dev %s master static", b.MAC, port), fmt.Sprintf("bridge fdb delete %s dev ob001389 self", b.MAC),
	}
	inside := []string{"ip link set vni5001 mtu 1450 address " + b.MAC.String(), "ip link set vni5001 up", fmt.Sprintf("ip address add %s/24 dev vni5001", b.IPs[0]), fmt.Sprintf("ip address add %s/64 dev vni5001 nodad", b.IPs[1])}
	other := []string{fmt.Sprintf("bridge fdb replace %s dev ob001389 dst %s self permanent", b.MAC, b.VTEP)}
	run := func(s *netlab.Space, lines []string) {
		for _, line := range lines {
			if out, err := s.Try("sh", "-c", "exec "+line); err != nil {
				t.Errorf("%v %s", err, out)
			}
		}
	}
	return func() {
		var all sync.WaitGroup
		all.Go(func() { run(old, away) })
		all.Go(func() { run(m.Lab.Nodes[2], other) })
		all.Go(func() {
			m.Lab.Nodes[node].Pair(t, port, m.boxes[node], "vni5001") // the one step that ip cannot do without a named namespace
			run(m.Lab.Nodes[node], here[:1])
			run(m.boxes[node], inside)
			run(m.Lab.Nodes[node], here[1:])
		})
		all.Wait()
	}
}

// gap asks the endpoint each millisecond while act runs, and returns how long after its start the first answer from the new place came, and how many
// questions were lost.
func (m *mover) gap(t testing.TB, act func()) (gap time.Duration, lost int) {
	t.Helper()
	var c *net.UDPConn
	err := m.Lab.Nodes[2].Do(func() (err error) {
		c, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(m.ip(), 7)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[uint32]time.Time{}
	var reader sync.WaitGroup
	reader.Go(func() {
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			switch {
			case err == nil && n == 4:
				mu.Lock()
				got[binary.BigEndian.Uint32(b)] = time.Now()
				mu.Unlock()
			case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EHOSTUNREACH): // while it is nowhere
			case err != nil:
				return
			}
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var began time.Time
	var moving sync.WaitGroup
	sent, end, cut := uint32(0), time.Time{}, uint32(0)
	for end.IsZero() || time.Now().Before(end) {
		<-tick.C
		if sent == 100 {
			began, cut, end = time.Now(), sent, time.Now().Add(400*time.Millisecond)
			moving.Go(act)
		}
		_, _ = c.Write(binary.BigEndian.AppendUint32(nil, sent)) // a refusal is told to the reader, too
		sent++
	}
	moving.Wait()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // the last answers
	reader.Wait()
	_ = c.Close()
	last := cut
	for i := cut; i < sent; i++ {
		if _, ok := got[i]; !ok {
			lost, last = lost+1, i+1
		}
	}
	if at, ok := got[last]; ok {
		return at.Sub(began), lost
	}
	return time.Second, lost
}

// echo answers UDP on port 7 in a namespace until the test ends.
func echo(t testing.TB, s *netlab.Space) {
	t.Helper()
	var c *net.UDPConn
	err := s.Do(func() (err error) {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 7})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDPAddrPort(b[:n], from) // the asker counts what is lost
		}
	})
	t.Cleanup(func() {
		_ = c.Close()
		serving.Wait()
	})
}

func TestEndpointMovesAndIsAnnounced(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	heard := watchAnnouncements(t, m.Lab.Nodes[2], m.ip())
	gap, lost := m.gap(t, m.move(t, 1))
	t.Logf("moved: first answer after %v, %d lost", gap, lost)
	if gap >= 500*time.Millisecond {
		t.Errorf("first answer after %v", gap)
	}
	if n := heard(); n != 3 && os.Getuid() == 0 && !inUserNamespace(t) {
		t.Errorf("%d gratuitous ARP requests were heard on %s, want 3", n, m.Lab.Nodes[2].Name)
	}
	for i := range m.Planes {
		if again := m.Pass(t, i); !again.Empty() {
			t.Errorf("after the move a pass on %s would do\n%s", m.Lab.Nodes[i].Name, again)
		}
	}
	m.gap(t, m.byHand(t, 0))
	for i := range m.Planes {
		if again := m.Pass(t, i); i == 2 && !again.Empty() {
			t.Errorf("after the move by hand a pass on %s would do\n%s", m.Lab.Nodes[i].Name, again)
		}
	}
	m.Lab.Nodes[2].Ping(t, m.ip(), true)
}

// inUserNamespace tells whether root here is somebody else outside: captures have less room then, and miss frames.
func inUserNamespace(t *testing.T) bool {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.Fields(string(ids))) < 3 || strings.Fields(string(ids))[2] != "4294967295"
}

// watchAnnouncements counts the gratuitous ARP requests for ip that come in by a node's tunnel.
func watchAnnouncements(t *testing.T, s *netlab.Space, ip netip.Addr) func() int {
	t.Helper()
	frames := captureOn(t, s, overlay.TunnelName(5001))
	return func() (n int) {
		for _, f := range frames() {
			if len(f) >= 42 && f[12] == 8 && f[13] == 6 && slices.Equal(f[28:32], ip.AsSlice()) && slices.Equal(f[38:42], ip.AsSlice()) {
				n++
			}
		}
		return n
	}
}

func BenchmarkMove(b *testing.B) {
	run := func(b *testing.B, how func(m *mover, node int) func()) {
		m := newMover(b)
		var gaps []time.Duration
		lost := 0
		for i := 0; b.Loop(); i++ {
			for range 5 {
				g, l := m.gap(b, how(m, 1-i%2))
				gaps, lost = append(gaps, g), max(lost, l)
				if l > 20 {
					b.Logf("gap %v lost %d move %d to %d", g, l, i, 1-i%2)
				}
				i++
			}
			i--
		}
		slices.Sort(gaps)
		b.ReportMetric(float64(gaps[len(gaps)/2].Microseconds())/1000, "ms-gap")
		b.ReportMetric(float64(lost), "lost-worst")
	}
	b.Run("endpoint", func(b *testing.B) { run(b, func(m *mover, node int) func() { return m.move(b, node) }) })
	b.Run("endpoint/peer=commands", func(b *testing.B) {
		run(b, func(m *mover, node int) func() {
			for i := range m.Planes {
				m.Pass(b, i)
			}
			return m.byHand(b, node)
		})
	})
}
