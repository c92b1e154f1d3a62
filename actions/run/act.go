package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
)

// brief is the longest that a step waits in its place; for longer waits the run parks.
const brief = 2 * time.Second

// maxSay bounds what an outcome says.
const maxSay = 2000

// do does a step on a node until its outcome is known. It returns an error instead when the step waits (actions.Wait), when the process is to
// stop (ErrStopping) or the run is lost: then the act has no outcome and is done again later.
func (c *carrier) do(ctx, polite context.Context, j *journal, step int, node string, doubt bool) (actions.Outcome, error) {
	a := c.attempt(j, step, node, "do")
	a.unsure = doubt
	x := c.e.o.Executors[a.step.Kind]
	if x == nil {
		return a.failed(fmt.Errorf("no executor for steps of kind %q in this program", a.step.Kind)), nil
	}
	life := ctx
	if s, ok := x.(Stoppable); ok && s.CanStop(a.call) {
		life = polite
	}
	return c.try(ctx, polite, life, a, func(ctx context.Context, call Call) (Result, error) {
		res, err := x.Do(ctx, call)
		if err != nil {
			return res, err
		}
		if err := checkData(res.Data); err != nil {
			a.unsure = true
			return Result{}, err
		}
		a.data = res.Data // kept should Verify fail: its Undo needs it
		if v, ok := x.(Verifier); ok {
			if err := v.Verify(ctx, call, res); err != nil {
				a.unsure = true
				return res, fmt.Errorf("done, but not verified: %w", err)
			}
		}
		return res, nil
	})
}

// checkData refuses what no journal can hold.
func checkData(data json.RawMessage) error {
	switch {
	case len(data) > MaxData:
		return fmt.Errorf("its result has %d bytes, at most %d", len(data), MaxData)
	case len(data) > 0 && !json.Valid(data):
		return fmt.Errorf("its result is no JSON: %.40q", data)
	}
	return nil
}

// undo takes a step on a node back until the outcome of that is known, with errors like do.
func (c *carrier) undo(ctx, polite context.Context, j *journal, step int, node string, was actions.Outcome) (actions.Outcome, error) {
	a := c.attempt(j, step, node, "undo")
	a.data = was.Data // for a later undo, should this one fail
	a.undoing = true
	x, ok := c.e.o.Executors[a.step.Kind].(Undoer)
	if !ok {
		return a.failed(fmt.Errorf("no executor for steps of kind %q in this program", a.step.Kind)), nil
	}
	done := Result{Say: was.Say, Data: was.Data}
	if was.State != actions.StepDone {
		done.Say = ""
	}
	return c.try(ctx, polite, ctx, a, func(ctx context.Context, call Call) (Result, error) { return x.Undo(ctx, call, done) })
}

// attempt is one act on its way to an outcome.
type attempt struct {
	step    actions.Step
	call    Call
	undoing bool
	unsure  bool // an earlier try may have acted without our knowing
	data    []byte
	start   time.Time
}

func (c *carrier) attempt(j *journal, n int, node, verb string) *attempt {
	step, r := j.step(n), j.snapshot()
	log := c.log.With("step", n, "kind", step.Kind, "node", node, "actor", r.Plan.Request.Actor.String())
	return &attempt{step: step, start: time.Now(), call: Call{
		Run: r.ID, Step: n, Node: node, Key: fmt.Sprintf("%s/%s/%d/%s", r.ID, verb, n, node), Epoch: r.Epoch,
		Args: step.Args, Request: r.Plan.Request, Before: j.before(n, node), Log: log,
		Progress: func(say string, done, total int) {
			c.e.feed.progress(j, actions.Progress{Run: r.ID, Step: n, Node: node, Say: say, Done: done, Total: total, At: time.Now()})
		},
	}}
}

// try repeats an act while its errors are temporary. life is the ctx that the executor sees.
func (c *carrier) try(ctx, polite, life context.Context, a *attempt, f func(context.Context, Call) (Result, error)) (actions.Outcome, error) {
	for {
		a.call.Attempt++
		res, err := c.once(ctx, polite, life, a, f)
		var wait actions.Wait
		var stop actions.Stop
		switch {
		case err == nil:
			return c.outcome(a, a.done(res)), nil
		case ctx.Err() != nil:
			return actions.Outcome{}, context.Cause(ctx)
		case errors.Is(err, errUnbegun):
			return actions.Outcome{}, context.Cause(polite)
		case life.Err() != nil && errors.Is(context.Cause(life), ErrStopping):
			c.tear()
			return actions.Outcome{}, ErrStopping
		case life.Err() != nil:
			a.unsure = true
			return c.outcome(a, a.failed(fmt.Errorf("cancelled half-way: %w", err))), nil
		case errors.As(err, &stop) && !a.undoing:
			return c.outcome(a, a.end(actions.StepStopped, stop.Why)), nil
		case errors.As(err, &wait):
			if err := c.waitHere(polite, a, wait); err != nil {
				return actions.Outcome{}, err
			}
			continue
		case !actions.IsTemporary(err):
			return c.outcome(a, a.failed(err)), nil
		}
		a.unsure = true
		if a.call.Attempt >= c.e.o.Retry.Tries {
			return c.outcome(a, a.failed(err)), nil
		}
		if o, err := c.backOff(polite, a, err); o.State != "" || err != nil {
			return o, err
		}
	}
}

// errUnbegun says that the polite ctx ended before the executor was called.
var errUnbegun = errors.New("not begun")

// once makes one try under the lock of the step's key, so that at most one step per key is live in this process.
func (c *carrier) once(ctx, polite, life context.Context, a *attempt, f func(context.Context, Call) (Result, error)) (res Result, err error) {
	wait := polite
	if a.unsure {
		wait = ctx // an act in doubt is done even if the run is to be cancelled
	}
	unlock, ok := c.e.locks.lock(wait, actions.On(a.step.Key, a.call.Node))
	if !ok {
		return Result{}, errUnbegun
	}
	defer unlock()
	limit := c.e.o.StepTimeout
	if t, ok := c.e.o.Executors[a.step.Kind].(Timed); ok {
		limit = t.Timeout(a.call)
	}
	ctx, cancel := context.WithTimeout(life, limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a.call.Log.Error("executor panicked", "panic", p, "stack", string(debug.Stack()))
			a.unsure, err = true, fmt.Errorf("bug in the executor of %s: %v", a.step.Kind, p)
		}
	}()
	res, err = f(ctx, a.call)
	if err != nil && life.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = actions.Temporary{Err: fmt.Errorf("no end after %s: %w", limit, err)}
	}
	return res, err
}

// waitHere waits in place if that is brief or the run is on its way back; else it returns the wait, for the run to park.
func (c *carrier) waitHere(polite context.Context, a *attempt, w actions.Wait) error {
	d := time.Until(w.Until)
	if d > brief && !a.undoing {
		return w
	}
	a.call.Attempt--
	if sleep(polite, d) {
		return nil
	}
	if a.unsure {
		c.tear()
	}
	return context.Cause(polite)
}

// backOff sleeps before the next try. A person who cancels meanwhile ends the step as failed.
func (c *carrier) backOff(polite context.Context, a *attempt, err error) (actions.Outcome, error) {
	b := c.e.o.Retry
	d := min(b.First<<min(a.call.Attempt-1, 30), b.Max)
	d -= rand.N(d/2 + 1)
	a.call.Log.Warn("step will be tried again", "error", err, "attempt", a.call.Attempt, "in", d)
	a.call.Progress(fmt.Sprintf("try %d of %d failed, again in %s: %v", a.call.Attempt, b.Tries, d.Round(10*time.Millisecond), err), 0, 0)
	if sleep(polite, d) {
		return actions.Outcome{}, nil
	}
	if cause := context.Cause(polite); !errors.Is(cause, ErrCancelled) {
		c.tear()
		return actions.Outcome{}, cause
	}
	return c.outcome(a, a.failed(fmt.Errorf("cancelled between two tries: %w", err))), nil
}

// outcome tells the log and the metrics.
func (c *carrier) outcome(a *attempt, o actions.Outcome) actions.Outcome {
	level := a.call.Log.Info
	if o.State == actions.StepFailed || o.State == actions.StepUndoFailed {
		level = a.call.Log.Warn
	}
	level("step ended", "state", o.State, "say", o.Say, "attempts", o.Attempts, "took", o.Took)
	if hook := c.e.o.Observe.Step; hook != nil {
		hook(a.step.Kind, o.State, o.Took)
	}
	return o
}

func (a *attempt) done(res Result) actions.Outcome {
	a.unsure = false
	if a.undoing {
		return a.end(actions.StepUndone, res.Say)
	}
	a.data = res.Data
	return a.end(actions.StepDone, res.Say)
}

func (a *attempt) failed(err error) actions.Outcome {
	if a.undoing {
		return a.end(actions.StepUndoFailed, err.Error())
	}
	return a.end(actions.StepFailed, err.Error())
}

func (a *attempt) end(s actions.OutcomeState, say string) actions.Outcome {
	if len(say) > maxSay {
		say = strings.ToValidUTF8(say[:maxSay], "") + "..."
	}
	return actions.Outcome{
		Step: a.call.Step, Node: a.call.Node, State: s, Say: say, Data: a.data, Unsure: a.unsure && s == actions.StepFailed,
		Attempts: max(1, a.call.Attempt), Took: time.Since(a.start),
	}
}
