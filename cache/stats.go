package cache

import (
	"fmt"
	"time"
)

// Counters are one sample of a cache's cumulative counters, from its start. A single sample says little: since-boot values hide
// incidents. Subtract two with [Window].
type Counters struct {
	Hits        uint64        `json:"hits"`         // answered from the cache, grace included
	Grace       uint64        `json:"grace"`        // of the hits, those served past their lifetime
	Misses      uint64        `json:"misses"`       // fetched, and stored where allowed
	HitPass     uint64        `json:"hit_pass"`     // passed because an earlier answer was not cacheable
	HitMiss     uint64        `json:"hit_miss"`     // of the misses, those on an object marked not cacheable
	Requests    uint64        `json:"requests"`     // from viewers
	Objects     uint64        `json:"objects"`      // held now
	Bans        uint64        `json:"bans"`         // in the list now, worked off or not
	Evictions   uint64        `json:"evictions"`    // objects thrown out for want of room
	BackendFail uint64        `json:"backend_fail"` // connections to the origin that failed
	FetchFail   uint64        `json:"fetch_fail"`   // fetches from the origin that failed
	Uptime      time.Duration `json:"uptime"`       // of what counts (Varnish: the worker process)
	Starts      uint64        `json:"starts"`       // how often that was started
	Deaths      uint64        `json:"deaths"`       // how often it died or panicked
	Source      string        `json:"source"`       // "varnishstat", or "client" when measured from outside
	At          time.Time     `json:"at"`           // when the sample was taken
}

// Epoch is the time since which the counters count, to within two seconds.
func (c Counters) Epoch() time.Time { return c.At.Add(-c.Uptime) }

// MinRequests is the number of look-ups below which a ratio says nothing.
const MinRequests = 200

// Ratio is what happened between two samples.
type Ratio struct {
	Hits      uint64        `json:"hits"`
	Misses    uint64        `json:"misses"`
	HitPass   uint64        `json:"hit_pass"`
	Grace     uint64        `json:"grace"`
	Requests  uint64        `json:"requests"`
	Evictions uint64        `json:"evictions"`
	Fails     uint64        `json:"fails"`  // fetches and connections to the origin that failed
	Window    time.Duration `json:"window"` // between the samples; after a reset, since the restart
	Reset     bool          `json:"reset"`  // the window begins at a restart
	Source    string        `json:"source"`
}

// Value is hits over look-ups, 0 to 1; 0 when there was no look-up.
func (r Ratio) Value() float64 {
	if n := r.Hits + r.Misses; n > 0 {
		return float64(r.Hits) / float64(n)
	}
	return 0
}

// String says "88.4 % of 827 in 5m0s".
func (r Ratio) String() string {
	s := fmt.Sprintf("%.1f %% of %d in %s", 100*r.Value(), r.Hits+r.Misses, r.Window.Round(time.Second))
	if r.Reset {
		s += " since a restart"
	}
	return s
}

// Window returns the hit ratio between two samples of the same cache.
//
// When the counters were reset in between it returns [ErrReset] together with the ratio since the restart, marked Reset: the
// difference of two samples across a restart looks sane (79.6 % was seen) and means nothing. With fewer than [MinRequests]
// look-ups it returns [ErrTooFew], again with the ratio; after a reset with too few since then, the error is both. Samples in the
// wrong order, or from different sources, are [ErrReset] with no ratio.
func Window(older, newer Counters) (Ratio, error) {
	if older.Source != newer.Source || !newer.At.After(older.At) {
		return Ratio{}, fmt.Errorf("%w: samples of %s (%s) and %s (%s) do not follow each other", ErrReset,
			older.At.Format(time.RFC3339), older.Source, newer.At.Format(time.RFC3339), newer.Source)
	}
	var err error
	base, window := older, newer.At.Sub(older.At)
	why := resetBetween(older, newer)
	if why != "" {
		base, window = Counters{}, min(window, newer.Uptime)
		err = fmt.Errorf("%w: %s", ErrReset, why)
	}
	r := Ratio{
		Hits: newer.Hits - base.Hits, Misses: newer.Misses - base.Misses, HitPass: newer.HitPass - base.HitPass,
		Grace: newer.Grace - base.Grace, Requests: newer.Requests - base.Requests, Evictions: newer.Evictions - base.Evictions,
		Fails:  newer.BackendFail - base.BackendFail + newer.FetchFail - base.FetchFail,
		Window: window, Reset: why != "", Source: newer.Source,
	}
	if n := r.Hits + r.Misses; n < MinRequests {
		few := fmt.Errorf("%w: %d look-ups in %s, want %d", ErrTooFew, n, window.Round(time.Second), MinRequests)
		if err != nil {
			return r, fmt.Errorf("%w; %w", err, few)
		}
		return r, few
	}
	return r, err
}

// resetBetween says why the two samples do not count from the same start, or "".
func resetBetween(older, newer Counters) string {
	if newer.Uptime < older.Uptime {
		return fmt.Sprintf("uptime fell from %s to %s", older.Uptime, newer.Uptime)
	}
	if newer.Starts != older.Starts {
		return fmt.Sprintf("the cache was started %d times, then %d", older.Starts, newer.Starts)
	}
	for _, c := range []struct {
		name     string
		old, now uint64
	}{
		{"hits", older.Hits, newer.Hits}, {"misses", older.Misses, newer.Misses}, {"requests", older.Requests, newer.Requests},
		{"hit_pass", older.HitPass, newer.HitPass}, {"grace", older.Grace, newer.Grace}, {"hit_miss", older.HitMiss, newer.HitMiss},
		{"evictions", older.Evictions, newer.Evictions}, {"backend_fail", older.BackendFail, newer.BackendFail},
		{"fetch_fail", older.FetchFail, newer.FetchFail},
	} {
		if c.now < c.old {
			return fmt.Sprintf("%s fell from %d to %d", c.name, c.old, c.now)
		}
	}
	return ""
}
