package hitrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

// State is what one run leaves to the next. The zero value is that of the first run.
type State struct {
	Version   int       `json:"version"`
	Samples   []Sample  `json:"samples"` // of one count, the oldest first
	Resets    uint64    `json:"resets"`  // that were seen, ever
	WarmSince time.Time `json:"warm_since,omitzero"`
	WarmWhy   string    `json:"warm_why,omitempty"`
}

const (
	stateVersion = 1
	perWindow    = 30 // samples that are kept of a window
)

// File returns where the state of one cache, or of one channel on it, lies in a folder.
func File(folder, node, channel string) string {
	// Escaped, no part of a name leads out of the folder.
	n := "hitrate-" + url.QueryEscape(node)
	if channel != "" {
		n += "@" + url.QueryEscape(channel)
	}
	return filepath.Join(folder, n+".json")
}

func parseState(data []byte) (State, error) {
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, err
	}
	if s.Version != stateVersion {
		return State{}, fmt.Errorf("its version is %d, only %d is known", s.Version, stateVersion)
	}
	for i := 1; i < len(s.Samples); i++ {
		if older, s := s.Samples[i-1], s.Samples[i]; s.At.Before(older.At) || s.resetSince(older) != "" {
			return State{}, errors.New("its samples do not follow each other")
		}
	}
	return s, nil
}

func (s State) save(file string) error {
	s.Version = stateVersion
	return plugin.Save(file, s)
}

func (s State) clone() State {
	s.Samples = slices.Clone(s.Samples)
	return s
}

func (s State) last() (Sample, bool) {
	if len(s.Samples) == 0 {
		return Sample{}, false
	}
	return s.Samples[len(s.Samples)-1], true
}

// restart forgets all samples but this one.
func (s *State) restart(now Sample) { s.Samples = []Sample{now} }

// base returns the sample where a window that ends at now begins: the youngest that is a whole window old, or the oldest there is. None older than
// three windows counts.
func (s State) base(now time.Time, window time.Duration) (Sample, bool) {
	var base Sample
	found := false
	for _, sample := range s.Samples {
		age := now.Sub(sample.At)
		if age > 3*window || age <= 0 || found && age < window {
			continue
		}
		base, found = sample, true
	}
	return base, found
}

// add keeps a sample, and of the older ones as many as windows need. Two that are close together are one: the check may be called by hand.
func (s *State) add(now Sample, window time.Duration) {
	if n := len(s.Samples); n >= 2 && now.At.Sub(s.Samples[n-2].At) < window/perWindow {
		s.Samples = s.Samples[:n-1]
	}
	s.Samples = slices.DeleteFunc(s.Samples, func(o Sample) bool { return now.At.Sub(o.At) > 3*window })
	s.Samples = append(s.Samples, now)
}
