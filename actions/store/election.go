package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// LeaderTTL is how long a role stays taken after its leader died without a word. The holder renews after a third of it.
const LeaderTTL = 3 * time.Second

// leaderMargin is how long before the end of its key a leader that cannot renew steps down by itself.
const leaderMargin = LeaderTTL / 6

// Elections is a Leader made of keys with an end, one key per role. Both implementations of Store use it.
type Elections struct {
	keys   KV
	closed <-chan struct{}
	terms  sync.WaitGroup

	mu   sync.Mutex
	live map[*term]bool
}

// NewElections returns elections over keys, which must be the bucket Leaders. Terms end when closed is.
func NewElections(keys KV, closed <-chan struct{}) *Elections {
	return &Elections{keys: keys, closed: closed, live: map[*term]bool{}}
}

// Resign ends all terms, so that other processes need not wait for the ends of their keys. What cannot be freed in time frees itself.
func (e *Elections) Resign(ctx context.Context) {
	e.mu.Lock()
	terms := slices.Collect(maps.Keys(e.live))
	e.mu.Unlock()
	for _, t := range terms {
		_ = t.Resign(ctx) // the key ends by itself
	}
}

// Wait blocks until the goroutines of all terms have ended, which they do soon after closed.
func (e *Elections) Wait() { e.terms.Wait() }

// candidate is the value of a role's key. The nonce tells this term from an earlier one of the same owner.
type candidate struct {
	Owner string `json:"owner"`
	Nonce string `json:"nonce"`
}

// Campaign implements Leader.
func (e *Elections) Campaign(ctx context.Context, role, owner string) (Term, error) {
	value, err := json.Marshal(candidate{Owner: owner, Nonce: rand.Text()})
	if err != nil {
		return nil, fmt.Errorf("campaign for %s: %w", role, err)
	}
	for {
		sent := time.Now()
		revision, err := e.stand(ctx, role, value)
		if err == nil && time.Since(sent) < LeaderTTL-leaderMargin {
			return e.begin(role, value, revision, sent), nil
		}
		if errors.Is(err, ErrConflict) {
			err = e.vacancy(ctx, role)
		} else if err == nil || errors.Is(err, ErrUnknown) { // too late to be sure, or unheard: look again
			err = e.breathe(ctx)
		}
		if errors.Is(err, ErrUnknown) {
			err = e.breathe(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("campaign for %s: %w", role, err)
		}
	}
}

// breathe waits a little before the next try.
func (e *Elections) breathe(ctx context.Context) error {
	if !pause(ctx, LeaderTTL/12) {
		return context.Cause(ctx)
	}
	return nil
}

// stand tries once to take the role.
func (e *Elections) stand(ctx context.Context, role string, value []byte) (uint64, error) {
	revision, err := e.keys.CreateFor(ctx, role, value, LeaderTTL)
	if err == nil || !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict) {
		return revision, err
	}
	have, readErr := e.keys.Get(ctx, role)
	if readErr == nil && bytes.Equal(have.Value, value) {
		// An earlier try of ours did arrive. Renewing it counts the end from now, as the caller does.
		return e.keys.UpdateFor(ctx, role, value, have.Revision, LeaderTTL)
	}
	return 0, err
}

// vacancy waits until the role is free or might be.
func (e *Elections) vacancy(ctx context.Context, role string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*LeaderTTL)
	defer cancel()
	changes, err := e.keys.Watch(ctx, role)
	if err != nil {
		return err
	}
	held := false
	for change := range changes {
		switch {
		case change.Key == role && !change.Deleted:
			held = true
		case change.Key == role, change.Key == "" && !held:
			return nil
		}
	}
	select {
	case <-e.closed:
		return ErrClosed
	default:
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	return context.Cause(ctx)
}

// begin starts the term's renewal.
func (e *Elections) begin(role string, value []byte, revision uint64, sent time.Time) *term {
	ctx, cancel := context.WithCancel(context.Background())
	t := &term{keys: e.keys, role: role, value: value, revision: revision, done: make(chan struct{}), stop: cancel, stopped: make(chan struct{})}
	e.mu.Lock()
	e.live[t] = true
	e.mu.Unlock()
	e.terms.Go(func() {
		defer close(t.stopped)
		defer func() {
			e.mu.Lock()
			delete(e.live, t)
			e.mu.Unlock()
		}()
		defer close(t.done)
		defer cancel()
		t.renew(ctx, e.closed, sent)
	})
	return t
}

// term is a time of leading; its revision belongs to the renewing goroutine until stopped is closed.
type term struct {
	keys          KV
	role          string
	value         []byte
	revision      uint64
	done, stopped chan struct{}
	stop          context.CancelFunc
}

// Done implements Term.
func (t *term) Done() <-chan struct{} { return t.done }

// Resign implements Term. It ends the term first and frees the role afterwards.
func (t *term) Resign(ctx context.Context) error {
	t.stop()
	<-t.stopped
	err := t.keys.Delete(ctx, t.role, t.revision)
	if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("resign from %s: %w", t.role, err)
	}
	return nil
}

// renew keeps the key alive and returns when the term is over: the key is lost, cannot be renewed in time, or ctx or closed ended.
// The end counts from the sending of the last good renewal, since the server's clock for the key starts no earlier.
func (t *term) renew(ctx context.Context, closed <-chan struct{}, sent time.Time) {
	wait := LeaderTTL / 3
	for {
		tick := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-closed:
		case <-tick.C:
		}
		tick.Stop()
		now := time.Now()
		end := sent.Add(LeaderTTL - leaderMargin)
		if ctx.Err() != nil || isClosed(closed) || !now.Before(end) {
			return
		}
		held, good := t.renewOnce(ctx, end)
		if !held {
			return
		}
		if wait = LeaderTTL / 12; good {
			sent, wait = now, LeaderTTL/3
		}
	}
}

// renewOnce tries one renewal before end. held says that the term goes on, good that the renewal happened.
func (t *term) renewOnce(ctx context.Context, end time.Time) (held, good bool) {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	revision, err := t.keys.UpdateFor(ctx, t.role, t.value, t.revision, LeaderTTL)
	if err == nil {
		t.revision = revision
		return true, true
	}
	have, readErr := t.keys.Get(ctx, t.role)
	switch {
	case readErr == nil && bytes.Equal(have.Value, t.value):
		t.revision = have.Revision
		return true, false
	case readErr == nil, errors.Is(readErr, ErrNotFound), errors.Is(readErr, ErrClosed):
		return false, false
	}
	return true, false
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
