package rule

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// switchedOff begins the reason of a rule that is switched off.
const switchedOff = "it is switched off"

// Off is one reason why a rule is switched off.
type Off struct {
	Mark string    `json:"mark"` // of several each is ended by itself
	By   string    `json:"by"`
	Why  string    `json:"why,omitempty"`
	At   time.Time `json:"at"`
}

// yes is the yes of a person to a rule that the configuration does not enable, bound to its command.
type yes struct {
	By      string    `json:"by"`
	Command string    `json:"command"`
	At      time.Time `json:"at"`
	Mark    string    `json:"mark"`
}

// position is how a rule was switched in chat.
type position struct {
	Off []Off `json:"off,omitempty"`
	Yes *yes  `json:"yes,omitempty"`
}

func positionKey(rule string) string { return "rule.switch." + rule }

// Position is whether a rule is switched on, and with whose rights.
type Position struct {
	On    bool
	Why   string // when it is off
	Owner string // empty where the configuration file vouches
}

// Position tells whether the rule is switched on, by the configuration or in chat.
func (e *Engine) Position(ctx context.Context, c Config) (Position, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, _, err := read[position](ctx, e.opt.KV, positionKey(c.Name))
	if err != nil {
		return Position{}, fmt.Errorf("look whether rule %s is enabled: %w", c.Name, err)
	}
	return p.of(c), nil
}

func (p position) of(c Config) Position {
	switch {
	case len(p.Off) > 0:
		o := p.Off[0]
		why := fmt.Sprintf("%s, by %s at %s", switchedOff, o.By, o.At.UTC().Format("2006-01-02 15:04 MST"))
		if o.Why != "" {
			why += ": " + o.Why
		}
		return Position{Why: why}
	case c.Enabled:
		return Position{On: true, Owner: c.Owner}
	case p.Yes != nil && p.Yes.Command == c.Do:
		return Position{On: true, Owner: p.Yes.By}
	case p.Yes != nil:
		return Position{Why: fmt.Sprintf("%s: its command has changed since %s enabled it", switchedOff, p.Yes.By)}
	}
	return Position{Why: switchedOff + " in the configuration"}
}

// switchOff adds a reason; its mark counts once.
func (e *Engine) switchOff(ctx context.Context, rule string, o Off) error {
	_, err := Change(ctx, e.opt.KV, positionKey(rule), 0, func(p *position) (bool, error) {
		if slices.ContainsFunc(p.Off, func(q Off) bool { return q.Mark == o.Mark }) {
			return false, nil
		}
		p.Off = append(p.Off, o)
		return true, nil
	})
	return err
}

// unswitchOff takes one reason back and tells how the rule stands then.
func (e *Engine) unswitchOff(ctx context.Context, rule, mark string) (position, error) {
	return Change(ctx, e.opt.KV, positionKey(rule), 0, func(p *position) (bool, error) {
		n := len(p.Off)
		p.Off = slices.DeleteFunc(p.Off, func(q Off) bool { return q.Mark == mark })
		return len(p.Off) < n, nil
	})
}

// switchOn ends every reason, binds the yes to the command, and closes the breaker. It returns how the rule stood before.
func (e *Engine) switchOn(ctx context.Context, c Config, y yes) (before position, err error) {
	_, err = Change(ctx, e.opt.KV, positionKey(c.Name), 0, func(p *position) (bool, error) {
		if p.Yes != nil && p.Yes.Mark == y.Mark {
			return false, nil
		}
		before = position{Off: slices.Clone(p.Off), Yes: p.Yes}
		p.Off, p.Yes = nil, &y
		return true, nil
	})
	if err != nil {
		return before, err
	}
	_, err = Change(ctx, e.opt.KV, stateKey(c.Name), 0, func(s *state) (bool, error) {
		if !s.Open && s.Failures == 0 {
			return false, nil
		}
		s.Open, s.Opened, s.Why, s.Failures = false, time.Time{}, "", 0
		return true, nil
	})
	return before, err
}
