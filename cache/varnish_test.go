package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// get asks the edge as a viewer does, and returns the body and whether it was a hit.
func get(t testing.TB, d cache.Driver, objectURL string) (string, cache.Lookup) {
	t.Helper()
	body, lookup, err := fetch(t.Context(), d, objectURL)
	if err != nil {
		t.Fatal(err)
	}
	return body, lookup
}

func fetch(ctx context.Context, d cache.Driver, objectURL string) (string, cache.Lookup, error) {
	u, err := url.Parse(objectURL)
	if err != nil {
		return "", "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Edge().URL+u.RequestURI(), nil)
	if err != nil {
		return "", "", err
	}
	if req.Host = d.Config().Host; req.Host == "" {
		req.Host = u.Host
	}
	resp, err := d.Edge().Client.Do(req)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), d.Edge().Lookup(resp.Header), err
}

// warm fills the edge with the URLs and makes sure they are hits.
func warm(t testing.TB, d cache.Driver, urls ...string) {
	t.Helper()
	for _, u := range urls {
		get(t, d, u)
		if _, l := get(t, d, u); l != cache.LookupHit {
			t.Fatalf("second GET of %s is a %q, want a hit", u, l)
		}
	}
}

func wantLookups(t testing.TB, d cache.Driver, want cache.Lookup, urls ...string) {
	t.Helper()
	for _, u := range urls {
		if _, got := get(t, d, u); got != want {
			t.Errorf("GET %s is a %q, want %q", u, got, want)
		}
	}
}

func TestVarnishPurge(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	a, b := w.origin.URL+"/news/v0/seg0.ts", w.origin.URL+"/news/v0/seg1.ts"
	warm(t, d, a, b)
	r, err := d.Purge(t.Context(), a, false)
	if err != nil || r.Method != "purge" || r.Removed == nil || *r.Removed != 1 || r.Accepted.ID == "" || r.Accepted.Server != "Varnish" {
		t.Fatalf("Purge = %+v, %v; want one object removed, with proof", r, err)
	}
	wantLookups(t, d, cache.LookupMiss, a)
	wantLookups(t, d, cache.LookupHit, b)
	if r, err := d.Purge(t.Context(), w.origin.URL+"/news/v0/never.ts", false); err != nil || r.Removed == nil || *r.Removed != 0 {
		t.Errorf("Purge of what was never cached = %+v, %v; want accepted and 0 removed", r, err)
	}
}

func TestVarnishSoftPurge(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	a := w.origin.URL + "/news/v0/seg2.ts"
	warm(t, d, a)
	r, err := d.Purge(t.Context(), a, true)
	if err != nil || r.Method != "soft purge" || r.Removed == nil || *r.Removed != 1 {
		t.Fatalf("soft Purge = %+v, %v; want one object", r, err)
	}
	wantLookups(t, d, cache.LookupHit, a) // the old copy, from grace
	if r, err := d.Purge(t.Context(), w.origin.URL+"/news/v0/never.ts", true); err != nil || r.Removed == nil || *r.Removed != 0 {
		t.Errorf("soft Purge of what was never cached = %+v, %v; want accepted and 0 removed", r, err)
	}
}

func TestVarnishTags(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{}) // tags know no Host
	d := w.driver(t)
	news0, news1 := w.origin.URL+"/news/v0/seg0.ts", w.origin.URL+"/news/v1/seg0.ts"
	sport := w.origin.URL + "/sport/v0/seg0.ts"
	warm(t, d, news0, news1, sport)
	for _, tt := range []struct {
		tags []string
		soft bool
		want int64
	}{
		{[]string{"ch-nothing"}, false, 0},
		{[]string{"ch-news-v0"}, false, 1},
		{[]string{"ch-news", "ch-sport"}, true, 2},
		{[]string{"ch-news", "ch-sport"}, false, 2},
	} {
		r, err := d.PurgeTag(t.Context(), tt.tags, tt.soft)
		// vmod-xkey also counts an object that is on its way out, so one more than expected is as good.
		if err != nil || r.Removed == nil || *r.Removed < tt.want || *r.Removed > tt.want+1 {
			t.Errorf("PurgeTag(%v, soft %v) = %+v, %v; want %d", tt.tags, tt.soft, r, err, tt.want)
		}
	}
	wantLookups(t, d, cache.LookupMiss, news0, news1, sport)
}

