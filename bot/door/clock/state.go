package clock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// prefix is of the keys in the bucket of guards, one for each job.
const prefix = "clock."

// patience bounds one access to the store.
const patience = 10 * time.Second

// state is what all replicas know of a job. Times are Unix seconds.
type state struct {
	Spec    string `json:"spec"`              // that the rest is of
	Anchor  int64  `json:"anchor,omitempty"`  // when the job was first seen: @every counts from it
	Last    int64  `json:"last,omitempty"`    // the last tick that was claimed
	By      string `json:"by,omitempty"`      // who claimed it
	Claimed int64  `json:"claimed,omitempty"` // when
	Said    bool   `json:"said,omitempty"`    // and whether it is dealt with
	Outcome string `json:"outcome,omitempty"`
}

// said tells whether nothing is owed.
func (s state) said() bool { return s.Last == 0 || s.Said }

// read returns the state of a job, and revision 0 where there is none. A state that nobody can read is replaced.
func (c *Clock) read(ctx context.Context, name string) (state, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e, err := c.opt.KV.Get(ctx, prefix+name)
	if errors.Is(err, store.ErrNotFound) {
		return state{}, 0, nil
	}
	if err != nil {
		return state{}, 0, fmt.Errorf("read %s: %w", prefix+name, err)
	}
	return c.decode(e), e.Revision, nil
}

func (c *Clock) decode(e store.Entry) state {
	var s state
	if err := json.Unmarshal(e.Value, &s); err != nil {
		c.opt.Log.Error("state of a job is spoilt and begins anew", "key", e.Key, "err", err)
		return state{}
	}
	return s
}

// write replaces the state that has that revision.
func (c *Clock) write(ctx context.Context, name string, s state, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if revision == 0 {
		return store.CreateSure(ctx, c.opt.KV, prefix+name, actions.Encode(s))
	}
	return store.UpdateSure(ctx, c.opt.KV, prefix+name, actions.Encode(s), revision)
}

// drop removes the state of a job that is gone. Another replica that still has the job makes it anew.
func (c *Clock) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, revision, err := c.read(ctx, name)
	if err != nil || revision == 0 {
		return err
	}
	if err := c.opt.KV.Delete(ctx, prefix+name, revision); err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("remove %s: %w", prefix+name, err)
	}
	return nil
}
