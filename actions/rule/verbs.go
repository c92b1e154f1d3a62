package rule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/internal/near"
)

// The kinds of steps that this package's executors carry out.
const (
	KindEnable  = "rule.enable"
	KindDisable = "rule.disable"
	KindPause   = "automation.pause"
)

// Verbs returns what stands behind rule.list, rule.test, rule.enable, rule.disable and automation.pause.
func (e *Engine) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "rule.list", Risk: actions.Read, Answer: e.list},
		{Intent: "rule.test", Risk: actions.Read, Answer: e.test},
		{Intent: "rule.enable", Risk: actions.Disruptive, Plan: e.planEnable},
		{Intent: "rule.disable", Risk: actions.Disruptive, Plan: e.planDisable},
		{Intent: "automation.pause", Risk: actions.Reversible, Plan: e.planPause},
	}
}

// Executors returns the executors by the kind of their steps.
func (e *Engine) Executors() map[string]run.Executor {
	return map[string]run.Executor{KindEnable: enabler{e}, KindDisable: disabler{e}, KindPause: pauser{e}}
}

// SwitchArgs are the arguments of the steps.
type SwitchArgs struct {
	Rule    string `json:"rule,omitempty"`
	Command string `json:"command,omitempty"` // that the yes is for
	By      string `json:"by"`
	Why     string `json:"why,omitempty"`
}

// named returns the rule that a request is about.
func (e *Engine) named(r actions.Request) (Config, error) {
	rules := e.Rules()
	names := make([]string, len(rules))
	for i, c := range rules {
		if names[i] = c.Name; c.Name == r.One("rule") {
			return c, nil
		}
	}
	if len(rules) == 0 {
		return Config{}, errors.New("there is no rule; rules are made in the configuration file, under rules")
	}
	return Config{}, fmt.Errorf("%w: no rule is called %q; %s", actions.ErrUnknown, r.One("rule"), near.Hint(r.One("rule"), names))
}

func (e *Engine) planEnable(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	c, err := e.named(r)
	if err != nil {
		return actions.Plan{}, err
	}
	p, err := e.Position(ctx, c)
	if err != nil {
		return actions.Plan{}, err
	}
	s, _, err := read[state](ctx, e.opt.KV, stateKey(c.Name))
	if err != nil {
		return actions.Plan{}, err
	}
	if p.On && !s.Open {
		return actions.Plan{}, fmt.Errorf("rule %s is enabled already; say rules to see when it may act", c.Name)
	}
	notes := []string{"it says, without asking again: " + c.Do, "for " + c.When.String() + guarded(c)}
	if s.Open {
		notes = append(notes, "it had stopped itself: "+s.Why)
	}
	if !c.Enabled {
		notes = append(notes, "it acts with your rights")
	}
	if e.opt.History != nil {
		notes = append(notes, e.foretold(ctx, c, r.At))
	}
	args := SwitchArgs{Rule: c.Name, Command: c.Do, By: r.Actor.String()}
	return onePlan(r, actions.Disruptive, "enable rule "+c.Name, notes, KindEnable, "rule/"+c.Name, args), nil
}

func (e *Engine) planDisable(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	c, err := e.named(r)
	if err != nil {
		return actions.Plan{}, err
	}
	hold, err := holdOf(r)
	if err != nil {
		return actions.Plan{}, err
	}
	args := SwitchArgs{Rule: c.Name, By: r.Actor.String(), Why: r.One("reason")}
	notes := []string{"its alerts are told all the same"}
	if hold == 0 {
		notes = append(notes, "until somebody says: enable rule "+c.Name)
	}
	p := onePlan(r, actions.Disruptive, "switch rule "+c.Name+" off"+forHow(hold), notes, KindDisable, "rule/"+c.Name, args)
	p.Hold = hold
	return p, nil
}

func (e *Engine) planPause(_ context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	hold, err := holdOf(r)
	if err != nil {
		return actions.Plan{}, err
	}
	why := r.One("reason")
	if why == "" {
		why = r.Options["reason"]
	}
	args := SwitchArgs{By: r.Actor.String(), Why: why}
	notes := []string{"what is under way goes on: say runs, and cancel what must not"}
	if hold == 0 {
		notes = append(notes, "until somebody says: resume automation")
	}
	p := onePlan(r, actions.Reversible, "pause all rules and jobs"+forHow(hold), notes, KindPause, "automation", args)
	p.Hold = hold
	return p, nil
}

func onePlan(r actions.Request, risk actions.Risk, say string, notes []string, kind, key string, args SwitchArgs) actions.Plan {
	step := actions.Step{Kind: kind, Key: key, Args: actions.Encode(args), Say: say}
	return actions.Plan{Request: r, Risk: risk, Say: say, Notes: notes, Groups: []actions.Group{{Steps: []actions.Step{step}}}}
}

