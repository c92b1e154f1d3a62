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

// pairs are who talks with whom.
var pairs = []struct {
	name     string
	from, to int
}{{"program-to-kernel", 0, 1}, {"kernel-to-program", 1, 0}, {"peer=kernel-to-kernel", 1, 2}, {uncut, 1, 2}}

// uncut is the pair of kernels whose cards leave checksums and cutting to the next: what never touches a wire is never cut, a best case that no
// network of more than one machine has.
const uncut = "peer=kernel-to-kernel-uncut"

// prepare lets a pair's cards do what its name says.
func prepare(b *testing.B, w *world, name string) {
	for _, n := range w.Lab.Nodes[1:] {
		value := uint32(0)
		if name == uncut {
			value = 1
		}
		n.SetCard(b, "e0", unix.ETHTOOL_STXCSUM, value)
	}
}

func BenchmarkRTT(b *testing.B) {
	w := benchWorld(b)
	for _, p := range pairs {
		b.Run(p.name, func(b *testing.B) {
			prepare(b, w, p.name)
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

func BenchmarkTCP(b *testing.B) {
	w := benchWorld(b)
	for _, p := range pairs {
		b.Run(p.name, func(b *testing.B) {
			const size = 64 << 20
			prepare(b, w, p.name)
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
