package content

import (
	"context"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/cache"
)

// byHandMost is how many URLs are written out; a runbook of thousands of lines helps nobody.
const byHandMost = 40

// byHand returns the commands for an operation on every cache of the call's node.
func (c *Content) byHand(ctx context.Context, call run.Call, op func(cache.Driver) (cache.Op, error)) ([]string, error) {
	n, err := c.node(ctx, call.Node)
	if err != nil {
		return nil, err
	}
	var out []string
	err = c.onCaches(n, func(ca actions.Cache, d cache.Driver) error {
		o, err := op(d)
		if err != nil {
			out = append(out, "# "+n.Name+"/"+ca.Name+": no commands: "+err.Error()) // the rest of the runbook is worth having
			return nil
		}
		cut := len(o.URLs) - byHandMost
		if cut > 0 {
			o.URLs = o.URLs[:byHandMost]
		}
		out = append(out, "# "+n.Name+"/"+ca.Name)
		out = append(out, d.ByHand(o)...)
		if cut > 0 {
			out = append(out, fmt.Sprintf("# and %d more URLs of the same playlists", cut))
		}
		return nil
	})
	return out, err
}

// byHandURLs returns the commands for an operation on URLs, which are read from the playlists where only deployments are named. Playlists
// that cannot be read now are a comment among the commands: the rest of the runbook is worth having.
func (c *Content) byHandURLs(ctx context.Context, call run.Call, verb cache.Verb, deployments, urls []string) ([]string, error) {
	ch, ds, err := c.subjectOf(ctx, call.Node, deployments, urls)
	if err != nil && len(ds) == 0 {
		return nil, err
	}
	var out []string
	for _, p := range ch.problems {
		out = append(out, "# not read, so its URLs are missing here: "+p)
	}
	if len(ch.objects) == 0 {
		return append(out, "# nothing to "+string(verb)+" on "+call.Node), nil
	}
	lines, err := c.byHand(ctx, call, func(cache.Driver) (cache.Op, error) {
		return cache.Op{Verb: verb, URLs: cache.Walked{Objects: ch.objects}.URLs()}, nil
	})
	return append(out, lines...), err
}
