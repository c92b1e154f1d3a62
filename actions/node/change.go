package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// The kinds of steps that this package's executors carry out. Their arguments are a [Record].
const (
	KindPut    = "node.put"
	KindDrop   = "node.drop"
	KindForget = "node.forget"
)

// User says who refers to a node, such as "job morning-prime: prime news on edge-9". A node that somebody refers to is not removed.
type User func(ctx context.Context, node string) ([]string, error)

// Follow returns the steps that follow a node's change in another world, such as its registration in the monitoring.
type Follow func(ctx context.Context, n actions.Node) (steps []actions.Step, notes []string, err error)

var errNoStore = errors.New("nodes cannot be added here: they are in the configuration file, under inventory.nodes")

func (n *Nodes) planAdd(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	if n.opts.Store == nil {
		return actions.Plan{}, errNoStore
	}
	all, err := w.Nodes(ctx)
	if err != nil {
		return actions.Plan{}, fmt.Errorf("read the inventory: %w", err)
	}
	nd := actions.Node{Name: r.One("node"), Address: r.One("address"), Platform: r.One("platform")}
	if err := n.fresh(ctx, nd, all); err != nil {
		return actions.Plan{}, err
	}
	var notes []string
	if nd.Site, err = siteOf(r, all); err != nil {
		return actions.Plan{}, err
	}
	if r.Options[newSite] != "" {
		notes = append(notes, "site "+nd.Site+" is new")
	}
	if nd.Platform == "" {
		nd.Platform = "linux"
		notes = append(notes, "its platform is taken to be linux; --platform darwin says otherwise")
	}
	for _, other := range all {
		if other.Address == nd.Address {
			notes = append(notes, fmt.Sprintf("%s has the address %s, too", other.Name, nd.Address))
		}
	}
	say := "add node " + nd.Name + ": " + where(nd)
	p := actions.Plan{Request: r, Risk: actions.Reversible, Say: say, Groups: []actions.Group{{Steps: []actions.Step{{
		Kind: KindPut, Key: "node/" + nd.Name, Args: actions.Encode(Record{Node: nd, By: r.Actor.String()}), Say: "take " + nd.Name + " into the inventory",
	}}}}}
	return n.followed(ctx, p, nd, append(notes, "caches on it are named in the configuration file"), n.opts.Added)
}

// newSite is the option that names a site which no node has yet: a slip in a site's name makes none.
const newSite = "new-site"

// siteOf returns the site of a node that is added: one that there is, or one that is said to be new.
func siteOf(r actions.Request, all []actions.Node) (string, error) {
	known, site, fresh := distinct(all, func(n actions.Node) string { return n.Site }), r.One("site"), r.Options[newSite]
	i := slices.IndexFunc(known, func(s string) bool { return strings.EqualFold(s, cmp.Or(fresh, site)) })
	switch {
	case site != "" && fresh != "":
		return "", errors.New("--site and --new-site do not go together: leave one out")
	case fresh != "" && i >= 0:
		return "", fmt.Errorf("site %s is not new: say --site %s", known[i], known[i])
	case fresh != "":
		return fresh, checkSite(fresh)
	case site != "" && i < 0:
		return "", fmt.Errorf("%w; if it is new, say --new-site %s", unknown("site", site, known), site)
	case site != "":
		return known[i], nil
	}
	return "", nil
}

// followed adds the steps in other worlds.
func (n *Nodes) followed(ctx context.Context, p actions.Plan, nd actions.Node, notes []string, follow Follow) (actions.Plan, error) {
	if follow != nil {
		steps, more, err := follow(ctx, nd)
		if err != nil {
			return actions.Plan{}, err
		}
		p.Groups[0].Steps = append(p.Groups[0].Steps, steps...)
		notes = append(notes, more...)
	}
	p.Notes = notes
	return p, nil
}

// fresh says why a node cannot be added, or nil.
func (n *Nodes) fresh(ctx context.Context, nd actions.Node, all []actions.Node) error {
	if err := errors.Join(checkName(nd.Name), checkAddress(nd.Address)); err != nil {
		return err
	}
	for _, have := range all {
		switch {
		case have.Name == nd.Name && have.Orphaned:
			return fmt.Errorf("%s vanished from the configuration file and is kept as an orphan: put it back there, or say first: remove node %s", nd.Name, nd.Name)
		case have.Name == nd.Name:
			return fmt.Errorf("there is a node %s already, %s; say show node %s", nd.Name, n.origin(nd.Name), nd.Name)
		case folded(have.Name) == folded(nd.Name):
			return fmt.Errorf("%s would be taken for %s, which is in the inventory: choose another name", nd.Name, have.Name)
		}
	}
	if have, revision, err := n.opts.Store.read(ctx, nd.Name); err != nil {
		return err
	} else if revision != 0 {
		return fmt.Errorf("there is a node %s already, added by %s", nd.Name, have.By)
	}
	return nil
}

// origin says where a node comes from.
func (n *Nodes) origin(name string) string {
	if r, ok := n.opts.Store.Find(name); ok {
		return fmt.Sprintf("added by %s at %s", r.By, r.Since.UTC().Format("2006-01-02 15:04 MST"))
	}
	return "in the configuration file"
}

func (n *Nodes) planRemove(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	if n.opts.Store == nil {
		return actions.Plan{}, errNoStore
	}
	if len(r.All("node")) != 1 {
		return actions.Plan{}, fmt.Errorf("node.remove wants one node, got %d: say it for each", len(r.All("node")))
	}
	nd, err := find(ctx, w, r.One("node"))
	if err != nil {
		return actions.Plan{}, err
	}
	if err := n.unused(ctx, w, nd); err != nil {
		return actions.Plan{}, err
	}
	have, revision, err := n.opts.Store.read(ctx, nd.Name)
	step := actions.Step{Kind: KindDrop, Key: "node/" + nd.Name, Args: actions.Encode(have), Say: "take " + nd.Name + " out of the inventory"}
	ofFile := n.opts.File != nil && n.opts.File(nd.Name)
	switch {
	case err != nil:
		return actions.Plan{}, err
	case revision != 0 && !ofFile:
	case nd.Orphaned && n.opts.Forget != nil:
		step.Kind, step.Args, step.Say = KindForget, actions.Encode(Record{Node: nd}), "forget "+nd.Name+", which has vanished from the configuration file"
	default:
		return actions.Plan{}, fmt.Errorf("%s is in the configuration file, which alone decides about it: take it out there and reload", nd.Name)
	}
	p := actions.Plan{Request: r, Risk: actions.Destructive, Say: "remove node " + nd.Name + ": " + where(nd), Groups: []actions.Group{{Steps: []actions.Step{step}}}}
	return n.followed(ctx, p, nd, nil, n.opts.Removed)
}

// unused says who refers to a node, or nil when nobody does.
func (n *Nodes) unused(ctx context.Context, w actions.World, nd actions.Node) error {
	var by []string
	all, err := w.Deployments(ctx)
	if err != nil {
		return fmt.Errorf("read the deployments: %w", err)
	}
	for _, d := range all {
		if slices.Contains(d.Nodes, nd.Name) {
			by = append(by, "deployment "+d.Name)
		}
	}
	for _, user := range n.opts.Users {
		some, err := user(ctx, nd.Name)
		if err != nil {
			return fmt.Errorf("look who refers to %s: %w", nd.Name, err)
		}
		by = append(by, some...)
	}
	if len(by) > 0 {
		return fmt.Errorf("%s is still referred to by %s: change that first", nd.Name, strings.Join(by, ", "))
	}
	return nil
}
