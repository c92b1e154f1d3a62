package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/bot/reply"
)

const (
	// told is how far back a start looks for runs whose end was perhaps not told. What was told is not told again.
	told = 24 * time.Hour
	// toldMost bounds how many runs a start looks at.
	toldMost = 1000
	// sweepQuestions is how often questions that nobody answered are closed.
	sweepQuestions = 5 * time.Second
)

// openChats builds the doors of the platforms. They are heard once startChats has run.
func (a *App) openChats(_, _ context.Context, cfg *config.Config) error {
	for _, s := range cfg.Slack {
		d, err := a.slackDoor(s)
		if err != nil {
			return fmt.Errorf("slack %s: %w", s.Workspace, err)
		}
		a.chats = append(a.chats, d)
	}
	for _, s := range cfg.Discord {
		d, err := a.discordDoor(s)
		if err != nil {
			return fmt.Errorf("discord %s: %w", s.Application, err)
		}
		a.chats = append(a.chats, d)
	}
	return nil
}

// startChats lets the doors hear, and brings to them what nobody who listens would: the ends of runs that outlived their listener, incidents, and
// what became of questions that nobody answered.
func (a *App) startChats(_, work context.Context, _ *config.Config) error {
	if len(a.chats) == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(work)
	for _, c := range a.chats {
		a.working.Go(func() { a.untilStopped(c.Name(), ctx, c.Run) })
		a.working.Go(func() { a.tellChat(ctx, c) })
	}
	a.working.Go(func() { a.deliverRuns(ctx) })
	a.working.Go(func() { a.closeQuestions(ctx) })
	a.own("chats", func(context.Context) error { stop(); return nil })
	return nil
}

// chatVotes are how the doors vote on readiness.
func (a *App) chatVotes() []ops.Vote {
	var out []ops.Vote
	for _, c := range a.chats {
		out = append(out, ops.Vote{Name: c.Name(), Ready: func() error {
			err := c.Ready()
			a.metrics.DoorReady(c.Name(), err == nil)
			return err
		}})
	}
	return out
}

// chatRoutes are what platforms post to. All workspaces of Slack share theirs; of Discord one application can be posted to.
func (a *App) chatRoutes(mux *http.ServeMux) {
	var workspaces []*slack.Door
	posted := map[string]bool{}
	for _, c := range a.chats {
		if s, ok := c.(*slack.Door); ok {
			workspaces = append(workspaces, s)
			continue
		}
		for pattern, handler := range c.Routes() {
			if !posted[pattern] {
				mux.Handle(pattern, handler)
			}
			posted[pattern] = true
		}
	}
	for pattern, handler := range slack.Routes(workspaces...) {
		mux.Handle(pattern, handler)
	}
}

// chatOf returns the door that an origin is of.
func (a *App) chatOf(o actions.Origin) (door.Chat, bool) {
	i := slices.IndexFunc(a.chats, func(c door.Chat) bool { return c.Holds(o) })
	if i < 0 {
		return nil, false
	}
	return a.chats[i], true
}

// tellChat brings incidents, and what everybody should know, to the channel of alerts of a door.
func (a *App) tellChat(ctx context.Context, c door.Chat) {
	for card := range a.Feed(ctx) {
		if err := c.Tell(ctx, card); err != nil && ctx.Err() == nil {
			a.log.Error("not told", "door", c.Name(), "card", card.ID, "err", err)
		}
	}
}

// deliverRuns keeps the living card of every run that was asked for on a platform at its newest state, whether or not somebody listens.
func (a *App) deliverRuns(ctx context.Context) {
	feed, err := a.engine.Subscribe(ctx)
	if err != nil {
		a.log.Error("ends of runs are not told on platforms", "err", err)
		return
	}
	since := time.Now().Add(-told)
	runs, err := a.engine.List(ctx, run.Filter{Limit: toldMost})
	if err != nil && ctx.Err() == nil {
		a.log.Error("runs from before the start are not told", "err", err)
	}
	for _, r := range runs {
		if !r.State.Final() || r.Ended.After(since) {
			a.deliverRun(ctx, r)
		}
	}
	for e := range feed {
		if e.Progress == nil && e.Run.ID != "" {
			a.deliverRun(ctx, e.Run)
		}
	}
}

func (a *App) deliverRun(ctx context.Context, r actions.Run) {
	o := r.Plan.Request.Origin
	c, ok := a.chatOf(o)
	if !ok || r.Epoch == 0 && !r.State.Final() { // before it is only queued, and whoever asked is told so
		return
	}
	if err := c.Deliver(ctx, o, a.desk.cardOf(r)); err != nil && ctx.Err() == nil {
		a.log.Error("state of a run is not delivered", "door", c.Name(), "run", r.ID, "err", err)
	}
}

// cardOf is the one living card of a run in the state that it is in.
func (d *Desk) cardOf(r actions.Run) reply.Card {
	switch {
	case waitsForPeople(r):
		return d.waitingCard(r)
	case r.Holding():
		return heldCard(r)
	}
	return runCard(r, nil)
}

// closeQuestions puts an end to questions that nobody answered, so that their buttons go.
func (a *App) closeQuestions(ctx context.Context) {
	tick := time.NewTicker(sweepQuestions)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			questions, err := a.desk.questions.expired(ctx, now)
			if err != nil && ctx.Err() == nil {
				a.log.Error("questions that nobody answered stay open", "err", err)
			}
			for _, q := range questions {
				a.closeQuestion(ctx, q)
			}
		}
	}
}

func (a *App) closeQuestion(ctx context.Context, q *question) {
	c, ok := a.chatOf(q.Origin)
	if !ok {
		return
	}
	if err := c.Deliver(ctx, q.Origin, settled(q, "nobody answered within "+brief(patience)+"; nothing was done")); err != nil && ctx.Err() == nil {
		a.log.Error("the end of a question is not told", "door", c.Name(), "question", q.ID, "err", err)
	}
}

// alarm tells everybody that a door is deaf or dumb: the other doors, the terminal and the log. Readiness tells the monitoring.
func (a *App) alarm(c reply.Card) {
	a.log.Error("a door is in trouble", "title", c.Title, "lines", c.Lines)
	a.monitoring.hub.Publish(c)
}

// ringChat calls somebody at the doors of one platform, by every identity that they have there.
func (a *App) ringChat(ctx context.Context, platform, who string, c reply.Card) error {
	var errs []error
	for _, as := range a.identities(who) {
		kind, id, _ := strings.Cut(as, ":")
		if kind != platform {
			continue
		}
		workspace, _, ok := strings.Cut(id, "/")
		if !ok {
			workspace = "@me" // people have one id on all of Discord
		}
		chat, ok := a.chatOf(actions.Origin{Door: platform, Channel: workspace + "/"})
		if !ok {
			continue
		}
		err := chat.Ring(ctx, as, c)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if errs == nil {
		return fmt.Errorf("call %s on %s: no identity there is given under people, or no door of its workspace is open", who, platform)
	}
	return errors.Join(errs...)
}

func (a *App) identities(who string) []string {
	for _, p := range a.config.Load().People {
		if p.Name == who {
			return p.Identities()
		}
	}
	return nil
}
