package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// isChat tells of platforms where a card stays for everybody to see, and to press.
func isChat(o actions.Origin) bool { return o.Door == "slack" || o.Door == "discord" }

// pose keeps a question and shows it. On a platform it is a living card: it can be pressed until it says what became of it.
func (t *talk) pose(ctx context.Context, q *question, c reply.Card) error {
	q.Title, q.Who = c.Title, t.actor.String()
	replaced, err := t.questions.ask(ctx, t.message, q)
	if err != nil {
		return err
	}
	if replaced != nil {
		t.settle(replaced, "never answered: something else was asked")
	}
	if isChat(t.message.Origin) {
		c.ID, c.Live, c.Token, c.Private = q.card(), true, q.token(), true
	}
	t.send(c)
	return nil
}

// settle puts in place of a question what became of it, so that nothing is left to press.
func (t *talk) settle(q *question, how string) {
	if isChat(t.message.Origin) && isChat(q.Origin) {
		t.send(settled(q, how))
	}
}

func settled(q *question, how string) reply.Card {
	return reply.Card{ID: q.card(), Kind: reply.Answer, Title: q.Title, Lines: []string{how}, Private: true}
}

// said tells who said yes or no, and when.
func (t *talk) said(yes bool) string {
	word := "no"
	if yes {
		word = "yes"
	}
	return fmt.Sprintf("%s said %s at %s", t.actor, word, t.message.At.In(t.zone()).Format("15:04:05 MST"))
}

// zone is that of times in replies.
func (t *talk) zone() *time.Location {
	if t.view.Zone == nil {
		return time.UTC
	}
	return t.view.Zone
}

// mayPress looks whether the question whose button was pressed is still open, and whether it was this person that was asked.
func (t *talk) mayPress(q *question) door.Exit {
	switch {
	case q == nil:
		return t.closed()
	case q.As != t.message.As && (t.actor.Name == "" || q.Who != t.actor.Name):
		t.decision = "forbidden"
		t.send(reply.Card{
			Kind: reply.Refused, Title: fmt.Sprintf("that question is for %s", q.Who), Private: true,
			Hint: "say the command yourself: you are asked then, with your own rights",
		})
		return door.Refused
	}
	return door.OK
}

// closed answers to a button that has nothing behind it any more.
func (t *talk) closed() door.Exit {
	t.decision = "closed"
	t.send(reply.Card{
		Kind: reply.Refused, Title: "that question is closed: it was answered already, or waited longer than " + brief(patience), Private: true,
		Hint: "nothing was done by pressing it; say the command again where it is still wanted",
	})
	return door.Refused
}

// noAnswer tells that what was given is no answer to the question that it was given to. The question stays open.
func (t *talk) noAnswer(q *question) door.Exit {
	t.send(reply.Card{Kind: reply.Refused, Title: fmt.Sprintf("%q does not answer: %s", t.message.Text, q.Title), Private: true, Hint: "the question is still open"})
	return door.NotFound
}
