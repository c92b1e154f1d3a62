package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long Follow waits before it watches again: at first after a break, at most, and how long a watch must have held to count as a first one.
const (
	followFirst  = time.Second
	followMost   = time.Minute
	followSteady = time.Minute
)

// Follower is told what the keys are that Follow follows. Its functions are called one after another.
type Follower struct {
	// Whole is told everything that is there, at the start and again after each break of the watch: what it does not name is gone.
	Whole func(all []Entry)
	// Change is told every change since, deletions included.
	Change func(Entry)
	// Broke is told that the watch broke off, and how long it is until the next one; nil for nobody.
	Broke func(err error, wait time.Duration)
}

// Follow keeps f up to date with the keys of kv that begin with prefix, also by what other replicas change, until ctx ends. A watch that breaks off is begun
// again, for ever: what changed meanwhile comes with the next Whole.
func Follow(ctx context.Context, kv KV, prefix string, f Follower) {
	for wait := followFirst; ; wait = min(2*wait, followMost) {
		began := time.Now()
		err := watchOnce(ctx, kv, prefix, f)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > followSteady {
			wait = followFirst
		}
		if f.Broke != nil {
			f.Broke(err, wait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// watchOnce tells f of one watch until it breaks off.
func watchOnce(ctx context.Context, kv KV, prefix string, f Follower) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	entries, err := kv.Watch(ctx, prefix)
	if err != nil {
		return fmt.Errorf("watch %q: %w", prefix, err)
	}
	var all []Entry
	whole := false
	for e := range entries {
		switch {
		case whole:
			f.Change(e)
		case e.Key == "": // that is all that there is
			f.Whole(all)
			whole, all = true, nil
		case !e.Deleted:
			all = append(all, e)
		}
	}
	return errors.New("the watch has ended")
}
