package fake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// Fault is what befalls one call.
type Fault int

// The faults.
const (
	// None lets the call through.
	None Fault = iota
	// CrashBefore kills the handle before anything happened.
	CrashBefore
	// CrashAfter kills the handle after the call was applied; the caller gets store.ErrClosed.
	CrashAfter
	// ReplyLost applies the call and answers store.ErrUnknown.
	ReplyLost
	// Unavailable does not apply the call and answers store.ErrUnknown.
	Unavailable
)

// String returns the name of the fault.
func (f Fault) String() string {
	names := [...]string{"none", "crash-before", "crash-after", "reply-lost", "unavailable"}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("fault %d", int(f))
	}
	return names[f]
}

// Op is one call of a handle.
type Op struct {
	// N counts the writes and the calls of the queue from 1, per handle. Calls that only read have 0: a crash before one is the same as a
	// crash after the write before it.
	N int
	// Name is one of kv.get, kv.create, kv.update, kv.delete, kv.list, kv.watch, queue.publish, queue.pull, lease.extend, lease.ack,
	// lease.nak, timer.at, timer.cancel, log.append, log.read and log.last. Elections appear as calls of the bucket store.Leaders.
	Name string
	// Bucket is the bucket or log; empty for the queue and the timers.
	Bucket string
	// Key is the key, or the id of the message or record, or the name of the timer.
	Key string
}

// reads says whether the call changes nothing.
func (op Op) reads() bool {
	switch op.Name {
	case "kv.get", "kv.list", "kv.watch", "log.read", "log.last":
		return true
	}
	return false
}

// Options are the settings of a handle. The zero value is a healthy process.
type Options struct {
	// Lease is how long a pulled message belongs to this handle; default 30 s.
	Lease time.Duration
	// Inject is called before each call of the handle, without any lock, and says what befalls it. It may be called concurrently.
	Inject func(Op) Fault
}

// Handle is one process's view of a Disk. It implements store.Store.
type Handle struct {
	disk      *Disk
	options   Options
	elections *store.Elections
	dead      chan struct{}
	watches   sync.WaitGroup

	mu sync.Mutex
	n  int
}

var _ store.Store = (*Handle)(nil)

// Open starts a process on the disk.
func (d *Disk) Open(o Options) *Handle {
	if o.Lease <= 0 {
		o.Lease = 30 * time.Second
	}
	h := &Handle{disk: d, options: o, dead: make(chan struct{})}
	h.elections = store.NewElections(h.Bucket(store.Leaders), h.dead)
	return h
}

// Bucket implements store.Store.
func (h *Handle) Bucket(name string) store.KV {
	b, ok := h.disk.buckets[name]
	if !ok {
		panic(fmt.Sprintf("no bucket has the name %q", name))
	}
	return &kv{h: h, b: b}
}

// Queue implements store.Store.
func (h *Handle) Queue() store.Queue { return &queue{h: h} }

// Timer implements store.Store.
func (h *Handle) Timer() store.Timer { return &timer{h: h} }

// Leader implements store.Store.
func (h *Handle) Leader() store.Leader { return h.elections }

// Log implements store.Store.
func (h *Handle) Log(name string) store.Log {
	l, ok := h.disk.logs[name]
	if !ok {
		panic(fmt.Sprintf("no log has the name %q", name))
	}
	return &log{h: h, l: l}
}

// Ready implements store.Store.
func (h *Handle) Ready() error {
	if h.isDead() {
		return store.ErrClosed
	}
	return nil
}

// Close implements store.Store. Messages under lease stay so until their lease runs out, as after Kill; roles are given up.
func (h *Handle) Close(ctx context.Context) error {
	h.elections.Resign(ctx)
	h.Kill()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		h.elections.Wait()
		h.watches.Wait()
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the store: %w", context.Cause(ctx))
	}
}

// Kill ends the handle at once, like a kill -9 of its process: nothing is written any more, every further call returns store.ErrClosed, and
// leases, timers and roles stay as they are on the disk.
func (h *Handle) Kill() {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.die()
}

// die marks the handle dead. The caller holds the disk's lock, so that no write of a dead handle can follow.
func (h *Handle) die() {
	if !h.isDead() {
		close(h.dead)
	}
}

func (h *Handle) isDead() bool {
	select {
	case <-h.dead:
		return true
	default:
		return false
	}
}

// ask numbers the call and asks what befalls it. An error ends the call before it is applied.
func (h *Handle) ask(ctx context.Context, op Op) (Fault, error) {
	if h.isDead() {
		return None, store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return None, err
	}
	if !op.reads() {
		h.mu.Lock()
		h.n++
		op.N = h.n
		h.mu.Unlock()
	}
	if h.options.Inject == nil {
		return None, nil
	}
	fault := h.options.Inject(op)
	switch fault {
	case CrashBefore:
		h.Kill()
		return fault, store.ErrClosed
	case Unavailable:
		return fault, fmt.Errorf("%s %s %s: %w", op.Name, op.Bucket, op.Key, store.ErrUnknown)
	}
	return fault, nil
}

// do makes one call: apply runs under the disk's lock unless a fault forbids it.
func (h *Handle) do(ctx context.Context, op Op, apply func() error) error {
	fault, err := h.ask(ctx, op)
	if err != nil {
		return err
	}
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.isDead() {
		return store.ErrClosed
	}
	return h.after(fault, op, apply())
}

// after turns the outcome of an applied call into what the caller hears. The caller holds the disk's lock.
func (h *Handle) after(fault Fault, op Op, err error) error {
	switch fault {
	case CrashAfter:
		h.die()
		return store.ErrClosed
	case ReplyLost:
		return fmt.Errorf("%s %s %s: %w", op.Name, op.Bucket, op.Key, store.ErrUnknown)
	}
	return err
}
