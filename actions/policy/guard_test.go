package policy_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestFreeze: the window is one of the wall clock of its zone, belongs to the day on which it began, and is there as often as the clock shows it.
func TestFreeze(t *testing.T) {
	t.Parallel()
	utc := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	evening := policy.Freeze{Name: "evening", From: "19:45", To: "23:00", Days: []string{"sat", "sun"}, Zone: "Europe/Berlin"}
	night := policy.Freeze{Name: "night", From: "22:00", To: "02:00", Days: []string{"sat"}, Zone: "Europe/Berlin"}
	early := policy.Freeze{Name: "early", From: "02:15", To: "02:45", Zone: "Europe/Berlin"}
	across := policy.Freeze{Name: "across", From: "01:30", To: "03:30", Zone: "Europe/Berlin"}
	whole := policy.Freeze{Name: "whole", From: "06:00", To: "06:00", Days: []string{"fri"}, Zone: "UTC"}
	for _, test := range []struct {
		name   string
		freeze policy.Freeze
		now    string
		want   bool
	}{
		{"before", evening, "2026-11-07T18:44:59Z", false},
		{"at its begin", evening, "2026-11-07T18:45:00Z", true},
		{"at its last second", evening, "2026-11-07T21:59:59Z", true},
		{"at its end", evening, "2026-11-07T22:00:00Z", false},
		{"on another day", evening, "2026-11-06T19:00:00Z", false},
		{"in summer an hour earlier", evening, "2026-07-04T17:45:00Z", true},
		{"in summer at the hour of winter", evening, "2026-07-04T21:30:00Z", false},
		{"over midnight, before", night, "2026-11-07T22:30:00Z", true},
		{"over midnight, behind: the day is Sunday, the window Saturday's", night, "2026-11-08T00:30:00Z", true},
		{"over midnight, at its end", night, "2026-11-08T01:00:00Z", false},
		{"Friday's window does not exist", night, "2026-11-07T00:30:00Z", false},
		{"in spring 02:15 is skipped, just before", early, "2026-03-29T00:59:59Z", false},
		{"in spring 02:15 is skipped, just behind", early, "2026-03-29T01:00:00Z", false},
		{"in spring around the gap, before", across, "2026-03-29T00:59:59Z", true},
		{"in spring around the gap, behind", across, "2026-03-29T01:29:59Z", true},
		{"in spring around the gap, over", across, "2026-03-29T01:30:00Z", false},
		{"in autumn 02:30, for the first time", early, "2026-10-25T00:30:00Z", true},
		{"in autumn between the two", early, "2026-10-25T01:00:00Z", false},
		{"in autumn 02:30, for the second time", early, "2026-10-25T01:30:00Z", true},
		{"whole day, its begin", whole, "2026-11-06T06:00:00Z", true},
		{"whole day, its end", whole, "2026-11-07T05:59:59Z", true},
		{"whole day, over", whole, "2026-11-07T06:00:00Z", false},
		{"whole day, not yet", whole, "2026-11-06T05:59:59Z", false},
	} {
		p := guarded(t, func(c *policy.Config) { c.Freezes = []policy.Freeze{test.freeze} })
		c := askAs(p, "unix:anna", "cache.purge", actions.Disruptive)
		c.Now = utc(test.now)
		v := p.Decide(t.Context(), c)
		if v.Allow == test.want || test.want != (v.Freeze == test.freeze.Name) || test.want != (v.Rule == policy.RuleFreeze) {
			t.Errorf("%s: Decide at %s = %+v, want frozen %v", test.name, test.now, v, test.want)
		}
	}
}

