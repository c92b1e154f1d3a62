package policy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// world is a small inventory: eight nodes in berlin, two in hamburg, one nowhere.
type world struct{ broken, panics bool }

func (w world) Nodes(context.Context) ([]actions.Node, error) {
	switch {
	case w.broken:
		return nil, errors.New("store is down")
	case w.panics:
		panic("index out of range")
	}
	var out []actions.Node
	for i := range 8 {
		out = append(out, actions.Node{Name: fmt.Sprintf("edge-%d", i+1), Site: "berlin"})
	}
	return append(out, actions.Node{Name: "mac-1", Site: "hamburg"}, actions.Node{Name: "mac-2", Site: "hamburg"}, actions.Node{Name: "lost"}), nil
}

func (w world) Node(ctx context.Context, name string) (actions.Node, error) {
	nodes, err := w.Nodes(ctx)
	for _, n := range nodes {
		if n.Name == name {
			return n, err
		}
	}
	return actions.Node{}, errors.Join(err, actions.ErrUnknown)
}

func (w world) Deployments(context.Context) ([]actions.Deployment, error) {
	if w.broken {
		return nil, errors.New("store is down")
	}
	return []actions.Deployment{{Name: "news", Tenant: "acme"}, {Name: "toons", Tenant: "kidstv"}, {Name: "stray"}}, nil
}

func (w world) Deployment(ctx context.Context, name string) (actions.Deployment, error) {
	all, err := w.Deployments(ctx)
	for _, d := range all {
		if d.Name == name {
			return d, err
		}
	}
	return actions.Deployment{}, errors.Join(err, actions.ErrUnknown)
}

