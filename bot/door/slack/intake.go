package slack

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
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
	done    []string        // keys of what was handled and is not written down yet
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
	err = b.create(ctx, key, value)
	switch {
	case errors.Is(err, store.ErrConflict):
		b.d.o.Count("twice")
		return nil
	case err != nil:
		return fmt.Errorf("keep %s: %w", it.ID, err)
	}
	b.d.o.Count("in")
	b.begin(key, it)
	return nil
}

// create writes a record that ends by itself, and settles an unknown outcome by reading back: no two receipts are the same.
func (b *inbox) create(ctx context.Context, key string, value []byte) error {
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		_, err := b.kv.CreateFor(ctx, key, value, b.d.o.Remember.Truncate(time.Second))
		if err == nil || !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrConflict) {
			return err
		}
		switch e, got := b.kv.Get(ctx, key); {
		case got == nil && bytes.Equal(e.Value, value):
			return nil
		case got == nil:
			return store.ErrConflict
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// begin lets a worker handle an item, unless one does already. While the door does not run it stays in the store.
func (b *inbox) begin(key string, it item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.start == nil || b.busy[key] {
		return
	}
	b.busy[key] = true
	b.start(func() { b.work(key, it) })
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
		b.start, b.busy, b.done = nil, map[string]bool{}, nil
	}()
	b.d.ctx.Store(&ctx)
	if err := b.resume(ctx); err != nil {
		return err
	}
	t := time.NewTicker(doneEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			b.note(ctx)
		case <-ctx.Done():
			wg.Wait()
			b.note(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// doneEvery is how often it is written down what was handled. What a crash leaves out is handled once more, which the desk notices.
const doneEvery = 200 * time.Millisecond

// doneMost is how many keys one note holds.
const doneMost = 1000

func (b *inbox) notes() string { return "handled." + b.d.name + "." }

// note writes down what was handled since the last note, many at once: a write of its own for each would double what the store has to sync.
func (b *inbox) note(ctx context.Context) {
	b.mu.Lock()
	keys := b.done[:min(len(b.done), doneMost)]
	b.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	value, err := json.Marshal(keys)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		_, err = b.kv.CreateFor(ctx, b.notes()+rand.Text(), value, b.d.o.Remember.Truncate(time.Second)+time.Minute)
	}
	if err != nil { // written twice it does no harm
		b.d.o.Log.Warn("what was handled is not written down yet", "messages", len(keys), "err", err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.busy, key)
	}
	b.done = slices.Clone(b.done[len(keys):])
}

// resume takes up what an earlier process did not finish.
func (b *inbox) resume(ctx context.Context) error {
	entries, err := b.kv.List(ctx, b.prefix())
	if err != nil {
		return fmt.Errorf("list what came in: %w", err)
	}
	notes, err := b.kv.List(ctx, b.notes())
	if err != nil {
		return fmt.Errorf("list what was handled: %w", err)
	}
	done := map[string]bool{}
	for _, n := range notes {
		var keys []string
		if err := json.Unmarshal(n.Value, &keys); err != nil {
			return fmt.Errorf("read %s: %w", n.Key, err)
		}
		for _, key := range keys {
			done[key] = true
		}
	}
	var left []item
	for _, e := range entries {
		var it item
		if err := json.Unmarshal(e.Value, &it); err != nil {
			return fmt.Errorf("read %s: %w", e.Key, err)
		}
		if !done[e.Key] {
			left = append(left, it)
		}
	}
	slices.SortStableFunc(left, func(x, y item) int { return x.At.Compare(y.At) })
	for _, it := range left {
		b.begin(b.key(it.ID), it)
	}
	return nil
}

// work handles one item and notes that it is done, unless the door stops before: then another process takes it up.
func (b *inbox) work(key string, it item) {
	ctx := *b.d.ctx.Load()
	log := b.d.o.Log.With("item", it.ID, "user", it.User)
	done := b.handle(ctx, it, log)
	if done && ctx.Err() == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.done = append(b.done, key)
	}
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
