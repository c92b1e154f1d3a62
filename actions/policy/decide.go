package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// Case is what is to be decided.
type Case struct {
	Request actions.Request
	Risk    actions.Risk  // of the verb
	Plan    *actions.Plan // nil for what makes no run, and before it is made
	// Nodes and Deployments are touched beside those of the request's slots and the plan, such as those of the run that run.undo names.
	Nodes       []string
	Deployments []string
	World       actions.World
}

// Verdict is the decision. The zero value is a refusal.
type Verdict struct {
	Allow   bool
	Confirm bool         // ask for a yes before acting
	Risk    actions.Risk // after the blast radius
	Why     string       // one line for people: the rule, the role and the reason
	Rule    string       // the name of the rule that decided, for the audit
	Next    string       // what the person can do after a refusal; empty when allowed
}

// The rules that a verdict names.
const (
	RuleRole    = "role"    // a role gives the right, or none does
	RuleSite    = "site"    // the role is limited to other sites
	RuleTenant  = "tenant"  // the role is limited to other tenants
	RulePerson  = "person"  // the identity belongs to nobody, or the author is no person
	RuleWorld   = "world"   // what is touched is not known, or could not be read
	RuleRequest = "request" // the case itself makes no sense
)

// Decide applies the roles of the actor and the blast radius. It never fails: what cannot be decided is refused, with the reason.
//
// Without a plan only what the request itself names (node, to, deployment) and what the case adds is looked at. So decide twice on what makes a run:
// before planning, so that somebody without the right learns nothing from the plan, and again with the plan, which may touch more than was said.
func (p *Policy) Decide(ctx context.Context, c Case) (v Verdict) {
	defer func() {
		// A bug in a World must not open a door, nor take the program down.
		if r := recover(); r != nil {
			v = refusal(c.Risk, RuleWorld, fmt.Sprintf("the check of %s broke: %v", c.Request.Intent, r), "look into the log of the bot, then try again")
		}
	}()
	if v, ok := p.decideActor(c); !ok {
		return v
	}
	t, err := gather(ctx, c)
	if err != nil {
		return refuseWorld(c, err)
	}
	role, v := p.decideRole(c, t)
	if role == "" {
		return v
	}
	return allow(c, t, role)
}

// decideActor refuses who is not known. ok tells that the actor is a person with a name.
func (p *Policy) decideActor(c Case) (v Verdict, ok bool) {
	a, risk := c.Request.Actor, c.Risk
	switch {
	case p == nil || c.Request.Intent == "":
		return refusal(risk, RuleRequest, "there is nothing to decide on: no policy or no intent", "say what should be done, or try help"), false
	case a.Kind != actions.Person:
		return refusal(risk, RulePerson, fmt.Sprintf("%s %s has no rights: only people have", a.Kind, a), "let a person give the command"), false
	case a.Name == "":
		return refusal(risk, RulePerson, fmt.Sprintf("%s is not mapped to a person", a),
			fmt.Sprintf("add %s to a person under people in the configuration, then reload", a)), false
	}
	if _, known := p.people[a.Name]; !known {
		return refusal(risk, RulePerson, fmt.Sprintf("%s is not a person of the configuration", a.Name),
			"add the person under people in the configuration, then reload"), false
	}
	return Verdict{}, true
}

// decideRole returns the first role of the person that gives intent and place together, or "" and the refusal.
func (p *Policy) decideRole(c Case, t touched) (string, Verdict) {
	intent, name := c.Request.Intent, c.Request.Actor.Name
	var limited *Verdict
	for _, r := range p.people[name].Roles {
		role := p.roles[r]
		if !role.may(intent) {
			continue
		}
		v, ok := role.covers(c, t)
		if ok {
			return role.Name, Verdict{}
		}
		if limited == nil {
			limited = &v
		}
	}
	if limited != nil {
		return "", *limited
	}
	return "", p.refuseIntent(c)
}

// covers tells whether the limits of the role leave room for everything that is touched.
func (r Role) covers(c Case, t touched) (Verdict, bool) {
	intent := c.Request.Intent
	for _, n := range t.nodes {
		if !within(r.Sites, n.Site) {
			return refusal(c.Risk, RuleSite, fmt.Sprintf("role %s may %s in %s, not on %s in %s", r.Name, intent, places("site", r.Sites), n.Name, place("site", n.Site)),
				"leave out "+n.Name+", or ask somebody whose role covers it"), false
		}
	}
	for _, d := range t.deployments {
		if !within(r.Tenants, d.Tenant) {
			return refusal(c.Risk, RuleTenant, fmt.Sprintf("role %s may %s for %s, not for %s of %s", r.Name, intent, places("tenant", r.Tenants), d.Name, place("tenant", d.Tenant)),
				"leave out "+d.Name+", or ask somebody whose role covers it"), false
		}
	}
	return Verdict{}, true
}

func (p *Policy) refuseIntent(c Case) Verdict {
	intent, person := c.Request.Intent, p.people[c.Request.Actor.Name]
	who := person.Name + " has no role and"
	if len(person.Roles) == 1 {
		who = "role " + person.Roles[0]
	} else if len(person.Roles) > 1 {
		who = "roles " + strings.Join(person.Roles, ", ")
	}
	able := p.rolesFor(intent)
	if len(able) == 0 {
		return refusal(c.Risk, RuleRole, fmt.Sprintf("%s may not %s; no role may", who, intent), "add it to a role under roles in the configuration, then reload")
	}
	next := "nobody has such a role: give it to a person in the configuration, then reload"
	if people := p.peopleIn(able); len(people) > 0 {
		next = "ask " + strings.Join(people, " or ")
	}
	return refusal(c.Risk, RuleRole, fmt.Sprintf("%s may not %s; roles that may: %s", who, intent, strings.Join(able, ", ")), next)
}

func refuseWorld(c Case, err error) Verdict {
	if errors.Is(err, actions.ErrUnknown) {
		return refusal(c.Risk, RuleWorld, fmt.Sprintf("%s: %v", c.Request.Intent, err), "name one of the inventory; \"list nodes\" shows what there is")
	}
	return refusal(c.Risk, RuleWorld, fmt.Sprintf("%s: the rights cannot be checked: %v", c.Request.Intent, err), "try again; until the inventory can be read nothing is allowed")
}

func refusal(risk actions.Risk, rule, why, next string) Verdict {
	return Verdict{Risk: risk, Rule: rule, Why: why, Next: next}
}

func place(kind, name string) string {
	if name == "" {
		return "no " + kind
	}
	return kind + " " + name
}

func places(kind string, names []string) string {
	switch {
	case len(names) == 0:
		return "no " + kind
	case slices.Contains(names, Any):
		return "any named " + kind
	case len(names) == 1:
		return kind + " " + names[0]
	}
	return kind + "s " + strings.Join(names, ", ")
}
