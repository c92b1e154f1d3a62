package hitrate_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
)

func TestJudgeAsked(t *testing.T) {
	t.Parallel()
	const news = "http://origin.example/news/master.m3u8"
	limits, err := plugin.ParseThresholds(hitrate.Warning, hitrate.Critical)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		asked hitrate.Asked
		least uint64
		want  string
	}{
		{"all", hitrate.Asked{Channel: news, Listed: 120, Hits: 60}, 0,
			"HIT RATE OK: 100.0 % of 60 segments of " + news + " (it lists 120), asked for as a viewer: the misses are filled by that | " +
				"hit_ratio=100%;85:;70:;0;100 hits=60 misses=0 requests=60 listed=120 uncacheable=0 failed=0"},
		{"too few of them", hitrate.Asked{Channel: news, Listed: 30, Hits: 24, Misses: 6}, 0,
			"HIT RATE WARNING: 80.0 % of 30 segments of " + news + " (it lists 30), asked for as a viewer: the misses are filled by that | " +
				"hit_ratio=80%;85:;70:;0;100 hits=24 misses=6 requests=30 listed=30 uncacheable=0 failed=0"},
		{"few, and some failed", hitrate.Asked{Channel: news, Listed: 30, Hits: 1, Misses: 19, Failed: 10, Why: "answered 503 Service Unavailable"}, 0,
			"HIT RATE CRITICAL: 5.0 % of 20 segments of " + news + " (it lists 30), asked for as a viewer: the misses are filled by that; " +
				"10 could not be had (answered 503 Service Unavailable) | hit_ratio=5%;85:;70:;0;100 hits=1 misses=19 requests=20 listed=30 uncacheable=0 failed=10"},
		{"84.96 is shown as 85, and judged so", hitrate.Asked{Channel: news, Listed: 2500, Hits: 2124, Misses: 376}, 0,
			"HIT RATE OK: 85.0 % of 2500 segments of " + news + " (it lists 2500), asked for as a viewer: the misses are filled by that | " +
				"hit_ratio=85%;85:;70:;0;100 hits=2124 misses=376 requests=2500 listed=2500 uncacheable=0 failed=0"},
		{"not enough to tell", hitrate.Asked{Channel: news, Listed: 9, Hits: 9}, 0,
			"HIT RATE UNKNOWN: 9 segments of " + news + " told hit from miss, a ratio wants 10 | hits=9 misses=0 requests=9 listed=9 uncacheable=0 failed=0"},
		{"enough for who wants less", hitrate.Asked{Channel: news, Listed: 9, Hits: 9}, 5,
			"HIT RATE OK: 100.0 % of 9 segments of " + news + " (it lists 9), asked for as a viewer: the misses are filled by that | " +
				"hit_ratio=100%;85:;70:;0;100 hits=9 misses=0 requests=9 listed=9 uncacheable=0 failed=0"},
		{"nothing told", hitrate.Asked{Channel: news, Listed: 30, Untold: 30}, 0,
			"HIT RATE UNKNOWN: the edge does not tell hits from misses of " + news + ": it sends none of Cache-Status, X-Cache, X-Cache-Status and X-Varnish | " +
				"hits=0 misses=0 requests=0 listed=30 uncacheable=0 failed=0"},
		{"nothing may be kept", hitrate.Asked{Channel: news, Listed: 30, Uncacheable: 30}, 0,
			"HIT RATE UNKNOWN: nothing of " + news + " may be kept by a cache, as its origin says | hits=0 misses=0 requests=0 listed=30 uncacheable=30 failed=0"},
		{"nothing could be had", hitrate.Asked{Channel: news, Listed: 30, Failed: 30, Why: "connection refused"}, 0,
			"HIT RATE UNKNOWN: 0 segments of " + news + " told hit from miss, a ratio wants 10; 30 could not be had (connection refused) | " +
				"hits=0 misses=0 requests=0 listed=30 uncacheable=0 failed=30"},
	} {
		check := hitrate.Check{MinRequests: tt.least, Thresholds: limits}
		if got := strings.TrimSpace(check.JudgeAsked(tt.asked).String()); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestJudgeAskedNeverInvents draws looks: a ratio is shown exactly where enough was told, it is that of what was told, and more hits never make it worse.
func TestJudgeAskedNeverInvents(t *testing.T) {
	t.Parallel()
	check := hitrate.Default()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70)
		a := hitrate.Asked{
			Channel: "c", Listed: 500, Hits: n.Draw(t, "hits"), Misses: n.Draw(t, "misses"), Uncacheable: n.Draw(t, "uncacheable"), Untold: n.Draw(t, "untold"),
			Failed: n.Draw(t, "failed"), Why: "a|b\n",
		}
		check.MinRequests = uint64(rapid.IntRange(0, 60).Draw(t, "least"))
		least := check.MinRequests
		if least == 0 {
			least = hitrate.MinAsked
		}
		got := check.JudgeAsked(a)
		shown := -1.0
		for _, m := range got.Metrics {
			if m.Label == "hit_ratio" {
				shown = m.Value
			}
		}
		if enough := uint64(a.Hits+a.Misses) >= least; enough != (got.Status != plugin.Unknown) || enough != (shown >= 0) {
			t.Fatalf("%+v, least %d: %q", a, least, got)
		}
		if shown >= 0 {
			if want := 100 * float64(a.Hits) / float64(a.Hits+a.Misses); shown < want-0.051 || shown > want+0.051 {
				t.Fatalf("%+v: a ratio of %g, want %g", a, shown, want)
			}
			better := a
			better.Hits++
			if next := check.JudgeAsked(better); next.Status > got.Status {
				t.Fatalf("%+v is %s, with a hit more %s", a, got.Status, next.Status)
			}
		}
		if strings.Count(got.String(), "\n") != 1 || (a.Failed > 0) != strings.Contains(got.Text, "could not be had") {
			t.Fatalf("%+v: %q", a, got)
		}
	})
}
