package rule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// young is how long after its beginning a problem may be treated without a person.
const young = 10 * time.Minute

// work is one alert on its way through one rule.
type work struct {
	*Engine
	rule  Config
	alert actions.Alert
	owner string // whose rights the command has
	j     journal
}

// handle carries an alert through one rule, from wherever an earlier try has left it.
func (e *Engine) handle(ctx context.Context, a actions.Alert, c Config) (Outcome, error) {
	j, err := e.claim(ctx, a, c)
	if err != nil {
		return Outcome{}, e.trouble(ctx, a, c, err)
	}
	w := &work{Engine: e, rule: c, alert: a, j: j}
	if j.Stage == over {
		return j.Outcome, nil
	}
	ctx, lost := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() { defer close(renewed); e.renew(ctx, j, lost) }()
	defer func() { lost(nil); <-renewed }()
	switch j.Stage {
	case saying:
		err = w.resume(ctx)
	case said:
		err = w.finish(ctx)
	default:
		err = w.begin(ctx)
	}
	if err != nil {
		return w.j.Outcome, e.trouble(ctx, a, c, err)
	}
	return w.j.Outcome, nil
}

// trouble tells people, once in this process, that an alert could not be worked on, and returns the error.
func (e *Engine) trouble(ctx context.Context, a actions.Alert, c Config, err error) error {
	if errors.Is(err, errTaken) || ctx.Err() != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e.opt.Log.Error("alert not worked on", "rule", c.Name, "alert", a.ID, "err", err)
	if _, before := e.troubled.LoadOrStore(causeOf(a, c.Name), true); !before {
		o := Outcome{Rule: c.Name, Decision: Unsure}
		e.tell(context.WithoutCancel(ctx), a, o, fmt.Sprintf("%s: rule %s could not go on; nothing more is done until it can", a.Object(), c.Name), err.Error())
	}
	return err
}

// begin decides, and acts when all agrees.
func (w *work) begin(ctx context.Context) error {
	o, act, err := w.decide(ctx)
	if err != nil {
		return err
	}
	if o.Decision == "" {
		var held *Held
		if err = w.take(ctx, w.rule, act); errors.As(err, &held) {
			o.Decision, o.Why = HeldBack, held.Error()
		} else if err != nil {
			return err
		}
	}
	if o.Decision != "" {
		// An earlier try may have been counted and then interrupted before the command was said.
		if err := w.giveBack(ctx, w.rule, act.Cause); err != nil {
			return err
		}
		return w.settle(ctx, o)
	}
	if err := w.save(ctx, &w.j, func(j *journal) { j.Outcome, j.Stage = o, saying }); err != nil {
		return err
	}
	return w.say(ctx)
}

// decide finds out whether the rule acts. A decision means that it does not.
func (w *work) decide(ctx context.Context) (Outcome, act, error) {
	o := Outcome{Rule: w.rule.Name}
	a := act{Cause: causeOf(w.alert, w.rule.Name), Node: nodeOf(w.alert), Problem: w.alert.Problem, By: "rule " + w.rule.Name, At: w.opt.Now()}
	for _, ask := range []func(context.Context, *Outcome, *act) error{w.askSwitches, w.askPlace, w.askGuards, w.askStanding, w.askDiagnosis} {
		if err := ask(ctx, &o, &a); err != nil || o.Decision != "" {
			return o, a, err
		}
	}
	if w.rule.DryRun {
		o.Decision, o.Why = WouldAct, "dry run"
	}
	return o, a, nil
}

// askSwitches asks whether rules, and this one, may act at all.
func (w *work) askSwitches(ctx context.Context, o *Outcome, _ *act) error {
	p, err := w.Position(ctx, w.rule)
	if err != nil {
		return err
	}
	w.owner = p.Owner
	paused, pause, err := w.pause.Paused(ctx)
	if err != nil {
		return err
	}
	observing, why := false, ""
	if w.opt.Observing != nil {
		if observing, why, err = w.opt.Observing(ctx); err != nil {
			return fmt.Errorf("look whether I only observe: %w", err)
		}
	}
	switch {
	case paused:
		o.Decision, o.Why = HeldBack, pause.String()
	case observing:
		o.Decision, o.Why = HeldBack, "I only observe: "+why
	case !p.On:
		o.Decision, o.Why = HeldBack, p.Why
	}
	return nil
}

