package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// onSlack makes a message one of a platform where cards can be pressed.
func onSlack(m *door.Message) { m.Origin.Door, m.Origin.Channel = "slack", "T012/C012" }

// pressing makes a message the pressing of a button of a question.
func pressing(token string) option { return func(m *door.Message) { m.Token = token } }

// question returns the living question among the cards.
func (s said) question() reply.Card {
	for _, c := range s.cards {
		if c.Token != "" {
			return c
		}
	}
	return reply.Card{}
}

// settled returns the card that took the place of a question.
func (s said) settled(id string) reply.Card {
	for _, c := range s.cards {
		if c.ID == id && !c.Live {
			return c
		}
	}
	return reply.Card{}
}

// TestAButtonIsPressedOnce: a question can be answered by pressing, by who was asked, once; it is replaced by who said what.
func TestAButtonIsPressedOnce(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	q := h.say("flush edge-1", onSlack).question()
	if q.Token == "" || q.ID == "" || !q.Live || len(q.Choices) != 2 {
		t.Fatalf("question = %+v, want a living card with a token and the choices yes and no", q)
	}
	h.expect(h.say("yes", onSlack, as("ben"), pressing(q.Token)), door.Refused, "for anna")
	h.expect(h.say("yes", onSlack, as("mallory"), pressing(q.Token)), door.Refused, "for anna")
	h.expect(h.say("maybe", onSlack, pressing(q.Token)), door.NotFound, "does not answer", "still open")
	got := h.say("no", onSlack, thread("elsewhere"), pressing(q.Token))
	if text := strings.Join(got.settled(q.ID).Lines, " "); got.exit != door.OK || !strings.Contains(text, "anna said no at") {
		t.Errorf("pressed no: exit %d, the question became %q, want who said it", got.exit, text)
	}
	h.expect(h.say("yes", onSlack, pressing(q.Token)), door.Refused, "closed")
	h.expect(h.say("runs"), door.OK, "no run")
}

// TestPressingLate: what has expired, was replaced, or was never asked has nothing behind it.
func TestPressingLate(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	first := h.say("flush edge-1", onSlack).question()
	second := h.say("flush edge-2", onSlack)
	if text := strings.Join(second.settled(first.ID).Lines, " "); !strings.Contains(text, "something else was asked") {
		t.Errorf("the first question became %q, want that it was never answered", text)
	}
	h.expect(h.say("yes", onSlack, pressing(first.Token)), door.Refused, "closed")
	h.expect(h.say("yes", onSlack, pressing(second.question().Token), later(3*time.Minute)), door.Refused, "closed")
	for _, forged := range []string{"x", "a.b", strings.Repeat("0", 24) + "." + strings.Repeat("0", 24), first.Token + "0", "../" + first.Token, ".", strings.Repeat("0", 24) + ".question.*"} {
		h.expect(h.say("yes", onSlack, pressing(forged)), door.Refused, "closed")
	}
	h.expect(h.say("runs"), door.OK, "no run")
}

// TestPressingAChoice: a missing word can be pressed, and the next question is another card.
func TestPressingAChoice(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	q := h.say("flush", onSlack).question()
	got := h.say("edge-1", onSlack, pressing(q.Token))
	if text := strings.Join(got.settled(q.ID).Lines, " "); !strings.Contains(text, `anna answered "edge-1"`) {
		t.Errorf("the question became %q, want what was answered", text)
	}
	next := got.question()
	if next.ID == q.ID || !strings.Contains(next.Title, "edge-1") {
		t.Errorf("next question = %q (%s), want one for a yes about edge-1", next.Title, next.ID)
	}
	h.expect(h.say("edge-2", onSlack, pressing(q.Token)), door.Refused, "closed")
}

// TestRightsOfWhoPresses: rights that were lost between the question and the press are lost.
func TestRightsOfWhoPresses(t *testing.T) {
	t.Parallel()
	h := startHouse(t, quiet)
	q := h.say("flush edge-1", onSlack).question()
	h.rewrite("{name: anna, roles: [operator]", "{name: anna, roles: [viewer]")
	h.expect(h.say("yes", onSlack, pressing(q.Token)), door.Refused, "viewer")
	h.expect(h.say("runs"), door.OK, "no run")
}

// TestCardsOfRunsHaveButtons: what can be said next can be pressed, and only that.
func TestCardsOfRunsHaveButtons(t *testing.T) {
	t.Parallel()
	h := startHouse(t, twoPeople)
	waits := h.say("prime news on edge-1", onSlack).last()
	if got := says(waits); got != "approve "+waits.Run+"; reject "+waits.Run {
		t.Errorf("buttons of a run that waits = %q", got)
	}
	if text := strings.Join(waits.Lines, "\n"); !strings.Contains(text, "edge-1") {
		t.Errorf("what is to be agreed to is not shown:\n%s", text)
	}
	failed := h.say("approve "+waits.Run, onSlack, as("ben"))
	h.say("show " + waits.Run + " --follow")
	_ = failed
	end := h.say("show " + waits.Run + " --follow").last()
	if got := says(end); got != "retry "+waits.Run+"; show "+waits.Run {
		t.Errorf("buttons of a failed run = %q", got)
	}
}

func says(c reply.Card) string {
	var out []string
	for _, b := range c.Buttons {
		out = append(out, b.Say)
	}
	return strings.Join(out, "; ")
}
