package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/run"
	alertdoor "github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/intents"
)

// ownVerbs are the intents that the desk answers itself.
func (d *Desk) ownVerbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "help", Risk: actions.Read, Answer: d.help},
		{Intent: "whoami", Risk: actions.Read, Answer: d.whoami},
		{Intent: "status.show", Risk: actions.Read, Answer: d.showStatus},
		d.resumeVerb(),
	}
}

// help lists what can be said, or explains one intent.
func (d *Desk) help(_ context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	topic := r.One("topic")
	if topic == "" {
		a := actions.Answer{Title: "this is what I understand", Hint: "\"help flush\" tells more; --dry-run shows a plan, --by-hand the commands to type without me"}
		others := 0
		for _, s := range d.catalog {
			if !mayAsk(d.view.Load().Policy, r.Actor, s.Name) {
				others++
				continue
			}
			a.Lines = append(a.Lines, fmt.Sprintf("%s: %s (%s)", s.Usage, s.Help, s.Risk))
		}
		if others > 0 {
			a.Lines = append(a.Lines, fmt.Sprintf("%d more need a role that %s has not; \"whoami\" tells your roles", others, r.Actor))
		}
		return a, nil
	}
	var found []intents.Spec
	for _, s := range d.catalog {
		if s.Name == topic || strings.HasPrefix(s.Name, topic+".") || strings.HasSuffix(s.Name, "."+topic) || slices.Contains(s.Verbs, topic) {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return actions.Answer{}, fmt.Errorf("no help on %q: %w; say \"help\" for the list", topic, actions.ErrUnknown)
	}
	a := actions.Answer{Title: fmt.Sprintf("help on %s", topic)}
	for _, s := range found {
		a.Lines = append(a.Lines, fmt.Sprintf("%s (%s): %s", s.Name, s.Risk, s.Help), "  say: "+s.Usage)
		for _, e := range s.Examples {
			a.Lines = append(a.Lines, "  for example: "+e)
		}
		if s.Undo != "" {
			a.Lines = append(a.Lines, "  to take it back: "+s.Undo)
		}
	}
	return a, nil
}

// mayAsk tells whether any role of somebody covers an intent, somewhere.
func mayAsk(p *policy.Policy, a actions.Actor, intent string) bool {
	return slices.ContainsFunc(p.Roles(a.Name), func(r policy.Role) bool { return r.Allows(intent) })
}

// whoami tells who the bot takes somebody for, and what they may.
func (d *Desk) whoami(_ context.Context, r actions.Request, _ actions.World) (actions.Answer, error) {
	p := d.view.Load().Policy
	if r.Actor.Name == "" {
		return actions.Answer{Title: fmt.Sprintf("I know you as %s, which is nobody in people", r.Actor.As), Hint: "put this identity into people in the configuration and reload", Bad: true}, nil
	}
	return actions.Answer{Title: fmt.Sprintf("you are %s (%s)", r.Actor.Name, r.Actor.As), Lines: rights(p, r.Actor)}, nil
}

// rights tells the roles of a person and what each lets them do, a line a role.
func rights(p *policy.Policy, a actions.Actor) []string {
	var out []string
	for _, r := range p.Roles(a.Name) {
		line := fmt.Sprintf("role %s: %s", r.Name, strings.Join(r.May, ", "))
		if r.Sites != nil {
			line += "; sites " + strings.Join(r.Sites, ", ")
		}
		if r.Tenants != nil {
			line += "; tenants " + strings.Join(r.Tenants, ", ")
		}
		out = append(out, line)
	}
	if out == nil {
		out = []string{"no role: you may do nothing"}
	}
	return out
}

// showStatus tells how the bot, the nodes named (or all) and the runs are. Who asks for nodes hears of the bot only what is not well.
func (d *Desk) showStatus(ctx context.Context, r actions.Request, w actions.World) (actions.Answer, error) {
	a := actions.Answer{Title: "all is well", Table: &actions.Table{Columns: []string{"part", "state"}}}
	nodes, err := statusNodes(ctx, r, w)
	if err != nil {
		return actions.Answer{}, err
	}
	for _, s := range d.status(ctx) {
		if !s.OK || len(nodes) == 0 {
			a.Table.Rows = append(a.Table.Rows, []string{s.Part, s.State})
		}
		if !s.OK {
			a.Title, a.Bad = "not all is well", true
		}
	}
	if on, info, err := d.importer.ObserveOnly(ctx); err == nil && on {
		a.Title, a.Bad = "I only observe", true
		a.Table.Rows = append(a.Table.Rows, []string{"observe-only", info.Why})
		a.Hint = "say \"resume\": I show the difference and ask"
	}
	if on, why, err := d.rules.Paused(ctx); err == nil && on {
		a.Title, a.Bad = "rules and jobs are held", true
		a.Table.Rows = append(a.Table.Rows, []string{"automation", why})
		a.Hint = "say \"resume\" to let them act again"
	}
	for _, n := range nodes {
		a.Table.Rows = append(a.Table.Rows, []string{n.Name, nodeState(n)})
	}
	quiet, err := d.showIncidents(ctx, &a, nodes)
	if err != nil {
		return a, err
	}
	if !a.Bad && quiet > 0 {
		a.Title = "nothing new: " + actions.Counted(quiet, "open incident") + " acknowledged, in downtime or flapping"
	}
	runs, err := d.engine.List(ctx, run.Filter{Limit: 200})
	if err != nil {
		return a, err
	}
	for _, x := range runs {
		if !x.State.Final() {
			a.Table.Rows = append(a.Table.Rows, []string{x.ID, string(x.State) + ": " + x.Plan.Say})
		}
	}
	return a, nil
}

// showIncidents adds the open incidents of the nodes, of all where none are named, and returns how many of them wait for nobody: those
// do not make it worse.
func (d *Desk) showIncidents(ctx context.Context, a *actions.Answer, nodes []actions.Node) (quiet int, err error) {
	byNode, err := d.incidents(ctx)
	if err != nil {
		return 0, err
	}
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		if len(nodes) > 0 && !slices.ContainsFunc(nodes, func(n actions.Node) bool { return n.Name == node }) {
			continue
		}
		for _, in := range byNode[node] {
			if in.Under != "" {
				continue // it is told with the host that it is on
			}
			status := in.Status()
			a.Table.Rows = append(a.Table.Rows, []string{in.Object(), fmt.Sprintf("%s since %s: %s", in.State, in.Problem.Since.UTC().Format("15:04 MST"), status)})
			if status != alertdoor.Open {
				quiet++
				continue
			}
			a.Title, a.Bad = "not all is well", true
		}
	}
	return quiet, nil
}

// statusNodes returns the nodes that were named, by name or by deployment, or none when none were: the parts then speak for all.
func statusNodes(ctx context.Context, r actions.Request, w actions.World) ([]actions.Node, error) {
	names := r.All("node")
	if dep := r.One("deployment"); dep != "" {
		found, err := w.Deployment(ctx, dep)
		if err != nil {
			return nil, err
		}
		names = append(names, found.Nodes...)
	}
	out := make([]actions.Node, 0, len(names))
	for _, name := range names {
		n, err := w.Node(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func nodeState(n actions.Node) string {
	if n.Orphaned {
		return "no longer in the configuration file"
	}
	var caches []string
	for _, c := range n.Caches {
		caches = append(caches, c.Name+" ("+c.Kind+")")
	}
	if len(caches) == 0 {
		return fmt.Sprintf("site %s, no cache", n.Site)
	}
	return fmt.Sprintf("site %s, caches: %s", n.Site, strings.Join(caches, ", "))
}
