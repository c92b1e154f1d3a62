package latency_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/latency"
	"github.com/shitops/opsbot/icinga/plugin"
)

func TestFile(t *testing.T) {
	t.Parallel()
	long := "http://edge.example/" + strings.Repeat("a", 300)
	names := map[string]string{}
	for _, pair := range [][2]string{
		{"http://edge/a.m3u8", ""}, {"http://edge/a.m3u8", "http://origin/a.m3u8"}, {"../../etc/passwd", "/x"}, {"", ""}, {long, ""}, {long + "b", ""}, {long, "o"},
	} {
		file := latency.File("/var/lib/x", pair[0], pair[1])
		if filepath.Dir(file) != "/var/lib/x" || len(filepath.Base(file)) > 255 {
			t.Errorf("File(%q, %q) = %s, want a short name in the folder", pair[0], pair[1], file)
		}
		if other, ok := names[file]; ok {
			t.Errorf("File(%q, %q) = %s, which is that of %q, too", pair[0], pair[1], file, other)
		}
		names[file] = pair[0] + pair[1]
	}
}

// TestRunRemembers lets runs follow one another by their file alone.
func TestRunRemembers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state", "x.json")
	run := func(s latency.Sample, want string) {
		t.Helper()
		if got := text((latency.Check{}).Run(file, s)); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	at := func(d time.Duration, end uint64) latency.Sample { return undated(both(noon.Add(d), end, 0)) }
	run(at(0, 100), "LATENCY OK: at segment 100, the next look tells whether it moves, level with the origin, first byte after 4.0 ms")
	run(at(time.Minute, 110), "LATENCY OK: at segment 110, moving, level with the origin, first byte after 4.0 ms")
	run(at(70*time.Second, 110), "LATENCY WARNING: playlist frozen at the origin: it has not moved for 10.0 s; at segment 110 for 10.0 s, level with the origin, first byte after 4.0 ms")
	run(at(90*time.Second, 110), "LATENCY CRITICAL: playlist frozen at the origin: it has not moved for 30.0 s; at segment 110 for 30.0 s, level with the origin, first byte after 4.0 ms")
	// A failure in between is no movement.
	broken := latency.Sample{Edge: latency.Side{At: noon.Add(100 * time.Second), Fault: "refused"}, Origin: latency.Side{At: noon.Add(100 * time.Second), Fault: "refused"}}
	run(broken, "LATENCY CRITICAL: origin down: no playlist there (refused), and none at the edge (refused)")
	run(at(110*time.Second, 110), "LATENCY CRITICAL: playlist frozen at the origin: it has not moved for 50.0 s; at segment 110 for 50.0 s, level with the origin, first byte after 4.0 ms")
	run(at(120*time.Second, 111), "LATENCY OK: at segment 111, moving, level with the origin, first byte after 4.0 ms")
	// A part is a movement, too.
	parts := at(150*time.Second, 111)
	parts.Edge.Length += time.Second
	run(parts, "LATENCY OK: at segment 111, moving, level with the origin, first byte after 4.0 ms")
	// What is older than an hour, or of the future, is forgotten.
	run(at(2*time.Hour, 111), "LATENCY OK: at segment 111, the next look tells whether it moves, level with the origin, first byte after 4.0 ms")
	run(at(time.Hour, 111), "LATENCY OK: at segment 111, the next look tells whether it moves, level with the origin, first byte after 4.0 ms")
}

func TestRunOnOddFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "x.json")
	for _, content := range []string{"", "null?", "{}", `{"version":2}`, `{"version":"x"}`, strings.Repeat("x", 2<<20)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got := (latency.Check{}).Run(file, both(noon, 100, 3*time.Second))
		if got.Status != plugin.OK || len(got.Details) != 1 || !strings.Contains(got.Details[0], "is replaced") {
			t.Errorf("Run over %.20q = %q, want OK and a note", content, got)
		}
		if got := (latency.Check{}).Run(file, both(noon, 100, 3*time.Second)); len(got.Details) != 0 {
			t.Errorf("the run after that: %q, want no note", got)
		}
	}
	for _, bad := range []string{dir, filepath.Join(file, "below")} {
		if got := (latency.Check{}).Run(bad, both(noon, 100, 3*time.Second)); got.Status != plugin.Unknown {
			t.Errorf("Run with the state in %s = %q, want UNKNOWN", bad, got)
		}
	}
}

// TestRunCannotKeep has a folder that is none.
func TestRunCannotKeep(t *testing.T) {
	t.Parallel()
	if got := (latency.Check{}).Run("/dev/null/x/y.json", both(noon, 100, 3*time.Second)); got.Status != plugin.Unknown || !strings.Contains(got.Text, "the state") {
		t.Errorf("Run = %q, want UNKNOWN", got)
	}
}

