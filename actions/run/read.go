package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// decodeRun reads a journal. One that a newer program wrote is left alone, since half of it would be lost.
func decodeRun(have store.Entry) (actions.Run, error) {
	var r actions.Run
	err := json.Unmarshal(have.Value, &r)
	if r.Schema > actions.RunSchema {
		return actions.Run{}, fmt.Errorf("journal of %s has schema %d, this program reads up to %d: %w", have.Key, r.Schema, actions.RunSchema, ErrNewer)
	}
	if err != nil {
		return actions.Run{}, fmt.Errorf("journal of %s: %w", have.Key, err)
	}
	return r, nil
}

// Final tells of all entries of one run, as the store hands them to its sweep, whether the run is over. One that cannot be read is not.
func Final(entries []store.Entry) bool {
	for _, have := range entries {
		if sequenceOf(have.Key) != 0 {
			r, err := decodeRun(have)
			return err == nil && r.State.Final()
		}
	}
	return false
}

// noRun is the error for people about a run that does not exist. It is a store.ErrNotFound for those who branch.
type noRun struct{ id string }

// Error says what to do next.
func (n noRun) Error() string {
	return fmt.Sprintf("there is no run %s; \"runs\" shows the newest", n.id)
}

// Unwrap returns store.ErrNotFound.
func (n noRun) Unwrap() error { return store.ErrNotFound }

// Get returns a run with all its outcomes, or store.ErrNotFound. A run that was accepted here and not begun yet has Epoch 0.
func (e *Engine) Get(ctx context.Context, id string) (actions.Run, error) {
	r, _, err := e.get(ctx, id)
	return r, err
}

func (e *Engine) get(ctx context.Context, id string) (actions.Run, uint64, error) {
	if sequenceOf(id) == 0 {
		return actions.Run{}, 0, fmt.Errorf("run %.40q: want r- and a number: %w", id, store.ErrNotFound)
	}
	fresh, ok := e.feed.expected(id) // before the store: it is forgotten as soon as the journal is there
	have, err := read(ctx, e.runs, id)
	switch {
	case ok && errors.Is(err, store.ErrNotFound):
		return fresh, 0, nil
	case errors.Is(err, store.ErrNotFound):
		return actions.Run{}, 0, noRun{id}
	case err != nil:
		return actions.Run{}, 0, fmt.Errorf("run %s: %w", id, err)
	}
	r, err := e.whole(ctx, have)
	return r, have.Revision, err
}

// whole decodes a journal and adds the outcomes that live in keys of their own, in the order of the plan; of two for the same act the one that
// counts. Outcomes of steps taken back follow those of doing them.
func (e *Engine) whole(ctx context.Context, have store.Entry) (actions.Run, error) {
	r, err := decodeRun(have)
	if err != nil || !r.Wide {
		return r, err
	}
	all, err := e.facts(ctx, r.ID)
	if err != nil {
		return r, err
	}
	t := newTrack(r.Plan, e.undoes)
	for _, o := range r.Outcomes {
		t.add(o, r.UndoFrom)
	}
	for _, f := range all {
		for _, o := range f.Outcomes {
			t.add(o, r.UndoFrom)
		}
	}
	r.Outcomes = t.outcomes()
	return r, nil
}

// Filter chooses runs. Its zero value chooses all.
type Filter struct {
	State actions.State
	Node  string
	Limit int // 0 is no limit
}

// matches tells whether a run is chosen.
func (f Filter) matches(r actions.Run) bool {
	if f.State != "" && r.State != f.State {
		return false
	}
	if f.Node == "" {
		return true
	}
	for _, g := range r.Plan.Groups {
		if slices.Contains(g.Nodes, f.Node) {
			return true
		}
	}
	return false
}

// List returns runs, the newest first. Outcomes that live in keys of their own are not in them; Get has them.
func (e *Engine) List(ctx context.Context, f Filter) ([]actions.Run, error) {
	newest, ok := e.feed.newest()
	if !ok {
		return e.listAll(ctx, f)
	}
	var out []actions.Run
	for n := newest; n > 0 && (f.Limit == 0 || len(out) < f.Limit); n-- {
		have, err := read(ctx, e.runs, runID(n))
		if errors.Is(err, store.ErrNotFound) {
			continue // not every message of the queue is a run
		}
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		r, err := decodeRun(have)
		if err == nil && f.matches(r) {
			out = append(out, r)
		}
	}
	return out, nil
}

// listAll is List before the watch has told which run is the newest: it reads the whole bucket.
func (e *Engine) listAll(ctx context.Context, f Filter) ([]actions.Run, error) {
	entries, err := e.runs.List(ctx, "r-")
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var out []actions.Run
	for _, have := range entries {
		if strings.Contains(have.Key, ".") {
			continue
		}
		if r, err := decodeRun(have); err == nil && f.matches(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b actions.Run) int { return cmp.Compare(sequenceOf(b.ID), sequenceOf(a.ID)) })
	if f.Limit > 0 {
		out = out[:min(len(out), f.Limit)]
	}
	return out, nil
}
