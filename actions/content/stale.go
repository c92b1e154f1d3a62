package content

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// The bounds of a diagnosis.
const (
	staleLooks  = 40               // objects looked at
	staleWindow = 2 * time.Second  // between the two samples of the counters
	warmUp      = 10 * time.Minute // after a start a low hit rate is no fault
	// fragments is how many times more objects than the deployments have a cache may hold before it holds them under several keys.
	fragments    = 4
	fragmentsMin = 200
)

// sight is what a diagnosis has seen of one cache.
type sight struct {
	cache    string
	look     Look
	known    int  // objects of the deployments
	live     bool // a window of a live channel: what the cache holds besides is old, not double
	counters *cache.Counters
	ratio    *cache.Ratio
}

// Stale tells whether a flush would help the node: only when its caches hold what the origin no longer has (another ETag, date or content, an
// error under a good URL), or one object under many keys. Evictions, a restart, an origin that fails and too few requests are no reason to flush:
// why says so. numbers are what was measured, in a line. An error means that it could not be found out.
func (c *Content) Stale(ctx context.Context, node string) (agree bool, why, numbers string, err error) {
	ctx, cancel := context.WithTimeout(ctx, staleWindow+c.opts.Patience)
	defer cancel()
	n, err := c.node(ctx, node)
	if err != nil {
		return false, "", "", err
	}
	served, err := c.servedBy(ctx, n.Name)
	if err != nil {
		return false, "", "", err
	}
	if len(served) == 0 {
		return false, "no deployment says which URLs " + n.Name + " serves, so nothing can be compared with the origin", "", nil
	}
	ch := c.walkAll(ctx, served, nil)
	if err := ctx.Err(); err != nil {
		return false, "", "", err
	}
	if ch.dead() != nil {
		return false, "the origin does not answer, and a flush would leave viewers with nothing: " + ch.problem(), "", nil
	}
	if err := ch.err(); err != nil {
		return false, "", "", err
	}
	var seen []sight
	err = c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		s, err := c.see(ctx, ca.Name, d, ch, served)
		seen = append(seen, s)
		return err
	})
	if err != nil {
		return false, "", "", err
	}
	agree, why = diagnose(seen)
	return agree, why, sayNumbers(seen), nil
}

// see looks at a sample through the viewers' side, between two samples of the counters.
func (c *Content) see(ctx context.Context, name string, d cache.Driver, ch channel, served []actions.Deployment) (sight, error) {
	s := sight{cache: name, known: len(ch.objects)}
	for _, o := range ch.objects {
		s.live = s.live || o.Live
	}
	var before *cache.Counters
	if d.Caps().Has(cache.CanStats) {
		got, err := d.Stats(ctx)
		if err != nil {
			return s, err
		}
		before = &got
	}
	began := time.Now()
	r, err := cache.Verify(ctx, d.Edge(), c.truth(served), cache.Sample(ch.objects, staleLooks), cache.VerifyOptions{})
	if err != nil {
		return s, err
	}
	s.look = Look{Deployments: ch.names, Report: trim(r), Problems: ch.problems}
	if before == nil {
		return s, nil
	}
	pause(ctx, staleWindow-time.Since(began))
	after, err := d.Stats(ctx)
	if err != nil {
		return s, err
	}
	s.counters = &after
	ratio, err := cache.Window(*before, after)
	if err != nil && !errors.Is(err, cache.ErrReset) && !errors.Is(err, cache.ErrTooFew) {
		return s, err
	}
	s.ratio = &ratio
	return s, nil
}

// diagnose is pure. What a flush heals counts before what it does not.
func diagnose(seen []sight) (agree bool, why string) {
	var reasons []string
	for _, s := range seen {
		r := s.look.Report
		switch {
		case r.Stale > 0:
			return true, fmt.Sprintf("%s: %d of %s are not what the origin has: %s", s.cache, r.Stale, objects(r.Total), offender(r))
		case s.fragmented():
			return true, fmt.Sprintf("%s holds %d objects, the deployments have %d: one object lies there under many keys", s.cache, s.counters.Objects, s.known)
		}
		reasons = append(reasons, s.cache+": "+s.healthy())
	}
	return false, strings.Join(reasons, "; ")
}

func (s sight) fragmented() bool {
	return s.counters != nil && !s.live && s.counters.Objects >= fragmentsMin && s.counters.Objects > uint64(fragments*s.known)
}

// healthy says why a flush would not help, by the likely cause of a low hit rate.
func (s sight) healthy() string {
	fresh := fmt.Sprintf("%s looked at, none is stale", objects(s.look.Report.Total))
	if s.look.Report.Failed > 0 {
		fresh = fmt.Sprintf("%s looked at, %d failed (%s), none is stale", objects(s.look.Report.Total), s.look.Report.Failed, offender(s.look.Report))
	}
	switch {
	case s.counters == nil:
		return fresh + "; the server's own numbers are not known"
	case s.ratio != nil && s.ratio.Fails > 0:
		return fmt.Sprintf("%s; the origin failed %d times just now: look after the origin", fresh, s.ratio.Fails)
	case s.ratio != nil && s.ratio.Reset || s.counters.Uptime < warmUp:
		return fmt.Sprintf("%s; it was started %s ago and is still warming up: prime it", fresh, s.counters.Uptime.Round(time.Second))
	case s.ratio != nil && s.ratio.Evictions > 0:
		return fmt.Sprintf("%s; it threw out %d objects for want of room just now: it is too small", fresh, s.ratio.Evictions)
	case s.counters.Evictions > s.counters.Objects:
		return fmt.Sprintf("%s; it has thrown out %d objects for want of room: it is too small", fresh, s.counters.Evictions)
	case s.ratio != nil && s.ratio.Hits+s.ratio.Misses < 20:
		return fmt.Sprintf("%s; hardly anybody asks (%d look-ups in %s): prime it", fresh, s.ratio.Hits+s.ratio.Misses, s.ratio.Window.Round(time.Second))
	}
	return fresh + "; viewers ask for what is not there: prime it"
}

// sayNumbers says "front: 12 of 40 stale, hit ratio 61.0 % of 827 look-ups in 2s, 2000 objects".
func sayNumbers(seen []sight) string {
	out := make([]string, len(seen))
	for i, s := range seen {
		r := s.look.Report
		out[i] = fmt.Sprintf("%s: %d of %d stale, %d hit", s.cache, r.Stale, r.Total, r.Hit)
		if s.ratio != nil && s.ratio.Hits+s.ratio.Misses > 0 {
			out[i] += fmt.Sprintf(", hit ratio %s of %d look-ups in %s", percent(s.ratio.Hits, s.ratio.Misses), s.ratio.Hits+s.ratio.Misses, s.ratio.Window.Round(time.Second))
		}
		if s.counters != nil {
			out[i] += fmt.Sprintf(", %s held", objects(int(s.counters.Objects)))
		}
	}
	return strings.Join(out, "; ")
}
