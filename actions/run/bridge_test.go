package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// The bridge lends a store of one process to others, so that both can be killed: the embedded store has one process only. What the wire loses is
// answered with store.ErrUnknown, as the store does itself.

// frame is a request, or one of its answers.
type frame struct {
	ID     uint64        `json:"id"`
	Op     string        `json:"op"`
	Bucket string        `json:"bucket,omitempty"`
	Key    string        `json:"key,omitempty"`
	Value  []byte        `json:"value,omitempty"`
	Number uint64        `json:"number,omitempty"`
	First  bool          `json:"first,omitempty"`
	For    time.Duration `json:"for,omitempty"`
	At     time.Time     `json:"at,omitzero"`
	Lease  string        `json:"lease,omitempty"`
	Many   []frame       `json:"many,omitempty"`
	Error  string        `json:"error,omitempty"`
	Code   int           `json:"code,omitempty"` // 1 + index into codes
	More   bool          `json:"more,omitempty"` // of a watch
}

var codes = []error{store.ErrNotFound, store.ErrConflict, store.ErrUnknown, store.ErrClosed, store.ErrTooLarge, store.ErrLost}

func (f *frame) fail(err error) {
	if err == nil {
		return
	}
	f.Error = err.Error()
	for i, c := range codes {
		if errors.Is(err, c) {
			f.Code = i + 1
		}
	}
}

func (f *frame) err() error {
	switch {
	case f.Error == "":
		return nil
	case f.Code > 0:
		return fmt.Errorf("%s: %w", f.Error, codes[f.Code-1])
	}
	return errors.New(f.Error)
}

// lend serves a store on a socket until the process is killed.
func lend(s store.Store, l net.Listener) error {
	b := &lender{s: s, leases: map[string]store.Lease{}}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go b.serve(c)
	}
}

type lender struct {
	s      store.Store
	mu     sync.Mutex
	leases map[string]store.Lease
	n      int
}

// serve answers one connection; calls under way end with it.
func (b *lender) serve(c net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	out := json.NewEncoder(c)
	answer := func(f frame) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(f) // a broken connection ends serve
	}
	in := json.NewDecoder(c)
	for {
		var f frame
		if in.Decode(&f) != nil {
			return
		}
		go func() {
			if f.Op == "watch" {
				b.watch(ctx, f, answer)
				return
			}
			got, err := b.do(ctx, f)
			got.ID = f.ID
			got.fail(err)
			answer(got)
		}()
	}
}

func (b *lender) watch(ctx context.Context, f frame, answer func(frame)) {
	entries, err := b.s.Bucket(f.Bucket).Watch(ctx, f.Key)
	end := frame{ID: f.ID}
	end.fail(err)
	if err == nil {
		for e := range entries {
			g := ofEntry(e)
			g.ID, g.More, g.First = f.ID, true, e.Deleted
			answer(g)
		}
	}
	answer(end)
}

func ofEntry(e store.Entry) frame {
	return frame{Key: e.Key, Value: e.Value, Number: e.Revision, At: e.At}
}

func (f frame) entry() store.Entry {
	return store.Entry{Key: f.Key, Value: f.Value, Revision: f.Number, At: f.At}
}

func (b *lender) do(ctx context.Context, f frame) (out frame, err error) {
	kv := func() store.KV { return b.s.Bucket(f.Bucket) }
	switch f.Op {
	case "get":
		e, err := kv().Get(ctx, f.Key)
		return ofEntry(e), err
	case "create":
		if f.For > 0 {
			out.Number, err = kv().CreateFor(ctx, f.Key, f.Value, f.For)
		} else {
			out.Number, err = kv().Create(ctx, f.Key, f.Value)
		}
	case "update":
		out.Number, err = kv().Update(ctx, f.Key, f.Value, f.Number)
	case "delete":
		err = kv().Delete(ctx, f.Key, f.Number)
	case "list":
		var all []store.Entry
		all, err = kv().List(ctx, f.Key)
		for _, e := range all {
			out.Many = append(out.Many, ofEntry(e))
		}
	case "publish":
		out.Number, out.First, err = b.s.Queue().Publish(ctx, f.Key, f.Value)
	case "pull":
		return b.pull(ctx, f)
	case "at":
		err = b.s.Timer().At(ctx, f.Key, f.At, f.Value)
	case "cancel":
		err = b.s.Timer().Cancel(ctx, f.Key)
	default:
		return b.lease(ctx, f)
	}
	return out, err
}

