package cache

import (
	"net/http"
	"strconv"
	"strings"
)

// Lookup is what a cache did for one request.
type Lookup string

// The look-ups. The zero value means that no header told.
const (
	LookupUnknown Lookup = ""
	LookupHit     Lookup = "hit"
	LookupMiss    Lookup = "miss"
	LookupPass    Lookup = "pass" // not cacheable, or bypassed on purpose
)

// LookupOf reads from an answer's headers whether the cache nearest to the viewer had the object. It trusts, in this order:
// Cache-Status (RFC 9211), X-Cache, X-Cache-Status, the ids of X-Varnish, Traffic Server's codes in Via, and Age above zero.
// Where several tiers wrote into one header, the last entry is the nearest.
func LookupOf(h http.Header) Lookup {
	for _, read := range []func(http.Header) Lookup{cacheStatus, xCache, xVarnish, viaCode, age} {
		if l := read(h); l != LookupUnknown {
			return l
		}
	}
	return LookupUnknown
}

// lastEntry returns the last comma-separated entry of a header that may be repeated. Quoted commas occur in no cache's name.
func lastEntry(h http.Header, name string) string {
	all := strings.Join(h.Values(name), ",")
	return strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
}

// cacheStatus reads "edge1; hit; ttl=3599" and "edge1; fwd=miss; stored".
func cacheStatus(h http.Header) Lookup {
	_, params, _ := strings.Cut(lastEntry(h, "Cache-Status"), ";")
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(param)), "=")
		switch {
		case name == "hit" && value != "?0":
			return LookupHit
		case name == "miss": // what Varnish sites wrote before the RFC
			return LookupMiss
		case name == "fwd" && (value == "bypass" || value == "method" || value == "request"):
			return LookupPass
		case name == "fwd":
			return LookupMiss
		}
	}
	return LookupUnknown
}

func xCache(h http.Header) Lookup {
	for _, name := range []string{"X-Cache", "X-Cache-Status"} {
		word, _, _ := strings.Cut(strings.ToUpper(lastEntry(h, name)), " ")
		switch {
		case word == "HIT", word == "STALE", word == "UPDATING", word == "REVALIDATED", strings.HasSuffix(word, "_HIT"):
			return LookupHit
		case word == "MISS", word == "EXPIRED", strings.HasSuffix(word, "_MISS"):
			return LookupMiss
		case word == "PASS", word == "BYPASS", word == "DYNAMIC":
			return LookupPass
		}
	}
	return LookupUnknown
}

// xVarnish: the id of this request alone is a miss or a pass, a second id is the request that stored the object. Each tier of Varnish
// adds a line of its own, the nearest last.
func xVarnish(h http.Header) Lookup {
	lines := h.Values("X-Varnish")
	if len(lines) == 0 {
		return LookupUnknown
	}
	ids := strings.Fields(lines[len(lines)-1])
	for _, id := range ids {
		if _, err := strconv.ParseUint(id, 10, 64); err != nil {
			return LookupUnknown
		}
	}
	switch len(ids) {
	case 1:
		return LookupMiss
	case 2:
		return LookupHit
	}
	return LookupUnknown
}

// viaCode reads Traffic Server's transaction codes, "[cHs f ]": after c comes H or R for a hit, M or S for a miss
// (proxy.config.http.insert_response_via_str 2).
func viaCode(h http.Header) Lookup {
	via := lastEntry(h, "Via")
	open := strings.LastIndexByte(via, '[')
	if open < 0 || !strings.Contains(via[open:], "]") {
		return LookupUnknown
	}
	code := via[open+1:]
	c := strings.IndexByte(code, 'c')
	if c < 0 || c+1 >= len(code) {
		return LookupUnknown
	}
	switch code[c+1] {
	case 'H', 'R', 'A':
		return LookupHit
	case 'M', 'S':
		return LookupMiss
	}
	return LookupUnknown
}

// age: above zero is a hit; zero says nothing, since a hit may have it in its first second.
func age(h http.Header) Lookup {
	if n, err := strconv.Atoi(h.Get("Age")); err == nil && n > 0 {
		return LookupHit
	}
	return LookupUnknown
}

// uncacheable reports whether the origin forbids shared caches to keep the answer (RFC 9111 section 5.2.2).
func uncacheable(h http.Header) bool {
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(directive), "="); name {
		case "no-store", "private", "no-cache":
			return true
		case "s-maxage", "max-age":
			if strings.Trim(value, `"`) == "0" {
				return true
			}
		}
	}
	return len(h.Values("Set-Cookie")) > 0
}
