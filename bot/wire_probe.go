package bot

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/overlay"
)

// openProber builds what lets the agents probe each other in the background; startProber begins.
func (a *App) openProber() error {
	p, err := segment.NewProber(segment.ProberOptions{
		Segments: a.segments, KV: a.store.Bucket(store.Guards), Tell: a.tellPairs, Asked: a.probed, Log: a.log.With("room", "segment"),
		Every: func() time.Duration { return a.config.Load().Probe.Every },
		After: func() int { return a.config.Load().Probe.AlarmAfter },
	})
	if err != nil {
		return err
	}
	a.prober = p
	a.probes, err = newProbeMetrics(a.metrics.Registry(), a.known, p)
	return err
}

func (a *App) startProber(_, work context.Context, _ *config.Config) error {
	run, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("probing of segments", run, a.prober.Run) })
	a.own("probing of segments", func(context.Context) error { stop(); return nil })
	return nil
}

// tellPairs shows everybody who watches which pairs of a segment are not well, on one living card until they are again.
func (a *App) tellPairs(_ context.Context, n segment.Notice) {
	card := reply.Card{ID: pairsCard(n), Kind: reply.Failed, Title: n.Title, Lines: n.Lines, Hint: n.Hint, Live: true}
	if n.Over {
		card.Kind, card.Live = reply.Done, false
	}
	a.log.Warn("pairs of a segment", "segment", n.Segment, "over", n.Over, "title", n.Title)
	a.monitoring.hub.Publish(card)
}

// pairsCard names the card of a segment from when a pair turned bad until all are well: the next time it is another message.
func pairsCard(n segment.Notice) string {
	return fmt.Sprintf("segment/%s/pairs/%d", n.Segment, n.Since.Unix())
}

// probed counts what came of letting a node probe, and reports it to the monitoring.
func (a *App) probed(ctx context.Context, node string, results []overlay.ProbeResult, err error) {
	a.probes.note(results, err)
	if err == nil {
		a.reportOverlay(ctx, node, results)
	}
}

// pairsOf are sentences about the pairs of a segment that are not well, for segment.show.
func (a *App) pairsOf(name string) []string {
	if a.prober == nil {
		return nil
	}
	return a.prober.About(name, "")
}

// pairsAt are sentences about the pairs of a node that are not well, for node.show.
func (a *App) pairsAt(node string) []string {
	if a.prober == nil {
		return nil
	}
	return a.prober.About("", node)
}

// pairsLine tells status.show which pairs are not well; ok is false where all are.
func (a *App) pairsLine() (line StatusLine, ok bool) {
	bad := a.prober.Troubles("", "")
	if len(bad) == 0 {
		return StatusLine{}, false
	}
	var names []string
	for _, t := range bad {
		names = append(names, t.Target.Segment)
	}
	names = slices.Compact(names)
	text := fmt.Sprintf("%d bad pairs in %d segments, such as %s in %s", len(bad), len(names), bad[0], bad[0].Target.Segment)
	if len(names) == 1 {
		text = fmt.Sprintf("bad pairs in %s: %s", names[0], bad[0])
		if n := len(bad) - 1; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
	}
	return StatusLine{Part: "segments", State: text}, true
}
