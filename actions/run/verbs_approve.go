package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
)

// The kinds of the steps by which people answer a run that waits for them.
const (
	ApproveKind = "run.approve"
	RejectKind  = "run.reject"
)

// approve plans a yes. What is approved is the plan of the run as it was asked for: the notes show it.
func (v verbs) approve(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	run, err := v.get(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	yes := actions.Assent{By: r.Actor.Name, As: r.Actor.As, At: r.At}
	if yes.By == "" { // who that is, policy says; here only whether anybody's yes would count
		yes.By = r.Actor.String()
	}
	probe := run
	if _, err := assent(&probe, yes, time.Now()); err != nil {
		return actions.Plan{}, fmt.Errorf("%s cannot be approved by %s: %w", run.ID, r.Actor, err)
	}
	p := control(r, ApproveKind, "approve "+called(run), target{Run: run.ID, Why: reasonOf(r)}, "a yes that was given counts; cancel "+run.ID+" stops the run")
	p.Notes = append(p.Notes, fmt.Sprintf("asked for by %s at %s", run.Plan.Request.Actor, clock(run, run.Accepted)))
	p.Notes = append(p.Notes, tally(run, len(run.Assents)))
	p.Notes = append(p.Notes, shorten(run.Plan.Lines(), 12)...)
	return p, nil
}

// reject plans a no.
func (v verbs) reject(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	run, err := v.get(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	if err := awaits(run, time.Now()); err != nil {
		return actions.Plan{}, fmt.Errorf("%s cannot be rejected: %w", run.ID, err)
	}
	p := control(r, RejectKind, "reject "+called(run), target{Run: run.ID, Why: reasonOf(r)}, "retry "+run.ID+" asks for it again")
	p.Risk = actions.Reversible
	return p, nil
}

// reasonOf returns why a person answers so: a slot of the one intent, an option of the other.
func reasonOf(r actions.Request) string { return firstOf(r.One("reason"), r.Options["reason"]) }

// tally says how many of the people that are needed have said yes.
func tally(r actions.Run, have int) string {
	return fmt.Sprintf("%d of %d of role %s said yes", have, r.Plan.Approve.People, r.Plan.Approve.Role)
}

// approvalLines tells who had to agree to a run, and who did.
func approvalLines(r actions.Run) []string {
	need := r.Plan.Approve
	if need == nil {
		return nil
	}
	line := "approval: " + tally(r, len(r.Assents))
	if need.Rule != "" {
		line += " (" + need.Rule + ")"
	}
	out := []string{line}
	for _, yes := range r.Assents {
		line := "approved by " + yes.By + " at " + clock(r, yes.At)
		if yes.Why != "" {
			line += ": " + yes.Why
		}
		out = append(out, line)
	}
	return out
}

// approver is the executor of run.approve.
type approver struct{ e *Engine }

// Do gives the yes and tells what came of it. Repeated, it is the same yes.
func (x approver) Do(ctx context.Context, c Call) (Result, error) {
	var t target
	if err := json.Unmarshal(c.Args, &t); err != nil {
		return Result{}, fmt.Errorf("arguments of %s: %w", ApproveKind, err)
	}
	by := c.Request.Actor
	if by.Kind != actions.Person {
		return Result{}, fmt.Errorf("approve %s: %s is no person: %w", t.Run, by, ErrSelf)
	}
	r, err := x.e.Approve(ctx, t.Run, actions.Assent{By: by.Name, As: by.As, At: c.Request.At, Why: t.Why})
	if err != nil {
		return Result{}, retryable(err)
	}
	say := fmt.Sprintf("%s approved by %s, %d of %d", t.Run, by, len(r.Assents), r.Plan.Approve.People)
	switch {
	case awaiting(r):
		return Result{Say: say + "; " + r.Why}, nil
	case approved(r):
		r = x.e.started(ctx, r)
	}
	return Result{Say: say + "; " + nowIs(r)}, nil
}

// quick is how long a yes waits for the end of the run that it let begin: who says yes to something small is told that it is done, and may count on it.
const quick = time.Second

// started waits a moment for an approved run to begin, and a shorter one for its end; it returns the run as it stands then.
func (e *Engine) started(ctx context.Context, r actions.Run) actions.Run {
	for _, wait := range []struct {
		most time.Duration
		done func(actions.Run) bool
	}{
		{begun, func(r actions.Run) bool { return !approved(r) }},
		{quick, func(r actions.Run) bool { return r.State.Final() || r.Holding() }},
	} {
		short, cancel := context.WithTimeout(ctx, wait.most)
		now, err := e.await(short, r.ID, wait.done)
		cancel()
		if now.ID != "" {
			r = now
		}
		if err != nil {
			break // the yes is stored; how far it has come is told by the run itself
		}
	}
	return r
}

// nowIs says how an approved run stands.
func nowIs(r actions.Run) string {
	switch {
	case approved(r):
		return "it begins as soon as a worker is free"
	case r.State.Final():
		return "it is " + word(r)
	}
	return "now " + word(r)
}

// rejecter is the executor of run.reject.
type rejecter struct{ e *Engine }

// Do says no. Repeated, it is the same no.
func (x rejecter) Do(ctx context.Context, c Call) (Result, error) {
	var t target
	if err := json.Unmarshal(c.Args, &t); err != nil {
		return Result{}, fmt.Errorf("arguments of %s: %w", RejectKind, err)
	}
	r, err := x.e.Reject(ctx, t.Run, c.Request.Actor, t.Why)
	if err != nil {
		return Result{}, retryable(err)
	}
	return Result{Say: Summary(r)}, nil
}
