package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestPrimeThenHits: after a prime all of 1,000 objects are hits, and the origin was asked once for each.
func TestPrimeThenHits(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{Storage: "malloc,64m"})
	d := w.driver(t)
	ctx := t.Context()
	walked := w.walk(t, "/load/master.m3u8")
	w.origin.ResetRequests()
	primed, err := cache.Prime(ctx, d.Edge(), append(walked.Objects, walked.Objects...), cache.PrimeOptions{Conns: 32})
	if err != nil || primed.Total != 1002 || primed.Miss != 1002 || !primed.OK() || primed.Bytes < 1000*16<<10 {
		t.Fatalf("Prime = %v, %v, %v; want 1002 misses", primed, err, primed.Offenders)
	}
	if n := w.origin.Requests(""); n != 1002 {
		t.Errorf("the origin was asked %d times for 1002 objects", n)
	}
	verified, err := cache.Verify(ctx, d.Edge(), cache.Origin{}, walked.Objects, cache.VerifyOptions{})
	if err != nil || !verified.Cached() || verified.Hit != 1002 {
		t.Errorf("Verify = %v, %v, %v; want 1002 hits", verified, err, verified.Offenders)
	}
	t.Log(primed, verified)
}

// TestVerifyKinds has one object of each kind of trouble.
func TestVerifyKinds(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	ctx := t.Context()
	o := w.origin
	for name, headers := range map[string]map[string]string{
		"/k/good.ts":    nil,
		"/k/stale.ts":   nil,
		"/k/miss.ts":    nil,
		"/k/list.m3u8":  nil,
		"/k/secret.key": {"Cache-Control": "no-store"},
		"/k/dated.ts":   {"ETag": "", "Last-Modified": "Sun, 22 Nov 2026 08:00:00 GMT"},
		"/k/bare.ts":    {"ETag": ""},
		"/k/moved.ts":   {"ETag": ""},
		"/k/gone.ts":    nil,
		"/k/broken.ts":  nil,
	} {
		o.Put(name, []byte("body of "+name), headers)
	}
	at := func(name string) string { return o.URL + "/k/" + name }
	warm(t, d, at("good.ts"), at("stale.ts"), at("dated.ts"), at("bare.ts"), at("moved.ts"), at("gone.ts"))
	get(t, d, at("secret.key"))
	o.Put("/k/stale.ts", []byte("another"), nil)
	o.Put("/k/moved.ts", []byte("another"), map[string]string{"ETag": ""})
	o.SetStatus("/k/gone.ts", http.StatusNotFound)
	o.SetStatus("/k/broken.ts", http.StatusForbidden)
	objects := append(cache.Objects(at("good.ts"), at("stale.ts"), at("miss.ts"), at("list.m3u8"), at("secret.key"), at("dated.ts"),
		at("bare.ts"), at("moved.ts"), at("gone.ts"), at("broken.ts"), "ftp://x/"),
		cache.Object{URL: at("vanished.ts"), Role: cache.RoleSegment, Live: true})
	r, err := cache.Verify(ctx, d.Edge(), cache.Origin{}, objects, cache.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := cache.Report{Node: "edge-1", Total: 12, Hit: 4, Miss: 1, Stale: 3, Failed: 2, Vanished: 1, Uncacheable: 1}
	if diff := cmp.Diff(want, r, cmpopts.IgnoreFields(cache.Report{}, "Took", "Offenders")); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	why := map[string]string{}
	for _, o := range r.Offenders {
		_, name, _ := strings.Cut(o.URL, "/k/")
		why[name] = o.Why
	}
	for name, says := range map[string]string{
		"stale.ts": "edge has ETag", "miss.ts": "miss: the edge had to fetch it", "moved.ts": "edge has sha256", "gone.ts": "edge has ETag",
		"broken.ts": "answered 403", "": "want http://host/path",
	} {
		if !strings.Contains(why[name], says) {
			t.Errorf("offender %q: %q, want %q in it", name, why[name], says)
		}
	}
	if !strings.Contains(why["gone.ts"], "origin status 404") {
		t.Errorf("offender gone.ts: %q, want the origin's 404 named", why["gone.ts"])
	}
	if r.OK() || r.Cached() {
		t.Errorf("OK %v and Cached %v of %v, want neither", r.OK(), r.Cached(), r)
	}
}

// TestVerifyMovingOrigin: a live playlist that changes between two questions is not stale.
func TestVerifyMovingOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		origin func(n int32) string // ETag of the origin's n-th answer, from 1
		edge   string
		want   string
	}{
		{"equal", func(int32) string { return "a" }, "a", "hit"},
		{"edge newer than the first answer", func(n int32) string { return []string{"a", "b"}[min(n-1, 1)] }, "b", "hit"},
		{"edge older for good", func(int32) string { return "b" }, "a", "stale"},
		{"never twice the same", func(n int32) string { return fmt.Sprint("v", n) }, "x", "untold"},
		{"weakened by compression", func(int32) string { return "a" }, "W/a", "hit"},
		{"suffixed by Apache's compression", func(int32) string { return "a" }, "a-gzip", "hit"},
		{"suffixed by Jetty's", func(int32) string { return "a--gzip" }, "W/a", "hit"},
		{"a suffix of another kind", func(int32) string { return "a" }, "a-b", "stale"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			tag := func(w http.ResponseWriter, etag string) {
				weak, strong := "", etag
				if s, ok := strings.CutPrefix(etag, "W/"); ok {
					weak, strong = "W/", s
				}
				w.Header().Set("ETag", weak+`"`+strong+`"`)
			}
			origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tag(w, tt.origin(n.Add(1))) }))
			defer origin.Close()
			edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				tag(w, tt.edge)
				w.Header().Set("X-Cache", "HIT")
			}))
			defer edge.Close()
			r, err := cache.Verify(t.Context(), cache.Edge{URL: edge.URL}, cache.Origin{}, cache.Objects(origin.URL+"/live.m3u8"), cache.VerifyOptions{})
			if err != nil || !strings.Contains(r.String(), "1 objects: 1 "+tt.want) {
				t.Errorf("Verify = %v, %v, %v; want 1 %s", r, err, r.Offenders, tt.want)
			}
		})
	}
}

