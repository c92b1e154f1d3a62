//go:build linux

package vtep_test

import (
	"io"
	"testing"
	"time"

	"github.com/shitops/opsbot/overlay/netlab"
	"golang.org/x/sys/unix"
)

// benchWorld is a userspace VTEP (0) and two kernels (1, 2) in one segment. Their cards gather packets, as real ones do (ethtool -K e0 gro on).
func benchWorld(b *testing.B) *world {
	w := newWorld(b, 3)
	for _, n := range w.Lab.Nodes {
		n.SetCard(b, "e0", netlab.CardGathers, 1)
	}
	w.Segment(b, 5001, 0, 1, 2)
	w.Settle(b)
	w.PingAll(b, w.Segments[0])
	return w
}

// pairs are who talks with whom: ours are the program and a kernel, and the kernel plane is the peer, twice. Cards of two machines compute checksums
// before a packet is on the wire; between namespaces that can be left to the next, so that what never touches a wire is never cut: a best case that no
// network of more than one machine has.
var pairs = []struct {
	name     string
	from, to int
	uncut    bool
}{
	{"out/ours", 0, 1, false}, {"out/peer=kernel", 2, 1, false}, {"out/peer=kernel-uncut", 2, 1, true},
	{"back/ours", 1, 0, false}, {"back/peer=kernel", 1, 2, false}, {"back/peer=kernel-uncut", 1, 2, true},
}

// prepare lets the kernels' cards do what a pair wants.
func prepare(b *testing.B, w *world, uncut bool) {
	value := uint32(0)
	if uncut {
		value = 1
	}
	for _, n := range w.Lab.Nodes[1:] {
		n.SetCard(b, "e0", unix.ETHTOOL_STXCSUM, value)
	}
}

// BenchmarkUserspaceRTT is how long a small datagram takes there and back.
func BenchmarkUserspaceRTT(b *testing.B) {
	w := benchWorld(b)
	for _, p := range pairs {
		b.Run(p.name, func(b *testing.B) {
			prepare(b, w, p.uncut)
			to := echo(b, w.Lab.Nodes[p.to], w.Members[p.to].IPs[0])
			c := dial(b, w.Lab.Nodes[p.from], "udp", to)
			buf := make([]byte, 64)
			for b.Loop() {
				if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUserspaceTCP is one stream of 64 MiB.
func BenchmarkUserspaceTCP(b *testing.B) {
	w := benchWorld(b)
	for _, p := range pairs {
		b.Run(p.name, func(b *testing.B) {
			const size = 64 << 20
			prepare(b, w, p.uncut)
			near, far := stream(b, w.Lab.Nodes[p.from], w.Lab.Nodes[p.to], w.Members[p.to].IPs[0])
			b.SetBytes(size)
			chunk := make([]byte, 1<<18)
			for b.Loop() {
				got := make(chan error, 1)
				go func() {
					_, err := io.CopyN(io.Discard, struct{ io.Reader }{far}, size)
					got <- err
				}()
				for sent := 0; sent < size; sent += len(chunk) {
					if _, err := near.Write(chunk); err != nil {
						b.Fatal(err)
					}
				}
				if err := <-got; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*size*8/1e9/b.Elapsed().Seconds(), "Gbit/s")
		})
	}
	b.Logf("%+v", w.user.Counters())
}