// askPlace finds the node and the command.
func (w *work) askPlace(ctx context.Context, o *Outcome, a *act) error {
	p := place{node: w.alert.Node, host: w.alert.Host, service: w.alert.Service}
	if p.node != "" {
		n, err := w.opt.World.Node(ctx, p.node)
		if err != nil {
			return unsure(o, fmt.Errorf("read node %s of the inventory: %w", p.node, err))
		}
		if n.Orphaned {
			return unsure(o, fmt.Errorf("%s is no longer in the configuration", n.Name))
		}
		a.Group = w.rule.Guard.groupOf(n)
	}
	all, err := w.opt.World.Deployments(ctx)
	if err != nil {
		return unsure(o, fmt.Errorf("read the deployments: %w", err))
	}
	p.deployments = serving(all, p.node)
	if o.Command, err = fill(w.rule.Do, p); err != nil {
		return unsure(o, err)
	}
	return nil
}

// unsure makes an error the reason why nothing is done.
func unsure(o *Outcome, err error) error {
	o.Decision, o.Why = Unsure, err.Error()
	return nil
}

func (w *work) askGuards(ctx context.Context, o *Outcome, a *act) error {
	err := w.peek(ctx, w.rule, *a)
	var held *Held
	switch {
	case errors.As(err, &held) && held.Guard == remedied:
		o.Decision, o.Why = Called, held.Why+" and still stands"
	case errors.As(err, &held):
		o.Decision, o.Why = HeldBack, held.Error()
	default:
		return err
	}
	return nil
}

// askStanding reads the object again: what was reported may be over, or a person may have it in hand.
func (w *work) askStanding(ctx context.Context, o *Outcome, _ *act) error {
	if w.opt.Read == nil {
		return unsure(o, errors.New("no Icinga2 is configured, so the problem cannot be read again; set icinga.url"))
	}
	now, err := w.opt.Read(ctx, w.alert.Host, w.alert.Service)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return unsure(o, fmt.Errorf("the problem could not be read again: %w", err))
	}
	if why := w.changed(now); why != "" {
		o.Decision, o.Why = Gone, why
		return nil
	}
	switch age := w.opt.Now().Sub(w.alert.Since); {
	case age >= young:
		o.Decision, o.Why = HeldBack, fmt.Sprintf("the problem is %s old, and without a person only what is younger than %s is treated", age.Round(time.Second), young)
	case age < -time.Minute:
		return unsure(o, fmt.Errorf("the problem begins %s in the future: compare the clocks", -age.Round(time.Second)))
	}
	return nil
}

// changed says why the object is not in the trouble that was reported, or "".
func (w *work) changed(o icinga.Object) string {
	open := icinga.Problem{Host: w.alert.Host, Service: w.alert.Service, Since: w.alert.Since.UTC().Truncate(time.Second)}
	switch p := o.Problem(open); {
	case p.IsZero():
		return fmt.Sprintf("it is %s (%s) now", o.State, strings.ToLower(string(o.StateType)))
	case !p.Since.Equal(open.Since):
		return "it was well since, and has another problem now, of " + p.Since.UTC().Format("15:04:05 MST")
	case len(w.rule.When.State) > 0 && !has(w.rule.When.State, string(o.State)):
		return fmt.Sprintf("it is %s now, and the rule is for %s", o.State, strings.Join(w.rule.When.State, ", "))
	case o.Acknowledged:
		return "somebody has acknowledged it"
	case o.DowntimeDepth > 0:
		return "it is in a downtime"
	case o.Flapping:
		return "it is flapping"
	}
	return ""
}

func (w *work) askDiagnosis(ctx context.Context, o *Outcome, _ *act) error {
	if w.rule.Diagnose == "" {
		return nil
	}
	diagnose := w.opt.Diagnose[w.rule.Diagnose]
	if diagnose == nil {
		return unsure(o, fmt.Errorf("there is no diagnosis %q", w.rule.Diagnose))
	}
	agree, why, numbers, err := diagnose(ctx, w.alert.Node)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return unsure(o, fmt.Errorf("diagnosis %s: %w", w.rule.Diagnose, err))
	}
	o.Why, o.Before = why, numbers
	if !agree {
		o.Decision = Disagreed
	}
	return nil
}
