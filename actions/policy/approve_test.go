package policy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// waiting is a run of a flush that waits for the yes of an operator.
func waiting(p *policy.Policy, asker string, nodes ...string) policy.Approving {
	c := askAs(p, asker, "cache.flush", actions.Destructive, nodes...)
	plan := *c.Plan
	plan.Approve = &actions.Approval{Rule: "x", Role: "operator", People: 1, Within: 30 * time.Minute}
	at := time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)
	return policy.Approving{
		Run:   actions.Run{ID: "r-1", State: actions.Waiting, Plan: plan, Accepted: at, Until: at.Add(30 * time.Minute)},
		World: world{}, Now: at.Add(time.Minute), Approver: p.Who("unix:bert"),
	}
}

func TestMayApprove(t *testing.T) {
	t.Parallel()
	p := guarded(t, func(c *policy.Config) {
		c.People = append(c.People, policy.Person{Name: "fred", Roles: []string{"operator", "local"}, Identities: []string{"unix:fred"}})
		c.People[2].Roles = append(c.People[2].Roles, "approver") // carl approves, but only in berlin
		c.Roles = append(c.Roles, policy.Role{Name: "local", May: []string{"help"}})
		c.Freezes = []policy.Freeze{{Name: "evening", From: "19:45", To: "23:00"}}
		c.BreakGlass = policy.BreakGlass{Roles: []string{"operator"}}
	})
	role := func(name string) func(*policy.Approving) {
		return func(a *policy.Approving) { a.Run.Plan.Approve.Role = name }
	}
	by := func(as string) func(*policy.Approving) { return func(a *policy.Approving) { a.Approver = p.Who(as) } }
	both := func(f ...func(*policy.Approving)) func(*policy.Approving) {
		return func(a *policy.Approving) {
			for _, one := range f {
				one(a)
			}
		}
	}
	for _, test := range []struct {
		name   string
		asker  string
		nodes  []string
		change func(*policy.Approving)
		allow  bool
		why    string
	}{
		{"another operator", "unix:anna", []string{"edge-1"}, nil, true, "bert may approve r-1: role operator"},
		{"the one who asked", "unix:anna", nil, by("unix:anna"), false, "anna asked for r-1: the yes must come from somebody else"},
		{"the owner of the rule", "rule:annas", nil, by("unix:anna"), false, "the yes must come from somebody else"},
		{"somebody else than the owner", "rule:annas", nil, nil, true, "bert may approve"},
		{"a rule of the file", "rule:flush", nil, by("unix:anna"), true, "anna may approve"},
		{"a job whose owner is not known", "job:night", nil, nil, false, "it is not known whose job asked"},
		{"a viewer", "unix:anna", nil, by("unix:dora"), false, "dora has not the role operator"},
		{"nobody", "unix:anna", nil, by("unix:mallory"), false, "unix:mallory is no person"},
		{"a rule", "unix:anna", nil, by("rule:flush"), false, "flush is no person"},
		{"a name that is made up", "unix:anna", nil, func(a *policy.Approving) { a.Approver = actions.Actor{Kind: actions.Person, Name: "zoe"} }, false, "zoe has not the role operator"},
		{"the role without the right", "unix:anna", nil, both(role("approver"), by("unix:emil")), false, "emil cannot approve r-1: role approver may not cache.flush"},
		{"the right in the place", "unix:anna", []string{"edge-1"}, both(role("approver"), by("unix:carl")), true, "carl may approve r-1: role approver"},
		{"no right in the place", "unix:anna", []string{"mac-1"}, both(role("approver"), by("unix:carl")), false, "not on mac-1 in site hamburg"},
		{"twice", "unix:anna", nil, func(a *policy.Approving) { a.Assents = []actions.Assent{{By: "bert"}} }, false, "bert has said yes to r-1 before"},
		{"the second of two", "unix:anna", nil, func(a *policy.Approving) { a.Assents = []actions.Assent{{By: "fred"}} }, true, ""},
		{"late", "unix:anna", nil, func(a *policy.Approving) { a.Now = a.Run.Until }, false, "could be approved until 2026-11-07T12:30:00Z"},
		{"at the last moment", "unix:anna", nil, func(a *policy.Approving) { a.Now = a.Run.Until.Add(-1) }, true, ""},
		{"late without a stored time", "unix:anna", nil, func(a *policy.Approving) { a.Run.Until = time.Time{}; a.Now = a.Run.Accepted.Add(30 * time.Minute) }, false, "could be approved until"},
		{"running already", "unix:anna", nil, func(a *policy.Approving) { a.Run.State = actions.Running }, false, "does not wait for a yes: it is running"},
		{"waits for a time", "unix:anna", nil, func(a *policy.Approving) { a.Run.Plan.Approve = nil }, false, "does not wait for a yes"},
		{"role that is gone", "unix:anna", nil, role("boss"), false, "bert has not the role boss"},
		{"node that is gone", "unix:anna", []string{"edge-99"}, nil, false, "node edge-99"},
		{"no world", "unix:anna", []string{"edge-1"}, func(a *policy.Approving) { a.World = nil }, false, "there is no inventory"},
		{"in a freeze", "unix:anna", nil, func(a *policy.Approving) {
			a.Now = a.Run.Accepted.Add(8 * time.Hour)
			a.Run.Until = a.Now.Add(time.Hour)
		}, false, "freeze evening"},
		{"glass of the one who asked", "unix:anna", nil, func(a *policy.Approving) {
			a.Now = a.Run.Accepted.Add(8 * time.Hour)
			a.Run.Until = a.Now.Add(time.Hour)
			a.Run.Plan.Request.Options = map[string]string{"break-glass": "", "reason": "x"}
		}, false, "freeze evening"},
	} {
		a := waiting(p, test.asker, test.nodes...)
		if test.change != nil {
			test.change(&a)
		}
		v := p.MayApprove(t.Context(), a)
		if v.Allow != test.allow || !strings.Contains(v.Why, test.why) || v.Confirm || v.Approve != nil || (v.Next == "") != v.Allow {
			t.Errorf("%s: MayApprove = %+v, want allow %v and a reason with %q", test.name, v, test.allow, test.why)
		}
	}
	if v := (*policy.Policy)(nil).MayApprove(t.Context(), waiting(p, "unix:anna")); v.Allow {
		t.Errorf("without a policy: %+v", v)
	}
	if v := p.MayApprove(t.Context(), policy.Approving{}); v.Allow {
		t.Errorf("of nothing: %+v", v)
	}
}

