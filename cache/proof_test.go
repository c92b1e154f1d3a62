package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// inFlight starts a fetch that the origin has answered with its old content in mind but not sent, and returns what ends it.
func inFlight(t *testing.T, w *world, d cache.Driver, path string) (release, wait func()) {
	t.Helper()
	hold := w.origin.HoldPath(path)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, _, err := fetch(context.WithoutCancel(t.Context()), d, w.origin.URL+path); err != nil {
			t.Errorf("viewer in flight: %v", err)
		}
	})
	select {
	case <-hold.Arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("the edge asked the origin for nothing")
	}
	t.Cleanup(func() { hold.Release(); wg.Wait() })
	return hold.Release, wg.Wait
}

// TestRace: a purge that comes while the old answer is on its way removes nothing, and the old answer is stored after it. One purge
// is not enough, whatever its kind; two with a pause in between are.
func TestRace(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	for i, tt := range []struct {
		name   string
		single func(ctx context.Context, d cache.Driver, url string) error
		proved func(ctx context.Context, d cache.Driver, url string) (cache.Verdict, error)
	}{
		{"purge",
			func(ctx context.Context, d cache.Driver, url string) error {
				_, err := d.Purge(ctx, url, false)
				return err
			},
			func(ctx context.Context, d cache.Driver, url string) (cache.Verdict, error) {
				rs, err := cache.PurgeProved(ctx, d, []string{url}, cache.ProofOptions{})
				return rs[0].Result.Verified, errors.Join(err, rs[0].Err)
			}},
		{"soft purge",
			func(ctx context.Context, d cache.Driver, url string) error {
				_, err := d.Purge(ctx, url, true)
				return err
			},
			func(ctx context.Context, d cache.Driver, url string) (cache.Verdict, error) {
				rs, err := cache.PurgeProved(ctx, d, []string{url}, cache.ProofOptions{Soft: true})
				return rs[0].Result.Verified, errors.Join(err, rs[0].Err)
			}},
		{"flush",
			func(ctx context.Context, d cache.Driver, url string) error {
				_, err := d.Flush(ctx, "race/flush/0")
				return err
			},
			func(ctx context.Context, d cache.Driver, url string) (cache.Verdict, error) {
				r, err := cache.FlushProved(ctx, d, "race/flush/proved", cache.Objects(url), cache.ProofOptions{})
				return r.Verified, err
			}},
		{"prefix",
			func(ctx context.Context, d cache.Driver, url string) error {
				_, err := d.PurgePrefix(ctx, url, "race/prefix/0")
				return err
			},
			func(ctx context.Context, d cache.Driver, url string) (cache.Verdict, error) {
				r, err := cache.PurgePrefixProved(ctx, d, url, "race/prefix/proved", cache.Objects(url), cache.ProofOptions{})
				return r.Verified, err
			}},
		{"tag",
			func(ctx context.Context, d cache.Driver, _ string) error {
				_, err := d.PurgeTag(ctx, []string{"ch-news"}, false)
				return err
			},
			func(ctx context.Context, d cache.Driver, url string) (cache.Verdict, error) {
				r, err := cache.PurgeTagProved(ctx, d, []string{"ch-news"}, cache.Objects(url), cache.ProofOptions{})
				return r.Verified, err
			}},
	} {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they flush
			ctx := t.Context()
			d := w.driver(t, func(c *cache.Config) { c.Settle = time.Millisecond; c.Host = fmt.Sprintf("race%d.example", i) })

			once := fmt.Sprintf("/news/v0/seg%d.ts", i)
			w.origin.SetGeneration(0)
			release, wait := inFlight(t, w, d, once)
			w.origin.SetGeneration(1)
			if err := tt.single(ctx, d, w.origin.URL+once); err != nil {
				t.Fatal(err)
			}
			release()
			wait()
			if body, _ := get(t, d, w.origin.URL+once); !strings.Contains(body, "generation 0") {
				t.Errorf("after one %s the edge serves %.40q: the race that two purges are for did not happen", tt.name, body)
			}

			twice := fmt.Sprintf("/news/v1/seg%d.ts", i)
			w.origin.SetGeneration(0)
			release, wait = inFlight(t, w, d, twice)
			w.origin.SetGeneration(1)
			slow := &afterFirst{Driver: d, then: func() { release(); wait() }}
			verdict, err := tt.proved(ctx, slow, w.origin.URL+twice)
			if err != nil || verdict != cache.Fresh {
				t.Errorf("proved %s = %s, %v; want fresh", tt.name, verdict, err)
			}
			if body, _ := get(t, d, w.origin.URL+twice); !strings.Contains(body, "generation 1") {
				t.Errorf("after a proved %s the edge serves %.40q, want generation 1", tt.name, body)
			}
		})
	}
}

