package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// Shown is the node of node.show, for programs.
type Shown struct {
	Listed
	Health []CacheHealth `json:"health,omitempty"`
	Agent  Agent         `json:"agent,omitzero"`
}

// CacheHealth is how one cache of the node is.
type CacheHealth struct {
	Cache string       `json:"cache"`
	State string       `json:"state"` // "well", "not asked", or what is wrong
	Bad   bool         `json:"bad,omitempty"`
	Seen  cache.Health `json:"seen"`
}

func (n *Nodes) show(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	if len(r.All("node")) != 1 {
		return actions.Answer{}, fmt.Errorf("node.show wants one node, got %d; for several say: list nodes", len(r.All("node")))
	}
	nd, err := find(ctx, w, r.One("node"))
	if err != nil {
		return actions.Answer{}, err
	}
	on, err := serves(ctx, w)
	if err != nil {
		return actions.Answer{}, err
	}
	health := n.ask(ctx, nd)
	bad := slices.ContainsFunc(health, func(h CacheHealth) bool { return h.Bad })
	var held Agent
	if n.opts.Agent != nil {
		held = n.opts.Agent(nd.Name)
	}
	a := actions.Answer{
		Title: nd.Name + state(health) + ": " + where(nd),
		Lines: slices.Concat(details(nd, on(nd)), held.lines(), n.lacks(nd.Name)),
		Bad:   bad,
		Data:  Shown{Listed: Listed{Node: nd, Deployments: on(nd)}, Health: health, Agent: held},
	}
	if d, ok := n.drained(nd.Name); ok {
		a.Lines = append([]string{"draining, " + d.about() + ": nothing new is put there"}, a.Lines...)
	}
	if n.opts.Pairs != nil {
		pairs := n.opts.Pairs(nd.Name)
		a.Lines, a.Bad = append(a.Lines, pairs...), a.Bad || len(pairs) > 0
	}
	if len(nd.Caches) > 0 {
		a.Table = cacheTable(nd, health)
		a.Hint = "numbers: cache stats " + nd.Name
	}
	return a, nil
}

// ask asks all caches of the node at once, and gives up after Options.Patience: an answer late is no answer to a tired person.
func (n *Nodes) ask(ctx context.Context, nd actions.Node) []CacheHealth {
	ctx, cancel := context.WithTimeout(ctx, n.opts.Patience)
	defer cancel()
	out := make([]CacheHealth, len(nd.Caches))
	var wg sync.WaitGroup
	for i, c := range nd.Caches {
		wg.Go(func() { out[i] = n.askOne(ctx, nd, c) })
	}
	wg.Wait()
	return out
}

func (n *Nodes) askOne(ctx context.Context, nd actions.Node, c actions.Cache) CacheHealth {
	if n.opts.Health == nil {
		return CacheHealth{Cache: c.Name, State: "not asked"}
	}
	h, err := n.opts.Health(ctx, nd, c)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return CacheHealth{Cache: c.Name, State: "no answer within " + n.opts.Patience.String(), Bad: true}
	case err != nil:
		return CacheHealth{Cache: c.Name, State: err.Error(), Bad: true}
	case len(h.Problems) > 0 || !h.OK:
		return CacheHealth{Cache: c.Name, State: problem(h), Bad: true, Seen: h}
	}
	return CacheHealth{Cache: c.Name, State: "well", Seen: h}
}

func problem(h cache.Health) string {
	if len(h.Problems) == 0 {
		return "not well, and it does not say why"
	}
	return strings.Join(h.Problems, "; ")
}

// state sums up the caches: " is well", " is not well", or nothing where nobody was asked.
func state(health []CacheHealth) string {
	asked := false
	for _, h := range health {
		if h.Bad {
			return " is not well"
		}
		asked = asked || h.State == "well"
	}
	if asked {
		return " is well"
	}
	return ""
}

func where(n actions.Node) string {
	parts := slices.DeleteFunc([]string{n.Site, n.Platform, n.Address}, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return "nothing but its name is known"
	}
	return strings.Join(parts, ", ")
}

func details(n actions.Node, deployments []string) []string {
	var out []string
	if n.Orphaned {
		out = append(out, "orphaned: it vanished from the configuration file and is kept until a person decides")
	}
	if len(n.Labels) > 0 {
		var labels []string
		for _, k := range slices.Sorted(maps.Keys(n.Labels)) {
			labels = append(labels, k+"="+n.Labels[k])
		}
		out = append(out, "labels: "+strings.Join(labels, ", "))
	}
	switch {
	case len(deployments) > 0:
		out = append(out, "serves: "+strings.Join(deployments, ", "))
	default:
		out = append(out, "serves: no deployment")
	}
	if len(n.Caches) == 0 {
		out = append(out, "caches: none")
	}
	return out
}

func cacheTable(n actions.Node, health []CacheHealth) *actions.Table {
	t := &actions.Table{Columns: []string{"CACHE", "KIND", "URL", "ADMIN", "STATE"}}
	for i, c := range n.Caches {
		s := health[i].State
		if v := health[i].Seen.Version; v != "" && !health[i].Bad {
			s += ", " + v
		}
		t.Rows = append(t.Rows, []string{c.Name, c.Kind, c.URL, orDash(c.AdminAddress), s})
	}
	return t
}
