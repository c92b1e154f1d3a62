package cache_test

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// TestRoad is what the program is for: old content at the edge, new content at the origin; flush, prime, verify.
func TestRoad(t *testing.T) {
	t.Parallel()
	w := own(t, lab.VarnishOptions{})
	d := w.driver(t, func(c *cache.Config) { c.Settle = 100 * time.Millisecond })
	ctx := t.Context()
	walked := w.walk(t, "/news/master.m3u8")
	if _, err := cache.Prime(ctx, d.Edge(), walked.Objects, cache.PrimeOptions{}); err != nil {
		t.Fatal(err)
	}
	w.origin.SetGeneration(1)
	stale, err := cache.Verify(ctx, d.Edge(), cache.Origin{}, walked.Objects, cache.VerifyOptions{})
	if err != nil || stale.Stale != len(walked.Objects) {
		t.Fatalf("Verify before the flush = %v, %v; want all %d stale", stale, err, len(walked.Objects))
	}
	flushed, err := cache.FlushProved(ctx, d, "r-1/do/0/edge-1", walked.Sample(5), cache.ProofOptions{})
	t.Log(flushed)
	if err != nil || flushed.Verified != cache.Fresh || flushed.Repeated {
		t.Fatalf("FlushProved = %v, %v; want verified fresh", flushed, err)
	}
	if flushed.Held == nil || *flushed.Held == 0 {
		t.Errorf("FlushProved = %v, want about %d held", flushed, len(walked.Objects))
	}
	primed, err := cache.Prime(ctx, d.Edge(), walked.Objects, cache.PrimeOptions{})
	t.Log(primed)
	if err != nil || !primed.OK() || primed.Miss < len(walked.Objects)-5 {
		t.Fatalf("Prime = %v, %v; want all but the sample missed", primed, err)
	}
	verified, err := cache.Verify(ctx, d.Edge(), cache.Origin{}, walked.Objects, cache.VerifyOptions{})
	t.Log(verified)
	if err != nil || !verified.Cached() || verified.Hit != len(walked.Objects) {
		t.Fatalf("Verify = %v, %v, offenders %v; want %d hits", verified, err, verified.Offenders, len(walked.Objects))
	}
}
