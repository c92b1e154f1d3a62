package slack_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
	workspace "github.com/shitops/opsbot/fixtures/slack"
)

// asks is a desk that asks one question for each message and takes one answer to it, from who was asked.
type asks struct {
	mu      sync.Mutex
	n       int
	open    map[string]string // token -> who
	effects []string
	choices []string
	public  bool
}

func (a *asks) handle(_ context.Context, m door.Message, send func(reply.Card)) door.Exit {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string]string{}
	}
	if m.Token == "" {
		a.n++
		token := fmt.Sprintf("%024d.%024d", a.n, a.n)
		a.open[token] = m.As
		send(reply.Card{
			ID: "question/" + token[:24], Kind: reply.Question, Title: "Flush edge-1 & <edge-2>?", Lines: []string{"purges 3 objects"}, Choices: a.choices,
			Token: token, Live: true, Private: !a.public,
		})
		return door.OK
	}
	switch who, open := a.open[m.Token]; {
	case !open:
		send(reply.Card{Kind: reply.Refused, Title: "that question is closed", Private: true})
		return door.Refused
	case who != m.As:
		send(reply.Card{Kind: reply.Refused, Title: "that question is for " + who, Private: true})
		return door.Refused
	}
	delete(a.open, m.Token)
	a.effects = append(a.effects, m.Text)
	send(reply.Card{ID: "question/" + m.Token[:24], Kind: reply.Answer, Title: "answered: " + m.Text + " by " + m.As, Private: !a.public})
	return door.OK
}

func (a *asks) did() string { a.mu.Lock(); defer a.mu.Unlock(); return strings.Join(a.effects, ",") }

// eachMode gives every mode a desk of its own.
func eachMode(t *testing.T, a func() *asks, test func(t *testing.T, w *world, a *asks)) {
	t.Helper()
	for _, mode := range []string{"socket", "http"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := a()
			w := newWorld(t, setup{mode: modeOf(mode), handle: d.handle})
			test(t, w, d)
		})
	}
}

// TestButtons answers a question that one person alone sees: the question is replaced by what happened, and a second click does nothing.
func TestButtons(t *testing.T) {
	eachMode(t, func() *asks { return &asks{choices: []string{"yes", "no"}} }, func(t *testing.T, w *world, a *asks) {
		w.slash("U1", "flush")
		q := w.shows("C1", "Flush edge-1 &amp; &lt;edge-2&gt;?")
		if q.Only != "U1" || len(q.Controls) != 2 || q.Controls[0].Style != "primary" {
			t.Errorf("the question is %+v, want one for U1 with two buttons", q)
		}
		dead := q // as somebody with an old window still sees it
		w.click("U1", q, "yes")
		answered := w.shows("C1", "answered: yes by slack:T0123/U1")
		if answered.TS != q.TS || len(answered.Controls) != 0 {
			t.Errorf("the answer is message %s with %d controls, want it in place of the question %s without any", answered.TS, len(answered.Controls), q.TS)
		}
		press := workspace.Press{User: "U1", Channel: "C1", TS: q.TS, ActionID: dead.Controls[1].ActionID, Value: "no"}
		if err := w.slack.Click(w.ctx(), press); err != nil {
			t.Errorf("a click on a dead button was not acknowledged: %v", err)
		}
		w.shows("C1", "that question is closed")
		if got := a.did(); got != "yes" {
			t.Errorf("effects %q, want yes alone", got)
		}
		if answered = w.shows("C1", "answered: yes"); answered.TS != q.TS {
			t.Errorf("the answer was replaced by the refusal")
		}
	})
}

