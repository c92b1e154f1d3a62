package bot

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/shitops/opsbot/bot/config"
	alertdoor "github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/heartbeat"
	"github.com/shitops/opsbot/internal/secret"
)

// icingaClient connects to nothing yet: the first call does.
func icingaClient(cfg *config.Config, a *App) (*icinga.Client, error) {
	c := cfg.Icinga
	o := icinga.Options{
		URL: c.URL, User: c.User, ServerName: c.ServerName, Pins: c.Pins, Log: a.log.With("room", "icinga"),
		Password: func() (secret.Secret, error) {
			source := a.config.Load().Icinga.Password
			if source.IsZero() {
				return secret.Secret{}, nil // the certificate proves it
			}
			return source.Read()
		},
	}
	if c.CAFile != "" {
		var err error
		if o.CA, err = os.ReadFile(c.CAFile); err != nil {
			return nil, fmt.Errorf("icinga.ca_file: %w", err)
		}
	}
	if c.Certificate != "" {
		o.Certificate = func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
			if err != nil {
				return nil, fmt.Errorf("icinga.certificate_file: %w", err)
			}
			return &pair, nil
		}
	}
	return icinga.New(o)
}

// features are the parts of the monitoring that the configuration makes use of.
func features(c config.Icinga) []icinga.Feature {
	out := []icinga.Feature{icinga.FeatureRead, icinga.FeatureAct}
	if c.Heartbeat.Host != "" {
		out = append(out, icinga.FeatureReport)
	}
	if c.Stream {
		out = append(out, icinga.FeatureStream)
	}
	if c.Register {
		out = append(out, icinga.FeatureRegister)
	}
	return out
}

// startIcinga follows the monitoring's events and reports the bot's own state to it, once the door of alerts takes what comes.
func (a *App) startIcinga(_, work context.Context, cfg *config.Config) error {
	m := a.monitoring
	if m.client == nil {
		return nil
	}
	ctx, stop := context.WithCancel(work)
	a.own("monitoring", func(context.Context) error { stop(); return nil })
	a.working.Go(func() { a.permissions(ctx, features(cfg.Icinga)) })
	a.working.Go(func() { a.learnServices(ctx) })
	a.working.Go(func() { a.hearAgents(ctx) })
	canary := alertdoor.Canary{}
	if hb := cfg.Icinga.Heartbeat; hb.Host != "" {
		heart, err := heartbeat.New(heartbeat.Options{
			Reporter: m.client, Host: hb.Host, Service: hb.Service, Every: hb.Every, Source: a.owner, Log: a.log.With("room", "heartbeat"),
			Health: func(ctx context.Context) heartbeat.Health { return healthOf(a.socketHealth(ctx)) },
		})
		if err != nil {
			return err
		}
		a.working.Go(func() { a.untilStopped("heartbeat", ctx, heart.Run) })
		canary = alertdoor.Canary{Host: hb.Host, Service: hb.Service, Post: heart.Now}
	}
	if !cfg.Icinga.Stream {
		return nil
	}
	stream, err := alertdoor.NewStream(alertdoor.StreamOptions{
		Source: alertdoor.FromClient(m.client), Door: m.door, Leader: a.store.Leader(), Owner: a.owner, Canary: canary,
		Restarted: a.icingaRestarted, Logger: a.log.With("room", "alert"),
		Missing: func(p []string) {
			a.log.Error("events of the monitoring are not followed in full: the ApiUser lacks permissions", "permissions", p)
		},
	})
	if err != nil {
		return err
	}
	a.board.Add(ops.Vote{Name: "icinga stream", Ready: stream.Ready})
	a.working.Go(func() { a.untilStopped("stream of events", ctx, stream.Run) })
	return nil
}

// icingaRestarted is told when the monitoring has started anew: what it took during a reload may be gone.
func (a *App) icingaRestarted(_ context.Context, s icinga.Status) {
	a.log.Info("the monitoring has started anew, or is seen for the first time", "version", s.Version)
}

// permissions asks the monitoring what its user may do, and names what is missing for what the configuration makes use of, until that is known.
func (a *App) permissions(ctx context.Context, need []icinga.Feature) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		missing, err := a.monitoring.client.Missing(ctx, need...)
		if err == nil {
			a.tellMissing(missing)
			return
		}
		a.log.Warn("it is not known what the ApiUser may do", "again in", wait, "err", err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (a *App) tellMissing(missing map[icinga.Feature][]string) {
	if len(missing) == 0 {
		return
	}
	card := reply.Card{
		ID: "icinga/permissions", Kind: reply.Failed, Title: "my ApiUser in Icinga2 lacks permissions",
		Hint: "add them to the ApiUser; \"opsbot icinga-kit DIR\" writes one that has them all",
	}
	for _, f := range icinga.Features() {
		if m := missing[f]; len(m) > 0 {
			card.Lines = append(card.Lines, fmt.Sprintf("to %s: %s", f, strings.Join(m, ", ")))
		}
	}
	a.alarm(card)
}
