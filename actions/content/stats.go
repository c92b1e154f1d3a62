package content

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	asked := c.askStats(ctx, s, r)
	each(len(asked), func(i int) { asked[i].first(ctx, c) })
	if slices.ContainsFunc(asked, func(a asking) bool { return a.before != nil }) {
		pause(ctx, window)
	}
	each(len(asked), func(i int) { asked[i].second(ctx, c) })
	all := make([]CacheStats, len(asked))
	for i := range asked {
		all[i] = asked[i].CacheStats
	}
	return statsAnswer(all, window, lines), nil
}

// pause waits for d or the end of ctx; whoever asks next finds out which.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// asking is one cache that is asked for its numbers.
type asking struct {
	CacheStats
	node   actions.Node
	cache  actions.Cache
	ds     []actions.Deployment
	ch     channel         // to look at from outside, where the server does not tell
	before *cache.Counters // nil until the first sample
}

// askStats lists the caches to ask, and walks the deployments once each where some have no counters at hand.
func (c *Content) askStats(ctx context.Context, s scope, r actions.Request) []asking {
	var out []asking
	walked := map[string]channel{}
	for _, n := range s.nodes {
		for _, ca := range n.Caches {
			a := asking{CacheStats: CacheStats{Node: n.Name, Cache: ca.Name}, node: n, cache: ca, ds: serving(s.deployments, n.Name)}
			if ca.StatsDir == "" {
				a.ch = c.sampleOf(ctx, a.ds, r.One("deployment"), walked)
			}
			out = append(out, a)
		}
	}
	return out
}

// sampleOf picks objects of the deployments, only of the named one where one is named.
func (c *Content) sampleOf(ctx context.Context, ds []actions.Deployment, only string, walked map[string]channel) channel {
	var out channel
	for _, d := range ds {
		if only != "" && d.Name != only {
			continue
		}
		ch, ok := walked[d.Name]
		if !ok {
			ch = c.walkAll(ctx, []actions.Deployment{d}, nil)
			walked[d.Name] = ch
		}
		out.names = append(out.names, d.Name)
		out.objects = append(out.objects, ch.sample()...)
		out.problems = append(out.problems, ch.problems...)
	}
	return out
}

// first takes the first sample of the server's counters, or looks from outside where there are none.
func (a *asking) first(ctx context.Context, c *Content) {
	a.note(c.with(a.node, a.cache, func(d cache.Driver) error {
		if !d.Caps().Has(cache.CanStats) {
			return a.look(ctx, c, d, a.ch, a.ds)
		}
		before, err := d.Stats(ctx)
		if err == nil {
			a.before = &before
		}
		return err
	}))
}

// second takes the second sample. Too few look-ups and a restart are notes: the numbers are told all the same.
func (a *asking) second(ctx context.Context, c *Content) {
	if a.before == nil {
		return
	}
	a.note(c.with(a.node, a.cache, func(d cache.Driver) error {
		after, err := d.Stats(ctx)
		if err != nil {
			return err
		}
		r, err := cache.Window(*a.before, after)
		a.Source, a.Counters, a.Ratio = after.Source, &after, &r
		switch {
		case errors.Is(err, cache.ErrReset):
			a.Note = "it was restarted in between"
		case r.Hits+r.Misses == 0:
			a.Note = "no look-ups in the window"
		case errors.Is(err, cache.ErrTooFew):
			a.Note = "few look-ups, the ratio says little"
		default:
			return err
		}
		return nil
	}))
}

func (a *asking) note(err error) {
	if err != nil {
		a.Note, a.Bad = err.Error(), true
	}
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
