package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	alertdoor "github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/internal/secret"
)

// monitoring is what stands between Icinga2 and the desk.
type monitoring struct {
	client   *icinga.Client // nil where none is configured
	alerts   *alert.Alerts
	rules    *rule.Engine
	calls    *rule.Calls
	hub      *alertdoor.Hub
	services services
	door     *alertdoor.Door
}

func (a *App) openMonitoring(_, _ context.Context, cfg *config.Config) error {
	m := &monitoring{hub: alertdoor.NewHub()}
	guards := a.store.Bucket(store.Guards)
	calls, err := rule.NewCalls(rule.CallsOptions{KV: guards, Due: a.due, Ring: a.ring, Log: a.log.With("room", "rule")})
	if err != nil {
		return err
	}
	m.calls = calls
	alerts := alert.Options{Log: a.store.Log(store.Alerts), KV: guards, Zone: a.zoneOf, Logger: a.log.With("room", "alert"), Answered: func(ctx context.Context, object, by string) error {
		_, err := calls.Answer(ctx, object, by, "acknowledged it")
		return err
	}, Told: func(ctx context.Context, since time.Time) ([]alert.Told, error) {
		return m.door.Incidents().Told(ctx, since)
	}}
	rules := rule.Options{
		KV: guards, World: liveWorld{a}, Say: a.sayForRule, Diagnose: map[string]rule.Diagnosis{config.DiagnoseStale: a.content.Stale},
		Tell: a.tellNotice, Call: calls.Call, Observing: a.observing, Known: a.knownForRule, Lease: lease, Log: a.log.With("room", "rule"),
		History: func(ctx context.Context, from, to time.Time) ([]actions.Alert, error) {
			return m.alerts.History(ctx, from, to)
		}, Rehearse: a.rehearse,
	}
	if cfg.Icinga.URL != "" {
		if m.client, err = icingaClient(cfg, a); err != nil {
			return err
		}
		a.own("icinga", func(context.Context) error { m.client.Close(); return nil })
		alerts.Icinga = m.client
		rules.Read = m.client.Object
		rules.Comment = func(ctx context.Context, host, service, text, marker string) error {
			return m.client.AddComment(ctx, host, service, icinga.Comment{Author: "opsbot", Text: text, Marker: marker})
		}
	}
	m.alerts = alert.New(alerts)
	if m.rules, err = rule.New(rules); err != nil {
		return err
	}
	a.monitoring = m
	return nil
}

// openAlertDoor takes notifications, once the desk is there to hand them to.
func (a *App) openAlertDoor(ctx, work context.Context, cfg *config.Config) error {
	m := a.monitoring
	senders, err := sendersOf(cfg)
	if err != nil {
		return err
	}
	m.door, err = alertdoor.New(alertdoor.Options{
		Senders: senders, Log: a.store.Log(store.Alerts), KV: a.store.Bucket(store.Guards), Node: a.nodeOf, Rules: m.rules, Closed: m.calls.Answer,
		Hub: m.hub, Logger: a.log.With("room", "alert"), Count: func(what string) { a.metrics.Message("alert", what) },
	})
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("alerts", run, m.door.Run) })
	a.working.Go(func() { a.untilStopped("calls", run, m.calls.Run) })
	a.own("alerts", func(ctx context.Context) error {
		stop()
		return m.door.Close(ctx)
	})
	return nil
}

// untilStopped runs a part that ends only when it is told to.
func (a *App) untilStopped(name string, ctx context.Context, run func(context.Context) error) {
	if err := run(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("a part ended by itself", "part", name, "err", err)
	}
}

// sendersOf reads the proofs of those who may post alerts.
func sendersOf(cfg *config.Config) ([]alertdoor.Sender, error) {
	var out []alertdoor.Sender
	for _, n := range cfg.Icinga.Notifications {
		keys := map[string]secret.Secret{}
		for _, k := range n.HMAC {
			s, err := k.Secret.Read()
			if err != nil {
				return nil, fmt.Errorf("icinga.notifications %s, key %s: %w", n.Name, k.ID, err)
			}
			keys[k.ID] = s
		}
		var bearer []secret.Secret
		if !n.Bearer.IsZero() {
			s, err := n.Bearer.Read()
			if err != nil {
				return nil, fmt.Errorf("icinga.notifications %s, bearer: %w", n.Name, err)
			}
			bearer = append(bearer, s)
		}
		v, err := icinga.NewVerifier(keys, bearer, 5*time.Minute)
		if err != nil {
			return nil, fmt.Errorf("icinga.notifications %s: %w", n.Name, err)
		}
		out = append(out, alertdoor.Sender{Name: n.Name, Verifier: v})
	}
	return out, nil
}