// TestTruth plays random lives of a stream and of an edge before it, and compares what the check says with what is so: it names a lag exactly where the
// edge is behind by more than a segment, a stall exactly where nothing moved for long, and the origin only where the origin is late itself.
func TestTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const target = 6 * time.Second
		dated := rapid.Bool().Draw(t, "dated")
		state := latency.State{}
		now, end := noon, uint64(1000)
		moved := now // when the edge's playlist was first seen where it is
		var last uint64
		var lastDate time.Time
		for range rapid.IntRange(1, 20).Draw(t, "looks") {
			now = now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "seconds")) * time.Second)
			end += uint64(rapid.IntRange(0, 20).Draw(t, "new segments"))
			behind := uint64(rapid.IntRange(0, 6).Draw(t, "behind"))
			late := time.Duration(rapid.IntRange(0, 40).Draw(t, "late")) * time.Second
			s := latency.Sample{Edge: side(now, end-behind, late+time.Duration(behind)*target), Origin: side(now, end, late)}
			if !dated {
				s = undated(s)
			}
			first := last == 0
			if end-behind != last || !s.Edge.Date.Equal(lastDate) { // a date that goes on is a movement, however strange
				moved = now
			}
			lastDate = s.Edge.Date
			back := !first && end-behind < last
			last = end - behind
			var got plugin.Result
			got, state = latency.Check{}.Judge(state, s)
			stall := now.Sub(moved)
			bad := behind > 1 || dated && late+time.Duration(behind)*target > 3*target || stall > 9*time.Second && !first || back
			if bad != (got.Status != plugin.OK) {
				t.Fatalf("behind %d, late %s, still for %s, back %v: %q", behind, late, stall, back, got)
			}
			if behind > 1 != strings.Contains(got.Text, "edge stale") {
				t.Fatalf("behind %d: %q", behind, got)
			}
			if strings.Contains(got.Text, "origin late") && (late <= 2*target || !dated) {
				t.Fatalf("late %s, dated %v: %q", late, dated, got)
			}
			for _, m := range got.Metrics {
				if m.Value < 0 || math.IsNaN(m.Value) {
					t.Fatalf("%s in %q", m, got)
				}
				if m.Label == "stall" && m.Value != stall.Seconds() {
					t.Fatalf("stall %g, want %s: %q", m.Value, stall, got)
				}
			}
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"at":"2026-11-24T11:59:00Z","edge":{"end":90,"length":30000000000,"since":"2026-11-24T11:59:00Z"}}`))
	f.Add([]byte(`{"version":1,"edge":{"end":18446744073709551615,"length":-9223372036854775808,"date":"9999-01-01T00:00:00Z","since":"0001-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := latency.ParseState(data)
		if err != nil {
			return
		}
		got, _ := latency.Check{}.Judge(state, both(noon, 100, 3*time.Second))
		for _, m := range got.Metrics {
			if m.Value < 0 || m.Value > 1e12 || math.IsNaN(m.Value) {
				t.Errorf("%s from %q", m, data)
			}
		}
		if strings.Count(got.String(), "\n") != 1 {
			t.Errorf("%q from %q", got, data)
		}
	})
}

// FuzzSample judges what a playlist of a stranger may hold.
func FuzzSample(f *testing.F) {
	f.Add(uint64(95), uint64(100), int64(30e9), int64(6e9), int64(3), int64(0), int64(4e6), false)
	f.Add(uint64(math.MaxUint64), uint64(0), int64(math.MaxInt64), int64(math.MinInt64), int64(math.MinInt64), int64(math.MaxInt64), int64(-1), true)
	f.Fuzz(func(t *testing.T, first, end uint64, length, target, age, skew, ttfb int64, ended bool) {
		edge := latency.Side{
			At: noon, First: first, End: end, Length: time.Duration(length), Target: time.Duration(target), Date: noon.Add(-time.Duration(age)),
			Skew: time.Duration(skew), TTFB: time.Duration(ttfb), Ended: ended, Missing: []string{"a|b\n"}, Asked: 1,
		}
		origin := side(noon, 100, 3*time.Second)
		for _, s := range []latency.Sample{{Edge: edge}, {Edge: edge, Origin: origin}, {Edge: origin, Origin: edge}} {
			got, state := latency.Check{}.Judge(latency.State{}, s)
			again, _ := latency.Check{}.Judge(state, s)
			for _, r := range []plugin.Result{got, again} {
				first, _, _ := strings.Cut(r.String(), "\n")
				if strings.Count(first, " | ") > 1 || r.Text == "" {
					t.Errorf("%q", r)
				}
			}
		}
	})
}
