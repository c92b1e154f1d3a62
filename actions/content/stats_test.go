package content_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/cache"
)

func TestStats(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.mustDo("r-0", r.plan("cache.prime", "deployment=news"))
	r.world.nodes[1].Caches[0].StatsDir = ""
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{})
	go func() { // viewers
		defer close(asked)
		for ctx.Err() == nil {
			r.view(ctx, 0, "/news/v0/seg1.ts")
		}
	}()
	a := r.answer("cache.stats", "period=1s")
	cancel()
	<-asked
	if a.Bad || len(a.Table.Rows) != 2 {
		t.Fatalf("answer = %+v, want a row for each node", a)
	}
	contains(t, "title", a.Title, "caches over 1s: 2 asked")
	contains(t, "server's side", strings.Join(a.Table.Rows[0], " | "), "edge-1 | front | ", " % | ", "varnishstat")
	contains(t, "client's side", strings.Join(a.Table.Rows[1], " | "), "edge-2 | front | 100.0 % | 8 | - | - | - | client | client side only: no stats.varnishstat configured")
	if got := a.Data.([]content.CacheStats)[0]; got.Ratio == nil || got.Ratio.Hits < 10 {
		t.Errorf("ratio of the viewed node = %+v, want at least 10 hits", got.Ratio)
	}

	r.world.deployments = nil
	if err := r.edges[0].Halt(); err != nil {
		t.Fatal(err)
	}
	a = r.answer("cache.stats", "period=10ms")
	if !a.Bad || !strings.Contains(a.Title, "1 did not answer") {
		t.Errorf("answer with a dead node = bad %v, %q; want it told", a.Bad, a.Title)
	}
	contains(t, "no deployment", strings.Join(a.Table.Rows[1], " | "), "client side only: no stats.varnishstat configured, and no deployment to look at")
}

// view asks for one object as a viewer would.
func (r *rig) view(ctx context.Context, edge int, path string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.edges[edge].URL+path, http.NoBody)
	if err != nil {
		return
	}
	req.Host = r.origin.Address
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

// TestStatsWindow holds the window to its bounds, without a server.
func TestStatsWindow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		first  cache.Counters
		second cache.Counters
		row    string
	}{
		{"enough", cache.Counters{Hits: 100}, cache.Counters{Hits: 400, Misses: 100, Objects: 7, Bans: 3, Evictions: 2}, "75.0 % | 400 | 7 | 3 | 2 | varnishstat | -"},
		{"few", cache.Counters{}, cache.Counters{Hits: 1, Misses: 1}, "50.0 % | 2 | 0 | 0 | 0 | varnishstat | few look-ups, the ratio says little"},
		{"none", cache.Counters{Hits: 9}, cache.Counters{Hits: 9}, "- | 0 | 0 | 0 | 0 | varnishstat | no look-ups in the window"},
		{"restarted", cache.Counters{Hits: 900, Uptime: time.Hour}, cache.Counters{Hits: 3, Misses: 1, Uptime: time.Second}, "75.0 % | 4 | 0 | 0 | 0 | varnishstat | it was restarted in between"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := &driver{caps: cache.CanStats, stats: []cache.Counters{tt.first, tt.second}}
				w := &world{nodes: []actions.Node{node("edge-1", actions.Cache{Name: "front", Kind: "varnish", StatsDir: "x"})}}
				c := newContent(t, content.Options{World: w, Open: d.open})
				a, err := verb(t, c, "cache.stats").Answer(t.Context(), request("cache.stats", "period=1s"), w)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(a.Table.Rows[0][2:], " | "); got != tt.row {
					t.Errorf("row = %q, want %q", got, tt.row)
				}
			})
		})
	}
}

// driver is a cache that is not there: it counts what is asked of it.
type driver struct {
	cache.Driver
	caps   cache.Caps
	cfg    cache.Config
	stats  []cache.Counters
	asked  int
	closed int
}

func (d *driver) open(n actions.Node, c actions.Cache) (cache.Driver, error) {
	d.cfg = cache.Config{Node: n.Name, Name: c.Name, Settle: c.Settle}
	return d, nil
}

func (d *driver) Caps() cache.Caps     { return d.caps }
func (d *driver) Config() cache.Config { return d.cfg }
func (d *driver) Close() error         { d.closed++; return nil }

func (d *driver) Stats(context.Context) (cache.Counters, error) {
	if d.asked >= len(d.stats) {
		return cache.Counters{}, fmt.Errorf("asked %d times", d.asked+1)
	}
	c := d.stats[d.asked]
	d.asked++
	c.Source, c.At = "varnishstat", time.Now()
	return c, nil
}
