package heartbeat

import (
	"fmt"
	"strings"

	"github.com/shitops/opsbot/icinga/plugin"
)

// Name is what the result is called.
const Name = "OPSBOT"

// Health is how the bot is at one moment.
type Health struct {
	Ready bool   `json:"ready"`
	Votes []Vote `json:"votes,omitempty"`
	Facts []Fact `json:"facts,omitempty"`
}

// Vote is what one part of the bot says of itself.
type Vote struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"` // what is wrong
}

// Fact is a number that the bot knows of itself. Those of the names below are judged, others are shown.
type Fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"` // as in performance data: "s", "B", "c"
}

// The facts that are judged.
const (
	BeatAge = "beat_age" // seconds since the engine's loop was seen alive
	Backlog = "backlog"  // runs that are accepted and not begun
)

// The defaults of Limits: an engine that hangs is restarted by its watchdog after a minute or so, and the runs of a busy hour are begun within seconds.
const (
	BeatWarning     = "30"
	BeatCritical    = "120"
	BacklogWarning  = "50"
	BacklogCritical = "500"
)

// Limits say from when on a fact is alarming, by its name. Facts without one never are.
type Limits map[string]plugin.Thresholds

// DefaultLimits returns the limits of BeatAge and Backlog.
func DefaultLimits() Limits {
	out := Limits{}
	for _, d := range []struct{ name, warning, critical string }{
		{BeatAge, BeatWarning, BeatCritical}, {Backlog, BacklogWarning, BacklogCritical},
	} {
		t, err := plugin.ParseThresholds(d.warning, d.critical)
		if err != nil {
			panic(err) // they are constants
		}
		out[d.name] = t
	}
	return out
}

// Judge makes a result of a health: CRITICAL where the bot is not ready, WARNING where it is and a part says no all the same, and what the limits
// say of the facts. nil limits are the default ones.
func Judge(h Health, limits Limits) plugin.Result {
	if limits == nil {
		limits = DefaultLimits()
	}
	var ill []string
	for _, v := range h.Votes {
		if !v.OK {
			ill = append(ill, v.Name+": "+orSay(v.Why, "it does not say why"))
		}
	}
	r := plugin.Result{Name: Name, Metrics: []plugin.Metric{
		{Label: "parts", Value: float64(len(h.Votes)), Min: new(0.0)}, {Label: "ill", Value: float64(len(ill)), Min: new(0.0)},
	}}
	switch {
	case h.Ready && len(ill) == 0:
		r.Text = fmt.Sprintf("ready, %s well", count(len(h.Votes), "part is", "parts are"))
	case h.Ready:
		r.Status, r.Text = plugin.Warning, "ready, but "+strings.Join(ill, "; ")
	case len(ill) == 0:
		r.Status, r.Text = plugin.Critical, "not ready"
	default:
		r.Status, r.Text = plugin.Critical, "not ready: "+strings.Join(ill, "; ")
	}
	for _, f := range h.Facts {
		limit := limits[f.Name]
		r.Metrics = append(r.Metrics, plugin.Metric{Label: f.Name, Value: f.Value, Unit: f.Unit, Decimals: 3, Thresholds: limit, Min: new(0.0)})
		if s := limit.Judge(f.Value); s != plugin.OK {
			r.Status = plugin.Worst(r.Status, s)
			r.Text += "; " + alarm(f)
		} else if f.Name == runs && f.Value > 0 {
			r.Text += ", " + count(int(f.Value), "run is", "runs are") + " under way"
		}
	}
	return r
}

// runs is the fact that a good result tells in words, too.
const runs = "runs"

// alarm says what an alarming fact means.
func alarm(f Fact) string {
	switch f.Name {
	case BeatAge:
		return fmt.Sprintf("the engine was last seen alive %.0f s ago", f.Value)
	case Backlog:
		return fmt.Sprintf("%s accepted and not begun", count(int(f.Value), "run is", "runs are"))
	default:
		return fmt.Sprintf("%s is %g%s", f.Name, f.Value, f.Unit)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func orSay(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
