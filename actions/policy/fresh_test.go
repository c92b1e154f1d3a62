package policy_test

import (
	"testing"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// TestRightsOnANewNode: whoever is limited to sites adds nodes there and nowhere else, and a new node is no part of a blast.
func TestRightsOnANewNode(t *testing.T) {
	t.Parallel()
	p, err := policy.New(policy.Config{
		People: []policy.Person{{Name: "anna", Roles: []string{"berliner"}, Identities: []string{"unix:anna"}}},
		Roles:  []policy.Role{{Name: "berliner", May: []string{"*"}, Sites: []string{"berlin"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		intent, name, site string
		allow              bool
		rule               string
	}{
		{"node.add", "edge-99", "berlin", true, policy.RuleRole},
		{"node.add", "edge-99", "hamburg", false, policy.RuleSite},
		{"node.add", "edge-99", "", false, policy.RuleSite},
		{"node.remove", "edge-99", "berlin", false, policy.RuleWorld},
	} {
		r := actions.Request{Intent: tt.intent, Slots: map[string][]string{"node": {tt.name}}, Actor: p.Who("unix:anna")}
		if tt.site != "" {
			r.Slots["site"] = []string{tt.site}
		}
		v := p.Decide(t.Context(), policy.Case{Request: r, Risk: actions.Reversible, World: world{}})
		if v.Allow != tt.allow || v.Rule != tt.rule || v.Allow && v.Risk != actions.Reversible {
			t.Errorf("%s %s in %q = allow %v by %s, risk %s (%s), want allow %v by %s", tt.intent, tt.name, tt.site, v.Allow, v.Rule, v.Risk, v.Why, tt.allow, tt.rule)
		}
	}
}
