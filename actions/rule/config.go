package rule

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
)

// Config is one rule.
type Config struct {
	Name     string // lower case letters, digits and "-"
	When     When
	Diagnose string // the name of a diagnosis that must agree; empty for none
	// Do is the command: {{node}}, {{deployments}} (those on the node), {{host}} and {{service}} are filled in. Commands are joined by "then";
	// one that names {{deployments}} is said once for each of them, and left out where there is none.
	Do      string
	Guard   Guard
	Enabled bool
	DryRun  bool   // everything but the command: what would be said is told
	Owner   string // whose rights it acts with; empty where the configuration file vouches for it
	// Intents are those of Do. A command of anybody with one of them counts in the cooldowns and in AtMost, see Engine.Note.
	Intents []string
}

// When says which alerts a rule is for. Texts are globs without regard to case; what is empty matches all.
type When struct {
	Host    string   // as the monitoring names it
	Service string   // "-" for alerts of the host itself
	State   []string // WARNING, CRITICAL ...
	Kind    []string // PROBLEM where it is empty
}

// Guard holds a rule back. The zero value of a field means no such guard.
type Guard struct {
	Cooldown      time.Duration // between two acts on a node
	Group         string        // what makes nodes a group: "site", or the name of a label
	GroupCooldown time.Duration // between two acts in a group
	AtMost        int           // acts on one node in Per
	Per           time.Duration // 24 h where it is 0
	OneAtATime    bool          // one node of a group at a time; without Group, one node at all
	Breaker       int           // so many failures in a row, or acts without improvement, stop the rule until a person enables it
}

// ruleName is what a rule may be called: it becomes part of keys and commands.
var ruleName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Check returns what is wrong with the rule, all of it, or nil.
func (c Config) Check() error {
	var errs []error
	say := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("rule %.70q: "+format, append([]any{c.Name}, args...)...))
	}
	if !ruleName.MatchString(c.Name) {
		say("name: want lower case letters, digits and \"-\", at most 63")
	}
	if strings.TrimSpace(c.Do) == "" {
		say("do: a command is needed")
	}
	if _, err := fill(c.Do, place{node: "n", host: "h", service: "s", deployments: []string{"d"}}); err != nil {
		say("do: %w", err)
	}
	for _, glob := range []struct{ key, value string }{{"when.host", c.When.Host}, {"when.service", c.When.Service}} {
		if _, err := path.Match(glob.value, ""); err != nil {
			say("%s: %q: %w", glob.key, glob.value, err)
		}
	}
	g := c.Guard
	if g.Cooldown < 0 || g.GroupCooldown < 0 || g.Per < 0 || g.AtMost < 0 || g.Breaker < 0 {
		say("guard: a number is negative")
	}
	if g.GroupCooldown > 0 && g.Group == "" {
		say("guard.group_cooldown: guard.group must say what a group is, such as site")
	}
	return errors.Join(errs...)
}

// Matches tells whether the rule is for the alert.
func (c Config) Matches(a actions.Alert) bool {
	kinds := c.When.Kind
	if len(kinds) == 0 {
		kinds = []string{"PROBLEM"}
	}
	service := c.When.Service
	if service == "-" {
		if a.Service != "" {
			return false
		}
		service = ""
	}
	return has(kinds, a.Kind) && (len(c.When.State) == 0 || has(c.When.State, a.State)) && glob(c.When.Host, a.Host) && glob(service, a.Service)
}

func has(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
}

// glob matches text without regard to case. Slashes are letters like others.
func glob(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	flat := strings.NewReplacer("/", "\x01")
	ok, err := path.Match(flat.Replace(strings.ToLower(pattern)), flat.Replace(strings.ToLower(text)))
	return ok && err == nil
}

// per is the length of the time in which AtMost is counted.
func (g Guard) per() time.Duration {
	if g.Per == 0 {
		return 24 * time.Hour
	}
	return g.Per
}

// groupOf returns the group of a node, such as "site berlin". Without a group all nodes are one.
func (g Guard) groupOf(n actions.Node) string {
	switch g.Group {
	case "":
		return "all nodes"
	case "site":
		return "site " + n.Site
	default:
		return g.Group + " " + n.Labels[g.Group]
	}
}
