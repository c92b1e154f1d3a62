package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
)

// manyNodes and the quarter below are the blast radius of INTENTS.md "Risk classes": more than three nodes, or more than a quarter of the
// nodes of one site, rise one class.
const manyNodes = 3

// touched is everything that a case is about, read from the world.
type touched struct {
	nodes       []actions.Node
	fresh       []actions.Node // that are not in the inventory yet
	deployments []actions.Deployment
	segments    []Segment
	sites       map[string]int // how many nodes the world has in each site
}

// gather reads what the case touches. It errs where a name is not known: a right on something unknown cannot be checked.
func gather(ctx context.Context, c Case) (touched, error) {
	t := touched{sites: map[string]int{}, segments: segments(c)}
	names := unique(c.Request.Slots["node"], c.Request.Slots["to"], c.Nodes, targets(c.Plan))
	deployments := unique(c.Request.Slots["deployment"], c.Deployments)
	if len(names)+len(deployments) == 0 {
		return t, nil
	}
	if c.World == nil {
		return t, errors.New("there is no inventory to look them up in")
	}
	if err := ctx.Err(); err != nil {
		return t, err
	}
	for _, name := range deployments {
		d, err := c.World.Deployment(ctx, name)
		if err != nil {
			return t, fmt.Errorf("deployment %s: %w", name, err)
		}
		t.deployments = append(t.deployments, d)
	}
	return t, t.addNodes(ctx, c, names)
}

// segments are those of the case, and those that the request names beyond them, which are of nobody known.
func segments(c Case) []Segment {
	out := slices.Clone(c.Segments)
	for _, name := range c.Request.Slots["segment"] {
		if !slices.ContainsFunc(out, func(s Segment) bool { return s.Name == name }) {
			out = append(out, Segment{Name: name})
		}
	}
	return out
}

// adding is the intent whose node is not there yet. Rights on it are looked at where it is going to be.
const adding = "node.add"

// enrolling is the intent that lets the agent of a node in.
const enrolling = "node.enrol"

// fresh returns the node that a request is about to add.
func fresh(r actions.Request, name string) (actions.Node, bool) {
	site := cmp.Or(r.One("site"), r.Options["new-site"])
	return actions.Node{Name: name, Address: r.One("address"), Site: site, Platform: r.One("platform")}, r.Intent == adding && r.One("node") == name
}

func (t *touched) addNodes(ctx context.Context, c Case, names []string) error {
	if len(names) == 0 {
		return nil
	}
	all, err := c.World.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	known := make(map[string]actions.Node, len(all))
	for _, n := range all {
		known[n.Name] = n
		t.sites[n.Site]++
	}
	for _, name := range names {
		n, ok := known[name]
		if added, is := fresh(c.Request, name); !ok && is {
			t.fresh = append(t.fresh, added)
			continue
		}
		if !ok {
			return fmt.Errorf("node %s: %w", name, actions.ErrUnknown)
		}
		t.nodes = append(t.nodes, n)
	}
	return nil
}

// blast tells why the plan is large, or "" when it is not. Nodes without a site count as one site of their own.
func (t touched) blast() string {
	if len(t.nodes) > manyNodes {
		return fmt.Sprintf("it touches %d nodes, more than %d", len(t.nodes), manyNodes)
	}
	hit := map[string]int{}
	for _, n := range t.nodes {
		hit[n.Site]++
	}
	for _, n := range t.nodes {
		if of := t.sites[n.Site]; 4*hit[n.Site] > of {
			return fmt.Sprintf("it touches %d of the %d nodes of %s, more than a quarter", hit[n.Site], of, place("site", n.Site))
		}
	}
	return ""
}

// allow applies the risk table to what a role has granted: from an exact command everything up to disruptive acts, destructive asks. A plan
// may ask for a yes by itself, and may be riskier than its verb, never less.
//
// Why holds what is to be said behind the right itself.
func allow(c Case, t touched) Verdict {
	v := Verdict{Allow: true, Rule: RuleRole, Risk: c.Risk}
	if c.Plan != nil && c.Plan.Risk != "" && c.Plan.Risk.Rank() > v.Risk.Rank() {
		v.Risk = c.Plan.Risk
	}
	if v.Risk.Rank() == actions.Destructive.Rank() {
		v.Risk = actions.Destructive // a class that is not known counts as the worst
	}
	if v.Risk == actions.Read {
		return v
	}
	if why := t.blast(); why != "" {
		if raised := v.Risk.Raise(); raised != v.Risk {
			v.Why += fmt.Sprintf("; %s instead of %s, as %s", raised, v.Risk, why)
			v.Risk = raised
		}
	}
	v.Confirm = v.Risk.Rank() >= actions.Destructive.Rank() || c.Plan != nil && c.Plan.Confirm
	return v
}

func targets(p *actions.Plan) []string {
	if p == nil {
		return nil
	}
	return p.Targets()
}

func unique(lists ...[]string) []string {
	seen := map[string]bool{}
	out := slices.Concat(lists...)
	return slices.DeleteFunc(out, func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}
