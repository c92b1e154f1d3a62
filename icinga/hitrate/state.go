package hitrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/shitops/opsbot/internal/atomicfile"
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
	maxState     = 1 << 20
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

// load reads a state. What is no state counts as none, and the note says so.
func load(file string) (state State, note string, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, "", nil
	}
	if err != nil {
		return State{}, "", fmt.Errorf("read the state: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return State{}, "", fmt.Errorf("read the state: %w", err)
	}
	if state, err = parseState(data); err != nil {
		return State{}, fmt.Sprintf("the state in %s is replaced: %v", file, err), nil
	}
	return state, "", nil
}

func parseState(data []byte) (State, error) {
	var s State
	if len(data) > maxState {
		return State{}, fmt.Errorf("it has more than %d bytes", maxState)
	}
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
	data, err := json.Marshal(s)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = atomicfile.Write(file, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the state: %w", err)
	}
	return nil
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
