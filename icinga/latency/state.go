package latency

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

// State is what one run leaves to the next. The zero value is that of the first run.
type State struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"` // of the last run
	Edge    Place     `json:"edge,omitzero"`
	Origin  Place     `json:"origin,omitzero"`
}

// Place is how far a playlist was.
type Place struct {
	End    uint64        `json:"end"`
	Length time.Duration `json:"length"` // grows with every part, too
	Date   time.Time     `json:"date,omitzero"`
	Since  time.Time     `json:"since"` // when it was first seen there
}

const (
	stateVersion = 1
	// forgotten is how old a state may be: whether a playlist has moved in between says nothing about now.
	forgotten = time.Hour
)

// File returns where the state of one channel on one edge lies in a folder.
func File(folder, edge, origin string) string {
	name := "latency-" + url.QueryEscape(edge) // escaped, no part of it leads out of the folder
	if origin != "" {
		name += "@" + url.QueryEscape(origin)
	}
	if len(name) > maxName {
		name = fmt.Sprintf("%s-%016x", name[:maxName-17], sum(name))
	}
	return filepath.Join(folder, name+".json")
}

// maxName leaves room for the ending in a file name of 255 bytes.
const maxName = 240

// sum tells long names apart (FNV-1a, 64 bits).
func sum(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func parseState(data []byte) (State, error) {
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, err
	}
	if s.Version != stateVersion {
		return State{}, fmt.Errorf("its version is %d, only %d is known", s.Version, stateVersion)
	}
	return s, nil
}

// Run judges a sample by the state in a file, and keeps there what it saw. A file that cannot be read as a state is replaced, which the result says;
// one that cannot be written is a failure, because without it no run would ever know whether the playlist moves.
func (c Check) Run(file string, now Sample) plugin.Result {
	state, note, err := plugin.Load(file, parseState)
	if err != nil {
		return plugin.Failed(Name, err)
	}
	result, state := c.Judge(state, now)
	if note != "" {
		result.Details = append(result.Details, note)
	}
	if err := plugin.Save(file, state); err != nil {
		return plugin.Failed(Name, err)
	}
	return result
}

// step moves a place on to what a side shows now. known is false when nothing tells whether it moved.
func (p Place) step(s Side) (next Place, stall time.Duration, back, known bool) {
	if !s.told() {
		return p, 0, false, false
	}
	next = Place{End: s.End, Length: s.Length, Date: s.Date, Since: s.At}
	if p.Since.IsZero() {
		return next, 0, false, false
	}
	if p.End == s.End && p.Length == s.Length && p.Date.Equal(s.Date) {
		next.Since = p.Since
		return next, max(s.At.Sub(p.Since), 0), false, true
	}
	return next, 0, s.End < p.End, true
}