func TestVarnishPrefix(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	odd := "/prefix/a.b/c+d(1)[2]*$~x,y;z='q'&e@f!g:h=i%20j.ts"
	for _, p := range []string{odd, "/prefix/aXb/c.ts", "/prefix/v0/1.ts", "/prefix/v0/2.ts?quality=1", "/prefix/v1/1.ts"} {
		w.origin.Put(mustPath(t, p), []byte(p), nil)
	}
	at := func(p string) string { return w.origin.URL + p }
	warm(t, d, at(odd), at("/prefix/aXb/c.ts"), at("/prefix/v0/1.ts"), at("/prefix/v0/2.ts?quality=1"), at("/prefix/v1/1.ts"))
	r, err := d.PurgePrefix(t.Context(), "/prefix/v0/", "t/prefix/1")
	if err != nil || r.Method != "ban" || r.Removed != nil {
		t.Fatalf("PurgePrefix = %+v, %v; want a ban that counts nothing", r, err)
	}
	wantLookups(t, d, cache.LookupMiss, at("/prefix/v0/1.ts"), at("/prefix/v0/2.ts?quality=1"))
	wantLookups(t, d, cache.LookupHit, at("/prefix/v1/1.ts"), at("/prefix/aXb/c.ts"), at(odd))
	// A dot in a prefix is a dot, and every character of a URL survives the CLI's quoting.
	if _, err := d.PurgePrefix(t.Context(), odd, "t/prefix/2"); err != nil {
		t.Fatal(err)
	}
	wantLookups(t, d, cache.LookupMiss, at(odd))
	if _, err := d.PurgePrefix(t.Context(), "/prefix/a.b/", "t/prefix/3"); err != nil {
		t.Fatal(err)
	}
	wantLookups(t, d, cache.LookupHit, at("/prefix/aXb/c.ts"))
	wantLookups(t, d, cache.LookupMiss, at(odd))
}

func mustPath(t testing.TB, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// TestVarnishFlushOnce: the second call with a mark leaves alone what was cached after the first.
func TestVarnishFlushOnce(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	a := w.origin.URL + "/news/v0/seg0.ts"
	warm(t, d, a)
	if r, err := d.Flush(t.Context(), "r-17/do/0/edge-1"); err != nil || r.Repeated || r.Held == nil {
		t.Fatalf("Flush = %+v, %v", r, err)
	}
	wantLookups(t, d, cache.LookupMiss, a)
	// Another process takes over: it knows nothing but the mark.
	r, err := w.driver(t).Flush(t.Context(), "r-17/do/0/edge-1")
	if err != nil || !r.Repeated || r.Accepted.Since == "" || r.Held != nil {
		t.Fatalf("Flush again = %+v, %v; want repeated", r, err)
	}
	wantLookups(t, d, cache.LookupHit, a)
	if r, err := d.Flush(t.Context(), "r-17/do/1/edge-1"); err != nil || r.Repeated {
		t.Fatalf("Flush with another mark = %+v, %v", r, err)
	}
	wantLookups(t, d, cache.LookupMiss, a)
}

func TestVarnishWrongSecret(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t, func(c *cache.Config) { c.Secret = func() ([]byte, error) { return []byte("guess\n"), nil } })
	if _, err := d.Flush(t.Context(), "m"); !errors.Is(err, cache.ErrWrongSecret) || cache.Temporary(err) {
		t.Errorf("Flush with a wrong secret = %v, want %v", err, cache.ErrWrongSecret)
	}
	if _, err := d.Health(t.Context()); !errors.Is(err, cache.ErrWrongSecret) {
		t.Errorf("Health with a wrong secret = %v, want %v", err, cache.ErrWrongSecret)
	}
}

