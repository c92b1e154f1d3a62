package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// lookEvery is how long a reader trusts a consumer that delivers nothing, and lookAgain how long a message that was found by looking may be on its way.
const (
	lookEvery = 3 * time.Second
	lookAgain = 200 * time.Millisecond
)

// errSilent says that a consumer did not deliver what is there.
var errSilent = errors.New("consumer delivers nothing")

// watch is one Watch of a bucket: a consumer per shard, merged into one channel. Keys do not move between shards, so the order per key holds.
type watch struct {
	b      *bucket
	prefix string
	out    chan Entry
	// first counts the shards whose live entries are not all sent; changed is closed when the reader has the mark after them.
	first   sync.WaitGroup
	changed chan struct{}
}

// Watch implements KV.
func (b *bucket) Watch(ctx context.Context, prefix string) (<-chan Entry, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	if err := b.w.open(ctx); err != nil {
		return nil, fmt.Errorf("watch %s* in %s: %w", prefix, b.name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	v := &watch{b: b, prefix: prefix, out: make(chan Entry), changed: make(chan struct{})}
	var readers []*reader
	for _, shard := range b.shardsUnder(prefix) {
		r := &reader{v: v, stream: streamOf(b.name, shard), filter: b.filter(shard, prefix)}
		if err := r.open(ctx); err != nil {
			cancel()
			for _, r := range readers {
				r.close()
			}
			return nil, fmt.Errorf("watch %s* in %s: %w", prefix, b.name, err)
		}
		readers = append(readers, r)
	}
	v.first.Add(len(readers))
	b.e.background.Go(func() {
		v.run(ctx, cancel, readers)
	})
	return v.out, nil
}

// run sends everything until ctx ends or the store is closed.
func (v *watch) run(ctx context.Context, cancel context.CancelFunc, readers []*reader) {
	defer close(v.out)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for _, r := range readers {
		all.Go(func() { r.run(ctx) })
	}
	all.Go(func() {
		v.first.Wait() // readers count down at the latest when they end
		if v.send(ctx, Entry{}) {
			close(v.changed)
		}
	})
	select {
	case <-ctx.Done():
	case <-v.b.w.closed:
	}
}

func (v *watch) send(ctx context.Context, e Entry) bool {
	select {
	case v.out <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// reader follows one stream.
type reader struct {
	v              *watch
	stream, filter string
	last           uint64 // sequence number of the last message that was handed on
	missed         uint64 // if after last, a message that a look found
	listing        bool   // live entries are still coming
	messages       jetstream.MessagesContext
}

// open makes the consumer: at first from the last state of every key, later from where the reader stopped.
func (r *reader) open(ctx context.Context) error {
	// The server forgets a consumer whose reader died after the threshold.
	c := jetstream.OrderedConsumerConfig{FilterSubjects: []string{r.filter}, InactiveThreshold: time.Minute}
	if r.last == 0 {
		c.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	} else {
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.last+1
	}
	ctx, cancel := r.v.b.w.bound(ctx)
	defer cancel()
	consumer, err := r.v.b.w.js.OrderedConsumer(ctx, r.stream, c)
	if err != nil {
		return r.v.b.w.unheard("open", err)
	}
	if r.last == 0 {
		r.listing = consumer.CachedInfo().NumPending > 0
	}
	if r.messages, err = consumer.Messages(); err != nil {
		return r.v.b.w.unheard("open", err)
	}
	return nil
}

// close ends the consumer.
func (r *reader) close() {
	if r.messages != nil {
		r.messages.Stop()
	}
}

// run hands on the messages until ctx ends.
func (r *reader) run(ctx context.Context) {
	defer func() { r.close() }()
	once := sync.OnceFunc(r.v.first.Done)
	defer once()
	for {
		if !r.listing {
			once()
			select {
			case <-r.v.changed:
			case <-ctx.Done():
				return
			}
		}
		m, err := r.next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			r.look(ctx)
		case err != nil:
			r.reopen(ctx, err)
		case !r.hand(ctx, m):
			return
		}
	}
}

// next waits for a message, at most until it is time to look.
func (r *reader) next(ctx context.Context) (jetstream.Msg, error) {
	wait := lookEvery
	if r.missed > r.last {
		wait = lookAgain
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return r.messages.Next(jetstream.NextContext(ctx))
}

// look asks the stream itself whether the consumer kept something back. A consumer can fall silent and still send heartbeats, and the number of
// messages that it says are left can stay above zero; without a look, a reader would wait for ever.
func (r *reader) look(ctx context.Context) {
	missed, err := r.v.b.w.next(ctx, "look behind a watch", r.stream, r.filter, r.last+1)
	switch {
	case errors.Is(err, ErrNotFound):
		r.listing = false
	case err == nil && r.missed <= r.last:
		r.missed = missed.sequence
	case err == nil:
		r.v.b.e.log.Warn("watch: the consumer kept a message back", "stream", r.stream, "after", r.last, "message", missed.sequence)
		r.missed = 0
		r.reopen(ctx, errSilent)
	default: // asked again soon; a server that is down is found out by the connection
		r.v.b.e.log.Debug("watch: cannot look", "stream", r.stream, "error", err)
	}
}

// hand sends one message to the reader of the channel.
func (r *reader) hand(ctx context.Context, m jetstream.Msg) bool {
	meta, err := m.Metadata()
	if err != nil {
		r.v.b.e.log.Warn("watch: message without metadata", "stream", r.stream, "error", err)
		return true
	}
	r.last = meta.Sequence.Stream
	h := m.Headers()
	e := r.v.b.entry(stored{subject: m.Subject(), sequence: r.last, at: written(h, meta.Timestamp), header: h, data: m.Data()})
	ok := true
	if strings.HasPrefix(e.Key, r.v.prefix) && (!r.listing || !e.Deleted) {
		ok = r.v.send(ctx, e)
	}
	if meta.NumPending == 0 {
		r.listing = false
	}
	return ok
}

// reopen replaces a consumer that failed for good, until it works or ctx ends.
func (r *reader) reopen(ctx context.Context, cause error) {
	r.v.b.e.log.Debug("watch: open again", "stream", r.stream, "after", r.last, "error", cause)
	for wait := sureFirst; ctx.Err() == nil; wait = min(2*wait, sureMost) {
		r.close()
		if r.open(ctx) == nil {
			return
		}
		pause(ctx, wait)
	}
}
