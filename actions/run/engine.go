package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// Options are the parts and the bounds of an Engine. Store and Executors are required; everything else has a default.
type Options struct {
	Store     store.Store
	Executors map[string]Executor // by the Kind of their steps; those of run.* are added by New
	Owner     string              // names this process in journals and must be its own; default host:pid
	Workers   int                 // runs at work at once; default 64
	Fanout    int                 // most nodes of a group, default 1000
	Acts      int                 // acts of one run at once, default 64
	Retry     Backoff
	// StepTimeout bounds one try of a step, unless its executor is Timed. Default 5 minutes.
	StepTimeout time.Duration
	Lease       time.Duration // the lease of the store, extended every quarter of it; default 30 s
	Grace       time.Duration // how long Serve lets acts finish when it ends; default 25 s
	Remember    time.Duration // how long a cause stays the same run; default 90 days
	Log         *slog.Logger
	Observe     Observe
}

// Backoff says how often a step is tried while its errors are temporary, and how long the pauses are: First, then doubled up to Max, each
// shortened at random by up to a half. The zero value is five tries from 200 ms to 30 s.
type Backoff struct {
	Tries int
	First time.Duration
	Max   time.Duration
}

// Observe are the hooks for metrics. They must not block; nil ones are not called.
type Observe struct {
	Step func(kind string, state actions.OutcomeState, took time.Duration)
	Run  func(state actions.State, took time.Duration) // of a run that ended, from its acceptance on
}

// The errors that callers branch on, beside those of the store.
var (
	// ErrOver says that the run has ended already.
	ErrOver = errors.New("run is over")
	// ErrLive says that the run has not ended yet.
	ErrLive = errors.New("run is not over")
	// ErrUndoing says that the run is being taken back and that this cannot be stopped.
	ErrUndoing = errors.New("run is being undone")
	// ErrNothing says that the run has done nothing that could be taken back.
	ErrNothing = errors.New("nothing to undo")
	// ErrNewer says that a record was written by a newer program; it is left alone.
	ErrNewer = errors.New("written by a newer program")
	// ErrBadPlan says that a plan cannot be carried out by this program.
	ErrBadPlan = errors.New("bad plan")
)

// MaxPlan is the most bytes of an encoded plan. Its journal needs as much again for outcomes.
const MaxPlan = store.MaxValue / 2

// Engine carries runs out. Make it with New; it is safe for concurrent use. Everything that must survive is in the store: any number of
// engines, in any number of processes, may work on the same one.
type Engine struct {
	o      Options
	runs   store.KV
	dedupe store.KV
	log    *slog.Logger

	live  *registry
	locks *locks
	feed  *feed

	serving atomic.Bool
	slots   chan struct{} // a token for each worker that is free
	express chan struct{} // a token for each reserved worker that is free
	drain   context.Context
	drained context.CancelCauseFunc
	base    atomic.Pointer[context.Context] // of Serve; nil before
	workers sync.WaitGroup
	closing sync.Mutex   // guards that no worker starts after they are waited for
	busy    atomic.Int64 // workers who have a message
	beat    atomic.Int64 // 0 while the loop rightly waits
	pulling atomic.Pointer[error]
}

// New checks the options and returns an engine that is not serving yet.
func New(o Options) (*Engine, error) {
	if o.Store == nil {
		return nil, errors.New("new run engine: no store")
	}
	o.defaults()
	e := &Engine{
		o: o, runs: o.Store.Bucket(store.Runs), dedupe: o.Store.Bucket(store.Dedupe), log: o.Log,
		live: newRegistry(), locks: newLocks(), feed: newFeed(),
		slots: make(chan struct{}, o.Workers), express: make(chan struct{}, reserved),
	}
	e.drain, e.drained = context.WithCancelCause(context.Background())
	executors := map[string]Executor{CancelKind: canceller{e}, UndoKind: undoer{e}, ApproveKind: approver{e}, RejectKind: rejecter{e}}
	for kind, x := range o.Executors {
		if x == nil || executors[kind] != nil {
			return nil, fmt.Errorf("new run engine: executor of %q is nil or the engine's own", kind)
		}
		executors[kind] = x
	}
	e.o.Executors = executors
	return e, nil
}

