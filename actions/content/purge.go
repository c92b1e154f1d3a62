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

// PurgeArgs are the arguments of a cache.purge step: exactly one of URLs, Tags, Prefix and Deployment.
type PurgeArgs struct {
	URLs       []string `json:"urls,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Prefix     string   `json:"prefix,omitempty"`
	Deployment string   `json:"deployment,omitempty"` // every URL that its playlists name, at the origin and on the edge
	Soft       bool     `json:"soft,omitempty"`
	Seen       string   `json:"seen,omitempty"` // digest of the world that the plan was made from
}

// Purged is what a cache.purge step did, one entry a cache.
type Purged struct {
	Caches   []CachePurge `json:"caches"`
	Problems []string     `json:"problems,omitempty"`
}

// CachePurge is the purge of one cache: accepted, removed and verified are three things.
type CachePurge struct {
	Cache    string        `json:"cache"`
	Method   string        `json:"method"`
	Asked    int           `json:"asked"`             // URLs; 1 for a tag or prefix
	Accepted int           `json:"accepted"`          // of them, with the server's signature
	Removed  *int64        `json:"removed,omitempty"` // objects; nil = the server does not say
	Fresh    int           `json:"fresh"`             // of them, equal to the origin's afterwards
	Verified cache.Verdict `json:"verified,omitempty"`
	Why      string        `json:"why,omitempty"`
	Took     time.Duration `json:"took"`
}

func (c *Content) planPurge(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	s, err := c.scope(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	t, err := s.toPurge(r)
	if err != nil {
		return actions.Plan{}, err
	}
	if err := c.require(s, t.needs, t.what); err != nil {
		return actions.Plan{}, err
	}
	t.args.Seen = s.digest()
	verb := "purge"
	if t.args.Soft {
		verb = "softly purge"
	}
	p := actions.Plan{
		Request: r,
		Risk:    actions.Disruptive,
		Say:     fmt.Sprintf("%s %s on %s", verb, t.what, nodeCount(s.names())),
		Groups: []actions.Group{{Nodes: s.names(), KeepGoing: true, Steps: []actions.Step{{
			Kind: KindPurge, Key: "node/{{node}}/cache", Args: actions.Encode(t.args), NoUndo: noUndoRemove,
			Say: fmt.Sprintf("%s %s on {{node}}, wait for fetches in flight, purge again, compare with the origin", verb, t.what),
		}}}},
		Notes: s.notes(),
	}
	if t.note != "" {
		p.Notes = append(p.Notes, t.note)
	}
	return p, nil
}

// toPurge is what a request for a purge is about.
type toPurge struct {
	what  string
	args  PurgeArgs
	needs cache.Caps
	note  string
}

func (s scope) toPurge(r actions.Request) (toPurge, error) {
	urls, tags, prefix, name := r.All("url"), r.All("tag"), r.One("prefix"), r.One("deployment")
	t := toPurge{args: PurgeArgs{Tags: tags, Soft: r.Has("soft")}}
	given := 0
	for _, is := range []bool{len(urls) > 0, len(tags) > 0, prefix != "", name != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return t, errors.New("purge what? one of: URLs, a tag, a prefix, a deployment; to remove everything say: flush")
	}
	var err error
	switch {
	case len(urls) > 0:
		t.args.URLs, err = s.objectURLs(urls)
		t.what, t.needs = urlCount(t.args.URLs), cache.CanPurgeURL
	case len(tags) > 0:
		t.what, t.needs = "tag "+strings.Join(tags, " "), cache.CanPurgeTag
	case prefix != "":
		t.args.Prefix, t.note, err = pathPrefix(prefix)
		t.what, t.needs = "everything below "+t.args.Prefix, cache.CanPurgePrefix
		if t.args.Soft {
			err = fmt.Errorf("%w: a soft purge of a prefix; soft goes with URLs, tags and deployments", cache.ErrUnsupported)
		}
	default:
		_, err = s.deployment(name)
		t.args.Deployment, t.what, t.needs = name, "every URL of "+name+"'s playlists", cache.CanPurgeURL
		t.note = "purged URL by URL along the playlists: what no playlist names any more stays; a tag or a prefix removes that too"
	}
	if t.args.Soft {
		t.needs |= cache.CanSoft
	}
	return t, err
}

// purger does cache.purge: purge, settle, purge again, compare with the origin. All of it may be repeated.
type purger struct{ c *Content }

// Do implements [run.Executor].
func (p purger) Do(ctx context.Context, call run.Call) (run.Result, error) {
	args, err := decode[PurgeArgs](KindPurge, call.Args)
	if err != nil {
		return run.Result{}, err
	}
	n, err := p.c.node(ctx, call.Node)
	if err != nil {
		return run.Result{}, err
	}
	all, err := p.c.opts.World.Deployments(ctx)
	if err != nil {
		return run.Result{}, fmt.Errorf("read the deployments: %w", err)
	}
	done := Purged{}
	err = p.c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		opt := cache.ProofOptions{Origin: p.c.truth(all), Soft: args.Soft, Progress: counting(call, "verified")}
		cp, problems, err := p.purge(ctx, call, d, args, all, opt)
		done.Problems = append(done.Problems, problems...)
		if err != nil {
			return err
		}
		cp.Cache = ca.Name
		done.Caches = append(done.Caches, cp)
		p.c.log(call).Info("cache purged", "cache", ca.Name, "method", cp.Method, "urls", len(args.URLs), "verified", cp.Verified.String())
		return nil
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: done.String(), Data: actions.Encode(done)}, nil
}

func (p purger) purge(ctx context.Context, call run.Call, d cache.Driver, args PurgeArgs, all []actions.Deployment, opt cache.ProofOptions) (CachePurge, []string, error) {
	progress(call, "purging, then waiting "+d.Config().Settle.String()+" for fetches in flight", 0, 0)
	switch {
	case len(args.URLs) > 0:
		cp, err := purgeURLs(ctx, d, args.URLs, opt)
		return cp, nil, err
	case args.Deployment != "":
		ch, err := p.c.purgeable(ctx, d, args.Deployment, all)
		if err != nil {
			return CachePurge{}, nil, err
		}
		cp, err := purgeURLs(ctx, d, ch, opt)
		return cp, nil, err
	}
	ch := p.c.walkAll(ctx, serving(all, call.Node), nil)
	if len(args.Tags) > 0 {
		sample := p.c.tagged(ctx, ch.objects, args.Tags, all)
		r, err := cache.PurgeTagProved(ctx, d, args.Tags, sample, opt)
		return one(r, sample), ch.problems, err
	}
	sample := below(ch.objects, args.Prefix)
	r, err := cache.PurgePrefixProved(ctx, d, args.Prefix, call.Key, sample, opt)
	return one(r, sample), ch.problems, err
}

// purgeable lists the URLs of a deployment: those that its origin's playlists name, and those that the edge's own copies still name.
func (c *Content) purgeable(ctx context.Context, d cache.Driver, name string, all []actions.Deployment) ([]string, error) {
	dep, err := scope{deployments: all}.deployment(name)
	if err != nil {
		return nil, err
	}
	ch := c.walkAll(ctx, []actions.Deployment{dep}, new(d.Edge()))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := ch.err(); err != nil {
		return nil, err
	}
	return cache.Walked{Objects: ch.objects}.URLs(), nil
}

// one turns the result of a tag's or prefix's purge into ours. What could not be looked at is told as such.
func one(r cache.Result, sample []cache.Object) CachePurge {
	cp := CachePurge{Method: r.Method, Asked: 1, Accepted: 1, Removed: r.Removed, Verified: r.Verified, Why: clip(r.Why), Took: r.Took}
	if r.Verified == cache.Fresh {
		cp.Fresh = len(sample)
	}
	if len(sample) == 0 {
		cp.Why = "no deployment here has an object that it covers, so nothing says which URLs to look at"
	}
	return cp
}

// purgeURLs purges URLs and sums up. One that fails keeps none from being purged; the error tells the first and how many there are.
func purgeURLs(ctx context.Context, d cache.Driver, urls []string, opt cache.ProofOptions) (CachePurge, error) {
	start := time.Now()
	results, err := cache.PurgeProved(ctx, d, urls, opt)
	if err != nil {
		return CachePurge{}, err
	}
	cp := CachePurge{Asked: len(urls), Took: time.Since(start), Verified: cache.Fresh}
	var errs []error
	for _, r := range results {
		cp.Method = r.Result.Method
		if r.Err != nil {
			errs = append(errs, r.Err)
			continue
		}
		cp.add(r)
	}
	return cp, fewErrors(errs, len(urls))
}

func (cp *CachePurge) add(r cache.URLResult) {
	cp.Accepted++
	if n := r.Result.Removed; n != nil {
		if cp.Removed == nil {
			cp.Removed = new(int64)
		}
		*cp.Removed += *n
	}
	if r.Result.Verified == cache.Fresh {
		cp.Fresh++
		return
	}
	cp.Verified = cache.Unknown
	if cp.Why == "" {
		cp.Why = clip(r.URL + ": " + r.Result.Why)
	}
}

// fewErrors keeps the first error, the permanent before the temporary, and says how many more there are.
func fewErrors(errs []error, of int) error {
	if len(errs) == 0 {
		return nil
	}
	first := errs[0]
	for _, err := range errs {
		if !cache.Temporary(err) {
			first = err
			break
		}
	}
	if len(errs) == 1 && of == 1 {
		return first
	}
	return fmt.Errorf("%d of %d URLs failed, the first: %w", len(errs), of, first)
}

// String says what was purged, cache by cache.
func (p Purged) String() string {
	var out []string
	for _, c := range p.Caches {
		out = append(out, c.String())
	}
	if why := firstOf(p.Problems); why != "" {
		out = append(out, "not walked: "+why)
	}
	return strings.Join(out, "; ")
}

// String says "front: purge accepted for 3 of 3 URLs, number removed not told, verified fresh (3), took 2.1s".
func (c CachePurge) String() string {
	s := c.Cache + ": " + c.Method + " accepted"
	if c.Asked > 1 {
		s += fmt.Sprintf(" for %d of %d URLs", c.Accepted, c.Asked)
	}
	if c.Removed != nil {
		s += ", removed " + objects(int(*c.Removed))
	} else {
		s += ", number removed not told by the server"
	}
	s += ", verified " + c.Verified.String()
	if c.Verified == cache.Fresh {
		s += ": " + objects(c.Fresh) + " as the origin has it"
	} else {
		s += because(c.Why)
	}
	return s + ", took " + c.Took.Round(100*time.Millisecond).String()
}

// ByHand implements [run.Handbook].
func (p purger) ByHand(ctx context.Context, call run.Call) ([]string, error) {
	args, err := decode[PurgeArgs](KindPurge, call.Args)
	if err != nil {
		return nil, err
	}
	n, err := p.c.node(ctx, call.Node)
	if err != nil {
		return nil, err
	}
	settle, err := settler(p).ByHand(ctx, call)
	if err != nil {
		return nil, err
	}
	all, err := p.c.opts.World.Deployments(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the deployments: %w", err)
	}
	lines, err := p.c.byHand(ctx, run.Call{Node: n.Name}, func(d cache.Driver) (cache.Op, error) { return p.op(ctx, d, args, all) })
	if err != nil {
		return nil, err
	}
	out := append([]string{}, lines...)
	out = append(out, settle...)
	return append(out, lines...), nil
}

func (p purger) op(ctx context.Context, d cache.Driver, args PurgeArgs, all []actions.Deployment) (cache.Op, error) {
	switch {
	case len(args.Tags) > 0:
		return cache.Op{Verb: cache.VerbPurgeTag, Tags: args.Tags, Soft: args.Soft}, nil
	case args.Prefix != "":
		return cache.Op{Verb: cache.VerbPurgePrefix, Prefix: args.Prefix}, nil
	case args.Deployment != "":
		urls, err := p.c.purgeable(ctx, d, args.Deployment, all)
		return cache.Op{Verb: cache.VerbPurge, URLs: urls, Soft: args.Soft}, err
	}
	return cache.Op{Verb: cache.VerbPurge, URLs: args.URLs, Soft: args.Soft}, nil
}
