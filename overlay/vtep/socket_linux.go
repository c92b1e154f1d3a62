package vtep

import (
	"encoding/binary"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketBuffer is how much the kernel may keep for us, each way.
const socketBuffer = 8 << 20

// tuneSocket sets what a socket of VXLAN needs. Datagrams may be cut on their way, as those of the kernel's own devices may; those that come in
// many of a size are taken in together (UDP_GRO of udp(7)).
func tuneSocket(fd int) error {
	for _, o := range []struct{ level, name, plain, value int }{
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, socketBuffer}, {unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, socketBuffer},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil { // without the right, what the limit allows
			_ = unix.SetsockoptInt(fd, o.level, o.plain, o.value) // it works with less, too
		}
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) // kernels before 5.0 have none
	return discover(fd, unix.IP_PMTUDISC_DONT)
}

// keepWhole lets no hop cut what a socket sends, whatever is thought of the path's MTU.
func keepWhole(fd int) error { return discover(fd, unix.IP_PMTUDISC_PROBE) }

// discover sets how a socket deals with the path's MTU; IPv6 has the same values (IPV6_MTU_DISCOVER of ipv6(7)).
func discover(fd, how int) error {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	if family == unix.AF_INET6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, how)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, how)
}

// canCut tells whether the system cuts one large send into datagrams (UDP_SEGMENT of udp(7)).
func canCut(conn *net.UDPConn) (can bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		_, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		can = err == nil
	})
	return can && err == nil
}

// appendCut appends the control message that asks to cut a send into datagrams of size bytes.
func appendCut(b []byte, size int) []byte {
	h := unix.Cmsghdr{Level: unix.IPPROTO_UDP, Type: unix.UDP_SEGMENT}
	h.SetLen(unix.CmsgLen(2))
	start := len(b)
	b = binary.NativeEndian.AppendUint64(b, h.Len)
	b = binary.NativeEndian.AppendUint32(b, uint32(h.Level))
	b = binary.NativeEndian.AppendUint32(b, uint32(h.Type))
	b = binary.NativeEndian.AppendUint16(b, uint16(size))
	return append(b, make([]byte, start+unix.CmsgSpace(2)-len(b))...)
}

// cannotCut tells whether a send was refused because the device does not compute checksums, without which nothing is cut.
func cannotCut(err error) bool { return errors.Is(err, syscall.EIO) }

// gatheredSize is the room for control messages.
const gatheredSize = 64

// gathered is the size of the datagrams that came in one, or 0 when it is one.
func gathered(control []byte) int {
	for len(control) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if h.Level == unix.IPPROTO_UDP && h.Type == unix.UDP_GRO && len(data) >= 4 {
			return int(binary.NativeEndian.Uint32(data))
		}
		control = rest
	}
	return 0
}
