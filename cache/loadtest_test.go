package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestLoadVarnish: both sides count the same when nobody else asks, and a slow origin shows in the misses alone.
func TestLoadVarnish(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	walked := w.walk(t, "/load/master.m3u8")
	w.origin.SetDelay(10 * time.Millisecond)
	r, err := cache.LoadTest(t.Context(), d.Edge(), walked.Objects, cache.LoadOptions{Duration: time.Second, Rate: 800, Seed: 1, Stats: d.Stats})
	if err != nil || r.Errors != 0 || r.Requests < 300 || r.Hits == 0 || r.Misses == 0 {
		t.Fatalf("LoadTest = %v, %v, %v", r, err, r.Failures)
	}
	t.Log(r)
	if r.Missed.P50 < 10*time.Millisecond || r.Hit.P50 >= r.Missed.P50 || r.Hit.P50 == 0 || r.Missed.P99 < r.Missed.P95 {
		t.Errorf("TTFB hit %+v, miss %+v; want misses to bear the origin's 10 ms", r.Hit, r.Missed)
	}
	if r.Server == nil || r.Note != "varnishstat" {
		t.Fatalf("server's ratio = %v, note %q", r.Server, r.Note)
	}
	if diff := r.HitRatio() - r.Server.Value(); diff > 0.05 || diff < -0.05 {
		t.Errorf("client counts %.3f hits, server %.3f; want them near each other", r.HitRatio(), r.Server.Value())
	}
}

// TestLoadRate: with time that does not pass by itself, the rate is exact.
func TestLoadRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		rate       float64
		conns      int
		delay      time.Duration
		least      uint64
		most       uint64
		late       bool
		closedLoop bool
	}{
		{"reached", 100, 16, 10 * time.Millisecond, 990, 1000, false, false},
		{"slow server, late requests are counted and dropped", 100, 2, 100 * time.Millisecond, 180, 200, true, false},
		{"as fast as connections allow", 0, 2, 100 * time.Millisecond, 190, 200, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				edge := cache.Edge{Node: "edge-1", Client: &http.Client{Transport: memory{tt.delay}}}
				var told []time.Duration
				r, err := cache.LoadTest(t.Context(), edge, cache.Objects("http://o.example/a.ts", "http://o.example/b.ts"), cache.LoadOptions{
					Duration: 10 * time.Second, Rate: tt.rate, Conns: tt.conns,
					Progress: func(elapsed, total time.Duration, _ uint64) { told = append(told, elapsed.Round(time.Second), total) },
				})
				if err != nil || r.Requests < tt.least || r.Requests > tt.most || (r.Late > 0) != tt.late || r.Hits != r.Requests {
					t.Errorf("LoadTest = %v late %d, %v; want %d to %d requests", r, r.Late, err, tt.least, tt.most)
				}
				if r.Hit.P50 < tt.delay || r.Hit.P50 > tt.delay*104/100 || r.Hit.Max != tt.delay {
					t.Errorf("p50 %s max %s of a server that takes %s", r.Hit.P50, r.Hit.Max, tt.delay)
				}
				if len(told) < 20 || told[len(told)-2] != 10*time.Second || told[1] != 10*time.Second {
					t.Errorf("progress: %v", told)
				}
			})
		})
	}
}

