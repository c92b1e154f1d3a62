package hitrate

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

// Judge is the check itself: what it makes of a sample, and the state to keep. It looks at no clock, file or network.
//
// Without two samples of one count in reach the result is UNKNOWN: at the first run, after a reset of a cache that does not tell its uptime, when
// the clock jumped, when the last sample is more than three windows old, and for fewer than MinRequests.
func (c Check) Judge(state State, now Sample) (plugin.Result, State) {
	c = c.withDefaults()
	state = state.clone()
	last, ok := state.last()
	switch {
	case !ok:
		state.restart(now)
		c.warmByUptime(&state, now)
		return c.unknown(state, now, "this is the first sample, the next one makes a window"), state
	case now.At.Before(last.At):
		state.restart(now)
		return c.unknown(state, now, fmt.Sprintf("the clock went back by %s, the window begins again", round(last.At.Sub(now.At)))), state
	}
	if why := now.resetSince(last); why != "" {
		return c.afterReset(state, now, why)
	}
	if off := jump(last, now); off != 0 {
		state.restart(now)
		return c.unknown(state, now, fmt.Sprintf("the clock jumped by %s, the window begins again", round(off))), state
	}
	if now.Content != last.Content {
		state.WarmSince, state.WarmWhy = now.At, "the cache was flushed, or its VCL changed"
	}
	base, ok := state.base(now.At, c.Window)
	state.add(now, c.Window)
	if !ok { // also when two runs fall on one instant
		return c.unknown(state, now, fmt.Sprintf("the last sample is %s old, the next one makes a window", round(now.At.Sub(last.At)))), state
	}
	return c.judge(state, base, now), state
}

func (c Check) withDefaults() Check {
	if c.Window <= 0 {
		c.Window = Window
	}
	if c.MinRequests == 0 {
		c.MinRequests = MinRequests
	}
	return c
}

// afterReset counts from the start of what counts: its counters began at zero there.
func (c Check) afterReset(state State, now Sample, why string) (plugin.Result, State) {
	state.Resets++
	state.restart(now)
	c.warmByUptime(&state, now)
	if now.Uptime <= 0 {
		state.WarmSince, state.WarmWhy = now.At, "the cache was started"
	}
	if now.Uptime <= 0 || now.Uptime > 3*c.Window { // a count of hours hides what happens now
		return c.unknown(state, now, "the counters were reset ("+why+"), the window begins again"), state
	}
	zero := Sample{At: now.At.Add(-now.Uptime), Epoch: now.Epoch, Content: now.Content, Began: true}
	for _, p := range []struct{ from, to **uint64 }{
		{&now.Stale, &zero.Stale}, {&now.Evictions, &zero.Evictions}, {&now.BackendFail, &zero.BackendFail},
	} {
		if *p.from != nil {
			*p.to = new(uint64)
		}
	}
	state.Samples = []Sample{zero, now}
	r := c.judge(state, zero, now)
	r.Details = append(r.Details, "the counters were reset: "+why)
	return r, state
}

func (c Check) warmByUptime(state *State, now Sample) {
	if now.Uptime > 0 && now.Uptime < c.WarmUp {
		state.WarmSince, state.WarmWhy = now.At.Add(-now.Uptime), "the cache was started"
	}
}

// jump returns by how much the clock went ahead of the uptime between two samples of one count, or behind it; 0 for what whole seconds and a
// busy machine explain, and where the uptime is not known.
func jump(last, now Sample) time.Duration {
	if last.Uptime <= 0 || now.Uptime <= 0 {
		return 0
	}
	took := now.At.Sub(last.At)
	off := took - (now.Uptime - last.Uptime)
	if off.Abs() <= 5*time.Second+took/50 {
		return 0
	}
	return off
}

