package enrol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
)

// The kinds of steps that this package's executors carry out.
const (
	KindRegister   = "icinga.register"
	KindUnregister = "icinga.unregister"
	KindPrune      = "icinga.prune"
)

// NodeArgs are the arguments of the steps about one node.
type NodeArgs struct {
	Node string `json:"node"`
}

// Executors returns the executors by the kind of their steps.
func (e *Enrol) Executors() map[string]run.Executor {
	return map[string]run.Executor{KindRegister: registrar{e}, KindUnregister: unregistrar{e}, KindPrune: pruner{e}}
}

// Added returns the steps that follow the adding of a node.
func (e *Enrol) Added(_ context.Context, n actions.Node) ([]actions.Step, []string, error) {
	if !e.On() {
		return nil, []string{"it is not registered in Icinga2: icinga.register is off"}, nil
	}
	return []actions.Step{{Kind: KindRegister, Key: "icinga/node/" + n.Name, Args: actions.Encode(NodeArgs{n.Name}), Say: "let Icinga2 watch " + n.Name}}, nil, nil
}

// Removed returns the steps that follow the removal of a node.
func (e *Enrol) Removed(ctx context.Context, n actions.Node) ([]actions.Step, []string, error) {
	if !e.On() {
		return nil, []string{"what Icinga2 holds of it stays: icinga.register is off"}, nil
	}
	have, err := e.owned(ctx)
	if err != nil {
		return nil, nil, err
	}
	mine := 0
	for _, o := range have {
		if o.Host == n.Name && o.Owner == e.opt.Owner {
			mine++
		}
	}
	notes := []string{"Icinga2 forgets it with its history, its comments and its downtimes: that cannot be taken back"}
	if mine == 0 {
		notes = []string{"Icinga2 holds nothing of it that is mine"}
	}
	return []actions.Step{{Kind: KindUnregister, Key: "icinga/node/" + n.Name, Args: actions.Encode(NodeArgs{n.Name}), Say: "let Icinga2 forget " + n.Name}}, notes, nil
}

func argsOf(kind string, c run.Call, args any) error {
	if err := json.Unmarshal(c.Args, args); err != nil {
		return fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return nil
}

// register makes what is wanted of a node, and says what is there then.
func (e *Enrol) register(ctx context.Context, node string) (string, error) {
	e.working.Lock()
	defer e.working.Unlock()
	delete(e.leaving, node)
	r, err := e.pass(ctx, node)
	switch {
	case errors.Is(err, errOff):
		return node + ": " + errOff.Error(), nil
	case err != nil && fatal(ctx, err) && ctx.Err() == nil:
		e.Kick()
		return fmt.Sprintf("%s is registered as soon as Icinga2 lets me: %v", node, err), nil
	case err != nil:
		return "", err
	case len(r.Failed) > 0 || r.Reloaded:
		return "", actions.Temporary{Err: fmt.Errorf("register %s: %v", node, append(r.Failed, "read back, it is not as it should be"))}
	case len(r.Spoilt) > 0:
		return node + " is registered in part: " + r.Spoilt[0], nil
	case len(r.Missing) > 0:
		return node + " is not registered: " + r.String(), nil
	case len(r.Foreign) > 0:
		return node + " is watched by what others have made in Icinga2: " + r.Foreign[0], nil
	}
	return fmt.Sprintf("Icinga2 watches %s: %s", node, things(r.Wanted)), nil
}

// things says "the host", or "the host and 3 services".
func things(n int) string {
	switch n {
	case 1:
		return "the host"
	case 2:
		return "the host and 1 service"
	}
	return fmt.Sprintf("the host and %d services", n-1)
}

// unregister removes what is ours of a node, and proves that it is gone.
func (e *Enrol) unregister(ctx context.Context, node string) (string, error) {
	e.working.Lock()
	defer e.working.Unlock()
	if !e.On() {
		return node + ": " + errOff.Error(), nil
	}
	e.leaving[node] = time.Now()
	have, err := e.owned(ctx)
	if err != nil {
		return "", again(err)
	}
	n := 0
	for i := len(have) - 1; i >= 0; i-- { // services come behind the hosts, and go first
		o := have[i]
		if o.Host != node || o.Owner != e.opt.Owner {
			continue
		}
		if err := e.opt.Icinga.Delete(ctx, o.Host, o.Service); err != nil {
			return "", again(err)
		}
		n++
	}
	if n == 0 {
		return "Icinga2 holds nothing of " + node + " that is mine", nil
	}
	have, err = e.owned(ctx)
	if err != nil {
		return "", again(err)
	}
	for _, o := range have {
		if o.Host == node && o.Owner == e.opt.Owner {
			return "", actions.Temporary{Err: fmt.Errorf("%s is still there when it is read back", o.Name())}
		}
	}
	return fmt.Sprintf("Icinga2 has forgotten %s: %s", node, things(n)), nil
}

// registrar does icinga.register.
type registrar struct{ e *Enrol }

// Do implements [run.Executor]. An Icinga2 that is away does not keep a node out of the inventory: the loop registers it later.
func (x registrar) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var args NodeArgs
	if err := argsOf(KindRegister, c, &args); err != nil {
		return run.Result{}, err
	}
	say, err := x.e.register(ctx, args.Node)
	return run.Result{Say: say}, err
}

// Undo implements [run.Undoer].
func (x registrar) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	var args NodeArgs
	if err := argsOf(KindRegister, c, &args); err != nil {
		return run.Result{}, err
	}
	say, err := x.e.unregister(ctx, args.Node)
	return run.Result{Say: say}, err
}

// unregistrar does icinga.unregister.
type unregistrar struct{ e *Enrol }

// Do implements [run.Executor].
func (x unregistrar) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var args NodeArgs
	if err := argsOf(KindUnregister, c, &args); err != nil {
		return run.Result{}, err
	}
	say, err := x.e.unregister(ctx, args.Node)
	return run.Result{Say: say}, err
}

// Undo implements [run.Undoer]. The node is watched again once it is in the inventory again, which is what an undo does next.
func (x unregistrar) Undo(_ context.Context, c run.Call, _ run.Result) (run.Result, error) {
	var args NodeArgs
	if err := argsOf(KindUnregister, c, &args); err != nil {
		return run.Result{}, err
	}
	x.e.working.Lock()
	delete(x.e.leaving, args.Node)
	x.e.working.Unlock()
	x.e.Kick()
	return run.Result{Say: args.Node + " is registered again when it is in the inventory; its history is lost"}, nil
}
