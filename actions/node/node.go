package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/internal/near"
)

// Options are what the verbs need. The zero value works: health is then told as "not asked".
type Options struct {
	// Health asks one cache of one node how it is. It is called for all caches of a node at once.
	Health func(ctx context.Context, n actions.Node, c actions.Cache) (cache.Health, error)
	// Patience bounds the asking for health; 0 means 3 s.
	Patience time.Duration
}

// Nodes answers about nodes. Safe for concurrent use.
type Nodes struct{ opts Options }

// New returns the verbs' home.
func New(opts Options) *Nodes {
	if opts.Patience <= 0 {
		opts.Patience = 3 * time.Second
	}
	return &Nodes{opts: opts}
}

// Verbs returns node.list and node.show.
func (n *Nodes) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "node.list", Risk: actions.Read, Answer: n.list},
		{Intent: "node.show", Risk: actions.Read, Answer: n.show},
	}
}

// find returns the node called name; an unknown name is an error that offers the nearest.
func find(ctx context.Context, w actions.World, name string) (actions.Node, error) {
	n, err := w.Node(ctx, name)
	if err == nil || !errors.Is(err, actions.ErrUnknown) {
		return n, err
	}
	all, lerr := w.Nodes(ctx)
	if lerr != nil {
		return n, err
	}
	return n, unknown("node", name, names(all))
}

func unknown(what, name string, known []string) error {
	return fmt.Errorf("%w: no %s is called %q; %s", actions.ErrUnknown, what, name, near.Hint(name, known))
}

func names(nodes []actions.Node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.Name
	}
	return out
}

// serves returns the names of the deployments on each node. A deployment that names no nodes is on every node that has a cache, as the
// verbs of caches take it.
func serves(ctx context.Context, w actions.World) (func(actions.Node) []string, error) {
	all, err := w.Deployments(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the deployments: %w", err)
	}
	return func(n actions.Node) []string {
		var out []string
		for _, d := range all {
			if slices.Contains(d.Nodes, n.Name) || len(d.Nodes) == 0 && len(n.Caches) > 0 {
				out = append(out, d.Name)
			}
		}
		return out
	}, nil
}
