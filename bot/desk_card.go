package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
)

// mostNodes is how many nodes a run's card tells about one by one; of larger runs it tells the counts and what went wrong.
const mostNodes = 8

// runCard shows where a run stands. It is the run's one living message.
func runCard(r actions.Run, p *actions.Progress) reply.Card {
	c := reply.Card{ID: r.ID, Run: r.ID, Kind: kindOf(r), Title: runTitle(r), Live: !r.State.Final(), Data: r}
	if len(r.Plan.Targets()) <= mostNodes {
		c.Lines = outcomeLines(r)
	} else {
		c.Lines = countLines(r)
	}
	if p != nil && c.Live {
		c.Lines = append(c.Lines, progressLine(*p))
	}
	c.Hint = runHint(r)
	c.Buttons = runButtons(r)
	return c
}

// runButtons are the commands that a person may want next.
func runButtons(r actions.Run) []reply.Button {
	switch {
	case waitsForPeople(r):
		return []reply.Button{
			{Label: "Approve", Say: "approve " + r.ID, Look: reply.Primary}, {Label: "Reject", Say: "reject " + r.ID, Look: reply.Danger},
		}
	case r.Holding():
		return []reply.Button{{Label: "End it now", Say: "cancel " + r.ID}}
	case !r.State.Final():
		return []reply.Button{{Label: "Cancel", Say: "cancel " + r.ID, Look: reply.Danger}}
	case r.State == actions.Failed || r.State == actions.Cancelled || r.Partly():
		return []reply.Button{{Label: "Retry", Say: "retry " + r.ID}, {Label: "Show all", Say: "show " + r.ID}}
	case r.State == actions.Done && undoable(r.Plan):
		return []reply.Button{{Label: "Undo", Say: "undo " + r.ID}}
	}
	return nil
}

// heldCard tells that a temporary change is in force, and until when.
func heldCard(r actions.Run) reply.Card {
	c := runCard(r, nil)
	c.Kind, c.Live = reply.Done, false
	c.Title = fmt.Sprintf("%s: done, until %s: %s", r.ID, r.Until.Format("2006-01-02 15:04:05 MST"), r.Plan.Say)
	c.Hint = fmt.Sprintf("it ends by itself; \"cancel %s\" ends it now", r.ID)
	c.Buttons = runButtons(r)
	return c
}

func kindOf(r actions.Run) reply.Kind {
	switch r.State {
	case actions.Done:
		if r.Partly() {
			return reply.Partly
		}
		return reply.Done
	case actions.Failed, actions.Undone, actions.Cancelled:
		return reply.Failed
	default:
		return reply.Progress
	}
}

func runTitle(r actions.Run) string {
	took := r.Ended.Sub(r.Accepted).Round(time.Millisecond)
	what := r.Plan.Say
	switch r.State {
	case actions.Done:
		end := "done"
		if r.Partly() {
			end = "done in part"
		}
		if r.Stopped {
			return fmt.Sprintf("%s: stopped early after %s, %s: %s", r.ID, took, what, r.Why)
		}
		return fmt.Sprintf("%s: %s in %s: %s", r.ID, end, took, what)
	case actions.Failed, actions.Cancelled, actions.Undone:
		title := fmt.Sprintf("%s: %s after %s: %s", r.ID, r.State, took, what)
		if r.Why != "" {
			title += ": " + r.Why
		}
		return title
	case actions.Waiting:
		return fmt.Sprintf("%s: waiting: %s: %s", r.ID, what, r.Why)
	default:
		return fmt.Sprintf("%s: %s: %s", r.ID, r.State, what)
	}
}

// outcomeLines tells every finished step.
func outcomeLines(r actions.Run) []string {
	var out []string
	for _, o := range r.Outcomes {
		out = append(out, outcomeLine(r.Plan, o))
	}
	return out
}

func outcomeLine(p actions.Plan, o actions.Outcome) string {
	say := o.Say
	if say == "" {
		if s, _, err := p.StepAt(o.Step); err == nil {
			say = actions.On(s.Say, o.Node)
		}
	}
	if o.Node != "" && !strings.Contains(say, o.Node) {
		say = o.Node + ": " + say
	}
	if o.State != actions.StepDone {
		say = string(o.State) + ": " + say
	}
	if o.Attempts > 1 {
		say += fmt.Sprintf(" (%d tries)", o.Attempts)
	}
	return mark(o.State) + " " + say
}

func mark(s actions.OutcomeState) string {
	switch s {
	case actions.StepDone, actions.StepUndone:
		return "✓"
	case actions.StepFailed, actions.StepUndoFailed:
		return "✗"
	default:
		return "•"
	}
}

// countLines tells of each step on how many nodes it is done, and names the first that went wrong.
func countLines(r actions.Run) []string {
	var out []string
	var bad []string
	counts := map[int]map[actions.OutcomeState]int{}
	for _, o := range r.Outcomes {
		if counts[o.Step] == nil {
			counts[o.Step] = map[actions.OutcomeState]int{}
		}
		counts[o.Step][o.State]++
		if o.State == actions.StepFailed || o.State == actions.StepUndoFailed {
			bad = append(bad, outcomeLine(r.Plan, o))
		}
	}
	for n := range r.Plan.StepCount() {
		s, g, err := r.Plan.StepAt(n)
		if err != nil || counts[n] == nil {
			continue
		}
		line := fmt.Sprintf("%s: %d of %d nodes", actions.On(s.Say, "each node"), counts[n][actions.StepDone], max(1, len(g.Nodes)))
		if f := counts[n][actions.StepFailed]; f > 0 {
			line += fmt.Sprintf(", %d failed", f)
		}
		out = append(out, line)
	}
	if len(bad) > mostNodes {
		bad = append(bad[:mostNodes], fmt.Sprintf("… and %d more", len(bad)-mostNodes))
	}
	return append(out, bad...)
}

func progressLine(p actions.Progress) string {
	line := "… " + p.Say
	if p.Node != "" && !strings.Contains(p.Say, p.Node) {
		line = "… " + p.Node + ": " + p.Say
	}
	if p.Total > 0 {
		line += fmt.Sprintf(" (%d/%d)", p.Done, p.Total)
	}
	return line
}

// runHint says what a person can do next.
func runHint(r actions.Run) string {
	switch {
	case !r.State.Final():
		return ""
	case r.State == actions.Failed || r.State == actions.Cancelled || r.Partly():
		return fmt.Sprintf("\"show %s\" tells all, \"retry %s\" does the rest", r.ID, r.ID)
	case r.State == actions.Done && undoable(r.Plan):
		return fmt.Sprintf("\"undo %s\" takes it back", r.ID)
	default:
		return ""
	}
}

func undoable(p actions.Plan) bool {
	for _, g := range p.Groups {
		for _, s := range g.Steps {
			if s.NoUndo == "" {
				return true
			}
		}
	}
	return false
}