func (b *lender) pull(ctx context.Context, f frame) (out frame, err error) {
	got, err := b.s.Queue().Pull(ctx, int(f.Number))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range got {
		b.n++
		name := fmt.Sprintf("%d-%d", os.Getpid(), b.n)
		b.leases[name] = l
		out.Many = append(out.Many, frame{Lease: name, Key: l.ID(), Value: l.Data(), Number: l.Sequence(), Op: strconv.Itoa(l.Deliveries())})
	}
	return out, err
}

// lease does a word of a lease. One of a former life of this process cannot be kept up any more.
func (b *lender) lease(ctx context.Context, f frame) (frame, error) {
	b.mu.Lock()
	l := b.leases[f.Lease]
	b.mu.Unlock()
	if l == nil {
		return frame{}, store.ErrLost
	}
	switch f.Op {
	case "extend":
		return frame{}, l.Extend(ctx)
	case "ack":
		return frame{}, l.Ack(ctx)
	}
	return frame{}, l.Nak(ctx, f.For)
}

// borrower is a store that another process lends. It implements what a run engine uses of store.Store.
type borrower struct {
	store.Store // nil: elections and logs are not lent
	path        string

	mu      sync.Mutex
	conn    net.Conn
	out     *json.Encoder
	waiting map[uint64]chan frame
	next    uint64
}

func borrow(path string) *borrower {
	return &borrower{path: path, waiting: map[uint64]chan frame{}}
}

// start sends a request and returns where its answers come. It connects when it has to.
func (b *borrower) start(f frame) (uint64, chan frame, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		c, err := net.Dial("unix", b.path)
		if err != nil {
			return 0, nil, fmt.Errorf("%w: %w", store.ErrUnknown, err)
		}
		b.conn, b.out = c, json.NewEncoder(c)
		go b.receive(c)
	}
	b.next++
	f.ID = b.next
	answers := make(chan frame, 64)
	b.waiting[f.ID] = answers
	if err := b.out.Encode(f); err != nil {
		delete(b.waiting, f.ID)
		return 0, nil, fmt.Errorf("%w: %w", store.ErrUnknown, err)
	}
	return f.ID, answers, nil
}

// receive hands answers on until the connection breaks; then every call that waits is told so by a closed channel.
func (b *borrower) receive(c net.Conn) {
	in := json.NewDecoder(c)
	for {
		var f frame
		err := in.Decode(&f)
		b.mu.Lock()
		if err != nil {
			for _, ch := range b.waiting {
				close(ch)
			}
			b.waiting, b.conn = map[uint64]chan frame{}, nil
			b.mu.Unlock()
			_ = c.Close() // it is broken
			return
		}
		ch := b.waiting[f.ID]
		if !f.More {
			delete(b.waiting, f.ID)
		}
		b.mu.Unlock()
		if ch != nil {
			ch <- f
		}
	}
}

func (b *borrower) call(ctx context.Context, f frame) (frame, error) {
	_, answers, err := b.start(f)
	if err != nil {
		pass(ctx, 20*time.Millisecond)
		return frame{}, err
	}
	select {
	case got, ok := <-answers:
		if !ok {
			return frame{}, store.ErrUnknown
		}
		return got, got.err()
	case <-ctx.Done():
		return frame{}, fmt.Errorf("%w: %w", store.ErrUnknown, ctx.Err())
	}
}

func (b *borrower) Bucket(name string) store.KV { return borrowedKV{b, name} }
func (b *borrower) Queue() store.Queue          { return borrowedQueue{b} }
func (b *borrower) Timer() store.Timer          { return borrowedTimer{b} }
func (b *borrower) Ready() error                { return nil }

