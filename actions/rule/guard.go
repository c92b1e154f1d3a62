package rule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
)

// The bounds of what the state of a rule remembers.
const (
	memory   = 30 * 24 * time.Hour // how long a problem that was treated is known as such
	actsMost = 2000
	underWay = 30 * time.Minute // an act without an end is over by then: whoever did it is gone
)

// state is what the guards of a rule have counted. One key holds it all, so that what holds one thing back cannot be passed by another at the same
// moment.
type state struct {
	Acts     []act     `json:"acts,omitempty"`     // oldest first
	Failures int       `json:"failures,omitempty"` // in a row
	Open     bool      `json:"open,omitempty"`     // the breaker: the rule does nothing until a person enables it
	Opened   time.Time `json:"opened,omitzero"`
	Why      string    `json:"why,omitempty"` // of the breaker
}

// act is one command on one node.
type act struct {
	Cause   string    `json:"cause"`
	Node    string    `json:"node,omitempty"`
	Group   string    `json:"group,omitempty"`
	Problem string    `json:"problem,omitempty"` // empty for a command that others gave
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
	Ended   time.Time `json:"ended,omitzero"`
}

func stateKey(rule string) string { return "rule.state." + rule }

// Held is the error of a guard that holds.
type Held struct {
	Guard string // cooldown, group cooldown, at most, one at a time, breaker, remedied
	Why   string
	Until time.Time // when it may act again; zero where no time tells
}

// Error says why, and until when.
func (h *Held) Error() string {
	if h.Until.IsZero() {
		return h.Why
	}
	return fmt.Sprintf("%s; it may act again at %s", h.Why, h.Until.UTC().Format("2006-01-02 15:04:05 MST"))
}

// within tells whether at lies less than d from now, on either side: a clock that was wrong must not hold anything back for longer than d.
func within(at, now time.Time, d time.Duration) bool { return now.Sub(at).Abs() < d }

// hold returns the first guard that keeps the rule from an act, or nil.
func (s *state) hold(c Config, a act, now time.Time) *Held {
	g := c.Guard
	for _, old := range s.Acts {
		if old.Cause != a.Cause && old.Problem != "" && old.Problem == a.Problem {
			return &Held{Guard: remedied, Why: fmt.Sprintf("it was treated already, at %s", old.At.UTC().Format("15:04:05 MST"))}
		}
	}
	if s.Open {
		return &Held{Guard: "breaker", Why: fmt.Sprintf("the rule has stopped itself at %s: %s", s.Opened.UTC().Format("2006-01-02 15:04 MST"), s.Why)}
	}
	if held := s.holdTime(g, a, now); held != nil {
		return held
	}
	if g.OneAtATime {
		for _, old := range s.Acts {
			if old.Cause != a.Cause && old.Problem != "" && old.Group == a.Group && old.Ended.IsZero() && within(old.At, now, underWay) {
				return &Held{Guard: "one at a time", Why: fmt.Sprintf("%s is being treated, and of %s only one node at a time", old.Node, a.Group)}
			}
		}
	}
	return nil
}

// remedied is the guard against treating a problem twice.
const remedied = "remedied"

// holdTime looks at what only time lifts.
func (s *state) holdTime(g Guard, a act, now time.Time) *Held {
	var onNode []act
	for _, old := range s.Acts {
		if old.Cause == a.Cause {
			continue
		}
		if old.Node == a.Node && within(old.At, now, g.Cooldown) {
			return &Held{"cooldown", fmt.Sprintf("%s rests for %s after %s", a.Node, g.Cooldown, old.by()), old.At.Add(g.Cooldown)}
		}
		if old.Group == a.Group && within(old.At, now, g.GroupCooldown) {
			return &Held{"group cooldown", fmt.Sprintf("%s rests for %s after %s on %s", a.Group, g.GroupCooldown, old.by(), old.Node), old.At.Add(g.GroupCooldown)}
		}
		if old.Node == a.Node && within(old.At, now, g.per()) {
			onNode = append(onNode, old)
		}
	}
	if g.AtMost > 0 && len(onNode) >= g.AtMost {
		free := onNode[len(onNode)-g.AtMost].At.Add(g.per())
		return &Held{"at most", fmt.Sprintf("%s was treated %d times in %s, and at most %d are allowed", a.Node, len(onNode), g.per(), g.AtMost), free}
	}
	return nil
}

