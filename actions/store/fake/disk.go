package fake

import (
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// window is how long the ids of messages and records are remembered.
const window = 10 * time.Minute

// Disk is the durable data that handles share. Make it with New.
type Disk struct {
	mu       sync.Mutex
	buckets  map[string]*bucket // fixed after New
	logs     map[string]*journal
	sequence uint64
	messages []*message // sorted by sequence
	timers   map[string]*pending
	ids      map[string]known
	changed  chan struct{} // closed and made anew at every change that a Pull could wait for
}

// New returns an empty disk with all buckets and logs.
func New() *Disk {
	d := &Disk{
		buckets: map[string]*bucket{},
		logs:    map[string]*journal{},
		timers:  map[string]*pending{},
		ids:     map[string]known{},
		changed: make(chan struct{}),
	}
	for _, name := range store.Buckets() {
		d.buckets[name] = &bucket{name: name, keys: map[string]*item{}, watchers: map[*watcher]bool{}}
	}
	for _, name := range store.Logs() {
		d.logs[name] = &journal{name: name, ids: map[string]known{}}
	}
	return d
}

// wake lets every waiting Pull look again. The caller holds the lock.
func (d *Disk) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// known is an id and what it was given to.
type known struct {
	sequence uint64
	at       time.Time
}

// recall returns the sequence that id was given within the window. Older ids stay in the map until they are used again: a test is short.
func recall(ids map[string]known, id string, now time.Time) (uint64, bool) {
	k, ok := ids[id]
	return k.sequence, ok && now.Sub(k.at) < window
}
