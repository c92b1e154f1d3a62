package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	// Segments are those that the request, the plan and what it steers are about, with whose they are. One that the request names and that is not among
	// them is of nobody known, which a role with tenants does not cover.
	Segments []Segment
	World    actions.World
	// Now is the time that freeze windows and broken glass are looked at; zero means time.Now().
	Now time.Time
	// Bound is what a rule or job that was made at run time is bound to. It counts instead of Config.Rules and Config.Jobs, and must have an owner.
	Bound *Bound
}

// Segment is a segment by its name as it was said, and whose it is; without a name it stands for all of that tenant.
type Segment struct {
	Name, Tenant string // an empty tenant is not known
}

// String returns how a segment is spoken of.
func (s Segment) String() string {
	if s.Name == "" {
		return "segments"
	}
	return "segment " + s.Name
}

// Verdict is the decision. The zero value is a refusal.
type Verdict struct {
	Allow   bool
	Confirm bool         // ask for a yes before acting
	Risk    actions.Risk // after the blast radius
	Why     string       // one line for people: the rule, the role and the reason
	Rule    string       // the name of the rule that decided, for the audit
	Next    string       // what the person can do after a refusal; empty when allowed

	Approve    *actions.Approval // who else must say yes; put it into the plan before it is accepted. Only set when allowed
	Freeze     string            // the freeze window that refuses, or that broken glass went through
	BrokeGlass bool              // it is allowed only since one person took it upon themselves: tell everybody
	Reason     string            // what the person who broke the glass gave as the reason
}

// The rules that a verdict names.
const (
	RuleRole    = "role"    // a role gives the right, or none does
	RuleSite    = "site"    // the role is limited to other sites
	RuleTenant  = "tenant"  // the role is limited to other tenants
	RulePerson  = "person"  // the identity belongs to nobody, or the author is no person
	RuleWorld   = "world"   // what is touched is not known, or could not be read
	RuleRequest = "request" // the case itself makes no sense

	RuleBound    = "bound"       // a rule or job asks for what it is not bound to, or nobody vouches for it
	RuleFreeze   = "freeze"      // nothing of this risk is done at this time
	RuleGlass    = "break-glass" // glass was broken, or may not be
	RuleQuota    = "quota"       // too many in too short a time
	RuleApproval = "approval"    // the yes of somebody else that is none
)

// Decide applies the rights of the actor, the blast radius, freeze windows and the rules of approval. It never fails: what cannot be decided is refused, with the reason.
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
	s, v, ok := p.subject(c)
	if !ok {
		return v
	}
	t, err := gather(ctx, c)
	if err != nil {
		return refuseWorld(c, err)
	}
	v = p.decideRights(c, s, t)
	if !v.Allow {
		return v
	}
	return p.guard(c, s, v)
}

// decideRights looks for a role of the subject that covers the case; what the file vouches for needs none.
func (p *Policy) decideRights(c Case, s subject, t touched) Verdict {
	if s.vouched {
		v := allow(c, t)
		v.Rule, v.Confirm = RuleBound, false
		v.Why = fmt.Sprintf("%s may %s: the configuration file binds it to that", s.says, c.Request.Intent) + v.Why
		return v
	}
	role, v := p.decideRole(c, s.person, t)
	if role != "" {
		v = allow(c, t)
		v.Why = fmt.Sprintf("role %s may %s", role, c.Request.Intent) + v.Why
	}
	if s.says != "" {
		v.Confirm = false // the yes was given when the rule was enabled or the job made
		v.Why = fmt.Sprintf("%s acts for %s: %s", s.says, s.person, v.Why)
	}
	return v
}

// decideRole returns the first role of the person that gives intent and place together, or "" and the refusal.
func (p *Policy) decideRole(c Case, name string, t touched) (string, Verdict) {
	intent := c.Request.Intent
	var limited *Verdict
	for _, r := range p.people[name].Roles {
		role := p.roles[r]
		if !role.Allows(intent) {
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
	return "", p.refuseIntent(c, name)
}

// covers tells whether the limits of the role leave room for everything that is touched.
func (r Role) covers(c Case, t touched) (Verdict, bool) {
	intent := c.Request.Intent
	for _, n := range slices.Concat(t.nodes, t.fresh) {
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
	for _, s := range t.segments {
		if !within(r.Tenants, s.Tenant) {
			return refusal(c.Risk, RuleTenant, fmt.Sprintf("role %s may %s for %s, not for %s of %s", r.Name, intent, places("tenant", r.Tenants), s, place("tenant", s.Tenant)),
				"name a segment of your own: \"list segments\" shows them; a new one says for which tenant it is"), false
		}
	}
	return Verdict{}, true
}

// Reach returns the tenants whose things the author of a request may see by it; nil means that there is no limit, an empty list that there is nothing.
func (p *Policy) Reach(c Case) []string {
	s, _, ok := p.subject(c)
	reach := []string{}
	switch {
	case !ok:
		return reach
	case s.vouched:
		return nil
	}
	for _, name := range p.people[s.person].Roles {
		role := p.roles[name]
		if !role.Allows(c.Request.Intent) {
			continue
		}
		if role.Tenants == nil {
			return nil
		}
		reach = append(reach, role.Tenants...)
	}
	return reach
}

func (p *Policy) refuseIntent(c Case, name string) Verdict {
	intent, person := c.Request.Intent, p.people[name]
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
