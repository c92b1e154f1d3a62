package config

import "github.com/shitops/opsbot/internal/secret"

// The ways in which a platform brings what people say.
const (
	ModeSocket  = "socket"  // Slack: the bot connects out (Socket Mode)
	ModeHTTP    = "http"    // the platform posts to a listener with the group hooks
	ModeGateway = "gateway" // Discord: the bot connects out
)

// Slack is one workspace.
type Slack struct {
	Workspace     string        `yaml:"workspace" say:"Id of the workspace, such as T0123."`
	Mode          string        `yaml:"mode" say:"socket (the bot connects out) or http (Slack posts to the group hooks)."`
	AppToken      secret.Source `yaml:"app_token" say:"Token of the app, xapp-…, with connections:write; for mode socket."`
	BotToken      secret.Source `yaml:"bot_token" say:"Token of the bot in the workspace, xoxb-…."`
	SigningSecret secret.Source `yaml:"signing_secret" say:"What Slack signs its posts with; for mode http."`
	Former        secret.Source `yaml:"former_signing_secret" say:"The secret before a change, good as well while both are in use."`
	Command       string        `yaml:"command" say:"The slash command of the app; another one where two bots share a workspace."`
	Channels      SlackChannels `yaml:"channels" say:"Where the bot tells what nobody asked for."`
}

// SlackChannels are where the bot tells what nobody asked for.
type SlackChannels struct {
	Alerts string `yaml:"alerts" say:"Id of the channel for incidents, such as C0123; empty tells them nobody here."`
}

// Discord is one application.
type Discord struct {
	Application string        `yaml:"application" say:"Id of the application, digits."`
	Token       secret.Source `yaml:"token" say:"Token of its bot."`
	Guilds      []string      `yaml:"guilds" say:"Ids of the servers where its commands are registered and listened to."`
	Mode        string        `yaml:"mode" say:"gateway (the bot connects out) or http (Discord posts to the group hooks)."`
	PublicKey   string        `yaml:"public_key" say:"What Discord signs its posts with, 64 hexadecimal digits; for mode http."`
	Prefix      string        `yaml:"prefix" say:"What messages in channels begin with that the bot listens to, such as !ops; needs the Message Content intent, off by default."`
	Alerts      string        `yaml:"alerts" say:"Id of the channel for incidents; empty tells them nobody here."`
}

func (s *Slack) defaults()   { s.Mode, s.Command = ModeSocket, "/opsbot" }
func (d *Discord) defaults() { d.Mode = ModeGateway }

// SlackUser is a person in one workspace.
type SlackUser struct {
	Workspace string `yaml:"workspace" say:"Id of the workspace, such as T0123."`
	User      string `yaml:"user" say:"Id of the member, such as U0123ABC."`
}

// SlackIdentity returns the identity of a member of a workspace, as the door names it and as Policy maps it.
func SlackIdentity(workspace, user string) string { return "slack:" + workspace + "/" + user }

// DiscordIdentity returns the identity of a user of Discord, as the door names it and as Policy maps it.
func DiscordIdentity(user string) string { return "discord:" + user }

// Identities returns everything that a person is known by, the doors in the order of the file.
func (p Person) Identities() []string {
	var out []string
	for _, u := range p.Unix {
		out = append(out, UnixIdentity(u))
	}
	for _, s := range p.Slack {
		out = append(out, SlackIdentity(s.Workspace, s.User))
	}
	for _, d := range p.Discord {
		out = append(out, DiscordIdentity(d))
	}
	return out
}
