package content_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/cache"
)

// TestStale: a flush is advised where a real cache holds what the origin no longer has, and not where it is as it should be.
func TestStale(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.mustDo("r-0", r.plan("cache.prime", "deployment=news"))
	agree, why, numbers, err := r.c.Stale(t.Context(), "edge-1")
	if err != nil || agree {
		t.Fatalf("Stale(a fresh cache) = %v, %q, %v; want no", agree, why, err)
	}
	contains(t, "why not", why, "front: 15 objects looked at, none is stale", "still warming up")
	contains(t, "numbers", numbers, "front: 0 of 15 stale, 15 hit", "objects held")

	r.age()
	agree, why, numbers, err = r.c.Stale(t.Context(), "edge-1")
	if err != nil || !agree {
		t.Fatalf("Stale(an old cache) = %v, %q, %v; want yes", agree, why, err)
	}
	contains(t, "why", why, "of 15 objects are not what the origin has", "edge has ETag", "origin ETag")
	contains(t, "numbers", numbers, " of 15 stale")

	r.world.deployments = nil
	if agree, why, _, err := r.c.Stale(t.Context(), "edge-1"); agree || err != nil || !strings.Contains(why, "no deployment says") {
		t.Errorf("Stale(without deployments) = %v, %q, %v; want no, and why", agree, why, err)
	}
	if _, _, _, err := r.c.Stale(t.Context(), "edge-9"); err == nil {
		t.Error("Stale(an unknown node) = nil error")
	}
}

// TestStaleOrigin: an origin that is down is no reason to flush.
func TestStaleOrigin(t *testing.T) {
	t.Parallel()
	c := newContent(t, content.Options{World: &world{
		nodes:       []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", URL: "http://127.0.0.1:1"})},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://127.0.0.1:1/news/master.m3u8"}},
	}})
	agree, why, _, err := c.Stale(t.Context(), "edge-1")
	if agree || err != nil || !strings.Contains(why, "the origin does not answer") {
		t.Errorf("Stale(dead origin) = %v, %q, %v; want no, because of the origin", agree, why, err)
	}
}

// countingDriver is a driver whose counters a test sets, before a real origin.
type countingDriver struct {
	cache.Driver
	samples []cache.Counters
	asked   int
}

func (d *countingDriver) Caps() cache.Caps { return cache.CanStats }

func (d *countingDriver) Stats(context.Context) (cache.Counters, error) {
	c := d.samples[min(d.asked, len(d.samples)-1)]
	d.asked++
	c.At, c.Source = time.Now(), "varnishstat"
	return c, nil
}

func (d *countingDriver) Close() error { return nil }

// TestStaleReasons: each likely cause of a low hit rate that a flush does not help is told.
func TestStaleReasons(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	const hour = time.Hour
	for _, tt := range []struct {
		name          string
		first, second cache.Counters
		agree         bool
		why           string
	}{
		{"evictions", cache.Counters{Uptime: hour}, cache.Counters{Uptime: hour, Hits: 100, Misses: 900, Evictions: 50}, false, "too small"},
		{"evictions of long ago", cache.Counters{Uptime: hour, Evictions: 900}, cache.Counters{Uptime: hour, Hits: 100, Misses: 900, Evictions: 900, Objects: 20}, false, "too small"},
		{"restart", cache.Counters{Uptime: hour, Hits: 9000}, cache.Counters{Uptime: time.Second, Hits: 3}, false, "warming up"},
		{"cold", cache.Counters{Uptime: time.Minute}, cache.Counters{Uptime: time.Minute, Hits: 100, Misses: 900}, false, "warming up"},
		{"origin", cache.Counters{Uptime: hour}, cache.Counters{Uptime: hour, Misses: 900, FetchFail: 7}, false, "the origin failed 7 times"},
		{"few", cache.Counters{Uptime: hour}, cache.Counters{Uptime: hour, Misses: 3}, false, "hardly anybody asks"},
		{"unique", cache.Counters{Uptime: hour}, cache.Counters{Uptime: hour, Hits: 100, Misses: 900, Objects: 30}, false, "prime it"},
		{"fragments", cache.Counters{Uptime: hour}, cache.Counters{Uptime: hour, Hits: 100, Misses: 900, Objects: 2000}, true, "under many keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newContent(t, content.Options{World: r.world, Open: func(n actions.Node, ca actions.Cache) (cache.Driver, error) {
				d, err := cache.Open(cache.Config{Node: n.Name, Name: ca.Name, Kind: cache.Varnish, URL: ca.URL}, cache.Options{})
				return &countingDriver{Driver: d, samples: []cache.Counters{tt.first, tt.second}}, err
			}})
			agree, why, numbers, err := c.Stale(t.Context(), "edge-1")
			if err != nil || agree != tt.agree || !strings.Contains(why, tt.why) {
				t.Errorf("Stale(%+v, %+v) = %v, %q, %q, %v; want %v, %q", tt.first, tt.second, agree, why, numbers, err, tt.agree, tt.why)
			}
		})
	}
}
