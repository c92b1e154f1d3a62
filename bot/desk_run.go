package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// accept stores the plan durably, only then says so, and follows the run to its end.
func (t *talk) accept(ctx context.Context, p proposal) door.Exit {
	if p.request.Intent == resumeIntent {
		return t.resume(ctx, p)
	}
	if exit := t.held(ctx, p); exit != door.OK {
		return exit
	}
	if exit := t.spend(ctx, p); exit != door.OK {
		return exit
	}
	// The audit line comes first: what is done without a trace is worse than a trace of what was then not done.
	if err := t.audit.Append(ctx, entry(p.request, policy.Entry{Decision: policy.Accepted, PlanHash: p.plan.Hash(), Risk: p.verdict.Risk})); err != nil {
		return t.trouble("write the audit log, so nothing was done", err)
	}
	id, first, err := t.engine.Accept(ctx, *p.plan)
	switch {
	case errors.Is(err, store.ErrUnknown):
		return t.trouble("learn whether the run was accepted; say \"runs\" before you say it again", err)
	case err != nil:
		return t.sorry(ctx, p.request, err)
	}
	title := "accepted: " + p.plan.Say
	if !first {
		title = "already accepted: " + p.plan.Say
	}
	t.glass(p)
	t.keepContext(ctx, []actions.Request{p.request}, id)
	t.memory.add(conversation(t.message), fmt.Sprintf("%s: allowed: %s; accepted as %s", p.request.Text, p.verdict.Why, id))
	if err := t.rules.Note(ctx, p.request, p.plan.Targets()); err != nil {
		t.log.Warn("not counted in the cooldowns of rules", "run", id, "err", err)
	}
	t.log.Info("run accepted", "run", id, "intent", p.request.Intent, "actor", p.request.Actor.String(), "first", first)
	lines := p.plan.Lines()
	if t.reading != "" {
		lines = append([]string{t.reading}, lines...)
	}
	t.send(reply.Card{ID: id, Kind: reply.Progress, Title: title, Lines: lines, Run: id, Live: true})
	return t.follow(ctx, id)
}

// follow sends the run's living card until it is over.
func (t *talk) follow(ctx context.Context, id string) door.Exit {
	events, err := t.engine.Follow(ctx, id)
	if err != nil {
		return t.trouble("follow "+id+", which goes on", err)
	}
	var last actions.Run
	var progress *actions.Progress
	for e := range events {
		switch {
		case e.Progress != nil:
			progress = e.Progress
		default:
			last, progress = e.Run, nil
		}
		if last.ID == "" {
			continue
		}
		if waitsForPeople(last) && last.Epoch > 0 { // before, it is only queued
			return t.waits(last)
		}
		if last.Holding() {
			t.send(heldCard(last))
			return door.OK
		}
		t.send(runCard(last, progress))
		if last.State.Final() {
			return exitOf(last)
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return door.Interrupted
	}
	t.send(reply.Card{Kind: reply.Error, Title: fmt.Sprintf("%s goes on without me watching", id), Hint: fmt.Sprintf("say \"show %s\" to see where it stands", id)})
	return door.Temporary
}

// exitOf maps the end of a run to the promised exit codes.
func exitOf(r actions.Run) door.Exit {
	switch {
	case r.State == actions.Done && r.Partly():
		return door.Partly
	case r.State == actions.Done:
		return door.OK
	default:
		return door.Failure
	}
}
