package hitrate_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
)

// noon is when the tests' caches are looked at first; they have run for an hour by then.
var noon = time.Unix(1795334400, 0).UTC()

// run is one cache that is looked at again and again.
type run struct {
	check hitrate.Check
	state hitrate.State
	now   hitrate.Sample
}

func newRun() *run {
	return &run{check: hitrate.Default(), now: hitrate.Sample{At: noon, Uptime: time.Hour, Epoch: "1", Hits: 100_000, Misses: 10_000}}
}

// after lets time pass and requests come, and looks.
func (r *run) after(d time.Duration, hits, misses uint64) plugin.Result {
	r.now.At = r.now.At.Add(d)
	r.now.Uptime += d
	r.now.Hits += hits
	r.now.Misses += misses
	return r.look()
}

func (r *run) look() plugin.Result {
	var result plugin.Result
	result, r.state = r.check.Judge(r.state, r.now)
	return result
}

// restart is what a start of the cache does to its counters.
func (r *run) restart(uptime time.Duration, hits, misses uint64) {
	r.now = hitrate.Sample{At: r.now.At.Add(uptime), Uptime: uptime, Epoch: r.now.Epoch, Content: r.now.Content, Hits: hits, Misses: misses}
}

func want(t *testing.T, r plugin.Result, status plugin.Status, words ...string) {
	t.Helper()
	out := r.String()
	if r.Status != status {
		t.Errorf("%q, want %s", out, status)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("%q, want it to say %q", out, w)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	r := newRun()
	want(t, r.look(), plugin.Unknown, "first sample")
	for range 10 { // 90 % for ten minutes
		want(t, r.after(time.Minute, 900, 100), plugin.OK, "90.0 %")
	}
	want(t, r.after(time.Minute, 500, 500), plugin.Warning, "82.0 % of 5000 requests in 5m0s", "hit_ratio=82%;85:;70:;0;100 hits=4100c misses=900c requests=5000 window=300s resets=0c")
	for range 4 {
		r.after(time.Minute, 500, 500)
	}
	want(t, r.after(time.Minute, 500, 500), plugin.Critical, "50.0 % of 5000 requests in 5m0s")
}

// TestDocumentedForm holds the line of performance data, byte by byte.
func TestDocumentedForm(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.now.Stale, r.now.Evictions, r.now.Bans, r.now.Objects = new(uint64(100)), new(uint64(7)), new(uint64(3)), new(uint64(2000))
	r.look()
	r.now.Stale = new(uint64(112))
	got := r.after(5*time.Minute, 731, 96).String()
	const line = "HIT RATE OK: 88.4 % of 827 requests in 5m0s | hit_ratio=88.4%;85:;70:;0;100 hits=731c misses=96c stale=12c requests=827 window=300s " +
		"resets=0c ban_count=3 objects=2000 evictions=0c\n"
	if got != line {
		t.Errorf("the output is\n%swant\n%s", got, line)
	}
}

func TestTooFewRequests(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.look()
	want(t, r.after(time.Minute, 0, 199), plugin.Unknown, "199 requests in 1m0s, a ratio wants 200", "misses=199c")
	want(t, r.after(time.Minute, 0, 1), plugin.Critical, "0.0 % of 200 requests in 2m0s")
}

func TestLastSampleTooOld(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.look()
	want(t, r.after(15*time.Minute, 0, 9000), plugin.Critical, "in 15m0s")
	want(t, r.after(15*time.Minute+time.Second, 0, 9000), plugin.Unknown, "15m1s old")
	want(t, r.after(time.Minute, 900, 100), plugin.OK, "90.0 % of 1000 requests in 1m0s")
}

// TestRestartIsSeen is why the check exists: across a restart the differences are negative, and their ratio looks sane.
func TestRestartIsSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(r *run)
	}{
		{"the uptime falls", func(r *run) { r.restart(30*time.Second, 900, 100) }},
		{"the start has another number", func(r *run) { r.restart(10*time.Minute, 900, 100); r.now.Epoch = "2" }},
		{"a counter falls", func(r *run) { r.restart(15*time.Minute, 900, 100) }},
	} {
		r := newRun()
		r.look()
		r.after(time.Minute, 900, 100)
		tt.do(r)
		got := r.look()
		want(t, got, plugin.OK, "90.0 % of 1000 requests since the restart", "resets=1c", "the counters were reset")
		// The window goes on from the start.
		want(t, r.after(time.Minute, 900, 100), plugin.OK, "90.0 % of")
	}
	r := newRun()
	r.look()
	r.restart(10*time.Second, 10, 20)
	want(t, r.look(), plugin.Unknown, "30 requests since the restart 10s ago", "resets=1c")

	r = newRun()
	r.look()
	r.restart(2*time.Hour, 900, 100) // nobody looked for long
	want(t, r.look(), plugin.Unknown, "the counters were reset", "resets=1c")
	want(t, r.after(time.Minute, 900, 100), plugin.OK, "90.0 % of 1000 requests in 1m0s")

	r = newRun()
	r.now.Uptime = 0
	r.look()
	r.now = hitrate.Sample{At: noon.Add(time.Minute), Epoch: "1", Hits: 900, Misses: 100}
	want(t, r.look(), plugin.Unknown, "the counters were reset (hits fell from 100000 to 900)")
	r.now.At, r.now.Hits = r.now.At.Add(time.Minute), 1800
	want(t, r.look(), plugin.OK, "100.0 % of 900 requests in 1m0s; warming for another 9m0s")
}

