package rule

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The exit codes that a command may end with (see the table in the manual page).
const (
	exitOK        = 0
	exitUsage     = 2
	exitRefused   = 4
	exitNotFound  = 5
	exitTemporary = 75
)

// resume goes on after an interruption in which the command may have been said. If it was, it is joined. If that cannot be told, it is said again
// only while all that matters still holds: it is one run then, whether or not it was said before.
func (w *work) resume(ctx context.Context) error {
	if w.opt.Known != nil {
		known, err := w.opt.Known(ctx, causeOf(w.alert, w.rule.Name))
		if err != nil {
			return fmt.Errorf("look for the run of an interrupted command: %w", err)
		}
		if known {
			return w.say(ctx)
		}
	}
	o := w.j.Outcome
	var a act
	for _, ask := range []func(context.Context, *Outcome, *act) error{w.askSwitches, w.askStanding} {
		if err := ask(ctx, &o, &a); err != nil {
			return err
		}
		if o.Decision != "" {
			o.Why = "I was interrupted while I said it, and now " + o.Why
			if w.opt.Known == nil {
				o.Decision, o.Why = Unsure, o.Why+"; whether it was done: say runs"
			}
			return w.settle(ctx, o)
		}
	}
	return w.say(ctx)
}

// say says the command and waits for its end.
func (w *work) say(ctx context.Context) error {
	if w.owner == "" { // a command that is joined after an interruption
		p, err := w.Position(ctx, w.rule)
		if err != nil {
			return err
		}
		w.owner = p.Owner
	}
	began := w.opt.Now()
	r, err := w.opt.Say(ctx, Command{
		Cause: causeOf(w.alert, w.rule.Name), Text: w.j.Outcome.Command, Rule: w.rule.Name, Owner: w.owner, Alert: w.alert, Thread: w.alert.Problem,
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("say %q: %w", w.j.Outcome.Command, err)
	}
	o, failed := w.judge(ctx, r)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := w.count(ctx, &o, failed); err != nil {
		return err
	}
	w.j.Result, w.j.Took = r, w.opt.Now().Sub(began)
	return w.settle(ctx, o)
}

// judge turns the end of a command into an outcome, and says why it counts as a failure, if it does.
func (w *work) judge(ctx context.Context, r Result) (o Outcome, failed string) {
	o = w.j.Outcome
	o.Run = r.Run
	diagnosed := o.Why
	switch r.Exit {
	case exitOK:
		o.Decision = Acted
		if failed = w.compare(ctx, &o); failed != "" {
			o.Decision, o.Why = Failed, failed
		} else if r.Stop != "" {
			o.Why = r.Stop
		}
	case exitTemporary:
		o.Decision, o.Why = Waiting, r.Text
	case exitRefused, exitUsage, exitNotFound:
		o.Decision, o.Why = Refused, r.Text
	default:
		o.Decision, o.Why = Failed, r.Text
		failed = r.Text
		if failed == "" {
			failed = fmt.Sprintf("it ended with %d", r.Exit)
		}
	}
	if o.Why == "" {
		o.Why = diagnosed
	}
	return o, failed
}

// compare looks again after the remedy. It says why nothing is better, or "".
func (w *work) compare(ctx context.Context, o *Outcome) string {
	diagnose := w.opt.Diagnose[w.rule.Diagnose]
	if diagnose == nil {
		return ""
	}
	agree, why, numbers, err := diagnose(ctx, w.alert.Node)
	if err != nil {
		o.After = "unknown: " + err.Error()
		return ""
	}
	o.After = numbers
	if agree {
		return "nothing is better: " + why
	}
	return ""
}

// count notes in the guards how it came out.
func (w *work) count(ctx context.Context, o *Outcome, failed string) error {
	cause := causeOf(w.alert, w.rule.Name)
	switch o.Decision {
	case Refused:
		return w.giveBack(ctx, w.rule, cause)
	case Waiting:
		return nil
	}
	opened, err := w.end(ctx, w.rule, cause, failed)
	if opened {
		o.Why += fmt.Sprintf("; the rule has stopped itself: say enable rule %s when it may act again", w.rule.Name)
	}
	return err
}

// settle writes down what was decided; then people may hear of it.
func (w *work) settle(ctx context.Context, o Outcome) error {
	result, took := w.j.Result, w.j.Took
	err := w.save(ctx, &w.j, func(j *journal) { j.Outcome, j.Result, j.Took, j.Stage = o, result, took, said })
	if err != nil {
		return err
	}
	return w.finish(ctx)
}

// finish tells who must know, and closes the journal. After a crash it is done again: notices and comments bear an id, by which they are one.
func (w *work) finish(ctx context.Context) error {
	o := w.j.Outcome
	lines := w.lines()
	if err := w.comment(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		lines = append(lines, "not written to Icinga2: "+err.Error())
	}
	title := w.alert.Object() + " " + w.alert.State + ": " + o.say()
	switch {
	case o.Decision == Called || o.Decision == Failed:
		if err := w.call(ctx, w.alert, o, title, lines...); err != nil {
			return fmt.Errorf("call somebody: %w", err)
		}
	case o.Decision == Gone || o.Decision == HeldBack && o.quiet():
	case (o.Decision == HeldBack || o.Decision == Unsure) && !w.hushed.first(o.Rule+"/"+string(o.Decision)+"/"+nodeOf(w.alert), w.opt.Now()):
	default:
		w.tell(ctx, w.alert, o, title, lines...)
	}
	w.opt.Log.Info("alert worked on", "rule", w.rule.Name, "alert", w.alert.ID, "decision", o.Decision, "why", o.Why, "run", o.Run)
	return w.save(ctx, &w.j, func(j *journal) { j.Stage = over })
}

// quiet tells whether nobody needs to hear that it was held back: they did it themselves.
func (o Outcome) quiet() bool {
	return strings.HasPrefix(o.Why, switchedOff) || strings.Contains(o.Why, "paused all rules") || strings.HasPrefix(o.Why, "I only observe")
}

// say is the outcome in a few words.
func (o Outcome) say() string {
	switch o.Decision {
	case Acted:
		return fmt.Sprintf("rule %s healed it: %s", o.Rule, o.Command)
	case Failed:
		return fmt.Sprintf("rule %s did not help: %s", o.Rule, o.Why)
	case Waiting:
		return fmt.Sprintf("rule %s waits for another person: %s", o.Rule, o.Why)
	case Refused:
		return fmt.Sprintf("rule %s was refused: %s", o.Rule, o.Why)
	case Disagreed:
		return fmt.Sprintf("rule %s does not act, the diagnosis disagrees: %s", o.Rule, o.Why)
	case WouldAct:
		return fmt.Sprintf("rule %s would say: %s", o.Rule, o.Command)
	case Called:
		return fmt.Sprintf("rule %s does not act again: %s", o.Rule, o.Why)
	case Unsure:
		return fmt.Sprintf("rule %s did nothing: %s", o.Rule, o.Why)
	}
	return fmt.Sprintf("rule %s does not act: %s", o.Rule, o.Why)
}

// String says "rule flush-on-low-hit-rate healed it: flush edge-1".
func (o Outcome) String() string { return o.say() }

// lines tell the rest: the command, what was seen before and after, what the run reported.
func (w *work) lines() []string {
	o := w.j.Outcome
	var out []string
	add := func(label, text string) {
		if text != "" {
			out = append(out, label+text)
		}
	}
	add("reported: ", w.alert.Output)
	if o.Decision != Acted && o.Decision != WouldAct {
		add("command: ", o.Command)
	}
	add("before: ", o.Before)
	add("after: ", o.After)
	if o.Decision == Acted || o.Decision == WouldAct {
		add("why: ", o.Why)
	}
	out = append(out, w.j.Result.More...)
	add("run: ", o.Run)
	return out
}

// comment writes what was done beside the object.
func (w *work) comment(ctx context.Context) error {
	o := w.j.Outcome
	switch o.Decision {
	case Acted, Failed, Waiting, Disagreed:
	default:
		return nil
	}
	if w.opt.Comment == nil {
		return errors.New("no Icinga2 is configured")
	}
	text := []string{"OpsBot: " + o.say()}
	for _, more := range []struct{ label, text string }{{"before", o.Before}, {"after", o.After}, {"run", o.Run}} {
		if more.text != "" {
			text = append(text, more.label+": "+more.text)
		}
	}
	return w.opt.Comment(ctx, w.alert.Host, w.alert.Service, strings.Join(text, "; "), "rule "+w.rule.Name+" "+digest(w.alert.ID))
}
