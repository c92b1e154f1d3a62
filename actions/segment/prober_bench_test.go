package segment_test

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// BenchmarkRound is a round of probing in the background without its pauses: 100 nodes, each in 1,000 segments of 10.
func BenchmarkRound(b *testing.B) {
	const nodes, segments, members = 100, 10_000, 10
	s := newSite(b, nodes, 1)
	for i := range segments {
		var in []int
		for j := range members {
			in = append(in, (i+j*(1+i/nodes%9))%nodes)
		}
		s.segment(b, overlay.FirstVNI+overlay.VNI(i), distinct(in)...)
	}
	s.write(b)
	p, err := segment.NewProber(segment.ProberOptions{Segments: s.Segments, Every: func() time.Duration { return time.Minute }})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Round(b.Context(), time.Nanosecond)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/nodes, "µs/node")
}

// distinct drops what comes again.
func distinct(list []int) (out []int) {
	seen := map[int]bool{}
	for _, n := range list {
		if !seen[n] {
			out = append(out, n)
		}
		seen[n] = true
	}
	return out
}
