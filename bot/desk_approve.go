package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// approveIntent is the yes of another person to a run that waits for it.
const approveIntent = "run.approve"

// mayApprove looks whether a yes to a waiting run counts: the approver's own rights, and whether the plan would still be the same. What is
// approved is the plan that was asked for, with its parameters, and nothing else.
func (t *talk) mayApprove(ctx context.Context, r actions.Request) door.Exit {
	about, err := t.engine.Get(ctx, r.One("run"))
	if err != nil {
		return t.sorry(ctx, r, err)
	}
	v := t.view.Policy.MayApprove(ctx, policy.Approving{Run: about, Assents: about.Assents, Approver: t.actor, Segments: t.owners(about.Plan.Request, &about.Plan), World: t.view.World, Now: t.message.At})
	if !v.Allow {
		return t.refuse(ctx, r, v)
	}
	verb := t.verbs[about.Plan.Request.Intent]
	if verb.Plan == nil {
		return t.noVerb(about.Plan.Request)
	}
	now, err := verb.Plan(ctx, about.Plan.Request, t.view.World)
	if err != nil {
		return t.sorry(ctx, r, fmt.Errorf("%s cannot be planned any more: %w", about.ID, err))
	}
	now.Approve = about.Plan.Approve
	if changes := about.Plan.Diff(now); changes != nil {
		t.record(ctx, entry(r, policy.Entry{Decision: policy.Refused, Why: "the plan of " + about.ID + " has changed", Run: about.ID}))
		t.send(reply.Card{
			Kind: reply.Refused, Title: fmt.Sprintf("not approved: the plan of %s would be another one now", about.ID), Lines: changes,
			Hint: fmt.Sprintf("%q, and say the command again: %s", "reject "+about.ID, about.Plan.Request.Text),
		})
		return door.Refused
	}
	return door.OK
}

// spend counts the request in its quotas; what is over them is refused.
func (t *talk) spend(ctx context.Context, p proposal) door.Exit {
	err := t.quotas.Take(ctx, t.view.Policy, p.request, p.verdict.Risk, t.message.At)
	var spent *policy.QuotaSpent
	switch {
	case err == nil:
		return door.OK
	case errors.As(err, &spent):
		return t.refuse(ctx, p.request, spent.Verdict(p.verdict.Risk))
	default:
		return t.trouble("count the quota, so nothing was done", err)
	}
}

// glass tells everybody that one person did alone what two are needed for.
func (t *talk) glass(p proposal) {
	if !p.verdict.BrokeGlass {
		return
	}
	t.log.Warn("glass broken", "actor", p.request.Actor.String(), "intent", p.request.Intent, "why", p.verdict.Reason)
	t.tell(reply.Card{
		ID: "glass/" + p.request.Cause, Kind: reply.Failed,
		Title: fmt.Sprintf("%s broke the glass: %s", p.request.Actor, p.request.Text), Lines: []string{"reason: " + p.verdict.Reason},
	})
}

// waits tells that the run is stored and waits for somebody else, and who that may be.
func (t *talk) waits(r actions.Run) door.Exit {
	card := t.waitingCard(r)
	t.send(card)
	t.tell(card)
	return door.Temporary
}

// waitingCard shows a run that waits for somebody else: the whole plan that is to be agreed to, and who may.
func (d *Desk) waitingCard(r actions.Run) reply.Card {
	view, need := d.view.Load(), r.Plan.Approve
	who := view.Policy.Approvers(policy.Approving{Run: r, Assents: r.Assents, World: view.World, Now: time.Now()})
	card := runCard(r, nil)
	card.Live = false
	card.Lines = append(r.Plan.Lines(), fmt.Sprintf("%d of %d yeses of role %s; %s", len(r.Assents), need.People, need.Role, need.Rule))
	if len(who) > 0 {
		card.Lines = append(card.Lines, "may say so: "+strings.Join(who, ", "))
	}
	card.Hint = fmt.Sprintf("somebody else says \"approve %s\" or \"reject %s\"", r.ID, r.ID)
	return card
}

// waitsForPeople tells whether a run is parked until somebody else agrees.
func waitsForPeople(r actions.Run) bool {
	return r.State == actions.Waiting && r.Plan.Approve != nil && len(r.Assents) < r.Plan.Approve.People
}

// steersRun tells whether a request steers a run, so that its rights are those of what that run touches.
func steersRun(intent string) bool {
	return slices.Contains([]string{approveIntent, "run.reject", "run.cancel", "run.retry", "run.undo"}, intent)
}
