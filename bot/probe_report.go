package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions/enrol"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/plugin"
	"github.com/shitops/opsbot/overlay"
)

// reportPatience bounds a report to the monitoring.
const reportPatience = 10 * time.Second

// inSegment tells whether a node is in a segment, and so has the service that is told how its segments are.
func (a *App) inSegment(node string) bool {
	if a.known == nil {
		return false // the start is under way
	}
	in, _ := a.known.On(node)
	return len(in) > 0
}

// reportOverlay tells the monitoring how the segments of a node are, where it has registered a service for that. A node that cannot be asked is not
// told of: the monitoring notices the silence by itself, as it does when the bot is gone.
func (a *App) reportOverlay(ctx context.Context, node string, results []overlay.ProbeResult) {
	every := a.config.Load().Probe.Every
	if a.monitoring.client == nil || every <= 0 || !a.enrol.Holds(node, enrol.Overlay) {
		return
	}
	sending, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	r := plugin.Passive(judgeNode(a.peersOf(node), results, a.prober.Troubles("", node), node), every)
	r.Source = a.owner
	err := a.monitoring.client.ProcessCheckResult(sending, node, enrol.Overlay, r)
	if err != nil && ctx.Err() == nil && !errors.Is(err, icinga.ErrNotFound) { // it was just removed, or Icinga2 was just reloaded
		a.log.Warn("the monitoring does not hear how the segments of a node are", "node", node, "err", err)
	}
}

// peersOf counts the nodes that share a segment with a node.
func (a *App) peersOf(node string) int {
	in, _ := a.known.On(node)
	var peers []string
	for _, r := range in {
		peers = append(peers, r.Nodes()...)
	}
	slices.Sort(peers)
	return max(0, len(slices.Compact(peers))-1)
}

// judgeNode turns what a node found into a state. What could not be found out is UNKNOWN, never OK.
func judgeNode(peers int, results []overlay.ProbeResult, troubles []segment.Trouble, node string) plugin.Result {
	r := plugin.Result{Name: overlayName}
	ok, rtt := 0, time.Duration(0)
	for _, p := range results {
		if p.State == overlay.PairOK {
			ok++
			rtt = max(rtt, p.RTT)
		}
	}
	for _, t := range troubles {
		if t.From == node {
			r.Status = plugin.Critical
			r.Details = append(r.Details, "segment "+t.Target.Segment+": "+t.Line())
		}
	}
	switch {
	case peers == 0:
		r.Text = "no other node is in its segments"
	case len(results) == 0:
		r.Status, r.Text = plugin.Unknown, "no pair could be probed: the agents of all other nodes are away"
	default:
		r.Text = fmt.Sprintf("%d/%d pairs ok", ok, len(results))
	}
	if r.Status == plugin.Critical {
		r.Text += ", " + troubles[slices.IndexFunc(troubles, func(t segment.Trouble) bool { return t.From == node })].String()
	}
	for _, m := range []struct {
		label string
		value int
	}{{"pairs_ok", ok}, {"pairs", len(results)}} {
		r.Metrics = append(r.Metrics, plugin.Metric{Label: m.label, Value: float64(m.value), Min: new(0.0)})
	}
	if ok > 0 {
		r.Metrics = append(r.Metrics, plugin.Metric{Label: "rtt", Value: rtt.Seconds(), Unit: "s", Min: new(0.0)})
	}
	return r
}
