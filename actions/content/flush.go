package content

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// noUndo says why a step cannot be taken back.
const (
	noUndoRemove = "what was removed from a cache cannot be put back; the cache refills from the origin"
	noUndoSettle = "waiting changes nothing"
	noUndoPrime  = "objects in a cache expire by themselves"
	noUndoVerify = "looking changes nothing"
)

// FlushArgs are the arguments of a cache.flush step.
type FlushArgs struct {
	Pass int    `json:"pass"`           // 1 looks at what is served before it flushes, 2 flushes what a fetch in flight stored since
	Seen string `json:"seen,omitempty"` // digest of the world that the plan was made from
}

// Flushed is what a cache.flush step did, one entry a cache.
type Flushed struct {
	Pass   int          `json:"pass"`
	Caches []CacheFlush `json:"caches"`
	At     time.Time    `json:"at"` // when the step began
}

// CacheFlush is the flush of one cache.
type CacheFlush struct {
	Cache  string       `json:"cache"`
	Result cache.Result `json:"result"`
	Before *Look        `json:"before,omitempty"` // what it served before; nil when nobody looked
}

func (c *Content) planFlush(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	if len(r.All("node")) == 0 {
		return actions.Plan{}, errors.New("flush which node? name one, or a selector such as: all edges in berlin")
	}
	s, err := c.scope(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	if err := c.require(s, cache.CanFlush, "flush"); err != nil {
		return actions.Plan{}, err
	}
	p := actions.Plan{
		Request: r,
		Risk:    actions.Destructive,
		Say:     fmt.Sprintf("flush %s on %s, then prime and verify what is served there", s.caches(), nodeCount(s.names())),
		Groups:  []actions.Group{{Nodes: s.names(), Width: 1, Steps: flushSteps(s)}},
		Notes:   append(s.notes(), "a flush cannot be taken back: until the cache has refilled, viewers wait for the origin"),
	}
	if !s.anyServed() {
		p.Notes = append(p.Notes, "verified will be: unknown, because no deployment says which URLs to look at")
	}
	return p, nil
}

// flushSteps goes node by node: the second flush removes what fetches in flight stored after the first one.
func flushSteps(s scope) []actions.Step {
	const key = "node/{{node}}/cache"
	what := s.caches()
	steps := []actions.Step{
		{Kind: KindFlush, Key: key, Args: actions.Encode(FlushArgs{Pass: 1, Seen: s.digest()}), NoUndo: noUndoRemove,
			Say: "look at what {{node}} serves, then flush " + what},
		{Kind: KindSettle, Key: key, NoUndo: noUndoSettle, Say: "wait for fetches in flight: they store the old answer after a flush"},
		{Kind: KindFlush, Key: key, Args: actions.Encode(FlushArgs{Pass: 2}), NoUndo: noUndoRemove, Say: "flush " + what + " again"},
	}
	verify := actions.Step{Kind: KindVerify, Key: key, NoUndo: noUndoVerify, Args: actions.Encode(VerifyArgs{Proof: true}),
		Say: "verify " + s.served() + ": all hits, each as the origin has it"}
	if !s.anyServed() {
		verify.Say = "tell what was removed"
		return append(steps, verify)
	}
	return append(steps, actions.Step{Kind: KindPrime, Key: key, NoUndo: noUndoPrime, Say: "prime " + s.served()}, verify)
}

// served says "news, sport", or "the deployments of {{node}}" where the nodes differ.
func (s scope) served() string {
	first := strings.Join(deploymentNames(serving(s.deployments, s.nodes[0].Name)), ", ")
	for _, n := range s.nodes {
		if strings.Join(deploymentNames(serving(s.deployments, n.Name)), ", ") != first {
			return "the deployments of {{node}}"
		}
	}
	return first
}

func (s scope) anyServed() bool {
	for _, n := range s.nodes {
		if len(serving(s.deployments, n.Name)) > 0 {
			return true
		}
	}
	return false
}

// require refuses a plan when a cache cannot do its part: doing it on the others alone, or something else instead, would be a surprise.
func (c *Content) require(s scope, want cache.Caps, what string) error {
	var errs []error
	for _, n := range s.nodes {
		for _, ca := range n.Caches {
			errs = append(errs, c.with(n, ca, func(d cache.Driver) error {
				if d.Caps().Has(want) {
					return nil
				}
				return fmt.Errorf("%w: %s (it can: %s)%s", cache.ErrUnsupported, what, d.Caps(), missing(want, ca))
			}))
		}
	}
	return join(errs)
}

// missing names the key of the configuration that would give the capability.
func missing(want cache.Caps, ca actions.Cache) string {
	if (want.Has(cache.CanFlush) || want.Has(cache.CanPurgePrefix)) && ca.AdminAddress == "" {
		return ", no admin.address is configured"
	}
	return ""
}

func nodeCount(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%d nodes", len(names))
}

// flusher does cache.flush: a ban on everything, marked with the call's key, so that a repeated call finds its ban and adds none.
type flusher struct{ c *Content }

// Do implements [run.Executor].
func (f flusher) Do(ctx context.Context, call run.Call) (run.Result, error) {
	args, err := decode[FlushArgs](KindFlush, call.Args)
	if err != nil {
		return run.Result{}, err
	}
	n, err := f.c.node(ctx, call.Node)
	if err != nil {
		return run.Result{}, err
	}
	done := Flushed{Pass: args.Pass, At: time.Now()}
	before := map[string]*Look{}
	if args.Pass == 1 {
		if before, err = f.lookBefore(ctx, call, n); err != nil {
			return run.Result{}, err
		}
	}
	err = f.c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		r, err := d.Flush(ctx, call.Key)
		if err != nil {
			return err
		}
		fl := CacheFlush{Cache: ca.Name, Result: r, Before: before[ca.Name]}
		if r.Repeated {
			fl.Before = nil // it was flushed by then
		}
		done.Caches = append(done.Caches, fl)
		f.c.log(call).Info("cache flushed", "cache", ca.Name, "ban", r.Accepted.Ban, "repeated", r.Repeated)
		return nil
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: done.String(), Data: actions.Encode(done)}, nil
}