func (a act) by() string { return "what " + a.By + " did at " + a.At.UTC().Format("15:04:05 MST") }

// prune forgets what no guard asks for any more.
func (s *state) prune(g Guard, now time.Time) {
	keep := max(memory, g.Cooldown, g.GroupCooldown, g.per())
	s.Acts = slices.DeleteFunc(s.Acts, func(a act) bool { return !within(a.At, now, keep) })
	if n := len(s.Acts) - actsMost; n > 0 {
		s.Acts = slices.Delete(s.Acts, 0, n)
	}
}

func (s *state) find(cause string) int {
	return slices.IndexFunc(s.Acts, func(a act) bool { return a.Cause == cause })
}

// take counts an act in every guard at once, or returns the one that holds. A cause that is counted already is let through.
func (e *Engine) take(ctx context.Context, c Config, a act) error {
	_, err := Change(ctx, e.opt.KV, stateKey(c.Name), 0, func(s *state) (bool, error) {
		if s.find(a.Cause) >= 0 {
			return false, nil
		}
		if held := s.hold(c, a, a.At); held != nil {
			return false, held
		}
		s.prune(c.Guard, a.At)
		s.Acts = append(s.Acts, a)
		return true, nil
	})
	return err
}

// peek returns the guard that holds an act, counting nothing.
func (e *Engine) peek(ctx context.Context, c Config, a act) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, _, err := read[state](ctx, e.opt.KV, stateKey(c.Name))
	if err != nil {
		return err
	}
	if s.find(a.Cause) >= 0 {
		return nil
	}
	if held := s.hold(c, a, a.At); held != nil {
		return held
	}
	return nil
}

// giveBack takes an act out of the count that was not done after all.
func (e *Engine) giveBack(ctx context.Context, c Config, cause string) error {
	_, err := Change(ctx, e.opt.KV, stateKey(c.Name), 0, func(s *state) (bool, error) {
		i := s.find(cause)
		if i < 0 {
			return false, nil
		}
		s.Acts = slices.Delete(s.Acts, i, i+1)
		return true, nil
	})
	return err
}

// end notes how an act came out, and opens the breaker when it has failed too often. It counts once per cause.
func (e *Engine) end(ctx context.Context, c Config, cause string, failed string) (opened bool, err error) {
	now := e.opt.Now()
	s, err := Change(ctx, e.opt.KV, stateKey(c.Name), 0, func(s *state) (bool, error) {
		i := s.find(cause)
		if i < 0 || !s.Acts[i].Ended.IsZero() {
			return false, nil
		}
		s.Acts[i].Ended = now
		if failed == "" {
			s.Failures = 0
			return true, nil
		}
		s.Failures++
		if c.Guard.Breaker > 0 && s.Failures >= c.Guard.Breaker && !s.Open {
			s.Open, s.Opened = true, now
			s.Why = fmt.Sprintf("%d in a row did not help, the last: %s", s.Failures, failed)
		}
		return true, nil
	})
	return s.Open && failed != "", err
}

// Note counts a command that others gave, such as a person in chat, in the cooldowns of every rule that is bound to that intent. The same cause
// counts once.
func (e *Engine) Note(ctx context.Context, r actions.Request, nodes []string) error {
	var errs []error
	for _, c := range e.Rules() {
		if !slices.Contains(c.Intents, r.Intent) || r.Actor.Kind == actions.Rule && r.Actor.Name == c.Name {
			continue
		}
		_, err := Change(ctx, e.opt.KV, stateKey(c.Name), 0, func(s *state) (bool, error) {
			return e.note(s, c, r, nodes), nil
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("count %s by %s in the guards of rule %s: %w", r.Intent, r.Actor, c.Name, err))
		}
	}
	return errors.Join(errs...)
}

// note adds what is not counted yet, and tells whether there was any.
func (e *Engine) note(s *state, c Config, r actions.Request, nodes []string) bool {
	now, added := e.opt.Now(), false
	for _, node := range nodes {
		cause := r.Cause + "/" + node
		if s.find(cause) >= 0 {
			continue
		}
		s.prune(c.Guard, now)
		s.Acts = append(s.Acts, act{Cause: cause, Node: node, Group: e.groupOf(c, node), By: r.Actor.String(), At: now, Ended: now})
		added = true
	}
	return added
}
