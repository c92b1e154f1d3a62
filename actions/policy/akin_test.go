package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// TestEnrollingIsWhoMayAdd: a role that may add nodes may let their agents in, in its own sites alone, and what stands before the one stands before the other.
func TestEnrollingIsWhoMayAdd(t *testing.T) {
	t.Parallel()
	p, err := policy.New(policy.Config{
		People: []policy.Person{{Name: "adds", Roles: []string{"adder"}}, {Name: "enrols", Roles: []string{"enroller"}}, {Name: "looks", Roles: []string{"viewer"}}, {Name: "boss", Roles: []string{"boss"}}},
		Roles: []policy.Role{
			{Name: "adder", May: []string{"node.add"}, Sites: []string{"berlin"}}, {Name: "enroller", May: []string{"node.enrol"}},
			{Name: "viewer", May: []string{"node.show", "node.list"}}, {Name: "boss", May: []string{"*"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		who, intent, node string
		want              bool
		why               string
	}{
		{"adds", "node.enrol", "edge-1", true, "role adder may node.enrol"},
		{"adds", "node.enrol", "mac-1", false, "in site berlin, not on mac-1"},
		{"adds", "node.enrol", "edge-99", false, "edge-99"},
		{"enrols", "node.enrol", "mac-1", true, "role enroller may node.enrol"},
		{"enrols", "node.add", "edge-99", false, "may not node.add"},
		{"looks", "node.enrol", "edge-1", false, "roles that may: adder, enroller, boss"},
		{"boss", "node.enrol", "lost", true, "role boss"},
		{"nobody", "node.enrol", "edge-1", false, ""},
	} {
		r := actions.Request{Intent: tt.intent, Slots: map[string][]string{"node": {tt.node}}, Actor: actions.Actor{Kind: actions.Person, Name: tt.who, As: "unix:" + tt.who}}
		v := p.Decide(t.Context(), policy.Case{Request: r, Risk: actions.Reversible, World: world{}})
		if v.Allow != tt.want || !strings.Contains(v.Why, tt.why) {
			t.Errorf("%s: %s %s = %v, %q; want %v, %q", tt.who, tt.intent, tt.node, v.Allow, v.Why, tt.want, tt.why)
		}
	}
	strict, err := policy.New(policy.Config{
		People:    []policy.Person{{Name: "boss", Roles: []string{"boss"}}},
		Roles:     []policy.Role{{Name: "boss", May: []string{"*"}}},
		Approvals: []policy.ApprovalRule{{Intents: []string{"node.add"}, Role: "boss", People: 1, Within: time.Minute}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := actions.Request{Intent: "node.enrol", Slots: map[string][]string{"node": {"edge-1"}}, Actor: actions.Actor{Kind: actions.Person, Name: "boss"}}
	if v := strict.Decide(t.Context(), policy.Case{Request: r, Risk: actions.Reversible, World: world{}}); !v.Allow || v.Approve == nil {
		t.Errorf("where node.add needs a second person, node.enrol = %+v", v)
	}
}
