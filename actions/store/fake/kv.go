package fake

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// bucket is the durable part of a KV.
type bucket struct {
	name     string
	revision uint64
	keys     map[string]*item
	watchers map[*watcher]bool
}

// item is the state of a key. A deleted key is absent.
type item struct {
	value    []byte
	revision uint64
	at       time.Time
	end      *time.Timer // nil for a key without an end
}

// put writes the key and tells the watchers. A ttl of 0 is a key without an end. The caller holds the disk's lock.
func (b *bucket) put(d *Disk, key string, value []byte, ttl time.Duration) uint64 {
	b.stop(key)
	b.revision++
	it := &item{value: bytes.Clone(value), revision: b.revision, at: time.Now()}
	if ttl > 0 {
		it.end = time.AfterFunc(ttl, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if b.keys[key] == it {
				b.remove(key)
			}
		})
	}
	b.keys[key] = it
	b.tell(it.entry(key))
	return it.revision
}

// remove deletes the key and tells the watchers. The caller holds the disk's lock.
func (b *bucket) remove(key string) {
	b.stop(key)
	b.revision++
	delete(b.keys, key)
	b.tell(store.Entry{Key: key, Revision: b.revision, At: time.Now(), Deleted: true})
}

func (b *bucket) stop(key string) {
	if it := b.keys[key]; it != nil && it.end != nil {
		it.end.Stop()
	}
}

func (b *bucket) tell(e store.Entry) {
	for w := range b.watchers {
		if strings.HasPrefix(e.Key, w.prefix) {
			w.add(e)
		}
	}
}

// list returns the live entries under prefix, sorted.
func (b *bucket) list(prefix string) []store.Entry {
	var out []store.Entry
	for _, key := range slices.Sorted(maps.Keys(b.keys)) {
		if strings.HasPrefix(key, prefix) {
			out = append(out, b.keys[key].entry(key))
		}
	}
	return out
}

func (it *item) entry(key string) store.Entry {
	return store.Entry{Key: key, Value: bytes.Clone(it.value), Revision: it.revision, At: it.at}
}

// kv is one handle's view of a bucket.
type kv struct {
	h *Handle
	b *bucket
}

// Get implements store.KV.
func (k *kv) Get(ctx context.Context, key string) (store.Entry, error) {
	var e store.Entry
	if err := store.CheckKey(key); err != nil {
		return e, err
	}
	err := k.h.do(ctx, Op{Name: "kv.get", Bucket: k.b.name, Key: key}, func() error {
		it := k.b.keys[key]
		if it == nil {
			return fmt.Errorf("get %s from %s: %w", key, k.b.name, store.ErrNotFound)
		}
		e = it.entry(key)
		return nil
	})
	if err != nil {
		return store.Entry{}, err
	}
	return e, nil
}

// Create implements store.KV.
func (k *kv) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return k.write(ctx, "kv.create", key, value, 0, 0)
}

// CreateFor implements store.KV.
func (k *kv) CreateFor(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if err := store.CheckTTL(k.b.name, key, ttl); err != nil {
		return 0, err
	}
	return k.write(ctx, "kv.create", key, value, 0, ttl)
}

// Update implements store.KV.
func (k *kv) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return k.update(ctx, key, value, revision, 0)
}

// UpdateFor implements store.KV.
func (k *kv) UpdateFor(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if err := store.CheckTTL(k.b.name, key, ttl); err != nil {
		return 0, err
	}
	return k.update(ctx, key, value, revision, ttl)
}

func (k *kv) update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if revision == 0 {
		return 0, fmt.Errorf("update %s in %s: revision 0 is no revision: %w", key, k.b.name, store.ErrConflict)
	}
	return k.write(ctx, "kv.update", key, value, revision, ttl)
}

// write puts the key if it has the revision, 0 for absent.
func (k *kv) write(ctx context.Context, name, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if err := store.CheckKey(key); err != nil {
		return 0, err
	}
	if err := store.CheckValue(key+" in "+k.b.name, value); err != nil {
		return 0, err
	}
	var got uint64
	err := k.h.do(ctx, Op{Name: name, Bucket: k.b.name, Key: key}, func() error {
		if err := k.expect(name, key, revision); err != nil {
			return err
		}
		got = k.b.put(k.h.disk, key, value, ttl)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return got, nil
}

// Delete implements store.KV.
func (k *kv) Delete(ctx context.Context, key string, revision uint64) error {
	if err := store.CheckKey(key); err != nil {
		return err
	}
	return k.h.do(ctx, Op{Name: "kv.delete", Bucket: k.b.name, Key: key}, func() error {
		if revision == 0 || k.b.keys[key] == nil {
			return fmt.Errorf("kv.delete %s in %s over revision %d: %w", key, k.b.name, revision, store.ErrConflict)
		}
		if err := k.expect("kv.delete", key, revision); err != nil {
			return err
		}
		k.b.remove(key)
		return nil
	})
}

func (k *kv) expect(name, key string, revision uint64) error {
	var have uint64
	if it := k.b.keys[key]; it != nil {
		have = it.revision
	}
	if have != revision {
		return fmt.Errorf("%s %s in %s over revision %d, holds %d: %w", name, key, k.b.name, revision, have, store.ErrConflict)
	}
	return nil
}

// List implements store.KV.
func (k *kv) List(ctx context.Context, prefix string) ([]store.Entry, error) {
	if err := store.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	var out []store.Entry
	err := k.h.do(ctx, Op{Name: "kv.list", Bucket: k.b.name, Key: prefix}, func() error {
		out = k.b.list(prefix)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Watch implements store.KV.
func (k *kv) Watch(ctx context.Context, prefix string) (<-chan store.Entry, error) {
	if err := store.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{prefix: prefix, more: make(chan struct{}, 1), out: make(chan store.Entry)}
	err := k.h.do(ctx, Op{Name: "kv.watch", Bucket: k.b.name, Key: prefix}, func() error {
		for _, e := range k.b.list(prefix) {
			w.add(e)
		}
		w.add(store.Entry{})
		k.b.watchers[w] = true
		k.h.watches.Go(func() {
			defer cancel()
			w.run(ctx, k.h, k.b)
		})
		return nil
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return w.out, nil
}

// watcher holds what its reader has not taken yet; queue is under the disk's lock.
type watcher struct {
	prefix string
	queue  []store.Entry
	more   chan struct{}
	out    chan store.Entry
}

func (w *watcher) add(e store.Entry) {
	w.queue = append(w.queue, e)
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// run hands the entries to the reader until ctx or the handle ends.
func (w *watcher) run(ctx context.Context, h *Handle, b *bucket) {
	defer close(w.out)
	defer func() {
		h.disk.mu.Lock()
		delete(b.watchers, w)
		h.disk.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.dead:
			return
		case <-w.more:
		}
		h.disk.mu.Lock()
		batch := w.queue
		w.queue = nil
		h.disk.mu.Unlock()
		for _, e := range batch {
			select {
			case <-ctx.Done():
				return
			case <-h.dead:
				return
			case w.out <- e:
			}
		}
	}
}
