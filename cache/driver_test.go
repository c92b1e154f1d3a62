package cache_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/cache"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cfg  cache.Config
		want error
		says string
	}{
		{"good", cache.Config{Kind: cache.Varnish, URL: "http://192.0.2.11:6081/"}, nil, ""},
		{"IPv6", cache.Config{Kind: cache.Varnish, URL: "http://[2001:db8::1]:6081", AdminAddress: "[2001:db8::1]:6082"}, nil, ""},
		{"unknown kind", cache.Config{Node: "edge-1", Name: "front", Kind: "polipo", URL: "http://x"}, cache.ErrUnsupported, `open kind "polipo" on edge-1/front`},
		{"no kind", cache.Config{Node: "edge-1", URL: "http://x"}, cache.ErrUnsupported, "known kinds: varnish"},
		{"no URL", cache.Config{Kind: cache.Varnish}, cache.ErrConfig, "want http://host:port"},
		{"no scheme", cache.Config{Kind: cache.Varnish, URL: "192.0.2.11:6081"}, cache.ErrConfig, "url"},
		{"path", cache.Config{Kind: cache.Varnish, URL: "http://x/news"}, cache.ErrConfig, "want http://host:port"},
		{"query", cache.Config{Kind: cache.Varnish, URL: "http://x/?a"}, cache.ErrConfig, "want http://host:port"},
		{"ftp", cache.Config{Kind: cache.Varnish, URL: "ftp://x"}, cache.ErrConfig, "want http://host:port"},
		{"admin without port", cache.Config{Kind: cache.Varnish, URL: "http://x", AdminAddress: "192.0.2.11"}, cache.ErrConfig, "admin address"},
	} {
		d, err := cache.Open(tt.cfg, cache.Options{})
		if !errors.Is(err, tt.want) || err != nil && (!strings.Contains(err.Error(), tt.says) || cache.Temporary(err)) {
			t.Errorf("%s: Open = %v, want %v with %q", tt.name, err, tt.want, tt.says)
		}
		if err == nil {
			if got := d.Config(); got.Settle != 2*time.Second || got.SecretFile != "/etc/varnish/secret" {
				t.Errorf("%s: defaults %+v", tt.name, got)
			}
			if err := d.Close(); err != nil {
				t.Errorf("%s: Close of what was never used: %v", tt.name, err)
			}
		}
	}
}

func TestCaps(t *testing.T) {
	t.Parallel()
	d, err := cache.Open(cache.Config{Kind: cache.Varnish, URL: "http://x", AdminAddress: "x:6082", StatsDir: "/var/lib/varnish/x"}, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Caps().String(), "flush, purge url, purge tag, purge prefix, soft, stats, counts purged"; got != want {
		t.Errorf("Caps = %s, want %s", got, want)
	}
	if got := cache.Caps(0).String(); got != "none" {
		t.Errorf("no capability is called %q", got)
	}
	if !d.Caps().Has(cache.CanFlush|cache.CanStats) || d.Caps().Has(cache.CanFlush|cache.Persistent) {
		t.Error("Has wants all of a set")
	}
}

// TestResultJournaled: a result survives a journal.
func TestResultJournaled(t *testing.T) {
	t.Parallel()
	want := cache.Result{Method: "xkey", Accepted: cache.Proof{Status: 200, Reason: "Purged 4 objects", ID: "1", Server: "Varnish"},
		Removed: new(int64(4)), Verified: cache.Fresh, Why: "ETag equal", Took: 2 * time.Second, Attempts: 2}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got cache.Result
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after the journal (-want +got):\n%s", diff)
	}
}

func TestResultString(t *testing.T) {
	t.Parallel()
	ok := cache.Proof{Status: 200}
	for want, r := range map[string]cache.Result{
		"purge: not accepted, took 5ms": {Method: "purge", Took: 5 * time.Millisecond},
		"xkey: accepted, 4 removed, verified fresh (ETag equal), took 2.001s": {Method: "xkey", Accepted: ok, Removed: new(int64(4)),
			Verified: cache.Fresh, Why: "ETag equal", Took: 2001 * time.Millisecond},
		"ban: accepted, about 2000 objects invalidated, verified stale, took 0s":                           {Method: "ban", Accepted: ok, Held: new(int64(2000)), Verified: cache.Stale},
		"ban: accepted before, not repeated, number removed not told by the server, not verified, took 0s": {Method: "ban", Accepted: ok, Repeated: true},
	} {
		if got := r.String(); got != want {
			t.Errorf("Result.String =\n%s, want\n%s", got, want)
		}
	}
	if got := cache.Unknown.String(); got != "unknown" {
		t.Errorf("Unknown prints as %q", got)
	}
}
