package cache_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/cache"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func sample(at time.Duration, uptime time.Duration, hits, misses uint64) cache.Counters {
	return cache.Counters{Hits: hits, Misses: misses, Requests: hits + misses, Uptime: uptime, Starts: 1, Source: "varnishstat", At: noon.Add(at)}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	started := sample(5*time.Minute, 10*time.Minute, 3000, 100)
	started.Starts = 2
	other := sample(5*time.Minute, 10*time.Minute, 3000, 100)
	other.Source = "client"
	for _, tt := range []struct {
		name         string
		older, newer cache.Counters
		want         string
		errs         []error
	}{
		{"a window is not since boot", sample(0, time.Hour, 80_000, 1000), sample(5*time.Minute, 65*time.Minute, 80_731, 1096), "88.4 % of 827 in 5m0s", nil},
		{"nothing happened", sample(0, time.Hour, 10, 10), sample(5*time.Minute, 65*time.Minute, 10, 10), "0.0 % of 0 in 5m0s", []error{cache.ErrTooFew}},
		{"just too few", sample(0, time.Hour, 0, 0), sample(time.Minute, 61*time.Minute, 199, 0), "100.0 % of 199 in 1m0s", []error{cache.ErrTooFew}},
		{"just enough", sample(0, time.Hour, 0, 0), sample(time.Minute, 61*time.Minute, 100, 100), "50.0 % of 200 in 1m0s", nil},
		{"uptime fell", sample(0, time.Hour, 80_000, 1000), sample(5*time.Minute, time.Minute, 900, 100), "90.0 % of 1000 in 1m0s since a restart", []error{cache.ErrReset}},
		{"both differences negative look sane", sample(0, time.Hour, 796, 204), sample(5*time.Minute, time.Minute, 0, 0), "0.0 % of 0 in 1m0s since a restart",
			[]error{cache.ErrReset, cache.ErrTooFew}},
		{"hits fell, uptime did not", sample(0, time.Minute, 1000, 0), sample(5*time.Minute, 2*time.Minute, 500, 500), "50.0 % of 1000 in 2m0s since a restart", []error{cache.ErrReset}},
		{"misses fell", sample(0, time.Minute, 0, 1000), sample(5*time.Minute, 2*time.Minute, 500, 500), "50.0 % of 1000 in 2m0s since a restart", []error{cache.ErrReset}},
		{"started again, and busier than before", sample(0, 5*time.Minute, 1000, 50), started, "96.8 % of 3100 in 5m0s since a restart", []error{cache.ErrReset}},
		{"wrong order", sample(5*time.Minute, time.Hour, 0, 0), sample(0, time.Hour, 500, 0), "0.0 % of 0 in 0s", []error{cache.ErrReset}},
		{"the same sample", sample(0, time.Hour, 500, 0), sample(0, time.Hour, 500, 0), "0.0 % of 0 in 0s", []error{cache.ErrReset}},
		{"different sources", sample(0, 5*time.Minute, 0, 0), other, "0.0 % of 0 in 0s", []error{cache.ErrReset}},
	} {
		got, err := cache.Window(tt.older, tt.newer)
		if got.String() != tt.want {
			t.Errorf("%s: Window = %s, want %s", tt.name, got, tt.want)
		}
		if len(tt.errs) == 0 && err != nil {
			t.Errorf("%s: Window = %v", tt.name, err)
		}
		for _, want := range tt.errs {
			if !errors.Is(err, want) {
				t.Errorf("%s: Window = %v, want %v", tt.name, err, want)
			}
		}
	}
}

// TestWindowNeverLies: whatever happened between two samples of a cache that counts honestly, a ratio without ErrReset is the true
// one, and one with it is that of what came after the last restart.
func TestWindowNeverLies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Uint64Range(0, 5000)
		older := sample(0, time.Duration(rapid.IntRange(1, 10_000).Draw(t, "uptime"))*time.Second, count.Draw(t, "hits"), count.Draw(t, "misses"))
		window := time.Duration(rapid.IntRange(1, 600).Draw(t, "window")) * time.Second
		hits, misses := count.Draw(t, "more hits"), count.Draw(t, "more misses")
		newer := sample(window, older.Uptime+window, older.Hits+hits, older.Misses+misses)
		restarted := rapid.Bool().Draw(t, "restarted")
		if restarted {
			newer = sample(window, time.Duration(rapid.Int64Range(0, int64(window/time.Second)).Draw(t, "since"))*time.Second, hits, misses)
			newer.Starts = 2
		}
		r, err := cache.Window(older, newer)
		if r.Hits != hits || r.Misses != misses || r.Reset != restarted || errors.Is(err, cache.ErrReset) != restarted {
			t.Fatalf("Window(%+v, %+v) = %+v, %v; want %d hits, %d misses, reset %v", older, newer, r, err, hits, misses, restarted)
		}
		if few := hits+misses < cache.MinRequests; errors.Is(err, cache.ErrTooFew) != few {
			t.Fatalf("Window = %v, too few %v", err, few)
		}
		if v := r.Value(); v < 0 || v > 1 {
			t.Fatalf("ratio %v", v)
		}
	})
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	if got, want := sample(time.Hour, 10*time.Minute, 0, 0).Epoch(), noon.Add(50*time.Minute); !got.Equal(want) {
		t.Errorf("Epoch = %s, want %s", got, want)
	}
}