type borrowedKV struct {
	b    *borrower
	name string
}

func (k borrowedKV) Get(ctx context.Context, key string) (store.Entry, error) {
	f, err := k.b.call(ctx, frame{Op: "get", Bucket: k.name, Key: key})
	return f.entry(), err
}

func (k borrowedKV) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	f, err := k.b.call(ctx, frame{Op: "create", Bucket: k.name, Key: key, Value: value})
	return f.Number, err
}

func (k borrowedKV) CreateFor(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	f, err := k.b.call(ctx, frame{Op: "create", Bucket: k.name, Key: key, Value: value, For: ttl})
	return f.Number, err
}

func (k borrowedKV) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	f, err := k.b.call(ctx, frame{Op: "update", Bucket: k.name, Key: key, Value: value, Number: revision})
	return f.Number, err
}

func (k borrowedKV) UpdateFor(context.Context, string, []byte, uint64, time.Duration) (uint64, error) {
	return 0, errors.ErrUnsupported
}

func (k borrowedKV) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := k.b.call(ctx, frame{Op: "delete", Bucket: k.name, Key: key, Number: revision})
	return err
}

func (k borrowedKV) List(ctx context.Context, prefix string) ([]store.Entry, error) {
	f, err := k.b.call(ctx, frame{Op: "list", Bucket: k.name, Key: prefix})
	var out []store.Entry
	for _, e := range f.Many {
		out = append(out, e.entry())
	}
	return out, err
}

func (k borrowedKV) Watch(ctx context.Context, prefix string) (<-chan store.Entry, error) {
	_, answers, err := k.b.start(frame{Op: "watch", Bucket: k.name, Key: prefix})
	if err != nil {
		return nil, err
	}
	out := make(chan store.Entry)
	go func() {
		defer close(out)
		for f := range answers {
			if !f.More {
				return
			}
			e := f.entry()
			e.Deleted = f.First
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

type borrowedQueue struct{ b *borrower }

func (q borrowedQueue) Publish(ctx context.Context, id string, data []byte) (uint64, bool, error) {
	f, err := q.b.call(ctx, frame{Op: "publish", Key: id, Value: data})
	return f.Number, f.First, err
}

func (q borrowedQueue) Pull(ctx context.Context, most int) ([]store.Lease, error) {
	f, err := q.b.call(ctx, frame{Op: "pull", Number: uint64(most)})
	var out []store.Lease
	for _, l := range f.Many {
		out = append(out, &borrowedLease{b: q.b, f: l})
	}
	return out, err
}

type borrowedLease struct {
	b *borrower
	f frame
}

func (l *borrowedLease) ID() string       { return l.f.Key }
func (l *borrowedLease) Sequence() uint64 { return l.f.Number }
func (l *borrowedLease) Data() []byte     { return l.f.Value }
func (l *borrowedLease) Deliveries() int  { n, _ := strconv.Atoi(l.f.Op); return n }

func (l *borrowedLease) Extend(ctx context.Context) error { return l.say(ctx, "extend", 0) }
func (l *borrowedLease) Ack(ctx context.Context) error    { return l.say(ctx, "ack", 0) }
func (l *borrowedLease) Nak(ctx context.Context, delay time.Duration) error {
	return l.say(ctx, "nak", delay)
}

func (l *borrowedLease) say(ctx context.Context, word string, d time.Duration) error {
	_, err := l.b.call(ctx, frame{Op: word, Lease: l.f.Lease, For: d})
	return err
}

type borrowedTimer struct{ b *borrower }

func (t borrowedTimer) At(ctx context.Context, name string, at time.Time, data []byte) error {
	_, err := t.b.call(ctx, frame{Op: "at", Key: name, At: at, Value: data})
	return err
}

func (t borrowedTimer) Cancel(ctx context.Context, name string) error {
	_, err := t.b.call(ctx, frame{Op: "cancel", Key: name})
	return err
}
