package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/internal/near"
)

// scope is what a request is about, as the world was when it was read.
type scope struct {
	nodes       []actions.Node       // with at least one cache each
	without     []string             // nodes that were named and have no cache
	deployments []actions.Deployment // all of the world
}

// scope resolves the nodes of a request: those that are named; else those of the deployment; else all that have caches.
func (c *Content) scope(ctx context.Context, r actions.Request, w actions.World) (scope, error) {
	all, err := w.Nodes(ctx)
	if err != nil {
		return scope{}, fmt.Errorf("read the inventory: %w", err)
	}
	s := scope{}
	if s.deployments, err = w.Deployments(ctx); err != nil {
		return scope{}, fmt.Errorf("read the deployments: %w", err)
	}
	wanted, err := s.wanted(r, all)
	if err != nil {
		return scope{}, err
	}
	if wanted, err = pick(all, wanted); err != nil {
		return scope{}, err
	}
	for _, n := range wanted {
		if len(n.Caches) == 0 {
			s.without = append(s.without, n.Name)
			continue
		}
		s.nodes = append(s.nodes, n)
	}
	switch {
	case len(s.nodes) == 0 && len(s.without) > 0:
		return scope{}, fmt.Errorf("%s: no cache there in the inventory, so there is nothing to do; name one under caches of that node", strings.Join(s.without, ", "))
	case len(s.nodes) == 0:
		return scope{}, errors.New("no node of the inventory has a cache; name one under caches of a node")
	case len(s.nodes) > c.opts.Fanout:
		return scope{}, fmt.Errorf("%d nodes are more than one plan may touch (limits.fanout is %d): go site by site", len(s.nodes), c.opts.Fanout)
	}
	return s, nil
}

// wanted returns the nodes that a request means, as nodes of which at first only the names are sure.
func (s scope) wanted(r actions.Request, all []actions.Node) ([]actions.Node, error) {
	if named := r.All("node"); len(named) > 0 {
		return byName(named), nil
	}
	if name := r.One("deployment"); name != "" {
		d, err := s.deployment(name)
		if err != nil {
			return nil, err
		}
		if len(d.Nodes) > 0 {
			return byName(d.Nodes), nil
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(n actions.Node) bool { return len(n.Caches) == 0 }), nil
}

func byName(names []string) []actions.Node {
	out := make([]actions.Node, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// pick returns the inventory's entry of every wanted node, each once, in the order wanted.
func pick(all, wanted []actions.Node) ([]actions.Node, error) {
	known := make(map[string]actions.Node, len(all))
	names := make([]string, len(all))
	for i, n := range all {
		known[n.Name], names[i] = n, n.Name
	}
	var out []actions.Node
	seen := map[string]bool{}
	for _, want := range wanted {
		n, ok := known[want.Name]
		if !ok {
			return nil, unknown("node", want.Name, names)
		}
		if !seen[n.Name] {
			seen[n.Name] = true
			out = append(out, n)
		}
	}
	return out, nil
}

func unknown(what, name string, known []string) error {
	return fmt.Errorf("%w: no %s is called %q; %s", actions.ErrUnknown, what, name, near.Hint(name, known))
}

// deployment returns the deployment called name, or an error that offers the nearest.
func (s scope) deployment(name string) (actions.Deployment, error) {
	names := make([]string, len(s.deployments))
	for i, d := range s.deployments {
		if names[i] = d.Name; d.Name == name {
			return d, nil
		}
	}
	return actions.Deployment{}, unknown("deployment", name, names)
}

// serving returns the deployments on a node. One that names no nodes is on every node that has a cache.
func serving(all []actions.Deployment, node string) []actions.Deployment {
	var out []actions.Deployment
	for _, d := range all {
		if d.Origin != "" && (len(d.Nodes) == 0 || slices.Contains(d.Nodes, node)) {
			out = append(out, d)
		}
	}
	return out
}

// names returns the nodes' names.
func (s scope) names() []string {
	out := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		out[i] = n.Name
	}
	return out
}

// notes tells what a person must know of the nodes before the yes: what each holds and serves, and which were left out.
func (s scope) notes() []string {
	const shown = 8 // as many as actions.Plan names
	var out []string
	for i, n := range s.nodes {
		if i == shown {
			out = append(out, fmt.Sprintf("and %d more nodes", len(s.nodes)-shown))
			break
		}
		out = append(out, n.Name+": "+holds(n)+"; "+serves(serving(s.deployments, n.Name)))
	}
	if len(s.without) > 0 {
		out = append(out, "left out, since they have no cache: "+strings.Join(s.without, ", "))
	}
	return out
}

func holds(n actions.Node) string {
	out := make([]string, len(n.Caches))
	for i, c := range n.Caches {
		out[i] = c.Kind + " " + c.Name + " at " + c.URL
	}
	return strings.Join(out, ", ")
}

func serves(ds []actions.Deployment) string {
	if len(ds) == 0 {
		return "serves no deployment"
	}
	return "serves " + strings.Join(deploymentNames(ds), ", ")
}

func deploymentNames(ds []actions.Deployment) []string {
	out := make([]string, len(ds))
	for i, d := range ds {
		out[i] = d.Name
	}
	return out
}

// digest identifies what the plan was made from, so that the plan's hash changes with it.
func (s scope) digest() string {
	h := sha256.New()
	for _, n := range s.nodes {
		_, _ = h.Write(actions.Encode([]any{n.Name, n.Caches, serving(s.deployments, n.Name)})) // a hash takes every byte
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// caches says "cache front", or "every cache" where the nodes differ or have many.
func (s scope) caches() string {
	first := s.nodes[0].Caches
	for _, n := range s.nodes {
		if len(n.Caches) != 1 || n.Caches[0].Name != first[0].Name {
			return "every cache"
		}
	}
	return "cache " + first[0].Name
}

// node reads the node of a step from the world as it is now.
func (c *Content) node(ctx context.Context, name string) (actions.Node, error) {
	n, err := c.opts.World.Node(ctx, name)
	if err != nil {
		return n, fmt.Errorf("read node %s of the inventory: %w", name, err)
	}
	if len(n.Caches) == 0 {
		return n, fmt.Errorf("%s: no cache there in the inventory any more; plan again", name)
	}
	return n, nil
}

// servedBy reads the deployments on a node from the world as it is now.
func (c *Content) servedBy(ctx context.Context, node string) ([]actions.Deployment, error) {
	all, err := c.opts.World.Deployments(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the deployments: %w", err)
	}
	return serving(all, node), nil
}

// decode reads the arguments of a step. Keys that this release does not know are ignored: a newer one may have made the plan.
func decode[T any](kind string, args json.RawMessage) (T, error) {
	var v T
	if len(args) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(args, &v); err != nil {
		return v, fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return v, nil
}
