package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// bucket implements KV over one or more streams that keep the last message per subject.
type bucket struct {
	name string
	w    *wire
	e    *Engine
}

// place returns the stream and the subject of a key.
func (b *bucket) place(key string) (stream, subject string) {
	shard := shardOf(b.name, key)
	return streamOf(b.name, shard), subjectOf(b.name, shard, key)
}

// Get implements KV.
func (b *bucket) Get(ctx context.Context, key string) (Entry, error) {
	if err := CheckKey(key); err != nil {
		return Entry{}, err
	}
	what := "get " + key + " from " + b.name
	stream, subject := b.place(key)
	got, err := b.w.last(ctx, what, stream, subject)
	if err != nil {
		return Entry{}, err
	}
	if gone(got.header) {
		return Entry{}, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return b.entry(got), nil
}

// entry makes an Entry of a stored message.
func (b *bucket) entry(s stored) Entry {
	key := s.subject[len(subjectOf(b.name, 0, "")):] // the shard has one digit
	return Entry{Key: key, Value: s.data, Revision: s.sequence, At: s.at, Deleted: gone(s.header)}
}

// Create implements KV.
func (b *bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.create(ctx, key, value, 0)
}

// CreateFor implements KV.
func (b *bucket) CreateFor(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if err := CheckTTL(b.name, key, ttl); err != nil {
		return 0, err
	}
	return b.create(ctx, key, value, ttl)
}

// createTries bounds how often create chases a mark that others remove and make; one that the server cannot read would be chased for ever.
const createTries = 8

// create writes over nothing, or over the mark of a deletion.
func (b *bucket) create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	var expect uint64
	for range createTries {
		revision, err := b.write(ctx, "create", key, value, expect, ttl)
		if err == nil || !errors.Is(err, ErrConflict) {
			return revision, err
		}
		stream, subject := b.place(key)
		have, err := b.w.last(ctx, "create "+key+" in "+b.name, stream, subject)
		switch {
		case errors.Is(err, ErrNotFound): // the mark was removed in between
			expect = 0
		case err != nil:
			return 0, err
		case !gone(have.header):
			return 0, fmt.Errorf("create %s in %s: exists at revision %d: %w", key, b.name, have.sequence, ErrConflict)
		default:
			expect = have.sequence
		}
	}
	return 0, fmt.Errorf("create %s in %s: the server says that it exists and cannot read it: its record is damaged, or it changes all the time", key, b.name)
}

// Update implements KV.
func (b *bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.update(ctx, key, value, revision, 0)
}

// UpdateFor implements KV.
func (b *bucket) UpdateFor(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if err := CheckTTL(b.name, key, ttl); err != nil {
		return 0, err
	}
	return b.update(ctx, key, value, revision, ttl)
}

func (b *bucket) update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if revision == 0 {
		return 0, fmt.Errorf("update %s in %s: revision 0 is no revision: %w", key, b.name, ErrConflict)
	}
	return b.write(ctx, "update", key, value, revision, ttl)
}

// write puts the key if its last message has the sequence number expect, 0 for none.
func (b *bucket) write(ctx context.Context, verb, key string, value []byte, expect uint64, ttl time.Duration) (uint64, error) {
	if err := CheckKey(key); err != nil {
		return 0, err
	}
	if err := CheckValue(key+" in "+b.name, value); err != nil {
		return 0, err
	}
	stream, subject := b.place(key)
	m := &nats.Msg{Subject: subject, Data: value, Header: nats.Header{headerExpectKey: {strconv.FormatUint(expect, 10)}}}
	if ttl > 0 {
		m.Header[headerTTL] = []string{ttl.String()}
	}
	what := verb + " " + key + " in " + b.name + " over revision " + m.Header.Get(headerExpectKey)
	ack, err := b.w.publish(ctx, what, stream, m)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// Delete implements KV. It writes a mark, which a later check against an export tells from a loss; Sweep removes it in the end.
func (b *bucket) Delete(ctx context.Context, key string, revision uint64) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	what := "delete " + key + " from " + b.name + " at revision " + strconv.FormatUint(revision, 10)
	if revision == 0 {
		return fmt.Errorf("%s: revision 0 is no revision: %w", what, ErrConflict)
	}
	stream, subject := b.place(key)
	_, err := b.w.publish(ctx, what, stream, &nats.Msg{Subject: subject, Header: nats.Header{
		headerExpectKey: {strconv.FormatUint(revision, 10)},
		headerOperation: {"DEL"},
	}})
	return err
}

// List implements KV.
func (b *bucket) List(ctx context.Context, prefix string) ([]Entry, error) {
	all, err := b.states(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(e Entry) bool { return e.Deleted }), nil
}

// states returns the last state of every key under prefix, deletions included, sorted by key.
func (b *bucket) states(ctx context.Context, prefix string) ([]Entry, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	newest := map[string]Entry{}
	for _, shard := range b.shardsUnder(prefix) {
		err := b.w.walk(ctx, "list "+prefix+"* in "+b.name, streamOf(b.name, shard), b.filter(shard, prefix), 1, page, func(s stored) bool {
			if e := b.entry(s); strings.HasPrefix(e.Key, prefix) {
				newest[e.Key] = e
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(newest), func(x, y Entry) int { return cmp.Compare(x.Key, y.Key) }), nil
}

// shardsUnder returns the shards that hold keys under prefix: one if the first part is complete.
func (b *bucket) shardsUnder(prefix string) []int {
	if strings.Contains(prefix, ".") {
		return []int{shardOf(b.name, prefix)}
	}
	all := make([]int, shards(b.name))
	for i := range all {
		all[i] = i
	}
	return all
}

// filter returns the narrowest subject with a wildcard that covers prefix.
func (b *bucket) filter(shard int, prefix string) string {
	return subjectOf(b.name, shard, prefix[:strings.LastIndex(prefix, ".")+1]+">")
}
