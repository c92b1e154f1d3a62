//go:build linux || darwin

package vtep

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/overlay"
	"golang.zx2c4.com/wireguard/tun"
	"pgregory.net/rapid"
)

// sink is a device that checks what it is given.
type sink struct {
	tun.Device
	t   testing.TB
	got [][]byte
}

func (s *sink) Write(bufs [][]byte, offset int) (int, error) {
	for _, b := range bufs {
		packet := b[offset:]
		if _, _, ok := destination(packet); !ok || len(packet) > 1<<16 {
			s.t.Errorf("the system was given % x", packet)
		}
		s.got = append(s.got, bytes.Clone(packet))
	}
	return len(bufs), nil
}

func (s *sink) File() *os.File { return nil }

var (
	hostMAC, peerMAC = overlay.MAC{2, 0, 0, 0, 0, 1}, overlay.MAC{2, 0, 0, 0, 0, 2}
	host4, peer4     = netip.MustParseAddr("100.64.0.2"), netip.MustParseAddr("100.64.0.3")
	host6, peer6     = netip.MustParseAddr("fd00::2"), netip.MustParseAddr("fd00::3")
	vtepHere         = netip.MustParseAddr("192.0.2.1")
	vtepThere        = netip.MustParseAddr("192.0.2.2")
)

// rig is an underlay and a segment without a system below them. Replies go nowhere.
func rig(t testing.TB) (*underlay, *segment, *sink) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	c := newConfig()
	c.tunnel = overlay.Object{Kind: overlay.Tunnel, VNI: 5001, MTU: 1450, MAC: hostMAC, VTEP: vtepHere, Port: 4789, Bare: true}
	c.addresses[on{netip.PrefixFrom(host4, 24), true}] = true
	c.addresses[on{netip.PrefixFrom(host6, 64), true}] = true
	c.flood[vtepThere] = true
	count := &counters{}
	u := &underlay{conn: conn, count: count}
	out := &sink{t: t}
	s := &segment{vni: 5001, device: out, neighbours: newNeighbours(count), count: count, probes: newProbes("edge-1")}
	s.table.Store(c.table(5001))
	s.underlay.Store(u)
	u.segments.Store(&map[overlay.VNI]*segment{5001: s})
	return u, s, out
}

// FuzzReceive lets strangers' bytes in as datagrams of a member, alone and as many of one size.
func FuzzReceive(f *testing.F) {
	question := arp{op: arpRequest, senderMAC: peerMAC, sender: peer4, target: host4}
	solicitation := nd{kind: ndSolicitation, from: peer6, to: solicited(host6), target: host6, mac: peerMAC}
	f.Add(sealed(5001, broadcast, peerMAC, etherARP, question.bytes()), 0)
	f.Add(sealed(5001, hostMAC, peerMAC, etherIPv6, solicitation.bytes()), 0)
	f.Add(sealed(5001, overlay.VTEPMAC(vtepHere), peerMAC, overlay.ProbeEthertype, overlay.ProbeFrame{Node: "edge-2"}.Append(nil, 96)), 0)
	f.Add(bytes.Repeat(sealed(5001, hostMAC, peerMAC, etherIPv4, append([]byte{0x45, 0, 0, 20}, make([]byte, 16)...)), 3), 42)
	f.Fuzz(func(t *testing.T, datagrams []byte, size int) {
		u, _, _ := rig(t)
		in := &inbox{u: u, spare: [][]byte{make([]byte, bufferSize), make([]byte, bufferSize)}}
		in.message(vtepThere, append(make([]byte, front-sealSize), datagrams[:min(len(datagrams), 1<<16)]...), size)
		in.flush()
	})
}

// FuzzCarry lets any bytes out of the system.
func FuzzCarry(f *testing.F) {
	f.Add([]byte{0x45, 19: 3})
	f.Add(append(header6(host6, peer6, 64, 0), make([]byte, 1500)...))
	f.Fuzz(func(t *testing.T, packet []byte) {
		u, s, _ := rig(t)
		s.carry(s.table.Load(), &outbox{u: u}, append(make([]byte, front), packet...))
	})
}

