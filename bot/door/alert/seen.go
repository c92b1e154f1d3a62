package alert

import (
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/icinga"
)

// Seen is one trigger that was told of an object, by whichever way it came first. It is how the same thing is known again when it comes by another way.
type Seen struct {
	Kind    string    `json:"kind"` // PROBLEM or RECOVERY
	State   string    `json:"state"`
	Hard    time.Time `json:"hard"`             // when the state became hard, whole seconds
	Exact   time.Time `json:"exact,omitzero"`   // the same to the microsecond, where that is known
	Number  int       `json:"number,omitempty"` // Icinga2's, which only notifications have
	ID      string    `json:"id"`
	Problem string    `json:"problem"`
	Since   time.Time `json:"since"`
	Vague   bool      `json:"vague,omitempty"` // Hard is only about right
}

const (
	// seenMost is how many triggers of an object are remembered, those of ended problems included.
	seenMost = 32
	// vagueWithin is how far a sender that does not know when a state became hard may be off.
	vagueWithin = 10 * time.Second
	// exactWithin is what a time loses on its way through a floating-point number.
	exactWithin = time.Millisecond
)

// match returns what was seen of the alert, or nil when it is news.
//
// The stream and the catch-up have no numbers: theirs is the trigger of the first notification of that state. A notification whose number was not
// seen is a reminder, but for the first one, whose check is the one that made the state hard.
func (in *Incident) match(s stored.Stored) *Seen {
	for i := range in.Seen {
		k := &in.Seen[i]
		if k.Kind != s.Kind || k.State != s.State || !k.sameTime(s, in) {
			continue
		}
		switch {
		case s.Reminder == 0, k.Number >= s.Reminder: // an older one comes late
			return k
		case k.Number == 0 && (k.Vague || !s.Checked.Truncate(time.Second).After(k.Hard)):
			return k
		}
	}
	return nil
}

// inherit makes up what an incident that a former release has written did not remember: the trigger that its first line tells of.
func (in *Incident) inherit() {
	if len(in.Seen) > 0 || !in.open() || len(in.Lines) == 0 || !strings.HasPrefix(in.Lines[0].Key, in.Problem.ID()+"/") {
		return
	}
	in.Seen = []Seen{{
		Kind: string(icinga.TypeProblem), State: in.State, Hard: in.Problem.Since, Number: 1, ID: in.Lines[0].Key, Problem: in.Problem.ID(), Since: in.Problem.Since,
	}}
}

// sameTime tells whether the alert is about the hard state that was seen.
func (k *Seen) sameTime(s stored.Stored, in *Incident) bool {
	if s.Vague && k.Problem == in.Problem.ID() && in.open() && in.State == s.State {
		return true
	}
	if s.Vague || k.Vague {
		return k.Hard.Sub(s.Since).Abs() <= vagueWithin
	}
	if !k.Hard.Equal(s.Since) {
		return false
	}
	return k.Exact.IsZero() || s.Exact.IsZero() || k.Exact.Sub(s.Exact).Abs() <= exactWithin
}

// outweighs tells whether a look at the object came after all that was heard of it.
func (in *Incident) outweighs(s stored.Stored) bool {
	last := in.Ended
	if in.open() {
		last = in.newest().Hard
	}
	return s.Looked.After(last.Add(time.Second))
}

// newest returns the state of the problem that was the last to become hard, as far as is known.
func (in *Incident) newest() Seen {
	newest := Seen{Hard: in.Problem.Since}
	for _, k := range in.Seen {
		if k.Kind == string(icinga.TypeProblem) && k.Problem == in.Problem.ID() && !k.before(newest) {
			newest = k
		}
	}
	return newest
}

// before tells whether the state became hard before the other one; what cannot be told apart did not.
func (k Seen) before(other Seen) bool {
	switch {
	case !k.Hard.Equal(other.Hard):
		return k.Hard.Before(other.Hard)
	case !k.Exact.IsZero() && !other.Exact.IsZero():
		return k.Exact.Before(other.Exact)
	}
	return k.Number > 0 && k.Number < other.Number
}

// adopt takes what the alert knows and was not known, and tells whether there was any.
func (k *Seen) adopt(s stored.Stored) bool {
	before := *k
	if k.Number == 0 {
		k.Number = s.Reminder
	}
	if k.Exact.IsZero() {
		k.Exact = s.Exact
	}
	if k.Vague && !s.Vague {
		k.Vague, k.Hard = false, s.Since
	}
	return *k != before
}

func seenOf(s stored.Stored, a actions.Alert) Seen {
	return Seen{Kind: s.Kind, State: s.State, Hard: s.Since, Exact: s.Exact, Number: s.Reminder, ID: a.ID, Problem: a.Problem, Since: a.Since, Vague: s.Vague}
}

// remember notes a trigger.
func (in *Incident) remember(s stored.Stored, a actions.Alert) {
	in.Seen = append(in.Seen, seenOf(s, a))
	if len(in.Seen) > seenMost {
		in.Seen = slices.Delete(in.Seen, 0, len(in.Seen)-seenMost)
	}
}
