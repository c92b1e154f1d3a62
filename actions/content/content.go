package content

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// The kinds of steps that this package's executors carry out.
const (
	KindFlush    = "cache.flush"
	KindSettle   = "cache.settle"
	KindPurge    = "cache.purge"
	KindPrime    = "cache.prime"
	KindVerify   = "cache.verify"
	KindLoadtest = "cache.loadtest"
)

// Options are what the verbs and executors need. World is required, the zero value of the rest works.
type Options struct {
	World  actions.World // what executors read at the time of the step; verbs are handed theirs
	Client *http.Client  // for edges and origins; nil = cache.NewClient()
	Log    *slog.Logger  // nil = discard

	// Open returns the driver of one cache; nil = cache.Open with Client. Drivers are kept until the cache is configured otherwise.
	Open func(n actions.Node, c actions.Cache) (cache.Driver, error)
	// Allow are hosts that playlists may name besides their origin.
	Allow []string
	// Fanout is the number of nodes that one plan may touch; 0 = 1000.
	Fanout int
	// Patience bounds a reading verb as a whole; 0 = 30 s.
	Patience time.Duration
}

// Content is the home of the verbs and executors. Safe for concurrent use.
type Content struct {
	opts Options
	pool *pool
}

// New returns the home of the verbs. It connects to nothing. Close it to end the connections.
func New(opts Options) (*Content, error) {
	if opts.World == nil {
		return nil, errors.New("content: Options.World is required")
	}
	if opts.Client == nil {
		opts.Client = cache.NewClient()
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Fanout <= 0 {
		opts.Fanout = 1000
	}
	if opts.Patience <= 0 {
		opts.Patience = 30 * time.Second
	}
	c := &Content{opts: opts}
	if c.opts.Open == nil {
		c.opts.Open = c.open
	}
	c.pool = newPool(c.opts.Open)
	return c, nil
}

// Close ends the connections to the caches. Calls under way may fail.
func (c *Content) Close() error { return c.pool.close() }

// Verbs returns what stands behind the cache intents.
func (c *Content) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "cache.stats", Risk: actions.Read, Answer: c.stats},
		{Intent: "cache.purge", Risk: actions.Disruptive, Plan: c.planPurge},
		{Intent: "cache.flush", Risk: actions.Destructive, Plan: c.planFlush},
		{Intent: "cache.prime", Risk: actions.Reversible, Plan: c.planPrime},
		{Intent: "cache.verify", Risk: actions.Read, Answer: c.verify},
		{Intent: "cache.loadtest", Risk: actions.Disruptive, Plan: c.planLoadtest},
	}
}

// Executors returns the executors by the kind of their steps. Each of them is a [run.Handbook] too.
func (c *Content) Executors() map[string]run.Executor {
	return map[string]run.Executor{
		KindFlush:    flusher{c},
		KindSettle:   settler{c},
		KindPurge:    purger{c},
		KindPrime:    primer{c},
		KindVerify:   verifier{c},
		KindLoadtest: loader{c},
	}
}

// Health asks one cache how it is. Its error is a sentence for people.
func (c *Content) Health(ctx context.Context, n actions.Node, ca actions.Cache) (cache.Health, error) {
	var h cache.Health
	err := c.with(n, ca, func(d cache.Driver) error {
		var err error
		h, err = d.Health(ctx)
		return err
	})
	return h, err
}

// with lends the driver of one cache to do, and explains its error.
func (c *Content) with(n actions.Node, ca actions.Cache, do func(cache.Driver) error) error {
	d, release, err := c.pool.take(n, ca)
	if err != nil {
		return explain(err, n, ca)
	}
	defer release()
	return explain(do(d), n, ca)
}

// onCaches calls do for every cache of the node, in the order of the inventory: a shield is named before what stands before it. A cache
// that fails does not keep the next from being tried.
func (c *Content) onCaches(n actions.Node, do func(actions.Cache, cache.Driver) error) error {
	var errs []error
	for _, ca := range n.Caches {
		errs = append(errs, c.with(n, ca, func(d cache.Driver) error { return do(ca, d) }))
	}
	return join(errs)
}
