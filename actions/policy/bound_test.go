package policy_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// guarded is the policy of the tests about rules, jobs and guards.
func guarded(t testing.TB, change func(*policy.Config)) *policy.Policy {
	t.Helper()
	c := policy.Config{
		People: []policy.Person{
			{Name: "anna", Roles: []string{"operator"}, Identities: []string{"unix:anna"}},
			{Name: "bert", Roles: []string{"operator"}, Identities: []string{"unix:bert"}},
			{Name: "carl", Roles: []string{"berliner", "operator-light"}, Identities: []string{"unix:carl"}},
			{Name: "dora", Roles: []string{"viewer"}, Identities: []string{"unix:dora"}},
			{Name: "emil", Roles: []string{"approver"}, Identities: []string{"unix:emil"}},
		},
		Roles: []policy.Role{
			{Name: "operator", May: []string{"*"}},
			{Name: "berliner", May: []string{"cache.*"}, Sites: []string{"berlin"}, Tenants: []string{"acme"}},
			{Name: "operator-light", May: []string{"run.*", "help"}},
			{Name: "viewer", May: []string{"*.show"}},
			{Name: "approver", May: []string{"run.approve", "help"}},
		},
		Rules: []policy.Bound{
			{Name: "flush", Intents: []string{"cache.flush", "cache.prime"}},
			{Name: "annas", Owner: "anna", Intents: []string{"cache.flush"}},
			{Name: "carls", Owner: "carl", Intents: []string{"cache.flush"}},
			{Name: "blank"},
		},
		Jobs: []policy.Bound{
			{Name: "prime", Owner: "carl", Intents: []string{"cache.prime"}},
			{Name: "doras", Owner: "dora", Intents: []string{"cache.prime"}},
		},
	}
	if change != nil {
		change(&c)
	}
	p, err := policy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// askAs is a case of any identity.
func askAs(p *policy.Policy, as, intent string, risk actions.Risk, nodes ...string) policy.Case {
	r := actions.Request{Intent: intent, Slots: map[string][]string{"node": nodes}, Actor: p.Who(as), Cause: as + "/" + intent}
	c := policy.Case{Request: r, Risk: risk, World: world{}}
	c.Plan = &actions.Plan{Request: r, Risk: risk, Groups: []actions.Group{{Nodes: nodes, Steps: []actions.Step{{Kind: "x"}}}}}
	return c
}

func TestDecideForRulesAndJobs(t *testing.T) {
	t.Parallel()
	p := guarded(t, nil)
	for _, test := range []struct {
		name   string
		as     string
		intent string
		nodes  []string
		change func(*policy.Case)
		allow  bool
		rule   string
		why    string
	}{
		{"vouched by the file", "rule:flush", "cache.flush", []string{"edge-1"}, nil, true, "bound", "rule flush may cache.flush: the configuration file binds it to that"},
		{"vouched everywhere", "rule:flush", "cache.prime", []string{"mac-1", "lost"}, nil, true, "bound", "disruptive"},
		{"not its command", "rule:flush", "cache.purge", []string{"edge-1"}, nil, false, "bound", "rule flush may not cache.purge: it is bound to cache.flush, cache.prime"},
		{"not even help", "rule:flush", "help", nil, nil, false, "bound", "may not help"},
		{"bound to nothing", "rule:blank", "cache.flush", nil, nil, false, "bound", "it is bound to nothing"},
		{"no such rule", "rule:flash", "cache.flush", nil, nil, false, "bound", "rule flash is not known"},
		{"rule without a name", "rule:", "cache.flush", nil, nil, false, "bound", "is not known"},
		{"a job that is a rule", "job:flush", "cache.flush", nil, nil, false, "bound", "job flush is not known"},
		{"a rule that is a job", "rule:prime", "cache.prime", nil, nil, false, "bound", "rule prime is not known"},
		{"rights of the owner", "rule:annas", "cache.flush", []string{"edge-1"}, nil, true, "role", "rule annas acts for anna: role operator may cache.flush"},
		{"site of the owner", "rule:carls", "cache.flush", []string{"mac-1"}, nil, false, "site", "rule carls acts for carl: role berliner may cache.flush in site berlin, not on mac-1"},
		{"job in the site", "job:prime", "cache.prime", []string{"edge-1"}, nil, true, "role", "job prime acts for carl: role berliner"},
		{"owner has lost the right", "job:doras", "cache.prime", []string{"edge-1"}, nil, false, "role", "job doras acts for dora: role viewer may not cache.prime"},
		{"another owner is said", "job:prime", "cache.prime", nil, func(c *policy.Case) { c.Request.Actor.Owner = "anna" }, false, "bound", "says it acts for anna, but is bound to carl"},
		{"an owner where there is none", "rule:flush", "cache.flush", nil, func(c *policy.Case) { c.Request.Actor.Owner = "anna" }, false, "bound", "says it acts for anna, but is bound to nobody"},
		{"made at run time", "job:night", "cache.flush", []string{"edge-1"}, bind(policy.Bound{Name: "night", Owner: "anna", Intents: []string{"cache.flush"}}), true, "role", "job night acts for anna"},
		{"made for another", "job:night", "cache.flush", nil, bind(policy.Bound{Name: "day", Owner: "anna", Intents: []string{"cache.flush"}}), false, "bound", "job night is not known"},
		{"made for another command", "job:night", "cache.flush", nil, bind(policy.Bound{Name: "night", Owner: "anna", Intents: []string{"cache.prime"}}), false, "bound", "may not cache.flush"},
		{"made by nobody", "job:night", "cache.flush", nil, bind(policy.Bound{Name: "night", Intents: []string{"cache.flush"}}), false, "bound", "has no owner"},
		{"a rule made by nobody", "rule:flush", "cache.flush", nil, bind(policy.Bound{Name: "flush", Intents: []string{"cache.flush"}}), false, "bound", "has no owner"},
		{"owner has left", "job:night", "cache.flush", nil, bind(policy.Bound{Name: "night", Owner: "zoe", Intents: []string{"cache.flush"}}), false, "bound", "acts for zoe, who is not a person"},
		{"no glob", "job:night", "cache.flush", nil, bind(policy.Bound{Name: "night", Owner: "anna", Intents: []string{"*"}}), false, "bound", "may not cache.flush"},
		{"unknown node", "rule:flush", "cache.flush", []string{"edge-99"}, nil, false, "world", "node edge-99"},
		{"broken world", "rule:flush", "cache.flush", []string{"edge-1"}, func(c *policy.Case) { c.World = world{broken: true} }, false, "world", "store is down"},
	} {
		c := askAs(p, test.as, test.intent, actions.Reversible, test.nodes...)
		if test.change != nil {
			test.change(&c)
		}
		v := p.Decide(t.Context(), c)
		if v.Allow != test.allow || v.Rule != test.rule || !strings.Contains(v.Why, test.why) || (v.Next == "") != v.Allow || v.Confirm {
			t.Errorf("%s: Decide(%s %s %v) = %+v, want allow %v by rule %s with %q, never a question", test.name, test.as, test.intent, test.nodes, v, test.allow, test.rule, test.why)
		}
	}
}

func bind(b policy.Bound) func(*policy.Case) { return func(c *policy.Case) { c.Bound = &b } }

// TestBoundNeverMore: whatever a rule or job asks, it is allowed only what it is bound to and what its owner could do alone, and is never asked.
func TestBoundNeverMore(t *testing.T) {
	t.Parallel()
	p := guarded(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"rule:", "job:"}).Draw(t, "kind")
		name := rapid.SampledFrom([]string{"flush", "annas", "carls", "prime", "doras", "night", ""}).Draw(t, "name")
		intent := rapid.SampledFrom([]string{"cache.flush", "cache.prime", "node.show", "help"}).Draw(t, "intent")
		risk := rapid.SampledFrom([]actions.Risk{actions.Read, actions.Reversible, actions.Destructive, ""}).Draw(t, "risk")
		nodes := rapid.SliceOfN(rapid.SampledFrom([]string{"edge-1", "edge-2", "mac-1", "lost", "ghost"}), 0, 3).Draw(t, "nodes")
		c := askAs(p, kind+name, intent, risk, nodes...)
		bound := policy.Bound{Name: name, Intents: []string{"cache.flush"}}
		bound.Owner = rapid.SampledFrom([]string{"", "anna", "carl", "zoe"}).Draw(t, "owner")
		made := rapid.Bool().Draw(t, "made at run time")
		if made {
			c.Bound, c.Request.Actor.Owner = &bound, bound.Owner
		}
		v := p.Decide(context.Background(), c)
		if v.Confirm || !v.Allow && (v.Why == "" || v.Next == "") {
			t.Fatalf("%+v", v)
		}
		if !v.Allow {
			return
		}
		if made && (intent != "cache.flush" || bound.Owner == "" || name == "") || slices.Contains(nodes, "ghost") {
			t.Fatalf("allowed: %+v", v)
		}
		if owner := c.Request.Actor.Owner; owner != "" {
			own := askAs(p, "unix:"+owner, intent, risk, nodes...)
			if w := p.Decide(context.Background(), own); !w.Allow || w.Risk != v.Risk {
				t.Fatalf("%s is allowed %+v, its owner %+v", c.Request.Actor, v, w)
			}
		} else if made || kind+name != "rule:flush" {
			t.Fatalf("%s has no owner and is allowed: %+v", c.Request.Actor, v)
		}
	})
}

