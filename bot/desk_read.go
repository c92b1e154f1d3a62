package bot

import (
	"context"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// read answers a request that changes nothing: rights, the answer, a line in the audit log. It makes no run.
func (t *talk) read(ctx context.Context, r actions.Request) door.Exit {
	verb, ok := t.verbs[r.Intent]
	if !ok {
		return t.noVerb(r)
	}
	verdict := t.view.Policy.Decide(ctx, policy.Case{Request: r, Risk: verb.Risk, World: t.view.World, Now: t.message.At, Bound: t.bound})
	if !verdict.Allow {
		return t.refuse(ctx, r, verdict)
	}
	answer, err := verb.Answer(ctx, r, t.view.World)
	if err != nil {
		return t.sorry(ctx, r, err)
	}
	t.record(ctx, entry(r, policy.Entry{Decision: policy.Answered}))
	if t.reading != "" {
		answer.Lines = append([]string{t.reading}, answer.Lines...)
	}
	t.send(reply.Card{Kind: reply.Answer, Title: answer.Title, Lines: answer.Lines, Table: answer.Table, Hint: answer.Hint, Data: answer.Data})
	if r.Intent == "run.show" && r.Has("follow") {
		return t.follow(ctx, r.One("run"))
	}
	if answer.Bad {
		return door.Failure
	}
	return door.OK
}