// hooks are the routes of the group of that name.
func (a *App) hooks() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /icinga/notifications", a.monitoring.door)
	a.chatRoutes(mux)
	return mux
}

// nodeOf returns the inventory's node behind a host of the monitoring, or "".
func (a *App) nodeOf(ctx context.Context, host string) string {
	nodes, err := liveWorld{a}.Nodes(ctx)
	if err != nil {
		return ""
	}
	return alert.NodeOf(nodes, host)
}

// openIncidents returns the incidents that are open, by node.
func (a *App) openIncidents(ctx context.Context) (map[string][]alertdoor.Incident, error) {
	return a.monitoring.door.Incidents().OpenByNode(ctx)
}

// observing tells rules and jobs whether nothing may act.
func (a *App) observing(ctx context.Context) (bool, string, error) {
	on, info, err := a.store.ObserveOnly(ctx)
	return on, info.Why, err
}

// sayForRule brings a rule's command to the desk, as any door does.
func (a *App) sayForRule(ctx context.Context, c rule.Command) (rule.Result, error) {
	m := door.Message{
		ID: c.Cause, Text: c.Text, As: "rule:" + c.Rule, At: time.Now(), Yes: true,
		Origin: actions.Origin{Door: "alert", Channel: c.Alert.Object(), Thread: c.Thread},
	}
	out := rule.Result{}
	exit := a.desk.Handle(ctx, m, func(card reply.Card) {
		out.Text = card.Title
		if card.Run != "" {
			out.Run = card.Run
		}
		if !card.Live {
			out.More = card.Lines
		}
		if r, ok := card.Data.(actions.Run); ok && r.Stopped {
			out.Stop = r.Why
		}
		card.ID, card.Under, card.Live = c.Thread+"/"+card.ID, c.Thread, card.Live && card.ID != ""
		a.monitoring.hub.Publish(card)
	})
	out.Exit = int(exit)
	if exit == door.Interrupted || ctx.Err() != nil {
		return out, fmt.Errorf("say %q for rule %s: %w", c.Text, c.Rule, context.Cause(ctx))
	}
	return out, nil
}

// knownForRule tells whether the first command of a rule's text was accepted as a run.
func (a *App) knownForRule(ctx context.Context, cause string) (bool, error) {
	id, err := a.engine.Known(ctx, causeOf(door.Message{ID: cause, Origin: actions.Origin{Door: "alert"}}, 0))
	return id != "", err
}

// tellNotice shows what became of an alert to everybody who watches.
func (a *App) tellNotice(_ context.Context, n rule.Notice) { a.monitoring.hub.Publish(noticeCard(n)) }

func noticeCard(n rule.Notice) reply.Card {
	kind := reply.Answer
	if n.Bad {
		kind = reply.Failed
	}
	return reply.Card{ID: n.ID, Kind: kind, Title: n.Title, Lines: n.Lines, Hint: n.Hint, Run: n.Run}
}

// due says who is called next about something that nobody has answered since a time.
func (a *App) due(since, now time.Time) (string, int, bool) {
	v := a.desk.view.Load()
	if v == nil || v.OnCall == nil {
		return "", 0, false
	}
	return v.OnCall.Due(since, now)
}

// ring calls one person, by every door that the configuration says. One that reaches is enough.
func (a *App) ring(ctx context.Context, who string, n int, notice rule.Notice) error {
	card := noticeCard(notice)
	card.ID = fmt.Sprintf("call/%s/%d", notice.ID, n)
	card.Kind = reply.Question
	card.Title = fmt.Sprintf("%s, you are called: %s", who, notice.Title)
	if card.Hint == "" {
		card.Hint = "\"ack " + notice.Alert.Node + "\" tells that you look after it"
	}
	a.log.Warn("calling a person", "person", who, "call", n+1, "problem", notice.Problem, "title", notice.Title)
	var errs []error
	reached := false
	for _, by := range a.config.Load().OnCall.By {
		if by == config.ByTerminal {
			a.monitoring.hub.Publish(card)
			reached = true
			continue
		}
		err := a.ringChat(ctx, by, who, card)
		reached = reached || err == nil
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	if err != nil {
		a.log.Error("a person is not reached by every door", "person", who, "err", err)
	}
	if reached {
		return nil
	}
	return err
}

// deskRules is the face of the rules that the desk sees.
type deskRules struct{ *rule.Engine }

// Paused tells whether everything is held, and why.
func (d deskRules) Paused(ctx context.Context) (bool, string, error) {
	on, why, err := d.Switch().Paused(ctx)
	return on, why.String(), err
}

// Resume ends all pauses.
func (d deskRules) Resume(ctx context.Context) ([]string, error) {
	ended, err := d.Switch().Resume(ctx)
	var out []string
	for _, p := range ended {
		out = append(out, p.String())
	}
	return out, err
}
