package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
)

// The kinds of steps that this package's executors carry out. Their arguments are a [Job].
const (
	KindPut    = "job.put"
	KindRemove = "job.remove"
)

// Executors returns the executors by the kind of their steps.
func (s *Store) Executors() map[string]run.Executor {
	return map[string]run.Executor{KindPut: putter{s}, KindRemove: remover{s}}
}

// again marks what the store could not do as worth another try.
func again(err error) error {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrConflict) {
		return actions.Temporary{Err: err}
	}
	return err
}

func argsOf(kind string, c run.Call) (Job, error) {
	var j Job
	if err := json.Unmarshal(c.Args, &j); err != nil {
		return j, fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return j, CheckName(j.Name)
}

// create puts a job where there is none. One with the same mark is the same job.
func (s *Store) create(ctx context.Context, j Job) error {
	have, revision, err := s.read(ctx, j.Name)
	switch {
	case err != nil:
		return again(err)
	case revision != 0 && have.Mark == j.Mark:
		return nil
	case revision != 0:
		return fmt.Errorf("there is a job %s already, of %s: %s at %s", j.Name, have.Owner, have.Do, have.At)
	}
	if _, err := s.opt.KV.Create(ctx, prefix+j.Name, actions.Encode(j)); err != nil {
		return again(fmt.Errorf("keep job %s: %w", j.Name, err))
	}
	return nil
}

// remove deletes a job if it still has that mark. It tells whether there was one.
func (s *Store) remove(ctx context.Context, name, mark string) (bool, error) {
	have, revision, err := s.read(ctx, name)
	switch {
	case err != nil:
		return false, again(err)
	case revision == 0:
		return false, nil
	case have.Mark != mark:
		return false, fmt.Errorf("job %s is another one now, of %s: %s at %s; it stays", name, have.Owner, have.Do, have.At)
	}
	if err := s.opt.KV.Delete(ctx, prefix+name, revision); err != nil {
		return false, again(fmt.Errorf("remove job %s: %w", name, err))
	}
	return true, nil
}

// putter does job.put.
type putter struct{ s *Store }

// Do implements [run.Executor].
func (x putter) Do(ctx context.Context, c run.Call) (run.Result, error) {
	j, err := argsOf(KindPut, c)
	if err != nil {
		return run.Result{}, err
	}
	if f, ok := x.s.Find(j.Name); ok && f.Source == File {
		return run.Result{}, fmt.Errorf("the configuration file has a job %s now; take another name", j.Name)
	}
	j.Mark, j.Since = markOf(c), x.s.opt.Now().UTC().Truncate(1e9)
	if err := x.s.create(ctx, j); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "job " + j.Name + " is on the clock: " + j.Do + " at " + j.At}, nil
}

// Undo implements [run.Undoer]. It removes the job that this step made, and no other.
func (x putter) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	j, err := argsOf(KindPut, c)
	if err != nil {
		return run.Result{}, err
	}
	was, err := x.s.remove(ctx, j.Name, markOf(c))
	if err != nil {
		return run.Result{}, err
	}
	if !was {
		return run.Result{Say: "job " + j.Name + " is gone already"}, nil
	}
	return run.Result{Say: "removed job " + j.Name}, nil
}

// markOf is the same for Do and Undo of one step.
func markOf(c run.Call) string { return fmt.Sprintf("%s/%d", c.Run, c.Step) }

// remover does job.remove.
type remover struct{ s *Store }

// Do implements [run.Executor].
func (x remover) Do(ctx context.Context, c run.Call) (run.Result, error) {
	j, err := argsOf(KindRemove, c)
	if err != nil {
		return run.Result{}, err
	}
	if _, err := x.s.remove(ctx, j.Name, j.Mark); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "job " + j.Name + " is off the clock"}, nil
}

// Undo implements [run.Undoer]. The job comes back and counts from now: what it would have said meanwhile is not made up for.
func (x remover) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	j, err := argsOf(KindRemove, c)
	if err != nil {
		return run.Result{}, err
	}
	j.Since = x.s.opt.Now().UTC().Truncate(1e9)
	if err := x.s.create(ctx, j); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "job " + j.Name + " is on the clock again"}, nil
}