func TestFreezeOfRisks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, as, intent string
		risk             actions.Risk // of what is asked
		from             actions.Risk // of the window
		nodes            []string
		allow            bool
	}{
		{"reading", "unix:anna", "node.show", actions.Read, actions.Reversible, nil, true},
		{"reversible below disruptive", "unix:anna", "cache.prime", actions.Reversible, "", nil, true},
		{"disruptive", "unix:anna", "cache.purge", actions.Disruptive, "", nil, false},
		{"worse", "unix:anna", "cache.flush", actions.Destructive, "", nil, false},
		{"unknown class is the worst", "unix:anna", "cache.flush", "odd", actions.Destructive, nil, false},
		{"raised by its radius", "unix:anna", "cache.prime", actions.Reversible, "", []string{"mac-1"}, false},
		{"a vouched rule", "rule:flush", "cache.flush", actions.Destructive, "", nil, false},
		{"a rule for somebody", "rule:annas", "cache.flush", actions.Destructive, "", nil, false},
		{"the brakes", "unix:anna", "run.cancel", actions.Disruptive, actions.Reversible, nil, true},
		{"the great brake", "unix:anna", "automation.pause", actions.Disruptive, actions.Reversible, nil, true},
		{"a no", "unix:anna", "run.reject", actions.Disruptive, actions.Reversible, nil, true},
		{"a rule is switched off", "unix:anna", "rule.disable", actions.Disruptive, actions.Reversible, nil, true},
		{"a rule is switched on", "unix:anna", "rule.enable", actions.Disruptive, actions.Reversible, nil, false},
		{"the brakes need a right", "unix:dora", "run.cancel", actions.Disruptive, actions.Reversible, nil, false},
	} {
		p := guarded(t, func(c *policy.Config) {
			c.Freezes = []policy.Freeze{{Name: "all-day", From: "00:00", To: "00:00", Risk: test.from}}
			c.Approvals = []policy.ApprovalRule{{Intents: []string{"run.*", "automation.*", "rule.disable"}, Role: "operator", People: 1, Within: time.Hour}}
		})
		c := askAs(p, test.as, test.intent, test.risk, test.nodes...)
		if v := p.Decide(t.Context(), c); v.Allow != test.allow || v.Approve != nil {
			t.Errorf("%s: Decide(%s %s %s) = %+v, want allow %v without another yes", test.name, test.as, test.intent, test.risk, v, test.allow)
		}
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	p := guarded(t, func(c *policy.Config) {
		c.Approvals = []policy.ApprovalRule{
			{Intents: []string{"cache.*"}, Role: "operator", People: 1, Within: 30 * time.Minute},
			{Intents: []string{"cache.flush"}, Role: "approver", People: 2, Within: time.Hour},
			{Intents: []string{"*"}, Role: "approver", People: 1, Within: time.Hour},
		}
	})
	for _, test := range []struct {
		name, as, intent string
		risk             actions.Risk
		want             *actions.Approval
	}{
		{"the first of equal ones", "unix:anna", "cache.purge", actions.Disruptive, &actions.Approval{Rule: "cache.purge needs a yes of 1 other operator", Role: "operator", People: 1, Within: 30 * time.Minute}},
		{"the one that asks for most", "unix:anna", "cache.flush", actions.Destructive, &actions.Approval{Rule: "cache.flush needs a yes of 2 other people with role approver", Role: "approver", People: 2, Within: time.Hour}},
		{"a rule of the file", "rule:flush", "cache.prime", actions.Reversible, &actions.Approval{Rule: "cache.prime needs a yes of 1 other operator", Role: "operator", People: 1, Within: 30 * time.Minute}},
		{"reading", "unix:anna", "cache.stats", actions.Read, nil},
		{"a yes needs no yes", "unix:anna", "run.approve", actions.Disruptive, nil},
		{"refused", "unix:dora", "cache.flush", actions.Destructive, nil},
	} {
		v := p.Decide(t.Context(), askAs(p, test.as, test.intent, test.risk))
		if diff := cmp.Diff(test.want, v.Approve); diff != "" {
			t.Errorf("%s: Decide(%s %s).Approve (-want +got):\n%s", test.name, test.as, test.intent, diff)
		}
	}
}