// holdOf reads the duration of a temporary change; 0 for one without an end.
func holdOf(r actions.Request) (time.Duration, error) {
	text := r.One("duration")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("for how long? %q is no duration of a second or more; say for example: for 2h", text)
	}
	return d, nil
}

func forHow(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " for " + d.String()
}

// String says "service Cache Hit Rate in WARNING".
func (w When) String() string {
	var out []string
	switch {
	case w.Service == "-":
		out = append(out, "hosts themselves")
	case w.Service != "":
		out = append(out, "service "+w.Service)
	}
	if w.Host != "" {
		out = append(out, "host "+w.Host)
	}
	if len(w.State) > 0 {
		out = append(out, "in "+strings.Join(w.State, ", "))
	}
	if len(w.Kind) > 0 && !slices.Equal(w.Kind, []string{"PROBLEM"}) {
		out = append(out, "when "+strings.Join(w.Kind, ", "))
	}
	if len(out) == 0 {
		return "every problem"
	}
	return strings.Join(out, " ")
}

// guarded says what holds the rule back.
func guarded(c Config) string {
	g := c.Guard
	var out []string
	if c.Diagnose != "" {
		out = append(out, "only when "+c.Diagnose+" agrees")
	}
	if g.Cooldown > 0 {
		out = append(out, "a node rests "+g.Cooldown.String())
	}
	if g.GroupCooldown > 0 {
		out = append(out, "a "+g.Group+" rests "+g.GroupCooldown.String())
	}
	if g.AtMost > 0 {
		out = append(out, fmt.Sprintf("at most %d in %s on a node", g.AtMost, g.per()))
	}
	if g.OneAtATime {
		out = append(out, "one node at a time")
	}
	if g.Breaker > 0 {
		out = append(out, fmt.Sprintf("stops itself after %d in vain", g.Breaker))
	}
	if len(out) == 0 {
		return ""
	}
	return "; " + strings.Join(out, ", ")
}

// Status is a rule as rule.list tells it.
type Status struct {
	Rule    string `json:"rule"`
	On      bool   `json:"on"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Why     string `json:"why,omitempty"`     // when it does not act
	Breaker bool   `json:"breaker,omitempty"` // it has stopped itself
	Acts    int    `json:"acts"`              // in the last 24 h
	Last    string `json:"last,omitempty"`
	For     string `json:"for"`
	Do      string `json:"do"`
}

func (e *Engine) list(ctx context.Context, _ actions.Request, _ actions.World) (actions.Answer, error) {
	rules := e.Rules()
	a := actions.Answer{Title: fmt.Sprintf("%d rules", len(rules)), Table: &actions.Table{Columns: []string{"RULE", "STATE", "FOR", "SAYS", "ACTS IN 24H", "LAST"}}}
	pauses, err := e.pause.All(ctx)
	if err != nil {
		return a, err
	}
	if len(pauses) > 0 {
		a.Lines = append(a.Lines, sayPauses(pauses))
		a.Hint = "let them act again: resume automation"
	}
	var all []Status
	for _, c := range rules {
		s, err := e.status(ctx, c)
		if err != nil {
			return a, err
		}
		all = append(all, s)
		a.Table.Rows = append(a.Table.Rows, s.row(len(pauses) > 0))
		if s.Why != "" {
			a.Lines = append(a.Lines, c.Name+": "+s.Why)
		}
	}
	if len(rules) == 0 {
		a.Table, a.Title = nil, "no rules; they are made in the configuration file, under rules"
	}
	a.Data = all
	return a, nil
}

func (e *Engine) status(ctx context.Context, c Config) (Status, error) {
	p, err := e.Position(ctx, c)
	if err != nil {
		return Status{}, err
	}
	s, _, err := read[state](ctx, e.opt.KV, stateKey(c.Name))
	if err != nil {
		return Status{}, err
	}
	out := Status{Rule: c.Name, On: p.On, Why: p.Why, DryRun: c.DryRun, Breaker: s.Open, For: c.When.String(), Do: c.Do}
	if s.Open {
		out.Why = strings.TrimPrefix(out.Why+"; it has stopped itself: "+s.Why, "; ")
	}
	for _, a := range s.Acts {
		if a.Problem == "" {
			continue
		}
		if within(a.At, e.opt.Now(), 24*time.Hour) {
			out.Acts++
		}
		out.Last = a.Node + " " + a.At.UTC().Format("2006-01-02 15:04")
	}
	return out, nil
}

func (s Status) row(paused bool) []string {
	state := "on"
	switch {
	case !s.On:
		state = "off"
	case s.Breaker:
		state = "stopped itself"
	case paused:
		state = "paused"
	case s.DryRun:
		state = "dry run"
	}
	last := s.Last
	if last == "" {
		last = "-"
	}
	return []string{s.Rule, state, s.For, s.Do, fmt.Sprint(s.Acts), last}
}
