package teach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// KindKeep is the kind of the step that keeps a phrase; its arguments are a [Taught].
const KindKeep = "teach.keep"

// Executors returns the executors by the kind of their steps.
func (t *Teacher) Executors() map[string]run.Executor {
	return map[string]run.Executor{KindKeep: keeper{t}}
}

// keeper keeps a phrase, and forgets it again.
type keeper struct{ t *Teacher }

// markOf is the same for Do and Undo of one step.
func markOf(c run.Call) string { return fmt.Sprintf("%s/%d", c.Run, c.Step) }

func argsOf(c run.Call) (Taught, error) {
	var p Taught
	if err := json.Unmarshal(c.Args, &p); err != nil {
		return p, fmt.Errorf("arguments of %s: %w", KindKeep, err)
	}
	p.Mark = markOf(c)
	return p, nil
}

// Do implements [run.Executor]. The phrase is looked at again: others may have been taught since the plan was made.
func (x keeper) Do(ctx context.Context, c run.Call) (run.Result, error) {
	p, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	done := run.Result{Say: fmt.Sprintf("%q means %s from now on", p.Text, p.Intent)}
	have, revision, err := x.read(ctx, p.Text)
	switch {
	case err != nil:
		return run.Result{}, err
	case revision != 0 && have.Mark == p.Mark:
		return done, x.t.refresh(ctx)
	case revision != 0:
		return run.Result{}, fmt.Errorf("%q means %s already, taught by %s", have.Text, have.Intent, have.By)
	}
	if err := x.t.opt.Lint(ctx, append(x.t.Taught(), p)); err != nil {
		return run.Result{}, fmt.Errorf("teach %q as %s: %w", p.Text, p.Intent, err)
	}
	p.Since = x.t.opt.Now().UTC().Truncate(1e9)
	if _, err := store.CreateSure(ctx, x.t.opt.KV, keyOf(p.Text), actions.Encode(p)); err != nil {
		return run.Result{}, again(fmt.Errorf("keep %q: %w", p.Text, err))
	}
	return done, x.t.refresh(ctx)
}

// Undo implements [run.Undoer]. It forgets what this step kept, and nothing else.
func (x keeper) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	p, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	have, revision, err := x.read(ctx, p.Text)
	switch {
	case err != nil:
		return run.Result{}, err
	case revision == 0:
		return run.Result{Say: fmt.Sprintf("%q is forgotten already", p.Text)}, x.t.refresh(ctx)
	case have.Mark != p.Mark:
		return run.Result{}, fmt.Errorf("%q was taught anew by %s since; it stays", have.Text, have.By)
	}
	if err := x.t.opt.KV.Delete(ctx, keyOf(p.Text), revision); err != nil {
		return run.Result{}, again(fmt.Errorf("forget %q: %w", p.Text, err))
	}
	return run.Result{Say: fmt.Sprintf("%q is forgotten", p.Text)}, x.t.refresh(ctx)
}

func (x keeper) read(ctx context.Context, text string) (Taught, uint64, error) {
	var p Taught
	entry, err := x.t.opt.KV.Get(ctx, keyOf(text))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return p, 0, nil
	case err != nil:
		return p, 0, again(fmt.Errorf("look up %q: %w", text, err))
	}
	if err := json.Unmarshal(entry.Value, &p); err != nil {
		return p, 0, fmt.Errorf("read what %q was taught as: %w", text, err)
	}
	return p, entry.Revision, nil
}

// refresh makes what is kept count at once, not only when the watch tells of it.
func (t *Teacher) refresh(ctx context.Context) error {
	if err := t.Load(ctx); err != nil {
		return again(err)
	}
	t.opt.Changed(ctx)
	return nil
}

// again marks what the store could not do as worth another try.
func again(err error) error {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrClosed) {
		return actions.Temporary{Err: err}
	}
	return err
}
