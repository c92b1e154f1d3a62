package cache_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestPassedToShield: an edge whose VCL passes PURGE on to a shield purges the shield. The shield's own words come back, X-Varnish
// and all, while the edge goes on serving the old copy.
func TestPassedToShield(t *testing.T) {
	t.Parallel()
	shield := own(t, lab.VarnishOptions{Name: "shield"})
	edge := &world{origin: shield.origin, edge: lab.NewVarnish(t, lab.VarnishOptions{Origin: strings.TrimPrefix(shield.edge.URL, "http://"), VCL: `
		vcl 4.1;
		backend default { .host = "{{host}}"; .port = "{{port}}"; }
		sub vcl_recv { if (req.method == "PURGE") { return (pass); } }`})}
	d := edge.driver(t)
	a := shield.origin.URL + "/news/v0/seg0.ts"
	warm(t, d, a)
	if r, err := d.Purge(t.Context(), a, false); !errors.Is(err, cache.ErrNoSignature) || !strings.Contains(err.Error(), "Via 1.1 ") {
		t.Errorf("Purge that was passed on = %+v, %v; want %v for its Via", r, err, cache.ErrNoSignature)
	}
	wantLookups(t, d, cache.LookupHit, a)
}

// TestShieldsHeadersCached: the shield's Cache-Status is kept with the object and served with every hit. It says nothing about the edge.
func TestShieldsHeadersCached(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	for name, value := range map[string]string{"Cache-Status": "shield; fwd=miss", "X-Cache": "MISS", "X-Cache-Status": "MISS"} {
		w.origin.Put("/shielded/"+name, []byte("x"), map[string]string{name: value})
	}
	for _, name := range []string{"Cache-Status", "X-Cache", "X-Cache-Status"} {
		a := w.origin.URL + "/shielded/" + name
		wantLookups(t, d, cache.LookupMiss, a)
		wantLookups(t, d, cache.LookupHit, a)
	}
}

// TestTwoTiers: a purge of the edge alone fetches the shield's old copy again, and only the look at the origin shows it.
func TestTwoTiers(t *testing.T) {
	t.Parallel()
	shield := own(t, lab.VarnishOptions{Name: "shield"})
	edge := &world{origin: shield.origin, edge: lab.NewVarnish(t, lab.VarnishOptions{Origin: strings.TrimPrefix(shield.edge.URL, "http://")})}
	ds, de := shield.driver(t), edge.driver(t)
	a := shield.origin.URL + "/news/v0/seg0.ts"
	warm(t, de, a)
	shield.origin.SetGeneration(1)
	opt := cache.ProofOptions{Settle: time.Millisecond}
	rs, err := cache.PurgeProved(t.Context(), de, []string{a}, opt)
	if err != nil || !errors.Is(rs[0].Err, cache.ErrStale) {
		t.Errorf("PurgeProved of the edge alone = %+v, %v; want %v", rs, err, cache.ErrStale)
	}
	for _, d := range []cache.Driver{ds, de} { // from the origin outwards
		if rs, err := cache.PurgeProved(t.Context(), d, []string{a}, opt); err != nil || rs[0].Err != nil || rs[0].Result.Verified != cache.Fresh {
			t.Errorf("PurgeProved = %+v, %v; want fresh", rs, err)
		}
	}
}

// TestMarkRemembered: the server's list holds a mark while the cache fills again and other bans come.
func TestMarkRemembered(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	ctx := t.Context()
	d := w.driver(t, func(c *cache.Config) { c.Settle = time.Millisecond })
	objects := w.walk(t, "/news/master.m3u8").Objects
	prime := func() {
		t.Helper()
		if r, err := cache.Prime(ctx, d.Edge(), objects, cache.PrimeOptions{}); err != nil || !r.OK() {
			t.Fatal(r, err)
		}
	}
	prime()
	if r, err := cache.FlushProved(ctx, d, "r-1/do/0/edge-1", objects[:3], cache.ProofOptions{}); err != nil || r.Repeated || r.Verified != cache.Fresh {
		t.Fatalf("FlushProved = %+v, %v", r, err)
	}
	prime()
	for i := range 100 {
		if _, err := d.PurgePrefix(ctx, fmt.Sprintf("/other/%d/", i), fmt.Sprintf("m%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := cache.FlushProved(ctx, d, "r-1/do/0/edge-1", objects[:3], cache.ProofOptions{})
	if err != nil || !r.Repeated || r.Verified != cache.Fresh || r.Attempts != 0 {
		t.Errorf("FlushProved again = %+v, %v; want nothing sent, and verified all the same", r, err)
	}
	if v, err := cache.Verify(ctx, d.Edge(), cache.Origin{}, objects, cache.VerifyOptions{}); err != nil || !v.Cached() {
		t.Errorf("Verify after the repetition = %v, %v; want all still hits", v, err)
	}
	// A restart forgets the mark and the objects alike, so that repeating does no harm.
	if err := w.edge.KillChild(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err = cache.FlushProved(ctx, d, "r-1/do/0/edge-1", nil, cache.ProofOptions{}); err != nil || r.Repeated {
		t.Errorf("FlushProved after the kill = %+v, %v; want it done", r, err)
	}
}

// TestCompressed: an origin that compresses for those who ask, and names the two versions apart, does not look stale.
func TestCompressed(t *testing.T) {
	t.Parallel()
	w := shared(t)
	d := w.driver(t)
	w.origin.Put("/gzip/list.m3u8", []byte("#EXTM3U\n"), map[string]string{"Vary": "Accept-Encoding", "ETag": `W/"x-gzip"`})
	objects := cache.Objects(w.origin.URL + "/gzip/list.m3u8")
	if r, err := cache.Prime(t.Context(), d.Edge(), objects, cache.PrimeOptions{}); err != nil || r.Miss != 1 {
		t.Fatal(r, err)
	}
	w.origin.Put("/gzip/list.m3u8", []byte("#EXTM3U\n"), map[string]string{"Vary": "Accept-Encoding", "ETag": `"x"`})
	if r, err := cache.Verify(t.Context(), d.Edge(), cache.Origin{}, objects, cache.VerifyOptions{}); err != nil || !r.Cached() {
		t.Errorf("Verify = %v, %v, %v; want a hit", r, err, r.Offenders)
	}
}
