package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/intents"
)

// ask asks back for what a command lacks. The next line of the same person in the same thread may answer.
func (t *talk) ask(ctx context.Context, p intents.Parsed) door.Exit {
	t.record(ctx, policy.Entry{Decision: policy.Unclear, Text: p.Text, Why: p.Because})
	card := reply.Card{Kind: reply.Question, Title: p.Question, Hint: p.Because}
	if p.Missing != nil {
		card.Choices, card.Hint = p.Missing.Choices, "answer in the next line, within "+brief(patience)+", or say something else"
	}
	if err := t.pose(ctx, &question{Asked: &p, Missing: p.Missing}, card); err != nil {
		return t.trouble("keep the question", err)
	}
	return door.NotFound
}

// askYes shows what would be done and asks for a yes. Changes holds how the plan differs from one that was shown before.
func (t *talk) askYes(ctx context.Context, proposals []proposal, changes []string) door.Exit {
	q := question{}
	var lines []string
	for _, p := range proposals {
		q.Requests = append(q.Requests, p.asked)
		shown := actions.Plan{}
		if p.plan != nil {
			shown = *p.plan
			lines = append(lines, p.plan.Lines()...)
		}
		q.Plans = append(q.Plans, shown)
		t.memory.add(conversation(t.message), fmt.Sprintf("%s: held for a yes: it is %s", p.request.Text, p.verdict.Risk))
		t.record(ctx, entry(p.request, policy.Entry{Decision: policy.Asked, PlanHash: shown.Hash(), Risk: p.verdict.Risk}))
	}
	if t.reading != "" {
		lines = append([]string{t.reading}, lines...)
	}
	if changes != nil {
		lines = append(append([]string{"what changed since it was shown:"}, changes...), lines...)
	}
	card := reply.Card{
		Kind: reply.Question, Title: askTitle(proposals, changes != nil), Lines: lines, Choices: []string{"yes", "no"},
		Hint: t.howToAgree(q.Requests), Data: q.Plans,
	}
	if err := t.pose(ctx, &q, card); err != nil {
		return t.trouble("keep the question", err)
	}
	return door.Refused
}

func askTitle(proposals []proposal, again bool) string {
	var what []string
	for _, p := range proposals {
		if p.plan != nil {
			what = append(what, fmt.Sprintf("%s (%s)", p.plan.Say, p.verdict.Risk))
		} else {
			what = append(what, p.request.Text)
		}
	}
	if again {
		return "the plan has changed: " + strings.Join(what, ", then ") + ": do it now?"
	}
	return strings.Join(what, ", then ") + ": do it?"
}

// howToAgree tells how a yes is said. With --yes only what can be read in one way is taken: for free words, and for words that mean something in
// this conversation alone, it names the commands that they came to.
func (t *talk) howToAgree(asked []actions.Request) string {
	if t.message.Patient {
		return fmt.Sprintf("yes or no, within %s", brief(patience))
	}
	how := "say it with --yes"
	if !t.exact() {
		var commands []string
		for _, r := range asked {
			commands = append(commands, r.Text)
		}
		how = "say it with --yes as: opsbot say --yes " + shellWord(strings.Join(commands, "; "))
	}
	return fmt.Sprintf("nothing was done: %s, or say yes within %s", how, brief(patience))
}

// exact tells whether the message would be taken with its yes, by itself.
func (t *talk) exact() bool {
	u := t.utterance()
	u.Exact = true
	p := t.view.Parser.Parse(u)
	return p.Decision == intents.Act || p.Decision == intents.Confirm
}

// shellWord quotes a text so that a shell takes it as one word and as it is.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// yesNo answers the pending question, if there is one that a yes or a no can answer.
func (t *talk) yesNo(ctx context.Context, q *question, yes bool) door.Exit {
	t.decision = "no"
	if yes {
		t.decision = "yes"
	}
	if q == nil || q.Requests == nil && yes {
		if t.message.Token != "" {
			return t.closed()
		}
		t.send(reply.Card{Kind: reply.Refused, Title: "there is no question of mine that a yes or no would answer", Hint: "a question expires after " + brief(patience) + ": say the command again"})
		return door.NotFound
	}
	if err := t.questions.take(ctx, q); err != nil {
		if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
			if t.message.Token != "" {
				return t.closed()
			}
			t.send(reply.Card{Kind: reply.Refused, Title: "that question was answered already"})
			return door.Refused
		}
		return t.trouble("take the answer, so nothing was done", err)
	}
	t.settle(q, t.said(yes))
	if !yes {
		for _, r := range q.Requests {
			t.record(ctx, entry(r, policy.Entry{Decision: policy.Declined}))
		}
		t.send(reply.Card{Kind: reply.Answer, Title: "all right, nothing was done"})
		return door.OK
	}
	return t.agreed(ctx, q)
}

// agreed plans again with the world and the rights of now. The same plans are carried out; others are shown and asked about again.
func (t *talk) agreed(ctx context.Context, q *question) door.Exit {
	requests := make([]actions.Request, len(q.Requests))
	for i, r := range q.Requests {
		// The question is the cause: two yeses to one question are one run.
		r.Cause, r.Actor = fmt.Sprintf("question/%s/%d", q.ID, i), t.actor
		requests[i] = r
	}
	proposals, exit := t.plan(ctx, requests)
	if exit != door.OK {
		return exit
	}
	var changes []string
	for i, p := range proposals {
		now := actions.Plan{}
		if p.plan != nil {
			now = *p.plan
		}
		changes = append(changes, q.Plans[i].Diff(now)...)
	}
	if changes != nil {
		return t.askYes(ctx, proposals, changes)
	}
	return t.act(ctx, proposals)
}

// forget drops a question that was answered. That it may stay is harmless: it expires.
func (t *talk) forget(ctx context.Context, q *question) {
	if err := t.questions.take(ctx, q); err != nil {
		t.log.Warn("answered question stays until it expires", "question", q.ID, "err", err)
		return
	}
	t.settle(q, fmt.Sprintf("%s answered %q", t.actor, t.message.Text))
}
