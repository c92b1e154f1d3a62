package content

import (
	"context"
	"time"

	"github.com/shitops/opsbot/cache"
)

// The bounds of following a live playlist. It moves each target duration, and a cache may keep it for about as long: looked at once, it is
// older than the origin's half of the time, and nothing is wrong. What is looked at four times a second over two target durations and is
// never equal, is stale.
const (
	followEvery  = 250 * time.Millisecond
	followAtMost = 15 * time.Second
	targetUsual  = 2 * time.Second // where no playlist tells
)

// split parts the live playlists, which must be followed, from the objects that stay what they are.
func (ch channel) split() (still, moving []cache.Object) {
	for _, o := range ch.objects {
		if o.Live && o.Role == cache.RolePlaylist {
			moving = append(moving, o)
		} else {
			still = append(still, o)
		}
	}
	return still, moving
}

// sample picks objects for a look that is over at once: live playlists only where there is nothing else.
func (ch channel) sample() []cache.Object {
	still, moving := ch.split()
	if len(still) == 0 {
		still = moving
	}
	return cache.Sample(still, lookedAt)
}

// look compares the objects with the origin, live playlists for as long as it takes them to be equal once.
func (c *Content) look(ctx context.Context, d cache.Driver, ch channel, origin cache.Origin, progress func(done, total int)) (cache.Report, error) {
	still, moving := ch.split()
	r, err := cache.Verify(ctx, d.Edge(), origin, still, cache.VerifyOptions{Progress: progress})
	if err != nil || len(moving) == 0 {
		return trim(r), err
	}
	reports, errs := make([]cache.Report, len(moving)), make([]error, len(moving))
	until := time.Now().Add(min(2*max(ch.target, targetUsual), followAtMost))
	each(len(moving), func(i int) { reports[i], errs[i] = follow(ctx, d.Edge(), origin, moving[i], until) })
	for i := range reports {
		add(&r, reports[i])
		if errs[i] != nil {
			err = errs[i]
		}
	}
	return trim(r), err
}

func follow(ctx context.Context, e cache.Edge, origin cache.Origin, o cache.Object, until time.Time) (cache.Report, error) {
	for {
		r, err := cache.Verify(ctx, e, origin, []cache.Object{o}, cache.VerifyOptions{})
		if err != nil || r.Stale == 0 || !time.Now().Before(until) {
			return r, err
		}
		pause(ctx, followEvery)
	}
}

// add counts what b saw into a.
func add(a *cache.Report, b cache.Report) {
	a.Total, a.Hit, a.Miss, a.Stale = a.Total+b.Total, a.Hit+b.Hit, a.Miss+b.Miss, a.Stale+b.Stale
	a.Failed, a.Vanished, a.Uncacheable = a.Failed+b.Failed, a.Vanished+b.Vanished, a.Uncacheable+b.Uncacheable
	a.Untold, a.Skipped, a.Retried = a.Untold+b.Untold, a.Skipped+b.Skipped, a.Retried+b.Retried
	a.Bytes, a.Took = a.Bytes+b.Bytes, max(a.Took, b.Took)
	a.Offenders = append(a.Offenders, b.Offenders...)
}
