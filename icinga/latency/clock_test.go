package latency_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/latency"
	"github.com/shitops/opsbot/icinga/plugin"
)

// shifted is a sample as a machine sees it whose clock is ahead by d, and which sees that by the answers.
func shifted(s latency.Sample, d time.Duration) latency.Sample {
	s.Edge.At, s.Origin.At = s.Edge.At.Add(d), s.Origin.At.Add(d)
	s.Edge.Skew, s.Origin.Skew = d, d
	return s
}

func value(r plugin.Result, label string) (float64, bool) {
	for _, m := range r.Metrics {
		if m.Label == label {
			return m.Value, true
		}
	}
	return 0, false
}

// TestClockDoesNotMatter draws streams and clocks: where the answers show that our clock is off, all that is judged is as if it were right.
func TestClockDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		late := time.Duration(rapid.IntRange(0, 100).Draw(t, "late")) * time.Second
		behind := uint64(rapid.IntRange(0, 5).Draw(t, "behind"))
		s := latency.Sample{Edge: side(noon, 100-behind, late+time.Duration(behind)*6*time.Second), Origin: side(noon, 100, late)}
		if rapid.Bool().Draw(t, "the edge alone") {
			s.Origin = latency.Side{}
		}
		off := time.Duration(rapid.IntRange(-100_000, 100_000).Draw(t, "off")) * time.Second
		right, _ := latency.Check{}.Judge(latency.State{}, s)
		wrong, _ := latency.Check{}.Judge(latency.State{}, shifted(s, off))
		if s.Origin.At.IsZero() {
			alone := shifted(s, off)
			alone.Origin = latency.Side{}
			wrong, _ = latency.Check{}.Judge(latency.State{}, alone)
		}
		if right.Status != wrong.Status {
			t.Fatalf("with a clock that is right %q, with one that is off by %s %q", right, off, wrong)
		}
		for _, label := range []string{"live_edge_age", "edge_lag", "origin_age"} {
			a, _ := value(right, label)
			if b, _ := value(wrong, label); a != b {
				t.Fatalf("%s is %g, and with a clock that is off by %s %g", label, a, off, b)
			}
		}
		if told := strings.Contains(wrong.Text, "our clock is off"); told != (off.Abs() > time.Second) {
			t.Fatalf("off by %s: %q", off, wrong)
		}
	})
}

// TestSidesOfDifferentMoments: what two answers that came one after the other differ by is no lag.
func TestSidesOfDifferentMoments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		later time.Duration // the origin's answer, behind the edge's
		moved time.Duration // the stream between them
		lag   float64
	}{
		{"at once", 0, 0, 0},
		{"the origin answered later, and had more by then", 4 * time.Second, 4 * time.Second, 0},
		{"it had more than time went by", 4 * time.Second, 10 * time.Second, 6},
		{"it answered later, and had nothing more", 4 * time.Second, 0, 0},
		{"the edge answered later", -4 * time.Second, 0, 0},
	} {
		s := latency.Sample{Edge: side(noon, 100, 3*time.Second), Origin: side(noon, 100, 3*time.Second)}
		s.Origin.At, s.Origin.Date = s.Origin.At.Add(tt.later), s.Origin.Date.Add(tt.moved)
		got, _ := latency.Check{}.Judge(latency.State{}, s)
		if lag, _ := value(got, "edge_lag"); lag != tt.lag {
			t.Errorf("%s: a lag of %g s, want %g: %q", tt.name, lag, tt.lag, got)
		}
	}
}

// TestTargetOfOddPlaylists: the limits follow from what a segment lasts, wherever that is told.
func TestTargetOfOddPlaylists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(s *latency.Sample)
		want   float64
	}{
		{"told by both", func(*latency.Sample) {}, 6},
		{"told by the origin alone", func(s *latency.Sample) { s.Edge.Target = 0; s.Origin.Target = 4 * time.Second }, 4},
		{"told by nobody: the mean of the segments", func(s *latency.Sample) { s.Edge.Target, s.Origin.Target = 0, 0; s.Edge.Length = 50 * time.Second }, 10},
		{"nor by segments", func(s *latency.Sample) {
			s.Edge.Target, s.Origin.Target, s.Edge.Length, s.Origin.Length = 0, 0, 0, 0
		}, 6},
		{"numbers that make no sense", func(s *latency.Sample) {
			s.Edge.Target, s.Edge.First, s.Origin = 0, 200, latency.Side{}
		}, 6},
	} {
		s := both(noon, 100, 3*time.Second)
		tt.change(&s)
		got, _ := latency.Check{}.Judge(latency.State{}, s)
		if target, _ := value(got, "target"); target != tt.want {
			t.Errorf("%s: a target of %g s, want %g: %q", tt.name, target, tt.want, got)
		}
	}
}