// afterFirst lets something happen in the settling time, between the first operation and the second.
type afterFirst struct {
	cache.Driver
	once sync.Once
	then func()
}

func (a *afterFirst) Purge(ctx context.Context, url string, soft bool) (cache.Result, error) {
	defer a.once.Do(a.then)
	return a.Driver.Purge(ctx, url, soft)
}

func (a *afterFirst) Flush(ctx context.Context, mark string) (cache.Result, error) {
	defer a.once.Do(a.then)
	return a.Driver.Flush(ctx, mark)
}

func (a *afterFirst) PurgePrefix(ctx context.Context, prefix, mark string) (cache.Result, error) {
	defer a.once.Do(a.then)
	return a.Driver.PurgePrefix(ctx, prefix, mark)
}

func (a *afterFirst) PurgeTag(ctx context.Context, tags []string, soft bool) (cache.Result, error) {
	defer a.once.Do(a.then)
	return a.Driver.PurgeTag(ctx, tags, soft)
}

// TestFlushProvedResumes: a process that was killed at any point of a proved flush is followed by another that knows only the mark.
func TestFlushProvedResumes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		done     []string // marks already in the server's list
		want     []string // marks added
		repeated bool
	}{
		{"nothing done", nil, []string{"m/2", "m/1"}, false},
		{"first round done", []string{"m/1"}, []string{"m/2"}, false},
		{"both done", []string{"m/2", "m/1"}, nil, true},
		{"both done, the first dropped from the list", []string{"m/2"}, nil, true},
		{"another run's", []string{"n/2", "n/1", "mm/1", "m/11"}, []string{"m/2", "m/1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &fakeCLI{}
			for _, mark := range tt.done {
				f.bans = append(f.bans, flushSpec(mark))
			}
			startCLI(t, f)
			d := openFake(t, f.Address, "", time.Second)
			const settle = time.Second // far more than a busy machine needs for the rest
			start := time.Now()
			r, err := cache.FlushProved(t.Context(), d, "m", nil, cache.ProofOptions{Settle: settle})
			if err != nil || r.Repeated != tt.repeated || r.Verified != cache.Unknown || r.Why == "" {
				t.Errorf("FlushProved = %+v, %v; want repeated %v and not verified", r, err, tt.repeated)
			}
			var want []string
			for _, mark := range tt.want {
				want = append(want, flushSpec(mark))
			}
			got := f.banList()
			if diff := cmp.Diff(want, append([]string(nil), got[:len(got)-len(tt.done)]...)); diff != "" {
				t.Errorf("bans added (-want +got):\n%s", diff)
			}
			if waited := time.Since(start) >= settle; waited != slices.Contains(tt.want, "m/1") {
				t.Errorf("FlushProved took %s; a first round 10 s ago needs no settling, a new one does", time.Since(start))
			}
		})
	}
}

