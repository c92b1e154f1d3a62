package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
)

// Approving is a yes that somebody wants to give to a run that waits for it.
type Approving struct {
	Run      actions.Run
	Assents  []actions.Assent // that the run has already
	Approver actions.Actor
	Segments []Segment // as in a Case
	World    actions.World
	Now      time.Time // zero means time.Now()
}

// MayApprove tells whether the yes counts: the approver holds the role, has by themselves the right to what the plan does where it does it, is
// neither the one who asked nor whose rights are used, has not said yes before, and is not late. Freeze windows count at that moment. Like Decide
// it never fails: what cannot be decided is refused.
func (p *Policy) MayApprove(ctx context.Context, a Approving) Verdict {
	if a.Now.IsZero() {
		a.Now = time.Now()
	}
	if v, ok := p.mayAssent(a); !ok {
		return v
	}
	plan := a.Run.Plan
	request := plan.Request
	request.Actor = a.Approver
	request.Options = maps.Clone(request.Options)
	delete(request.Options, "break-glass") // the glass is broken by who asks; an approver has no need to
	v := p.Decide(ctx, Case{Request: request, Risk: plan.Risk, Plan: &plan, Segments: a.Segments, World: a.World, Now: a.Now})
	v.Confirm, v.Approve = false, nil
	if !v.Allow {
		v.Why = fmt.Sprintf("%s cannot approve %s: %s", a.Approver, a.Run.ID, v.Why)
		return v
	}
	v.Rule = RuleApproval
	v.Why = fmt.Sprintf("%s may approve %s: role %s; %s", a.Approver, a.Run.ID, plan.Approve.Role, v.Why)
	return v
}

// mayAssent looks at the approver and the run; ok tells that only the rights are left to be looked at.
func (p *Policy) mayAssent(a Approving) (v Verdict, ok bool) {
	run, need, who := a.Run, a.Run.Plan.Approve, a.Approver
	no := func(why, next string) (Verdict, bool) { return refusal(run.Plan.Risk, RuleApproval, why, next), false }
	if run.State != actions.Waiting || need == nil {
		return no(fmt.Sprintf("%s does not wait for a yes: it is %s", run.ID, run.State), fmt.Sprintf("show %s", run.ID))
	}
	asker := run.Plan.Request.Actor
	until := run.Until
	if until.IsZero() {
		until = run.Accepted.Add(need.Within)
	}
	switch {
	case p == nil || who.Kind != actions.Person || who.Name == "":
		return no(fmt.Sprintf("%s is no person who could approve %s", who, run.ID), "let a person with role "+need.Role+" say it")
	case asker.Kind == actions.Job && asker.Owner == "":
		return no(fmt.Sprintf("it is not known whose job asked for %s, so nobody is known to be somebody else", run.ID), "cancel it and let a person give the command")
	case who.Name == asker.Owner || asker.Kind == actions.Person && who.Name == asker.Name:
		return no(fmt.Sprintf("%s asked for %s: the yes must come from somebody else", who, run.ID), p.askOthers(need.Role, who.Name))
	case !slices.Contains(p.people[who.Name].Roles, need.Role):
		return no(fmt.Sprintf("%s has not the role %s, whose yes %s waits for", who, need.Role, run.ID), p.askOthers(need.Role, who.Name, asker.Name, asker.Owner))
	case slices.ContainsFunc(a.Assents, func(s actions.Assent) bool { return s.By == who.Name }):
		return no(fmt.Sprintf("%s has said yes to %s before", who, run.ID), p.askOthers(need.Role, who.Name, asker.Name, asker.Owner))
	case !a.Now.Before(until):
		return no(fmt.Sprintf("%s could be approved until %s", run.ID, until.UTC().Format(time.RFC3339)), "let it be asked for again")
	}
	return Verdict{}, true
}

// Approvers returns the people whose yes could count for a run, sorted: holders of the role, without the one who asked and who said yes already.
func (p *Policy) Approvers(a Approving) []string {
	need := a.Run.Plan.Approve
	if p == nil || need == nil {
		return nil
	}
	asker := a.Run.Plan.Request.Actor
	var out []string
	for name, person := range p.people {
		said := slices.ContainsFunc(a.Assents, func(s actions.Assent) bool { return s.By == name })
		own := name == asker.Owner || asker.Kind == actions.Person && name == asker.Name
		if !said && !own && slices.Contains(person.Roles, need.Role) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (p *Policy) askOthers(role string, but ...string) string {
	people := slices.DeleteFunc(p.peopleIn([]string{role}), func(name string) bool { return slices.Contains(but, name) })
	if len(people) == 0 {
		return "nobody else holds role " + role + ": give it to a person in the configuration, then reload"
	}
	return "ask " + strings.Join(people, " or ")
}
