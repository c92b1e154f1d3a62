package bot

import (
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/discord"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/intents"
	"github.com/shitops/opsbot/internal/near"
	"github.com/shitops/opsbot/internal/secret"
)

// slackDoor builds the door of one workspace.
func (a *App) slackDoor(c config.Slack) (door.Chat, error) {
	o := slack.Options{
		Workspace: c.Workspace, Mode: slack.Socket, AppToken: c.AppToken.Read, BotToken: c.BotToken.Read, Alerts: c.Channels.Alerts, Command: c.Command,
		Desk: a.desk, KV: a.store.Bucket(store.Dedupe), Log: a.log.With("room", "slack"), Alarm: a.alarm,
		Count: func(what string) { a.metrics.Message("slack", what) }, APIURL: a.opts.SlackBase, Pace: a.opts.SlackPace,
	}
	if c.Mode == config.ModeHTTP {
		o.Mode = slack.HTTP
	}
	for _, s := range []secret.Source{c.SigningSecret, c.Former} {
		if !s.IsZero() {
			o.SigningSecrets = append(o.SigningSecrets, s.Read)
		}
	}
	return slack.New(o)
}

// discordDoor builds the door of one application.
func (a *App) discordDoor(c config.Discord) (door.Chat, error) {
	o := discord.Options{
		Application: c.Application, Token: c.Token.Read, PublicKey: c.PublicKey, Mode: discord.Gateway, Guilds: c.Guilds, Alerts: c.Alerts, Prefix: c.Prefix,
		Commands: discordCommands(a.catalog.Intents()), Names: a.namesLike, Private: a.likelyPrivate,
		Desk: a.desk, KV: a.store.Bucket(store.Dedupe), Leader: a.store.Leader(), Owner: a.owner,
		Log: a.log.With("room", "discord"), Alarm: a.alarm, Count: func(what string) { a.metrics.Message("discord", what) }, Base: a.opts.DiscordBase,
	}
	if c.Mode == config.ModeHTTP {
		o.Mode = discord.HTTP
	}
	return discord.New(o)
}

// discordCommands is the catalogue as Discord shows it.
func discordCommands(catalog []intents.Spec) []discord.Command {
	out := make([]discord.Command, 0, len(catalog))
	for _, s := range catalog {
		c := discord.Command{Name: s.Name, Help: s.Help}
		for _, slot := range s.Slots {
			c.Slots = append(c.Slots, discord.Slot{Name: slot.Name, Kind: slot.Type, List: slot.List, Required: slot.Required && aloneRequired(s, slot.Name)})
		}
		for _, option := range s.Options {
			c.Slots = append(c.Slots, discord.Slot{Name: option.Name, Kind: "text", Switch: !option.Value})
		}
		out = append(out, c)
	}
	return out
}

// aloneRequired tells whether nothing else can stand in for a slot: of url, tag or deployment one is enough.
func aloneRequired(s intents.Spec, slot string) bool {
	return slices.ContainsFunc(s.Require, func(group []string) bool { return len(group) == 1 && group[0] == slot })
}

// likelyPrivate tells whether what a line leads to is for the eyes of who says it: a question, a refusal, what lets somebody in.
func (a *App) likelyPrivate(text string) bool {
	v := a.desk.view.Load()
	p := v.Parser.Parse(intents.Utterance{Text: text, Now: time.Now(), Zone: v.Zone, Door: intents.DoorChat})
	return p.Decision != intents.Act || slices.ContainsFunc(p.Commands, func(c intents.Intent) bool { return c.Name == enrolIntent })
}

// namesLike returns names of a kind that begin with what was typed, and where there is none the one that comes nearest.
func (a *App) namesLike(kind, typed string) []string {
	inv := a.desk.view.Load().Names
	var names []string
	switch kind {
	case "node":
		for _, n := range inv.Nodes {
			names = append(names, n.Name)
		}
	case "deployment":
		names = inv.Deployments
	case "person":
		names = inv.People
	case "rule":
		names = inv.Rules
	case "job":
		names = inv.Jobs
	case "service":
		names = inv.Services
	case "tenant":
		names = inv.Tenants
	default:
		return nil
	}
	var out []string
	for _, n := range names {
		if strings.HasPrefix(strings.ToLower(n), strings.ToLower(typed)) {
			out = append(out, n)
		}
	}
	if n := near.Name(typed, names); out == nil && n != "" {
		out = []string{n}
	}
	return out
}
