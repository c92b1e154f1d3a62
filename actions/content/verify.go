package content

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// VerifyArgs are the arguments of a cache.verify step. Without any, it is about the deployments that the node serves.
type VerifyArgs struct {
	Deployments []string `json:"deployments,omitempty"`
	URLs        []string `json:"urls,omitempty"`
	Proof       bool     `json:"proof,omitempty"` // sum up the flush before it: what was removed, how verified, how long
}

// Verified is what a cache.verify step saw, one entry a cache.
type Verified struct {
	Caches []CacheLook   `json:"caches,omitempty"`
	Took   time.Duration `json:"took"` // since the run began on this node, where it is the proof of a flush
}

// CacheLook is the look at one cache, and what a flush before it removed.
type CacheLook struct {
	Cache   string        `json:"cache"`
	Look    Look          `json:"look"`
	Verdict cache.Verdict `json:"verdict"`
	Removed *int64        `json:"removed,omitempty"` // objects that the flush removed; nil = nobody knows
	Before  *Look         `json:"before,omitempty"`
}

// verifyMost is how many objects one look takes in; of more, so many are looked at, spread evenly.
const verifyMost = 2000

// verifier does cache.verify.
type verifier struct{ c *Content }

// Do implements [run.Executor]. A stale object fails the step; objects that are missing at the origin too do not.
func (v verifier) Do(ctx context.Context, call run.Call) (run.Result, error) {
	args, err := decode[VerifyArgs](KindVerify, call.Args)
	if err != nil {
		return run.Result{}, err
	}
	n, err := v.c.node(ctx, call.Node)
	if err != nil {
		return run.Result{}, err
	}
	ch, ds, err := v.c.subjectOf(ctx, n.Name, args.Deployments, args.URLs)
	if err != nil {
		return run.Result{}, fmt.Errorf("verify %s: %w", n.Name, err)
	}
	done := Verified{}
	err = v.c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		look, err := v.c.lookTwice(ctx, d, ch, ds, counting(call, "verified"))
		if err != nil {
			return err
		}
		done.Caches = append(done.Caches, CacheLook{Cache: ca.Name, Look: look, Verdict: look.Verdict()})
		return judge(look, d)
	})
	if err != nil {
		return run.Result{}, err
	}
	if args.Proof {
		done.prove(call.Before)
	}
	return run.Result{Say: done.say(n.Name), Data: actions.Encode(done)}, nil
}

// lookTwice looks at the objects, and once more where not all were hits: a playlist of two seconds may have run out between the
// priming and the look, and a live channel has new segments by now.
func (c *Content) lookTwice(ctx context.Context, d cache.Driver, ch channel, ds []actions.Deployment, progress func(done, total int)) (Look, error) {
	look := Look{Deployments: ch.names, Problems: ch.problems}
	ch.objects = cache.Sample(ch.objects, verifyMost)
	r, err := c.look(ctx, d, ch, c.truth(ds), progress)
	if err == nil && r.OK() && r.Miss > 0 {
		look.Twice = r.Miss
		r, err = c.look(ctx, d, ch, c.truth(ds), progress)
	}
	look.Report = r
	return look, err
}

// judge turns what was seen into the error of a step, if it is one.
func judge(l Look, d cache.Driver) error {
	if l.Report.Stale > 0 {
		return fmt.Errorf("still %d of %s stale: %s; flush or purge again, and let settle (now %s) be longer than the origin's slowest answer",
			l.Report.Stale, objects(l.Report.Total), offender(l.Report), d.Config().Settle)
	}
	return nothingWorked(l.Report, "verified")
}

// prove adds what the steps before tell about the flush.
func (v *Verified) prove(before []actions.Outcome) {
	var began time.Time
	for _, o := range before {
		var f Flushed
		if json.Unmarshal(o.Data, &f) != nil || f.Pass == 0 {
			continue
		}
		if began.IsZero() {
			began = f.At
		}
		for _, fl := range f.Caches {
			v.removed(f.Pass, fl)
		}
	}
	if !began.IsZero() {
		v.Took = time.Since(began)
	}
}

// removed notes what a flush of one cache removed: what it held at the first pass. A later count would be wrong, since what a ban
// invalidates is counted until it is worked off.
func (v *Verified) removed(pass int, fl CacheFlush) {
	for i := range v.Caches {
		if c := &v.Caches[i]; c.Cache == fl.Cache && pass == 1 {
			c.Removed, c.Before = fl.Result.Held, fl.Before
		}
	}
}

func (v Verified) say(node string) string {
	var out []string
	for _, c := range v.Caches {
		out = append(out, c.say(node, v.Took > 0))
	}
	if v.Took > 0 {
		out = append(out, "took "+v.Took.Round(100*time.Millisecond).String())
	}
	return strings.Join(out, "; ")
}

