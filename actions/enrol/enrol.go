package enrol

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/icinga"
)

// Icinga is what the loop needs of the monitoring; *icinga.Client has it.
type Icinga interface {
	Status(ctx context.Context) (icinga.Status, error)
	Templates(ctx context.Context, services bool) ([]string, error)
	Owned(ctx context.Context, services bool) ([]icinga.Owned, error)
	Names(ctx context.Context, services bool, hosts []string) ([]string, error)
	Create(ctx context.Context, o icinga.RuntimeObject) error
	Modify(ctx context.Context, host, service string, attrs map[string]any) error
	Delete(ctx context.Context, host, service string) error
}

// Options are what the loop needs. World and Enabled are required.
type Options struct {
	Icinga  Icinga // nil where none is configured: nothing is registered
	World   actions.World
	Overlay func(node string) bool // whether a node is in a segment; nil = none is
	Owner   string                 // name of this bot on what it makes; "" = opsbot
	Enabled func() bool            // whether anything is registered at all, as the configuration says now
	// Tell tells people what they should know, once for each id; nil for nobody.
	Tell func(ctx context.Context, n Notice)
	// Held tells whether nothing may act by itself, such as after an import; nil for never.
	Held  func(ctx context.Context) (bool, error)
	Every time.Duration // between two passes; 0 = 1 min
	Look  time.Duration // between two looks whether Icinga2 was reloaded; 0 = 10 s
	Log   *slog.Logger  // nil = discard
}

// Notice is something that people should know. The same ID is the same matter.
type Notice struct {
	ID    string
	Title string
	Lines []string
	Hint  string
	Bad   bool
}

// Enrol keeps the monitoring equal to the inventory. It is safe for concurrent use.
type Enrol struct {
	opt  Options
	kick chan struct{}

	working sync.Mutex // one pass or step at a time
	spoilt  map[string]spoilt
	started time.Time // of the daemon that the templates were read from
	have    templates
	told    map[string]bool
	leaving map[string]time.Time // nodes that were just unregistered

	mu    sync.Mutex
	last  Report
	holds map[string]bool // what is ours there, as of the latest pass
}

// spoilt is a name that Icinga2 does not take before it is reloaded.
type spoilt struct {
	started time.Time // of the daemon that refused it
	why     string
}

// New returns a loop that has not begun.
func New(o Options) (*Enrol, error) {
	if o.World == nil || o.Enabled == nil {
		return nil, errors.New("registration: World and Enabled are required")
	}
	if o.Owner == "" {
		o.Owner = "opsbot"
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, Notice) {}
	}
	if o.Held == nil {
		o.Held = func(context.Context) (bool, error) { return false, nil }
	}
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.Look <= 0 {
		o.Look = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Enrol{opt: o, kick: make(chan struct{}, 1), spoilt: map[string]spoilt{}, told: map[string]bool{}, leaving: map[string]time.Time{}}, nil
}

// On tells whether anything is registered at all.
func (e *Enrol) On() bool { return e.opt.Icinga != nil && e.opt.Enabled() }

// Kick asks for a pass at once, such as after the inventory has changed.
func (e *Enrol) Kick() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// Holds tells whether the monitoring holds a service that is ours, as of the latest pass.
func (e *Enrol) Holds(host, service string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.holds[icinga.RuntimeObject{Host: host, Service: service}.Name()]
}

// Last returns how the latest pass ended.
func (e *Enrol) Last() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// Run makes a pass each Options.Every, after each Kick and after each reload of Icinga2, until ctx ends. One that failed is made again sooner.
func (e *Enrol) Run(ctx context.Context) error {
	looks := time.NewTicker(e.opt.Look)
	defer looks.Stop()
	next, failures := time.Now(), 0
	for {
		if e.On() && !time.Now().Before(next) {
			again, err := e.round(ctx)
			if ctx.Err() != nil {
				return nil
			}
			next = time.Now().Add(e.opt.Every)
			switch {
			case err != nil: // Icinga2 starts anew or is busy, most of the time
				next = time.Now().Add(min(e.opt.Every, e.opt.Look<<min(failures, 16)))
				failures++
			case again:
				next, failures = time.Now(), 0
			default:
				failures = 0
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.kick:
			next = time.Now()
		case <-looks.C:
			if e.On() && e.reloaded(ctx) {
				next = time.Now()
			}
		}
	}
}

// round makes one pass, and tells whether another is due at once.
func (e *Enrol) round(ctx context.Context) (again bool, err error) {
	held, err := e.opt.Held(ctx)
	if err != nil || held {
		e.opt.Log.Debug("nothing is registered while nothing may act by itself", "err", err)
		return false, err
	}
	r, err := e.Pass(ctx)
	if err != nil && ctx.Err() == nil {
		e.opt.Log.Warn("registration pass failed", "err", err)
	}
	return r.Reloaded, err
}

// reloaded tells whether Icinga2 was started anew since the last pass: what it had accepted before may be gone.
func (e *Enrol) reloaded(ctx context.Context) bool {
	s, err := e.opt.Icinga.Status(ctx)
	e.working.Lock()
	defer e.working.Unlock()
	return err == nil && !s.ProgramStart.Equal(e.started)
}
