//go:build linux

package kernel_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shitops/opsbot/overlay"
	"github.com/shitops/opsbot/overlay/kernel"
	"github.com/shitops/opsbot/overlay/netlab"
	"golang.org/x/sys/unix"
)

// manySegments is what a node must hold of n segments with one address each and no peers.
func manySegments(n int) overlay.Desired {
	d := overlay.Desired{Node: "edge-1", Generation: 1, VTEP: netip.MustParseAddr("192.0.2.1")}
	for i := range n {
		vni := overlay.VNI(5001 + i)
		block := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64 + byte(i>>8), byte(i), 0}), 24)
		d.Segments = append(d.Segments, overlay.NodeSegment{Name: fmt.Sprintf("s%d", vni), Tenant: "tv", VNI: vni, MTU: 1450, V4: block,
			Local: []overlay.Member{{Node: "edge-1", MAC: overlay.MACOf("tv", vni, "node/edge-1", 0), IPs: []netip.Addr{block.Addr().Next()}}}})
	}
	return d
}

// commands are the lines for `ip -batch` that make the same devices and addresses.
func commands(d overlay.Desired) (lines []string) {
	for _, s := range d.Segments {
		tunnel := overlay.TunnelName(s.VNI)
		lines = append(lines,
			fmt.Sprintf("link add name %s mtu %d address %s group 7 type vxlan id %d local %s dstport 4789 nolearning", tunnel, s.MTU, s.Local[0].MAC, s.VNI, d.VTEP),
			fmt.Sprintf("link set dev %s up alias opsbot", tunnel),
			fmt.Sprintf("address add %s/24 dev %s", s.Local[0].IPs[0], tunnel))
	}
	return lines
}

// batchFile writes lines for -batch.
func batchFile(b testing.TB, lines []string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "batch")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// cpuSeconds is what this process and the commands that it ran have used.
func cpuSeconds(b testing.TB) (sum float64) {
	b.Helper()
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	return sum
}