// TestVarnishWrongPort: the viewers' port taken for the management port, and the other way round.
func TestVarnishWrongPort(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t, func(c *cache.Config) {
		c.URL, c.AdminAddress = "http://"+c.AdminAddress, strings.TrimPrefix(c.URL, "http://")
	})
	// Varnish waits for a request on the viewers' port, and the driver for a banner.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := d.Flush(ctx, "m"); err == nil {
		t.Error("Flush over the viewers' port succeeded")
	}
	if _, err := d.Purge(t.Context(), "/a", false); err == nil || cache.Temporary(err) {
		t.Errorf("Purge over the management port = %v, want a permanent error", err)
	}
}

func TestVarnishHealth(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	ctx := t.Context()
	h, err := d.Health(ctx)
	if err != nil || !h.OK || !h.Admin || !h.Listening || h.Child != "running" || !strings.HasPrefix(h.Version, "varnish-") || h.RTT <= 0 {
		t.Fatalf("Health = %+v, %v; want all well", h, err)
	}
	if err := w.edge.StopChild(ctx); err != nil {
		t.Fatal(err)
	}
	h, err = d.Health(ctx)
	if err != nil || h.OK || !h.Admin || h.Child != "stopped" || len(h.Problems) == 0 {
		t.Errorf("Health with the worker stopped = %+v, %v; want not OK, admin port alive", h, err)
	}
	if _, err := d.Flush(ctx, "m"); !errors.Is(err, cache.ErrDown) || !cache.Temporary(err) {
		t.Errorf("Flush with the worker stopped = %v, want a temporary %v", err, cache.ErrDown)
	}
	if _, err := d.Purge(ctx, "/a", false); !cache.Temporary(err) {
		t.Errorf("Purge with the worker stopped = %v, want temporary", err)
	}
	if err := w.edge.Halt(); err != nil {
		t.Fatal(err)
	}
	h, err = d.Health(ctx)
	if err != nil || h.OK || h.Admin || h.Listening || len(h.Problems) != 2 {
		t.Errorf("Health of a node that is down = %+v, %v; want two problems", h, err)
	}
	if _, err := d.Stats(ctx); !errors.Is(err, cache.ErrDown) || !cache.Temporary(err) {
		t.Errorf("Stats of a node that is down = %v, want a temporary %v", err, cache.ErrDown)
	}
	if err := w.edge.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if h, err = d.Health(ctx); err != nil || !h.OK {
		t.Errorf("Health after the restart = %+v, %v; want all well over a new connection", h, err)
	}
	if r, err := d.Flush(ctx, "m"); err != nil || r.Repeated {
		t.Errorf("Flush after the restart = %+v, %v", r, err)
	}
}

// TestVarnishChildKilled: a ratio over a restart looks sane and means nothing.
func TestVarnishChildKilled(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	ctx := t.Context()
	a := w.origin.URL + "/news/v0/seg0.ts"
	for range 300 {
		get(t, d, a)
	}
	before := statsWith(t, d, 299)
	if before.Hits != 299 || before.Misses != 1 || before.Source != "varnishstat" || before.Starts != 1 {
		t.Fatalf("Stats = %+v; want 299 hits and a miss", before)
	}
	if err := w.edge.KillChild(ctx); err != nil {
		t.Fatal(err)
	}
	if err := eventually(ctx, func() error { _, _, err := fetch(ctx, d, a); return err }); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		get(t, d, a)
	}
	after := statsWith(t, d, 49)
	if after.Deaths == 0 || after.Hits >= before.Hits {
		t.Fatalf("Stats = %+v; want a death and fewer hits", after)
	}
	r, err := cache.Window(before, after)
	if !errors.Is(err, cache.ErrReset) || !errors.Is(err, cache.ErrTooFew) || !r.Reset || r.Hits > 51 {
		t.Errorf("Window over the kill = %+v, %v; want %v with what came since", r, err, cache.ErrReset)
	}
}

