package store

import (
	"context"
	"errors"
	"time"
)

// The errors that callers branch on. Others mean that the call was refused before anything was written.
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the key holds another revision than expected, or exists already.
	ErrConflict = errors.New("revision conflict")
	// ErrUnknown says that the outcome is not known: the write may or may not have happened. Read back and compare (see UpdateSure). A read
	// that got no answer returns it too.
	ErrUnknown = errors.New("outcome unknown")
	// ErrClosed says that the store was closed or its process is gone.
	ErrClosed = errors.New("store closed")
	// ErrTooLarge says that a value is over MaxValue.
	ErrTooLarge = errors.New("value too large")
	// ErrLost says that a lease ran out or was taken over.
	ErrLost = errors.New("lease lost")
)

// MaxValue is the most bytes that a value, a queued message or a log record may hold; the server itself refuses above 1 MiB.
const MaxValue = 1 << 20

// The buckets.
const (
	Inventory = "inventory"
	Segments  = "segments"
	VNIs      = "vnis"
	Desired   = "desired"
	Observed  = "observed"
	Runs      = "runs"
	Guards    = "guards"
	Leaders   = "leader"
	Dedupe    = "dedupe"
)

// The logs.
const (
	Audit  = "AUDIT"
	Alerts = "ALERTS"
)

// Store is one engine of state. Every value it hands out is safe for concurrent use.
type Store interface {
	// Bucket returns the bucket with one of the names above. Asking for another name is a bug and panics.
	Bucket(name string) KV
	// Queue returns the work queue of runs.
	Queue() Queue
	// Timer returns the timers, whose messages arrive through Queue.
	Timer() Timer
	// Leader returns the elections.
	Leader() Leader
	// Log returns the append-only log with one of the names above.
	Log(name string) Log
	// Ready returns nil while writes are known to work, else what is wrong and what heals it.
	Ready() error
	// Close stops the store within ctx. Calls under way end with ErrClosed or ErrUnknown.
	Close(ctx context.Context) error
}

// Entry is one key at one revision.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
	At       time.Time
	Deleted  bool // only from Watch
}

// KV is a bucket of keys with compare-and-set. Keys are made of letters, digits and "-_=.", parts joined by ".".
type KV interface {
	Get(ctx context.Context, key string) (Entry, error)
	// Create writes a key that does not exist, or whose last state is a deletion.
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	// CreateFor is Create for a key that vanishes by itself after ttl (whole seconds, at least 1 s). Only Guards, Leaders and Dedupe take it.
	CreateFor(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error)
	// Update replaces the value if the key still has the given revision. A key of CreateFor thereby loses its end.
	Update(ctx context.Context, key string, value []byte, revision uint64) (newRevision uint64, err error)
	// UpdateFor is Update for a key that vanishes by itself after ttl, counted from now.
	UpdateFor(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (newRevision uint64, err error)
	// Delete removes the key if it still has the given revision.
	Delete(ctx context.Context, key string, revision uint64) error
	// List returns the live entries whose key starts with prefix, sorted by key.
	List(ctx context.Context, prefix string) ([]Entry, error)
	// Watch sends the live entries whose key starts with prefix, then one Entry with an empty Key, then the changes, those of one key in
	// order. A state that was replaced before it could be sent may be skipped; the last state of a key always comes. The channel is closed
	// when ctx ends or the store is closed. A slow reader slows only itself.
	Watch(ctx context.Context, prefix string) (<-chan Entry, error)
}

// Queue is the work queue. A message is delivered until it is acknowledged: at least once.
type Queue interface {
	// Publish stores a message durably and returns its sequence number. A message with the id of one of the last ten minutes is not stored
	// again: first returns false and the sequence is that of the first one.
	Publish(ctx context.Context, id string, data []byte) (sequence uint64, first bool, err error)
	// Pull waits until at least one message is there and returns at most max. Ask only for as many as there are free workers: the lease
	// of a message runs from its delivery.
	Pull(ctx context.Context, max int) ([]Lease, error)
}

// Lease is a message that this process has for now. The lease runs out by itself (Options.Lease) unless it is extended; from then on its
// methods return ErrLost.
type Lease interface {
	// ID returns the id that the message was published with, or the name of the timer that it comes from.
	ID() string
	Sequence() uint64
	Data() []byte
	Deliveries() int
	Extend(ctx context.Context) error
	// Ack removes the message for good. Its outcome may be unknown; the message then comes again.
	Ack(ctx context.Context) error
	// Nak gives the message back, to be delivered again after delay.
	Nak(ctx context.Context, delay time.Duration) error
}

// Timer holds one message per name back until a time, then lets it come through the Queue.
type Timer interface {
	// At sets the timer, replacing an older one of that name. It never fires early; times are rounded up to a whole second.
	At(ctx context.Context, name string, at time.Time, data []byte) error
	// Cancel removes the timer. A timer that does not exist is no error.
	Cancel(ctx context.Context, name string) error
}

// Leader elects one process per role.
type Leader interface {
	// Campaign waits until this process leads and returns its term.
	Campaign(ctx context.Context, role, owner string) (Term, error)
}

// Term is a time of leading. It is no fence: what must happen once needs an id of its own.
type Term interface {
	// Done is closed when the term is over, at the latest before another process can lead.
	Done() <-chan struct{}
	Resign(ctx context.Context) error
}

// Record is one entry of a log.
type Record struct {
	Sequence uint64
	ID       string
	Data     []byte
	At       time.Time
}

// Log is an append-only log.
type Log interface {
	// Append adds a record whose predecessor must have the sequence number after (0 for the first, AnySequence for whatever is last);
	// else it returns ErrConflict. A record with the id of one of the last ten minutes is not added again.
	Append(ctx context.Context, id string, data []byte, after uint64) (sequence uint64, err error)
	// Read returns up to max records from sequence number from on, oldest first.
	Read(ctx context.Context, from uint64, max int) ([]Record, error)
	// Last returns the newest record, or ErrNotFound.
	Last(ctx context.Context) (Record, error)
}

// AnySequence lets Append follow whatever record is last.
const AnySequence = ^uint64(0)
