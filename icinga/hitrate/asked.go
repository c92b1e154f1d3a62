package hitrate

import (
	"fmt"
	"math"

	"github.com/shitops/opsbot/icinga/plugin"
)

// MinAsked is the number of segments below which a ratio of a channel says nothing.
const MinAsked = 10

// Asked is what a look at a channel from a viewer's side found: some of its segments were asked for through the edge.
type Asked struct {
	Channel     string // as it is shown
	Listed      int    // segments that the channel has at the moment
	Hits        int    // of those that were asked for
	Misses      int
	Uncacheable int    // the origin forbids to keep them
	Untold      int    // no header tells
	Failed      int    // no answer, or an error
	Why         string // of the first of those that failed
}

// JudgeAsked makes a result of a look at a channel. It keeps nothing: each look is one.
//
// A cache counts no channels, so this asks as a viewer does. The ratio is that of segments, each once, however many viewers ask for it; what the check
// itself asked for is in the cache from then on. The text says both. It is UNKNOWN where the edge does not tell hits from misses, or fewer than
// MinRequests were told, which are MinAsked where it is zero.
func (c Check) JudgeAsked(a Asked) plugin.Result {
	least := uint64(MinAsked)
	if c.MinRequests > 0 {
		least = c.MinRequests
	}
	told := a.Hits + a.Misses
	r := plugin.Result{Name: Name, Status: plugin.Unknown, Metrics: []plugin.Metric{
		{Label: "hits", Value: float64(a.Hits)}, {Label: "misses", Value: float64(a.Misses)}, {Label: "requests", Value: float64(told)},
		{Label: "listed", Value: float64(a.Listed)}, {Label: "uncacheable", Value: float64(a.Uncacheable)}, {Label: "failed", Value: float64(a.Failed)},
	}}
	switch {
	case told == 0 && a.Untold > 0:
		r.Text = fmt.Sprintf("the edge does not tell hits from misses of %s: it sends none of Cache-Status, X-Cache, X-Cache-Status and X-Varnish", a.Channel)
	case told == 0 && a.Uncacheable > 0:
		r.Text = fmt.Sprintf("nothing of %s may be kept by a cache, as its origin says", a.Channel)
	case uint64(told) < least:
		r.Text = fmt.Sprintf("%d segments of %s told hit from miss, a ratio wants %d", told, a.Channel, least)
	default:
		ratio := math.Round(1000*float64(a.Hits)/float64(told)) / 10
		r.Status = c.Thresholds.Judge(ratio)
		r.Text = fmt.Sprintf("%.1f %% of %d segments of %s (it lists %d), asked for as a viewer: the misses are filled by that", ratio, told, a.Channel, a.Listed)
		r.Metrics = append([]plugin.Metric{{
			Label: "hit_ratio", Value: ratio, Unit: "%", Thresholds: c.Thresholds, Min: new(0.0), Max: new(100.0),
		}}, r.Metrics...)
	}
	if a.Failed > 0 {
		r.Text += fmt.Sprintf("; %d could not be had (%s)", a.Failed, a.Why)
	}
	return r
}