// judge makes the result of the window from base to now.
func (c Check) judge(state State, base, now Sample) plugin.Result {
	hits, misses := now.Hits-base.Hits, now.Misses-base.Misses
	requests, window := hits+misses, now.At.Sub(base.At)
	span := fmt.Sprintf("in %s", round(window))
	if base.Began {
		span = fmt.Sprintf("since the restart %s ago", round(window))
	}
	counted := []plugin.Metric{{Label: "hits", Value: float64(hits), Unit: "c"}, {Label: "misses", Value: float64(misses), Unit: "c"}}
	if now.Stale != nil && base.Stale != nil {
		counted = append(counted, plugin.Metric{Label: "stale", Value: float64(*now.Stale - *base.Stale), Unit: "c"})
	}
	counted = append(counted, plugin.Metric{Label: "requests", Value: float64(requests)}, plugin.Metric{Label: "window", Value: math.Round(window.Seconds()), Unit: "s"})
	counted = append(counted, gauges(state, base, now)...)
	if requests < c.MinRequests {
		return plugin.Result{
			Name: Name, Status: plugin.Unknown, Metrics: counted,
			Text: fmt.Sprintf("%d requests %s, a ratio wants %d", requests, span, c.MinRequests),
		}
	}
	// What is judged is what is shown: 84.96 is 85.0.
	ratio := math.Round(1000*float64(hits)/float64(requests)) / 10
	r := plugin.Result{Name: Name, Status: c.Thresholds.Judge(ratio), Text: fmt.Sprintf("%.1f %% of %d requests %s", ratio, requests, span)}
	r.Metrics = append([]plugin.Metric{{
		Label: "hit_ratio", Value: ratio, Unit: "%", Thresholds: c.Thresholds, Min: new(0.0), Max: new(100.0),
	}}, counted...)
	if r.Status != plugin.OK {
		if causes := causes(base, now); len(causes) > 0 {
			r.Text += "; likely cause: " + strings.Join(causes, ", ") + ", which no flush helps"
		}
	}
	return c.soften(r, state, now)
}

// soften lets a cache that is filling off: at most WARNING.
func (c Check) soften(r plugin.Result, state State, now Sample) plugin.Result {
	left := c.WarmUp - now.At.Sub(state.WarmSince)
	if state.WarmSince.IsZero() || left <= 0 {
		return r
	}
	switch r.Status {
	case plugin.Critical:
		r.Status = plugin.Warning
	case plugin.Warning:
		r.Status = plugin.OK
	}
	r.Text += fmt.Sprintf("; warming for another %s: %s", round(left), state.WarmWhy)
	return r
}

// causes names what lowers a hit ratio and shows in counters.
func causes(base, now Sample) []string {
	var all []string
	for _, c := range []struct {
		was, is *uint64
		say     string
	}{
		{base.Evictions, now.Evictions, "%d objects thrown out for want of room"},
		{base.BackendFail, now.BackendFail, "%d times the origin did not answer"},
		{new(uint64), now.BansReq, "%d bans that look at requests and are never worked off"},
	} {
		if c.was != nil && c.is != nil && *c.is > *c.was {
			all = append(all, fmt.Sprintf(c.say, *c.is-*c.was))
		}
	}
	return all
}

func (c Check) unknown(state State, now Sample, why string) plugin.Result {
	return plugin.Result{Name: Name, Status: plugin.Unknown, Text: why, Metrics: gauges(state, now, now)}
}

// gauges are the metrics that do not need a window.
func gauges(state State, base, now Sample) []plugin.Metric {
	all := []plugin.Metric{{Label: "resets", Value: float64(state.Resets), Unit: "c"}}
	for _, g := range []struct {
		label string
		value *uint64
	}{{"ban_count", now.Bans}, {"objects", now.Objects}} {
		if g.value != nil {
			all = append(all, plugin.Metric{Label: g.label, Value: float64(*g.value)})
		}
	}
	if now.Evictions != nil && base.Evictions != nil {
		all = append(all, plugin.Metric{Label: "evictions", Value: float64(*now.Evictions - *base.Evictions), Unit: "c"})
	}
	return all
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }
