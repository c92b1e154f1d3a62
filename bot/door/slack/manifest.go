package slack

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ManifestOptions are what a manifest depends on.
type ManifestOptions struct {
	Mode    Mode
	Name    string // of the app; default OpsBot
	Command string // default /opsbot
	// URL is where Slack reaches the bot's listener of hooks, https://…, without a path; for HTTP.
	URL string
}

// The scopes of the bot, each with its reason. https://docs.slack.dev/reference/scopes
func botScopes() []string {
	return []string{
		"app_mentions:read", // hear @OpsBot
		"channels:history",  // hear threads we are in, and read back what was posted
		"channels:read",
		"chat:write",
		"chat:write.public", // answer in public channels that nobody invited us to
		"commands",          // the slash command
		"files:write",       // long output
		"groups:history",    // the same in private channels
		"groups:read",
		"im:history", // direct messages
		"im:read",
		"im:write", // ring people
		"mpim:history",
		"users:read",
	}
}

func botEvents() []string {
	return []string{"app_mention", "message.channels", "message.groups", "message.im", "message.mpim"}
}

// manifest is the part of Slack's format that we use. https://docs.slack.dev/reference/app-manifest
type manifest struct {
	Display  displayed `yaml:"display_information"`
	Features features  `yaml:"features"`
	OAuth    oauth     `yaml:"oauth_config"`
	Settings settings  `yaml:"settings"`
}

type displayed struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Background  string `yaml:"background_color"`
}

type features struct {
	Home     appHome   `yaml:"app_home"`
	Bot      botUser   `yaml:"bot_user"`
	Commands []command `yaml:"slash_commands"`
}

type appHome struct {
	Home     bool `yaml:"home_tab_enabled"`
	Messages bool `yaml:"messages_tab_enabled"`
	ReadOnly bool `yaml:"messages_tab_read_only_enabled"`
}

type botUser struct {
	Name   string `yaml:"display_name"`
	Online bool   `yaml:"always_online"`
}

type command struct {
	Command     string `yaml:"command"`
	URL         string `yaml:"url,omitempty"`
	Description string `yaml:"description"`
	Usage       string `yaml:"usage_hint"`
	Escape      bool   `yaml:"should_escape"`
}

type oauth struct {
	Scopes struct {
		Bot []string `yaml:"bot"`
	} `yaml:"scopes"`
}

type settings struct {
	Events        events        `yaml:"event_subscriptions"`
	Interactivity interactivity `yaml:"interactivity"`
	Org           bool          `yaml:"org_deploy_enabled"`
	Socket        bool          `yaml:"socket_mode_enabled"`
	Rotation      bool          `yaml:"token_rotation_enabled"`
}

type events struct {
	URL string   `yaml:"request_url,omitempty"`
	Bot []string `yaml:"bot_events"`
}

type interactivity struct {
	On  bool   `yaml:"is_enabled"`
	URL string `yaml:"request_url,omitempty"`
}

// Manifest returns the manifest, in YAML, from which Slack makes the app: paste it at https://api.slack.com/apps under "From a manifest".
func Manifest(o ManifestOptions) ([]byte, error) {
	if o.Name == "" {
		o.Name = "OpsBot"
	}
	if o.Command == "" {
		o.Command = "/opsbot"
	}
	if err := checkManifest(o); err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(o.URL, "/")
	at := func(path string) string {
		if o.Mode == Socket {
			return ""
		}
		return base + path
	}
	m := manifest{
		Display: displayed{Name: o.Name, Description: "Runs the video edge: caches, checks, overlays.", Background: "#1f2933"},
		Features: features{
			Home: appHome{Messages: true},
			Bot:  botUser{Name: strings.ToLower(o.Name), Online: true},
			Commands: []command{{
				Command: o.Command, URL: at("/slack/commands"), Description: "Ask OpsBot, or tell it what to do", Usage: "help",
			}},
		},
		Settings: settings{
			Events:        events{URL: at("/slack/events"), Bot: botEvents()},
			Interactivity: interactivity{On: true, URL: at("/slack/actions")},
			Socket:        o.Mode == Socket,
		},
	}
	m.OAuth.Scopes.Bot = botScopes()
	var out strings.Builder
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(m), e.Close()); err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	return []byte(out.String()), nil
}

func checkManifest(o ManifestOptions) error {
	switch {
	case o.Mode != Socket && o.Mode != HTTP:
		return fmt.Errorf("manifest: mode %q: want socket or http", o.Mode)
	case len(o.Name) > 35:
		return fmt.Errorf("manifest: name %q: Slack allows 35 letters", o.Name)
	case !strings.HasPrefix(o.Command, "/") || len(o.Command) > 32 || strings.ContainsAny(o.Command, " \t"):
		return fmt.Errorf("manifest: command %q: want / and one word of at most 31 letters", o.Command)
	case o.Mode == Socket:
		return nil
	}
	return checkAddress(o.URL)
}

// checkAddress tells what is wrong with where Slack is to reach the bot. Its paths are fixed, so one in front of them would lead nowhere. What is said
// quotes the host alone: a user's name or a query may hold a secret.
func checkAddress(address string) error {
	const want = "the mode http needs the https:// address at which Slack reaches the listener of hooks, such as https://ops.example"
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("manifest: the address is no URL: %s", want)
	}
	bad := ""
	switch {
	case u.Scheme != "https":
		bad = "it does not begin with https://"
	case u.Hostname() == "":
		bad = "it names no host"
	case u.User != nil:
		bad = "it holds a user's name; Slack signs what it posts instead"
	case u.Path != "" && u.Path != "/":
		bad = fmt.Sprintf("it has the path %s; the bot's own are /slack/commands, /slack/events and /slack/actions", u.EscapedPath())
	case u.RawQuery != "" || u.ForceQuery:
		bad = "it has a query"
	case u.Fragment != "" || strings.Contains(address, "#"):
		bad = "it has a fragment"
	default:
		return nil
	}
	return fmt.Errorf("manifest: address %q: %s: %s", u.Host, bad, want)
}