// TestNeverOneself: no yes counts that comes from the asker, from a second yes of one person, or from somebody who could not do it alone.
func TestNeverOneself(t *testing.T) {
	t.Parallel()
	p := guarded(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		asker := rapid.SampledFrom([]string{"unix:anna", "unix:bert", "unix:carl", "rule:flush", "rule:annas", "rule:carls"}).Draw(t, "asker")
		approver := rapid.SampledFrom([]string{"anna", "bert", "carl", "dora", "emil", "zoe", ""}).Draw(t, "approver")
		nodes := rapid.SliceOfN(rapid.SampledFrom([]string{"edge-1", "mac-1"}), 0, 2).Draw(t, "nodes")
		a := waiting(p, asker, nodes...)
		a.Run.Plan.Approve.Role = rapid.SampledFrom([]string{"operator", "berliner", "approver"}).Draw(t, "role")
		a.Approver = p.Who("unix:" + approver)
		for _, by := range rapid.SliceOfN(rapid.SampledFrom([]string{"anna", "bert", "carl"}), 0, 2).Draw(t, "assents") {
			a.Assents = append(a.Assents, actions.Assent{By: by})
		}
		v := p.MayApprove(context.Background(), a)
		if !v.Allow {
			return
		}
		said := slices.ContainsFunc(a.Assents, func(s actions.Assent) bool { return s.By == approver })
		own := p.Decide(context.Background(), askAs(p, "unix:"+approver, "cache.flush", actions.Destructive, nodes...))
		if asker == "unix:"+approver || p.Who(asker).Owner == approver || said || !own.Allow || !slices.Contains(p.Approvers(a), approver) {
			t.Fatalf("%s may approve what %s asked, having said %v: %+v; alone: %+v", approver, asker, a.Assents, v, own)
		}
	})
}

func TestApprovers(t *testing.T) {
	t.Parallel()
	p := guarded(t, nil)
	for _, test := range []struct {
		asker   string
		assents []actions.Assent
		want    []string
	}{
		{"unix:anna", nil, []string{"bert"}},
		{"rule:annas", nil, []string{"bert"}},
		{"rule:flush", nil, []string{"anna", "bert"}},
		{"rule:flush", []actions.Assent{{By: "anna"}}, []string{"bert"}},
		{"unix:anna", []actions.Assent{{By: "bert"}}, nil},
	} {
		a := waiting(p, test.asker)
		a.Assents = test.assents
		if diff := cmp.Diff(test.want, p.Approvers(a)); diff != "" {
			t.Errorf("Approvers of what %s asked after %v (-want +got):\n%s", test.asker, test.assents, diff)
		}
	}
	if got := p.Approvers(policy.Approving{}); got != nil {
		t.Errorf("Approvers of nothing = %v", got)
	}
}