func TestClockJumps(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.look()
	r.now.At = r.now.At.Add(-2 * time.Hour) // by itself, without the uptime
	want(t, r.after(time.Minute, 900, 100), plugin.Unknown, "the clock went back by 1h59m0s")
	want(t, r.after(time.Minute, 900, 100), plugin.OK)
	r.now.At = r.now.At.Add(4 * time.Minute)
	want(t, r.after(time.Minute, 900, 100), plugin.Unknown, "the clock jumped by 4m0s")
	want(t, r.after(time.Minute, 900, 100), plugin.OK, "in 1m0s")
	r.now.At = r.now.At.Add(2 * time.Second) // what whole seconds of an uptime explain
	want(t, r.after(time.Minute, 900, 100), plugin.OK)
}

func TestWarmUp(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.look()
	r.now.Content = "flush-17"
	want(t, r.after(time.Minute, 600, 400), plugin.Warning, "60.0 %", "warming for another 10m0s: the cache was flushed, or its VCL changed")
	want(t, r.after(time.Minute, 900, 100), plugin.OK, "75.0 %", "warming for another 9m0s")
	for range 8 {
		r.after(time.Minute, 600, 400)
	}
	want(t, r.after(time.Minute, 600, 400), plugin.Critical, "60.0 %")

	r = newRun()
	r.look()
	r.restart(2*time.Minute, 600, 400)
	want(t, r.look(), plugin.Warning, "since the restart 2m0s ago; warming for another 8m0s: the cache was started")

	r = newRun()
	r.now.Uptime = time.Minute
	r.look()
	want(t, r.after(time.Minute, 0, 1000), plugin.Warning, "warming for another 8m0s: the cache was started")
	r.check.WarmUp = 0
	want(t, r.after(time.Minute, 0, 1000), plugin.Critical)
}

func TestLikelyCauses(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.now.Evictions, r.now.BackendFail, r.now.BansReq = new(uint64(5)), new(uint64(0)), new(uint64(0))
	r.look()
	r.now.Evictions = new(uint64(47))
	want(t, r.after(time.Minute, 900, 100), plugin.OK, "evictions=42c")
	r.now.BackendFail, r.now.BansReq = new(uint64(9)), new(uint64(2))
	got := r.after(time.Minute, 0, 1000)
	want(t, got, plugin.Critical, "likely cause: 42 objects thrown out", "9 times the origin did not answer", "2 bans that look at requests", "no flush helps")
}

func TestShownIsJudged(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.look()
	want(t, r.after(time.Minute, 8496, 1504), plugin.OK, "85.0 %") // 84.96
	r = newRun()
	r.look()
	want(t, r.after(time.Minute, 8494, 1506), plugin.Warning, "84.9 %")
}

// TestOftenCalled looks every second for an hour: the state stays small and the window stays one.
func TestOftenCalled(t *testing.T) {
	t.Parallel()
	r := newRun()
	r.look()
	for n := range 3600 {
		got := r.after(time.Second, 90, 10)
		if n > 600 && (got.Status != plugin.OK || !strings.Contains(got.Text, "in 5m")) {
			t.Fatalf("after %d s: %q, want OK in a window of about five minutes", n, got)
		}
	}
	if n := len(r.state.Samples); n > 120 {
		t.Errorf("%d samples are kept, want at most 120", n)
	}
}

