package alert

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// Sender is somebody who may post alerts.
type Sender struct {
	Name     string
	Verifier *icinga.Verifier
}

// Handler is what alerts are handed to; *rule.Engine is one. Handle may be called twice with the same alert and must act once; after an error the
// alert comes again. It may take as long as a run does.
type Handler interface {
	Handle(ctx context.Context, a actions.Alert) ([]rule.Outcome, error)
}

// Options are what a door needs. Log and KV are required.
type Options struct {
	Senders []Sender
	Log     store.Log // ALERTS
	KV      store.KV  // guards
	// Node returns the inventory's node behind a host of the monitoring, or ""; nil = none.
	Node  func(ctx context.Context, host string) string
	Rules Handler // nil = alerts are stored and shown only
	// Closed is told that nobody needs to look after an object ("host" or "host!service") any more: it is well, or somebody has acknowledged it.
	// Nil for nobody; *rule.Calls has it as Answer.
	Closed  func(ctx context.Context, object, by, how string) (bool, error)
	Hub     *Hub             // nil = a new one
	Workers int              // alerts that are handed over at a time; 0 = 64
	Now     func() time.Time // nil = time.Now
	Logger  *slog.Logger     // nil = discard
	// Count is told what became of each post and of each alert, for metrics; nil for nobody. The words are few.
	Count func(what string)
}

// Door takes alerts. It is safe for concurrent use.
type Door struct {
	opt       Options
	senders   atomic.Pointer[[]Sender]
	writer    *writer
	seen      *digests
	incidents *Incidents
	wake      chan struct{} // something was stored by this process
}

// New returns a door. Alerts are stored from then on; Run hands them over.
func New(o Options) (*Door, error) {
	if o.Log == nil || o.KV == nil {
		return nil, errors.New("door of the monitoring: Options.Log and KV are required")
	}
	if o.Node == nil {
		o.Node = func(context.Context, string) string { return "" }
	}
	if o.Workers <= 0 {
		o.Workers = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Hub == nil {
		o.Hub = NewHub()
	}
	d := &Door{opt: o, seen: newDigests(), wake: make(chan struct{}, 1)}
	d.writer = newWriter(o.Log, d.stored)
	d.incidents = NewIncidents(o.KV, o.Hub, o.Now)
	d.SetSenders(o.Senders)
	return d, nil
}

// SetSenders replaces who may post, as a reload does.
func (d *Door) SetSenders(s []Sender) {
	kept := slices.Clone(s)
	d.senders.Store(&kept)
}

// Hub returns where the cards of incidents are to be had.
func (d *Door) Hub() *Hub { return d.opt.Hub }

// Incidents returns the incidents, for what others know of a problem.
func (d *Door) Incidents() *Incidents { return d.incidents }

// stored wakes the dispatcher.
func (d *Door) stored() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Close waits for what is being stored.
func (d *Door) Close(ctx context.Context) error { return d.writer.close(ctx) }
