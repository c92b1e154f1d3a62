package content_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
)

// FuzzPurgeURL plans purges of whatever somebody types. What is accepted names an object as an origin does: scheme, host, no password, no
// fragment, and never an edge.
func FuzzPurgeURL(f *testing.F) {
	for _, s := range []string{"/news/v0/seg1.ts", "http://a.example/x?y=1#z", "https://u:p@a.example/", "http://192.0.2.1:6081/news/a.ts", "//evil/x",
		"http://[::1]:80/%2e%2e/", "http://a.example:99999/", "\x00", "/\xff", "http://a.example/\r\nHost: b", "HTTP://A.EXAMPLE/x", "/news/../../etc", "?", "http:///x", "/0? "} {
		f.Add(s)
	}
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://192.0.2.1:6081"})},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8"}}}
	c := newContent(f, content.Options{World: w})
	plan := verb(f, c, "cache.purge").Plan
	f.Fuzz(func(t *testing.T, typed string) {
		p, err := plan(t.Context(), request("cache.purge", "url="+typed), w)
		if err != nil {
			return
		}
		var args content.PurgeArgs
		if err := json.Unmarshal(p.Groups[0].Steps[0].Args, &args); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(args.URLs[0])
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" ||
			u.Host == "192.0.2.1:6081" || strings.ContainsAny(args.URLs[0], "\r\n\x00 ") {
			t.Errorf("purge of %q is accepted as %q (%v)", typed, args.URLs[0], err)
		}
	})
}

// FuzzPurgePrefix: what is accepted is a path below the root, or the driver is left to judge a path that was typed as such.
func FuzzPurgePrefix(f *testing.F) {
	for _, s := range []string{"/", "/news/", "http://a.example/news?x", "http://a.example", "http://a.example/", "news", "", "http://", "ftp://a/b", "\x00"} {
		f.Add(s)
	}
	w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://192.0.2.1:6081", AdminAddress: "192.0.2.1:6082"})}}
	c := newContent(f, content.Options{World: w})
	plan := verb(f, c, "cache.purge").Plan
	f.Fuzz(func(t *testing.T, typed string) {
		p, err := plan(t.Context(), request("cache.purge", "prefix="+typed), w)
		if err != nil {
			return
		}
		var args content.PurgeArgs
		if err := json.Unmarshal(p.Groups[0].Steps[0].Args, &args); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(args.Prefix, "/") || args.Prefix == "/" {
			t.Errorf("purge of prefix %q is accepted as %q", typed, args.Prefix)
		}
	})
}
