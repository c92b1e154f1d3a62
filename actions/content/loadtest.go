package content

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// The bounds of a load test. Without a rate it stays gentle: nobody means to find the limit of a node in service by leaving a word out.
const (
	loadDuration = 10 * time.Second
	loadLongest  = 10 * time.Minute
	loadRate     = 100
	loadHighest  = 20_000
)

// LoadArgs are the arguments of a cache.loadtest step.
type LoadArgs struct {
	Deployment string        `json:"deployment"`
	Duration   time.Duration `json:"duration"`
	Rate       float64       `json:"rate"` // requests per second, on each cache of the node
	Seen       string        `json:"seen,omitempty"`
}

// Loaded is what a cache.loadtest step measured, one entry a cache.
type Loaded struct {
	Caches []CacheLoad `json:"caches"`
}

// CacheLoad is the load test of one cache.
type CacheLoad struct {
	Cache  string           `json:"cache"`
	Report cache.LoadReport `json:"report"`
}

func (c *Content) planLoadtest(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	name := r.One("deployment")
	if name == "" {
		return actions.Plan{}, errors.New("load-test which deployment?")
	}
	s, err := c.scope(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	if _, err := s.deployment(name); err != nil {
		return actions.Plan{}, err
	}
	args := LoadArgs{Deployment: name, Seen: s.digest()}
	if args.Duration, args.Rate, err = loadShape(r); err != nil {
		return actions.Plan{}, err
	}
	say := fmt.Sprintf("load-test %s on {{node}} for %s at %g requests/s", name, args.Duration, args.Rate)
	return actions.Plan{
		Request: r,
		Risk:    actions.Disruptive,
		Say:     actions.On(say, nodeCount(s.names())),
		Groups: []actions.Group{{Nodes: s.names(), Width: 1, KeepGoing: true, Steps: []actions.Step{{
			Kind: KindLoadtest, Key: "node/{{node}}/cache", Args: actions.Encode(args), NoUndo: noUndoVerify, Say: say,
		}}}},
		Notes: append(s.notes(), fmt.Sprintf("viewers share the node with %g requests/s for %s; misses go to the origin", args.Rate, args.Duration)),
	}, nil
}

func loadShape(r actions.Request) (time.Duration, float64, error) {
	d, rate := r.Duration("duration", loadDuration), float64(loadRate)
	if text := r.One("rate"); text != "" {
		var err error
		if rate, err = strconv.ParseFloat(text, 64); err != nil {
			return 0, 0, fmt.Errorf("rate %q: want requests per second, such as 200", text)
		}
	}
	switch {
	case d < time.Second || d > loadLongest:
		return 0, 0, fmt.Errorf("duration %s: want 1s to %s", d, loadLongest)
	case !(rate >= 1 && rate <= loadHighest): // NaN too
		return 0, 0, fmt.Errorf("rate %g: want 1 to %d requests per second", rate, loadHighest)
	}
	return d, rate, nil
}

// loader does cache.loadtest. Doing it twice only measures twice.
type loader struct{ c *Content }

// Do implements [run.Executor].
func (l loader) Do(ctx context.Context, call run.Call) (run.Result, error) {
	args, err := decode[LoadArgs](KindLoadtest, call.Args)
	if err != nil {
		return run.Result{}, err
	}
	n, err := l.c.node(ctx, call.Node)
	if err != nil {
		return run.Result{}, err
	}
	ch, _, err := l.c.subjectOf(ctx, n.Name, []string{args.Deployment}, nil)
	if err != nil {
		return run.Result{}, fmt.Errorf("load-test %s: %w", n.Name, err)
	}
	done := Loaded{}
	err = l.c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		r, err := cache.LoadTest(ctx, d.Edge(), ch.objects, loadOptions(call, args, d))
		if err != nil {
			return err
		}
		r.Failures = trim(cache.Report{Offenders: r.Failures}).Offenders
		done.Caches = append(done.Caches, CacheLoad{Cache: ca.Name, Report: r})
		if r.Requests > 0 && r.Errors == r.Requests {
			return actions.Temporary{Err: fmt.Errorf("all %d requests failed: %s", r.Requests, r.Failures[0].Why)}
		}
		return nil
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: done.String(), Data: actions.Encode(done)}, nil
}

func loadOptions(call run.Call, args LoadArgs, d cache.Driver) cache.LoadOptions {
	opt := cache.LoadOptions{Duration: args.Duration, Rate: args.Rate}
	if d.Caps().Has(cache.CanStats) {
		opt.Stats = d.Stats
	}
	opt.Progress = func(elapsed, total time.Duration, requests uint64) {
		progress(call, fmt.Sprintf("%s of %s, %d requests", elapsed.Round(time.Second), total, requests), int(elapsed/time.Second), int(total/time.Second))
	}
	return opt
}

// String says what was measured, cache by cache.
func (l Loaded) String() string {
	out := make([]string, len(l.Caches))
	for i, c := range l.Caches {
		out[i] = c.Cache + ": " + loadLine(c.Report)
	}
	return strings.Join(out, "; ")
}

// loadLine says rate, hit ratio from both sides and times to first byte, hits and misses apart: one number for both hides each.
func loadLine(r cache.LoadReport) string {
	s := fmt.Sprintf("%d requests in %s, hit ratio %.1f %% (client)", r.Requests, r.Took.Round(100*time.Millisecond), 100*r.HitRatio())
	if r.Server != nil && r.Server.Hits+r.Server.Misses > 0 {
		s += fmt.Sprintf(", %.1f %% (%s)", 100*r.Server.Value(), r.Server.Source)
	} else {
		s += ", " + r.Note
	}
	if r.Hits > 0 {
		s += ", TTFB of hits " + latency(r.Hit)
	}
	if r.Misses+r.Passes > 0 {
		s += ", of misses " + latency(r.Missed)
	}
	if r.Errors > 0 {
		s += fmt.Sprintf(", %d errors (%s)", r.Errors, r.Failures[0].Why)
	}
	if r.Late > 0 {
		s += fmt.Sprintf(", %d not sent in time", r.Late)
	}
	return s
}

func latency(l cache.Latency) string {
	return fmt.Sprintf("p50 %s p95 %s p99 %s", short(l.P50), short(l.P95), short(l.P99))
}

func short(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// CanStop implements [run.Stoppable].
func (l loader) CanStop(run.Call) bool { return true }

// ByHand implements [run.Handbook]. No common tool asks with a Zipf law, so that what is given is an even load.
func (l loader) ByHand(ctx context.Context, call run.Call) ([]string, error) {
	args, err := decode[LoadArgs](KindLoadtest, call.Args)
	if err != nil {
		return nil, err
	}
	lines, err := l.c.byHandURLs(ctx, call, cache.VerbPrime, []string{args.Deployment}, nil)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("# an even load, object after object, for %s; %g requests/s want a load tool such as wrk or vegeta", args.Duration, args.Rate)
	out := []string{head, fmt.Sprintf("end=$(($(date +%%s)+%d)); while [ $(date +%%s) -lt $end ]; do", int(args.Duration.Seconds()))}
	return append(append(out, lines...), "done"), nil
}

// Timeout implements [run.Timed]: the test itself on each cache of a node, and time to walk the playlists.
func (l loader) Timeout(call run.Call) time.Duration {
	args, err := decode[LoadArgs](KindLoadtest, call.Args)
	if err != nil {
		return time.Minute
	}
	return cachesAtMost*args.Duration + 2*time.Minute
}

// cachesAtMost is how many caches of one node a time limit reckons with.
const cachesAtMost = 4
