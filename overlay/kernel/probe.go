//go:build linux

package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// Prober sends probes inside segments and answers those of others. A question goes the way that traffic goes: out of the tunnel device, by
// the forwarding entry of the peer's VTEP, and in by the peer's bridge. How large a packet may be is asked by packets of the same form with
// DF set, which no hop may cut. Safe for concurrent use.
type Prober struct {
	o      Options
	packet *os.File // hears and sends probes
	udp    int      // sends tunnelled packets with DF
	pairs  *overlay.Prober
}

// NewProber opens what a node needs to probe and to be probed. Node and VTEP of the options are required. Close it after Run has returned.
func NewProber(o Options) (*Prober, error) {
	if err := overlay.CheckName("node", o.Node); err != nil {
		return nil, err
	}
	if !o.VTEP.IsValid() {
		return nil, fmt.Errorf("prober of %s: no VTEP", o.Node)
	}
	if o.Port == 0 {
		o.Port = overlay.DefaultPort
	}
	fd, err := openPacket(o.Namespace, overlay.ProbeEthertype)
	if err != nil {
		return nil, fmt.Errorf("prober of %s: %w", o.Node, err)
	}
	udp, err := openDF(o)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("prober of %s: %w", o.Node, err)
	}
	return &Prober{o: o, packet: os.NewFile(uintptr(fd), "probes"), udp: udp, pairs: overlay.NewProber(o.Node)}, nil
}

// openDF opens a UDP socket whose packets bear DF and are sent whatever is thought of the path's MTU (IP_PMTUDISC_PROBE of ip(7)).
func openDF(o Options) (fd int, err error) {
	err = within(o.Namespace, func() error {
		if o.VTEP.Is4() {
			if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err == nil {
				err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
			}
		} else {
			if fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err == nil {
				err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
			}
		}
		if err == nil {
			err = unix.Bind(fd, sockaddr(o.VTEP, 0))
		}
		if err != nil {
			return fmt.Errorf("open a socket on %s: %w", o.VTEP, err)
		}
		return nil
	})
	return fd, err
}

// sockaddr is an address as a system call takes it.
func sockaddr(ip netip.Addr, port uint16) unix.Sockaddr {
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: int(port), Addr: ip.As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: ip.As16()}
}

// Close closes the sockets.
func (p *Prober) Close() error {
	return errors.Join(p.packet.Close(), unix.Close(p.udp))
}

// Run answers probes and takes in answers until ctx ends. A node that does not run it is down to its peers.
func (p *Prober) Run(ctx context.Context) error {
	raw, err := p.packet.SyscallConn()
	if err != nil {
		return fmt.Errorf("prober of %s: %w", p.o.Node, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.packet.SetReadDeadline(time.Now()) }) // wakes the read below
	defer stop()
	buf := make([]byte, 1<<16)
	for ctx.Err() == nil {
		var n int
		var from unix.Sockaddr
		var got error
		err := raw.Read(func(fd uintptr) bool {
			n, from, got = unix.Recvfrom(int(fd), buf, 0)
			return !errors.Is(got, unix.EAGAIN)
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("prober of %s: %w", p.o.Node, err)
		case got != nil: // a device went down under it
			continue
		}
		if link, ok := from.(*unix.SockaddrLinklayer); ok && n >= 14 {
			p.take(uint32(link.Ifindex), buf[:n])
		}
	}
	return nil
}

// take handles a frame that came in by the device with the index given.
func (p *Prober) take(index uint32, frame []byte) {
	vni := overlay.VNI(index & 0xffffff)
	if index&ourIndexes != bridgeIndex && index&ourIndexes != tunnelIndex {
		return
	}
	peer := overlay.MAC(frame[6:12])
	if reply, wanted, err := p.pairs.Take(vni, peer, frame[14:]); err == nil && wanted { // an error: a stranger's
		_ = p.send(vni, peer, reply) // the asker notices
	}
}

// send sends a probe the way that traffic goes.
func (p *Prober) send(vni overlay.VNI, to overlay.MAC, probe overlay.ProbeFrame) error {
	frame := probeHeader(to, overlay.VTEPMAC(p.o.VTEP))
	frame = probe.Append(frame, 0)
	raw, err := p.packet.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = sendFrame(int(fd), tunnelIndex|int(vni), frame) }); err != nil {
		return err
	}
	return sent
}

// probeHeader is the Ethernet header of a probe.
func probeHeader(to, from overlay.MAC) []byte {
	frame := append(make([]byte, 0, 1600), to[:]...)
	frame = append(frame, from[:]...)
	return binary.BigEndian.AppendUint16(frame, overlay.ProbeEthertype)
}

// sendDF sends a probe of size bytes in a tunnelled packet of our own with DF set (the header of RFC 7348 section 5).
func (p *Prober) sendDF(t overlay.ProbeTarget, probe overlay.ProbeFrame, size int) error {
	packet := []byte{0x08, 0, 0, 0, byte(t.VNI >> 16), byte(t.VNI >> 8), byte(t.VNI), 0}
	packet = append(packet, probeHeader(overlay.VTEPMAC(t.VTEP), overlay.VTEPMAC(p.o.VTEP))...)
	return unix.Sendto(p.udp, probe.Append(packet, size), 0, sockaddr(t.VTEP, p.o.Port))
}

// Probe probes each target and returns the results in the same order. It needs [Prober.Run]. A pair costs a round trip when it is well, and
// up to two seconds when a hidden hop has to be measured. The error is that of ctx.
func (p *Prober) Probe(ctx context.Context, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	return p.pairs.Probe(ctx, targets, func(t overlay.ProbeTarget, question overlay.ProbeFrame, size int) error {
		if size == 0 {
			return p.send(t.VNI, overlay.VTEPMAC(t.VTEP), question)
		}
		return p.sendDF(t, question, size)
	})
}
