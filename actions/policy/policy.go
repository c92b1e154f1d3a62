package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// Any stands in the sites or tenants of a role for all of them.
const Any = "*"

// The first part of the identities of what is no person: Who(RulePrefix + name) is a rule.
const (
	RulePrefix = "rule:"
	JobPrefix  = "job:"
)

// Config is who there is, what roles may, and what stands in the way of the rest. The zero value lets nobody do anything.
type Config struct {
	People     []Person
	Roles      []Role
	Approvals  []ApprovalRule
	Quotas     []Quota
	Freezes    []Freeze
	BreakGlass BreakGlass
	Rules      []Bound // of the configuration file; one without an Owner is vouched for by the file itself
	Jobs       []Bound // of the configuration file; jobs made at run time come with Case.Bound
}

// Person is somebody who may ask.
type Person struct {
	Name       string
	Roles      []string
	Identities []string // as doors name them, such as unix:anna
	Zone       string   // IANA name; empty means the zone of the installation
}

// Role is a set of rights. A right is an intent and a place together: both must come from the same role.
type Role struct {
	Name string
	// May lists intents; * stands for any run of characters.
	May []string
	// Sites limits the role to nodes in these sites; nil means no limit, an empty list means no node at all, Any means every named site.
	Sites []string
	// Tenants limits the role to deployments and segments of these tenants, in the same way.
	Tenants []string
}

// Policy is an immutable set of people and roles, safe for concurrent use. The zero value and nil refuse everything.
type Policy struct {
	people map[string]Person // by name
	names  map[string]string // identity to name
	roles  map[string]Role
	order  []string // of the roles, as configured, so that texts are stable

	approvals []ApprovalRule
	quotas    []Quota
	freezes   []freeze
	glass     BreakGlass
	rules     map[string]Bound
	jobs      map[string]Bound
}

// New checks the configuration and returns its policy. All mistakes are reported at once.
func New(c Config) (*Policy, error) {
	p := &Policy{people: map[string]Person{}, names: map[string]string{}, roles: map[string]Role{}}
	var errs []error
	for _, r := range c.Roles {
		if _, ok := p.roles[r.Name]; ok || r.Name == "" {
			errs = append(errs, fmt.Errorf("role %q: names must be given and unique", r.Name))
			continue
		}
		p.roles[r.Name] = Role{r.Name, slices.Clone(r.May), slices.Clone(r.Sites), slices.Clone(r.Tenants)}
		p.order = append(p.order, r.Name)
	}
	for _, person := range c.People {
		errs = append(errs, p.add(person))
	}
	errs = append(errs, p.addGuards(c), p.addBound(c))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

func (p *Policy) add(person Person) error {
	if _, ok := p.people[person.Name]; ok || person.Name == "" {
		return fmt.Errorf("person %q: names must be given and unique", person.Name)
	}
	var errs []error
	for _, r := range person.Roles {
		if _, ok := p.roles[r]; !ok {
			errs = append(errs, fmt.Errorf("person %s: no role %q", person.Name, r))
		}
	}
	for _, id := range person.Identities {
		if strings.HasPrefix(id, RulePrefix) || strings.HasPrefix(id, JobPrefix) {
			errs = append(errs, fmt.Errorf("person %s: identity %q is that of no person", person.Name, id))
			continue
		}
		if other, ok := p.names[id]; ok || id == "" {
			errs = append(errs, fmt.Errorf("person %s: identity %q already belongs to %q", person.Name, id, other))
			continue
		}
		p.names[id] = person.Name
	}
	person.Roles, person.Identities = slices.Clone(person.Roles), slices.Clone(person.Identities)
	p.people[person.Name] = person
	return errors.Join(errs...)
}

// Who returns the author behind an identity: the person behind unix:anna, the rule behind rule:name, the job behind job:name. A personal identity
// that belongs to nobody gives an actor without a name; Decide refuses it, and every rule and job that it does not know.
func (p *Policy) Who(identity string) actions.Actor {
	if name, ok := strings.CutPrefix(identity, RulePrefix); ok {
		return actions.Actor{Kind: actions.Rule, Name: name, As: identity, Owner: p.bound(actions.Rule, name).Owner}
	}
	if name, ok := strings.CutPrefix(identity, JobPrefix); ok {
		return actions.Actor{Kind: actions.Job, Name: name, As: identity, Owner: p.bound(actions.Job, name).Owner}
	}
	a := actions.Actor{Kind: actions.Person, As: identity}
	if p != nil {
		a.Name = p.names[identity]
	}
	return a
}

// Person returns what is known of a person by name.
func (p *Policy) Person(name string) (Person, bool) {
	if p == nil {
		return Person{}, false
	}
	person, ok := p.people[name]
	person.Roles, person.Identities = slices.Clone(person.Roles), slices.Clone(person.Identities)
	return person, ok
}

// Roles returns the roles of a person, in their order; none for one who is not known.
func (p *Policy) Roles(name string) []Role {
	if p == nil {
		return nil
	}
	var out []Role
	for _, r := range p.people[name].Roles {
		role := p.roles[r]
		out = append(out, Role{role.Name, slices.Clone(role.May), slices.Clone(role.Sites), slices.Clone(role.Tenants)})
	}
	return out
}

// rolesFor returns the names of the roles that may do an intent somewhere.
func (p *Policy) rolesFor(intent string) []string {
	var out []string
	for _, name := range p.order {
		if p.roles[name].Allows(intent) {
			out = append(out, name)
		}
	}
	return out
}

// peopleIn returns up to three people who have one of the roles, sorted.
func (p *Policy) peopleIn(roles []string) []string {
	var out []string
	for name, person := range p.people {
		if slices.ContainsFunc(person.Roles, func(r string) bool { return slices.Contains(roles, r) }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out[:min(3, len(out))]
}

// Allows tells whether the role gives the right to an intent, in some place.
func (r Role) Allows(intent string) bool { return matches(r.May, intent) }

// akin returns the intents whose rights, approvals and quotas an intent shares: who may add a node may let its agent in, and what stands before the one
// stands before the other.
func akin(intent string) []string {
	if intent == enrolling {
		return []string{enrolling, adding}
	}
	return []string{intent}
}

// within tells whether a list of sites or tenants covers a name. An empty name is covered only where there is no limit: what cannot be
// placed is not in the place that the role is for.
func within(limits []string, name string) bool {
	if limits == nil {
		return true
	}
	return name != "" && (slices.Contains(limits, name) || slices.Contains(limits, Any))
}

// Match tells whether a glob covers an intent: * stands for any run of characters, everything else for itself.
func Match(glob, intent string) bool {
	first, rest, star := strings.Cut(glob, "*")
	if !star {
		return glob == intent
	}
	if !strings.HasPrefix(intent, first) {
		return false
	}
	intent = intent[len(first):]
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		i := strings.Index(intent, part)
		if i < 0 {
			return false
		}
		intent = intent[i+len(part):]
	}
	return strings.HasSuffix(intent, last)
}
