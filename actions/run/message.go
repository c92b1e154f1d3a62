package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// message is what travels through the work queue: a plan to carry out, or a run to look at again because its time has come, because it is to
// be cancelled (the wish itself lies in the run's control key) or undone.
type message struct {
	Schema   int           `json:"schema"`
	Accepted time.Time     `json:"accepted,omitzero"`
	Plan     *actions.Plan `json:"plan,omitempty"`
	Run      string        `json:"run,omitempty"`
	Undo     *undoWish     `json:"undo,omitempty"`
}

// undoWish asks for an undo of a run as it stood at an epoch. Whoever claims the run since makes it void, so it is fulfilled once.
type undoWish struct {
	Epoch uint64 `json:"epoch"`
	By    string `json:"by"`
}

func (m message) encode() []byte {
	m.Schema = actions.RunSchema
	return actions.Encode(m)
}

func decodeMessage(data []byte) (message, error) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("queued message: %w", err)
	}
	if m.Schema > actions.RunSchema {
		return m, fmt.Errorf("queued message has schema %d, this program reads up to %d: %w", m.Schema, actions.RunSchema, ErrNewer)
	}
	if m.Plan == nil && m.Run == "" {
		return m, errors.New("queued message has neither a plan nor a run")
	}
	return m, nil
}

// cancelWish is the value of a run's control key. It stays as long as the journal.
type cancelWish struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// controlKey names the key in which a person's wish waits for the owner of a run, which looks there before each act.
func controlKey(id string) string { return id + ".ctl" }

// causeKey is the id of the accepting publish and the key in the dedupe bucket. A digest, since causes come from platforms and hold anything.
func causeKey(cause string) string {
	sum := sha256.Sum256([]byte(cause))
	return "run." + hex.EncodeToString(sum[:16])
}

// insistences bounds how often a call with an unknown outcome is repeated for a caller who waits.
const insistences = 6

// insist repeats call while its outcome is unknown, with growing pauses, about two seconds in all.
func insist(ctx context.Context, call func() error) error {
	wait := 20 * time.Millisecond
	for n := 1; ; n++ {
		err := call()
		if err == nil || !errors.Is(err, store.ErrUnknown) || n == insistences {
			return err
		}
		if !sleep(ctx, wait) {
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
		wait *= 2
	}
}

// read is Get that does not give up at the first unknown outcome.
func read(ctx context.Context, kv store.KV, key string) (store.Entry, error) {
	var out store.Entry
	err := insist(ctx, func() (err error) {
		out, err = kv.Get(ctx, key)
		return err
	})
	return out, err
}

// sleep waits and tells whether ctx still runs.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