// TestLoadZipf: the first object is the most popular by far, and a seed fixes the order.
func TestLoadZipf(t *testing.T) {
	t.Parallel()
	count := func(seed uint64) (map[string]int, string) {
		var mu sync.Mutex
		n, order := map[string]int{}, ""
		edge := cache.Edge{Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			n[r.URL.Path]++
			if len(order) < 100 {
				order += r.URL.Path
			}
			mu.Unlock()
			return memory{time.Millisecond}.RoundTrip(r)
		})}}
		urls := make([]string, 100)
		for i := range urls {
			urls[i] = fmt.Sprintf("http://o.example/%d", i)
		}
		synctest.Test(t, func(t *testing.T) {
			if _, err := cache.LoadTest(t.Context(), edge, cache.Objects(urls...), cache.LoadOptions{Duration: 10 * time.Second, Conns: 1, Seed: seed}); err != nil {
				t.Error(err)
			}
		})
		return n, order
	}
	n, order := count(1)
	if n["/0"] < 20*max(n["/99"], 1)/2 || n["/0"] < n["/1"] || n["/1"] < n["/10"] {
		t.Errorf("Zipf: first %d, second %d, 11th %d, last %d of 10,000", n["/0"], n["/1"], n["/10"], n["/99"])
	}
	if _, again := count(1); again != order {
		t.Errorf("the same seed asked for other objects:\n%s\n%s", order, again)
	}
	if _, other := count(2); other == order {
		t.Error("another seed asked for the same objects")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestLoadCounts(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hit":
			w.Header().Set("X-Cache", "HIT")
		case "/miss":
			w.Header().Set("X-Cache", "MISS")
		case "/pass":
			w.Header().Set("X-Cache", "MISS")
			w.Header().Set("Cache-Control", "private")
		case "/reset":
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	at := func(p string) string { return s.URL + p }
	objects := append(cache.Objects(at("/hit"), at("/miss"), at("/pass"), at("/reset"), at("/nowhere?token=x")),
		cache.Object{URL: at("/gone"), Live: true})
	r, err := cache.LoadTest(t.Context(), cache.Edge{Node: "edge-1"}, objects, cache.LoadOptions{Duration: 300 * time.Millisecond, Conns: 4})
	if err != nil || r.Hits == 0 || r.Misses == 0 || r.Passes == 0 || r.Vanished == 0 || r.Errors == 0 {
		t.Fatalf("LoadTest = %+v, %v; want some of each", r, err)
	}
	if sum := r.Hits + r.Misses + r.Passes + r.Vanished + r.Errors; sum != r.Requests {
		t.Errorf("%d counted, %d requests: %+v", sum, r.Requests, r)
	}
	if len(r.Failures) != int(min(10, r.Errors)) || strings.Contains(fmt.Sprint(r.Failures), "token=x") {
		t.Errorf("failures: %v", r.Failures)
	}
	if r.Note != "client side only" || r.Server != nil {
		t.Errorf("note %q, server %v; want the client's side only", r.Note, r.Server)
	}
}

func TestLoadEdges(t *testing.T) {
	t.Parallel()
	edge := cache.Edge{Node: "edge-1", Client: &http.Client{Transport: memory{}}}
	if _, err := cache.LoadTest(t.Context(), edge, nil, cache.LoadOptions{}); !errors.Is(err, cache.ErrTooFew) {
		t.Errorf("LoadTest of nothing = %v, want %v", err, cache.ErrTooFew)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		edge := cache.Edge{Client: &http.Client{Transport: memory{time.Second}}}
		r, err := cache.LoadTest(ctx, edge, cache.Objects("http://o/a"), cache.LoadOptions{Conns: 1, Duration: time.Hour,
			Stats: func(context.Context) (cache.Counters, error) {
				return cache.Counters{}, errors.New("no such directory")
			}})
		if !errors.Is(err, context.DeadlineExceeded) || r.Requests == 0 || r.Errors != 0 || r.Note != "client side only: no such directory" {
			t.Errorf("LoadTest given up after 3 s = %+v, %v; want what was measured", r, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r, err := cache.LoadTest(t.Context(), cache.Edge{Client: &http.Client{Transport: memory{time.Second}}}, cache.Objects("http://o/a"),
			cache.LoadOptions{Conns: 1, Duration: 5 * time.Second, Stats: func(context.Context) (cache.Counters, error) {
				n++
				return cache.Counters{Hits: uint64(1000 / n), At: time.Now(), Source: "varnishstat"}, nil // falls: a restart
			}})
		if err != nil || r.Server == nil || !r.Server.Reset || !strings.HasPrefix(r.Note, "varnishstat: counters were reset") {
			t.Errorf("LoadTest over a restart = %+v, %v", r, err)
		}
	})
	if got, want := (cache.LoadReport{}).HitRatio(), 0.0; got != want {
		t.Errorf("HitRatio of nothing = %v", got)
	}
	if diff := cmp.Diff("0 requests in 0s (0/s), 0.0 % hits, 0 errors, 0.0 MB; TTFB hit p50 0s p99 0s, miss p50 0s p99 0s", cache.LoadReport{}.String()); diff != "" {
		t.Error(diff)
	}
}
