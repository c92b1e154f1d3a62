package bot

import (
	"context"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// read answers a request that makes no run: rights, the answer, a line in the audit log. What hands something out needs more: see handOut.
func (t *talk) read(ctx context.Context, r actions.Request) door.Exit {
	verb, ok := t.verbs[r.Intent]
	if !ok {
		return t.noVerb(r)
	}
	c := policy.Case{Request: r, Risk: verb.Risk, World: t.view.World, Now: t.message.At, Bound: t.bound, Segments: t.owners(r, nil)}
	verdict := handsOut(r, t.view.Policy.Decide(ctx, c))
	if !verdict.Allow {
		return t.refuse(ctx, r, verdict)
	}
	r.Reach = t.view.Policy.Reach(c)
	if verb.Risk != actions.Read {
		if exit := t.handOut(ctx, r, verdict); exit != door.OK {
			return exit
		}
	}
	answer, err := verb.Answer(ctx, r, t.view.World)
	if err != nil {
		return t.sorry(ctx, r, err)
	}
	if verb.Risk == actions.Read {
		t.record(ctx, entry(r, policy.Entry{Decision: policy.Answered}))
	}
	if t.reading != "" {
		answer.Lines = append([]string{t.reading}, answer.Lines...)
	}
	t.send(reply.Card{
		Kind: reply.Answer, Title: answer.Title, Lines: answer.Lines, Table: answer.Table, Code: answer.Code, Hint: answer.Hint, Data: answer.Data,
		Private: answer.Secret, Secret: answer.Secret,
	})
	if r.Intent == "run.show" && r.Has("follow") {
		return t.follow(ctx, r.One("run"))
	}
	if answer.Bad {
		return door.Failure
	}
	return door.OK
}

// handOut counts what is about to be handed out, and writes down who gets it: what nobody could trace is not given.
func (t *talk) handOut(ctx context.Context, r actions.Request, v policy.Verdict) door.Exit {
	if exit := t.spend(ctx, proposal{request: r, verdict: v}); exit != door.OK {
		return exit
	}
	if err := t.audit.Append(ctx, entry(r, policy.Entry{Decision: policy.Answered, Risk: v.Risk})); err != nil {
		return t.trouble("write the audit log, so nothing was handed out", err)
	}
	return door.OK
}

// handsOut refuses what would have to wait for a second person: the answer to it lives in the memory of the talk alone, and no run brings it later.
func handsOut(r actions.Request, v policy.Verdict) policy.Verdict {
	if !v.Allow || v.Approve == nil {
		return v
	}
	return policy.Verdict{
		Risk: v.Risk, Rule: policy.RuleApproval, Why: fmt.Sprintf("%s, and what %s hands out cannot wait for that", v.Approve.Rule, r.Intent),
		Next: "ask who runs me to type it on my machine: opsbot enrol " + r.One("node"),
	}
}
