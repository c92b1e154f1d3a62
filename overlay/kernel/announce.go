//go:build linux

package kernel

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// How often a member that moved is announced, and the time between: three, as VRRP does by default (RFC 5798 section 8.2 leaves it open).
const (
	announcements    = 3
	announcementRest = 20 * time.Millisecond
)

// announce sends gratuitous ARP and unsolicited neighbour advertisements for members that moved here (their sequence is not 0), to
// the other nodes and to the endpoints on this one.
func (p *Plane) announce(ctx context.Context, list []overlay.Announcement) error {
	var frames []announcement
	for _, a := range list {
		if a.Member.Sequence == 0 {
			continue
		}
		for _, ip := range a.Member.IPs {
			frames = append(frames, announcement{a.VNI, announceFrame(a.Member.MAC, ip)})
		}
	}
	if len(frames) == 0 {
		return nil
	}
	fd, err := openPacket(p.o.Namespace, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // what was sent is gone
	for round := range announcements {
		if round > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(announcementRest):
			}
		}
		for _, f := range frames {
			for _, name := range []string{overlay.TunnelName(f.vni), overlay.BridgeName(f.vni)} {
				if err := sendFrame(fd, int(p.indexOf(name, f.vni)), f.bytes); err != nil {
					return fmt.Errorf("announce on %s: %w", name, err)
				}
			}
		}
	}
	return nil
}

// announcement is a frame for a segment.
type announcement struct {
	vni   overlay.VNI
	bytes []byte
}

// indexOf is the index of one of our devices.
func (p *Plane) indexOf(name string, vni overlay.VNI) uint32 {
	if index, ok := p.odd[name]; ok {
		return index
	}
	if name == overlay.BridgeName(vni) {
		return chosen(overlay.Bridge, vni)
	}
	return chosen(overlay.Tunnel, vni)
}

// openPacket opens a packet socket in a namespace that receives frames of one Ethertype; 0 receives none.
func openPacket(namespace string, ethertype uint16) (fd int, err error) {
	err = within(namespace, func() error {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(ethertype<<8|ethertype>>8))
		if err != nil {
			return fmt.Errorf("open packet socket: %w", err)
		}
		return nil
	})
	return fd, err
}

// sendFrame sends an Ethernet frame out of the device with the index given.
func sendFrame(fd, index int, frame []byte) error {
	to := &unix.SockaddrLinklayer{Ifindex: index, Halen: 6}
	copy(to.Addr[:], frame[:6])
	return unix.Sendto(fd, frame, 0, to)
}

// announceFrame is a gratuitous ARP request (RFC 5227 section 3) or an unsolicited neighbour advertisement (RFC 4861 section 7.2.6).
func announceFrame(mac overlay.MAC, ip netip.Addr) []byte {
	if ip.Is4() {
		f := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac[:]...)
		f = append(f, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1) // Ethernet, IPv4, request
		f = append(append(f, mac[:]...), ip.AsSlice()...)
		return append(append(f, 0, 0, 0, 0, 0, 0), ip.AsSlice()...)
	}
	all := netip.MustParseAddr("ff02::1")
	icmp := append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, ip.AsSlice()...) // advertisement, override
	icmp = append(append(icmp, 2, 1), mac[:]...)                         // target link-layer address
	binary.BigEndian.PutUint16(icmp[2:], checksum6(ip, all, icmp))
	f := append([]byte{0x33, 0x33, 0, 0, 0, 1}, mac[:]...)
	f = append(f, 0x86, 0xdd, 0x60, 0, 0, 0, 0, byte(len(icmp)), unix.IPPROTO_ICMPV6, 255)
	f = append(append(f, ip.AsSlice()...), all.AsSlice()...)
	return append(f, icmp...)
}

// checksum6 is the checksum of ICMPv6 with its pseudo header (RFC 8200 section 8.1).
func checksum6(from, to netip.Addr, payload []byte) uint16 {
	b := append(from.AsSlice(), to.AsSlice()...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(append(b, 0, 0, 0, unix.IPPROTO_ICMPV6), payload...)
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
