package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Ages say how long things are kept. A zero age of a log leaves what the store has; a new store begins with the default.
type Ages struct {
	Runs   time.Duration // journals of finished runs, default 90 days
	Alerts time.Duration // records of ALERTS, default 30 days
	Audit  time.Duration // records of AUDIT, default 400 days
}

// The ages that a new store begins with.
const (
	day           = 24 * time.Hour
	defaultRuns   = 90 * day
	defaultAlerts = 30 * day
	defaultAudit  = 400 * day
)

// Options are the settings of Open.
type Options struct {
	// Dir is the data directory; it is made with mode 0700. It must not lie on a network file system.
	Dir string
	// Marker is the file beside Dir that says that Dir holds data; default Dir + ".genesis".
	Marker string
	// Log hears what the embedded server has to say; required.
	Log *slog.Logger
	// Lease is how long a pulled message belongs to its owner unless it is extended. Zero leaves what the store has; a new one begins with 30 s.
	Lease time.Duration
	// Ages say how long things are kept.
	Ages Ages
	// Final says of all entries of one run, sorted by key, whether the run is over; without it Sweep keeps all runs.
	Final func(run []Entry) bool
	// AcceptEmpty starts over in a new incarnation, observe-only, where Open would refuse to because data is gone.
	AcceptEmpty bool
}

// withDefaults checks and completes the options.
func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" || o.Log == nil {
		return o, errors.New("open the store: Options.Dir and Options.Log are required")
	}
	o.Dir = filepath.Clean(o.Dir)
	if o.Marker == "" {
		o.Marker = o.Dir + ".genesis"
	}
	if o.Lease != 0 && o.Lease < time.Second {
		return o, fmt.Errorf("open the store: lease of %v, want at least 1 s", o.Lease)
	}
	if o.Ages.Runs == 0 {
		o.Ages.Runs = defaultRuns
	}
	for _, age := range []time.Duration{o.Ages.Runs, o.Ages.Alerts, o.Ages.Audit} {
		if age != 0 && age < window {
			return o, fmt.Errorf("open the store: an age of %v, want at least %v", age, window)
		}
	}
	return o, nil
}

// Engine is the embedded store of this process. It implements Store.
type Engine struct {
	options   Options
	log       *slog.Logger
	lock      *os.File
	server    *embedded
	health    *health
	wire      *wire
	elections *Elections
	genesis   genesis

	// firstSequence, if set, says where the numbers of a stream that is made begin.
	firstSequence func(stream string) uint64
	delivers      chan struct{} // closed when the queue may deliver
	delivered     uint64        // the last message that a process before this one may have had under a lease
	leaveOnce     sync.Once

	background sync.WaitGroup
	halt       context.CancelFunc // ends the background
	closeOnce  sync.Once
	done       chan struct{} // closed when everything is closed
}

var _ Store = (*Engine)(nil)

// Open opens the store in a directory, or makes one on the first start. Whether writes work is what Ready says from then on.
//
// Errors to tell apart: ErrLocked, ErrEmpty, ErrSchema. Each says what to do.
func Open(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if _, _, err := readMarker(o.Marker); err != nil { // a newer schema is refused before anything is touched
		return nil, err
	}
	held, err := hold(o)
	if err != nil {
		return nil, err
	}
	e, err := launch(o, held, o.Dir, false)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if err := e.prepare(ctx); err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	return e, nil
}

// hold makes the data directory and locks it.
func hold(o Options) (*os.File, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	return lock(o.Dir)
}

// launch starts a server whose data lies in dir, and connects. unsafe leaves out the sync per message. On an error it lets go of the lock.
func launch(o Options, held *os.File, dir string, unsafe bool) (*Engine, error) {
	h := newHealth(o.Log)
	e := &Engine{options: o, log: o.Log, lock: held, health: h, delivers: make(chan struct{}), done: make(chan struct{}), halt: func() {}}
	e.server = &embedded{dir: dir, unsafe: unsafe, log: &serverLog{log: o.Log, broken: func(line string) { h.fail(lineOf(line)) }}}
	if err := e.server.start(); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	w, err := dial(e.server, h)
	if err != nil {
		e.server.stop()
		return nil, errors.Join(err, held.Close())
	}
	e.wire = w
	e.elections = NewElections(e.Bucket(Leaders), e.wire.closed)
	return e, nil
}

// prepare examines or makes the data and starts the background.
func (e *Engine) prepare(ctx context.Context) error {
	if err := e.begin(ctx); err != nil {
		return err
	}
	observing, info, err := e.ObserveOnly(ctx)
	if err != nil {
		return err
	}
	if observing {
		e.log.Warn("store only observes until a person has seen the difference", "incarnation", e.genesis.Incarnation.Number, "why", info.Why)
	} else {
		e.leave()
	}
	e.tryWrite(ctx)
	live, halt := context.WithCancel(context.Background())
	e.halt = halt
	e.background.Go(func() { e.heal(live) })
	e.background.Go(func() { e.trim(live) })
	return nil
}

// tryWrite turns Ready red from the start if nothing can be written. The store opens all the same: reading needs no space, and the healer may
// find the disk in order later.
func (e *Engine) tryWrite(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if err := e.touch(ctx, meta); err != nil {
		e.log.Error("store opened and cannot write", "dir", e.options.Dir, "error", err)
		e.health.unheard(meta)
	}
}

// Bucket implements Store.
func (e *Engine) Bucket(name string) KV {
	if !slices.Contains(Buckets(), name) {
		panic(fmt.Sprintf("no bucket has the name %q", name))
	}
	return &bucket{name: name, w: e.wire, e: e}
}

// meta returns the store's own bucket.
func (e *Engine) meta() *bucket { return &bucket{name: meta, w: e.wire, e: e} }

// Queue implements Store.
func (e *Engine) Queue() Queue { return &queue{w: e.wire, e: e} }

// Timer implements Store.
func (e *Engine) Timer() Timer { return &timer{w: e.wire} }

// Leader implements Store.
func (e *Engine) Leader() Leader { return e.elections }

// Log implements Store.
func (e *Engine) Log(name string) Log {
	if !slices.Contains(Logs(), name) {
		panic(fmt.Sprintf("no log has the name %q", name))
	}
	return &log{name: name, w: e.wire}
}

// Ready implements Store.
func (e *Engine) Ready() error {
	if isClosed(e.wire.closed) {
		return ErrClosed
	}
	return e.health.ready()
}

// Close implements Store. It gives up the roles that this process leads; messages under lease come again when the lease ends. When ctx ends
// first, closing goes on in the background.
func (e *Engine) Close(ctx context.Context) error {
	e.closeOnce.Do(func() {
		e.elections.Resign(ctx)
		close(e.wire.closed)
		go e.shut()
	})
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the store: %w", context.Cause(ctx))
	}
}

// shut ends everything in reverse order of start.
func (e *Engine) shut() {
	defer close(e.done)
	e.halt()
	e.elections.Wait()
	e.background.Wait()
	e.wire.finish()
	e.server.stop()
	if e.lock != nil {
		_ = e.lock.Close() // the kernel drops the lock whatever it returns
	}
}