// FuzzParse reads what strangers sent, and writes what was read again.
func FuzzParse(f *testing.F) {
	f.Add(arp{op: arpReply, senderMAC: peerMAC, sender: peer4, targetMAC: hostMAC, target: host4}.bytes())
	f.Add(nd{kind: ndAdvertisement, flags: 0x60, from: peer6, to: host6, target: peer6, mac: peerMAC}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := parseARP(b); ok {
			if got := a.bytes(); !bytes.Equal(got, b[:28]) {
				t.Errorf("parseARP(% x) = %+v, which is % x", b, a, got)
			}
		}
		if n, ok := parseND(b); ok {
			again, ok := parseND(n.bytes())
			if n.kind == ndSolicitation {
				again.flags = n.flags // it has none that count
			}
			if !ok || again != n {
				t.Errorf("parseND(% x) = %+v, and again %+v", b, n, again)
			}
		}
		if to, ethertype, ok := destination(b); ok && ipSize(b, ethertype) > len(b) {
			t.Errorf("the packet % x to %s is longer than it is", b, to)
		}
	})
}

func TestFramesComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mac := func(what string) overlay.MAC {
			return overlay.MAC(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, what))
		}
		want := frame{vni: overlay.VNI(rapid.Uint32Range(0, 1<<24-1).Draw(t, "vni")), to: mac("to"), from: mac("from"),
			ethertype: rapid.Uint16().Draw(t, "ethertype"), payload: rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "payload")}
		got, ok := unseal(sealed(want.vni, want.to, want.from, want.ethertype, want.payload))
		if d := cmp.Diff(want, got, cmp.AllowUnexported(frame{})); !ok || d != "" {
			t.Fatalf("unsealed %v (-want +got):\n%s", ok, d)
		}
	})
}

func TestTooBigIsNotSaidToThoseWhoMustNotHear(t *testing.T) {
	t.Parallel()
	v4 := func(change func(b []byte)) []byte {
		b := append([]byte{0x45, 0, 0x07, 0xd0, 0, 0, 0x40, 0, 64, 17, 0, 0}, append(host4.AsSlice(), peer4.AsSlice()...)...)
		b = append(b, make([]byte, 1980)...)
		change(b)
		return b
	}
	v6 := func(change func(b []byte)) []byte {
		b := append(header6(host6, peer6, 64, 1960), make([]byte, 1960)...)
		b[40] = 128
		change(b)
		return b
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   bool
	}{
		{"a datagram", v4(func([]byte) {}), true},
		{"an echo", v4(func(b []byte) { b[9], b[20] = 1, 8 }), true},
		{"an ICMP error", v4(func(b []byte) { b[9], b[20] = 1, 3 }), false},
		{"a later fragment", v4(func(b []byte) { b[7] = 1 }), false},
		{"from nobody", v4(func(b []byte) { clear(b[12:16]) }), false},
		{"a broken header", v4(func(b []byte) { b[0] = 0x41 }), false},
		{"an echo in IPv6", v6(func([]byte) {}), true},
		{"an ICMPv6 error", v6(func(b []byte) { b[40] = 1 }), false},
		{"from nobody in IPv6", v6(func(b []byte) { clear(b[8:24]) }), false},
		{"to a group", v6(func(b []byte) { copy(b[24:40], netip.IPv6LinkLocalAllNodes().AsSlice()) }), true},
	} {
		got := tooBig(c.packet, 1450)
		if (got != nil) != c.want {
			t.Errorf("%s: answer % x, want one: %v", c.name, got, c.want)
		}
		if got == nil {
			continue
		}
		to, ethertype, ok := destination(got)
		if want := map[uint16]netip.Addr{etherIPv4: host4, etherIPv6: host6}[ethertype]; !ok || to != want || ipSize(got, ethertype) != len(got) || len(got) > 1280 {
			t.Errorf("%s: answer of %d bytes to %s, want all of it to %s", c.name, len(got), to, want)
		}
		if ethertype == etherIPv4 && (checksum(got[:20]) != 0 || checksum(got[20:]) != 0) {
			t.Errorf("%s: checksums of % x", c.name, got)
		}
	}
}
