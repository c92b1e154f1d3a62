package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ids as the platforms give them: https://docs.slack.dev/reference/objects (letters and digits behind a letter for the kind), and
// https://docs.discord.com/developers/reference#snowflakes (64 bits in decimal).
var (
	slackTeam    = regexp.MustCompile(`^[TE][A-Z0-9]{2,20}$`)
	slackMember  = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{2,20}$`)
	snowflake    = regexp.MustCompile(`^[1-9][0-9]{5,19}$`)
	slashCommand = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)
	publicKey    = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

func (v *checker) slack() {
	seen := map[string]string{}
	for i, s := range v.c.Slack {
		key := fmt.Sprintf("slack[%d]", i)
		if v.required(key+".workspace", s.Workspace, "it is the id of the workspace, such as T0123") {
			v.shape(key+".workspace", s.Workspace, slackTeam, "id of a workspace", "T0123ABCD")
			v.unique(key+".workspace", s.Workspace, seen)
		}
		v.oneOf(key+".mode", s.Mode, words()["slack[].mode"], nil)
		v.shape(key+".command", s.Command, slashCommand, "slash command", "/opsbot")
		v.needsSecret(key+".bot_token", s.BotToken, "the bot speaks with it")
		v.secret(key+".bot_token", s.BotToken)
		v.secret(key+".app_token", s.AppToken)
		v.secret(key+".signing_secret", s.SigningSecret)
		v.secret(key+".former_signing_secret", s.Former)
		switch s.Mode {
		case ModeSocket:
			v.needsSecret(key+".app_token", s.AppToken, "the mode socket connects with it")
		case ModeHTTP:
			v.needsSecret(key+".signing_secret", s.SigningSecret, "it proves that a post comes from Slack")
			v.posted(key)
		}
		if s.Channels.Alerts != "" {
			v.shape(key+".channels.alerts", s.Channels.Alerts, slackChannel, "id of a channel", "C0123ABCD")
		}
	}
}

func (v *checker) discord() {
	seen, posts := map[string]string{}, ""
	for i, d := range v.c.Discord {
		key := fmt.Sprintf("discord[%d]", i)
		if v.required(key+".application", d.Application, "it is the id of the application, digits alone") {
			v.shape(key+".application", d.Application, snowflake, "id of Discord", "1234567890123456789")
			v.unique(key+".application", d.Application, seen)
		}
		v.oneOf(key+".mode", d.Mode, words()["discord[].mode"], nil)
		v.needsSecret(key+".token", d.Token, "the bot speaks with it")
		v.secret(key+".token", d.Token)
		v.ids(key+".guilds", d.Guilds)
		if len(d.Guilds) == 0 {
			v.warn(key+".guilds", "no server is named: only direct messages are listened to")
		}
		if d.Mode == ModeHTTP {
			if posts != "" {
				v.say(key+".mode", "one application can be posted to, and that is %s; take mode: gateway", posts)
			}
			posts = key
			if v.required(key+".public_key", d.PublicKey, "it proves that a post comes from Discord; the application's page shows it") {
				v.shape(key+".public_key", d.PublicKey, publicKey, "public key", "64 hexadecimal digits")
			}
			v.posted(key)
		}
		if strings.ContainsAny(d.Prefix, " \t\n") || len(d.Prefix) > 16 {
			v.say(key+".prefix", "%s is no prefix; write one word of at most 16 bytes, such as !ops", quote(d.Prefix))
		}
		if d.Prefix != "" && d.Mode == ModeHTTP {
			v.say(key+".prefix", "messages in channels come by the gateway alone; leave it out, or take mode: gateway")
		}
		if d.Alerts != "" {
			v.shape(key+".alerts", d.Alerts, snowflake, "id of Discord", "1234567890123456789")
		}
	}
}

// posted says so when no listener takes what a platform posts.
func (v *checker) posted(key string) {
	if !slices.ContainsFunc(v.c.Listeners, func(l Listener) bool { return slices.Contains(l.Serve, GroupHooks) }) {
		v.warn(key+".mode", "nothing is heard: no listener serves the group hooks")
	}
}

func (v *checker) shape(key, value string, shape *regexp.Regexp, what, such string) bool {
	if !shape.MatchString(value) {
		v.say(key, "%s is no %s, such as %s", quote(value), what, such)
		return false
	}
	return true
}

func (v *checker) ids(key string, ids []string) {
	seen := map[string]string{}
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", key, i)
		v.shape(at, id, snowflake, "id of Discord", "1234567890123456789")
		v.unique(at, id, seen)
	}
}

// chatIdentities checks by what a person is known on the platforms. Seen maps identities to where they stood, for all people.
func (v *checker) chatIdentities(key string, p Person, seen map[string]string) {
	for i, s := range p.Slack {
		at := fmt.Sprintf("%s.slack[%d]", key, i)
		if v.required(at+".workspace", s.Workspace, "member ids are those of one workspace") {
			v.shape(at+".workspace", s.Workspace, slackTeam, "id of a workspace", "T0123ABCD")
		}
		if v.required(at+".user", s.User, "it is the member id that the profile shows") && v.shape(at+".user", s.User, slackMember, "id of a member", "U0123ABCD") {
			v.unique(at+".user", SlackIdentity(s.Workspace, s.User), seen)
		}
	}
	for i, d := range p.Discord {
		at := fmt.Sprintf("%s.discord[%d]", key, i)
		if v.shape(at, d, snowflake, "id of Discord", "80351110224678912") {
			v.unique(at, DiscordIdentity(d), seen)
		}
	}
}
