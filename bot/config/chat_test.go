package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/bot/config"
)

// chatBase is a file whose first five lines are in order; what is under test begins in line 6.
const chatBase = `data_dir: /d
people:
  - name: anna
    roles: [operator]
    unix: [anna]
`

func TestChatMistakes(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("ab", 32)
	for _, test := range []struct{ name, given, want string }{
		{"workspace of no shape", `slack: [{workspace: acme, app_token_file: a, bot_token_file: b}]`, `6:21: slack[0].workspace: "acme" is no id of a workspace`},
		{"no workspace", `slack: [{app_token_file: a, bot_token_file: b}]`, `6:9: slack[0].workspace: is missing`},
		{"workspace twice", `slack: [{workspace: T012, app_token_file: a, bot_token_file: b}, {workspace: T012, app_token_file: a, bot_token_file: b}]`, `6:78: slack[1].workspace: "T012" is here twice`},
		{"mode", `slack: [{workspace: T012, mode: gateway, bot_token_file: b}]`, `6:33: slack[0].mode: "gateway" is not known; known: socket, http`},
		{"socket without its token", `slack: [{workspace: T012, bot_token_file: b}]`, `6:9: slack[0].app_token_file: is missing; the mode socket connects with it`},
		{"no token", `slack: [{workspace: T012, app_token_file: b}]`, `6:9: slack[0].bot_token_file: is missing`},
		{"http without a secret", `slack: [{workspace: T012, mode: http, bot_token_file: b}]`, `6:9: slack[0].signing_secret_file: is missing; it proves`},
		{"channel by name", `slack: [{workspace: T012, app_token_file: a, bot_token_file: b, channels: {alerts: "#ops"}}]`, `6:84: slack[0].channels.alerts: "#ops" is no id of a channel`},
		{"two places", `slack: [{workspace: T012, app_token_file: a, app_token_env: A, bot_token_file: b}]`, `slack[0].app_token_env: is one place too many`},
		{"token as a value", `slack: [{workspace: T012, app_token_file: a, bot_token_file: ` + "xoxb-" + `1234567890-abcdef}]`, `slack[0].bot_token_file:`},
		{"command", `slack: [{workspace: T012, app_token_file: a, bot_token_file: b, command: "ops bot"}]`, `slack[0].command: "ops bot" is no slash command`},
		{"two that are posted to", `discord: [{application: "1234567", token_file: t, mode: http, public_key: ` + key + `}, {application: "1234568", token_file: t, mode: http, public_key: ` + key + `}]`, `discord[1].mode: one application can be posted to, and that is discord[0]`},
		{"application", `discord: [{application: opsbot, token_file: t}]`, `6:25: discord[0].application: "opsbot" is no id of Discord`},
		{"no application", `discord: [{token_file: t}]`, `6:11: discord[0].application: is missing`},
		{"no token of Discord", `discord: [{application: "1234567"}]`, `6:11: discord[0].token_file: is missing`},
		{"http without a key", `discord: [{application: "1234567", token_file: t, mode: http}]`, `6:11: discord[0].public_key: is missing; it proves`},
		{"key of no shape", `discord: [{application: "1234567", token_file: t, mode: http, public_key: abc}]`, `discord[0].public_key: "abc" is no public key`},
		{"prefix over http", `discord: [{application: "1234567", token_file: t, mode: http, public_key: ` + key + `, prefix: "!ops"}]`, `discord[0].prefix: messages in channels come by the gateway alone`},
		{"prefix of two words", `discord: [{application: "1234567", token_file: t, prefix: "hey bot"}]`, `discord[0].prefix: "hey bot" is no prefix`},
		{"guild twice", `discord: [{application: "1234567", token_file: t, guilds: ["7654321", "7654321"]}]`, `discord[0].guilds[1]: "7654321" is here twice`},
		{"guild by name", `discord: [{application: "1234567", token_file: t, guilds: [acme]}]`, `discord[0].guilds[0]: "acme" is no id of Discord`},
		{"member by name", `    slack: [{workspace: T012, user: anna}]`, `6:37: people[0].slack[0].user: "anna" is no id of a member`},
		{"member of nowhere", `    slack: [{user: U012}]`, `people[0].slack[0].workspace: is missing; member ids are those of one workspace`},
		{"member twice", `    slack: [{workspace: T012, user: U012}, {workspace: T012, user: U012}]`, `people[0].slack[1].user: "slack:T012/U012" is here twice`},
		{"user of Discord by name", `    discord: ["anna#1234"]`, `6:15: people[0].discord[0]: "anna#1234" is no id of Discord`},
		{"called by no door", "    zone: UTC\noncall: {by: [discord]}", `7:15: oncall.by[0]: "discord" is no door of this file`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			given := chatBase + test.given + "\n"
			c, err := config.Parse([]byte(given), "f.yaml", config.Options{})
			var got config.Mistakes
			if c != nil || !errors.As(err, &got) {
				t.Fatalf("Parse = %v, %v, want Mistakes; given\n%s", c, err, given)
			}
			if !strings.Contains(got.Error(), test.want) {
				t.Errorf("Parse says\n%s\nwant %s\ngiven\n%s", got, test.want, given)
			}
			if strings.Contains(got.Error(), "1234567890-abcdef") {
				t.Errorf("a token is given away:\n%s", got)
			}
		})
	}
}

// TestPeopleOfThePlatforms: somebody known on the platforms alone is somebody, by every identity that the doors name.
func TestPeopleOfThePlatforms(t *testing.T) {
	t.Parallel()
	c := parse(t, `data_dir: /d
people:
  - {name: anna, roles: [operator], slack: [{workspace: T012, user: U012}, {workspace: T034, user: W012}], discord: ["80351110224678912"]}
slack: [{workspace: T012, app_token_file: a, bot_token_file: b, channels: {alerts: C012}}]
discord: [{application: "1234567", token_env: TOKEN, guilds: ["7654321"]}]
oncall: {order: [anna], by: [slack, discord, terminal]}
`)
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v, want none", c.Warnings)
	}
	want := []string{"slack:T012/U012", "slack:T034/W012", "discord:80351110224678912"}
	if diff := cmp.Diff(want, c.Policy().People[0].Identities); diff != "" {
		t.Errorf("identities (-want +got):\n%s", diff)
	}
	if c.Slack[0].Mode != config.ModeSocket || c.Discord[0].Mode != config.ModeGateway {
		t.Errorf("modes without being told: %s, %s, want socket, gateway", c.Slack[0].Mode, c.Discord[0].Mode)
	}
}

// TestNobodyListensToThePosts: a platform that posts, and nothing that takes it, is warned about.
func TestNobodyListensToThePosts(t *testing.T) {
	t.Parallel()
	given := chatBase + `slack: [{workspace: T012, mode: http, signing_secret_file: s, bot_token_file: b}]` + "\n"
	warned := func(c *config.Config) bool {
		for _, w := range c.Warnings {
			if w.Key == "slack[0].mode" {
				return true
			}
		}
		return false
	}
	if !warned(parse(t, given)) {
		t.Errorf("no warning although no listener serves hooks; given\n%s", given)
	}
	if heard := given + `listeners: [{address: "127.0.0.1:0", serve: [hooks]}]` + "\n"; warned(parse(t, heard)) {
		t.Errorf("a warning although a listener serves hooks; given\n%s", heard)
	}
}
