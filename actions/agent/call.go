package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// isStore tells whether the store did not take a write, or did not say.
func isStore(err error) bool {
	return errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict)
}

// Do are the arguments of node.do: one imperative call of a handler of the node's agent.
type Do struct {
	Name string          `json:"name"` // of the handler
	Args json.RawMessage `json:"args,omitempty"`
	Say  string          `json:"say,omitempty"`  // what is told when it is done; empty is the handler's name
	Wait time.Duration   `json:"wait,omitempty"` // at most; 0 is the gate's patience
}

// askEvery is how often a call is repeated until it is answered: the agent absorbs repeats.
const askEvery = 2 * time.Second

// ErrFenced says that an agent refused a call, since a later owner of the run has spoken.
var ErrFenced = errors.New("a later owner of this run has spoken")

// Call makes one imperative call on a node and waits for what comes of it. It may be repeated with the same key: the agent acts once.
func (g *Gate) Call(ctx context.Context, id string, o Order) (Answer, error) {
	if err := CheckID(id); err != nil {
		return Answer{}, err
	}
	if _, ok := g.Enrolled(id); !ok {
		return Answer{}, fmt.Errorf("%s has no agent: enrol one first (opsbot enrol %s)", id, id)
	}
	if until, ok := ctx.Deadline(); ok && o.Within == 0 {
		o.Within = time.Until(until)
	}
	answers := make(chan Answer, 4)
	key := callKey(id, o.Key, o.Epoch)
	g.mu.Lock()
	g.calls[key] = answers
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.calls[key] == answers {
			delete(g.calls, key)
		}
	}()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		g.say(id, order{Call: &o})
		select {
		case <-ctx.Done():
			err := fmt.Errorf("%s on %s: no answer: %w", o.Name, id, context.Cause(ctx))
			if why := g.Status(id).Why; why != "" {
				err = fmt.Errorf("%w; %s", err, why)
			}
			return Answer{}, actions.Temporary{Err: err}
		case a := <-answers:
			return a, judgeAnswer(id, o, a)
		case <-tick.C:
		}
	}
}

func callKey(id, key string, epoch uint64) string { return fmt.Sprintf("%s %d %s", id, epoch, key) }

// judgeAnswer turns what an agent says went wrong into an error.
func judgeAnswer(id string, o Order, a Answer) error {
	switch {
	case a.Fenced:
		return fmt.Errorf("%s on %s: %w", o.Name, id, ErrFenced)
	case a.Err != "":
		return fmt.Errorf("%s on %s: %s", o.Name, id, a.Err)
	}
	return nil
}

// hearAnswer brings an answer to who waits for it; nobody does any more when the run has gone on elsewhere.
func (g *Gate) hearAnswer(id string, data []byte) {
	var a Answer
	if err := json.Unmarshal(data, &a); err != nil {
		g.o.Log.Warn("answer not understood", "node", id, "bytes", len(data), "err", err)
		return
	}
	g.mu.Lock()
	waiting := g.calls[callKey(id, a.Key, a.Epoch)]
	g.mu.Unlock()
	if waiting == nil {
		return
	}
	select {
	case waiting <- a:
	default: // it was answered before
	}
}

// doer does node.do.
type doer struct{ g *Gate }

// Timeout implements [run.Timed].
func (x doer) Timeout(c run.Call) time.Duration {
	var d Do
	if err := json.Unmarshal(c.Args, &d); err != nil || d.Wait <= 0 {
		return x.g.o.Patience
	}
	return d.Wait
}

// Do implements [run.Executor].
func (x doer) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var d Do
	if err := json.Unmarshal(c.Args, &d); err != nil {
		return run.Result{}, fmt.Errorf("arguments of %s: %w", KindDo, err)
	}
	a, err := x.g.Call(ctx, c.Node, Order{Key: c.Key, Run: c.Run, Epoch: c.Epoch, Name: d.Name, Args: d.Args})
	if err != nil {
		return run.Result{}, err
	}
	say := d.Say
	if say == "" {
		say = d.Name + " is done on " + c.Node
	}
	return run.Result{Say: say, Data: a.Data}, nil
}
