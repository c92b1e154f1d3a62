package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
)

// Executors returns the executors by the kind of their steps; those of what the options leave out are missing.
func (n *Nodes) Executors() map[string]run.Executor {
	out := map[string]run.Executor{}
	if n.opts.Drains != nil {
		out[KindDrain], out[KindUndrain] = drainer{n}, undrainer{n}
	}
	if n.opts.Store == nil {
		return out
	}
	out[KindPut], out[KindDrop] = putter{n}, dropper{n}
	if n.opts.Forget != nil && n.opts.Recall != nil {
		out[KindForget] = forgetter{n}
	}
	return out
}

func argsOf(kind string, c run.Call) (Record, error) {
	var r Record
	if err := json.Unmarshal(c.Args, &r); err != nil {
		return r, fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return r, nil
}

// markOf is the same for Do and Undo of one step.
func markOf(c run.Call) string { return fmt.Sprintf("%s/%d", c.Run, c.Step) }

// known proves that the desk and everybody else know the node, or no longer do.
func (n *Nodes) known(ctx context.Context, name string, want bool) error {
	if n.opts.World == nil {
		return nil
	}
	all, err := n.opts.World.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("read the inventory back: %w", err)
	}
	for _, nd := range all {
		if nd.Name == name {
			if want {
				return nil
			}
			return actions.Temporary{Err: fmt.Errorf("%s is still in the inventory when it is read back", name)}
		}
	}
	if want {
		return actions.Temporary{Err: fmt.Errorf("%s is not in the inventory when it is read back", name)}
	}
	return nil
}

// putter does node.put.
type putter struct{ n *Nodes }

// Do implements [run.Executor].
func (x putter) Do(ctx context.Context, c run.Call) (run.Result, error) {
	r, err := argsOf(KindPut, c)
	if err != nil {
		return run.Result{}, err
	}
	r.Mark, r.Since = markOf(c), x.n.opts.Now().UTC().Truncate(1e9)
	if err := x.n.opts.Store.put(ctx, r); err != nil {
		return run.Result{}, err
	}
	say := append([]string{r.Name + " is in the inventory: " + where(r.Node)}, x.n.lacks(r.Name)...)
	return run.Result{Say: strings.Join(say, "; ")}, nil
}

// Verify implements [run.Verifier].
func (x putter) Verify(ctx context.Context, c run.Call, _ run.Result) error {
	r, err := argsOf(KindPut, c)
	if err != nil {
		return err
	}
	return x.n.known(ctx, r.Name, true)
}

// Undo implements [run.Undoer]. It takes out the node that this step put in, and no other; not while somebody refers to it.
func (x putter) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	r, err := argsOf(KindPut, c)
	if err != nil {
		return run.Result{}, err
	}
	if x.n.opts.World != nil {
		if err := x.n.unused(ctx, x.n.opts.World, r.Node); err != nil {
			return run.Result{}, err
		}
	}
	was, err := x.n.opts.Store.drop(ctx, r.Name, markOf(c))
	if err != nil {
		return run.Result{}, err
	}
	if !was {
		return run.Result{Say: r.Name + " is gone already"}, nil
	}
	return run.Result{Say: "took " + r.Name + " out of the inventory"}, nil
}

// dropper does node.drop.
type dropper struct{ n *Nodes }

// Do implements [run.Executor].
func (x dropper) Do(ctx context.Context, c run.Call) (run.Result, error) {
	r, err := argsOf(KindDrop, c)
	if err != nil {
		return run.Result{}, err
	}
	if _, err := x.n.opts.Store.drop(ctx, r.Name, r.Mark); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: r.Name + " is out of the inventory"}, nil
}

// Verify implements [run.Verifier].
func (x dropper) Verify(ctx context.Context, c run.Call, _ run.Result) error {
	r, err := argsOf(KindDrop, c)
	if err != nil {
		return err
	}
	return x.n.known(ctx, r.Name, false)
}

// Undo implements [run.Undoer]. The node comes back as it was.
func (x dropper) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	r, err := argsOf(KindDrop, c)
	if err != nil {
		return run.Result{}, err
	}
	if err := x.n.opts.Store.put(ctx, r); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: r.Name + " is in the inventory again"}, nil
}

// forgetter does node.forget.
type forgetter struct{ n *Nodes }

// Do implements [run.Executor].
func (x forgetter) Do(ctx context.Context, c run.Call) (run.Result, error) {
	r, err := argsOf(KindForget, c)
	if err != nil {
		return run.Result{}, err
	}
	if err := x.n.opts.Forget(ctx, r.Name); err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: r.Name + " is forgotten"}, nil
}

// Verify implements [run.Verifier].
func (x forgetter) Verify(ctx context.Context, c run.Call, _ run.Result) error {
	r, err := argsOf(KindForget, c)
	if err != nil {
		return err
	}
	return x.n.known(ctx, r.Name, false)
}

// Undo implements [run.Undoer]. The node is an orphan again.
func (x forgetter) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	r, err := argsOf(KindForget, c)
	if err != nil {
		return run.Result{}, err
	}
	if err := x.n.opts.Recall(ctx, r.Node); err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: r.Name + " is kept as an orphan again"}, nil
}
