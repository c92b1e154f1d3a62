package slack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// storeTime is how long storing may take: what is left of Slack's 3 s is for the way.
const storeTime = 2 * time.Second

// inbox keeps what came in until it is handled, and for a while after, so that what comes again is known.
type inbox struct {
	d     *Door
	kv    store.KV
	slots chan struct{}

	mu      sync.Mutex
	busy    map[string]bool // keys of what is being handled
	start   func(func())    // nil while the door does not run
	threads map[string]bool // where we are known to be, a cache
}

func newInbox(d *Door) *inbox {
	return &inbox{d: d, kv: d.o.KV, slots: make(chan struct{}, d.o.Workers), busy: map[string]bool{}, threads: map[string]bool{}}
}

func (b *inbox) prefix() string { return "inbox." + b.d.name + "." }

func (b *inbox) key(id string) string {
	sum := sha256.Sum256([]byte(id))
	return b.prefix() + hex.EncodeToString(sum[:16])
}

// errBusy says that too much waits to be handled.
var errBusy = errors.New("too much waits to be handled")

// accept stores an item and hands it to a worker. With nil it is safe, whether it is new or a duplicate.
func (b *inbox) accept(ctx context.Context, it item) error {
	b.mu.Lock()
	full := len(b.busy) >= b.d.o.Waiting
	b.mu.Unlock()
	if full {
		return errBusy
	}
	it.Receipt = rand.Text()
	value, err := json.Marshal(it)
	if err != nil {
		return fmt.Errorf("keep %s: %w", it.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	key := b.key(it.ID)
	revision, err := store.CreateSure(ctx, b.kv, key, value)
	switch {
	case errors.Is(err, store.ErrConflict):
		b.d.o.Count("twice")
		return nil
	case err != nil:
		return fmt.Errorf("keep %s: %w", it.ID, err)
	}
	b.d.o.Count("in")
	b.begin(key, it, revision)
	return nil
}

// begin lets a worker handle an item, unless one does already. While the door does not run it stays in the store.
func (b *inbox) begin(key string, it item, revision uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.start == nil || b.busy[key] {
		return
	}
	b.busy[key] = true
	b.start(func() { b.work(key, it, revision) })
}

// run lets workers handle what is in the inbox and what comes, until ctx ends.
func (b *inbox) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	b.mu.Lock()
	b.start = func(work func()) {
		wg.Go(func() {
			select {
			case b.slots <- struct{}{}:
				defer func() { <-b.slots }()
				work()
			case <-ctx.Done():
			}
		})
	}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.start, b.busy = nil, map[string]bool{}
	}()
	b.d.ctx.Store(&ctx)
	if err := b.resume(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// resume takes up what an earlier process did not finish.
func (b *inbox) resume(ctx context.Context) error {
	entries, err := b.kv.List(ctx, b.prefix())
	if err != nil {
		return fmt.Errorf("list what came in: %w", err)
	}
	for _, listed := range entries {
		b.mu.Lock()
		busy := b.busy[listed.Key]
		b.mu.Unlock()
		var it item
		if err := json.Unmarshal(listed.Value, &it); err != nil || it.Done || busy {
			continue
		}
		e, err := b.kv.Get(ctx, listed.Key) // it may have been handled since
		if err != nil || json.Unmarshal(e.Value, &it) != nil || it.Done {
			continue
		}
		b.begin(e.Key, it, e.Revision)
	}
	return nil
}

// work handles one item and marks it as done, unless the door stops before: then another process takes it up.
func (b *inbox) work(key string, it item, revision uint64) {
	ctx := *b.d.ctx.Load()
	log := b.d.o.Log.With("item", it.ID, "user", it.User)
	done := b.handle(ctx, it, log)
	if done && ctx.Err() == nil {
		if err := b.finish(ctx, key, it, revision); err != nil {
			log.Warn("what was handled is not marked as done; a restart handles it again", "err", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.busy, key)
}

// handle calls the desk. A panic costs the one message.
func (b *inbox) handle(ctx context.Context, it item, log *slog.Logger) (done bool) {
	defer func() {
		if r := recover(); r != nil {
			b.d.o.Count("panic")
			log.Error("a message broke its worker", "panic", r, "stack", string(debug.Stack()))
			b.d.sorry(ctx, it)
			done = true
		}
	}()
	b.d.talk(ctx, it)
	return true
}

// finish leaves of an item what is needed to know it again.
func (b *inbox) finish(ctx context.Context, key string, it item, revision uint64) error {
	value, err := json.Marshal(item{ID: it.ID, At: it.At, Receipt: it.Receipt, Done: true})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		_, err := b.kv.UpdateFor(ctx, key, value, revision, b.d.o.Remember.Truncate(time.Second))
		if err == nil || errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrConflict) {
			return err
		}
		e, got := b.kv.Get(ctx, key)
		switch {
		case got == nil && string(e.Value) == string(value), errors.Is(got, store.ErrNotFound):
			return nil
		case got == nil:
			revision = e.Revision
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// threadLife is how long after the last word to us what is said in a thread is still heard.
const threadLife = 7 * 24 * time.Hour

func (b *inbox) threadKey(channel, thread string) string {
	sum := sha256.Sum256([]byte(channel + "\x00" + thread))
	return "thread." + b.d.name + "." + hex.EncodeToString(sum[:16])
}

// join remembers that we are in a thread.
func (b *inbox) join(ctx context.Context, it item) {
	if it.Thread == "" {
		return
	}
	key := b.threadKey(it.Channel, it.Thread)
	b.mu.Lock()
	known := b.threads[key]
	if len(b.threads) > 10_000 {
		clear(b.threads)
	}
	b.threads[key] = true
	b.mu.Unlock()
	if known {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if _, err := b.kv.CreateFor(ctx, key, []byte("{}"), threadLife); err != nil && !errors.Is(err, store.ErrConflict) {
		b.d.o.Log.Warn("a restart will not know that I am in a thread", "thread", it.Thread, "err", err)
	}
}

// ours tells whether we are in a thread.
func (b *inbox) ours(channel, thread string) bool {
	key := b.threadKey(channel, thread)
	b.mu.Lock()
	known := b.threads[key]
	b.mu.Unlock()
	if known {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	_, err := b.kv.Get(ctx, key)
	return err == nil
}
