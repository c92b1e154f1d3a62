package rule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// Command is what a rule says to the desk.
type Command struct {
	Cause  string // the same cause is the same run
	Text   string
	Rule   string
	Owner  string // whose rights it has; empty where the configuration file vouches
	Alert  actions.Alert
	Thread string // the problem: where the answer belongs
}

// Result is how a command ended, with the exit codes of the program: 0 well, 3 in part, 4 refused, 75 waits for another person.
type Result struct {
	Exit int      `json:"exit"`
	Run  string   `json:"run,omitempty"`
	Text string   `json:"text,omitempty"` // the last line that people would read
	More []string `json:"more,omitempty"` // what was found, done and verified, a line each
	Stop string   `json:"stop,omitempty"` // why the rest was not needed, where a step said so
}

// Diagnosis looks at a node and tells whether the remedy would help, why, and the numbers that it looked at.
type Diagnosis func(ctx context.Context, node string) (agree bool, why, numbers string, err error)

// Options are what an engine needs. KV, World, Say and Read are required.
type Options struct {
	KV    store.KV // guards
	World actions.World
	// Say brings the command down the one road and returns when it has ended, or waits for another person. An error means that it is not known
	// how it ended; it is said again then, with the same cause.
	Say func(ctx context.Context, c Command) (Result, error)
	// Known tells whether a command with that cause was accepted as a run; nil where nobody can tell.
	Known func(ctx context.Context, cause string) (bool, error)
	// Read reads a host or service as the monitoring holds it now; nil where no monitoring is configured: then nothing acts.
	Read     func(ctx context.Context, host, service string) (icinga.Object, error)
	Diagnose map[string]Diagnosis
	// Comment writes beside the object in the monitoring, once per marker; nil where there is none.
	Comment func(ctx context.Context, host, service, text, marker string) error
	// Tell tells people, without calling anybody; nil for nobody.
	Tell func(ctx context.Context, n Notice)
	// Call makes sure that a person looks after it; nil tells instead.
	Call func(ctx context.Context, n Notice) error
	// Observing tells whether nothing may act because the store was just imported; nil for never.
	Observing func(ctx context.Context) (on bool, why string, err error)
	// Lease is how long an alert stays with a process that gives no sign of life, after which another takes it up; 0 = 30 s.
	Lease time.Duration
	// History returns the stored alerts from one time to another, oldest first; nil where none are kept.
	History func(ctx context.Context, from, to time.Time) ([]actions.Alert, error)
	// Rehearse plans a command as Say would carry it out, doing nothing, and tells whether it would be let through; nil lets all through.
	Rehearse func(ctx context.Context, c Command) (Judge, error)
	Now      func() time.Time // nil = time.Now
	Log      *slog.Logger     // nil = discard
}

// Engine holds the rules. It is safe for concurrent use; several processes may work on one store.
type Engine struct {
	opt      Options
	owner    string
	pause    *Switch
	rules    atomic.Pointer[[]Config]
	troubled sync.Map // causes of alerts of which people were told that they could not be worked on
	hushed   hush
}

// New returns an engine without rules.
func New(o Options) (*Engine, error) {
	if o.KV == nil || o.World == nil || o.Say == nil {
		return nil, errors.New("rules: Options.KV, World and Say are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lease <= 0 {
		o.Lease = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, Notice) {}
	}
	e := &Engine{opt: o, owner: rand.Text(), pause: NewSwitch(o.KV)}
	e.rules.Store(&[]Config{})
	return e, nil
}

// SetRules replaces the rules, as a reload does. Alerts under way end with the rules that they began with.
func (e *Engine) SetRules(rules []Config) error {
	var errs []error
	seen := map[string]bool{}
	for _, c := range rules {
		errs = append(errs, c.Check())
		if seen[c.Name] {
			errs = append(errs, fmt.Errorf("rule %q: there are two of that name", c.Name))
		}
		seen[c.Name] = true
		if c.Diagnose != "" && e.opt.Diagnose[c.Diagnose] == nil {
			errs = append(errs, fmt.Errorf("rule %q: diagnose: there is no diagnosis %q", c.Name, c.Diagnose))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	kept := slices.Clone(rules)
	e.rules.Store(&kept)
	return nil
}

// Rules returns the rules in the order of the configuration.
func (e *Engine) Rules() []Config { return slices.Clone(*e.rules.Load()) }

// Rule returns the rule of that name.
func (e *Engine) Rule(name string) (Config, bool) {
	for _, c := range *e.rules.Load() {
		if c.Name == name {
			return c, true
		}
	}
	return Config{}, false
}

// Switch returns the switch that stops everything.
func (e *Engine) Switch() *Switch { return e.pause }

// Wants tells whether a rule is for the alert, so that handing it in may take as long as a command does.
func (e *Engine) Wants(a actions.Alert) bool {
	return slices.ContainsFunc(*e.rules.Load(), func(c Config) bool { return c.Matches(a) })
}

// Handle carries an alert through every rule that is for it, and returns what became of it, rule by rule. It returns when the commands have ended.
//
// An error means that it could not be finished, for want of the store above all: what was not begun is not done, people were told once, and the
// same alert must be handed in again later. Handing in an alert twice, by whomever, acts once.
func (e *Engine) Handle(ctx context.Context, a actions.Alert) ([]Outcome, error) {
	var out []Outcome
	var errs []error
	for _, c := range *e.rules.Load() {
		if !c.Matches(a) {
			continue
		}
		o, err := e.handle(ctx, a, c)
		if err != nil {
			errs = append(errs, fmt.Errorf("rule %s, alert %s: %w", c.Name, a.ID, err))
			continue
		}
		out = append(out, o)
	}
	return out, errors.Join(errs...)
}

func (e *Engine) groupOf(c Config, node string) string {
	n, err := e.opt.World.Node(context.Background(), node)
	if err != nil {
		n = actions.Node{Name: node}
	}
	return c.Guard.groupOf(n)
}
