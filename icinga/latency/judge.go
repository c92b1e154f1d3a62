package latency

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shitops/opsbot/icinga/plugin"
)

// Name is what the result is called.
const Name = "LATENCY"

// Check holds the limits, which are ranges in seconds. The zero value is the default: those of Age, Lag and Stall follow from the target duration T of
// the playlist (3 T and 6 T, T and 2 T, 1.5 T and 3 T), that of TTFB is 0.2 and 1.
type Check struct {
	Age   plugin.Thresholds // of the newest that the edge lists
	Lag   plugin.Thresholds // of the edge behind the origin
	Stall plugin.Thresholds // of the edge's playlist that does not move
	TTFB  plugin.Thresholds // of the edge, for the playlist and for the newest segment
}

// limits fills in what follows from the target duration.
func (c Check) limits(target time.Duration) Check {
	for _, d := range []struct {
		of                *plugin.Thresholds
		warning, critical float64
	}{
		{&c.Age, 3 * target.Seconds(), 6 * target.Seconds()}, {&c.Lag, target.Seconds(), 2 * target.Seconds()},
		{&c.Stall, 1.5 * target.Seconds(), 3 * target.Seconds()}, {&c.TTFB, 0.2, 1},
	} {
		if d.of.Warning == (plugin.Range{}) {
			d.of.Warning = upTo(d.warning)
		}
		if d.of.Critical == (plugin.Range{}) {
			d.of.Critical = upTo(d.critical)
		}
	}
	return c
}

// upTo is the range that alarms above a number.
func upTo(seconds float64) plugin.Range {
	r, err := plugin.ParseRange(strconv.FormatFloat(seconds, 'f', -1, 64))
	if err != nil {
		panic(err) // a target duration is no less than nothing
	}
	return r
}

// view is one sample with all that follows from it.
type view struct {
	Sample
	limits Check
	target time.Duration

	age, originAge, lag   time.Duration
	hasAge, hasOrigin     bool
	hasLag                bool
	stall, originStall    time.Duration
	hasStall, hasOriginSt bool
	back, originBack      bool
	found                 []finding
}

// finding is one thing that is not as it should be, with its likely cause.
type finding struct {
	status plugin.Status
	text   string
}

// Judge is the check itself: what it makes of a sample, and the state to keep. It looks at no clock, file or network.
//
// An edge that gives no playlist, or no segment of it, is CRITICAL: that is what viewers see. Only an edge that was not asked is UNKNOWN. Whether the
// playlist moves is known from the second run on, and where the origin's is ahead at once.
func (c Check) Judge(state State, now Sample) (plugin.Result, State) {
	v := view{Sample: now, target: now.target()}
	v.limits = c.limits(v.target)
	if at := now.at(); at.Before(state.At) || at.Sub(state.At) > forgotten {
		state = State{}
	}
	next := State{Version: stateVersion, At: now.at()}
	next.Edge, v.stall, v.back, v.hasStall = state.Edge.step(now.Edge)
	next.Origin, v.originStall, v.originBack, v.hasOriginSt = state.Origin.step(now.Origin)
	if !now.Edge.asked() {
		return plugin.Result{Name: Name, Status: plugin.Unknown, Text: "the edge was not asked"}, next
	}
	v.age, v.hasAge = now.age(now.Edge)
	v.originAge, v.hasOrigin = now.age(now.Origin)
	v.lag, v.hasLag = now.lag()
	v.hasStall = v.hasStall && !now.Edge.Ended
	v.look()
	return v.result(), next
}

// at is when the sample was taken.
func (s Sample) at() time.Time {
	if s.Edge.At.After(s.Origin.At) {
		return s.Edge.At
	}
	return s.Origin.At
}

// result puts the findings, the worst first, before what is measured.
func (v *view) result() plugin.Result {
	r := plugin.Result{Name: Name, Metrics: v.metrics()}
	var words []string
	for _, status := range []plugin.Status{plugin.Critical, plugin.Warning, plugin.Unknown} {
		for _, f := range v.found {
			if f.status == status {
				words = append(words, f.text)
				r.Status = plugin.Worst(r.Status, status)
			}
		}
	}
	if s := v.summary(); s != "" {
		words = append(words, s)
	}
	r.Text = strings.Join(words, "; ")
	for _, m := range v.Edge.Missing {
		r.Details = append(r.Details, "not there at the edge: "+m)
	}
	for _, m := range v.Origin.Missing {
		r.Details = append(r.Details, "not there at the origin: "+m)
	}
	return r
}

// summary is what was measured, in words.
func (v *view) summary() string {
	if !v.Edge.told() {
		return ""
	}
	var words []string
	switch {
	case v.Edge.Ended:
		words = append(words, fmt.Sprintf("ended, %d segments of %s", v.Edge.segments(), seconds(v.Edge.Length)))
	case v.hasAge:
		words = append(words, "live edge "+seconds(v.age)+" old")
	case v.hasStall && v.stall == 0:
		words = append(words, fmt.Sprintf("at segment %d, moving", v.Edge.End))
	case v.hasStall:
		words = append(words, fmt.Sprintf("at segment %d for %s", v.Edge.End, seconds(v.stall)))
	default:
		words = append(words, fmt.Sprintf("at segment %d, the next look tells whether it moves", v.Edge.End))
	}
	if v.hasLag && v.lag > 0 {
		words = append(words, seconds(v.lag)+" behind the origin")
	} else if v.hasLag && !v.Edge.Ended {
		words = append(words, "level with the origin")
	}
	words = append(words, "first byte after "+millis(v.Edge.TTFB))
	if s := v.skew(); s.Abs() > time.Second {
		words = append(words, "our clock is off by "+seconds(s))
	}
	return strings.Join(words, ", ")
}

// metrics are what could be measured, each with its limits.
func (v *view) metrics() []plugin.Metric {
	var out []plugin.Metric
	add := func(known bool, label string, d time.Duration, t plugin.Thresholds) {
		if known {
			out = append(out, plugin.Metric{Label: label, Value: d.Seconds(), Unit: "s", Decimals: 4, Thresholds: t, Min: new(0.0)})
		}
	}
	none := plugin.Thresholds{}
	add(v.hasAge, "live_edge_age", v.age, v.limits.Age)
	add(v.hasLag, "edge_lag", v.lag, v.limits.Lag)
	add(v.hasStall, "stall", v.stall, v.limits.Stall)
	add(v.Edge.told(), "ttfb", v.Edge.TTFB, v.limits.TTFB)
	add(v.Edge.Segment > 0, "segment_ttfb", v.Edge.Segment, v.limits.TTFB)
	add(v.hasOrigin, "origin_age", v.originAge, none)
	add(v.Origin.told(), "origin_ttfb", v.Origin.TTFB, none)
	add(v.Origin.Segment > 0, "origin_segment_ttfb", v.Origin.Segment, none)
	if v.Edge.told() {
		out = append(out, plugin.Metric{Label: "sequence", Value: float64(v.Edge.End)}, plugin.Metric{Label: "discontinuities", Value: float64(v.Edge.Breaks), Unit: "c"},
			plugin.Metric{Label: "missing", Value: float64(len(v.Edge.Missing)), Min: new(0.0), Max: new(float64(v.Edge.Asked))})
		add(true, "target", v.target, none)
	}
	return out
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s" }

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}