func TestWhoOfRulesAndJobs(t *testing.T) {
	t.Parallel()
	p := guarded(t, nil)
	for as, want := range map[string]actions.Actor{
		"rule:flush": {Kind: actions.Rule, Name: "flush", As: "rule:flush"},
		"rule:annas": {Kind: actions.Rule, Name: "annas", As: "rule:annas", Owner: "anna"},
		"job:prime":  {Kind: actions.Job, Name: "prime", As: "job:prime", Owner: "carl"},
		"job:night":  {Kind: actions.Job, Name: "night", As: "job:night"},
		"rule:":      {Kind: actions.Rule, As: "rule:"},
		"Rule:flush": {Kind: actions.Person, As: "Rule:flush"},
	} {
		if got := p.Who(as); got != want {
			t.Errorf("Who(%q) = %+v, want %+v", as, got, want)
		}
	}
	if got := (*policy.Policy)(nil).Who("rule:flush"); got.Owner != "" || got.Kind != actions.Rule {
		t.Errorf("without a policy: %+v", got)
	}
}

func TestNewRefusesGuards(t *testing.T) {
	t.Parallel()
	_, err := policy.New(policy.Config{
		People:     []policy.Person{{Name: "anna", Identities: []string{"rule:x", "job:y"}}},
		Roles:      []policy.Role{{Name: "operator"}},
		Approvals:  []policy.ApprovalRule{{Role: "boss"}},
		Quotas:     []policy.Quota{{Role: "chief"}},
		Freezes:    []policy.Freeze{{Name: "a", From: "25:00", To: "01:00"}, {Name: "b", From: "1:00", To: "02:00"}, {Name: "c", From: "01:00", To: "02:00", Days: []string{"sunday"}}, {Name: "d", From: "01:00", To: "02:00", Zone: "Mars"}, {From: "01:00", To: "02:00"}},
		BreakGlass: policy.BreakGlass{Roles: []string{"king"}},
		Rules:      []policy.Bound{{Name: "r", Owner: "zoe"}, {Name: "s"}, {Name: "s"}, {}},
		Jobs:       []policy.Bound{{Name: "j"}},
	})
	if err == nil {
		t.Fatal("New takes what makes no sense")
	}
	for _, want := range []string{
		`identity "rule:x" is that of no person`, `identity "job:y"`, `approval 1: no role "boss"`, `approval 1: it needs intents`, `quota 1: no role "chief"`, `quota 1: it needs intents`,
		`freeze "a": "25:00" is no time of day`, `freeze "b": "1:00"`, `freeze "c": "sunday" is no day`, `freeze "d": unknown time zone Mars`, `freeze without a name`,
		`break_glass: no role "king"`, `rule r: its owner "zoe"`, `rule "s": names`, `rule "": names`, `job j: its owner ""`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New says\n%v\nwant also %s", err, want)
		}
	}
}