// TestVerifyWithoutHEAD: origins that know no HEAD are asked by GET.
func TestVerifyWithoutHEAD(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Age", "1")
	}))
	defer origin.Close()
	r, err := cache.Verify(t.Context(), cache.Edge{URL: origin.URL}, cache.Origin{}, cache.Objects(origin.URL+"/a.ts"), cache.VerifyOptions{})
	if err != nil || r.Hit != 1 {
		t.Errorf("Verify = %v, %v, %v; want a hit", r, err, r.Offenders)
	}
}

// flaky fails the first request for each URL in one way and answers the second.
func flaky(t testing.TB, fail func(http.ResponseWriter)) *httptest.Server {
	var mu sync.Mutex
	seen := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		again := seen[r.URL.Path]
		seen[r.URL.Path] = true
		mu.Unlock()
		if !again {
			fail(w)
			return
		}
		w.Header().Set("X-Cache", "MISS")
		_, _ = w.Write([]byte("body"))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestPrimeRetries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fail func(http.ResponseWriter)
		want cache.Report
	}{
		"503":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, cache.Report{Total: 1, Miss: 1, Retried: 1, Bytes: 4}},
		"reset": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, cache.Report{Total: 1, Miss: 1, Retried: 1, Bytes: 4}},
		"half a body": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "4")
			_, _ = w.Write([]byte("bo"))
		}, cache.Report{Total: 1, Miss: 1, Retried: 1, Bytes: 6}},
		"403 stays": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, cache.Report{Total: 1, Failed: 1}},
		"redirect":  {func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1/"); w.WriteHeader(302) }, cache.Report{Total: 1, Failed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := flaky(t, tt.fail)
			r, err := cache.Prime(t.Context(), cache.Edge{URL: s.URL}, cache.Objects("http://o.example/a.ts"), cache.PrimeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r, cmpopts.IgnoreFields(cache.Report{}, "Took", "Offenders")); diff != "" {
				t.Errorf("report (-want +got):\n%s\n%v", diff, r.Offenders)
			}
		})
	}
}

