package demo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/shitops/opsbot/internal/lab"
)

// Edge is one cache: a real Varnish, or what stands in for it.
type Edge struct {
	Name string
	URL  string // where viewers' requests enter

	varnish *lab.Varnish // nil where a stand-in runs
	standIn *lab.StandIn
	stop    func() error

	mu      sync.Mutex
	samples []sample
}

// sample is what a stand-in had counted at a time.
type sample struct {
	at           time.Time
	hits, misses int
}

// varnishPrograms are what a real Varnish needs.
func varnishPrograms() []string { return []string{"varnishd", "varnishadm", "varnishstat", "cc"} }

func (e *Edge) start(ctx context.Context, origin, dir string) error {
	if lab.Missing(varnishPrograms()...) == nil {
		v, err := lab.StartVarnish(ctx, lab.VarnishOptions{Origin: origin, Dir: dir, Name: e.Name, Storage: "malloc,128m"})
		if err != nil {
			return err
		}
		e.varnish, e.URL, e.stop = v, v.URL, v.Stop
		return nil
	}
	s, err := lab.StartStandIn(ctx, lab.StandInOptions{Origin: origin, Dir: dir, Name: e.Name})
	if err != nil {
		return err
	}
	e.standIn, e.URL, e.stop = s, s.URL, s.Stop
	return nil
}

// Real tells whether it is a Varnish.
func (e *Edge) Real() bool { return e.varnish != nil }

// inventory is the cache as the bot's configuration has it.
func (e *Edge) inventory() string {
	if e.varnish != nil {
		return fmt.Sprintf("{name: front, kind: varnish, url: %q, admin: {address: %q, secret_file: %q}, stats: {varnishstat: %q}, settle: 200ms}",
			e.URL, e.varnish.AdminAddress, e.varnish.SecretFile, e.varnish.StatsDir)
	}
	return fmt.Sprintf("{name: front, kind: varnish, url: %q, admin: {address: %q, secret_file: %q}, settle: 200ms}", e.URL, e.standIn.AdminAddress, e.standIn.SecretFile)
}

// banList is the cache's own list of bans. A Varnish drops those that no object needs any more.
func (e *Edge) banList(ctx context.Context) (string, error) {
	if e.varnish == nil {
		return e.standIn.BanList(), nil
	}
	return e.varnish.Admin(ctx, "ban.list")
}

// bans counts the lines of that list that bear a text.
func (e *Edge) bans(ctx context.Context, text string) (int, error) {
	list, err := e.banList(ctx)
	return strings.Count(list, text), err
}

// window is the span of which the hit rate is; fewer requests than enough in it say nothing.
const (
	window = 3 * time.Second
	enough = 50
)

// check finds the state of a stand-in's hit rate, as the plugin does with the counters of a Varnish.
func (e *Edge) check() (state int, output string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := sample{at: time.Now()}
	now.hits, now.misses = e.standIn.Counts()
	e.samples = append(e.samples, now)
	for len(e.samples) > 1 && now.at.Sub(e.samples[1].at) >= window {
		e.samples = e.samples[1:]
	}
	first := e.samples[0]
	hits, all := now.hits-first.hits, now.hits-first.hits+now.misses-first.misses
	if all < enough {
		return 0, fmt.Sprintf("OK: %d requests in %s say nothing", all, window)
	}
	ratio := 100 * float64(hits) / float64(all)
	if ratio < 85 {
		return 1, fmt.Sprintf("WARNING: hit ratio %.1f%% of %d requests, want 85%% | hit_ratio=%.1f%%;85:", ratio, all, ratio)
	}
	return 0, fmt.Sprintf("OK: hit ratio %.1f%% of %d requests | hit_ratio=%.1f%%;85:", ratio, all, ratio)
}
