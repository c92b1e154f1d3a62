//go:build linux || darwin

package vtep

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"github.com/shitops/opsbot/overlay"
	"golang.zx2c4.com/wireguard/tun"
)

// segment is a segment at work: a device, a table, and a goroutine that carries packets out.
type segment struct {
	vni        overlay.VNI
	name       string // of the device
	device     tun.Device
	neighbours *neighbours
	count      *counters
	probes     *probes
	table      atomic.Pointer[table]
	underlay   atomic.Pointer[underlay]
	dead       atomic.Bool // the device was taken away
	work       sync.WaitGroup
}

// newSegment starts to carry packets out of a device.
func newSegment(vni overlay.VNI, name string, device tun.Device, u *underlay, t *table, count *counters) *segment {
	s := &segment{vni: vni, name: name, device: device, neighbours: newNeighbours(count), count: count}
	s.table.Store(t)
	s.underlay.Store(u)
	s.work.Go(s.run)
	if events := device.Events(); events != nil {
		s.work.Go(func() {
			for range events { // they must be taken, or the device would stand still
			}
		})
	}
	return s
}

// close takes the device away and waits for the goroutines.
func (s *segment) close() error {
	err := s.device.Close()
	s.work.Wait()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// maxErrors is how many reads in a row may fail before the device counts as lost.
const maxErrors = 100

// run carries packets out until the device is gone.
func (s *segment) run() {
	defer s.dead.Store(true)
	n := s.device.BatchSize()
	memory := make([]byte, n*bufferSize) // pages that no packet reaches are never used
	bufs, sizes := make([][]byte, n), make([]int, n)
	for i := range bufs {
		bufs[i] = memory[i*bufferSize : (i+1)*bufferSize : (i+1)*bufferSize]
	}
	out := &outbox{}
	for failed := 0; failed < maxErrors; {
		got, err := s.device.Read(bufs, sizes, front)
		if isGone(err) {
			return
		}
		failed++
		if err == nil {
			failed = 0
		}
		out.u = s.underlay.Load()
		t := s.table.Load()
		for i := range max(got, 0) {
			if sizes[i] > 0 {
				s.carry(t, out, bufs[i][:front+sizes[i]])
			}
		}
		out.flush()
	}
}

// carry sends the IP packet that lies in b behind [front] to where it belongs.
func (s *segment) carry(t *table, out *outbox, b []byte) {
	packet := b[front:]
	ip, ethertype, ok := destination(packet)
	if !ok || ndType(packet) != 0 { // no packet, or the system asks a link that it cannot see
		return
	}
	if len(packet) > t.mtu {
		s.refuse(t, packet)
		return
	}
	h, known := t.hops[ip]
	if !known {
		switch {
		case ip.IsMulticast():
			h.mac = multicastMAC(ip)
		case t.broadcasts[ip]:
			h.mac = broadcast
		case !t.onLink(ip):
			s.count.noRoute.Add(1)
			return
		default:
			var ask bool
			h, known, ask = s.neighbours.find(ip, packet)
			if ask {
				s.ask(t, out.u, ip)
			}
			if !known {
				return
			}
		}
	}
	datagram := b[front-sealSize:]
	seal(datagram, t.vni, h.mac, t.mac, ethertype)
	if h.to != nil {
		out.add(datagram, h.to)
		return
	}
	for _, to := range t.flood {
		out.add(datagram, to)
	}
}

// refuse tells the system that a packet does not fit. An IPv4 packet without DF is treated alike: a VTEP must not cut (RFC 7348 section 4.3), and
// the system will cut once it knows the size.
func (s *segment) refuse(t *table, packet []byte) {
	s.count.tooBig.Add(1)
	if answer := tooBig(packet, t.mtu); answer != nil {
		s.deliver([][]byte{append(make([]byte, front, front+len(answer)), answer...)})
	}
}

// deliver hands packets to the system; each lies in its buffer behind [front].
func (s *segment) deliver(bufs [][]byte) {
	if _, err := s.device.Write(bufs, front); err != nil {
		s.count.failed.Add(1)
		return
	}
	s.count.received.Add(uint64(len(bufs)))
}

// ask asks all for a neighbour.
func (s *segment) ask(t *table, u *underlay, ip netip.Addr) {
	from, ok := t.source(ip.Is4())
	if !ok {
		return
	}
	var datagram []byte
	if ip.Is4() {
		question := arp{op: arpRequest, senderMAC: t.mac, sender: from, target: ip}
		datagram = sealed(t.vni, broadcast, t.mac, etherARP, question.bytes())
	} else {
		group := solicited(ip)
		question := nd{kind: ndSolicitation, from: from, to: group, target: ip, mac: t.mac}
		datagram = sealed(t.vni, multicastMAC(group), t.mac, etherIPv6, question.bytes())
	}
	for _, to := range t.flood {
		u.send(datagram, to)
	}
}

// announce tells all that our addresses are here (gratuitous ARP, RFC 5227 section 3; unsolicited advertisement, RFC 4861 section 7.2.6).
func (s *segment) announce(ips []netip.Addr) {
	t, u := s.table.Load(), s.underlay.Load()
	for _, ip := range ips {
		var datagram []byte
		if ip.Is4() {
			news := arp{op: arpRequest, senderMAC: t.mac, sender: ip, target: ip}
			datagram = sealed(t.vni, broadcast, t.mac, etherARP, news.bytes())
		} else {
			all := netip.IPv6LinkLocalAllNodes()
			news := nd{kind: ndAdvertisement, flags: 0x20, from: ip, to: all, target: ip, mac: t.mac}
			datagram = sealed(t.vni, multicastMAC(all), t.mac, etherIPv6, news.bytes())
		}
		for _, to := range t.flood {
			u.send(datagram, to)
		}
	}
}