// TestButtonsOutsideTheirThread asks privately after a mention, whose thread nobody has open yet, and after a press on an incident: the question is
// seen, its answer replaces it, and what follows stands in the thread.
func TestButtonsOutsideTheirThread(t *testing.T) {
	eachMode(t, func() *asks { return &asks{choices: []string{"yes", "no"}} }, func(t *testing.T, w *world, a *asks) {
		answer := func(begin string, thread func() string) {
			root := thread()
			q, err := w.slack.Await(w.ctx(), "", func(m workspace.Message) bool { return m.Only == "U1" && len(m.Controls) == 2 })
			if err != nil {
				t.Fatal(err)
			}
			if q.Hidden || q.Thread != "" {
				t.Errorf("%s: the question is hidden in thread %q", begin, q.Thread)
			}
			w.click("U1", q, "yes")
			if m := w.shows(q.Channel, "answered: yes"); m.TS != q.TS {
				t.Errorf("%s: the answer is a message of its own", begin)
			}
			got := w.desk.messages()
			if last := got[len(got)-1]; last.Origin.Thread != root || last.Token == "" {
				t.Errorf("%s: the answer came from %+v, want thread %q", begin, last.Origin, root)
			}
		}
		answer("a mention", func() string {
			top, err := w.slack.Mention(w.ctx(), workspace.Said{User: "U1", Channel: "C1", Text: "flush"})
			if err != nil {
				t.Fatal(err)
			}
			return top
		})
		answer("a press", func() string {
			c := reply.Card{ID: "edge-1!ping", Kind: reply.Failed, Title: "edge-1 is down", Live: true, Buttons: []reply.Button{{Label: "Run the remedy", Say: "flush edge-1"}}}
			if err := w.door.Tell(w.ctx(), c); err != nil {
				t.Fatal(err)
			}
			m := w.shows("C2", "edge-1 is down")
			w.click("U1", m, "Run the remedy")
			return m.TS
		})
		if _, err := w.slack.DM(w.ctx(), "U1", "flush"); err != nil {
			t.Fatal(err)
		}
		q := w.shows("D1", "Flush edge-1")
		w.click("U1", q, "no")
		if m := w.shows("D1", "answered: no"); m.TS != q.TS || m.Only != "" {
			t.Errorf("in direct messages the answer is %+v, want it in place of the question", m)
		}
	})
}

// TestClickByAnother lets a stranger press the buttons of a question that all can see.
func TestClickByAnother(t *testing.T) {
	eachMode(t, func() *asks { return &asks{choices: []string{"approve", "reject"}, public: true} }, func(t *testing.T, w *world, a *asks) {
		w.slash("U1", "delete segment 4711")
		q := w.shows("C1", "Flush edge-1")
		w.click("U2", q, "approve")
		refusal := w.shows("C1", "that question is for slack:T0123/U1")
		if refusal.Only != "U2" {
			t.Errorf("the refusal is shown to %q, want U2 alone", refusal.Only)
		}
		if q = w.shows("C1", "Flush edge-1"); len(q.Controls) != 2 {
			t.Errorf("the question lost its buttons: %+v", q)
		}
		w.click("U1", q, "approve")
		w.shows("C1", "answered: approve by slack:T0123/U1")
		if got := a.did(); got != "approve" {
			t.Errorf("effects %q, want one", got)
		}
	})
}

