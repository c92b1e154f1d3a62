package job

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
)

// What becomes of ticks that were slept through.
const (
	Skip = "skip"
	Once = "once" // one for all of them
)

// Where a job comes from.
const (
	File = "file"
	Chat = "chat"
)

// Job is a command that the clock says. It is kept as it was typed and understood anew at each tick.
type Job struct {
	Name    string       `json:"name"`
	At      string       `json:"at"` // five fields as in crontab, or @every 30m
	Do      string       `json:"do"`
	Owner   string       `json:"owner"`            // whose rights it acts with
	Missed  string       `json:"missed,omitempty"` // Skip (also when empty) or Once
	Zone    string       `json:"zone,omitempty"`   // of At, an IANA name; empty means that of the installation
	Source  string       `json:"source"`           // File or Chat
	Intents []string     `json:"intents,omitempty"`
	Risk    actions.Risk `json:"risk,omitempty"` // of Do when the job was made
	Since   time.Time    `json:"since,omitzero"` // when a job of the chat was made: no tick before, and @every counts from it
	Mark    string       `json:"mark,omitempty"` // of the step that made it
}

// Cause returns the id of what the job says at a tick: the same on every replica, so that it is one run.
func (j Job) Cause(tick time.Time) string { return fmt.Sprintf("job/%s@%d", j.Name, tick.Unix()) }

// Status is how a job stands with the clock.
type Status struct {
	Next    time.Time `json:"next,omitzero"`
	Last    time.Time `json:"last,omitzero"` // the tick, not the moment it was said
	Outcome string    `json:"outcome,omitempty"`
	Wrong   string    `json:"wrong,omitempty"` // why it never comes
}

// maxName keeps names short enough to be typed, and keys of the store.
const maxName = 63

var nameShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// CheckName returns an error unless name can be that of a job: small letters, digits and dashes, at most 63 of them.
func CheckName(name string) error {
	if len(name) > maxName || !nameShape.MatchString(name) {
		return fmt.Errorf("%q is no name of a job: use small letters, digits and dashes, at most %d", name, maxName)
	}
	return nil
}

// NameFor derives a name from a command, one that taken does not have: "flush edge-2" becomes flush-edge-2, or flush-edge-2-b.
func NameFor(command string, taken func(string) bool) string {
	words := strings.FieldsFunc(strings.ToLower(command), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	base := strings.Join(words, "-")
	if base = strings.TrimRight(base[:min(len(base), 40)], "-"); base == "" {
		base = "job"
	}
	name := base
	for n := 1; taken(name); n++ {
		name = base + "-" + letters(n)
	}
	return name
}

// letters counts b, c ... z, ba, bb: a number at the end of a name would read like that of a node.
func letters(n int) string {
	out := ""
	for ; n > 0; n /= 26 {
		out = string(rune('a'+n%26)) + out
	}
	return out
}
