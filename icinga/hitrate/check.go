package hitrate

import (
	"fmt"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

// Name is what the result is called.
const Name = "HIT RATE"

// The defaults of Check.
const (
	Window      = 5 * time.Minute
	WarmUp      = 10 * time.Minute
	MinRequests = 200
	Warning     = "85:" // per cent; low is bad
	Critical    = "70:"
)

// Check holds the limits. Zero values are the defaults, but for WarmUp and Thresholds, whose zero values mean none.
type Check struct {
	Window      time.Duration // of which the ratio is; the oldest sample that counts is three of them old
	WarmUp      time.Duration // after a start, a flush or another VCL, in which CRITICAL is WARNING and WARNING is OK
	MinRequests uint64        // in the window; fewer say nothing
	Thresholds  plugin.Thresholds
}

// Default returns the check with all defaults.
func Default() Check {
	limits, err := plugin.ParseThresholds(Warning, Critical)
	if err != nil {
		panic(err) // they are constants
	}
	return Check{Window: Window, WarmUp: WarmUp, MinRequests: MinRequests, Thresholds: limits}
}

// Sample is one reading of a cache's counters, which count from the start of what counts. A nil counter is one that the cache does not have.
type Sample struct {
	At     time.Time     `json:"at"`
	Uptime time.Duration `json:"uptime,omitempty"` // of what counts; 0 = not known
	// Epoch names what counts, such as the number of its start: another one means that the counters began at zero again.
	Epoch string `json:"epoch,omitempty"`
	// Content names what the content depends on, such as the VCL and the last flush: another one means that the cache is filling again.
	Content string `json:"content,omitempty"`

	// Began marks the zero of a count that a state keeps; callers leave it false.
	Began bool `json:"began,omitempty"`

	Hits   uint64 `json:"hits"` // stale ones included
	Misses uint64 `json:"misses"`

	Stale       *uint64 `json:"stale,omitempty"`        // of the hits, those served past their lifetime
	Evictions   *uint64 `json:"evictions,omitempty"`    // objects thrown out for want of room
	BackendFail *uint64 `json:"backend_fail,omitempty"` // the origin did not answer
	BansReq     *uint64 `json:"bans_req,omitempty"`     // bans that look at requests, which are never worked off; not a counter
	Bans        *uint64 `json:"bans,omitempty"`         // in the list now; not a counter
	Objects     *uint64 `json:"objects,omitempty"`      // held now; not a counter
}

// counters returns those that only ever grow, by name.
func (s Sample) counters() []struct {
	name  string
	value uint64
} {
	return []struct {
		name  string
		value uint64
	}{
		{"hits", s.Hits}, {"misses", s.Misses}, {"stale", value(s.Stale)}, {"evictions", value(s.Evictions)}, {"backend_fail", value(s.BackendFail)},
	}
}

func value(p *uint64) uint64 {
	if p == nil {
		return 0
	}
	return *p
}

// resetSince says why the counters do not go on from those of the older sample, or "".
func (s Sample) resetSince(older Sample) string {
	if s.Epoch != older.Epoch {
		return "it was started again"
	}
	if s.Uptime < older.Uptime {
		return fmt.Sprintf("its uptime fell from %s to %s", older.Uptime.Round(time.Second), s.Uptime.Round(time.Second))
	}
	old := older.counters()
	for i, c := range s.counters() {
		if c.value < old[i].value {
			return fmt.Sprintf("%s fell from %d to %d", c.name, old[i].value, c.value)
		}
	}
	return ""
}

// Run judges a sample by the state in a file, and keeps the sample there. A file that cannot be read as a state is replaced, which the result
// says; a file that cannot be written is a failure, because without it no run would ever have a window.
func (c Check) Run(file string, now Sample) plugin.Result {
	state, note, err := plugin.Load(file, parseState)
	if err != nil {
		return plugin.Failed(Name, err)
	}
	result, state := c.Judge(state, now)
	if note != "" {
		result.Details = append(result.Details, note)
	}
	if err := state.save(file); err != nil {
		return plugin.Failed(Name, err)
	}
	return result
}
