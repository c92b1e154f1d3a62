//go:build linux || darwin

package vtep

import (
	"errors"
	"net"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/net/ipv4"
)

// inbox gathers packets for one segment at a time. Not safe for concurrent use.
type inbox struct {
	u       *underlay
	segment *segment
	packets [][]byte
	spare   [][]byte // buffers for datagrams that came many in one
	used    int
}

// read takes datagrams in until the socket is closed.
func (u *underlay) read() {
	messages := make([]ipv4.Message, batchSize)
	memory := make([]byte, 2*batchSize*bufferSize) // pages that no packet reaches are never used
	in := &inbox{u: u}
	buffer := func(i int) []byte { return memory[i*bufferSize : (i+1)*bufferSize : (i+1)*bufferSize] }
	for i := range messages {
		messages[i].Buffers = [][]byte{buffer(i)[front-sealSize:]}
		messages[i].OOB = make([]byte, gatheredSize)
		in.spare = append(in.spare, buffer(batchSize+i))
	}
	for failed := 0; failed < maxErrors; {
		n, err := u.batch.ReadBatch(messages, 0)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		failed++
		if err == nil {
			failed = 0
		}
		for i := range max(n, 0) {
			m := &messages[i]
			if from, ok := m.Addr.(*net.UDPAddr); ok {
				in.message(from.AddrPort().Addr().Unmap(), buffer(i)[:front-sealSize+m.N], gathered(m.OOB[:m.NN]))
			}
		}
		in.flush()
	}
}

// message takes a message in: one datagram, or many of the size given but for the last. The first lies in b behind the room for headers.
func (in *inbox) message(from netip.Addr, b []byte, size int) {
	rest := b[front-sealSize:]
	if size <= 0 || size >= len(rest) {
		in.datagram(from, b)
		return
	}
	for len(rest) > 0 {
		if in.used == len(in.spare) {
			in.flush()
		}
		one := rest[:min(size, len(rest))]
		rest = rest[len(one):]
		n := copy(in.spare[in.used][front-sealSize:], one)
		in.datagram(from, in.spare[in.used][:front-sealSize+n])
		in.used++
	}
}

// datagram takes one datagram in, which lies in b behind the room for headers.
func (in *inbox) datagram(from netip.Addr, b []byte) {
	count := in.u.count
	f, ok := unseal(b[front-sealSize:])
	if !ok {
		count.malformed.Add(1)
		return
	}
	s := (*in.u.segments.Load())[f.vni]
	if s == nil {
		count.wrongVNI.Add(1)
		return
	}
	t := s.table.Load()
	peer := t.peers[from]
	if peer == nil {
		count.foreign.Add(1)
		return
	}
	if f.to != t.mac && f.to[0]&1 == 0 && (f.to != t.probe || f.ethertype != overlay.ProbeEthertype) {
		count.notOurs.Add(1)
		return
	}
	switch f.ethertype {
	case etherIPv4, etherIPv6:
		in.packet(s, t, f, b, peer)
	case etherARP:
		s.takeARP(t, f, peer)
	case overlay.ProbeEthertype:
		s.takeProbe(t, f, peer)
	default:
		count.notOurs.Add(1)
	}
}

// packet takes an IP packet in.
func (in *inbox) packet(s *segment, t *table, f frame, b []byte, peer *net.UDPAddr) {
	n := ipSize(f.payload, f.ethertype)
	if n == 0 {
		in.u.count.malformed.Add(1)
		return
	}
	if f.ethertype == etherIPv6 && ndType(f.payload) != 0 {
		s.takeND(t, f, f.payload[:n], peer)
		return
	}
	if to, _, _ := destination(f.payload); !t.hears(to) {
		in.u.count.notOurs.Add(1)
		return
	}
	if in.segment != s {
		in.deliver()
		in.segment = s
	}
	in.packets = append(in.packets, b[:front+n])
}

// deliver hands the packets that were gathered to their segment.
func (in *inbox) deliver() {
	if len(in.packets) > 0 {
		in.segment.deliver(in.packets)
		clear(in.packets)
		in.packets = in.packets[:0]
	}
}

// flush delivers, and lets buffers be used again.
func (in *inbox) flush() {
	in.deliver()
	in.segment, in.used = nil, 0
}

// takeARP answers questions for our addresses and takes answers to ours.
func (s *segment) takeARP(t *table, f frame, peer *net.UDPAddr) {
	a, ok := parseARP(f.payload)
	if !ok || a.senderMAC.IsZero() {
		s.count.malformed.Add(1)
		return
	}
	if a.op == arpRequest && t.own[a.target] && a.sender != a.target {
		reply := arp{op: arpReply, senderMAC: t.mac, sender: a.target, targetMAC: a.senderMAC, target: a.sender}
		s.underlay.Load().send(sealed(t.vni, a.senderMAC, t.mac, etherARP, reply.bytes()), peer)
		return
	}
	s.heard(t, a.sender, a.senderMAC, peer)
}

// takeND does the same for neighbour discovery.
func (s *segment) takeND(t *table, f frame, packet []byte, peer *net.UDPAddr) {
	n, ok := parseND(packet)
	switch {
	case !ok:
		s.count.malformed.Add(1) // or a router's message: nobody here is one
	case n.kind == ndAdvertisement:
		if n.mac.IsZero() {
			n.mac = f.from
		}
		s.heard(t, n.target, n.mac, peer)
	case t.own[n.target]:
		reply := nd{kind: ndAdvertisement, flags: 0x60, from: n.target, to: n.from, target: n.target, mac: t.mac}
		to := f.from
		if n.from.IsUnspecified() { // it asks whether an address is free
			reply.flags, reply.to = 0x20, netip.IPv6LinkLocalAllNodes()
			to = multicastMAC(reply.to)
		}
		s.underlay.Load().send(sealed(t.vni, to, t.mac, etherIPv6, reply.bytes()), peer)
	}
}

// heard takes news of a neighbour. What was written is not overruled by the wire.
func (s *segment) heard(t *table, ip netip.Addr, mac overlay.MAC, peer *net.UDPAddr) {
	if _, written := t.hops[ip]; written || t.own[ip] {
		return
	}
	packet := s.neighbours.answer(ip, mac, peer)
	if packet == nil {
		return
	}
	ethertype := uint16(etherIPv6)
	if ip.Is4() {
		ethertype = etherIPv4
	}
	s.underlay.Load().send(sealed(t.vni, mac, t.mac, ethertype, packet), peer)
}

// takeProbe answers a probe, and takes answers to ours.
func (s *segment) takeProbe(t *table, f frame, peer *net.UDPAddr) {
	reply, wanted, err := s.probes.pairs.Take(t.vni, overlay.VTEPMAC(peer.AddrPort().Addr()), f.payload)
	switch {
	case err != nil:
		s.count.malformed.Add(1)
	case wanted:
		s.underlay.Load().send(sealed(t.vni, f.from, t.probe, overlay.ProbeEthertype, reply.Append(nil, 0)), peer)
	}
}
