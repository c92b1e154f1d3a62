package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// observeKey is where the meta bucket holds ImportInfo.
const observeKey = "observe"

// ImportInfo says why the store only observes, and who ended that.
type ImportInfo struct {
	At      time.Time   `json:"at"`              // when the incarnation began
	From    Incarnation `json:"from"`            // the incarnation that was exported or lost
	Export  time.Time   `json:"export,omitzero"` // when the export was made; zero after a loss
	Entries uint64      `json:"entries"`         // how many keys, messages, timers and records came with it
	Why     string      `json:"why"`             // a sentence for a person
	LeftBy  string      `json:"left_by,omitempty"`
	LeftAt  time.Time   `json:"left_at,omitzero"`
}

// Incarnation returns the life of the data that this is. Generations that leave the program carry its number.
func (e *Engine) Incarnation() Incarnation { return e.genesis.Incarnation }

// ObserveOnly reports whether nothing may be done yet because the data was imported or begun anew and no person has seen the difference. While
// it holds, Pull delivers nothing.
func (e *Engine) ObserveOnly(ctx context.Context) (bool, ImportInfo, error) {
	info, _, err := e.readObserve(ctx)
	if errors.Is(err, ErrNotFound) {
		return false, ImportInfo{}, nil
	}
	return err == nil && info.LeftBy == "", info, err
}

// LeaveObserveOnly lets the queue deliver from now on; by is the person who has seen the difference.
func (e *Engine) LeaveObserveOnly(ctx context.Context, by string) error {
	if by == "" {
		return errors.New("leave observe-only: name who does")
	}
	info, revision, err := e.readObserve(ctx)
	if errors.Is(err, ErrNotFound) || err == nil && info.LeftBy != "" {
		return nil
	}
	if err != nil {
		return err
	}
	info.LeftBy, info.LeftAt = by, time.Now().UTC()
	text, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("leave observe-only: %w", err)
	}
	if _, err := UpdateSure(ctx, e.meta(), observeKey, text, revision); err != nil {
		return fmt.Errorf("leave observe-only: %w", err)
	}
	e.leave()
	return nil
}

// observe makes the incarnation one that only observes.
func (e *Engine) observe(ctx context.Context, info ImportInfo) error {
	text, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("begin to observe: %w", err)
	}
	var revision uint64
	have, err := e.meta().Get(ctx, observeKey)
	if err == nil {
		revision = have.Revision
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if revision == 0 {
		_, err = CreateSure(ctx, e.meta(), observeKey, text)
	} else {
		_, err = UpdateSure(ctx, e.meta(), observeKey, text, revision)
	}
	if err != nil {
		return fmt.Errorf("begin to observe: %w", err)
	}
	return nil
}

func (e *Engine) readObserve(ctx context.Context) (ImportInfo, uint64, error) {
	var info ImportInfo
	have, err := e.meta().Get(ctx, observeKey)
	if err != nil {
		return info, 0, err
	}
	if err := json.Unmarshal(have.Value, &info); err != nil {
		return info, 0, fmt.Errorf("read %s in %s: %w", observeKey, meta, err)
	}
	return info, have.Revision, nil
}

// leave opens the queue; it may be called more than once.
func (e *Engine) leave() { e.leaveOnce.Do(func() { close(e.delivers) }) }

// watching waits until the queue delivers.
func (e *Engine) watching(ctx context.Context) error {
	select {
	case <-e.delivers:
		return nil
	default:
	}
	select {
	case <-e.delivers:
		return nil
	case <-e.wire.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newID returns 128 random bits as text.
func newID() string { return rand.Text() }
