package latency_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/icinga/latency"
	"github.com/shitops/opsbot/icinga/plugin"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// side is a live playlist of five segments of 6 s that ends at number end, and is well.
func side(at time.Time, end uint64, age time.Duration) latency.Side {
	return latency.Side{
		At: at, TTFB: 4 * time.Millisecond, First: end - 5, End: end, Length: 30 * time.Second, Target: 6 * time.Second, Date: at.Add(-age),
		Asked: 3, Segment: 8 * time.Millisecond, Hit: true,
	}
}

// both is a sample of an edge and an origin that have the same.
func both(at time.Time, end uint64, age time.Duration) latency.Sample {
	return latency.Sample{Edge: side(at, end, age), Origin: side(at, end, age)}
}

func with(s latency.Sample, change func(*latency.Sample)) latency.Sample { change(&s); return s }

// undated takes the dates away.
func undated(s latency.Sample) latency.Sample {
	s.Edge.Date, s.Origin.Date = time.Time{}, time.Time{}
	return s
}

func text(r plugin.Result) string {
	first, _, _ := strings.Cut(r.String(), " | ")
	return strings.TrimSpace(first)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	// What the run a minute before saw: ten segments less.
	before := both(noon.Add(-time.Minute), 90, 3*time.Second)
	frozen := both(noon.Add(-time.Minute), 100, 3*time.Second)
	well := both(noon, 100, 3*time.Second)
	for _, tt := range []struct {
		name   string
		before *latency.Sample // nil = the first run
		now    latency.Sample
		want   string
	}{
		{"well", &before, well, "LATENCY OK: live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"well at the first look", nil, well, "LATENCY OK: live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"the edge alone", &before, with(well, func(s *latency.Sample) { s.Origin = latency.Side{} }), "LATENCY OK: live edge 3.0 s old, first byte after 4.0 ms"},
		{"without dates", &before, undated(well), "LATENCY OK: at segment 100, moving, level with the origin, first byte after 4.0 ms"},
		{"without dates, at the first look", nil, undated(well), "LATENCY OK: at segment 100, the next look tells whether it moves, level with the origin, first byte after 4.0 ms"},
		{"nothing asked", nil, latency.Sample{}, "LATENCY UNKNOWN: the edge was not asked"},

		{"the origin is late", &before, both(noon, 100, 19*time.Second),
			"LATENCY WARNING: origin late: the newest that it has is 19.0 s old; live edge 19.0 s old, level with the origin, first byte after 4.0 ms"},
		{"the origin is very late", &before, both(noon, 100, 37*time.Second),
			"LATENCY CRITICAL: origin late: the newest that it has is 37.0 s old; live edge 37.0 s old, level with the origin, first byte after 4.0 ms"},
		{"late, nobody knows where", &before, with(both(noon, 100, 20*time.Second), func(s *latency.Sample) { s.Origin = latency.Side{} }),
			"LATENCY WARNING: late: the newest is 20.0 s old; live edge 20.0 s old, first byte after 4.0 ms"},
		{"the edge is stale", &before, latency.Sample{Edge: with(both(noon, 98, 15*time.Second), func(s *latency.Sample) { s.Edge.Age = 14 * time.Second }).Edge, Origin: side(noon, 100, 3*time.Second)},
			"LATENCY WARNING: edge stale: 12.0 s behind the origin, its copy is 14.0 s old where a segment lasts 6.0 s: too long a lifetime or grace; " +
				"live edge 15.0 s old, 12.0 s behind the origin, first byte after 4.0 ms"},
		{"the edge is very stale", &before, latency.Sample{Edge: side(noon, 96, 27*time.Second), Origin: side(noon, 100, 3*time.Second)},
			"LATENCY CRITICAL: edge stale: 24.0 s behind the origin; live edge 27.0 s old, 24.0 s behind the origin, first byte after 4.0 ms"},
		{"stale by numbers", &before, undated(latency.Sample{Edge: side(noon, 96, 0), Origin: side(noon, 100, 0)}),
			"LATENCY CRITICAL: edge stale: 24.0 s behind the origin; at segment 96, moving, 24.0 s behind the origin, first byte after 4.0 ms"},
		{"one segment behind is nothing", &before, undated(latency.Sample{Edge: side(noon, 99, 0), Origin: side(noon, 100, 0)}),
			"LATENCY OK: at segment 99, moving, 6.0 s behind the origin, first byte after 4.0 ms"},

		{"the edge is frozen", &frozen, latency.Sample{Edge: with(frozen, func(s *latency.Sample) { s.Edge.At = noon }).Edge, Origin: side(noon, 110, 3*time.Second)},
			"LATENCY CRITICAL: edge stale: its playlist has not moved for 60.0 s, and the origin's has; live edge 63.0 s old, 60.0 s behind the origin, first byte after 4.0 ms"},
		{"all is frozen", &frozen, with(frozen, func(s *latency.Sample) { s.Edge.At, s.Origin.At = noon, noon }),
			"LATENCY CRITICAL: playlist frozen at the origin: it has not moved for 60.0 s; live edge 63.0 s old, level with the origin, first byte after 4.0 ms"},
		{"frozen without dates", new(undated(frozen)), undated(with(frozen, func(s *latency.Sample) { s.Edge.At, s.Origin.At = noon, noon })),
			"LATENCY CRITICAL: playlist frozen at the origin: it has not moved for 60.0 s; at segment 100 for 60.0 s, level with the origin, first byte after 4.0 ms"},
		{"frozen, nobody knows where", new(undated(with(frozen, func(s *latency.Sample) { s.Origin = latency.Side{} }))),
			undated(with(frozen, func(s *latency.Sample) { s.Edge.At, s.Origin = noon, latency.Side{} })),
			"LATENCY CRITICAL: playlist frozen: it has not moved for 60.0 s; at segment 100 for 60.0 s, first byte after 4.0 ms"},
		{"nine seconds are not frozen", new(undated(both(noon.Add(-9*time.Second), 100, 0))), undated(well),
			"LATENCY OK: at segment 100 for 9.0 s, level with the origin, first byte after 4.0 ms"},
		{"ten are", new(undated(both(noon.Add(-10*time.Second), 100, 0))), undated(well),
			"LATENCY WARNING: playlist frozen at the origin: it has not moved for 10.0 s; at segment 100 for 10.0 s, level with the origin, first byte after 4.0 ms"},

		{"the edge fails", &before, with(well, func(s *latency.Sample) { s.Edge = latency.Side{At: noon, Fault: "503 Backend fetch failed"} }),
			"LATENCY CRITICAL: edge fails: no playlist (503 Backend fetch failed), and the origin has one"},
		{"both fail", &before, latency.Sample{Edge: latency.Side{At: noon, Fault: "503"}, Origin: latency.Side{At: noon, Fault: "connection refused"}},
			"LATENCY CRITICAL: origin down: no playlist there (connection refused), and none at the edge (503)"},
		{"an edge alone fails", &before, latency.Sample{Edge: latency.Side{At: noon, Fault: "404 Not Found"}}, "LATENCY CRITICAL: no playlist at the edge: 404 Not Found"},
		{"the origin fails", &before, with(well, func(s *latency.Sample) { s.Origin = latency.Side{At: noon, Fault: "connection refused"} }),
			"LATENCY WARNING: origin down: no playlist there (connection refused), the edge lives on what it has; live edge 3.0 s old, first byte after 4.0 ms"},

		{"the edge lacks segments", &before, with(well, func(s *latency.Sample) { s.Edge.Missing = []string{"http://e/s100.ts"} }),
			"LATENCY CRITICAL: edge lacks segments: 1 of the newest 3 are 404 there and not at the origin, as if it kept the error; live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"the origin lacks segments", &before, with(well, func(s *latency.Sample) { s.Edge.Missing, s.Origin.Missing = []string{"a", "b"}, []string{"a", "b"} }),
			"LATENCY CRITICAL: origin lacks segments: 2 of the newest 3 that it lists are not there; live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"the edge has them still", &before, with(well, func(s *latency.Sample) { s.Origin.Missing = []string{"a"} }),
			"LATENCY WARNING: origin lacks segments: 1 of the newest 3 that it lists, the edge has them still; live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"some are missing", &before, with(well, func(s *latency.Sample) { s.Edge.Missing, s.Origin = []string{"a"}, latency.Side{} }),
			"LATENCY CRITICAL: 404 segments: 1 of the newest 3 that are listed are not there; live edge 3.0 s old, first byte after 4.0 ms"},
		{"a segment fails at the edge", &before, with(well, func(s *latency.Sample) { s.Edge.BadFetch = "s.ts: 503" }),
			"LATENCY CRITICAL: edge fails: a segment cannot be had (s.ts: 503); live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"a segment fails everywhere", &before, with(well, func(s *latency.Sample) { s.Edge.BadFetch, s.Origin.BadFetch = "s.ts: 503", "s.ts: 500" }),
			"LATENCY CRITICAL: origin fails: a segment cannot be had (s.ts: 500); live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},

		{"the edge is slow", &before, with(well, func(s *latency.Sample) { s.Edge.TTFB = 300 * time.Millisecond }),
			"LATENCY WARNING: edge slow: the first byte of the playlist takes 300.0 ms, at the origin 4.0 ms; live edge 3.0 s old, level with the origin, first byte after 300.0 ms"},
		{"the origin is slow", &before, with(well, func(s *latency.Sample) { s.Edge.TTFB, s.Origin.TTFB = 1200*time.Millisecond, 1100*time.Millisecond }),
			"LATENCY CRITICAL: origin slow: the first byte of the playlist takes 1100.0 ms there, 1200.0 ms at the edge; live edge 3.0 s old, level with the origin, first byte after 1200.0 ms"},
		{"a hit is slow, and the origin too", &before, with(well, func(s *latency.Sample) { s.Edge.Segment, s.Origin.Segment = 400*time.Millisecond, 390*time.Millisecond }),
			"LATENCY WARNING: edge slow: the first byte of a segment takes 400.0 ms, at the origin 390.0 ms; live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"slow, nobody knows why", &before, with(well, func(s *latency.Sample) { s.Edge.Segment, s.Origin = 2*time.Second, latency.Side{} }),
			"LATENCY CRITICAL: slow: the first byte of a segment takes 2000.0 ms; live edge 3.0 s old, first byte after 4.0 ms"},

		{"it has ended", nil, with(well, func(s *latency.Sample) { s.Edge.Ended, s.Origin.Ended = true, true }), "LATENCY OK: ended, 5 segments of 30.0 s, first byte after 4.0 ms"},
		{"it has ended long ago", &frozen, with(frozen, func(s *latency.Sample) { s.Edge.At, s.Origin.At, s.Edge.Ended, s.Origin.Ended = noon, noon, true, true }),
			"LATENCY OK: ended, 5 segments of 30.0 s, first byte after 4.0 ms"},
		{"it has ended at the edge alone", &before, with(well, func(s *latency.Sample) { s.Edge.Ended = true }),
			"LATENCY CRITICAL: edge stale: its playlist has ended, and the origin's goes on; ended, 5 segments of 30.0 s, first byte after 4.0 ms"},
		{"it has ended at the origin alone", &before, with(latency.Sample{Edge: side(noon, 90, 63*time.Second), Origin: side(noon, 100, 3*time.Second)}, func(s *latency.Sample) { s.Origin.Ended = true }),
			"LATENCY CRITICAL: edge stale: the stream has ended at the origin, 60.0 s on; live edge 63.0 s old, 60.0 s behind the origin, first byte after 4.0 ms"},
		{"it has just ended at the origin", &before, with(well, func(s *latency.Sample) { s.Origin.Ended = true }), "LATENCY OK: live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},

		{"the stream began again", &before, both(noon, 7, 3*time.Second),
			"LATENCY WARNING: the stream began again at the origin, at segment 2; live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},
		{"the edge went back", &before, latency.Sample{Edge: side(noon, 89, 4*time.Second), Origin: side(noon, 90, 3*time.Second)},
			"LATENCY WARNING: edge went back to segment 89: it serves copies of several ages; live edge 4.0 s old, 1.0 s behind the origin, first byte after 4.0 ms"},
		{"the edge is ahead", &before, latency.Sample{Edge: side(noon, 100, 3*time.Second), Origin: side(noon, 92, 3*time.Second)},
			"LATENCY WARNING: edge is 8 segments ahead of the origin, which began again or is another one; live edge 3.0 s old, level with the origin, first byte after 4.0 ms"},

		{"our clock is ahead", &before, with(both(noon, 100, 33*time.Second), func(s *latency.Sample) { s.Origin.Skew = 30 * time.Second }),
			"LATENCY OK: live edge 3.0 s old, level with the origin, first byte after 4.0 ms, our clock is off by 30.0 s"},
		{"our clock is behind", &before, with(both(noon, 100, -27*time.Second), func(s *latency.Sample) { s.Origin.Skew = -30 * time.Second }),
			"LATENCY OK: live edge 3.0 s old, level with the origin, first byte after 4.0 ms, our clock is off by -30.0 s"},
		{"the stream is of the future", &before, both(noon, 100, -5*time.Second), "LATENCY OK: live edge 0.0 s old, level with the origin, first byte after 4.0 ms"},
		{"two things at once", &before, with(well, func(s *latency.Sample) { s.Edge.TTFB, s.Edge.Missing = 300*time.Millisecond, []string{"a"} }),
			"LATENCY CRITICAL: edge lacks segments: 1 of the newest 3 are 404 there and not at the origin, as if it kept the error; " +
				"edge slow: the first byte of the playlist takes 300.0 ms, at the origin 4.0 ms; live edge 3.0 s old, level with the origin, first byte after 300.0 ms"},
	} {
		var state latency.State
		if tt.before != nil {
			_, state = latency.Check{}.Judge(state, *tt.before)
		}
		got, _ := latency.Check{}.Judge(state, tt.now)
		if s := text(got); s != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, s, tt.want)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	_, state := latency.Check{}.Judge(latency.State{}, both(noon.Add(-time.Minute), 90, 3*time.Second))
	now := latency.Sample{Edge: side(noon, 99, 9*time.Second), Origin: side(noon, 100, 3*time.Second)}
	now.Edge.Missing, now.Edge.Breaks = []string{"http://edge/s99.ts"}, 2
	now.Origin.Missing = []string{"http://origin/s100.ts"}
	got, _ := latency.Check{}.Judge(state, now)
	first, details, _ := strings.Cut(got.String(), "\n")
	_, perf, _ := strings.Cut(first, " | ")
	want := "live_edge_age=9s;18;36;0 edge_lag=6s;6;12;0 stall=0s;9;18;0 ttfb=0.004s;0.2;1;0 segment_ttfb=0.008s;0.2;1;0 " +
		"origin_age=3s;;;0 origin_ttfb=0.004s;;;0 origin_segment_ttfb=0.008s;;;0 sequence=99 discontinuities=2c missing=1;;;0;3 target=6s;;;0"
	if perf != want {
		t.Errorf("the performance data:\n got %s\nwant %s", perf, want)
	}
	if details != "not there at the edge: http://edge/s99.ts\nnot there at the origin: http://origin/s100.ts\n" {
		t.Errorf("the details: %q", details)
	}
	// What was not measured is left out, not zero.
	bare := latency.Sample{Edge: latency.Side{At: noon, Fault: "refused"}}
	if got, _ := (latency.Check{}).Judge(latency.State{}, bare); strings.Contains(got.String(), "|") {
		t.Errorf("of an edge that gives nothing: %q, want no performance data", got)
	}
}

// TestLimits judges one sample by limits of all sorts.
func TestLimits(t *testing.T) {
	t.Parallel()
	of := func(warning, critical string) plugin.Thresholds {
		l, err := plugin.ParseThresholds(warning, critical)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	late := latency.Sample{Edge: side(noon, 98, 15*time.Second), Origin: side(noon, 100, 3*time.Second)}
	for _, tt := range []struct {
		name   string
		check  latency.Check
		target time.Duration
		want   plugin.Status
	}{
		{"by the target duration", latency.Check{}, 6 * time.Second, plugin.Warning},
		{"of a shorter one", latency.Check{}, 2 * time.Second, plugin.Critical},
		{"of a longer one", latency.Check{}, 20 * time.Second, plugin.OK},
		{"that nobody tells, so by the segments' length", latency.Check{}, 0, plugin.Warning},
		{"given", latency.Check{Lag: of("13", "20")}, 6 * time.Second, plugin.OK},
		{"one of two is given", latency.Check{Lag: of("13", "")}, 6 * time.Second, plugin.OK},
		{"given, and strict", latency.Check{Lag: of("1", "11")}, 6 * time.Second, plugin.Critical},
		{"of the age", latency.Check{Lag: of("~:", "~:"), Age: of("14", "")}, 6 * time.Second, plugin.Warning},
		{"of the first byte", latency.Check{Lag: of("~:", "~:"), TTFB: of("0.001", "0.003")}, 6 * time.Second, plugin.Critical},
		{"that alarm at nothing", latency.Check{Lag: of("~:", "~:")}, 6 * time.Second, plugin.OK},
	} {
		now := late
		now.Edge.Target, now.Origin.Target = tt.target, tt.target
		if got, _ := tt.check.Judge(latency.State{}, now); got.Status != tt.want {
			t.Errorf("%s: %q, want %s", tt.name, got, tt.want)
		}
	}
}

func ExampleCheck_Judge() {
	origin := latency.Side{At: noon, TTFB: 2 * time.Millisecond, First: 95, End: 100, Length: 30 * time.Second, Target: 6 * time.Second, Date: noon.Add(-2 * time.Second)}
	edge := origin
	edge.First, edge.End, edge.Date, edge.Age = 92, 97, noon.Add(-20*time.Second), 19*time.Second
	result, _ := latency.Check{}.Judge(latency.State{}, latency.Sample{Edge: edge, Origin: origin})
	fmt.Println(result.Status, result.Text)
	// Output: CRITICAL edge stale: 18.0 s behind the origin, its copy is 19.0 s old where a segment lasts 6.0 s: too long a lifetime or grace; live edge 20.0 s old, 18.0 s behind the origin, first byte after 2.0 ms
}