// TestDoubleClick delivers the same press three times, one of them after a restart: one effect.
func TestDoubleClick(t *testing.T) {
	eachMode(t, func() *asks { return &asks{choices: []string{"yes", "no"}} }, func(t *testing.T, w *world, a *asks) {
		w.slash("U1", "flush")
		q := w.shows("C1", "Flush edge-1")
		payload, err := w.slack.PressPayload(workspace.Press{User: "U1", Channel: "C1", TS: q.TS, Label: "yes"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.slack.Interact(w.ctx(), payload); err != nil {
				t.Fatal(err)
			}
		}
		w.shows("C1", "answered: yes")
		w.eventually("it is written down as done", func() bool { return w.count("twice") == 1 })
		w.stop()
		w.start()
		if err := w.slack.Interact(w.ctx(), payload); err != nil {
			t.Fatal(err)
		}
		w.eventually("the third is known", func() bool { return w.count("twice") == 2 })
		if got := a.did(); got != "yes" {
			t.Errorf("effects %q, want one", got)
		}
		if n := len(w.desk.messages()); n != 2 {
			t.Errorf("the desk got %d messages, want the command and one press", n)
		}
	})
}

// TestSelect chooses among more than fit on buttons.
func TestSelect(t *testing.T) {
	var choices []string
	for i := range 30 {
		choices = append(choices, fmt.Sprint("edge-", i))
	}
	eachMode(t, func() *asks { return &asks{choices: choices} }, func(t *testing.T, w *world, a *asks) {
		w.slash("U1", "flush")
		q := w.shows("C1", "Flush edge-1")
		w.click("U1", q, "edge-17")
		w.shows("C1", "answered: edge-17")
		if got := a.did(); got != "edge-17" {
			t.Errorf("effects %q, want edge-17", got)
		}
	})
}

// TestForm asks for a text that no button can hold.
func TestForm(t *testing.T) {
	eachMode(t, func() *asks { return &asks{} }, func(t *testing.T, w *world, a *asks) {
		w.slash("U1", "downtime")
		q := w.shows("C1", "Flush edge-1")
		w.click("U1", q, "Answer…")
		v, err := w.slack.AwaitView(w.ctx(), "U1")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(v.Shown, "Flush edge-1 & <edge-2>?") {
			t.Errorf("the form shows %q, want the question", v.Shown)
		}
		if err := w.slack.Submit(w.ctx(), v.ID, " until the fan is changed "); err != nil {
			t.Fatal(err)
		}
		answered := w.shows("C1", "answered: until the fan is changed")
		if answered.TS != q.TS {
			t.Errorf("the answer is a message of its own, want it in place of the question")
		}
		if got := a.did(); got != "until the fan is changed" {
			t.Errorf("effects %q", got)
		}
	})
}

// TestFormTooLate opens the form after the trigger has ended: the person is told what to do.
func TestFormTooLate(t *testing.T) {
	d := &asks{}
	w := newWorld(t, setup{handle: d.handle, place: workspace.Options{Limits: workspace.Limits{Trigger: time.Nanosecond}}})
	w.slash("U1", "downtime")
	q := w.shows("C1", "Flush edge-1")
	w.click("U1", q, "Answer…")
	if m := w.shows("C1", "press the button once more"); m.Only != "U1" {
		t.Errorf("it is shown to %q, want U1 alone", m.Only)
	}
	w.shows("C1", "Flush edge-1")
}

// TestForgedActions presses what was never there.
func TestForgedActions(t *testing.T) {
	both(t, setup{}, func(t *testing.T, w *world) {
		w.slash("U1", "x")
		m := w.shows("C1", "heard: x")
		for _, p := range []workspace.Press{
			{ActionID: "unknown", Value: "flush edge-1"},
			{ActionID: "opsbot", Value: "flush edge-1"},
			{ActionID: "opsbot:drop:0:x", Value: "flush edge-1"},
			{ActionID: "opsbot:say:0:", Value: "   "},
			{ActionID: "opsbot:ask:0:", Value: "ask"},
			{ActionID: strings.Repeat("opsbot:", 500), Value: "x"},
		} {
			p.User, p.Channel, p.TS = "U1", "C1", m.TS
			if err := w.slack.Click(w.ctx(), p); err != nil {
				t.Errorf("a press with action id %.40q was not acknowledged: %v", p.ActionID, err)
			}
		}
		payload, err := w.slack.PressPayload(workspace.Press{User: "U1", Channel: "C1", TS: m.TS, ActionID: "opsbot:say:0:", Value: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []func(map[string]any){
			func(p map[string]any) { p["actions"] = []any{} },
			func(p map[string]any) { p["type"] = "view_submission"; p["view"] = map[string]any{"callback_id": "x"} },
			func(p map[string]any) { p["type"] = "shortcut" },
			func(p map[string]any) { p["user"] = map[string]any{"id": "../../etc"} },
			func(p map[string]any) { p["channel"] = map[string]any{}; p["container"] = map[string]any{} },
			func(p map[string]any) { p["trigger_id"] = "" },
		} {
			forged := map[string]any{}
			maps.Copy(forged, payload)
			change(forged)
			if err := w.slack.Interact(w.ctx(), forged); err != nil {
				t.Errorf("a forged payload was not acknowledged: %v", err)
			}
		}
		if got := w.desk.messages(); len(got) != 1 {
			t.Errorf("the desk got %d messages, want the command alone: %+v", len(got), got)
		}
	})
}

// TestPlanCard shows a plan with everything a card can carry: nothing of it is obeyed by Slack.
func TestPlanCard(t *testing.T) {
	evil := "<!here> <@U1> <!channel> & *bold* @everyone http://evil.example/<x|y>"
	handle := func(_ context.Context, _ door.Message, send func(reply.Card)) door.Exit {
		send(reply.Card{
			ID: "p-1", Kind: reply.Plan, Title: evil, Lines: []string{evil, "```" + evil}, Code: []string{"rm `x` ``` " + evil}, Hint: evil, Run: "p-1",
			Table: &actions.Table{Columns: []string{evil}, Rows: [][]string{{evil}}}, Choices: []string{evil, "no"}, Token: "t.1",
			Buttons: []reply.Button{{Label: evil, Say: evil, Look: reply.Danger}},
		})
		return door.OK
	}
	w := newWorld(t, setup{handle: handle})
	w.slash("U1", "plan")
	m, err := w.slack.Await(w.ctx(), "C1", func(m workspace.Message) bool { return m.Bot })
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<!", "<@", "<http"} {
		if strings.Contains(strings.ReplaceAll(m.Text+string(m.Blocks), `\u003c`, "<"), bad) && strings.Contains(mrkdwn(m), bad) {
			t.Errorf("the message holds %q: %s", bad, m.Blocks)
		}
	}
	if len(m.Controls) != 3 || !m.Controls[2].Confirm {
		t.Errorf("controls %+v, want two choices and a button that asks once more", m.Controls)
	}
}
