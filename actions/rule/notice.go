package rule

import (
	"context"
	"time"

	"github.com/shitops/opsbot/actions"
)

// Notice is something that people must hear.
type Notice struct {
	ID      string        `json:"id"` // the same ID is the same notice
	Problem string        `json:"problem"`
	Rule    string        `json:"rule,omitempty"`
	Title   string        `json:"title"`
	Lines   []string      `json:"lines,omitempty"`
	Hint    string        `json:"hint,omitempty"` // the next thing to do
	Run     string        `json:"run,omitempty"`
	Alert   actions.Alert `json:"alert"`
	Bad     bool          `json:"bad,omitempty"` // something did not go as it should
	At      time.Time     `json:"at"`
}

// tell tells people what became of an alert.
func (e *Engine) tell(ctx context.Context, a actions.Alert, o Outcome, title string, lines ...string) {
	e.opt.Tell(ctx, e.notice(a, o, title, lines...))
}

// call makes sure that a person looks after it. Where nobody can be called it is told.
func (e *Engine) call(ctx context.Context, a actions.Alert, o Outcome, title string, lines ...string) error {
	n := e.notice(a, o, title, lines...)
	n.Bad = true
	if e.opt.Call == nil {
		e.opt.Tell(ctx, n)
		return nil
	}
	return e.opt.Call(ctx, n)
}

func (e *Engine) notice(a actions.Alert, o Outcome, title string, lines ...string) Notice {
	return Notice{
		ID: causeOf(a, o.Rule), Problem: a.Problem, Rule: o.Rule, Title: title, Lines: lines, Run: o.Run, Alert: a, At: e.opt.Now(),
		Bad: o.Decision == Failed || o.Decision == Unsure, Hint: "look after it, or say: ack " + nodeOf(a),
	}
}

// nodeOf is what an alert's object is called in a command.
func nodeOf(a actions.Alert) string {
	if a.Node != "" {
		return a.Node
	}
	return a.Host
}
