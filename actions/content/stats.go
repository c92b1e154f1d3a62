package content

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// The bounds of the window of cache.stats: a person waits for the answer.
const (
	statsWindow  = 2 * time.Second
	statsLongest = 30 * time.Second
)

// CacheStats are the numbers of one cache over a window.
type CacheStats struct {
	Node     string          `json:"node"`
	Cache    string          `json:"cache"`
	Source   string          `json:"source"`             // varnishstat, or client
	Ratio    *cache.Ratio    `json:"ratio,omitempty"`    // of the server's counters
	Counters *cache.Counters `json:"counters,omitempty"` // at the end of the window
	Client   *Look           `json:"client,omitempty"`   // a sample looked at from outside, where the server does not tell
	Note     string          `json:"note,omitempty"`
	Bad      bool            `json:"bad,omitempty"`
}

// stats answers cache.stats: two samples of every cache, a window apart.
func (c *Content) stats(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	s, err := c.scope(ctx, r, w)
	if err != nil {
		return actions.Answer{}, err
	}
	window := r.Duration("period", statsWindow)
	var lines []string
	if window > statsLongest {
		lines = append(lines, fmt.Sprintf("the window is %s, not %s: it is measured while you wait", statsLongest, window))
		window = statsLongest
	}
	if window < time.Second {
		window = time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, window+c.opts.Patience)
	defer cancel()
	var all []CacheStats
	per := make([][]CacheStats, len(s.nodes))
	ch := c.sampleForStats(ctx, s, r)
	each(len(s.nodes), func(i int) { per[i] = c.statsOf(ctx, s.nodes[i], window, ch, s.deployments) })
	for _, p := range per {
		all = append(all, p...)
	}
	return statsAnswer(all, window, lines), nil
}

// sampleForStats picks objects to look at from outside, where a cache has no counters at hand.
func (c *Content) sampleForStats(ctx context.Context, s scope, r actions.Request) channel {
	ds := s.deployments
	if name := r.One("deployment"); name != "" {
		if d, err := s.deployment(name); err == nil {
			ds = []actions.Deployment{d}
		}
	}
	for _, n := range s.nodes {
		for _, ca := range n.Caches {
			if ca.StatsDir == "" {
				ch := c.walkAll(ctx, ds, nil)
				ch.objects = cache.Sample(ch.objects, 2*lookedAt)
				return ch
			}
		}
	}
	return channel{}
}

func (c *Content) statsOf(ctx context.Context, n actions.Node, window time.Duration, ch channel, ds []actions.Deployment) []CacheStats {
	out := make([]CacheStats, len(n.Caches))
	each(len(n.Caches), func(i int) {
		ca := n.Caches[i]
		out[i] = CacheStats{Node: n.Name, Cache: ca.Name}
		err := c.with(n, ca, func(d cache.Driver) error {
			if d.Caps().Has(cache.CanStats) {
				return out[i].measure(ctx, d, window)
			}
			return out[i].look(ctx, c, d, ch, ds)
		})
		if err != nil {
			out[i].Note, out[i].Bad = err.Error(), true
		}
	})
	return out
}

// measure takes two samples of the server's counters. Too few look-ups and a restart are notes: the numbers are told all the same.
func (s *CacheStats) measure(ctx context.Context, d cache.Driver, window time.Duration) error {
	before, err := d.Stats(ctx)
	if err != nil {
		return err
	}
	t := time.NewTimer(window)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := d.Stats(ctx)
	if err != nil {
		return err
	}
	r, err := cache.Window(before, after)
	s.Source, s.Counters, s.Ratio = after.Source, &after, &r
	switch {
	case errors.Is(err, cache.ErrReset):
		s.Note = "it was restarted in between"
	case r.Hits+r.Misses == 0:
		s.Note = "no look-ups in the window"
	case errors.Is(err, cache.ErrTooFew):
		s.Note = "few look-ups, the ratio says little"
	case err != nil:
		return err
	}
	return nil
}

// look asks for a sample as a viewer would.
func (s *CacheStats) look(ctx context.Context, c *Content, d cache.Driver, ch channel, ds []actions.Deployment) error {
	s.Source, s.Note = "client", "client side only: no stats.varnishstat configured"
	if len(ch.objects) == 0 {
		s.Note += ", and no deployment to look at" + because(ch.problem())
		return nil
	}
	r, err := cache.Verify(ctx, d.Edge(), c.truth(ds), ch.objects, cache.VerifyOptions{})
	s.Client = &Look{Deployments: ch.names, Report: r}
	if err == nil && r.Failed == r.Total {
		return errors.New("no object could be fetched: " + offender(r))
	}
	return err
}

func statsAnswer(all []CacheStats, window time.Duration, lines []string) actions.Answer {
	a := actions.Answer{Lines: lines, Data: all,
		Table: &actions.Table{Columns: []string{"NODE", "CACHE", "HIT RATIO", "LOOK-UPS", "OBJECTS", "BANS", "EVICTED", "SOURCE", "NOTE"}}}
	bad := 0
	for _, s := range all {
		a.Table.Rows = append(a.Table.Rows, s.row())
		if s.Bad {
			bad++
		}
	}
	a.Title = fmt.Sprintf("caches over %s: %d asked", window, len(all))
	if a.Bad = bad > 0; a.Bad {
		a.Title += fmt.Sprintf(", %d did not answer", bad)
		a.Hint = "how a cache is: show node " + all[0].Node
	}
	return a
}

func (s CacheStats) row() []string {
	row := []string{s.Node, s.Cache, "-", "-", "-", "-", "-", orDash(s.Source), orDash(s.Note)}
	switch {
	case s.Ratio != nil && s.Counters != nil:
		if s.Ratio.Hits+s.Ratio.Misses > 0 {
			row[2] = percent(s.Ratio.Hits, s.Ratio.Misses)
		}
		row[3] = fmt.Sprint(s.Ratio.Hits + s.Ratio.Misses)
		row[4], row[5], row[6] = fmt.Sprint(s.Counters.Objects), fmt.Sprint(s.Counters.Bans), fmt.Sprint(s.Ratio.Evictions)
	case s.Client != nil:
		r := s.Client.Report
		row[2], row[3] = percent(uint64(r.Hit+r.Stale), uint64(r.Miss)), fmt.Sprint(r.Total)
	}
	return row
}

func percent(hits, misses uint64) string {
	if hits+misses == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(hits)/float64(hits+misses))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