func TestBreakGlass(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 7, 20, 0, 0, 0, time.UTC)
	with := func(reason string) map[string]string {
		return map[string]string{"break-glass": "true", "reason": reason}
	}
	for _, test := range []struct {
		name    string
		as      string
		intent  string
		risk    actions.Risk
		options map[string]string
		said    time.Duration // before now
		allow   bool
		broke   bool
		rule    string
		why     string
	}{
		{"in the freeze", "unix:anna", "cache.purge", actions.Disruptive, with("viewers see black"), 0, true, true, "break-glass", "anna broke the glass: viewers see black"},
		{"alone", "unix:anna", "cache.prime", actions.Reversible, with("x"), time.Minute, true, true, "break-glass", ""},
		{"where nothing stands in the way", "unix:anna", "alert.ack", actions.Reversible, with("x"), 0, true, false, "role", ""},
		{"without asking", "unix:anna", "cache.purge", actions.Disruptive, nil, 0, false, false, "freeze", "freeze evening"},
		{"denied by itself", "unix:anna", "cache.purge", actions.Disruptive, map[string]string{"break-glass": "false", "reason": "x"}, 0, false, false, "freeze", ""},
		{"without a reason", "unix:anna", "cache.purge", actions.Disruptive, with("  "), 0, false, false, "break-glass", "needs a reason"},
		{"too late", "unix:anna", "cache.purge", actions.Disruptive, with("x"), 10*time.Minute + time.Second, false, false, "break-glass", "counts for 10m0s"},
		{"just in time", "unix:anna", "cache.purge", actions.Disruptive, with("x"), 10 * time.Minute, true, true, "break-glass", ""},
		{"from the future", "unix:anna", "cache.purge", actions.Disruptive, with("x"), -time.Hour, false, false, "break-glass", "counts for"},
		{"without the role", "unix:carl", "cache.purge", actions.Disruptive, with("x"), 0, false, false, "break-glass", "carl may not break the glass; roles that may: operator"},
		{"without the right", "unix:dora", "cache.purge", actions.Disruptive, with("x"), 0, false, false, "role", "may not cache.purge"},
		{"a rule", "rule:annas", "cache.flush", actions.Destructive, with("x"), 0, false, false, "break-glass", "rule annas may not break the glass: only people may"},
		{"a rule of the file", "rule:flush", "cache.flush", actions.Destructive, with("x"), 0, false, false, "break-glass", "only people may"},
		{"reading", "unix:carl", "cache.stats", actions.Read, with("x"), 0, true, false, "role", ""},
	} {
		p := guarded(t, func(c *policy.Config) {
			c.Freezes = []policy.Freeze{{Name: "evening", From: "19:45", To: "23:00"}}
			c.Approvals = []policy.ApprovalRule{{Intents: []string{"cache.prime"}, Role: "operator", People: 1, Within: time.Hour}}
			c.BreakGlass = policy.BreakGlass{Roles: []string{"operator"}, For: 10 * time.Minute}
		})
		c := askAs(p, test.as, test.intent, test.risk)
		c.Request.Options, c.Request.At, c.Now = test.options, now.Add(-test.said), now
		v := p.Decide(t.Context(), c)
		if v.Allow != test.allow || v.BrokeGlass != test.broke || v.Rule != test.rule || !strings.Contains(v.Why, test.why) || v.BrokeGlass && (v.Approve != nil || v.Reason == "") {
			t.Errorf("%s: Decide = %+v, want allow %v, broken %v, rule %s, a reason with %q", test.name, v, test.allow, test.broke, test.rule, test.why)
		}
	}
	p := guarded(t, func(c *policy.Config) { c.Freezes = []policy.Freeze{{Name: "evening", From: "19:45", To: "23:00"}} })
	c := askAs(p, "unix:anna", "cache.purge", actions.Disruptive)
	c.Request.Options, c.Now = with("x"), now
	if v := p.Decide(t.Context(), c); v.Allow || v.Rule != policy.RuleGlass {
		t.Errorf("without the key break_glass: %+v, want that nobody may", v)
	}
}

// TestGuardsOnlyNarrow: whatever stands in the way, nothing is allowed that rights alone would not allow, and only a person with the role breaks glass.
func TestGuardsOnlyNarrow(t *testing.T) {
	t.Parallel()
	plain := guarded(t, nil)
	p := guarded(t, func(c *policy.Config) {
		c.Freezes = []policy.Freeze{{Name: "evening", From: "19:00", To: "03:00", Days: []string{"sat"}, Risk: actions.Reversible}}
		c.Approvals = []policy.ApprovalRule{{Intents: []string{"cache.*"}, Role: "operator", People: 1, Within: time.Hour}}
		c.BreakGlass = policy.BreakGlass{Roles: []string{"operator"}}
	})
	rapid.Check(t, func(t *rapid.T) {
		as := rapid.SampledFrom([]string{"unix:anna", "unix:carl", "unix:dora", "unix:zoe", "rule:flush", "rule:annas", "job:prime"}).Draw(t, "as")
		intent := rapid.SampledFrom([]string{"cache.flush", "cache.prime", "node.show", "run.cancel", "run.approve"}).Draw(t, "intent")
		risk := rapid.SampledFrom([]actions.Risk{actions.Read, actions.Reversible, actions.Disruptive, actions.Destructive, ""}).Draw(t, "risk")
		c := askAs(p, as, intent, risk, rapid.SampledFrom([]string{"edge-1", "mac-1"}).Draw(t, "node"))
		c.Now = time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "now"), 0)
		if rapid.Bool().Draw(t, "glass") {
			c.Request.Options = map[string]string{"break-glass": "", "reason": rapid.SampledFrom([]string{"", "x"}).Draw(t, "reason")}
		}
		v, w := p.Decide(context.Background(), c), plain.Decide(context.Background(), askAs(plain, as, intent, risk, c.Request.Slots["node"]...))
		switch {
		case v.Allow && !w.Allow:
			t.Fatalf("allowed %+v, by rights alone %+v", v, w)
		case v.Allow && v.Risk != w.Risk:
			t.Fatalf("risk %s, by rights alone %s", v.Risk, w.Risk)
		case v.BrokeGlass && (as != "unix:anna" || v.Approve != nil || v.Reason != "x" || risk == actions.Read):
			t.Fatalf("glass broken: %+v", v)
		case v.Allow && risk == actions.Read && (v.Approve != nil || v.Freeze != ""):
			t.Fatalf("reading is held up: %+v", v)
		case !v.Allow && (v.Why == "" || v.Next == "" || v.Approve != nil):
			t.Fatalf("a refusal that explains nothing: %+v", v)
		}
	})
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "22:00", "22:00-7:00", "22-07", "24:00-07:00", "22:00-07:00-08:00", " 22:00-07:00", "22:00 - 07:00"} {
		if s, err := policy.ParseSpan(text); err == nil {
			t.Errorf("ParseSpan(%q) = %v, want an error", text, s)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		minute := rapid.IntRange(0, 24*60-1)
		s := policy.Span{From: time.Duration(minute.Draw(t, "from")) * time.Minute, To: time.Duration(minute.Draw(t, "to")) * time.Minute}
		if again, err := policy.ParseSpan(s.String()); err != nil || again != s {
			t.Fatalf("ParseSpan(%q) = %v, %v", s, again, err)
		}
		// Of every two spans that share their ends the other way round, exactly one covers a time.
		at := time.Date(2026, 11, 7, 0, minute.Draw(t, "at"), 30, 0, time.UTC)
		day, in := s.Covers(at)
		_, out := policy.Span{From: s.To, To: s.From}.Covers(at)
		if in == out && s.From != s.To || s.From == s.To && !in {
			t.Fatalf("%s at %v: covered %v, by the rest of the day %v", s, at, in, out)
		}
		if clock := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute; in && (day == at.Weekday()) != (clock >= s.From) {
			t.Fatalf("%s at %v began on %v", s, at, day)
		}
	})
}

