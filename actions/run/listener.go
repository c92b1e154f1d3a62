package run

import (
	"context"
	"fmt"
	"sync"

	"github.com/shitops/opsbot/actions"
)

// note is an event and the revision of the journal that it is from, 0 for progress.
type note struct {
	Event
	revision uint64
}

// listener is one reader of the feed: a queue of what he has not taken yet.
type listener struct {
	run string // "" for all

	mu      sync.Mutex
	notes   []note
	over    bool
	changed chan struct{} // holds one element when there is something new
}

func newListener(run string) *listener { return &listener{run: run, changed: make(chan struct{}, 1)} }

// add queues a note without ever blocking. For a reader who is slow, progress is dropped, and a state that a later one of the same
// run and kind makes stale is replaced.
func (l *listener) add(n note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.notes) >= backlog {
		if n.Progress != nil {
			return
		}
		for i, old := range l.notes {
			if old.Progress == nil && old.Run.ID == n.Run.ID && old.Run.State == n.Run.State {
				l.notes = append(l.notes[:i:i], l.notes[i+1:]...)
				break
			}
		}
	}
	l.notes = append(l.notes, n)
	l.wake()
}

func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.wake()
}

// wake tells the pump. The caller holds the lock.
func (l *listener) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *listener) take() (notes []note, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	notes, l.notes = l.notes, nil
	return notes, l.over
}

// pump sends what is queued until ctx ends, the feed ends, or sent returns false. It closes out.
func (l *listener) pump(ctx context.Context, out chan<- Event, again func(note) (send, more bool)) {
	defer close(out)
	for {
		notes, over := l.take()
		for _, n := range notes {
			send, more := again(n)
			if send {
				select {
				case out <- n.Event:
				case <-ctx.Done():
					return
				}
			}
			if !more {
				return
			}
		}
		if len(notes) > 0 {
			continue
		}
		if over {
			return
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return
		}
	}
}

// Follow sends the run as it stands, then its changes and the progress of its steps, and closes the channel after the final state, when ctx ends,
// or when the engine stops. A reader who is slow misses progress, never a state. Changes are seen while the engine serves.
func (e *Engine) Follow(ctx context.Context, id string) (<-chan Event, error) {
	l := newListener(id)
	e.feed.join(l)
	r, revision, err := e.get(ctx, id)
	if err != nil {
		e.feed.leave(l)
		return nil, fmt.Errorf("follow %s: %w", id, err)
	}
	out := make(chan Event, 1)
	out <- Event{Run: r}
	if r.State.Final() {
		e.feed.leave(l)
		close(out)
		return out, nil
	}
	go func() {
		defer e.feed.leave(l)
		l.pump(ctx, out, func(n note) (send, more bool) {
			if n.Progress != nil {
				return true, true
			}
			if n.revision <= revision {
				return false, true
			}
			revision = n.revision
			return true, !n.Run.State.Final()
		})
	}()
	return out, nil
}

// Subscribe sends the changes of all runs from now on, and their progress, until ctx ends or the engine stops.
func (e *Engine) Subscribe(ctx context.Context) (<-chan Event, error) {
	l := newListener("")
	e.feed.join(l)
	out := make(chan Event)
	go func() {
		defer e.feed.leave(l)
		l.pump(ctx, out, func(note) (send, more bool) { return true, true })
	}()
	return out, nil
}

// await follows a run until want is true of it or ctx ends, and returns it as it stands then.
func (e *Engine) await(ctx context.Context, id string, want func(actions.Run) bool) (actions.Run, error) {
	l := newListener(id)
	e.feed.join(l)
	defer e.feed.leave(l)
	for {
		l.take()
		r, err := e.Get(ctx, id)
		if err != nil || want(r) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-l.changed:
		}
	}
}
