package bot

import (
	"context"

	"github.com/shitops/opsbot/actions/enrol"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/reply"
)

// pruneIntent may touch what the monitoring holds of any node, also of those that are gone: it takes rights on all of them.
const pruneIntent = "monitoring.prune"

// openEnrol knows what the monitoring should watch; startEnrol keeps it so.
func (a *App) openEnrol(_, _ context.Context, cfg *config.Config) error {
	o := enrol.Options{
		World: liveWorld{a}, Overlay: a.inSegment, Owner: cfg.Icinga.Instance, Enabled: func() bool { return a.config.Load().Icinga.Register }, Tell: a.tellRegistration,
		Held: func(ctx context.Context) (bool, error) { on, _, err := a.observing(ctx); return on, err }, Log: a.log.With("room", "enrol"),
	}
	if a.monitoring.client != nil {
		o.Icinga = a.monitoring.client
	}
	e, err := enrol.New(o)
	if err != nil {
		return err
	}
	a.enrol = e
	return nil
}

func (a *App) startEnrol(_, work context.Context, _ *config.Config) error {
	run, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("registration", run, a.enrol.Run) })
	a.working.Go(func() { a.untilStopped("downtimes", run, a.monitoring.alerts.Run) })
	a.own("registration", func(context.Context) error { stop(); return nil })
	return nil
}

// tellRegistration shows everybody who watches what does not heal by itself.
func (a *App) tellRegistration(_ context.Context, n enrol.Notice) {
	kind := reply.Answer
	if n.Bad {
		kind = reply.Failed
	}
	a.monitoring.hub.Publish(reply.Card{ID: n.ID, Kind: kind, Title: n.Title, Lines: n.Lines, Hint: n.Hint})
}

// registrationLine tells status.show how the registration stands; ok is false where there is none.
func (a *App) registrationLine() (line StatusLine, ok bool) {
	last := a.enrol.Last()
	if !a.enrol.On() || last.At.IsZero() {
		return StatusLine{}, false
	}
	return StatusLine{Part: "registration", State: last.String(), OK: last.Well()}, true
}
