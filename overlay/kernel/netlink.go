//go:build linux

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn is a netlink socket to the kernel's routing tables (rtnetlink(7)). Not safe for concurrent use.
type conn struct {
	fd  int
	seq uint32
	buf []byte // nil is made when it is needed
}

// Sizes of the socket: a datagram of requests must fit into the send buffer, a dump's pieces and the errors of a batch into the other.
const (
	sendBytes    = 1 << 20
	receiveBytes = 4 << 20
	pieceBytes   = 1 << 16
	batchBytes   = 48 << 10 // a datagram of about 64 segments
)

// dial opens a socket in the namespace of the calling thread and joins the multicast groups given.
func dial(groups ...int) (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	c := &conn{fd: fd}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1},  // an error does not repeat the request
		{unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1},  // and says in words what is wrong
		{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBytes}, // both are cut to what the system allows
		{unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBytes},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBytes}, // more, for those who may
	} {
		_ = unix.SetsockoptInt(fd, o.level, o.name, o.value) // older kernels lack some: the answers are poorer, not wrong
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("bind netlink socket: %w", err)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("join netlink group %d: %w", g, err)
		}
	}
	return c, nil
}

func (c *conn) close() error { return unix.Close(c.fd) }

// receive reads one datagram of answers and calls do for each message in it.
func (c *conn) receive(do func(m message) error) error {
	if c.buf == nil {
		c.buf = make([]byte, pieceBytes)
	}
	for {
		n, err := unix.Read(c.fd, c.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		}
		return split(c.buf[:n], do)
	}
}

// message is one netlink message.
type message struct {
	kind  uint16
	flags uint16
	seq   uint32
	body  []byte
}

// errBroken says that bytes are not netlink.
var errBroken = errors.New("broken netlink message")

// split calls do for each message in b.
func split(b []byte, do func(m message) error) error {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return errBroken
		}
		m := message{
			kind: binary.NativeEndian.Uint16(b[4:]), flags: binary.NativeEndian.Uint16(b[6:]),
			seq: binary.NativeEndian.Uint32(b[8:]), body: b[unix.SizeofNlMsghdr:n],
		}
		if err := do(m); err != nil {
			return err
		}
		b = b[min(len(b), align(n)):]
	}
	return nil
}

// failure is the error that m reports, nil for an acknowledgement.
func (m message) failure() error {
	if len(m.body) < 4 {
		return errBroken
	}
	code := int32(binary.NativeEndian.Uint32(m.body))
	if code == 0 {
		return nil
	}
	err := error(syscall.Errno(-code))
	if m.flags&unix.NLM_F_ACK_TLVS == 0 {
		return err
	}
	from := 4 + unix.SizeofNlMsghdr
	if m.flags&unix.NLM_F_CAPPED == 0 && len(m.body) >= from {
		from = 4 + align(int(binary.NativeEndian.Uint32(m.body[4:])))
	}
	if from > len(m.body) {
		return err
	}
	_ = attributes(m.body[from:], func(kind uint16, value []byte) { // the words are a bonus
		if kind == unix.NLMSGERR_ATTR_MSG {
			err = fmt.Errorf("%w (%s)", err, strings.TrimRight(string(value), "\x00"))
		}
	})
	return err
}

// dump asks for a table and calls do for each entry. header is the family's fixed part and attributes. A dump that the kernel says was
// interrupted by a change is asked for again.
func (c *conn) dump(kind uint16, header []byte, do func(m message)) error {
	for range 4 {
		again, err := c.dumpOnce(kind, header, do)
		if err != nil || !again {
			return err
		}
		do(message{}) // start over
	}
	return fmt.Errorf("dump %d: interrupted by changes four times", kind)
}

// dumpOnce tells whether the table changed while it was read.
func (c *conn) dumpOnce(kind uint16, header []byte, do func(m message)) (again bool, err error) {
	w := writer{}
	c.seq++
	w.begin(kind, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, c.seq)
	w.b = append(w.b, header...)
	w.end()
	if err := c.send(w.b); err != nil {
		return false, err
	}
	for done := false; !done; {
		err := c.receive(func(m message) error {
			if m.seq != c.seq {
				return nil // the rest of an earlier request
			}
			again = again || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_DONE:
				done = true
			case unix.NLMSG_ERROR:
				done = true
				return m.failure()
			default:
				do(m)
			}
			return nil
		})
		if err != nil {
			return false, fmt.Errorf("dump %d: %w", kind, err)
		}
	}
	return again, nil
}