func (o *Options) defaults() {
	fill(&o.Workers, 64)
	fill(&o.Fanout, 1000)
	fill(&o.Acts, 64)
	fill(&o.Retry.Tries, 5)
	fill(&o.Retry.First, 200*time.Millisecond)
	fill(&o.Retry.Max, 30*time.Second)
	fill(&o.StepTimeout, 5*time.Minute)
	fill(&o.Lease, 30*time.Second)
	fill(&o.Grace, 25*time.Second)
	fill(&o.Remember, 90*24*time.Hour)
	if o.Owner == "" {
		host, _ := os.Hostname() // an empty host still leaves the pid
		o.Owner = host + ":" + strconv.Itoa(os.Getpid())
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// fill sets an unset option to its default.
func fill[T int | time.Duration](option *T, value T) {
	if *option <= 0 {
		*option = value
	}
}

// Accept stores the plan durably as a run and returns its id. From then on it will be carried out, whatever crashes.
//
// The same p.Request.Cause is the same run: a repeat returns the id of the first and first=false, also long after. When the store's answer to
// the first try was lost, first is true: somebody has to answer the person. A plan that no executor here can carry out is refused
// with ErrBadPlan, one over MaxPlan with store.ErrTooLarge; then nothing was accepted.
func (e *Engine) Accept(ctx context.Context, p actions.Plan) (id string, first bool, err error) {
	if err := e.check(p); err != nil {
		return "", false, err
	}
	accepted := time.Now()
	data := message{Accepted: accepted, Plan: &p}.encode()
	if len(data) > MaxPlan {
		return "", false, fmt.Errorf("accept %s: plan has %d bytes, at most %d: split it: %w", p.Request.Intent, len(data), MaxPlan, store.ErrTooLarge)
	}
	cause := causeKey(p.Request.Cause)
	if id, err := e.known(ctx, cause); err != nil || id != "" {
		return id, false, err
	}
	sequence, first, err := e.publish(ctx, cause, data)
	if err != nil {
		return "", false, fmt.Errorf("accept %s: %w", p.Request.Intent, err)
	}
	id = runID(sequence)
	fresh := actions.Run{Schema: actions.RunSchema, ID: id, Plan: p, State: actions.Running, Accepted: accepted, Updated: accepted}
	ask(&fresh)
	e.feed.expect(fresh)
	if _, err := e.runs.Get(ctx, id); err == nil {
		e.feed.unexpect(id) // it was begun before we looked
	}
	if first && isControl(p) {
		e.hurry(parcel{sequence: sequence, data: data})
	}
	return id, first, nil
}

// check refuses plans that cannot be carried out here.
func (e *Engine) check(p actions.Plan) error {
	if p.Request.Cause == "" {
		return fmt.Errorf("accept %s: the request names no cause: %w", p.Request.Intent, ErrBadPlan)
	}
	if a := p.Approve; a != nil && (a.People < 1 || a.Within <= 0) {
		return fmt.Errorf("accept %s: it needs the yes of %d people within %s: %w", p.Request.Intent, a.People, a.Within, ErrBadPlan)
	}
	for _, g := range p.Groups {
		if len(g.Nodes) > e.o.Fanout {
			return fmt.Errorf("accept %s: a group of %d nodes, at most %d: %w", p.Request.Intent, len(g.Nodes), e.o.Fanout, ErrBadPlan)
		}
		if n := repeated(g.Nodes); n != "" {
			return fmt.Errorf("accept %s: a group names node %q twice: %w", p.Request.Intent, n, ErrBadPlan)
		}
		for _, s := range g.Steps {
			switch {
			case e.o.Executors[s.Kind] == nil:
				return fmt.Errorf("accept %s: no executor for steps of kind %q: %w", p.Request.Intent, s.Kind, ErrBadPlan)
			case len(s.Args) > 0 && !json.Valid(s.Args):
				return fmt.Errorf("accept %s: arguments of step %s are no JSON: %.40q: %w", p.Request.Intent, s.Kind, s.Args, ErrBadPlan)
			}
		}
	}
	return nil
}

func repeated(nodes []string) string {
	sorted := slices.Sorted(slices.Values(nodes))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return sorted[i]
		}
	}
	return ""
}

// Known returns the run that a cause has become, or "" while none was claimed for it.
func (e *Engine) Known(ctx context.Context, cause string) (string, error) {
	return e.known(ctx, causeKey(cause))
}

// known returns the run that a cause has become, or "".
func (e *Engine) known(ctx context.Context, cause string) (string, error) {
	was, err := read(ctx, e.dedupe, cause)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return string(was.Value), err
}

// publish stores a message. It repeats the call while its outcome is unknown; the id makes that harmless.
func (e *Engine) publish(ctx context.Context, id string, data []byte) (sequence uint64, first bool, err error) {
	unsure := false
	err = insist(ctx, func() (err error) {
		sequence, first, err = e.o.Store.Queue().Publish(ctx, id, data)
		unsure = unsure || errors.Is(err, store.ErrUnknown)
		return err
	})
	return sequence, first || unsure, err
}

// Ready returns nil while accepted runs are known to be worked on, else what is wrong.
func (e *Engine) Ready() error {
	if !e.serving.Load() || e.drain.Err() != nil {
		return errors.New("run engine is not serving")
	}
	if err := e.pulling.Load(); err != nil {
		return fmt.Errorf("run engine: pull: %w", *err)
	}
	return e.o.Store.Ready()
}

// Beat returns when the loop of Serve was last seen alive. While it rightly waits for work that is now.
func (e *Engine) Beat() time.Time {
	if at := e.beat.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now()
}

// runID names the run that was accepted by the message with a sequence number.
func runID(sequence uint64) string { return "r-" + strconv.FormatUint(sequence, 10) }

// sequenceOf is the inverse of runID. It returns 0 for keys that are no run's journal.
func sequenceOf(key string) uint64 {
	digits, ok := strings.CutPrefix(key, "r-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || runID(n) != key {
		return 0
	}
	return n
}
