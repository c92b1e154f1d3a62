package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// world is the inventory as one reload left it: what the configuration file defines, and the orphans that vanished from it.
type world struct {
	nodes       []actions.Node
	deployments []actions.Deployment
	byName      map[string]int
}

// newWorld joins the nodes of the file and the orphans. It keeps both slices.
func newWorld(nodes, orphans []actions.Node, deployments []actions.Deployment) *world {
	w := &world{nodes: slices.Concat(nodes, orphans), deployments: deployments, byName: map[string]int{}}
	for i, n := range w.nodes {
		w.byName[n.Name] = i
	}
	return w
}

// Nodes returns the inventory, orphans last.
func (w *world) Nodes(context.Context) ([]actions.Node, error) { return slices.Clone(w.nodes), nil }

// Node returns one node.
func (w *world) Node(_ context.Context, name string) (actions.Node, error) {
	if i, ok := w.byName[name]; ok {
		return w.nodes[i], nil
	}
	return actions.Node{}, fmt.Errorf("node %s is not in the inventory: %w", name, actions.ErrUnknown)
}

// Deployments returns all deployments.
func (w *world) Deployments(context.Context) ([]actions.Deployment, error) {
	return slices.Clone(w.deployments), nil
}

// Deployment returns one deployment.
func (w *world) Deployment(_ context.Context, name string) (actions.Deployment, error) {
	i := slices.IndexFunc(w.deployments, func(d actions.Deployment) bool { return d.Name == name })
	if i < 0 {
		return actions.Deployment{}, fmt.Errorf("deployment %s is not in the inventory: %w", name, actions.ErrUnknown)
	}
	return w.deployments[i], nil
}

// fileKey is the key under which the store remembers what the configuration file defined last.
const fileKey = "file"

// remembered is that record: a node that is in Nodes and no longer in the file is an orphan, shown and never destroyed.
type remembered struct {
	Nodes   []actions.Node `json:"nodes"`
	Orphans []actions.Node `json:"orphans,omitempty"`
}

// remember compares the file's nodes with what it defined last, stores the new state, and returns the orphans.
func remember(ctx context.Context, kv store.KV, nodes []actions.Node) ([]actions.Node, error) {
	entry, err := kv.Get(ctx, fileKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read the remembered inventory: %w", err)
	}
	var last remembered
	if err == nil {
		if err := json.Unmarshal(entry.Value, &last); err != nil {
			return nil, fmt.Errorf("read the remembered inventory: %w", err)
		}
	}
	next := remembered{Nodes: nodes}
	for _, n := range slices.Concat(last.Nodes, last.Orphans) {
		if !slices.ContainsFunc(nodes, func(m actions.Node) bool { return m.Name == n.Name }) {
			n.Orphaned = true
			next.Orphans = append(next.Orphans, n)
		}
	}
	value, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("remember the inventory: %w", err)
	}
	if string(value) == string(entry.Value) {
		return next.Orphans, nil
	}
	if entry.Revision == 0 {
		_, err = store.CreateSure(ctx, kv, fileKey, value)
	} else {
		_, err = store.UpdateSure(ctx, kv, fileKey, value, entry.Revision)
	}
	if err != nil {
		return nil, fmt.Errorf("remember the inventory: %w", err)
	}
	return next.Orphans, nil
}
