package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
)

// Bound is what a rule or a job may do: the intents of the command that the yes was given for, with the rights that its owner has now.
type Bound struct {
	Name    string
	Owner   string   // whose rights it acts with; empty for a rule that the configuration file vouches for
	Intents []string // exact names; none means that it may nothing
}

// subject is whose rights count.
type subject struct {
	person  string // empty when vouched
	says    string // "rule x" or "job x"; empty for a person who asks for themselves
	vouched bool   // the configuration file stands for it
}

func (p *Policy) addBound(c Config) error {
	p.rules, p.jobs = map[string]Bound{}, map[string]Bound{}
	return errors.Join(p.addBounds(p.rules, actions.Rule, c.Rules), p.addBounds(p.jobs, actions.Job, c.Jobs))
}

func (p *Policy) addBounds(to map[string]Bound, kind actions.ActorKind, list []Bound) error {
	var errs []error
	for _, b := range list {
		if _, ok := to[b.Name]; ok || b.Name == "" {
			errs = append(errs, fmt.Errorf("%s %q: names must be given and unique", kind, b.Name))
			continue
		}
		if _, ok := p.people[b.Owner]; !ok && (b.Owner != "" || kind == actions.Job) {
			errs = append(errs, fmt.Errorf("%s %s: its owner %q is not a person of the configuration", kind, b.Name, b.Owner))
		}
		b.Intents = slices.Clone(b.Intents)
		to[b.Name] = b
	}
	return errors.Join(errs...)
}

// bound returns what the configuration binds a rule or job to; the zero value where it knows none.
func (p *Policy) bound(kind actions.ActorKind, name string) Bound {
	switch {
	case p == nil:
		return Bound{}
	case kind == actions.Rule:
		return p.rules[name]
	}
	return p.jobs[name]
}

// subject finds whose rights count, or refuses who is not known.
func (p *Policy) subject(c Case) (s subject, v Verdict, ok bool) {
	a, risk := c.Request.Actor, c.Risk
	switch {
	case p == nil || c.Request.Intent == "":
		return s, refusal(risk, RuleRequest, "there is nothing to decide on: no policy or no intent", "say what should be done, or try help"), false
	case a.Kind == actions.Rule || a.Kind == actions.Job:
		return p.boundSubject(c)
	case a.Kind != actions.Person:
		return s, refusal(risk, RulePerson, fmt.Sprintf("%s %s has no rights: only people have", a.Kind, a), "let a person give the command"), false
	case a.Name == "":
		return s, refusal(risk, RulePerson, fmt.Sprintf("%s is not mapped to a person", a),
			fmt.Sprintf("add %s to a person under people in the configuration, then reload", a)), false
	}
	if _, known := p.people[a.Name]; !known {
		return s, refusal(risk, RulePerson, fmt.Sprintf("%s is not a person of the configuration", a.Name),
			"add the person under people in the configuration, then reload"), false
	}
	return subject{person: a.Name}, Verdict{}, true
}

// boundSubject holds a rule or job against what it is bound to, and finds its owner.
func (p *Policy) boundSubject(c Case) (s subject, v Verdict, ok bool) {
	a := c.Request.Actor
	s.says = fmt.Sprintf("%s %s", a.Kind, a)
	no := func(why, next string) (subject, Verdict, bool) {
		return s, refusal(c.Risk, RuleBound, s.says+" "+why, next), false
	}
	b := p.bound(a.Kind, a.Name)
	if c.Bound != nil {
		b = *c.Bound
	}
	switch {
	case a.Name == "" || b.Name != a.Name:
		return no("is not known", fmt.Sprintf("look at the list of %ss; what is gone no longer acts", a.Kind))
	case a.Owner != "" && a.Owner != b.Owner:
		return no(fmt.Sprintf("says it acts for %s, but is bound to %s", a.Owner, orNobody(b.Owner)), "make it again")
	case !slices.Contains(b.Intents, c.Request.Intent):
		return no(fmt.Sprintf("may not %s: it is bound to %s", c.Request.Intent, orNothing(b.Intents)), "make a new one for another command, or let a person give it")
	case b.Owner == "" && (a.Kind != actions.Rule || c.Bound != nil):
		return no("has no owner whose rights it could act with", "make it again, by a person")
	case b.Owner == "":
		s.vouched = true
		return s, Verdict{}, true
	}
	if _, known := p.people[b.Owner]; !known {
		return no(fmt.Sprintf("acts for %s, who is not a person of the configuration", b.Owner), "let a person make it again")
	}
	s.person = b.Owner
	return s, Verdict{}, true
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return join(names)
}
