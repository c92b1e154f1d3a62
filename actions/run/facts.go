package run

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// facts is the value of a key <run>.<phase>.<epoch>.<number>: outcomes that have no room in the journal. Such keys are only ever created. That
// makes them cheap and harmless: an owner who has lost the run may still leave one, and the higher epoch counts.
type facts struct {
	Schema   int               `json:"schema"`
	Group    int               `json:"group"`
	Cursor   int               `json:"cursor"` // nodes of that group that may have been begun
	Outcomes []actions.Outcome `json:"outcomes,omitempty"`
}

// The phases in the names of such keys, for people who look into the bucket.
const (
	doing   = "do"
	undoing = "undo"
)

// append stores outcomes in keys of their own, as few as their size allows. It looks first whether the run is still this owner's.
func (j *journal) append(ctx context.Context, f facts, id string, epoch uint64, outs []actions.Outcome) error {
	if err := j.owned(ctx, id, epoch); err != nil {
		return err
	}
	for {
		n, size := 0, 0
		for n < len(outs) && size < batch {
			size += len(outs[n].Data) + len(outs[n].Say) + 200
			n++
		}
		f.Outcomes, outs = outs[:n], outs[n:]
		phase := doing
		if n > 0 && f.Outcomes[0].Undoing() {
			phase = undoing
		}
		j.chunks++
		key := fmt.Sprintf("%s.%s.%d.%06d", id, phase, epoch, j.chunks)
		if _, err := store.CreateSure(ctx, j.e.runs, key, actions.Encode(f)); err != nil {
			return fmt.Errorf("outcomes of %s: %w", id, err)
		}
		if len(outs) == 0 {
			return nil
		}
	}
}

// owned returns errFenced when another one has claimed the run.
func (j *journal) owned(ctx context.Context, id string, epoch uint64) error {
	if j.revision == 0 {
		return nil
	}
	have, err := read(ctx, j.e.runs, id)
	if err != nil {
		return err
	}
	if have.Revision != j.revision {
		return fmt.Errorf("journal of %s has revision %d, epoch %d wrote %d: %w", id, have.Revision, epoch, j.revision, errFenced)
	}
	return nil
}

// load reads a run from the store as its next owner needs it.
func (e *Engine) load(ctx context.Context, id string) (*journal, error) {
	have, err := read(ctx, e.runs, id)
	if err != nil {
		return nil, err
	}
	r, err := decodeRun(have)
	if err != nil {
		return nil, err
	}
	j := &journal{e: e, run: r, track: newTrack(r.Plan, e.undoes), writing: make(chan struct{}, 1), revision: have.Revision, marked: r.Cursor}
	for _, o := range r.Outcomes {
		j.track.add(o, r.UndoFrom)
	}
	if !r.Wide {
		return j, nil
	}
	all, err := e.facts(ctx, id)
	for _, f := range all {
		if f.Group == r.Group && r.State == actions.Running {
			j.run.Cursor = max(j.run.Cursor, f.Cursor)
		}
		for _, o := range f.Outcomes {
			j.track.add(o, r.UndoFrom)
		}
	}
	return j, err
}

// facts reads the outcomes that live in keys of their own.
func (e *Engine) facts(ctx context.Context, id string) ([]facts, error) {
	var entries []store.Entry
	err := insist(ctx, func() (err error) {
		entries, err = e.runs.List(ctx, id+".")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outcomes of %s: %w", id, err)
	}
	var out []facts
	for _, entry := range entries {
		if entry.Key == controlKey(id) {
			continue
		}
		var f facts
		if err := json.Unmarshal(entry.Value, &f); err != nil {
			return nil, fmt.Errorf("outcomes %s: %w", entry.Key, err)
		}
		if f.Schema > actions.RunSchema {
			return nil, fmt.Errorf("outcomes %s have schema %d, this program reads up to %d: %w", entry.Key, f.Schema, actions.RunSchema, ErrNewer)
		}
		out = append(out, f)
	}
	return out, nil
}