// lookBefore samples what each cache serves. It refuses when no origin of the node answers: the flush would leave viewers with nothing.
func (f flusher) lookBefore(ctx context.Context, call run.Call, n actions.Node) (map[string]*Look, error) {
	served, err := f.c.servedBy(ctx, n.Name)
	if err != nil || len(served) == 0 {
		return nil, err
	}
	progress(call, "looking at what "+n.Name+" serves now", 0, 0)
	ch := f.c.walkAll(ctx, served, nil)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := ch.dead(); err != nil {
		return nil, actions.Temporary{Err: fmt.Errorf("%s: not flushed, since no origin answers and viewers would be left with nothing: %w; "+
			"purge by URL or tag does not need the origin, and flush %s --by-hand shows how to do it all the same", n.Name, err, n.Name)}
	}
	out := map[string]*Look{}
	err = f.c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		look := &Look{Deployments: ch.names, Problems: ch.problems}
		seen, _ := cache.Verify(ctx, d.Edge(), f.c.truth(served), ch.sample(), cache.VerifyOptions{}) // its error is ctx's, asked next
		look.Report = trim(seen)
		out[ca.Name] = look
		return ctx.Err()
	})
	return out, err
}

// lookedAt is how many objects are looked at where a sample is enough.
const lookedAt = 8

// String says what was flushed, cache by cache.
func (f Flushed) String() string {
	out := make([]string, len(f.Caches))
	for i, c := range f.Caches {
		out[i] = c.say(f.Pass)
	}
	return strings.Join(out, "; ")
}

// say says "front: ban accepted, it held about 2000 objects; before it 8 objects looked at: 5 hit, 3 stale".
func (c CacheFlush) say(pass int) string {
	s := c.Cache + ": " + c.Result.Method + " accepted"
	if c.Result.Repeated {
		s += " earlier, not sent again"
	}
	if c.Result.Held != nil && pass == 1 { // what a ban invalidates is counted until it is worked off
		s += ", it held about " + objects(int(*c.Result.Held))
	}
	if c.Before != nil {
		s += "; before it " + c.Before.String()
	}
	return s
}

// ByHand implements [run.Handbook].
func (f flusher) ByHand(ctx context.Context, call run.Call) ([]string, error) {
	return f.c.byHand(ctx, call, func(cache.Driver) (cache.Op, error) { return cache.Op{Verb: cache.VerbFlush}, nil })
}
