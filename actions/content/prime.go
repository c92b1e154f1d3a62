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

// PrimeArgs are the arguments of a cache.prime step. Without any, it is about the deployments that the node serves.
type PrimeArgs struct {
	Deployments []string `json:"deployments,omitempty"`
	URLs        []string `json:"urls,omitempty"`
	Seen        string   `json:"seen,omitempty"` // digest of the world that the plan was made from
}

// Primed is what a cache.prime step did, one entry a cache.
type Primed struct {
	Caches   []CachePrime `json:"caches,omitempty"`
	Problems []string     `json:"problems,omitempty"`
}

// CachePrime is the priming of one cache.
type CachePrime struct {
	Cache  string       `json:"cache"`
	Report cache.Report `json:"report"`
}

// primeWidth is how many nodes are primed at a time: N edges mean N requests an object at the origin.
const primeWidth = 4

func (c *Content) planPrime(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	s, err := c.scope(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	what, args, err := s.subject(r)
	if err != nil {
		return actions.Plan{}, err
	}
	args.Seen = s.digest()
	const key = "node/{{node}}/cache"
	return actions.Plan{
		Request: r,
		Risk:    actions.Reversible,
		Say:     fmt.Sprintf("prime %s on %s", what, nodeCount(s.names())),
		Groups: []actions.Group{{Nodes: s.names(), Width: primeWidth, KeepGoing: true, Steps: []actions.Step{
			{Kind: KindPrime, Key: key, Args: actions.Encode(args), NoUndo: noUndoPrime, Say: "prime " + what + " on {{node}}"},
			{Kind: KindVerify, Key: key, Args: actions.Encode(VerifyArgs{Deployments: args.Deployments, URLs: args.URLs}), NoUndo: noUndoVerify,
				Say: "look again: all hits, each as the origin has it"},
		}}},
		Notes: s.notes(),
	}, nil
}

// subject returns what a request for prime or verify is about.
func (s scope) subject(r actions.Request) (what string, args PrimeArgs, err error) {
	name, urls := r.One("deployment"), r.All("url")
	switch {
	case name != "" && len(urls) > 0:
		return "", args, errors.New("a deployment or URLs, not both: say it as two commands")
	case name != "":
		_, err := s.deployment(name)
		return name, PrimeArgs{Deployments: []string{name}}, err
	case len(urls) > 0:
		urls, err := s.objectURLs(urls)
		return urlCount(urls), PrimeArgs{URLs: urls}, err
	}
	return "", args, errors.New("which deployment, or which URLs?")
}

func urlCount(urls []string) string {
	if len(urls) == 1 {
		return urls[0]
	}
	return fmt.Sprintf("%d URLs", len(urls))
}

// subjectOf reads what a step is about: its URLs, else its deployments, else what the node serves now.
func (c *Content) subjectOf(ctx context.Context, node string, deployments, urls []string) (channel, []actions.Deployment, error) {
	all, err := c.opts.World.Deployments(ctx)
	if err != nil {
		return channel{}, nil, fmt.Errorf("read the deployments: %w", err)
	}
	if len(urls) > 0 {
		objects := cache.Objects(urls...)
		for i, o := range objects {
			objects[i].Live = o.Role == cache.RolePlaylist // nobody knows before it is read
		}
		return channel{objects: objects}, all, nil
	}
	ds := serving(all, node)
	if len(deployments) > 0 {
		s := scope{deployments: all}
		ds = nil
		for _, name := range deployments {
			d, err := s.deployment(name)
			if err != nil {
				return channel{}, nil, err
			}
			ds = append(ds, d)
		}
	}
	ch := c.walkAll(ctx, ds, nil)
	if err := ctx.Err(); err != nil {
		return channel{}, nil, err
	}
	return ch, ds, ch.err()
}

// primer does cache.prime: plain requests for every object, as viewers would make them. Doing it twice does no harm.
type primer struct{ c *Content }

// Do implements [run.Executor].
func (p primer) Do(ctx context.Context, call run.Call) (run.Result, error) {
	args, err := decode[PrimeArgs](KindPrime, call.Args)
	if err != nil {
		return run.Result{}, err
	}
	n, err := p.c.node(ctx, call.Node)
	if err != nil {
		return run.Result{}, err
	}
	ch, _, err := p.c.subjectOf(ctx, n.Name, args.Deployments, args.URLs)
	if err != nil {
		return run.Result{}, fmt.Errorf("prime %s: %w", n.Name, err)
	}
	if len(ch.objects) == 0 {
		return run.Result{Say: "nothing to prime: " + n.Name + " serves no deployment"}, nil
	}
	done := Primed{Problems: ch.problems}
	err = p.c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		r, err := cache.Prime(ctx, d.Edge(), ch.objects, cache.PrimeOptions{Progress: counting(call, "primed")})
		if err != nil {
			return err
		}
		done.Caches = append(done.Caches, CachePrime{Cache: ca.Name, Report: trim(r)})
		return nothingWorked(r, "primed")
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: done.String(), Data: actions.Encode(done)}, nil
}

// nothingWorked is an error, worth another try, when every single object failed: then it is the cache or its origin, not the object.
func nothingWorked(r cache.Report, verb string) error {
	if r.Total == 0 || r.Failed < r.Total {
		return nil
	}
	return actions.Temporary{Err: fmt.Errorf("none of %s could be %s: %s", objects(r.Total), verb, offender(r))}
}

// String says what was primed, cache by cache.
func (p Primed) String() string {
	var out []string
	for _, c := range p.Caches {
		s := fmt.Sprintf("%s: primed %d of %s", c.Cache, c.Report.Total-c.Report.Failed-c.Report.Skipped, objects(c.Report.Total))
		out = append(out, fmt.Sprintf("%s, %.1f MB, origin asked for %d", s, float64(c.Report.Bytes)/1e6, c.Report.Miss)+because(offender(c.Report)))
	}
	if why := firstOf(p.Problems); why != "" {
		out = append(out, "not walked: "+why)
	}
	return strings.Join(out, "; ")
}

// CanStop implements [run.Stoppable].
func (p primer) CanStop(run.Call) bool { return true }

// ByHand implements [run.Handbook].
func (p primer) ByHand(ctx context.Context, call run.Call) ([]string, error) {
	args, err := decode[PrimeArgs](KindPrime, call.Args)
	if err != nil {
		return nil, err
	}
	return p.c.byHandURLs(ctx, call, cache.VerbPrime, args.Deployments, args.URLs)
}

// Timeout implements [run.Timed]: a channel of 20,000 objects over a slow line takes longer than other steps.
func (p primer) Timeout(run.Call) time.Duration { return 20 * time.Minute }
