package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// markAge is how long the mark of a deletion is kept. A check against an export that is older cannot tell a deletion from a loss.
const markAge = 30 * 24 * time.Hour

// Swept counts what Sweep removed.
type Swept struct {
	Runs  int // journals of finished runs
	Keys  int // keys of these journals
	Marks int // marks of deletions
}

// Sweep removes the journals of runs that are over and older than Ages.Runs, and the marks of old deletions. A run that is not over is kept
// whatever its age. Run it once a day or so; it may be cut off at any point. ALERTS and AUDIT lose their old records by themselves.
func (e *Engine) Sweep(ctx context.Context, now time.Time) (Swept, error) {
	var done Swept
	if e.options.Final != nil {
		if err := e.sweepRuns(ctx, now, &done); err != nil {
			return done, fmt.Errorf("sweep runs: %w", err)
		}
	}
	for _, name := range Buckets() {
		if err := e.sweepMarks(ctx, &bucket{name: name, w: e.wire, e: e}, now, &done); err != nil {
			return done, fmt.Errorf("sweep marks: %w", err)
		}
	}
	return done, nil
}

// sweepRuns removes whole runs, the outcomes before the journal that says that the run is over.
func (e *Engine) sweepRuns(ctx context.Context, now time.Time, done *Swept) error {
	runs := e.Bucket(Runs)
	all, err := runs.List(ctx, "")
	if err != nil {
		return err
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && firstPart(all[n].Key) == firstPart(all[0].Key) {
			n++
		}
		run := all[:n]
		all = all[n:]
		if !olderThan(run, now.Add(-e.options.Ages.Runs)) || !e.options.Final(run) {
			continue
		}
		for i := len(run) - 1; i >= 0; i-- {
			err := runs.Delete(ctx, run[i].Key, run[i].Revision)
			if errors.Is(err, ErrConflict) { // it lives on after all
				break
			}
			if err != nil {
				return err
			}
			done.Keys++
		}
		done.Runs++
	}
	return nil
}

func firstPart(key string) string {
	first, _, _ := strings.Cut(key, ".")
	return first
}

func olderThan(entries []Entry, limit time.Time) bool {
	for _, e := range entries {
		if e.At.After(limit) {
			return false
		}
	}
	return true
}

// sweepMarks removes marks by their own sequence number, so that a key that was made anew in between stays.
func (e *Engine) sweepMarks(ctx context.Context, b *bucket, now time.Time, done *Swept) error {
	all, err := b.states(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range all {
		if !s.Deleted || s.At.After(now.Add(-markAge)) {
			continue
		}
		stream, _ := b.place(s.Key)
		what := fmt.Sprintf("remove the mark of %s in %s", s.Key, b.name)
		if err := e.wire.api(ctx, what, "STREAM.MSG.DELETE."+stream, map[string]any{"seq": s.Revision, "no_erase": true}, nil); err != nil {
			return err
		}
		done.Marks++
	}
	return nil
}

// floor is up to where the queue was acknowledged at a time.
type floor struct {
	at       time.Time
	sequence uint64
}

// trim removes acknowledged messages once their ids need not be remembered any more. It looks once a minute.
func (e *Engine) trim(ctx context.Context) {
	var floors []floor
	for first := true; pause(ctx, time.Minute); first = false {
		if first { // recovery left buffers of 8 MB per stream in pools, which two collections empty
			debug.FreeOSMemory()
			debug.FreeOSMemory()
		}
		next, err := e.trimOnce(ctx, floors, time.Now())
		if err != nil && ctx.Err() == nil {
			e.log.Warn("trim the queue", "error", err)
		}
		floors = next
	}
}

// trimOnce notes the floor of now and removes what is below the newest floor that is older than the window.
func (e *Engine) trimOnce(ctx context.Context, floors []floor, now time.Time) ([]floor, error) {
	sequence, err := e.floor(ctx)
	if err != nil {
		return floors, err
	}
	floors = append(floors, floor{now, sequence})
	var ripe uint64
	for len(floors) > 0 && now.Sub(floors[0].at) >= window+time.Minute {
		ripe = floors[0].sequence
		floors = floors[1:]
	}
	if ripe == 0 {
		return floors, nil
	}
	return floors, e.wire.api(ctx, "trim the queue", "STREAM.PURGE."+queueStream, map[string]any{"filter": workSubject, "seq": ripe + 1}, nil)
}

// floor returns the sequence number up to which every message of the queue is acknowledged.
func (e *Engine) floor(ctx context.Context) (uint64, error) {
	var info jetstream.ConsumerInfo
	if err := e.wire.api(ctx, "look at the queue", "CONSUMER.INFO."+queueStream+"."+queueWorkers, nil, &info); err != nil {
		return 0, err
	}
	return info.AckFloor.Stream, nil
}
