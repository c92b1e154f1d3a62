package cache_test

import (
	"net/http"
	"testing"

	"github.com/shitops/opsbot/cache"
)

func TestLookupOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header http.Header
		want   cache.Lookup
	}{
		{"nothing", http.Header{}, cache.LookupUnknown},
		{"RFC 9211 hit", http.Header{"Cache-Status": {"edge1; hit; ttl=3599"}}, cache.LookupHit},
		{"RFC 9211 miss", http.Header{"Cache-Status": {"edge1; fwd=miss; stored"}}, cache.LookupMiss},
		{"RFC 9211 stale", http.Header{"Cache-Status": {"edge1; fwd=stale; fwd-status=304"}}, cache.LookupMiss},
		{"RFC 9211 bypass", http.Header{"Cache-Status": {"edge1; fwd=bypass"}}, cache.LookupPass},
		{"RFC 9211 hit=?0", http.Header{"Cache-Status": {"edge1; hit=?0; fwd=miss"}}, cache.LookupMiss},
		{"before the RFC", http.Header{"Cache-Status": {"edge1; HIT; ttl=3599.999"}}, cache.LookupHit},
		{"before the RFC, miss", http.Header{"Cache-Status": {"edge1; MISS; ttl=3600.000"}}, cache.LookupMiss},
		{"two tiers, the last is the nearest", http.Header{"Cache-Status": {"shield; hit", "edge1; fwd=miss"}}, cache.LookupMiss},
		{"two tiers in one line", http.Header{"Cache-Status": {"shield; fwd=miss, edge1; hit"}}, cache.LookupHit},
		{"name alone", http.Header{"Cache-Status": {"edge1"}, "X-Cache": {"HIT"}}, cache.LookupHit},
		{"squid", http.Header{"X-Cache": {"HIT from squid-1"}}, cache.LookupHit},
		{"squid miss", http.Header{"X-Cache": {"MISS from squid-1"}}, cache.LookupMiss},
		{"Fastly, two tiers", http.Header{"X-Cache": {"HIT, MISS"}}, cache.LookupMiss},
		{"Cloudfront style", http.Header{"X-Cache": {"Hit from cloudfront"}}, cache.LookupHit},
		{"Akamai", http.Header{"X-Cache": {"TCP_MEM_HIT from a1"}}, cache.LookupHit},
		{"nginx", http.Header{"X-Cache-Status": {"UPDATING"}}, cache.LookupHit},
		{"nginx expired", http.Header{"X-Cache-Status": {"EXPIRED"}}, cache.LookupMiss},
		{"nginx bypass", http.Header{"X-Cache-Status": {"BYPASS"}}, cache.LookupPass},
		{"Varnish hit", http.Header{"X-Varnish": {"167935 595924"}, "Age": {"0"}}, cache.LookupHit},
		{"Varnish miss", http.Header{"X-Varnish": {"595923"}, "Age": {"0"}}, cache.LookupMiss},
		{"two tiers of Varnish, hit at the edge", http.Header{"X-Varnish": {"2", "5 3"}}, cache.LookupHit},
		{"two tiers of Varnish, hit at the shield", http.Header{"X-Varnish": {"2 1", "7"}}, cache.LookupMiss},
		{"not Varnish's ids", http.Header{"X-Varnish": {"a b"}}, cache.LookupUnknown},
		{"Traffic Server hit", http.Header{"Via": {"http/1.1 ats (ApacheTrafficServer/9.2.9 [cHs f ])"}}, cache.LookupHit},
		{"Traffic Server from RAM", http.Header{"Via": {"http/1.1 ats (ApacheTrafficServer/9.2.9 [cRs f ])"}}, cache.LookupHit},
		{"Traffic Server miss", http.Header{"Via": {"http/1.1 ats (ApacheTrafficServer/9.2.9 [cMsSfW])"}}, cache.LookupMiss},
		{"Via without codes", http.Header{"Via": {"1.1 varnish (Varnish/7.1)"}}, cache.LookupUnknown},
		{"Via with a broken code", http.Header{"Via": {"1.1 x [c"}}, cache.LookupUnknown},
		{"Traffic Server, another code", http.Header{"Via": {"http/1.1 ats (ApacheTrafficServer/9.2.9 [cIs f ])"}}, cache.LookupUnknown},
		{"Via with a code of another kind", http.Header{"Via": {"1.1 x [uN]"}}, cache.LookupUnknown},
		{"three ids", http.Header{"X-Varnish": {"1 2 3"}}, cache.LookupUnknown},
		{"old enough", http.Header{"Age": {"3"}}, cache.LookupHit},
		{"too young to tell", http.Header{"Age": {"0"}}, cache.LookupUnknown},
		{"no number", http.Header{"Age": {"-"}}, cache.LookupUnknown},
		{"Cache-Status is believed first", http.Header{"Cache-Status": {"e; fwd=miss"}, "X-Cache": {"HIT"}, "Age": {"9"}}, cache.LookupMiss},
	} {
		if got := cache.LookupOf(tt.header); got != tt.want {
			t.Errorf("%s: LookupOf(%v) = %q, want %q", tt.name, tt.header, got, tt.want)
		}
	}
}
