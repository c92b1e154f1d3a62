package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/shitops/opsbot/icinga"
	"github.com/shitops/opsbot/icinga/plugin"
)

// The defaults of Options.
const (
	Every   = time.Minute
	Host    = "opsbot"
	Service = "OpsBot Heartbeat"
)

// Reporter is who takes check results: an [icinga.Client].
type Reporter interface {
	ProcessCheckResult(ctx context.Context, host, service string, r icinga.CheckResult) error
}

// Options say what is reported where. Reporter and Health are required.
type Options struct {
	Reporter Reporter
	// Health is asked before each result, within half an interval, at most 10 s. A health that hangs or is late makes no result: silence is an alarm, too.
	// It leaves Ready of the heartbeat itself out, which would keep a result bad that has arrived.
	Health  func(ctx context.Context) Health
	Host    string        // "" = opsbot
	Service string        // "" = OpsBot Heartbeat
	Every   time.Duration // 0 = a minute
	Limits  Limits        // nil = the default ones
	Source  string        // the machine, as Icinga2 shows it; "" = Icinga2's own name
	Log     *slog.Logger  // nil = none
}

// Heart reports. Its methods are safe for concurrent use.
type Heart struct {
	opt Options

	mu    sync.Mutex
	last  time.Time // when a result was taken, or Run began
	fault error     // of the attempts since then
}

// New returns a heart that does not beat yet.
func New(opt Options) (*Heart, error) {
	switch {
	case opt.Reporter == nil || opt.Health == nil:
		return nil, errors.New("heartbeat: it needs who takes the results, and a health to report")
	case opt.Every < 0:
		return nil, fmt.Errorf("heartbeat: every %s: it is longer than nothing", opt.Every)
	}
	if opt.Every == 0 {
		opt.Every = Every
	}
	opt.Host, opt.Service = orSay(opt.Host, Host), orSay(opt.Service, Service)
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Heart{opt: opt}, nil
}

// Run reports at once and then every interval, until ctx ends; that is its error. A result that Icinga2 does not take is followed by another one
// sooner: after a tenth of the interval, at first. When it ends it says no farewell: whoever stops the bot for longer sets a downtime.
func (h *Heart) Run(ctx context.Context) error {
	h.took(nil)
	failed := 0
	for {
		wait := h.opt.Every
		if err := h.beat(ctx); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			wait = min(wait, h.opt.Every/10<<min(failed, 4))
			failed++
		} else {
			failed = 0
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// patience bounds each of the two halves of a beat.
const patience = 10 * time.Second

// Now reports once more, at once: whoever waits for the event of a result makes one by it. Its error is why Icinga2 did not take it.
func (h *Heart) Now(ctx context.Context) error { return h.beat(ctx) }

func (h *Heart) beat(ctx context.Context) error {
	err := h.report(ctx)
	if ctx.Err() != nil {
		return err
	}
	h.mu.Lock()
	was := h.fault
	h.mu.Unlock()
	switch {
	case err != nil && (was == nil || was.Error() != err.Error()):
		h.opt.Log.Warn("the heartbeat is not taken", "host", h.opt.Host, "service", h.opt.Service, "err", err, "hint", hint(err))
	case err == nil && was != nil:
		h.opt.Log.Info("the heartbeat is taken again", "host", h.opt.Host, "service", h.opt.Service)
	}
	h.took(err)
	return err
}

func (h *Heart) report(ctx context.Context) error {
	limit := min(h.opt.Every/2, patience)
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	health := h.opt.Health(asking)
	if asking.Err() != nil {
		return fmt.Errorf("heartbeat: the bot did not say within %s how it is", limit)
	}
	sending, cancel := context.WithTimeout(ctx, max(limit, time.Second))
	defer cancel()
	r := plugin.Passive(Judge(health, h.opt.Limits), h.opt.Every)
	r.Source = h.opt.Source
	return h.opt.Reporter.ProcessCheckResult(sending, h.opt.Host, h.opt.Service, r)
}

// took notes how an attempt ended.
func (h *Heart) took(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fault = err; err == nil {
		h.last = time.Now()
	}
}

// hint says what heals it, where that is known.
func hint(err error) string {
	switch {
	case errors.Is(err, icinga.ErrNotFound):
		return "the files of \"opsbot icinga-kit\" make the host and the service; icinga.heartbeat names others"
	case errors.Is(err, icinga.ErrForbidden):
		return "the files of \"opsbot icinga-kit\" hold the permission"
	default:
		return ""
	}
}

// Ready returns nil while Icinga2 knows that the bot is alive: a result was taken within the last two and a half intervals. Before Run it is nil.
func (h *Heart) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	silent := time.Since(h.last)
	if h.last.IsZero() || silent <= h.opt.Every*5/2 {
		return nil
	}
	return fmt.Errorf("no heartbeat was taken for %s: %w", silent.Round(time.Second), cause(h.fault))
}

func cause(err error) error {
	if err == nil {
		return errors.New("none was sent")
	}
	return err
}

// Last returns when Icinga2 last took a result, or when Run began; zero before that.
func (h *Heart) Last() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}
