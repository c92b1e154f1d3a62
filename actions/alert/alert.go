package alert

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// The kinds of steps that this package's executors carry out.
const (
	KindAck        = "icinga.ack"
	KindUnack      = "icinga.unack"
	KindDowntime   = "icinga.downtime"
	KindUndowntime = "icinga.undowntime"
	KindRerun      = "icinga.rerun"
)

// Icinga is what the verbs need of the monitoring; *icinga.Client has it.
type Icinga interface {
	Object(ctx context.Context, host, service string) (icinga.Object, error)
	Problems(ctx context.Context, host string) ([]icinga.Object, error)
	Acknowledge(ctx context.Context, host, service string, ack icinga.Ack) error
	RemoveAcknowledgement(ctx context.Context, host, service, author string) error
	HostNamed(ctx context.Context, host string) (string, error)
	Checkables(ctx context.Context, hosts ...string) ([]icinga.Checkable, error)
	ScheduleDowntime(ctx context.Context, host, service string, d icinga.Downtime) error
	Downtimes(ctx context.Context, host, author, marker string) ([]icinga.ScheduledDowntime, error)
	CancelDowntime(ctx context.Context, downtime string) error
	Reschedule(ctx context.Context, host, service string) error
	Status(ctx context.Context) (icinga.Status, error)
}

// Options are what the verbs need.
type Options struct {
	Icinga Icinga    // nil where none is configured: the verbs say so
	Log    store.Log // ALERTS, for alert.list while Icinga2 is away; nil = it says that it is away
	KV     store.KV  // guards, where an acknowledgement is noted before it is made; required with Icinga
	// Answered is told that a person looks after an object ("host" or "host!service"); nil for nobody.
	Answered func(ctx context.Context, object, by string) error
	Author   string                                 // what stands in Icinga2 behind the name of who asked: "anna via opsbot"; "" = opsbot
	Zone     func(who actions.Actor) *time.Location // in which somebody reads times; nil = UTC
	Logger   *slog.Logger                           // nil = discard
	Now      func() time.Time                       // nil = time.Now
	// Told returns what the bot itself knows of problems: those that stand, and those that ended since then. Nil for nothing.
	Told func(ctx context.Context, since time.Time) ([]Told, error)
}

// Alerts is the home of the verbs. Safe for concurrent use.
type Alerts struct {
	opt    Options
	keeper keeper
}

// New returns the home of the verbs.
func New(o Options) *Alerts {
	if o.Author == "" {
		o.Author = "opsbot"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Alerts{opt: o}
}

// Verbs returns what stands behind alert.*, downtime.* and check.rerun.
func (a *Alerts) Verbs() []actions.Verb {
	return []actions.Verb{
		{Intent: "alert.list", Risk: actions.Read, Answer: a.list},
		{Intent: "alert.ack", Risk: actions.Reversible, Plan: a.planAck},
		{Intent: "alert.unack", Risk: actions.Reversible, Plan: a.planUnack},
		{Intent: "downtime.add", Risk: actions.Disruptive, Plan: a.planDowntime},
		{Intent: "downtime.remove", Risk: actions.Reversible, Plan: a.planUndowntime},
		{Intent: "check.rerun", Risk: actions.Reversible, Plan: a.planRerun},
	}
}

// Executors returns the executors by the kind of their steps.
func (a *Alerts) Executors() map[string]run.Executor {
	return map[string]run.Executor{
		KindAck: acker{a}, KindUnack: unacker{a}, KindDowntime: downer{a}, KindUndowntime: undowner{a}, KindRerun: rerunner{a},
	}
}

// errNotConfigured tells what to do where there is no monitoring.
var errNotConfigured = errors.New("no Icinga2 is configured: set icinga.url, icinga.user and icinga.password_file in the configuration, then reload")

// NodeOf returns the name of the inventory's node that a host of the monitoring is, or "".
func NodeOf(nodes []actions.Node, host string) string {
	for _, n := range nodes {
		if strings.EqualFold(n.Name, host) {
			return n.Name
		}
	}
	return ""
}

// again marks what may work later as worth another try.
func again(err error) error {
	if icinga.Temporary(err) || errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict) {
		return actions.Temporary{Err: err}
	}
	return err
}
