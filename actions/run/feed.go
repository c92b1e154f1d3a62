package run

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

// Event is a change of a run, or, when Progress is set, how far one of its steps has come.
type Event struct {
	Run      actions.Run
	Progress *actions.Progress
}

// backlog is how many events a slow listener may owe before progress is dropped. States never are.
const backlog = 64

// feed hands the changes of all runs to whoever listens. They come from one watch on the bucket, so that it does not matter which process made them;
// progress comes from this process alone.
type feed struct {
	mu        sync.Mutex
	listeners map[*listener]bool
	fresh     map[string]actions.Run // accepted here, no journal seen yet
	last      uint64                 // sequence number of the newest run
	caught    bool                   // the watch has told all that was there before
	closed    bool
}

func newFeed() *feed {
	return &feed{listeners: map[*listener]bool{}, fresh: map[string]actions.Run{}}
}

// watch follows the bucket until ctx ends. A watch ends by itself only with its store; should one break, it is opened anew.
func (e *Engine) watch(ctx context.Context) {
	for ctx.Err() == nil {
		entries, err := e.runs.Watch(ctx, "")
		if err == nil {
			e.follow(ctx, entries)
		} else if !errors.Is(err, store.ErrClosed) {
			e.log.Warn("cannot watch runs, trying again", "error", err)
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// follow hands on what a watch tells. What was there before is for those alone who follow that run: they know how far they are.
func (e *Engine) follow(ctx context.Context, entries <-chan store.Entry) {
	changes := false
	for entry := range entries {
		if entry.Key == "" {
			changes = true
			e.feed.catchUp()
			continue
		}
		if entry.Deleted {
			continue
		}
		if id, ok := controlled(entry.Key); ok {
			var w cancelWish
			if err := json.Unmarshal(entry.Value, &w); err == nil {
				e.live.cancel(id, w)
			}
			continue
		}
		if sequenceOf(entry.Key) != 0 && e.feed.wanted(entry.Key, changes) {
			e.announce(ctx, entry, changes)
		}
	}
}

// controlled returns the run whose control key this is.
func controlled(key string) (string, bool) {
	if n := len(key) - len(controlKey("")); n > 0 && key[n:] == controlKey("") {
		return key[:n], true
	}
	return "", false
}

// announce decodes a journal for the listeners. Unreadable ones are told to whoever asks for them.
func (e *Engine) announce(ctx context.Context, entry store.Entry, change bool) {
	r, err := e.whole(ctx, entry)
	if err != nil {
		e.log.Error("journal in the feed", "run", entry.Key, "error", err)
		return
	}
	e.feed.tell(r, entry.Revision, change)
}

// wanted notes that a run has a journal, and tells whether anybody listens for it.
func (f *feed) wanted(id string, change bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = max(f.last, sequenceOf(id))
	delete(f.fresh, id)
	for l := range f.listeners {
		if l.run == id || l.run == "" && change {
			return true
		}
	}
	return false
}

func (f *feed) catchUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.caught = true
}

// newest returns the sequence number of the newest run, and whether that is known.
func (f *feed) newest() (uint64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.caught
}

// expect remembers a run that was accepted here until its journal is seen.
func (f *feed) expect(r actions.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh[r.ID] = r
}

func (f *feed) unexpect(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.fresh, id)
}

func (f *feed) expected(id string) (actions.Run, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.fresh[id]
	return r, ok
}

// tell hands a state to the listeners.
func (f *feed) tell(r actions.Run, revision uint64, change bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.listeners {
		if l.run == r.ID || l.run == "" && change {
			l.add(note{Event: Event{Run: r}, revision: revision})
		}
	}
}

// progress hands on how far a step has come.
func (f *feed) progress(j *journal, p actions.Progress) {
	f.mu.Lock()
	listening := len(f.listeners) > 0
	f.mu.Unlock()
	if !listening {
		return
	}
	r := j.snapshot()
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.listeners {
		if l.run == "" || l.run == p.Run {
			l.add(note{Event: Event{Run: r, Progress: &p}})
		}
	}
}

// close ends all listeners.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for l := range f.listeners {
		l.end()
	}
}

func (f *feed) join(l *listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners[l] = true
	if f.closed {
		l.end()
	}
}

func (f *feed) leave(l *listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listeners, l)
}
