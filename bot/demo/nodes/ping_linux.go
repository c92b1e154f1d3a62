package nodes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of headers without options, bytes (RFC 791 section 3.1, RFC 792).
const (
	ipHeader   = 20
	icmpHeader = 8
)

// Types of ICMP messages (RFC 792).
const (
	echoReply   = 0
	echoRequest = 8
)

// pingEvery is the time between two packets.
const pingEvery = 100 * time.Millisecond

// Ping sends echoes of a size until one is answered.
func (h *holder) Ping(c PingCall, took *time.Duration) error {
	s, err := h.find(c.Node)
	if err != nil {
		return err
	}
	if !c.To.Is4() || c.Bytes < ipHeader+icmpHeader || c.Bytes > 1<<16-1 {
		return fmt.Errorf("ping of %d bytes to %s: it is for IPv4, of %d to 65535 bytes", c.Bytes, c.To, ipHeader+icmpHeader)
	}
	var conn *net.IPConn
	if err := s.do(func() (err error) {
		conn, err = echoConn()
		return err
	}); err != nil {
		return fmt.Errorf("ping from %s: %w", c.Node, err)
	}
	defer func() { _ = conn.Close() }() // nothing was promised to arrive
	*took, err = echo(conn, c)
	if err != nil {
		return fmt.Errorf("%s pings %s with %d bytes: %w", c.Node, c.To, c.Bytes, err)
	}
	return nil
}

// echoConn opens what sends and hears ICMP in the namespace of the thread. What is too large is lost, not fragmented, whatever was learnt of the path.
func echoConn() (*net.IPConn, error) {
	conn, err := net.ListenIP("ip4:icmp", &net.IPAddr{IP: net.IPv4zero})
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
		}), err)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// errSilence is of a ping that nobody answers.
var errSilence = errors.New("no answer")

// echo sends and waits.
func echo(conn *net.IPConn, c PingCall) (time.Duration, error) {
	packet := make([]byte, c.Bytes-ipHeader)
	packet[0] = echoRequest
	id := uint16(rand.Uint32())
	binary.BigEndian.PutUint16(packet[4:], id)
	to, end := &net.IPAddr{IP: c.To.AsSlice()}, time.Now().Add(c.Wait)
	buf := make([]byte, 1<<16)
	for seq := uint16(0); time.Now().Before(end); seq++ {
		binary.BigEndian.PutUint16(packet[6:], seq)
		binary.BigEndian.PutUint16(packet[2:], 0)
		binary.BigEndian.PutUint16(packet[2:], checksum(packet))
		sent := time.Now()
		if _, err := conn.WriteTo(packet, to); err != nil {
			return 0, err
		}
		if err := conn.SetReadDeadline(sent.Add(pingEvery)); err != nil {
			return 0, err
		}
		for {
			n, from, err := conn.ReadFromIP(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return 0, err
			}
			who, _ := netip.AddrFromSlice(from.IP)
			if n >= icmpHeader && buf[0] == echoReply && who.Unmap() == c.To && binary.BigEndian.Uint16(buf[4:]) == id && binary.BigEndian.Uint16(buf[6:]) == seq && n == len(packet) {
				return time.Since(sent), nil
			}
		}
	}
	return 0, fmt.Errorf("%w within %s", errSilence, c.Wait)
}

// checksum is that of the Internet (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
