package cache_test

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/shitops/opsbot/cache"
)

func ExampleOpen() {
	d, err := cache.Open(cache.Config{
		Node: "edge-1", Name: "front", Kind: cache.Varnish, URL: "http://192.0.2.11:6081", AdminAddress: "192.0.2.11:6082",
		Secret: func() ([]byte, error) { return []byte("s3cret\n"), nil },
	}, cache.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = d.Close() }()
	fmt.Println("it can:", d.Caps())
	for _, line := range d.ByHand(cache.Op{Verb: cache.VerbFlush}) {
		fmt.Println("by hand:", line)
	}
	// Output:
	// it can: flush, purge url, purge tag, purge prefix, soft, counts purged
	// by hand: varnishadm -T 192.0.2.11:6082 -S /etc/varnish/secret ban obj.status '!=' 0
}

func ExampleOpen_unknown() {
	_, err := cache.Open(cache.Config{Node: "edge-1", Name: "front", Kind: "polipo"}, cache.Options{})
	fmt.Println(err)
	// Output: open kind "polipo" on edge-1/front: not supported by this cache: known kinds: varnish
}

func ExampleWindow() {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	older := cache.Counters{Hits: 80_000, Misses: 1000, Uptime: time.Hour, Source: "varnishstat", At: noon}
	newer := cache.Counters{Hits: 80_731, Misses: 1096, Uptime: 65 * time.Minute, Source: "varnishstat", At: noon.Add(5 * time.Minute)}
	ratio, err := cache.Window(older, newer)
	fmt.Println(ratio, err)

	newer.Uptime, newer.Hits, newer.Misses = time.Minute, 300, 100
	ratio, err = cache.Window(older, newer)
	fmt.Println(ratio, err)
	// Output:
	// 88.4 % of 827 in 5m0s <nil>
	// 75.0 % of 400 in 1m0s since a restart counters were reset: uptime fell from 1h0m0s to 1m0s
}

func ExampleScanPlaylist() {
	base, err := url.Parse("http://origin.example/news/v0/index.m3u8")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := cache.ScanPlaylist([]byte("#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\nseg0.m4s\n"), base, nil)
	for _, ref := range p.Refs {
		fmt.Println(ref.Role, ref.URL)
	}
	fmt.Println(p.Ended, err)
	// Output:
	// init http://origin.example/news/v0/init.mp4
	// segment http://origin.example/news/v0/seg0.m4s
	// false <nil>
}

func ExampleLookupOf() {
	fmt.Println(cache.LookupOf(http.Header{"X-Varnish": {"167935 595924"}}))
	fmt.Println(cache.LookupOf(http.Header{"Cache-Status": {"shield; hit, edge-1; fwd=miss"}}))
	// Output:
	// hit
	// miss
}

func ExampleTemporary() {
	fmt.Println(cache.Temporary(&cache.StatusError{Status: 503}), cache.Temporary(cache.ErrWrongSecret))
	// Output: true false
}
