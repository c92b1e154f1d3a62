package run

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/shitops/opsbot/actions"
)

// Executor does the steps of one kind.
//
// Do may be repeated with the same Call.Key after a crash or an unknown outcome, and must then act only once. Its error is permanent unless
// it is marked with [actions.Temporary]; [actions.Stop] and [actions.Wait] are no failures.
type Executor interface {
	Do(ctx context.Context, c Call) (Result, error)
}

// Undoer is an Executor whose steps can be taken back. Undo is a compare-and-set: what others changed since is shown in its error, not
// overwritten. It may be repeated with the same Call.Key.
type Undoer interface {
	Undo(ctx context.Context, c Call, done Result) (Result, error)
}

// Verifier is an Executor that can prove by reading back that what Do reported is so. An error of Verify fails the step.
type Verifier interface {
	Verify(ctx context.Context, c Call, done Result) error
}

// Handbook is an Executor that can say which commands a person would type instead of a step, for the day when the bot is dead.
type Handbook interface {
	ByHand(ctx context.Context, c Call) ([]string, error)
}

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
	Before  []actions.Outcome // earlier outcomes on this node, in order
	// Progress tells people how far the step has come; it never blocks and may be called from any goroutine.
	Progress func(say string, done, total int)
	Log      *slog.Logger
}

// Result is what a step did.
type Result struct {
	Say  string          // one line for people: what was found, done and verified
	Data json.RawMessage // what Undo, Verify and later steps need
}
