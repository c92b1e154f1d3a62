//go:build linux

package vtep_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
	"github.com/shitops/opsbot/overlay/vtep"
)

// tunnelled is a frame within VXLAN (RFC 7348 section 5).
func tunnelled(vni overlay.VNI, to, from overlay.MAC, ethertype uint16, payload ...byte) []byte {
	b := []byte{8, 0, 0, 0, byte(vni >> 16), byte(vni >> 8), byte(vni), 0}
	b = append(append(b, to[:]...), from[:]...)
	return append(binary.BigEndian.AppendUint16(b, ethertype), payload...)
}

// udp4 is an IPv4 packet with a UDP datagram without a checksum.
func udp4(from, to netip.Addr, port uint16, text string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(28+len(text)))
	b = append(append(append(b, 0, 0, 0, 0, 64, 17, 0, 0), from.AsSlice()...), to.AsSlice()...)
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	b = binary.BigEndian.AppendUint16(append(b, 0x30, 0x39), port)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(text)))
	return append(append(b, 0, 0), text...)
}

// wire opens a UDP socket on a node's VXLAN port: a peer of which every byte is ours.
func wire(t testing.TB, n *netlab.Space) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	err := n.Do(func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.Addr, overlay.DefaultPort)))
		return err
	})
	if err != nil {
		t.Fatalf("listen on %s: %v", n.Name, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually waits until a counter has reached want.
func eventually(t testing.TB, w *world, what string, want uint64, get func(vtep.Counters) uint64) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for tick := time.NewTicker(time.Millisecond); get(w.user.Counters()) < want; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: Counters() = %+v, want %d", what, w.user.Counters(), want)
		}
	}
	if got := get(w.user.Counters()); got != want {
		t.Errorf("%s: counted %d, want %d", what, got, want)
	}
}

func TestOnlyMembersOfASegmentGetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.Segment(t, 5001, 0, 1)
	w.Segment(t, 5002, 0, 2)
	w.Pass(t, 0)
	node, own, other := w.Lab.Nodes[0], w.Members[0], w.Members[2]
	peer := w.Members[1]
	var inside net.PacketConn
	if err := node.Do(func() (err error) { inside, err = net.ListenPacket("udp", "0.0.0.0:7"); return err }); err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(node.Addr, overlay.DefaultPort))
	packet := func(text string) []byte { return udp4(peer.IPs[0], own.IPs[0], 7, text) }
	foreign := func(c vtep.Counters) uint64 { return c.Foreign }
	notOurs := func(c vtep.Counters) uint64 { return c.NotOurs }
	malformed := func(c vtep.Counters) uint64 { return c.Malformed }
	wires := []*net.UDPConn{nil, wire(t, w.Lab.Nodes[1]), wire(t, w.Lab.Nodes[2]), wire(t, w.Lab.Nodes[3])}
	for _, c := range []struct {
		name  string
		from  int
		bytes []byte
		want  uint64
		count func(vtep.Counters) uint64
	}{
		{"a node of no segment", 3, tunnelled(5001, own.MAC, peer.MAC, 0x0800, packet("x")...), 1, foreign},
		{"a node of another segment", 2, tunnelled(5001, own.MAC, peer.MAC, 0x0800, packet("x")...), 2, foreign},
		{"a VNI that is not held", 1, tunnelled(5003, own.MAC, peer.MAC, 0x0800, packet("x")...), 1, func(c vtep.Counters) uint64 { return c.WrongVNI }},
		{"another MAC", 1, tunnelled(5001, overlay.MAC{2, 9}, peer.MAC, 0x0800, packet("x")...), 1, notOurs},
		{"the address of the host in another segment", 1, tunnelled(5001, own.MAC, peer.MAC, 0x0800, udp4(peer.IPs[0], other.IPs[0], 7, "x")...), 2, notOurs},
		{"the address of the node itself", 1, tunnelled(5001, own.MAC, peer.MAC, 0x0800, udp4(peer.IPs[0], node.Addr, 7, "x")...), 3, notOurs},
		{"a VLAN", 1, tunnelled(5001, own.MAC, peer.MAC, 0x8100, packet("x")...), 4, notOurs},
		{"a frame of a tunnel without VNI", 1, append([]byte{0}, tunnelled(5001, own.MAC, peer.MAC, 0x0800, packet("x")...)[1:]...), 1, malformed},
		{"half a header", 1, []byte{8, 0, 0, 0, 0}, 2, malformed},
		{"half a packet", 1, tunnelled(5001, own.MAC, peer.MAC, 0x0800, packet("x")[:22]...), 3, malformed},
		{"half an ARP", 1, tunnelled(5001, own.MAC, peer.MAC, 0x0806, 0, 1, 8, 0), 4, malformed},
		{"a router that nobody is", 1, tunnelled(5001, own.MAC, peer.MAC, 0x86dd, append([]byte{0x60, 0, 0, 0, 0, 16, 58, 255}, append(make([]byte, 32), append([]byte{134}, make([]byte, 15)...)...)...)...), 5, malformed},
	} {
		if _, err := wires[c.from].WriteTo(c.bytes, to); err != nil {
			t.Fatal(err)
		}
		eventually(t, w, c.name, c.want, c.count)
	}
	if _, err := wires[1].WriteTo(tunnelled(5001, own.MAC, peer.MAC, 0x0800, packet("in")...), to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if err := inside.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, _, err := inside.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "in" {
		t.Errorf("what came in first is %q, %v, want only the member's %q", buf[:n], err, "in")
	}
}

