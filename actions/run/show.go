package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
)

// rows is how many rows of a journal are shown; of more, only those that did not go well.
const rows = 40

// Summary tells in one line how a run stands, for people: "r-17 done in 12s: flush edge-1".
func Summary(r actions.Run) string {
	s := r.ID + " " + word(r)
	if r.State.Final() {
		s += " in " + took(r, r.Ended)
	}
	if r.Plan.Say != "" {
		s += ": " + r.Plan.Say
	}
	if r.Why != "" {
		s += " (" + r.Why + ")"
	}
	return s
}

// word names the state of a run as people say it.
func word(r actions.Run) string {
	switch {
	case r.Partly():
		return "done in part"
	case r.Holding():
		return "in force"
	case r.Epoch == 0:
		return "accepted"
	}
	return string(r.State)
}

// Describe returns the journal of a run for people: what was done where, how long it took, by whom, when, why, and what can be done next.
// r must be whole, as Get returns it.
func (e *Engine) Describe(r actions.Run, now time.Time) actions.Answer {
	req := r.Plan.Request
	a := actions.Answer{Title: r.ID + " " + word(r) + ": " + firstOf(r.Plan.Say, req.Text), Data: r, Hint: e.next(r)}
	a.Bad = r.State == actions.Failed || r.Partly()
	who := fmt.Sprintf("%s by %s", clock(r, r.Accepted), req.Actor)
	if req.Origin.Door != "" {
		who += " through " + req.Origin.Door
	}
	if req.Text != "" {
		who += ": " + req.Text
	}
	a.Lines = append(a.Lines, who)
	switch {
	case r.State.Final():
		a.Lines = append(a.Lines, "took "+took(r, now))
	case r.State == actions.Waiting:
		a.Lines = append(a.Lines, "until "+clock(r, r.Until)+", "+round(r.Until.Sub(now))+" from now")
	default:
		a.Lines = append(a.Lines, "for "+took(r, now)+" so far")
	}
	if r.Why != "" {
		a.Lines = append(a.Lines, "why: "+r.Why)
	}
	a.Lines = append(a.Lines, approvalLines(r)...)
	if r.By != "" && !strings.Contains(r.Why, r.By) {
		a.Lines = append(a.Lines, "ended by "+r.By)
	}
	table(&a, r)
	return a
}

// table adds a row for each act, or for those that matter.
func table(a *actions.Answer, r actions.Run) {
	t := newTrack(r.Plan, func(string) bool { return true })
	all := r.Latest()
	acts := 0
	for _, g := range r.Plan.Groups {
		acts += len(g.Steps) * len(g.On())
	}
	a.Table = &actions.Table{Columns: []string{"step", "node", "outcome", "took", "at", "what"}}
	left := 0
	for _, o := range all {
		if len(all) > rows && o.State == actions.StepDone || len(a.Table.Rows) == rows {
			left++
			continue
		}
		a.Table.Rows = append(a.Table.Rows, []string{
			fmt.Sprint(o.Step + 1), o.Node, outcomeWord(o), round(o.Took), clock(r, o.At), firstOf(o.Say, t.name(o)),
		})
	}
	if len(a.Table.Rows) == 0 {
		a.Table = nil
	}
	a.Lines = append(a.Lines, fmt.Sprintf("%d of %s came to an end%s", len(all), count(acts, "act"), notShown(left)))
}

func notShown(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d not shown", n)
}

// outcomeWord names an outcome and how often it was tried.
func outcomeWord(o actions.Outcome) string {
	s := string(o.State)
	if o.Unsure {
		s += ", may have acted"
	}
	if o.Attempts > 1 {
		s += fmt.Sprintf(" (%d tries)", o.Attempts)
	}
	return s
}

// next says what a person could do about the run.
func (e *Engine) next(r actions.Run) string {
	switch {
	case r.Holding():
		return "undo " + r.ID + " takes it back before its time"
	case r.State == actions.Undoing:
		return ""
	case awaiting(r):
		return "approve " + r.ID + ", or reject " + r.ID
	case !r.State.Final():
		return "cancel " + r.ID
	case r.Partly(), r.State == actions.Failed, r.State == actions.Cancelled, r.State == actions.Undone:
		return "retry " + r.ID
	case e.undoProblem(r) == nil:
		return "undo " + r.ID
	}
	return ""
}

// clock returns a time as the one who asked would read it: the hour alone on the day of the run.
func clock(r actions.Run, t time.Time) string {
	t = t.In(r.Plan.Request.At.Location())
	if t.Format(time.DateOnly) == r.Accepted.In(t.Location()).Format(time.DateOnly) && !t.Equal(r.Accepted) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04:05 MST")
}

// round shortens a duration to what people read.
func round(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// ByHand returns the commands that a person would type instead of a plan: the runbook for the day when the bot is dead. Steps that no command
// stands for are told as comments.
func (e *Engine) ByHand(ctx context.Context, p actions.Plan) ([]string, error) {
	var out []string
	t := newTrack(p, e.undoes)
	for i, g := range p.Groups {
		if g.Say != "" {
			out = append(out, "# "+g.Say)
		}
		for _, node := range g.On() {
			for s, step := range g.Steps {
				lines, err := e.byHand(ctx, p, Call{Step: t.first[i] + s, Node: node, Args: step.Args, Request: p.Request, Log: e.log, Attempt: 1,
					Progress: func(string, int, int) {}}, step)
				if err != nil {
					return nil, fmt.Errorf("by hand: %s: %w", sayOn(step, node), err)
				}
				out = append(out, lines...)
			}
		}
	}
	return out, nil
}

func (e *Engine) byHand(ctx context.Context, p actions.Plan, c Call, step actions.Step) ([]string, error) {
	x := e.o.Executors[step.Kind]
	if x == nil {
		return nil, fmt.Errorf("no executor for steps of kind %q: %w", step.Kind, ErrBadPlan)
	}
	say := "# " + sayOn(step, c.Node)
	h, ok := x.(Handbook)
	if !ok {
		return []string{say + " (no command for steps of kind " + step.Kind + ")"}, nil
	}
	lines, err := h.ByHand(ctx, c)
	return append([]string{say}, lines...), err
}