// node is a namespace without IPv6 on new devices, unless withIPv6, and its plane.
func benchNode(b testing.TB, withIPv6 bool) (*netlab.Space, *kernel.Plane) {
	b.Helper()
	netlab.Need(b)
	n := netlab.NewSpace(b, "edge-1")
	n.Endpoints = b.TempDir()
	if !withIPv6 {
		n.Run(b, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
	}
	n.Run(b, "ip", "link", "add", "name", "e0", "type", "bridge")
	n.Run(b, "ip", "address", "add", "192.0.2.1/24", "dev", "e0")
	return n, netlab.NewKernel(b, n)
}

// measure runs work in fresh namespaces; only work is timed.
func measure(b *testing.B, withIPv6 bool, prepare func(n *netlab.Space, p *kernel.Plane) any, work func(n *netlab.Space, p *kernel.Plane, prepared any)) {
	b.Helper()
	var used float64
	for range b.N {
		b.StopTimer()
		n, p := benchNode(b, withIPv6)
		var prepared any
		if prepare != nil {
			prepared = prepare(n, p)
		}
		before := cpuSeconds(b)
		b.StartTimer()
		work(n, p, prepared)
		b.StopTimer()
		used += cpuSeconds(b) - before
	}
	b.ReportMetric(used/float64(b.N), "cpu-s/op")
}

// hold lets a plane hold want.
func hold(b testing.TB, p *kernel.Plane, want overlay.Desired) {
	b.Helper()
	have, err := p.Read(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	report, err := p.Apply(context.Background(), overlay.Diff(want, have))
	if err != nil || len(report.Failed) > 0 {
		b.Fatalf("%v, %d changes failed", err, len(report.Failed))
	}
}

// pass is a look at a node that holds want already.
func pass(b testing.TB, p *kernel.Plane, want overlay.Desired) {
	b.Helper()
	have, err := p.Read(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	if c := overlay.Diff(want, have); !c.Empty() {
		b.Fatal(c)
	}
}

func BenchmarkCreate(b *testing.B) {
	const n = 1000
	want := manySegments(n)
	lines := commands(want)
	b.Run(fmt.Sprintf("segments=%d", n), func(b *testing.B) {
		measure(b, false, nil, func(_ *netlab.Space, p *kernel.Plane, _ any) { hold(b, p, want) })
	})
	b.Run(fmt.Sprintf("segments=%d/peer=ip-batch", n), func(b *testing.B) {
		file := batchFile(b, lines)
		measure(b, false, nil, func(s *netlab.Space, _ *kernel.Plane, _ any) { s.Run(b, "ip", "-batch", file) })
	})
	b.Run(fmt.Sprintf("segments=%d/peer=ip", n), func(b *testing.B) {
		file := batchFile(b, prefixed("ip ", lines))
		measure(b, false, nil, func(s *netlab.Space, _ *kernel.Plane, _ any) { s.Run(b, "sh", "-e", file) })
	})
}

// prefixed puts a word before each line.
func prefixed(word string, lines []string) (out []string) {
	for _, l := range lines {
		out = append(out, word+l)
	}
	return out
}

func BenchmarkDelete(b *testing.B) {
	const n = 1000
	want := manySegments(n)
	prepare := func(_ *netlab.Space, p *kernel.Plane) any { hold(b, p, want); return nil }
	b.Run(fmt.Sprintf("segments=%d", n), func(b *testing.B) {
		measure(b, false, prepare, func(_ *netlab.Space, p *kernel.Plane, _ any) { hold(b, p, overlay.Desired{Node: "edge-1"}) })
	})
	b.Run(fmt.Sprintf("segments=%d/peer=ip-batch-one-by-one", n), func(b *testing.B) {
		var lines []string
		for _, s := range want.Segments {
			lines = append(lines, "link delete "+overlay.TunnelName(s.VNI))
		}
		file := batchFile(b, lines)
		measure(b, false, prepare, func(s *netlab.Space, _ *kernel.Plane, _ any) { s.Run(b, "ip", "-batch", file) })
	})
}

func BenchmarkFlood(b *testing.B) {
	const n = 1000
	empty := manySegments(1)
	full := manySegments(1)
	var lines []string
	for i := range n {
		peer := netip.AddrFrom4([4]byte{198, 51, 100 + byte(i>>8), byte(i)})
		full.Segments[0].Remotes = append(full.Segments[0].Remotes, peer)
		lines = append(lines, fmt.Sprintf("fdb append 00:00:00:00:00:00 dev %s dst %s", overlay.TunnelName(5001), peer),
			fmt.Sprintf("fdb add %s dev %s dst %s self", overlay.VTEPMAC(peer), overlay.TunnelName(5001), peer))
	}
	prepare := func(_ *netlab.Space, p *kernel.Plane) any {
		hold(b, p, empty)
		have, err := p.Read(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		return overlay.Diff(full, have)
	}
	b.Run(fmt.Sprintf("list=%d", n), func(b *testing.B) {
		measure(b, false, prepare, func(_ *netlab.Space, p *kernel.Plane, changes any) {
			if report, err := p.Apply(context.Background(), changes.(overlay.Changes)); err != nil || len(report.Failed) > 0 {
				b.Fatal(err, report.Failed)
			}
		})
	})
	b.Run(fmt.Sprintf("list=%d/peer=bridge-batch", n), func(b *testing.B) {
		file := batchFile(b, lines)
		measure(b, false, prepare, func(s *netlab.Space, _ *kernel.Plane, _ any) { s.Run(b, "bridge", "-batch", file) })
	})
	b.Run(fmt.Sprintf("list=%d/peer=bridge", n), func(b *testing.B) {
		file := batchFile(b, prefixed("bridge ", lines))
		measure(b, false, prepare, func(s *netlab.Space, _ *kernel.Plane, _ any) { s.Run(b, "sh", "-e", file) })
	})
}

// BenchmarkReconcile is a pass that finds everything as it must be, beside reading the same by commands: very many devices, and fewer of them with
// nine peers each.
func BenchmarkReconcile(b *testing.B) {
	reconcile(b, fmt.Sprintf("links=%d", 10000), manySegments(10000))
	want := withPeers(manySegments(1000), 9)
	want.Guard = true
	reconcile(b, fmt.Sprintf("segments=%d/members=%d", 1000, 10), want)
}

// withPeers puts a member on each of n other nodes into each segment.
func withPeers(d overlay.Desired, n int) overlay.Desired {
	for i := range d.Segments {
		s := &d.Segments[i]
		for j := range n {
			peer, node := netip.AddrFrom4([4]byte{192, 0, 2, byte(2 + j)}), fmt.Sprintf("edge-%d", 2+j)
			ip := s.V4.Addr().As4()
			ip[3] = byte(2 + j)
			s.Remotes = append(s.Remotes, peer)
			s.Remote = append(s.Remote, overlay.Member{Node: node, MAC: overlay.MACOf("tv", s.VNI, "node/"+node, 0), IPs: []netip.Addr{netip.AddrFrom4(ip)}, VTEP: peer})
		}
	}
	return d
}

// reconcile measures passes of a node that holds want, and commands that read as much.
func reconcile(b *testing.B, name string, want overlay.Desired) {
	space, plane := benchNode(b, false)
	if _, err := plane.Probe(b.Context()); err != nil {
		b.Fatal(err)
	}
	hold(b, plane, want)
	run := func(b *testing.B, work func()) {
		before := cpuSeconds(b)
		for b.Loop() {
			work()
		}
		b.ReportMetric((cpuSeconds(b)-before)/float64(b.N), "cpu-s/op")
	}
	b.Run(name, func(b *testing.B) {
		pass(b, plane, want) // the first finds no room of an earlier one
		run(b, func() { pass(b, plane, want) })
	})
	b.Run(name+"/peer=ip-json", func(b *testing.B) {
		run(b, func() {
			space.Run(b, "ip", "-d", "-j", "link")
			space.Run(b, "ip", "-j", "address")
			space.Run(b, "bridge", "-j", "fdb")
			space.Run(b, "ip", "-j", "neighbour")
		})
	})
}

// BenchmarkIdle is a pass over 2,000 segments that are as they must be, which an agent makes once a minute: the node itself is in all of them, or
// each has an endpoint in one of a hundred namespaces.
func BenchmarkIdle(b *testing.B) {
	const n, boxes = 2000, 100
	b.Run(fmt.Sprintf("segments=%d", n), func(b *testing.B) { idle(b, manySegments(n), 0) })
	inBoxes := manySegments(n)
	for i := range inBoxes.Segments {
		m := &inBoxes.Segments[i].Local[0]
		m.Endpoint = fmt.Sprintf("box-%d", i%boxes)
	}
	b.Run(fmt.Sprintf("segments=%d/endpoints=%d", n, boxes), func(b *testing.B) { idle(b, inBoxes, boxes) })
}

// idle measures passes of a node that holds want.
func idle(b *testing.B, want overlay.Desired, boxes int) {
	space, plane := benchNode(b, false)
	for i := range boxes {
		box := space.Endpoint(b, fmt.Sprintf("box-%d", i))
		box.Run(b, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
	}
	hold(b, plane, want)
	pass(b, plane, want) // the first finds no room of an earlier one
	before := cpuSeconds(b)
	for b.Loop() {
		pass(b, plane, want)
	}
	b.ReportMetric((cpuSeconds(b)-before)/float64(b.N)/60*100, "%-of-a-core")
}

// BenchmarkSeed makes ten thousand segments as the seed's own recipe does, with its settings, and beside it with ours. It takes minutes: only
// with OPSBOT_SOAK=1 in full, else a tenth.
func BenchmarkSeed(b *testing.B) {
	n := 10000
	if os.Getenv("OPSBOT_SOAK") == "" {
		n /= 10
	}
	want := manySegments(n)
	var lines []string
	for _, s := range want.Segments {
		lines = append(lines, fmt.Sprintf("link add vx%d type vxlan id %d dstport 4789", s.VNI, s.VNI),
			fmt.Sprintf("address add 10.%d.%d.1/24 dev vx%d", s.VNI>>8&255, s.VNI&255, s.VNI), fmt.Sprintf("link set vx%d up", s.VNI))
	}
	b.Run(fmt.Sprintf("segments=%d", n), func(b *testing.B) {
		measure(b, true, nil, func(_ *netlab.Space, p *kernel.Plane, _ any) { hold(b, p, want) })
	})
	b.Run(fmt.Sprintf("segments=%d/peer=recipe-ip-batch", n), func(b *testing.B) {
		file := batchFile(b, lines)
		measure(b, true, nil, func(s *netlab.Space, _ *kernel.Plane, _ any) { s.Run(b, "ip", "-batch", file) })
	})
}