func TestRunKeepsItsState(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	file := hitrate.File(dir, "ams-1", "news/hd")
	if filepath.Dir(file) != dir || file == hitrate.File(dir, "ams-1", "") || hitrate.File(dir, "../x", "") == filepath.Join(dir, "../x") {
		t.Errorf("the state lies in %s, want one file for each cache and channel in %s", file, dir)
	}
	r := newRun()
	look := func() plugin.Result { return r.check.Run(file, r.now) }
	want(t, look(), plugin.Unknown, "first sample")
	r.now.At, r.now.Uptime, r.now.Hits = r.now.At.Add(time.Minute), r.now.Uptime+time.Minute, r.now.Hits+1000
	want(t, look(), plugin.OK, "100.0 %")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state's file: %v, %v; want mode 0600", info, err)
	}
	for _, bad := range []string{"", "{", "[]", `{"version":2}`, `{"version":1,"samples":[{"at":"2026-01-01T00:00:00Z","hits":5},{"at":"2026-01-01T00:01:00Z","hits":4}]}`, strings.Repeat("x", 2<<20)} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		want(t, look(), plugin.Unknown, "first sample", "is replaced")
	}
	r.now.At, r.now.Uptime, r.now.Hits = r.now.At.Add(time.Minute), r.now.Uptime+time.Minute, r.now.Hits+1000
	want(t, look(), plugin.OK, "100.0 %")

	blocked := filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, r.check.Run(filepath.Join(blocked, "x.json"), r.now), plugin.Unknown, "the state")
	want(t, r.check.Run(t.TempDir(), r.now), plugin.Unknown, "the state")
}

// TestTruth plays random lives of a cache and compares each ratio with the truth: what is reported is the ratio of requests that really came
// between two looks, or since a start; and it is silent where it should be.
func TestTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRun()
		r.check.MinRequests = uint64(rapid.IntRange(1, 300).Draw(t, "min requests"))
		type step struct{ hits, misses uint64 }
		var steps []step // since the last start
		for range rapid.IntRange(2, 25).Draw(t, "looks") {
			s := step{uint64(rapid.IntRange(0, 2000).Draw(t, "hits")), uint64(rapid.IntRange(0, 2000).Draw(t, "misses"))}
			d := time.Duration(rapid.IntRange(1, 400).Draw(t, "seconds")) * time.Second
			var got plugin.Result
			if rapid.IntRange(0, 5).Draw(t, "dice") == 0 {
				r.restart(d, s.hits, s.misses)
				r.now.Epoch += "+" // without it a start within five seconds of another, with more requests since, is not seen
				steps = nil
				got = r.look()
			} else {
				got = r.after(d, s.hits, s.misses)
			}
			steps = append(steps, s)
			ratio, shown := 0.0, false
			for _, m := range got.Metrics {
				if m.Label == "hit_ratio" {
					ratio, shown = m.Value, true
				}
			}
			if shown != (got.Status != plugin.Unknown) {
				t.Fatalf("%q: a ratio is shown %v", got, shown)
			}
			if !shown {
				continue
			}
			possible := false
			var hits, misses uint64
			for i := len(steps) - 1; i >= 0; i-- {
				hits, misses = hits+steps[i].hits, misses+steps[i].misses
				if n := hits + misses; n >= r.check.MinRequests && math.Abs(100*float64(hits)/float64(n)-ratio) < 0.0501 {
					possible = true
				}
			}
			if !possible {
				t.Fatalf("%q: no span of %v has that ratio", got, steps)
			}
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"samples":[{"at":"2026-11-22T08:00:00Z","hits":5,"misses":1}],"resets":1}`))
	f.Add([]byte(`{"version":1,"samples":[{"at":"2026-11-22T07:59:00Z","hits":18446744073709551615}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := hitrate.ParseState(data)
		if err != nil {
			return
		}
		r := newRun()
		r.state = state
		for _, m := range append(r.look().Metrics, r.after(time.Minute, 900, 100).Metrics...) {
			if m.Label == "hit_ratio" && (m.Value < 0 || m.Value > 100) {
				t.Fatalf("a ratio of %g %% from %q", m.Value, data)
			}
		}
	})
}

func ExampleCheck_Judge() {
	check := hitrate.Default()
	_, state := check.Judge(hitrate.State{}, hitrate.Sample{At: noon, Uptime: time.Hour, Hits: 1000, Misses: 100})
	result, _ := check.Judge(state, hitrate.Sample{At: noon.Add(5 * time.Minute), Uptime: time.Hour + 5*time.Minute, Hits: 1731, Misses: 196})
	fmt.Print(result)
	// Output: HIT RATE OK: 88.4 % of 827 requests in 5m0s | hit_ratio=88.4%;85:;70:;0;100 hits=731c misses=96c requests=827 window=300s resets=0c
}
