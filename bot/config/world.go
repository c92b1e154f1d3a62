package config

import (
	"maps"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/internal/secret"
)

// UnixIdentity returns the identity of a local user, as doors name it and as Policy maps it.
func UnixIdentity(user string) string { return "unix:" + user }

// Nodes returns the nodes of the inventory, in the order of the file.
func (c *Config) Nodes() []actions.Node { return nodesOf(c.Inventory.Nodes) }

// Deployments returns the deployments of the inventory, in the order of the file.
func (c *Config) Deployments() []actions.Deployment { return deploymentsOf(c.Inventory.Deployments) }

// CacheSecret returns where the secret of a cache's management port lies; the zero Source where none is configured. It also covers secrets that are
// no file, which actions.Cache.AdminSecretFile cannot name.
func (c *Config) CacheSecret(node, cache string) secret.Source {
	for _, n := range c.Inventory.Nodes {
		if n.Name != node {
			continue
		}
		for _, k := range n.Caches {
			if k.Name == cache {
				return k.Admin.Secret
			}
		}
	}
	return secret.Source{}
}

// Location returns the zone of the installation.
func (c *Config) Location() *time.Location { return location(c.Zone, time.UTC) }

// LocationOf returns the zone of a person, which is that of the installation where none is given or the person is not known.
func (c *Config) LocationOf(person string) *time.Location {
	for _, p := range c.People {
		if p.Name == person && p.Zone != "" {
			return location(p.Zone, c.Location())
		}
	}
	return c.Location()
}

func location(name string, otherwise *time.Location) *time.Location {
	if l, err := time.LoadLocation(name); err == nil && name != "" {
		return l
	}
	return otherwise
}

// Policy returns everything that decides, as the policy takes it. What rules and jobs are bound to (the Intents of policy.Config.Rules and Jobs) is
// left to who understands their commands: as it is, they may nothing.
func (c *Config) Policy() policy.Config {
	var out policy.Config
	for _, p := range c.People {
		person := policy.Person{Name: p.Name, Roles: slices.Clone(p.Roles), Zone: p.Zone}
		person.Identities = p.Identities()
		out.People = append(out.People, person)
	}
	for _, r := range c.Roles {
		// Clone keeps the difference between no list and an empty one, which is that between all and nothing.
		out.Roles = append(out.Roles, policy.Role{Name: r.Name, May: slices.Clone(r.May), Sites: slices.Clone(r.Sites), Tenants: slices.Clone(r.Tenants)})
	}
	for _, a := range c.Approvals {
		out.Approvals = append(out.Approvals, policy.ApprovalRule{Intents: slices.Clone(a.Intents), Role: a.Role, People: a.People, Within: a.Within})
	}
	if role := c.teachers(); role != "" {
		out.Approvals = append(out.Approvals, policy.ApprovalRule{Intents: []string{teachIntent}, Role: role, People: 1, Within: day})
	}
	for _, q := range c.Quotas {
		out.Quotas = append(out.Quotas, policy.Quota{Role: q.Role, Intents: slices.Clone(q.Intents), AtMost: q.AtMost, Per: q.Per})
	}
	for _, f := range c.Freeze {
		out.Freezes = append(out.Freezes, policy.Freeze{
			Name: f.Name, From: f.From.String(), To: f.To.String(), Days: slices.Clone(f.Days), Risk: actions.Risk(f.Risk), Zone: c.Zone,
		})
	}
	out.BreakGlass = policy.BreakGlass{Roles: slices.Clone(c.BreakGlass.Roles), For: c.BreakGlass.For}
	for _, r := range c.Rules {
		out.Rules = append(out.Rules, policy.Bound{Name: r.Name, Owner: r.Owner})
	}
	for _, j := range c.Jobs {
		out.Jobs = append(out.Jobs, policy.Bound{Name: j.Name, Owner: j.Owner})
	}
	return out
}

// teachIntent changes what words mean for everybody: it always needs a second person.
const teachIntent = "teach"

// teachers returns the role whose holders agree to what is taught, where no approval of the file says so: the first that may teach.
func (c *Config) teachers() string {
	for _, a := range c.Approvals {
		if slices.ContainsFunc(a.Intents, func(glob string) bool { return policy.Match(glob, teachIntent) }) {
			return ""
		}
	}
	for _, r := range c.Roles {
		if slices.ContainsFunc(r.May, func(glob string) bool { return policy.Match(glob, teachIntent) }) {
			return r.Name
		}
	}
	return ""
}

// WhoIsOnCall returns who is called, and reads the calendar file where there is one.
func (c *Config) WhoIsOnCall() (*policy.OnCall, error) {
	out := policy.OnCallConfig{Order: slices.Clone(c.OnCall.Order), EscalateAfter: c.OnCall.EscalateAfter, Zone: c.Zone}
	for _, p := range c.People {
		out.People = append(out.People, policy.OnCallPerson{Name: p.Name, Quiet: p.Quiet, Zone: p.Zone})
	}
	if file := c.OnCall.Calendar.File; file != "" {
		data, err := readSane(file, "export it from where the shifts are planned, as iCalendar")
		if err != nil {
			return nil, err
		}
		if out.Calendar, err = policy.ParseCalendar(data, file, c.Location()); err != nil {
			return nil, err
		}
	}
	return policy.NewOnCall(out)
}

func nodesOf(nodes []Node) []actions.Node {
	out := make([]actions.Node, 0, len(nodes))
	for _, n := range nodes {
		node := actions.Node{Name: n.Name, Address: n.Address, Site: n.Site, Platform: n.Platform, Labels: maps.Clone(n.Labels)}
		for _, k := range n.Caches {
			node.Caches = append(node.Caches, actions.Cache{
				Name: k.Name, Kind: k.Kind, URL: k.URL, Settle: k.Settle,
				AdminAddress: k.Admin.Address, AdminSecretFile: k.Admin.Secret.Path(), StatsDir: k.Stats.Varnishstat,
			})
		}
		out = append(out, node)
	}
	return out
}

func deploymentsOf(deployments []Deployment) []actions.Deployment {
	out := make([]actions.Deployment, 0, len(deployments))
	for _, d := range deployments {
		out = append(out, actions.Deployment{Name: d.Name, Tenant: d.Tenant, Origin: d.Origin, Nodes: slices.Clone(d.Nodes)})
	}
	return out
}
