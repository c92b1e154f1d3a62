package cache_test

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/lab"
)

// contentOf asks a driver that is known to tell.
func contentOf(t *testing.T, cfg cache.Config) (cache.Content, error) {
	t.Helper()
	d, err := cache.Open(cfg, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	return d.(cache.Contents).Content(t.Context())
}

// TestContent asks a real Varnish before and after a flush, a purge and another VCL.
func TestContent(t *testing.T) {
	t.Parallel()
	origin := lab.NewOrigin(t, lab.OriginOptions{})
	v := lab.NewVarnish(t, lab.VarnishOptions{Origin: origin.Address})
	cfg := cache.Config{Node: "edge-1", Kind: cache.Varnish, URL: v.URL, AdminAddress: v.AdminAddress, Settle: 1,
		Secret: func() ([]byte, error) { return os.ReadFile(v.SecretFile) }}
	d, err := cache.Open(cfg, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	look := func() cache.Content {
		t.Helper()
		c, err := contentOf(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := look()
	if first.VCL == "" || first.Flushed != "" {
		t.Errorf("at first the content is %+v, want a VCL and no flush", first)
	}
	if _, err := d.PurgePrefix(t.Context(), "/news/", "r-1/1"); err != nil {
		t.Fatal(err)
	}
	if got := look(); got != first {
		t.Errorf("after a purge the content is %+v, want %+v as before", got, first)
	}
	if _, err := d.Flush(t.Context(), "r-2/1"); err != nil {
		t.Fatal(err)
	}
	flushed := look()
	if flushed.VCL != first.VCL || flushed.Flushed == "" {
		t.Errorf("after a flush the content is %+v, want the same VCL and a time", flushed)
	}
	if _, err := v.Admin(t.Context(), "ban", "obj.status != 0"); err != nil {
		t.Fatal(err)
	}
	if got := look(); got.Flushed == flushed.Flushed || got.Flushed == "" {
		t.Errorf("after a flush by hand the content is %+v, want another time than %s", got, flushed.Flushed)
	}
}

func TestContentIsNotKnown(t *testing.T) {
	t.Parallel()
	if _, err := contentOf(t, cache.Config{Kind: cache.Varnish, URL: "http://localhost"}); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("without a management port Content = %v, want %v", err, cache.ErrUnsupported)
	}
	for _, command := range []string{"vcl.list", "ban.list"} {
		f := startCLI(t, &fakeCLI{Answer: func(c net.Conn, _ int, said string) bool {
			if said == command {
				say(c, 300, "no")
			}
			return said == command
		}})
		cfg := cache.Config{Kind: cache.Varnish, URL: "http://localhost", AdminAddress: f.Address}
		if c, err := contentOf(t, cfg); !errors.Is(err, cache.ErrDown) || c.Flushed != "" {
			t.Errorf("with a server that refuses %s Content = %+v, %v, want %v", command, c, err, cache.ErrDown)
		}
	}
}
