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

// feed hands the changes of all runs to whoever listens. Those that this process makes are told as they are saved. All come once more from one watch on
// the bucket, the only way by which those of other processes come; the revision tells what was told already. Progress comes from this process alone.
type feed struct {
	mu        sync.Mutex
	listeners map[*listener]bool
	fresh     map[string]actions.Run // accepted here, no journal seen yet
	told      map[string]telling
	last      uint64 // sequence number of the newest run
	caught    bool   // the watch has told all that was there before
	closed    bool
}

// telling is how far a run has been told. It is forgotten when its carrier here has ended and the watch has come as far.
type telling struct {
	revision, watched uint64
	here              bool
}

func newFeed() *feed {
	return &feed{listeners: map[*listener]bool{}, fresh: map[string]actions.Run{}, told: map[string]telling{}}
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
		if sequenceOf(entry.Key) != 0 && e.feed.wanted(entry, changes) {
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

// wanted notes how far the watch has come with a run, and tells whether anybody listens who has not been told.
func (f *feed) wanted(entry store.Entry, change bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = max(f.last, sequenceOf(entry.Key))
	delete(f.fresh, entry.Key)
	if t, ok := f.told[entry.Key]; ok {
		t.watched = entry.Revision
		f.note(entry.Key, t)
		if entry.Revision <= t.revision {
			return false
		}
	}
	return f.heard(entry.Key, change)
}

// heard tells whether anybody listens to a run. The caller holds the lock.
func (f *feed) heard(id string, change bool) bool {
	for l := range f.listeners {
		if l.run == id || l.run == "" && change {
			return true
		}
	}
	return false
}

// note remembers how far a run has been told, or forgets it. The caller holds the lock.
func (f *feed) note(id string, t telling) {
	if !t.here && t.watched >= t.revision {
		delete(f.told, id)
		return
	}
	f.told[id] = t
}

// carry notes that a carrier in this process begins or ends with a run.
func (f *feed) carry(id string, here bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.told[id]
	t.here = here
	f.note(id, t)
}

// saved tells what this process has just saved. whole is asked for the run if anybody listens.
func (f *feed) saved(id string, revision uint64, whole func() actions.Run) {
	f.mu.Lock()
	t := f.told[id]
	known, heard := t.revision >= revision, f.heard(id, true)
	f.last = max(f.last, sequenceOf(id))
	delete(f.fresh, id)
	if !heard && !known {
		t.revision = revision
		f.note(id, t)
	}
	f.mu.Unlock()
	if heard && !known {
		f.tell(whole(), revision, true)
	}
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

// tell hands a state to the listeners, unless it was told.
func (f *feed) tell(r actions.Run, revision uint64, change bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.told[r.ID]
	if t.revision >= revision {
		return
	}
	if change {
		t.revision = revision
		f.note(r.ID, t)
	}
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