func (c CacheLook) say(node string, proof bool) string {
	s := c.Cache + ": "
	if proof {
		s += "removed " + removedCount(c.Removed) + ", "
	}
	if c.Look.Report.Total == 0 {
		return s + "verified: unknown, because no deployment on " + node + " says which URLs to look at"
	}
	s += fmt.Sprintf("verified %s: %s against the origin, %s", c.Verdict, objects(c.Look.Report.Total), counts(c.Look.Report))
	if c.Look.Twice > 0 {
		s += fmt.Sprintf(" (%d at the second look)", c.Look.Twice)
	}
	if c.Verdict != cache.Fresh {
		s += because(offender(c.Look.Report))
	}
	if c.Before != nil && c.Before.Report.Total > 0 {
		s += "; before: " + c.Before.String()
	}
	if why := firstOf(c.Look.Problems); why != "" {
		s += "; not walked: " + why
	}
	return s
}

// removedCount says "about 2000 objects (varnishstat)", whose workers report their counts late, or that nobody knows how many.
func removedCount(n *int64) string {
	if n == nil {
		return "everything it held (number unknown)"
	}
	return "about " + objects(int(*n)) + " (varnishstat)"
}

// CanStop implements [run.Stoppable].
func (v verifier) CanStop(run.Call) bool { return true }

// ByHand implements [run.Handbook].
func (v verifier) ByHand(ctx context.Context, call run.Call) ([]string, error) {
	args, err := decode[VerifyArgs](KindVerify, call.Args)
	if err != nil {
		return nil, err
	}
	return v.c.byHandURLs(ctx, call, cache.VerbVerify, args.Deployments, args.URLs)
}

// verify answers cache.verify: it looks at a sample on every node at once, within Options.Patience.
func (c *Content) verify(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	s, err := c.scope(ctx, r, w)
	if err != nil {
		return actions.Answer{}, err
	}
	what, args, err := s.subject(r)
	if err != nil {
		return actions.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Patience)
	defer cancel()
	ch, ds, err := c.subjectOf(ctx, "", args.Deployments, args.URLs)
	if err != nil {
		return actions.Answer{}, fmt.Errorf("verify %s: %w", what, err)
	}
	full := len(ch.objects)
	ch.objects = cache.Sample(ch.objects, max(answerLooks/len(s.nodes), lookedAt))
	seen := make([][]CacheLook, len(s.nodes))
	errs := make([]error, len(s.nodes))
	each(len(s.nodes), func(i int) { seen[i], errs[i] = c.lookAt(ctx, s.nodes[i], ch, ds) })
	return verifyAnswer(what, s.nodes, seen, errs, full, ch), nil
}

// answerLooks is how many objects an answer looks at over all nodes: it is to come while a person waits.
const answerLooks = 500

func (c *Content) lookAt(ctx context.Context, n actions.Node, ch channel, ds []actions.Deployment) ([]CacheLook, error) {
	var out []CacheLook
	err := c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		r, err := c.look(ctx, d, ch, c.truth(ds), nil)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("not done within %s: %w", c.opts.Patience, err)
			}
			return err
		}
		look := Look{Deployments: ch.names, Report: r}
		out = append(out, CacheLook{Cache: ca.Name, Look: look, Verdict: look.Verdict()})
		return nil
	})
	return out, err
}

func verifyAnswer(what string, nodes []actions.Node, seen [][]CacheLook, errs []error, full int, ch channel) actions.Answer {
	a := actions.Answer{Table: &actions.Table{Columns: []string{"NODE", "CACHE", "VERDICT", "OBJECTS", "HIT", "MISS", "STALE", "FAILED"}}}
	stale, bad, data := 0, 0, map[string][]CacheLook{}
	for i, n := range nodes {
		for _, l := range seen[i] {
			r := l.Look.Report
			a.Table.Rows = append(a.Table.Rows, append([]string{n.Name, l.Cache, l.Verdict.String()}, numbers(r.Total, r.Hit, r.Miss, r.Stale, r.Failed)...))
			if why := offender(r); why != "" && (r.Stale > 0 || r.Failed > 0) {
				a.Lines = append(a.Lines, n.Name+"/"+l.Cache+": "+why)
				bad++
			}
			stale += r.Stale
		}
		if errs[i] != nil {
			a.Lines = append(a.Lines, errs[i].Error())
			bad++
		}
		data[n.Name] = seen[i]
	}
	a.Title = fmt.Sprintf("%s on %s: as the origin has it", what, nodeCount(nodeNames(nodes)))
	if a.Bad = bad > 0; a.Bad {
		a.Title = fmt.Sprintf("%s on %s: not as it should be", what, nodeCount(nodeNames(nodes)))
	}
	if stale > 0 {
		a.Hint = "remove the old copies: purge " + what
	}
	if len(ch.objects) < full {
		a.Lines = append(a.Lines, fmt.Sprintf("looked at %d of %d objects, spread evenly", len(ch.objects), full))
	}
	for _, p := range ch.problems {
		a.Lines = append(a.Lines, "not walked: "+p)
	}
	a.Data = data
	return a
}

func numbers(ns ...int) []string {
	out := make([]string, len(ns))
	for i, n := range ns {
		out[i] = fmt.Sprint(n)
	}
	return out
}

func nodeNames(nodes []actions.Node) []string {
	return scope{nodes: nodes}.names()
}