func TestSegmentsAreIsolated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.Segment(t, 5001, 0, 1)
	w.Segment(t, 5002, 0, 2)
	w.Settle(t)
	w.Lab.Nodes[1].Ping(t, w.Members[0].IPs[0], true)
	w.Lab.Nodes[2].Ping(t, w.Members[2].IPs[0], true)
	w.Lab.Nodes[1].Ping(t, w.Members[2].IPs[0], false, "-I", "ob001389")
	w.Lab.Nodes[1].Ping(t, w.Members[3].IPs[0], false, "-I", "ob001389")
}

func TestMovedMembersAreAnnounced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Members[0].Sequence = 1
	c := wire(t, w.Lab.Nodes[1])
	w.Pass(t, 0)
	count := map[string]int{}
	for range 6 {
		buf := make([]byte, 200)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		mac := w.Members[0].MAC
		v4 := append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, append(mac[:], w.Members[0].IPs[0].AsSlice()...)...)
		v4 = append(append(v4, 0, 0, 0, 0, 0, 0), w.Members[0].IPs[0].AsSlice()...)
		arp := tunnelled(5001, overlay.MAC{255, 255, 255, 255, 255, 255}, mac, 0x0806, v4...)
		advertisement := buf[20] == 0x86 && buf[22+40] == 136 && netip.AddrFrom16([16]byte(buf[22+48:22+64])) == w.Members[0].IPs[1]
		switch {
		case string(buf[:n]) == string(arp):
			count["arp"]++
		case advertisement:
			count["nd"]++
		default:
			t.Errorf("% x was sent, want % x or an advertisement", buf[:n], arp)
		}
	}
	if count["arp"] != 3 || count["nd"] != 3 {
		t.Errorf("announced %v, want three of each", count)
	}
}

func TestKernelsProbeTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Segment(t, 5001, 0, 1)
	w.Settle(t)
	n := w.Lab.Nodes[1]
	p, _ := netlab.StartProber(t, kernel.Options{Node: n.Name, VTEP: n.Addr, Namespace: n.Path})
	results, err := p.Probe(t.Context(), w.Desired(1).Targets(true))
	if err != nil || len(results) != 1 || results[0].State != overlay.PairOK || results[0].Answered != "edge-1" || results[0].Passes != 1450 {
		t.Errorf("Probe() = %+v, %v, want edge-1 to answer with 1450 bytes", results, err)
	}
}

func TestTheProgramProbes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.Segment(t, 5001, 0, 1, 2)
	w.Settle(t)
	n := w.Lab.Nodes[1]
	netlab.StartProber(t, kernel.Options{Node: n.Name, VTEP: n.Addr, Namespace: n.Path})
	p, err := w.user.Prober()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}()
	targets := w.Desired(0).Targets(true)
	for _, c := range []struct {
		name   string
		line   string
		change func(*overlay.ProbeTarget)
		want   overlay.ProbeState
		passes int
	}{
		{"all is well", "true", nil, overlay.PairOK, 1450},
		{"another node answers", "true", func(t *overlay.ProbeTarget) { t.Node = "edge-9" }, overlay.PairWrongNode, 0},
		{"a segment that is not here", "true", func(t *overlay.ProbeTarget) { t.VNI = 5009 }, overlay.PairDown, 0},
		{"a VTEP that is not in the segment", "true", func(t *overlay.ProbeTarget) { t.VTEP = netip.MustParseAddr("192.0.2.99") }, overlay.PairDown, 0},
		{"a node that does not answer", "true", func(t *overlay.ProbeTarget) { *t = targets[1] }, overlay.PairDown, 0},
		{"a hidden hop", "ip link set n2 mtu 1400; ip link set u0 mtu 1500", nil, overlay.PairMTU, 1350},
	} {
		target := targets[0]
		if c.change != nil {
			c.change(&target)
		}
		w.Lab.Underlay.Run(t, "sh", "-c", c.line)
		got, err := p.Probe(t.Context(), []overlay.ProbeTarget{target})
		if err != nil || len(got) != 1 || got[0].State != c.want || got[0].Passes != c.passes || got[0].From != "edge-1" {
			t.Errorf("%s: Probe(%+v) = %+v, %v, want %s with %d bytes", c.name, target, got, err, c.want, c.passes)
		}
	}
}