// BenchmarkDecideGuarded is a decision with everything that can stand in its way.
func BenchmarkDecideGuarded(b *testing.B) {
	p := guarded(b, func(c *policy.Config) {
		for range 20 {
			c.Freezes = append(c.Freezes, policy.Freeze{Name: "evening", From: "19:45", To: "23:00", Days: []string{"sat"}, Zone: "Europe/Berlin"})
			c.Approvals = append(c.Approvals, policy.ApprovalRule{Intents: []string{"segment.*", "cache.flush"}, Role: "operator", People: 1, Within: time.Hour})
		}
	})
	c := askAs(p, "rule:annas", "cache.flush", actions.Destructive, "edge-1")
	c.Now = time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		if v := p.Decide(b.Context(), c); !v.Allow || v.Approve == nil {
			b.Fatal(v)
		}
	}
}

func ExamplePolicy_MayApprove() {
	p, err := policy.New(policy.Config{
		People: []policy.Person{
			{Name: "anna", Roles: []string{"operator"}, Identities: []string{"unix:anna"}},
			{Name: "bert", Roles: []string{"operator"}, Identities: []string{"unix:bert"}},
		},
		Roles:     []policy.Role{{Name: "operator", May: []string{"*"}}},
		Approvals: []policy.ApprovalRule{{Intents: []string{"segment.delete"}, Role: "operator", People: 1, Within: time.Hour}},
	})
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)
	request := actions.Request{Intent: "segment.delete", Actor: p.Who("unix:anna")}
	plan := actions.Plan{Request: request, Risk: actions.Destructive}
	plan.Approve = p.Decide(context.Background(), policy.Case{Request: request, Risk: plan.Risk, Plan: &plan, Now: now}).Approve
	fmt.Println(plan.Approve.Rule)
	run := actions.Run{ID: "r-1", State: actions.Waiting, Plan: plan, Accepted: now}
	for _, who := range []string{"unix:anna", "unix:bert"} {
		v := p.MayApprove(context.Background(), policy.Approving{Run: run, Approver: p.Who(who), Now: now})
		fmt.Println(v.Allow, v.Why)
	}
	// Output:
	// segment.delete needs a yes of 1 other operator
	// false anna asked for r-1: the yes must come from somebody else
	// true bert may approve r-1: role operator; role operator may segment.delete
}

func ExampleOnCall_Who() {
	o, err := policy.NewOnCall(policy.OnCallConfig{
		Order:  []string{"anna", "bert"},
		People: []policy.OnCallPerson{{Name: "anna", Quiet: "22:00-07:00"}, {Name: "bert"}},
		Zone:   "Europe/Berlin",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(o.Who(time.Date(2026, 11, 7, 12, 0, 0, 0, time.UTC)))
	fmt.Println(o.Who(time.Date(2026, 11, 7, 23, 0, 0, 0, time.UTC)))
	// Output:
	// [anna bert]
	// [bert]
}
