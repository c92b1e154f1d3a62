package rule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// pauseKey is where the pauses lie.
const pauseKey = "rule.pause"

// Pause is one reason why no rule and no job acts.
type Pause struct {
	Mark  string    `json:"mark"` // whose pause it is: of several each is ended by itself
	By    string    `json:"by"`
	Why   string    `json:"why,omitempty"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until,omitzero"` // for people: whoever made it ends it
}

// String says "anna stopped everything at 12:03: maintenance".
func (p Pause) String() string {
	s := fmt.Sprintf("%s paused all rules and jobs at %s", p.By, p.At.UTC().Format("2006-01-02 15:04 MST"))
	if p.Why != "" {
		s += ": " + p.Why
	}
	return s
}

// Switch stops all rules and jobs at once. It is safe for concurrent use, also by several processes on one store.
type Switch struct{ kv store.KV }

// NewSwitch returns the switch that lies in kv, the bucket of guards.
func NewSwitch(kv store.KV) *Switch { return &Switch{kv} }

// Paused tells whether anything automatic must not act, and why: by the first of the pauses that stand. With an error it is not known, and whoever
// asks must not act.
func (s *Switch) Paused(ctx context.Context) (on bool, why Pause, err error) {
	all, err := s.All(ctx)
	if err != nil || len(all) == 0 {
		return false, Pause{}, err
	}
	return true, all[0], nil
}

// All returns the pauses that stand, oldest first.
func (s *Switch) All(ctx context.Context) ([]Pause, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, _, err := read[[]Pause](ctx, s.kv, pauseKey)
	if err != nil {
		return nil, fmt.Errorf("look whether all is paused: %w", err)
	}
	return all, nil
}

// Pause adds a pause. Its mark is counted once.
func (s *Switch) Pause(ctx context.Context, p Pause) error {
	_, err := Change(ctx, s.kv, pauseKey, 0, func(all *[]Pause) (bool, error) {
		if slices.ContainsFunc(*all, func(q Pause) bool { return q.Mark == p.Mark }) {
			return false, nil
		}
		*all = append(*all, p)
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	return nil
}

// End takes one pause back. It returns those that still stand, and whether this one did.
func (s *Switch) End(ctx context.Context, mark string) (rest []Pause, stood bool, err error) {
	rest, err = Change(ctx, s.kv, pauseKey, 0, func(all *[]Pause) (bool, error) {
		n := len(*all)
		*all = slices.DeleteFunc(*all, func(q Pause) bool { return q.Mark == mark })
		stood = stood || len(*all) < n
		return len(*all) < n, nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("end a pause: %w", err)
	}
	return rest, stood, nil
}

// Resume ends all pauses and returns those that stood.
func (s *Switch) Resume(ctx context.Context) ([]Pause, error) {
	var stood []Pause
	_, err := Change(ctx, s.kv, pauseKey, 0, func(all *[]Pause) (bool, error) {
		if len(*all) == 0 {
			return false, nil
		}
		stood = slices.Clone(*all)
		*all = nil
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	return stood, nil
}

// sayPauses joins what still stands.
func sayPauses(all []Pause) string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.String()
	}
	return strings.Join(out, "; ")
}