// statsWith waits for counters with at least so many look-ups: a worker thread of Varnish adds what it counted to the others' only
// when its connection has been idle for 50 ms (timeout_linger).
func statsWith(t testing.TB, d cache.Driver, lookups uint64) cache.Counters {
	t.Helper()
	var c cache.Counters
	if err := eventually(t.Context(), func() (err error) {
		if c, err = d.Stats(t.Context()); err == nil && c.Hits+c.Misses < lookups {
			err = fmt.Errorf("%d look-ups, want %d", c.Hits+c.Misses, lookups)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually repeats what may fail while a server comes up.
func eventually(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// TestVarnishWindow: what a window says is what happened in it.
func TestVarnishWindow(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	ctx := t.Context()
	walked := w.walk(t, "/load/master.m3u8")
	some := walked.Objects[:400]
	if _, err := cache.Prime(ctx, d.Edge(), some, cache.PrimeOptions{}); err != nil {
		t.Fatal(err)
	}
	before := statsWith(t, d, 400)
	if _, err := cache.Prime(ctx, d.Edge(), some, cache.PrimeOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := cache.Window(before, statsWith(t, d, 800))
	if err != nil || r.Hits != 400 || r.Misses != 0 || r.Value() != 1 || r.Reset || before.Misses != 400 {
		t.Errorf("Window = %v, %v after %+v; want 400 hits", r, err, before)
	}
}

// TestVarnishRefuses: an operator's own VCL, whose ACL says no, and which counts nothing.
func TestVarnishRefuses(t *testing.T) {
	t.Parallel()
	vcl, err := os.ReadFile("../fixtures/cache/varnish-edge.vcl")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`.host = "127.0.0.1"; .port = "18000"`, `.host = "{{host}}"; .port = "{{port}}"`).Replace(string(vcl))
	w := own(t, lab.VarnishOptions{VCL: text})
	d := w.driver(t)
	a := w.origin.URL + "/news/v0/seg0.ts"
	warm(t, d, a)
	if r, err := d.Purge(t.Context(), a, false); err != nil || r.Removed != nil || r.Accepted.Reason != "Purged" {
		t.Errorf("Purge by return (purge) = %+v, %v; want accepted, count unknown", r, err)
	}
	wantLookups(t, d, cache.LookupMiss, a)
	if r, err := d.PurgeTag(t.Context(), []string{"ch-news"}, false); err != nil || r.Removed == nil || *r.Removed != 1 {
		t.Errorf("PurgeTag = %+v, %v; want 1", r, err)
	}
	denied, err := cache.Open(cache.Config{Kind: cache.Varnish, URL: w.edge.URL}, cache.Options{
		Client: &http.Client{Transport: header{"X-Test-Deny", "1", d.Edge().Client.Transport}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := denied.Purge(t.Context(), a, false); !errors.Is(err, cache.ErrRefused) || cache.Temporary(err) {
		t.Errorf("Purge against the ACL = %v, want %v", err, cache.ErrRefused)
	}
}

// header adds one header to every request.
type header struct {
	name, value string
	next        http.RoundTripper
}

func (h header) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	return h.next.RoundTrip(r)
}

// TestVarnishWithoutPurgeVCL: a Varnish whose VCL knows no PURGE pipes it to the origin, whose 200 proves nothing; and neither
// tags nor prefixes work there.
func TestVarnishWithoutPurgeVCL(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{VCL: `vcl 4.1; backend default { .host = "{{host}}"; .port = "{{port}}"; }`})
	d := w.driver(t)
	a := w.origin.URL + "/news/v0/seg0.ts"
	warm(t, d, a)
	if _, err := d.Purge(t.Context(), a, false); !errors.Is(err, cache.ErrNoSignature) {
		t.Errorf("piped Purge = %v, want %v", err, cache.ErrNoSignature)
	}
	if _, err := d.PurgePrefix(t.Context(), "/news/", "m"); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgePrefix = %v, want %v", err, cache.ErrUnsupported)
	}
	if _, err := d.PurgeTag(t.Context(), []string{"ch-news"}, false); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgeTag = %v, want %v", err, cache.ErrUnsupported)
	}
	wantLookups(t, d, cache.LookupHit, a)
	// A flush needs nothing of the VCL.
	if _, err := d.Flush(t.Context(), "m"); err != nil {
		t.Error(err)
	}
	wantLookups(t, d, cache.LookupMiss, a)
}

// TestVarnishBehindProxy: what answers in Varnish's place has Varnish's signature only when it passes on Varnish's answer.
func TestVarnishBehindProxy(t *testing.T) {
	t.Parallel()
	w := shared(t)
	target, err := url.Parse(w.edge.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error { r.Header.Set("Server", "proxy"); return nil }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: proxy}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	defer wg.Wait()
	defer func() { _ = s.Close() }()
	d := w.driver(t, func(c *cache.Config) { c.URL = "http://" + l.Addr().String() })
	if _, err := d.Purge(t.Context(), "/a.ts", false); !errors.Is(err, cache.ErrNoSignature) {
		t.Errorf("Purge through a proxy = %v, want %v", err, cache.ErrNoSignature)
	}
}

// TestByHand types what the runbook says, and looks whether it worked.
func TestByHand(t *testing.T) {
	t.Parallel()
	lab.Need(t, "curl", "sh")
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	a, b := w.origin.URL+"/news/v0/seg0.ts", w.origin.URL+"/news/v1/seg0.ts?x=1&y=it's"
	sh := func(op cache.Op) string {
		t.Helper()
		var out strings.Builder
		for _, line := range d.ByHand(op) {
			t.Log(line)
			text, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v: %s", line, err, text)
			}
			out.Write(text)
		}
		return out.String()
	}
	for _, tt := range []struct {
		op   cache.Op
		says string
		a, b cache.Lookup
	}{
		{cache.Op{Verb: cache.VerbFlush}, "", cache.LookupMiss, cache.LookupMiss},
		{cache.Op{Verb: cache.VerbPurge, URLs: []string{a, b}}, "200 Purged 1 objects", cache.LookupMiss, cache.LookupMiss},
		{cache.Op{Verb: cache.VerbPurge, URLs: []string{b}}, "200 Purged 1 objects", cache.LookupHit, cache.LookupMiss},
		{cache.Op{Verb: cache.VerbPurge, URLs: []string{b}, Soft: true}, "200 Soft purged 1 objects", cache.LookupHit, cache.LookupHit},
		{cache.Op{Verb: cache.VerbPurgeTag, Tags: []string{"ch-news-v0"}}, "200 Purged 1 objects", cache.LookupMiss, cache.LookupHit},
		{cache.Op{Verb: cache.VerbPurgePrefix, Prefix: "/news/v1/"}, "", cache.LookupHit, cache.LookupMiss},
		{cache.Op{Verb: cache.VerbHealth}, "Child in state running", cache.LookupHit, cache.LookupHit},
		{cache.Op{Verb: cache.VerbStats}, "MAIN.cache_hit", cache.LookupHit, cache.LookupHit},
		{cache.Op{Verb: cache.VerbVerify, URLs: []string{a}}, "Etag", cache.LookupHit, cache.LookupHit},
		{cache.Op{Verb: cache.VerbPrime, URLs: []string{a, b}}, "", cache.LookupHit, cache.LookupHit},
	} {
		for range 2 {
			get(t, d, a)
			get(t, d, b)
		}
		if got := sh(tt.op); !strings.Contains(got, tt.says) {
			t.Errorf("%s by hand says %q, want %q in it", tt.op.Verb, got, tt.says)
		}
		wantLookups(t, d, tt.a, a)
		wantLookups(t, d, tt.b, b)
	}
}

func TestByHandWithout(t *testing.T) {
	t.Parallel()
	d := openURL(t, "http://192.0.2.11:6081", time.Second)
	for _, tt := range []struct {
		op   cache.Op
		want string
	}{
		{cache.Op{Verb: cache.VerbFlush}, "# no command: no admin address configured for edge-1/front"},
		{cache.Op{Verb: cache.VerbPurge, URLs: []string{"news"}}, "# no command: bad URL news: want http://host/path or /path"},
		{cache.Op{Verb: cache.VerbPurgePrefix, Prefix: "a b"}, "# no command: bad prefix a b: it begins with no slash"},
		{cache.Op{Verb: cache.VerbPurge, URLs: []string{"http://o.example/$(id).ts"}},
			"curl -sS -i -X PURGE -H 'Host: o.example' 'http://192.0.2.11:6081/$(id).ts'"},
	} {
		if got := strings.Join(d.ByHand(tt.op), "\n"); got != tt.want {
			t.Errorf("ByHand(%+v) = %s\nwant %s", tt.op, got, tt.want)
		}
	}
}
