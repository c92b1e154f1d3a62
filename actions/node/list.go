package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// Listed is one node of node.list, for programs.
type Listed struct {
	actions.Node
	Deployments []string `json:"deployments,omitempty"`
}

func (n *Nodes) list(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	all, err := w.Nodes(ctx)
	if err != nil {
		return actions.Answer{}, fmt.Errorf("read the inventory: %w", err)
	}
	on, err := serves(ctx, w)
	if err != nil {
		return actions.Answer{}, err
	}
	kept, err := filter(all, r)
	if err != nil {
		return actions.Answer{}, err
	}
	a := actions.Answer{Title: title(r, len(kept), len(all)), Data: listed(kept, on)}
	if len(kept) > 0 {
		a.Table = n.listTable(kept, on)
	}
	if len(all) == 0 {
		a.Hint = "name nodes under inventory.nodes in the configuration file"
	}
	return a, nil
}

// filter keeps the nodes of the asked site and platform. A site or platform that no node has is an unknown name, not an empty list.
func filter(all []actions.Node, r actions.Request) ([]actions.Node, error) {
	kept := all
	for _, f := range []struct {
		slot string
		of   func(actions.Node) string
	}{
		{"site", func(n actions.Node) string { return n.Site }},
		{"platform", func(n actions.Node) string { return n.Platform }},
	} {
		want := r.One(f.slot)
		if want == "" {
			continue
		}
		known := distinct(all, f.of)
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, want) }) {
			return nil, unknown(f.slot, want, known)
		}
		kept = slices.DeleteFunc(slices.Clone(kept), func(n actions.Node) bool { return !strings.EqualFold(f.of(n), want) })
	}
	return kept, nil
}

func distinct(nodes []actions.Node, of func(actions.Node) string) []string {
	seen := map[string]bool{}
	for _, n := range nodes {
		if v := of(n); v != "" {
			seen[v] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// title says "2 nodes", or "2 of 9 nodes: site berlin, platform linux".
func title(r actions.Request, kept, all int) string {
	var by []string
	for _, slot := range []string{"site", "platform"} {
		if v := r.One(slot); v != "" {
			by = append(by, slot+" "+v)
		}
	}
	switch {
	case all == 0:
		return "the inventory has no nodes"
	case len(by) > 0:
		return fmt.Sprintf("%d of %s: %s", kept, count(all, "node"), strings.Join(by, ", "))
	}
	return count(all, "node")
}

func (n *Nodes) listTable(nodes []actions.Node, on func(actions.Node) []string) *actions.Table {
	t := &actions.Table{Columns: []string{"NODE", "ADDRESS", "SITE", "PLATFORM", "CACHES", "DEPLOYMENTS"}}
	for _, nd := range nodes {
		t.Rows = append(t.Rows, []string{n.mark(nd), orDash(nd.Address), orDash(nd.Site), orDash(nd.Platform),
			orDash(strings.Join(cacheNames(nd), ", ")), orDash(strings.Join(on(nd), ", "))})
	}
	return t
}

// mark returns the node's name, with a word beside it where a person still has to decide about it.
func (n *Nodes) mark(nd actions.Node) string {
	if nd.Orphaned {
		return nd.Name + " (orphaned)"
	}
	if _, ok := n.drained(nd.Name); ok {
		return nd.Name + " (draining)"
	}
	return nd.Name
}

// drained tells whether a node is being drained.
func (n *Nodes) drained(name string) (Drain, bool) {
	if n.opts.Drains == nil {
		return Drain{}, false
	}
	return n.opts.Drains.Find(name)
}

func listed(nodes []actions.Node, on func(actions.Node) []string) []Listed {
	out := make([]Listed, len(nodes))
	for i, n := range nodes {
		out[i] = Listed{Node: n, Deployments: on(n)}
	}
	return out
}

func cacheNames(n actions.Node) []string {
	out := make([]string, len(n.Caches))
	for i, c := range n.Caches {
		out[i] = c.Name
	}
	return out
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
