package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// tenantRights are people whose roles have tenants, each the name of its only person.
func tenantRights(t testing.TB) *policy.Policy {
	t.Helper()
	roles := []policy.Role{
		{Name: "all", May: []string{"segment.*"}}, {Name: "acme", May: []string{"segment.*"}, Tenants: []string{"acme"}}, {Name: "any", May: []string{"segment.*"}, Tenants: []string{policy.Any}},
		{Name: "none", May: []string{"segment.*"}, Tenants: []string{}}, {Name: "looks", May: []string{"node.*"}},
	}
	c := policy.Config{Roles: roles, People: []policy.Person{{Name: "both", Roles: []string{"acme", "any"}}, {Name: "wide", Roles: []string{"acme", "all"}}}}
	for _, r := range roles {
		c.People = append(c.People, policy.Person{Name: r.Name, Roles: []string{r.Name}})
	}
	p, err := policy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func segmentCase(who, intent string, slots map[string][]string, of ...policy.Segment) policy.Case {
	return policy.Case{
		Request: actions.Request{Intent: intent, Slots: slots, Actor: actions.Actor{Kind: actions.Person, Name: who}}, Risk: actions.Read, World: world{}, Segments: of,
	}
}

// TestTenantsBindSegments holds what a role covers against whose a segment is. What nobody knows is covered by no role with tenants.
func TestTenantsBindSegments(t *testing.T) {
	t.Parallel()
	p := tenantRights(t)
	mine, theirs, nobodys := policy.Segment{Name: "a", Tenant: "acme"}, policy.Segment{Name: "b", Tenant: "rival"}, policy.Segment{Name: "c"}
	named := func(names ...string) map[string][]string { return map[string][]string{"segment": names} }
	for _, tt := range []struct {
		name, who string
		slots     map[string][]string
		of        []policy.Segment
		want      bool
		why       string
	}{
		{"own", "acme", named("a"), []policy.Segment{mine}, true, ""},
		{"other's", "acme", named("b"), []policy.Segment{theirs}, false, "role acme may segment.show for tenant acme, not for segment b of tenant rival"},
		{"nobody's", "acme", named("c"), []policy.Segment{nobodys}, false, "not for segment c of no tenant"},
		{"not looked up", "acme", named("a"), nil, false, "not for segment a of no tenant"},
		{"one of two", "acme", nil, []policy.Segment{mine, theirs}, false, "segment b"},
		{"same name, two owners", "acme", named("a"), []policy.Segment{mine, {Name: "a", Tenant: "rival"}}, false, "segment a of tenant rival"},
		{"a tenant's all", "acme", nil, []policy.Segment{{Tenant: "rival"}}, false, "not for segments of tenant rival"},
		{"no limit", "all", named("c"), []policy.Segment{nobodys}, true, ""},
		{"no limit, not looked up", "all", named("c"), nil, true, ""},
		{"any named", "any", named("b"), []policy.Segment{theirs}, true, ""},
		{"any named, nobody's", "any", named("c"), []policy.Segment{nobodys}, false, "any named tenant, not for segment c of no tenant"},
		{"none", "none", named("a"), []policy.Segment{mine}, false, "for no tenant, not for segment a"},
		{"by another role", "both", named("b"), []policy.Segment{theirs}, true, ""},
		{"no right", "looks", named("a"), []policy.Segment{mine}, false, "may not segment.show"},
	} {
		v := p.Decide(t.Context(), segmentCase(tt.who, "segment.show", tt.slots, tt.of...))
		if v.Allow != tt.want || !strings.Contains(v.Why, tt.why) || !v.Allow && v.Next == "" {
			t.Errorf("%s: %s on %v of %v = %v, %q, next %q; want %v, %q", tt.name, tt.who, tt.slots, tt.of, v.Allow, v.Why, v.Next, tt.want, tt.why)
		}
	}
}

// TestReach tells whose things each may see.
func TestReach(t *testing.T) {
	t.Parallel()
	p := tenantRights(t)
	for who, want := range map[string][]string{
		"all": nil, "wide": nil, "acme": {"acme"}, "any": {"*"}, "none": {}, "looks": {}, "both": {"acme", "*"}, "stranger": {},
	} {
		if diff := cmp.Diff(want, p.Reach(segmentCase(who, "segment.list", nil))); diff != "" {
			t.Errorf("reach of %s (-want +got):\n%s", who, diff)
		}
	}
}

// TestReachAndRightAgree: what a list shows, its reader may look at, and the other way round.
func TestReachAndRightAgree(t *testing.T) {
	t.Parallel()
	p := tenantRights(t)
	rapid.Check(t, func(rt *rapid.T) {
		who := rapid.SampledFrom([]string{"all", "wide", "acme", "any", "none", "looks", "both", "stranger"}).Draw(rt, "who")
		tenant := rapid.SampledFrom([]string{"acme", "rival", ""}).Draw(rt, "tenant")
		listed := actions.Request{Reach: p.Reach(segmentCase(who, "segment.show", nil))}.Reaches(tenant)
		may := p.Decide(t.Context(), segmentCase(who, "segment.show", nil, policy.Segment{Name: "s", Tenant: tenant})).Allow
		if listed != may {
			rt.Fatalf("%s: shown %v, may look %v at a segment of %q", who, listed, may, tenant)
		}
	})
}
