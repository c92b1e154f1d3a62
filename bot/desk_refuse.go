package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// refuse says which rule forbids the request, and writes it down.
func (t *talk) refuse(ctx context.Context, r actions.Request, v policy.Verdict) door.Exit {
	t.decision = "forbidden"
	t.memory.add(conversation(t.message), fmt.Sprintf("%s: refused by %s: %s", r.Text, v.Rule, v.Why))
	t.record(ctx, entry(r, policy.Entry{Decision: policy.Refused, Why: v.Why, Rule: v.Rule, Risk: v.Risk}))
	t.send(reply.Card{Kind: reply.Refused, Title: fmt.Sprintf("refused: %s: %s", r.Text, v.Why), Hint: v.Next})
	return door.Refused
}

// sorry tells that a request cannot be planned or answered as it was said.
func (t *talk) sorry(ctx context.Context, r actions.Request, err error) door.Exit {
	t.record(ctx, entry(r, policy.Entry{Decision: policy.Failed, Why: err.Error()}))
	t.memory.add(conversation(t.message), fmt.Sprintf("%s: %v", r.Text, err))
	exit := door.Failure
	switch {
	case errors.Is(err, actions.ErrUnknown), errors.Is(err, store.ErrNotFound):
		exit = door.NotFound
	case errors.Is(err, store.ErrUnknown), errors.Is(err, store.ErrClosed), actions.IsTemporary(err):
		exit = door.Temporary
	}
	t.send(reply.Card{Kind: reply.Error, Title: fmt.Sprintf("%s: %v", r.Text, err)})
	return exit
}

// trouble tells that the bot itself could not do its part.
func (t *talk) trouble(doing string, err error) door.Exit {
	t.decision = "trouble"
	t.log.Error("message not handled", "doing", doing, "err", err)
	t.send(reply.Card{Kind: reply.Error, Title: fmt.Sprintf("I could not %s: %v", doing, err), Hint: "\"opsbot health\" tells what is wrong"})
	return door.Temporary
}

// noVerb is the answer to an intent that no action stands behind: a mistake in the wiring that a test looks for.
func (t *talk) noVerb(r actions.Request) door.Exit {
	return t.trouble("find who does "+r.Intent, fmt.Errorf("no action is wired for the intent %s", r.Intent))
}

// record writes a line to the audit log. Where nothing is changed, an audit log that cannot be written is told in the log and readiness, and
// does not keep people from looking; changes are refused without it (see accept).
func (t *talk) record(ctx context.Context, e policy.Entry) {
	if e.Actor.Kind == "" {
		e.Actor, e.Origin, e.At = t.actor, t.message.Origin, t.message.At
	}
	if err := t.audit.Append(ctx, e); err != nil {
		t.log.Error("audit line not written", "decision", e.Decision, "intent", e.Intent, "err", err)
	}
}

// entry fills in what the request says.
func entry(r actions.Request, e policy.Entry) policy.Entry {
	e.At, e.Actor, e.Origin, e.Intent, e.Slots, e.Text = r.At, r.Actor, r.Origin, r.Intent, r.Slots, r.Text
	return e
}

// brief prints a duration as a person would say it: 2m instead of 2m0s.
func brief(d time.Duration) string {
	s := d.String()
	for _, tail := range []string{"m0s", "h0m"} {
		if len(s) > len(tail) && s[len(s)-len(tail):] == tail {
			s = s[:len(s)-2]
		}
	}
	return s
}
