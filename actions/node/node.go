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
	// Enrol makes what lets the agent of a node in, once; nil where agents cannot come.
	Enrol func(ctx context.Context, node, by string) (Pass, error)
	// Agent tells what is known of the agent of a node; nil when no node has one.
	Agent func(node string) Agent
	// Pairs are sentences about what is not well between a node and others in segments; nil where nobody probes.
	Pairs func(node string) []string
	// Patience bounds the asking for health; 0 means 3 s.
	Patience time.Duration

	// Store holds the nodes that are added at run time; without it none are.
	Store *Store
	// World is the inventory of now, by which a step proves that a node is known everywhere; nil proves nothing.
	World actions.World
	// File tells whether the configuration file defines a node, which then alone decides about it; nil for what the store does not hold.
	File func(name string) bool
	// Users are asked who refers to a node before it is removed, besides the deployments.
	Users []User
	// Added and Removed return what else is to be done about a new node, and about one that goes; nil for nothing.
	Added, Removed Follow
	// Forget drops a node that has vanished from the configuration file, Recall takes that back; without them such nodes stay.
	Forget func(ctx context.Context, name string) error
	Recall func(ctx context.Context, n actions.Node) error
	Now    func() time.Time // nil = time.Now

	// Drains holds which nodes are being drained; without it none can be.
	Drains *Drains
	// Carried are asked what is on a node, besides the deployments, when it is drained.
	Carried []User
}

// Nodes answers about nodes. Safe for concurrent use.
type Nodes struct{ opts Options }

// New returns the verbs' home.
func New(opts Options) *Nodes {
	if opts.Patience <= 0 {
		opts.Patience = 3 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Nodes{opts: opts}
}

// Verbs returns what stands behind the intents node.*.
func (n *Nodes) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "node.list", Risk: actions.Read, Answer: n.list},
		{Intent: "node.show", Risk: actions.Read, Answer: n.show},
		{Intent: "node.enrol", Risk: actions.Reversible, Answer: n.enrol},
		{Intent: "node.add", Risk: actions.Reversible, Plan: n.planAdd},
		{Intent: "node.remove", Risk: actions.Destructive, Plan: n.planRemove},
		{Intent: "node.drain", Risk: actions.Disruptive, Plan: n.planDrain},
		{Intent: "node.undrain", Risk: actions.Reversible, Plan: n.planUndrain},
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