func rights(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.New(policy.Config{
		People: []policy.Person{
			{Name: "anna", Roles: []string{"operator"}, Identities: []string{"unix:anna", "unix:root"}},
			{Name: "bert", Roles: []string{"viewer"}, Identities: []string{"unix:bert"}},
			{Name: "carl", Roles: []string{"viewer", "berliner", "acme"}, Identities: []string{"unix:carl"}},
			{Name: "dora", Identities: []string{"unix:dora"}},
			{Name: "emil", Roles: []string{"nowhere"}, Identities: []string{"unix:emil"}},
			{Name: "fred", Roles: []string{"placed"}, Identities: []string{"unix:fred"}},
		},
		Roles: []policy.Role{
			{Name: "viewer", May: []string{"*.show", "*.list", "help", "whoami", "cache.stats"}},
			{Name: "operator", May: []string{"*"}},
			{Name: "berliner", May: []string{"cache.*", "run.*"}, Sites: []string{"berlin"}, Tenants: []string{}},
			{Name: "acme", May: []string{"cache.prime"}, Sites: []string{"hamburg"}, Tenants: []string{"acme"}},
			{Name: "nowhere", May: []string{"*"}, Sites: []string{}},
			{Name: "placed", May: []string{"*"}, Sites: []string{policy.Any}, Tenants: []string{policy.Any}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask is a case of a person; nodes and deployments are slots and targets of a plan at once.
func ask(p *policy.Policy, user, intent string, risk actions.Risk, nodes, deployments []string) policy.Case {
	r := actions.Request{Intent: intent, Slots: map[string][]string{}, Actor: p.Who("unix:" + user)}
	if nodes != nil {
		r.Slots["node"] = nodes
	}
	if deployments != nil {
		r.Slots["deployment"] = deployments
	}
	c := policy.Case{Request: r, Risk: risk, World: world{}}
	if risk != actions.Read {
		c.Plan = &actions.Plan{Request: r, Risk: risk, Groups: []actions.Group{{Nodes: nodes, Steps: []actions.Step{{Kind: "x"}}}}}
	}
	return c
}

func TestDecide(t *testing.T) {
	t.Parallel()
	p := rights(t)
	list := func(names ...string) []string { return names }
	const (
		read, reversible, disruptive, destructive = actions.Read, actions.Reversible, actions.Disruptive, actions.Destructive
	)
	for _, test := range []struct {
		name        string
		user        string
		intent      string
		risk        actions.Risk
		nodes       []string
		deployments []string
		want        policy.Verdict
	}{
		{"read", "bert", "node.list", read, nil, nil, policy.Verdict{Allow: true, Risk: read, Rule: "role", Why: "role viewer may node.list"}},
		{"read of a node", "bert", "node.show", read, list("edge-1"), nil, policy.Verdict{Allow: true, Risk: read, Rule: "role", Why: "role viewer may node.show"}},
		{"read of everything never rises", "anna", "cache.stats", read, list("edge-1", "edge-2", "edge-3", "edge-4", "edge-5"), nil, policy.Verdict{Allow: true, Risk: read, Rule: "role", Why: "role operator may cache.stats"}},
		{"reversible acts", "anna", "cache.prime", reversible, list("edge-1"), list("news"), policy.Verdict{Allow: true, Risk: reversible, Rule: "role", Why: "role operator may cache.prime"}},
		{"disruptive acts", "anna", "cache.purge", disruptive, list("edge-1", "edge-2"), nil, policy.Verdict{Allow: true, Risk: disruptive, Rule: "role", Why: "role operator may cache.purge"}},
		{"destructive asks", "anna", "cache.flush", destructive, list("edge-1"), nil, policy.Verdict{Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role operator may cache.flush"}},
		{"more than three nodes", "anna", "cache.prime", reversible, list("edge-1", "edge-2", "mac-1", "mac-2"), nil, policy.Verdict{
			Allow: true, Risk: disruptive, Rule: "role", Why: "role operator may cache.prime; disruptive instead of reversible, as it touches 4 nodes, more than 3",
		}},
		{"more than a quarter of a site", "anna", "cache.purge", disruptive, list("edge-1", "mac-1"), nil, policy.Verdict{
			Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role operator may cache.purge; destructive instead of disruptive, as it touches 1 of the 2 nodes of site hamburg, more than a quarter",
		}},
		{"three of eight", "anna", "cache.purge", disruptive, list("edge-1", "edge-2", "edge-3"), nil, policy.Verdict{
			Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role operator may cache.purge; destructive instead of disruptive, as it touches 3 of the 8 nodes of site berlin, more than a quarter",
		}},
		{"nothing above destructive", "anna", "cache.flush", destructive, list("mac-1", "mac-2"), nil, policy.Verdict{Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role operator may cache.flush"}},
		{"unknown risk asks", "anna", "cache.flush", "harmless", list("edge-1"), nil, policy.Verdict{Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role operator may cache.flush"}},

		{"no such right", "bert", "cache.flush", destructive, list("edge-1"), nil, policy.Verdict{
			Risk: destructive, Rule: "role", Why: "role viewer may not cache.flush; roles that may: operator, berliner, nowhere, placed", Next: "ask anna or carl or emil",
		}},
		{"a right of nobody", "bert", "moon.land", disruptive, nil, nil, policy.Verdict{
			Risk: disruptive, Rule: "role", Why: "role viewer may not moon.land; roles that may: operator, nowhere, placed", Next: "ask anna or emil or fred",
		}},
		{"no role", "dora", "help", read, nil, nil, policy.Verdict{
			Risk: read, Rule: "role", Why: "dora has no role and may not help; roles that may: viewer, operator, nowhere, placed", Next: "ask anna or bert or carl",
		}},
		{"stranger", "mallory", "help", read, nil, nil, policy.Verdict{
			Risk: read, Rule: "person", Why: "unix:mallory is not mapped to a person", Next: "add unix:mallory to a person under people in the configuration, then reload",
		}},
		{"site", "carl", "cache.flush", destructive, list("edge-1", "mac-1"), nil, policy.Verdict{
			Risk: destructive, Rule: "site", Why: "role berliner may cache.flush in site berlin, not on mac-1 in site hamburg", Next: "leave out mac-1, or ask somebody whose role covers it",
		}},
		{"inside the site", "carl", "cache.flush", destructive, list("edge-1"), nil, policy.Verdict{Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role berliner may cache.flush"}},
		{"tenant of no role", "carl", "cache.purge", disruptive, list("edge-1"), list("news"), policy.Verdict{
			Risk: disruptive, Rule: "tenant", Why: "role berliner may cache.purge for no tenant, not for news of tenant acme", Next: "leave out news, or ask somebody whose role covers it",
		}},
		{"site and tenant of one role", "carl", "cache.prime", reversible, list("mac-1"), list("news"), policy.Verdict{
			Allow: true, Risk: disruptive, Rule: "role", Why: "role acme may cache.prime; disruptive instead of reversible, as it touches 1 of the 2 nodes of site hamburg, more than a quarter",
		}},
		{"site of one role, tenant of another", "carl", "cache.prime", reversible, list("edge-1"), list("news"), policy.Verdict{
			Risk: reversible, Rule: "tenant", Why: "role berliner may cache.prime for no tenant, not for news of tenant acme", Next: "leave out news, or ask somebody whose role covers it",
		}},
		{"foreign tenant", "carl", "cache.prime", reversible, list("mac-1"), list("toons"), policy.Verdict{
			Risk: reversible, Rule: "site", Why: "role berliner may cache.prime in site berlin, not on mac-1 in site hamburg", Next: "leave out mac-1, or ask somebody whose role covers it",
		}},
		{"read is limited too", "carl", "cache.verify", read, list("mac-1"), nil, policy.Verdict{
			Risk: read, Rule: "site", Why: "role berliner may cache.verify in site berlin, not on mac-1 in site hamburg", Next: "leave out mac-1, or ask somebody whose role covers it",
		}},
		{"no site at all", "emil", "cache.flush", destructive, list("edge-1"), nil, policy.Verdict{
			Risk: destructive, Rule: "site", Why: "role nowhere may cache.flush in no site, not on edge-1 in site berlin", Next: "leave out edge-1, or ask somebody whose role covers it",
		}},
		{"any site", "fred", "cache.flush", destructive, list("edge-1", "mac-1"), list("toons"), policy.Verdict{Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role placed may cache.flush"}},
		{"node of no site", "fred", "cache.flush", destructive, list("lost"), nil, policy.Verdict{
			Risk: destructive, Rule: "site", Why: "role placed may cache.flush in any named site, not on lost in no site", Next: "leave out lost, or ask somebody whose role covers it",
		}},
		{"deployment of no tenant", "fred", "cache.prime", reversible, nil, list("stray"), policy.Verdict{
			Risk: reversible, Rule: "tenant", Why: "role placed may cache.prime for any named tenant, not for stray of no tenant", Next: "leave out stray, or ask somebody whose role covers it",
		}},
		{"node of no site without a limit", "anna", "cache.flush", destructive, list("lost"), nil, policy.Verdict{Allow: true, Confirm: true, Risk: destructive, Rule: "role", Why: "role operator may cache.flush"}},
		{"unknown node", "anna", "cache.flush", destructive, list("edge-9"), nil, policy.Verdict{
			Risk: destructive, Rule: "world", Why: "cache.flush: node edge-9: unknown name", Next: `name one of the inventory; "list nodes" shows what there is`,
		}},
		{"unknown deployment", "anna", "cache.prime", reversible, nil, list("nwes"), policy.Verdict{
			Risk: reversible, Rule: "world", Why: "cache.prime: deployment nwes: unknown name", Next: `name one of the inventory; "list nodes" shows what there is`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := p.Decide(t.Context(), ask(p, test.user, test.intent, test.risk, test.nodes, test.deployments))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Decide(%s %s %v %v) (-want +got):\n%s", test.user, test.intent, test.nodes, test.deployments, diff)
			}
		})
	}
}

func TestDecideFailsClosed(t *testing.T) {
	t.Parallel()
	p := rights(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	flush := func(change func(*policy.Case)) policy.Case {
		c := ask(p, "anna", "cache.flush", actions.Destructive, []string{"edge-1"}, nil)
		change(&c)
		return c
	}
	actor := func(a actions.Actor) policy.Case { return flush(func(c *policy.Case) { c.Request.Actor = a }) }
	for _, test := range []struct {
		name   string
		policy *policy.Policy
		ctx    context.Context
		given  policy.Case
		rule   string
		why    string
	}{
		{"no policy", nil, t.Context(), flush(func(*policy.Case) {}), "request", "no policy"},
		{"empty policy", &policy.Policy{}, t.Context(), flush(func(*policy.Case) {}), "person", "anna is not a person"},
		{"nothing asked", p, t.Context(), policy.Case{}, "request", "no intent"},
		{"nobody", p, t.Context(), actor(actions.Actor{Kind: actions.Person}), "person", "nobody is not mapped to a person"},
		{"made-up name", p, t.Context(), actor(actions.Actor{Kind: actions.Person, Name: "zoe"}), "person", "zoe is not a person of the configuration"},
		{"rule", p, t.Context(), actor(actions.Actor{Kind: actions.Rule, Name: "anna"}), "bound", "rule anna is not known"},
		{"job", p, t.Context(), actor(actions.Actor{Kind: actions.Job, Name: "anna"}), "bound", "job anna is not known"},
		{"system", p, t.Context(), actor(actions.Actor{Kind: actions.System, Name: "anna"}), "person", "system anna has no rights"},
		{"no kind", p, t.Context(), actor(actions.Actor{Name: "anna"}), "person", "anna has no rights"},
		{"no world", p, t.Context(), flush(func(c *policy.Case) { c.World = nil }), "world", "there is no inventory"},
		{"broken world", p, t.Context(), flush(func(c *policy.Case) { c.World = world{broken: true} }), "world", "store is down"},
		{"panicking world", p, t.Context(), flush(func(c *policy.Case) { c.World = world{panics: true} }), "world", "index out of range"},
		{"ended context", p, ended, flush(func(*policy.Case) {}), "world", "context canceled"},
		{"node of the plan alone", p, t.Context(), flush(func(c *policy.Case) { c.Plan.Groups[0].Nodes = []string{"edge-1", "edge-77"} }), "world", "node edge-77"},
		{"node of a run", p, t.Context(), flush(func(c *policy.Case) { c.Nodes = []string{"edge-78"} }), "world", "node edge-78"},
		{"deployment of a run", p, t.Context(), flush(func(c *policy.Case) { c.Deployments = []string{"gone"} }), "world", "deployment gone"},
	} {
		got := test.policy.Decide(test.ctx, test.given)
		if got.Allow || got.Rule != test.rule || !strings.Contains(got.Why, test.why) || got.Next == "" {
			t.Errorf("%s: Decide = %+v, want a refusal by rule %s, a reason with %q and a next step", test.name, got, test.rule, test.why)
		}
	}
}

func TestDecideOnPlans(t *testing.T) {
	t.Parallel()
	p := rights(t)
	c := ask(p, "anna", "cache.prime", actions.Reversible, []string{"edge-1"}, nil)
	c.Plan.Confirm = true
	if v := p.Decide(t.Context(), c); !v.Allow || !v.Confirm || v.Risk != actions.Reversible {
		t.Errorf("a plan that asks for a yes: %+v", v)
	}
	c.Plan.Confirm, c.Plan.Risk = false, actions.Destructive
	if v := p.Decide(t.Context(), c); !v.Allow || !v.Confirm || v.Risk != actions.Destructive {
		t.Errorf("a plan that is worse than its verb: %+v", v)
	}
	c.Plan.Risk = actions.Read
	if v := p.Decide(t.Context(), c); v.Risk != actions.Reversible {
		t.Errorf("a plan that says it is better than its verb: %+v", v)
	}
	// run.undo has no plan of its own: what it touches is that of its run.
	c = ask(p, "carl", "run.undo", actions.Disruptive, nil, nil)
	c.Plan, c.Nodes = nil, []string{"edge-1"}
	if v := p.Decide(t.Context(), c); !v.Allow {
		t.Errorf("undo of a run in the own site: %+v", v)
	}
	c.Nodes = []string{"mac-1"}
	if v := p.Decide(t.Context(), c); v.Allow || v.Rule != policy.RuleSite {
		t.Errorf("undo of a run in another site: %+v", v)
	}
}

// TestDecideBeforeThePlan: a purge by tag names no node. Whether it may act where it would act is known with its plan.
func TestDecideBeforeThePlan(t *testing.T) {
	t.Parallel()
	p := rights(t)
	c := ask(p, "carl", "cache.purge", actions.Disruptive, nil, nil)
	c.Plan = nil
	if v := p.Decide(t.Context(), c); !v.Allow {
		t.Errorf("before the plan: %+v", v)
	}
	for node, allow := range map[string]bool{"edge-1": true, "mac-1": false} {
		c.Plan = &actions.Plan{Request: c.Request, Risk: c.Risk, Groups: []actions.Group{{Nodes: []string{"edge-2"}}, {Nodes: []string{node}}}}
		if v := p.Decide(t.Context(), c); v.Allow != allow {
			t.Errorf("with a plan on %s: %+v, want allow %v", node, v, allow)
		}
	}
	// A plan on nodes that nobody may reach by words alone: the second group counts as much as the first.
	c = ask(p, "emil", "cache.purge", actions.Disruptive, nil, nil)
	c.Plan.Groups = []actions.Group{{}, {Nodes: []string{"edge-1"}}}
	if v := p.Decide(t.Context(), c); v.Allow {
		t.Errorf("a plan on a node of no covered site: %+v", v)
	}
}

// TestNoWayAround: whatever is asked, an allowed case is covered by one role as a whole, and the risk never falls.
func TestNoWayAround(t *testing.T) {
	t.Parallel()
	p := rights(t)
	nodes, _ := world{}.Nodes(t.Context())
	site := map[string]string{}
	names := []string{"ghost"}
	for _, n := range nodes {
		site[n.Name] = n.Site
		names = append(names, n.Name)
	}
	tenant := map[string]string{"news": "acme", "toons": "kidstv", "stray": ""}
	rapid.Check(t, func(t *rapid.T) {
		user := rapid.SampledFrom([]string{"anna", "bert", "carl", "dora", "emil", "fred", "mallory"}).Draw(t, "user")
		intent := rapid.SampledFrom([]string{"help", "node.show", "cache.flush", "cache.prime", "run.undo"}).Draw(t, "intent")
		risk := rapid.SampledFrom([]actions.Risk{actions.Read, actions.Reversible, actions.Disruptive, actions.Destructive, ""}).Draw(t, "risk")
		on := rapid.SliceOfN(rapid.SampledFrom(names), 0, 5).Draw(t, "nodes")
		of := rapid.SliceOfN(rapid.SampledFrom([]string{"news", "toons", "stray", "ghost"}), 0, 2).Draw(t, "deployments")
		c := ask(p, user, intent, risk, on, of)
		v := p.Decide(context.Background(), c)
		if v.Risk.Rank() < risk.Rank() {
			t.Fatalf("risk fell from %q to %q", risk, v.Risk)
		}
		if !v.Allow {
			if v.Why == "" || v.Rule == "" || v.Next == "" || v.Confirm {
				t.Fatalf("a refusal that explains nothing: %+v", v)
			}
			return
		}
		if v.Risk == actions.Destructive && !v.Confirm {
			t.Fatalf("destructive without a yes: %+v", v)
		}
		for _, r := range p.Roles(c.Request.Actor.Name) {
			if covers(r, intent, on, of, site, tenant) {
				return
			}
		}
		t.Fatalf("%s may %s on %v of %v, which no role gives", user, intent, on, of)
	})
}

// covers is the meaning of a role, written down a second time.
func covers(r policy.Role, intent string, on, of []string, site, tenant map[string]string) bool {
	ok := false
	for _, g := range r.May {
		ok = ok || policy.Match(g, intent)
	}
	in := func(limits []string, name string, known bool) bool {
		if !known || limits == nil {
			return known
		}
		for _, l := range limits {
			if name != "" && (l == "*" || l == name) {
				return true
			}
		}
		return false
	}
	for _, n := range on {
		s, known := site[n]
		ok = ok && in(r.Sites, s, known)
	}
	for _, d := range of {
		s, known := tenant[d]
		ok = ok && in(r.Tenants, s, known)
	}
	return ok
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		glob, intent string
		want         bool
	}{
		{"*", "cache.flush", true},
		{"*", "", true},
		{"", "", true},
		{"", "help", false},
		{"cache.flush", "cache.flush", true},
		{"cache.flush", "cache.flushx", false},
		{"cache.*", "cache.flush", true},
		{"cache.*", "cache", false},
		{"*.show", "node.show", true},
		{"*.show", "show", false},
		{"*.show", "node.shows", false},
		{"*a*a*", "a", false},
		{"*a*a*", "banana", true},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"r*n.*l", "run.cancel", true},
		{"[a-z]*", "cache.flush", false},
		{"cache.?lush", "cache.flush", false},
	} {
		if got := policy.Match(test.glob, test.intent); got != test.want {
			t.Errorf("Match(%q, %q) = %v, want %v", test.glob, test.intent, got, test.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, err := policy.New(policy.Config{
		People: []policy.Person{
			{Name: "anna", Roles: []string{"boss"}, Identities: []string{"unix:anna"}},
			{Name: "bert", Identities: []string{"unix:anna", ""}},
			{Name: "bert"}, {Name: ""},
		},
		Roles: []policy.Role{{Name: "viewer"}, {Name: "viewer"}, {Name: ""}},
	})
	if err == nil {
		t.Fatal("New takes what makes no sense")
	}
	for _, want := range []string{
		`role "viewer": names must be given and unique`, `role "": names`, `person anna: no role "boss"`,
		`person bert: identity "unix:anna" already belongs to "anna"`, `identity "" already`, `person "bert": names`, `person "": names`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New says %q, want also %q", err, want)
		}
	}
}

func TestWho(t *testing.T) {
	t.Parallel()
	p := rights(t)
	for identity, want := range map[string]actions.Actor{
		"unix:anna": {Kind: actions.Person, Name: "anna", As: "unix:anna"},
		"unix:root": {Kind: actions.Person, Name: "anna", As: "unix:root"},
		"anna":      {Kind: actions.Person, As: "anna"},
		"":          {Kind: actions.Person},
	} {
		if got := p.Who(identity); got != want {
			t.Errorf("Who(%q) = %+v, want %+v", identity, got, want)
		}
	}
	if got := (*policy.Policy)(nil).Who("unix:anna"); got.Name != "" {
		t.Errorf("without a policy unix:anna is %+v", got)
	}
	person, ok := p.Person("anna")
	if !ok || person.Roles[0] != "operator" {
		t.Errorf("Person(anna) = %+v, %v", person, ok)
	}
	person.Roles[0] = "viewer"
	if again, _ := p.Person("anna"); again.Roles[0] != "operator" {
		t.Error("what Person returns changes the policy")
	}
	if _, ok := (*policy.Policy)(nil).Person("anna"); ok {
		t.Error("without a policy there is anna")
	}
	if r := (*policy.Policy)(nil).Roles("anna"); r != nil {
		t.Errorf("without a policy anna has roles %v", r)
	}
}

func BenchmarkDecide(b *testing.B) {
	p := rights(b)
	c := ask(p, "carl", "cache.flush", actions.Destructive, []string{"edge-1"}, nil)
	for b.Loop() {
		if v := p.Decide(b.Context(), c); !v.Allow {
			b.Fatal(v)
		}
	}
}

func ExamplePolicy_Decide() {
	p, err := policy.New(policy.Config{
		People: []policy.Person{{Name: "bert", Roles: []string{"viewer"}, Identities: []string{"unix:bert"}}},
		Roles:  []policy.Role{{Name: "viewer", May: []string{"*.show"}}, {Name: "operator", May: []string{"*"}}},
	})
	if err != nil {
		panic(err)
	}
	v := p.Decide(context.Background(), policy.Case{
		Request: actions.Request{Intent: "cache.flush", Actor: p.Who("unix:bert")},
		Risk:    actions.Destructive,
	})
	fmt.Println(v.Allow)
	fmt.Println(v.Why)
	// Output:
	// false
	// role viewer may not cache.flush; roles that may: operator
}
