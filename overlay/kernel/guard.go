//go:build linux

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/shitops/opsbot/overlay"
	"golang.org/x/sys/unix"
)

// The guard is a table of nftables that drops VXLAN from addresses that are no VTEPs of ours: VNIs are isolated, but whoever can send UDP to the
// port could inject. It holds one set of addresses, one chain and one rule, and is replaced as a whole in one transaction, so that there is never a
// moment without it or with half of it.
//
// Numbers are those of linux/netfilter/nf_tables.h and linux/netfilter/nfnetlink.h.
const (
	nftNewTable, nftDelTable = 10 << 8, 10<<8 | 2
	nftNewChain, nftNewRule  = 10<<8 | 3, 10<<8 | 6
	nftGetRule               = 10<<8 | 7
	nftNewSet                = 10<<8 | 9
	nftNewElem, nftGetElem   = 10<<8 | 12, 10<<8 | 13
	nftBatchBegin            = 16
	nftBatchEnd              = 17
	nftReg                   = 1
	hookInput                = 1
	metaL4Proto              = 16
	baseNetwork              = 1
	baseTransport            = 2
	lookupInverse            = 1
	typeIPv4                 = 7
	verdictDrop              = 0
	verdictAccept            = 1
)

// guardSet and guardChain are the names within the table.
const (
	guardSet   = "vteps"
	guardChain = "input"
)

// guardTable is the name of the table; each instance has its own.
func (p *Plane) guardTable() string { return "opsbot-" + p.o.Instance }

// be writes a number as nftables takes it.
func (w *writer) be(kind uint16, value uint32) {
	w.bytes(kind, binary.BigEndian.AppendUint32(nil, value))
}

// nfgen appends the fixed header of a nftables message (struct nfgenmsg).
func nfgen(b []byte, family uint8, resource uint16) []byte {
	return binary.BigEndian.AppendUint16(append(b, family, 0), resource)
}

// dialFilter opens a socket to nftables in the plane's namespace.
func (p *Plane) dialFilter() (c *conn, err error) {
	err = within(p.o.Namespace, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return fmt.Errorf("open nftables: %w", err)
		}
		c = &conn{fd: fd, buf: make([]byte, pieceBytes)}
		return nil
	})
	return c, err
}

// readGuard reads which addresses the guard lets in. A guard whose rule is gone counts as none, so that it is made anew.
func (p *Plane) readGuard() (list []netip.Addr, err error) {
	c, err := p.dialFilter()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.close() }() // it held nothing
	rules := 0
	w := writer{b: nfgen(nil, unix.AF_INET, 0)}
	w.text(1, p.guardTable())
	w.text(2, guardChain)
	err = c.dump(nftGetRule, w.b, func(m message) {
		if rules++; m.kind == 0 {
			rules = 0
		}
	})
	if err == nil && rules == 1 {
		w = writer{b: nfgen(nil, unix.AF_INET, 0)}
		w.text(1, p.guardTable())
		w.text(2, guardSet)
		err = c.dump(nftGetElem, w.b, func(m message) {
			if m.kind == 0 {
				list = nil
			} else if len(m.body) > 4 {
				list = append(list, guardElements(m.body[4:])...)
			}
		})
	}
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return list, err
}

// guardElements are the addresses in a message that lists elements of a set.
func guardElements(b []byte) (list []netip.Addr) {
	inner := func(b []byte, want uint16, do func(v []byte)) {
		_ = attributes(b, func(kind uint16, v []byte) { // a broken list has fewer elements: the guard is made anew
			if kind == want {
				do(v)
			}
		})
	}
	inner(b, 3, func(elements []byte) {
		inner(elements, 1, func(element []byte) {
			inner(element, 1, func(key []byte) {
				inner(key, 1, func(v []byte) {
					if a, ok := netip.AddrFromSlice(v); ok {
						list = append(list, a)
					}
				})
			})
		})
	})
	return list
}

// writeGuard replaces the guard by one that lets in the addresses given on the UDP port given; without any there is none.
func (p *Plane) writeGuard(port uint16, allowed []netip.Addr) error {
	c, err := p.dialFilter()
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }() // it held nothing
	g := guard{c: c, table: p.guardTable()}
	g.message(nftBatchBegin, 0, unix.AF_UNSPEC, 10, func() {})
	g.message(nftNewTable, unix.NLM_F_CREATE, unix.AF_INET, 0, func() { g.w.text(1, g.table) }) // so that there is one to delete
	g.message(nftDelTable, 0, unix.AF_INET, 0, func() { g.w.text(1, g.table) })
	if len(allowed) > 0 {
		g.build(port, allowed)
	}
	last := g.seq()
	g.message(nftBatchEnd, 0, unix.AF_UNSPEC, 10, func() {})
	if err := c.send(g.w.b); err != nil {
		return err
	}
	for done := false; !done; {
		err := c.receive(func(m message) error {
			if m.kind != unix.NLMSG_ERROR {
				return nil
			}
			done = done || m.seq == last
			return m.failure()
		})
		if err != nil {
			return fmt.Errorf("write the guard %s: %w", g.table, err)
		}
	}
	return nil
}