// TestPurgeProvedStale: an edge that says "Purged" and goes on serving the old copy is found out.
func TestPurgeProvedStale(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	origin.SetGeneration(2)
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Varnish", "1")
		if r.Method == http.MethodHead {
			w.Header().Set("ETag", `"old"`)
			return
		}
		t.Errorf("unexpected %s", r.Method)
	}))
	defer liar.Close()
	purge := raw(t, func(*http.Request) string { return purged("200 Purged", "Server: Varnish\r\nX-Varnish: 1\r\n") })
	client := &http.Client{Transport: byMethod{"PURGE": purge, "HEAD": liar.URL}}
	d, err := cache.Open(cache.Config{Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: "http://edge.example"}, cache.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	urls := []string{origin.URL + "/news/v0/seg0.ts", origin.URL + "/news/v0/seg1.ts"}
	results, err := cache.PurgeProved(t.Context(), d, urls, cache.ProofOptions{Settle: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Result.Verified != cache.Stale || !errors.Is(r.Err, cache.ErrStale) || !cache.Temporary(r.Err) || !strings.Contains(fmt.Sprint(r.Err), `edge has ETag \"old\"`) {
			t.Errorf("PurgeProved %s = %+v, %v; want stale", r.URL, r.Result, r.Err)
		}
	}
	sampled, err := cache.PurgeTagProved(t.Context(), d, []string{"x"}, cache.Objects(urls...), cache.ProofOptions{Settle: time.Millisecond})
	if !errors.Is(err, cache.ErrUnsupported) { // this liar counts nothing
		t.Errorf("PurgeTagProved = %+v, %v", sampled, err)
	}
}

// byMethod sends requests elsewhere by their method; all others go where they say.
type byMethod map[string]string

func (b byMethod) RoundTrip(r *http.Request) (*http.Response, error) {
	if to, ok := b[r.Method]; ok && r.URL.Host == "edge.example" {
		r = r.Clone(r.Context())
		r.URL.Host = strings.TrimPrefix(to, "http://")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestPurgeProvedEachItsOwn: one URL's failure changes nothing for the others.
func TestPurgeProvedEachItsOwn(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	urls := []string{w.origin.URL + "/news/v0/seg3.ts", "ftp://nowhere/", w.origin.URL + "/news/v0/seg4.ts", w.origin.URL + "/news/v0/none.ts"}
	warm(t, d, urls[0], urls[2])
	var told []int
	results, err := cache.PurgeProved(t.Context(), d, urls, cache.ProofOptions{Settle: time.Millisecond, Progress: func(done, total int) {
		told = append(told, done*10+total)
	}})
	if err != nil || len(results) != len(urls) {
		t.Fatalf("PurgeProved = %d results, %v", len(results), err)
	}
	for i, want := range []cache.Verdict{cache.Fresh, cache.Unknown, cache.Fresh, cache.Fresh} {
		r := results[i]
		if r.URL != urls[i] || r.Result.Verified != want || (r.Err != nil) != (i == 1) {
			t.Errorf("result %d = %s %+v, %v; want %s", i, r.URL, r.Result, r.Err, want)
		}
	}
	if !errors.Is(results[1].Err, cache.ErrBadURL) || results[1].Result.Attempts != 1 {
		t.Errorf("bad URL = %+v, %v; want %v after one attempt", results[1].Result, results[1].Err, cache.ErrBadURL)
	}
	if r := results[0].Result; r.Attempts != 2 || r.Removed == nil || *r.Removed < 1 || *r.Removed > 2 {
		t.Errorf("good URL = %+v; want two rounds, and one object removed or, still on its way out, counted twice", r)
	}
	if diff := cmp.Diff([]int{14, 24, 34, 44}, told); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestPurgeProvedCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int32
	d := openURL(t, raw(t, func(*http.Request) string {
		if n.Add(1) == 3 {
			cancel()
		}
		return purged("200 Purged", "Server: Varnish\r\nX-Varnish: 1\r\n")
	}), time.Second)
	urls := make([]string, 100)
	for i := range urls {
		urls[i] = fmt.Sprintf("http://origin.example/%d.ts", i)
	}
	results, err := cache.PurgeProved(ctx, d, urls, cache.ProofOptions{Conns: 1, Settle: time.Hour})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("PurgeProved = %v, want %v", err, context.Canceled)
	}
	for _, r := range results {
		if r.Err == nil {
			t.Fatalf("%s has no error although nobody looked", r.URL)
		}
	}
	if got := n.Load(); got > 5 {
		t.Errorf("%d purges sent after the caller gave up at the third", got)
	}
}

// TestPurgeProvedNotVerifiable: an origin that cannot be asked leaves the purge accepted, and not verified.
func TestPurgeProvedNotVerifiable(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	const url = "http://127.0.0.1:1/news/v0/seg0.ts"
	results, err := cache.PurgeProved(t.Context(), d, []string{url}, cache.ProofOptions{Settle: time.Millisecond})
	if err != nil || results[0].Err != nil || results[0].Result.Verified != cache.Unknown || !strings.Contains(results[0].Result.Why, "origin: ") {
		t.Errorf("PurgeProved = %+v, %v; want accepted, not verified, and why", results, err)
	}
}

func TestFlushProvedSample(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	ctx := t.Context()
	d := w.driver(t, func(c *cache.Config) { c.Settle = time.Millisecond })
	good := cache.Objects(w.origin.URL+"/news/master.m3u8", w.origin.URL+"/news/v0/seg0.ts")
	if r, err := cache.FlushProved(ctx, d, "s/1", append(good, good...), cache.ProofOptions{}); err != nil || r.Why != "2 of 2 equal to the origin's" {
		t.Errorf("FlushProved = %+v, %v; want each looked at once", r, err)
	}
	half := append(cache.Objects("http://127.0.0.1:1/x.ts"), good...)
	r, err := cache.FlushProved(ctx, d, "s/2", half, cache.ProofOptions{})
	if err != nil || r.Verified != cache.Unknown || !strings.HasPrefix(r.Why, "2 of 3 equal") {
		t.Errorf("FlushProved with an origin that is away = %+v, %v; want unknown", r, err)
	}
	// An edge in front of another origin than the one asked for the truth: stale, by name.
	other := lab.NewOrigin(t, originOptions())
	other.SetGeneration(7)
	r, err = cache.FlushProved(ctx, d, "s/3", good, cache.ProofOptions{Origin: cache.Origin{URL: other.URL}})
	if !errors.Is(err, cache.ErrStale) || r.Verified != cache.Stale || !strings.Contains(r.Why, "/news/master.m3u8: edge has ETag") {
		t.Errorf("FlushProved against another truth = %+v, %v; want stale", r, err)
	}
}