func (c *conn) send(b []byte) error {
	err := unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err != nil {
		return os.NewSyscallError("send netlink request", err)
	}
	return nil
}

// attributes calls do for each attribute in b.
func attributes(b []byte, do func(kind uint16, value []byte)) error {
	for len(b) >= unix.SizeofNlAttr {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofNlAttr || n > len(b) {
			return errBroken
		}
		do(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofNlAttr:n])
		b = b[min(len(b), align(n)):]
	}
	return nil
}

func align(n int) int { return (n + 3) &^ 3 }

// writer writes messages one after another into one datagram.
type writer struct {
	b     []byte
	start int // of the message being written
}

// begin starts a message.
func (w *writer) begin(kind, flags uint16, seq uint32) {
	w.start = len(w.b)
	w.b = binary.NativeEndian.AppendUint32(w.b, 0)
	w.b = binary.NativeEndian.AppendUint16(w.b, kind)
	w.b = binary.NativeEndian.AppendUint16(w.b, flags)
	w.b = binary.NativeEndian.AppendUint32(w.b, seq)
	w.b = binary.NativeEndian.AppendUint32(w.b, 0)
}

// end closes the message begun last.
func (w *writer) end() {
	w.pad()
	binary.NativeEndian.PutUint32(w.b[w.start:], uint32(len(w.b)-w.start))
}

// raise adds flags to the message begun last.
func (w *writer) raise(flags uint16) {
	at := w.start + 6
	binary.NativeEndian.PutUint16(w.b[at:], binary.NativeEndian.Uint16(w.b[at:])|flags)
}

func (w *writer) pad() {
	for len(w.b)%4 != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *writer) bytes(kind uint16, value []byte) {
	w.b = binary.NativeEndian.AppendUint16(w.b, uint16(unix.SizeofNlAttr+len(value)))
	w.b = binary.NativeEndian.AppendUint16(w.b, kind)
	w.b = append(w.b, value...)
	w.pad()
}

func (w *writer) text(kind uint16, value string) { w.bytes(kind, append([]byte(value), 0)) }

func (w *writer) u32(kind uint16, value uint32) {
	w.bytes(kind, binary.NativeEndian.AppendUint32(nil, value))
}

func (w *writer) u16(kind uint16, value uint16) {
	w.bytes(kind, binary.NativeEndian.AppendUint16(nil, value))
}

func (w *writer) u8(kind uint16, value uint8) { w.bytes(kind, []byte{value}) }

// nest writes an attribute whose content inner writes.
func (w *writer) nest(kind uint16, inner func()) {
	at := len(w.b)
	w.bytes(kind|unix.NLA_F_NESTED, nil)
	inner()
	binary.NativeEndian.PutUint16(w.b[at:], uint16(len(w.b)-at))
}

// batch gathers requests, sends many in a datagram, asks for one acknowledgement, at the end, and checks every error.
type batch struct {
	c     *conn
	w     writer
	first uint32 // sequence number of the first request in the datagram
	asked []int  // whose request each is
	fail  func(who int, err error)
}

// newBatch sends over c and calls fail for each request that the kernel refuses, with whose it was.
func newBatch(c *conn, fail func(who int, err error)) *batch {
	return &batch{c: c, fail: fail, first: c.seq + 1}
}

// request adds one request of who; body writes the fixed header and the attributes.
func (b *batch) request(who int, kind, flags uint16, body func(w *writer)) error {
	if len(b.w.b) > batchBytes {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.c.seq++
	b.w.begin(kind, unix.NLM_F_REQUEST|flags, b.c.seq)
	body(&b.w)
	b.w.end()
	b.asked = append(b.asked, who)
	return nil
}

// flush sends what was gathered and waits until the kernel has done it.
func (b *batch) flush() error {
	if len(b.asked) == 0 {
		return nil
	}
	last := b.c.seq
	b.w.raise(unix.NLM_F_ACK)
	if err := b.c.send(b.w.b); err != nil {
		return err
	}
	for done := false; !done; {
		err := b.c.receive(func(m message) error {
			if m.kind != unix.NLMSG_ERROR || m.seq < b.first || m.seq > last {
				return nil
			}
			if err := m.failure(); err != nil {
				b.fail(b.asked[m.seq-b.first], err)
			}
			done = done || m.seq == last
			return nil
		})
		if err != nil {
			return fmt.Errorf("read netlink answers: %w", err)
		}
	}
	b.w.b, b.asked, b.first = b.w.b[:0], b.asked[:0], last+1
	return nil
}