func TestPrimeLimits(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	edge := cache.Edge{URL: origin.URL}
	urls := make([]string, 100)
	for i := range urls {
		urls[i] = fmt.Sprintf("http://o.example/load/v0/seg%d.ts", i)
	}
	var last, calls int
	r, err := cache.Prime(t.Context(), edge, cache.Objects(urls...), cache.PrimeOptions{Conns: 1, MaxBytes: 10 * 16 << 10,
		Progress: func(done, total int) { last, calls = done*1000+total, calls+1 }})
	if err != nil || r.Skipped != 90 || r.Untold != 10 || r.OK() || len(r.Offenders) != 10 {
		t.Errorf("Prime with 10 objects' bytes allowed = %v, %v", r, err)
	}
	if last != 100*1000+100 || calls != 100 {
		t.Errorf("progress: last %d after %d calls, want 100100 after 100", last, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err = cache.Prime(ctx, edge, cache.Objects(urls...), cache.PrimeOptions{Conns: 1, Progress: func(done, _ int) {
		if done == 5 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || r.Skipped < 90 || r.Failed != 0 || r.Total != 100 {
		t.Errorf("Prime given up after 5 = %v, %v; want the rest skipped", r, err)
	}
	if r, err := cache.Prime(t.Context(), edge, nil, cache.PrimeOptions{}); err != nil || !r.OK() || r.Total != 0 {
		t.Errorf("Prime of nothing = %v, %v", r, err)
	}
}

// memory is an edge without a network, so that time may be false: every object is 64 KiB and a hit.
type memory struct{ delay time.Duration }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.delay > 0 {
		select {
		case <-time.After(m.delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	w := httptest.NewRecorder()
	w.Header().Set("X-Cache", "HIT")
	_, _ = w.Write(make([]byte, 64<<10))
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestPrimeByteRate: 10 objects of 64 KiB at 64 KiB a second take about 10 seconds, over however many connections.
func TestPrimeByteRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		urls := make([]string, 10)
		for i := range urls {
			urls[i] = fmt.Sprintf("http://o.example/%d.ts", i)
		}
		edge := cache.Edge{URL: "http://edge.example", Client: &http.Client{Transport: memory{}}}
		r, err := cache.Prime(t.Context(), edge, cache.Objects(urls...), cache.PrimeOptions{Conns: 4, ByteRate: 64 << 10})
		if err != nil || r.Hit != 10 || r.Took < 9*time.Second || r.Took > 11*time.Second {
			t.Errorf("Prime = %v, %v; want 10 hits in about 10 s", r, err)
		}
	})
}

// TestPrimeHangs: one object that hangs costs its timeout twice, and keeps nothing else.
func TestPrimeHangs(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, originOptions())
	hold := origin.HoldPath("/news/v0/seg0.ts")
	defer hold.Release()
	r, err := cache.Prime(t.Context(), cache.Edge{URL: origin.URL}, cache.Objects("http://o/news/v0/seg0.ts", "http://o/news/v0/seg1.ts"),
		cache.PrimeOptions{Timeout: 50 * time.Millisecond})
	if err != nil || r.Failed != 1 || r.Untold != 1 || r.Offenders[0].Why != context.DeadlineExceeded.Error() {
		t.Errorf("Prime = %v, %v, %v; want one failure by time", r, err, r.Offenders)
	}
}

func TestReportHidesTokens(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, lab.OriginOptions{})
	r, err := cache.Prime(t.Context(), cache.Edge{URL: origin.URL}, cache.Objects("http://anna:pw@o.example/a.ts?token=s3cret"), cache.PrimeOptions{})
	if err != nil || r.Failed != 1 {
		t.Fatalf("Prime = %v, %v", r, err)
	}
	if got := fmt.Sprintf("%+v", r); strings.Contains(got, "s3cret") || strings.Contains(got, "pw@") || r.Offenders[0].URL != "http://o.example/a.ts?..." {
		t.Errorf("report shows a secret: %s", got)
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	all := cache.Objects("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	for n, want := range map[int]string{0: "0 1 2 3 4 5 6 7 8 9", 1: "0", 2: "0 9", 3: "0 4 9", 4: "0 3 6 9", 10: "0 1 2 3 4 5 6 7 8 9", 20: "0 1 2 3 4 5 6 7 8 9"} {
		var got []string
		for _, o := range cache.Sample(all, n) {
			got = append(got, o.URL)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("Sample(10 objects, %d) = %v, want %s", n, got, want)
		}
	}
}

func TestObjectRoles(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]cache.Role{
		"http://o/a.m3u8": cache.RolePlaylist, "http://o/A.M3U8?token=x": cache.RolePlaylist, "/v/seg.ts": cache.RoleSegment,
		"/v/seg.m4s?x=.m3u8": cache.RoleSegment, "/k.key": cache.RoleKey, "/": cache.RoleOther, "http://o": cache.RoleOther, "%zz.ts": cache.RoleSegment,
	} {
		if got := cache.Objects(url)[0].Role; got != want {
			t.Errorf("role of %s = %s, want %s", url, got, want)
		}
	}
}
