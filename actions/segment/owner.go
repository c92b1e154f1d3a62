package segment

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
)

// The intents whose tenant is said, and not that of a segment that is there.
const (
	creating = "segment.create"
	listing  = "segment.list"
)

// Owners returns the segments that a request is about, and those that a plan works on, with whose they are. What a plan says counts beside what is
// recorded now: a name may be of another tenant by now, or of nobody.
func (s *Segments) Owners(r actions.Request, p *actions.Plan) []policy.Segment {
	var out []policy.Segment
	add := func(name, tenant string) {
		if one := (policy.Segment{Name: name, Tenant: tenant}); !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	if p != nil {
		for _, g := range p.Groups {
			for _, step := range g.Steps {
				if a, ok := ours(step); ok {
					add(a.Segment, a.Tenant)
				}
			}
		}
	}
	planned := len(out) > 0
	for _, name := range r.All("segment") {
		have, err := s.find(name)
		switch {
		case err == nil:
			add(name, have.Tenant)
		case r.Intent != creating && !planned:
			add(name, "")
		}
		if r.Intent == creating && !planned {
			tenant, _ := s.tenant(r.One("tenant")) // whoever may act for any tenant hears of the mistake from the plan
			add(name, tenant)
		}
	}
	if tenant := r.One("tenant"); r.Intent == listing && tenant != "" {
		add("", tenant)
	}
	return out
}

// ours returns the arguments of a step about a segment.
func ours(step actions.Step) (Args, bool) {
	var a Args
	if !strings.HasPrefix(step.Kind, "segment.") && step.Kind != KindPut {
		return a, false
	}
	err := json.Unmarshal(step.Args, &a)
	return a, err != nil || a.Segment != "" // what cannot be read is of nobody known
}
