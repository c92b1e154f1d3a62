package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/intents"
)

// rehearse goes the road of a rule's command up to the point where something would be done: it is understood, planned, and judged by policy for
// whichever time is asked for.
func (a *App) rehearse(ctx context.Context, c rule.Command) (rule.Judge, error) {
	v := a.desk.view.Load()
	parsed := v.Parser.Parse(intents.Utterance{Text: c.Text, Now: time.Now(), Zone: v.Zone, Door: intents.DoorTerminal, Exact: true})
	if parsed.Decision != intents.Act && parsed.Decision != intents.Confirm {
		return nil, fmt.Errorf("not understood: %s", parsed.Because)
	}
	var cases []policy.Case
	for i, said := range parsed.Commands {
		one, err := a.rehearseOne(ctx, v, c, said, i)
		if err != nil {
			return nil, err
		}
		cases = append(cases, one)
	}
	return func(at time.Time) (bool, string, string) {
		for _, one := range cases {
			one.Now = at
			if verdict := v.Policy.Decide(ctx, one); !verdict.Allow {
				return false, verdict.Why, verdict.Freeze
			}
		}
		return true, "", ""
	}, nil
}

// rehearseOne plans one command of a rule.
func (a *App) rehearseOne(ctx context.Context, v *View, c rule.Command, said intents.Intent, n int) (policy.Case, error) {
	r := actions.Request{
		Cause: fmt.Sprintf("rehearsal/%s/%d", c.Rule, n), Intent: said.Name, Slots: map[string][]string{}, Options: said.Options, Text: said.Canonical(),
		Actor: v.Policy.Who("rule:" + c.Rule), At: time.Now(),
	}
	for _, s := range said.Slots {
		r.Slots[s.Name] = s.Values
	}
	verb, ok := a.desk.verbs[said.Name]
	if !ok {
		return policy.Case{}, errors.New("nothing stands behind " + said.Name)
	}
	one := policy.Case{Request: r, Risk: verb.Risk, World: v.World, Segments: a.segments.Owners(r, nil)}
	if verb.Plan == nil {
		return one, nil
	}
	plan, err := verb.Plan(ctx, r, v.World)
	if err != nil {
		return policy.Case{}, fmt.Errorf("not planned: %w", err)
	}
	one.Request, one.Risk, one.Plan = plan.Request, plan.Risk, &plan
	one.Segments = append(one.Segments, a.segments.Owners(plan.Request, &plan)...)
	return one, nil
}
