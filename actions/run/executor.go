package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/shitops/opsbot/actions"
)

// Executor does the steps of one kind.
//
// Do may be repeated with the same Call.Key after a crash or an unknown outcome, and must then act only once and report the same. Its error is
// permanent unless it is marked with [actions.Temporary] or its time ran out; a Do that fails for good has changed nothing, or says in its
// error what is left. [actions.Stop] and [actions.Wait] are no failures.
type Executor interface {
	Do(ctx context.Context, c Call) (Result, error)
}

// Undoer is an Executor whose steps can be taken back. Undo is a compare-and-set: what others changed since is shown in its error, not
// overwritten. It may be repeated with the same Call.Key.
//
// A step that failed after a try without an answer is undone too, since it may have acted: done is then empty, and Undo finds out by itself.
type Undoer interface {
	Undo(ctx context.Context, c Call, done Result) (Result, error)
}

// Verifier is an Executor that can prove by reading back that what Do reported is so. An error of Verify fails the step, or, when it is
// temporary, is tried again together with Do.
type Verifier interface {
	Verify(ctx context.Context, c Call, done Result) error
}

// Stoppable is an Executor of long steps that may be stopped half-way without harm, such as a load test. Only their ctx ends when a person
// cancels the run (cause ErrCancelled) or the process wants to stop (cause ErrStopping). Every other step is left to finish: its ctx ends only
// when its time is over or the run is lost to another owner. After ErrStopping the step is done again by whoever carries on.
type Stoppable interface {
	CanStop(c Call) bool
}

// Timed is an Executor that knows how long a try of a step may take, instead of Options.StepTimeout.
type Timed interface {
	Timeout(c Call) time.Duration
}

// Handbook is an Executor that can say which commands a person would type instead of a step, for the day when the bot is dead.
type Handbook interface {
	ByHand(ctx context.Context, c Call) ([]string, error)
}

// The causes with which the ctx of a Stoppable step ends early.
var (
	ErrCancelled = errors.New("run cancelled")
	ErrStopping  = errors.New("the bot is stopping")
)

// MaxData is the most bytes of Result.Data.
const MaxData = 64 << 10

// Call is one act: a step on a node.
type Call struct {
	Run     string
	Step    int    // index over all steps of the plan
	Node    string // empty for a step without nodes
	Key     string // idempotency key: run/do/step/node or run/undo/step/node
	Epoch   uint64 // of the claim; whoever keeps state refuses a lower one
	Attempt int    // from 1
	Args    json.RawMessage
	Request actions.Request
	Before  []actions.Outcome // finished steps before this one, on this node and without a node; for a step without a node, all
	// Progress tells people how far the step has come; it never blocks and may be called from any goroutine.
	Progress func(say string, done, total int)
	Log      *slog.Logger
}

// Result is what a step did.
type Result struct {
	Say  string          // one line for people: what was found, done and verified
	Data json.RawMessage // what Undo, Verify and later steps need; at most MaxData bytes
}
