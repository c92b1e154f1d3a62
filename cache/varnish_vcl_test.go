package cache_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestVarnishVCL: the VCL that operators include gives every capability, beside their own subroutines.
func TestVarnishVCL(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{VCL: "vcl 4.1;\n" + cache.VarnishVCL() + `
		backend default { .host = "{{host}}"; .port = "{{port}}"; }
		sub vcl_recv {
			if (req.url ~ "^/pass/") { return (pass); }
			set req.url = regsub(req.url, "[?&]session=[^&]*", "");
			set req.http.host = "one.example";
		}
		sub vcl_backend_response { if (bereq.url ~ "^/marked/") { set beresp.uncacheable = true; } }`})
	d := w.driver(t)
	ctx := t.Context()
	a, b := w.origin.URL+"/news/v0/seg0.ts", w.origin.URL+"/news/v1/seg0.ts"
	for _, tt := range []struct {
		name string
		act  func() (cache.Result, error)
		says string
		a, b cache.Lookup
	}{
		{"purge", func() (cache.Result, error) { return d.Purge(ctx, a, false) }, "Purged 1 objects", cache.LookupMiss, cache.LookupHit},
		{"purge of a URL that is made another", func() (cache.Result, error) { return d.Purge(ctx, a+"?session=7", false) }, "Purged 1 objects",
			cache.LookupMiss, cache.LookupHit},
		{"purge of nothing", func() (cache.Result, error) { return d.Purge(ctx, a+"x", false) }, "Purged 0 objects", cache.LookupHit, cache.LookupHit},
		{"soft purge", func() (cache.Result, error) { return d.Purge(ctx, b, true) }, "Soft purged 1 objects", cache.LookupHit, cache.LookupHit},
		{"soft purge of nothing", func() (cache.Result, error) { return d.Purge(ctx, b+"x", true) }, "Not in cache", cache.LookupHit, cache.LookupHit},
		{"tag", func() (cache.Result, error) { return d.PurgeTag(ctx, []string{"ch-news-v0"}, false) }, "Purged 1 objects", cache.LookupMiss, cache.LookupHit},
		{"prefix", func() (cache.Result, error) { return d.PurgePrefix(ctx, "/news/v1/", "vcl/1") }, "", cache.LookupHit, cache.LookupMiss},
		{"flush", func() (cache.Result, error) { return d.Flush(ctx, "vcl/2") }, "", cache.LookupMiss, cache.LookupMiss},
	} {
		warmAgain(t, d, a, b)
		r, err := tt.act()
		if err != nil || r.Accepted.Reason != tt.says {
			t.Errorf("%s = %+v, %v; want %q", tt.name, r, err, tt.says)
		}
		wantLookups(t, d, tt.a, a)
		wantLookups(t, d, tt.b, b)
	}
	for _, p := range []string{"/pass/a", "/marked/a"} {
		w.origin.Put(p, []byte("x"), nil)
		get(t, d, w.origin.URL+p)
		before := w.origin.Requests("")
		if r, err := d.Purge(ctx, w.origin.URL+p, false); err != nil || r.Removed == nil {
			t.Errorf("Purge of %s, which is not cached = %+v, %v", p, r, err)
		}
		if n := w.origin.Requests("") - before; n != 0 {
			t.Errorf("Purge of %s reached the origin %d times", p, n)
		}
	}
}

// TestVarnishVCLGuards: who is not on the list cannot purge, neither by the method nor by the header that the VCL uses itself.
func TestVarnishVCLGuards(t *testing.T) {
	t.Parallel()
	vcl := strings.NewReplacer(`"127.0.0.1"; "::1";`, `"192.0.2.1";`).Replace(cache.VarnishVCL())
	w := own(t, lab.VarnishOptions{VCL: "vcl 4.1;\n" + vcl + "\n" + `backend default { .host = "{{host}}"; .port = "{{port}}"; }`})
	d := w.driver(t)
	a := w.origin.URL + "/news/v0/seg0.ts"
	warm(t, d, a)
	for _, soft := range []bool{false, true} {
		if _, err := d.Purge(t.Context(), a, soft); !errors.Is(err, cache.ErrRefused) {
			t.Errorf("Purge (soft %v) by a stranger = %v, want %v", soft, err, cache.ErrRefused)
		}
		if _, err := d.PurgeTag(t.Context(), []string{"ch-news"}, soft); !errors.Is(err, cache.ErrRefused) {
			t.Errorf("PurgeTag (soft %v) by a stranger = %v, want %v", soft, err, cache.ErrRefused)
		}
	}
	sly := d.Edge()
	sly.Client = &http.Client{Transport: header{"X-Opsbot", "PURGE", d.Edge().Client.Transport}}
	r, err := cache.Prime(t.Context(), sly, cache.Objects(a), cache.PrimeOptions{})
	if err != nil || r.Hit != 1 {
		t.Errorf("GET with the VCL's own header = %v, %v, %v; want a hit as for every viewer", r, err, r.Offenders)
	}
}

// warmAgain asks until both are hits; after a soft purge the new copy is fetched behind.
func warmAgain(t testing.TB, d cache.Driver, urls ...string) {
	t.Helper()
	for _, u := range urls {
		if err := eventually(t.Context(), func() error {
			if _, l, err := fetch(t.Context(), d, u); err != nil || l != cache.LookupHit {
				return errors.Join(err, fmt.Errorf("GET %s is a %q", u, l))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPurgeWhileFetching: a purge does not wait for a fetch of the object that hangs.
func TestPurgeWhileFetching(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t)
	for i, soft := range []bool{false, true} {
		path := fmt.Sprintf("/news/v0/seg%d.ts", i)
		release, wait := inFlight(t, w, d, path)
		start := time.Now()
		if r, err := d.Purge(t.Context(), w.origin.URL+path, soft); err != nil || r.Removed == nil || *r.Removed != 0 {
			t.Errorf("Purge (soft %v) of an object that is being fetched = %+v, %v; want nothing removed", soft, r, err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
		release()
		wait()
	}
}

// TestKeptConnectionDied: connections kept from before a restart are replaced without an error, and without a second purge.
func TestKeptConnectionDied(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{Params: []string{"timeout_idle=0.1"}})
	d := w.driver(t)
	ctx := t.Context()
	a := w.origin.URL + "/news/v0/seg0.ts"
	for i := range 5 { // idle for longer than Varnish waits
		if r, err := d.Purge(ctx, a, false); err != nil || r.Attempts != 1 {
			t.Fatalf("Purge %d = %+v, %v; want one attempt", i, r, err)
		}
		select {
		case <-time.After(130 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	if err := w.edge.Halt(); err != nil {
		t.Fatal(err)
	}
	if err := w.edge.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := d.Purge(ctx, a, false); err != nil || r.Attempts != 1 {
		t.Errorf("Purge after a restart = %+v, %v; want one attempt", r, err)
	}
}