// guard writes one transaction.
type guard struct {
	c     *conn
	w     writer
	table string
}

func (g *guard) seq() uint32 { return g.c.seq }

// message writes one message of the transaction. Each but the frame asks for an acknowledgement.
func (g *guard) message(kind, flags uint16, family uint8, resource uint16, body func()) {
	if kind != nftBatchBegin && kind != nftBatchEnd {
		flags |= unix.NLM_F_ACK
	}
	g.c.seq++
	g.w.begin(kind, unix.NLM_F_REQUEST|flags, g.c.seq)
	g.w.b = nfgen(g.w.b, family, resource)
	body()
	g.w.end()
}

// build writes table, set, elements, chain and rule.
func (g *guard) build(port uint16, allowed []netip.Addr) {
	w := &g.w
	g.message(nftNewTable, unix.NLM_F_CREATE, unix.AF_INET, 0, func() { w.text(1, g.table) })
	g.message(nftNewSet, unix.NLM_F_CREATE, unix.AF_INET, 0, func() {
		w.text(1, g.table)
		w.text(2, guardSet)
		w.be(3, 0)
		w.be(4, typeIPv4)
		w.be(5, 4)
		w.be(10, 1) // its number within the transaction
	})
	for part := range slices.Chunk(allowed, 1000) { // an attribute holds 64 KiB
		g.message(nftNewElem, unix.NLM_F_CREATE, unix.AF_INET, 0, func() {
			w.text(1, g.table)
			w.text(2, guardSet)
			w.nest(3, func() {
				for _, a := range part {
					w.nest(1, func() { w.nest(1, func() { w.bytes(1, a.AsSlice()) }) })
				}
			})
		})
	}
	g.message(nftNewChain, unix.NLM_F_CREATE, unix.AF_INET, 0, func() {
		w.text(1, g.table)
		w.text(3, guardChain)
		w.nest(4, func() { w.be(1, hookInput); w.be(2, 0) })
		w.be(5, verdictAccept)
		w.text(7, "filter")
	})
	g.message(nftNewRule, unix.NLM_F_CREATE|unix.NLM_F_APPEND, unix.AF_INET, 0, func() {
		w.text(1, g.table)
		w.text(2, guardChain)
		w.nest(4, func() { g.rule(port) })
	})
}

// rule writes: UDP to the port, whose source is in no element of the set, is dropped.
func (g *guard) rule(port uint16) {
	w := &g.w
	expression := func(name string, data func()) {
		w.nest(1, func() { w.text(1, name); w.nest(2, data) })
	}
	equal := func(value ...byte) {
		expression("cmp", func() { w.be(1, nftReg); w.be(2, 0); w.nest(3, func() { w.bytes(1, value) }) })
	}
	load := func(base, offset, size uint32) {
		expression("payload", func() { w.be(1, nftReg); w.be(2, base); w.be(3, offset); w.be(4, size) })
	}
	expression("meta", func() { w.be(1, nftReg); w.be(2, metaL4Proto) })
	equal(unix.IPPROTO_UDP)
	load(baseTransport, 2, 2) // destination port
	equal(byte(port>>8), byte(port))
	load(baseNetwork, 12, 4) // source address
	expression("lookup", func() { w.text(1, guardSet); w.be(2, nftReg); w.be(4, 1); w.be(5, lookupInverse) })
	expression("immediate", func() { w.be(1, 0); w.nest(2, func() { w.nest(2, func() { w.be(1, verdictDrop) }) }) })
}

// guardChanges carries out the changes from at to end, which are all about the guard.
func (a *applier) guardChanges(at, end int) error {
	allowed, err := a.p.readGuard()
	if err == nil {
		var port uint16
		for _, c := range a.list[at:end] {
			port = c.Object.Port
			allowed = slices.DeleteFunc(allowed, func(ip netip.Addr) bool { return ip == c.Object.VTEP })
			if c.Op != overlay.Remove {
				allowed = append(allowed, c.Object.VTEP)
			}
		}
		err = a.p.writeGuard(port, allowed)
	}
	for i := at; i < end && err != nil; i++ {
		a.fail(i, err)
	}
	return nil
}
