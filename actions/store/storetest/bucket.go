package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
)

func bucketTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"bucket/compare and set": compareAndSet,
		"bucket/delete":          deletes,
		"bucket/list":            lists,
		"bucket/bad keys":        badKeys,
		"bucket/sizes":           sizes,
		"bucket/ends":            ends,
		"bucket/one winner":      oneWinner,
		"bucket/own bytes":       ownBytes,
		"bucket/survives":        survives,
	}
}

func compareAndSet(t *testing.T, s *subject) {
	for _, bucket := range store.Buckets() {
		kv := s.Bucket(bucket)
		_, err := kv.Get(s.ctx(), "a.b")
		s.is("get of an absent key in "+bucket, err, store.ErrNotFound)
		_, err = kv.Update(s.ctx(), "a.b", nil, 7)
		s.is("update of an absent key in "+bucket, err, store.ErrConflict)
		first := s.create(bucket, "a.b", "one")
		_, err = kv.Create(s.ctx(), "a.b", []byte("again"))
		s.is("second create in "+bucket, err, store.ErrConflict)
		_, err = kv.Update(s.ctx(), "a.b", nil, 0)
		s.is("update over revision 0 in "+bucket, err, store.ErrConflict)
		second, err := kv.Update(s.ctx(), "a.b", []byte("two"), first)
		s.must(err)
		if second <= first {
			t.Errorf("revision %d after %d in %s, want a higher one", second, first, bucket)
		}
		_, err = kv.Update(s.ctx(), "a.b", []byte("late"), first)
		s.is("update over an old revision in "+bucket, err, store.ErrConflict)
		got, err := kv.Get(s.ctx(), "a.b")
		s.must(err)
		if got.Key != "a.b" || string(got.Value) != "two" || got.Revision != second || got.Deleted || time.Since(got.At).Abs() > time.Minute {
			t.Errorf("get in %s = %+v, want a.b=two at revision %d of now", bucket, got, second)
		}
	}
}

func deletes(t *testing.T, s *subject) {
	kv := s.Bucket(store.Inventory)
	s.is("delete of an absent key", kv.Delete(s.ctx(), "n", 1), store.ErrConflict)
	first := s.create(store.Inventory, "n", "one")
	s.is("delete over revision 0", kv.Delete(s.ctx(), "n", 0), store.ErrConflict)
	s.is("delete over another revision", kv.Delete(s.ctx(), "n", first+1), store.ErrConflict)
	s.must(kv.Delete(s.ctx(), "n", first))
	_, err := kv.Get(s.ctx(), "n")
	s.is("get of a deleted key", err, store.ErrNotFound)
	_, err = kv.Update(s.ctx(), "n", nil, first)
	s.is("update of a deleted key", err, store.ErrConflict)
	if second := s.create(store.Inventory, "n", "two"); second <= first {
		t.Errorf("revision %d of a key made anew, want above %d", second, first)
	}
	_, err = kv.Create(s.ctx(), "n", nil)
	s.is("create of a key made anew", err, store.ErrConflict)
}

func lists(t *testing.T, s *subject) {
	for _, key := range []string{"r-1", "r-1.node.b", "r-1.node.a", "r-10", "r-2.node.a", "q"} {
		s.create(store.Runs, key, "v")
	}
	gone := s.create(store.Runs, "r-1.node.c", "v")
	s.must(s.Bucket(store.Runs).Delete(s.ctx(), "r-1.node.c", gone))
	for prefix, want := range map[string][]string{
		"":            {"q=v", "r-1=v", "r-1.node.a=v", "r-1.node.b=v", "r-10=v", "r-2.node.a=v"},
		"r-1":         {"r-1=v", "r-1.node.a=v", "r-1.node.b=v", "r-10=v"},
		"r-1.":        {"r-1.node.a=v", "r-1.node.b=v"},
		"r-1.no":      {"r-1.node.a=v", "r-1.node.b=v"},
		"r-1.node.b":  {"r-1.node.b=v"},
		"r-2.node.a":  {"r-2.node.a=v"},
		"r-2.node.aa": nil,
		"x":           nil,
	} {
		got, err := s.Bucket(store.Runs).List(s.ctx(), prefix)
		s.must(err)
		if diff := cmp.Diff(want, keys(got)); diff != "" {
			t.Errorf("List(%q): -want +got\n%s", prefix, diff)
		}
	}
}

func badKeys(t *testing.T, s *subject) {
	kv := s.Bucket(store.Inventory)
	for _, key := range []string{"", ".", "a.", ".a", "a..b", "a b", "a*", "a.>", "ä", "a/b", "a\n", strings.Repeat("k", 513)} {
		if _, err := kv.Create(s.ctx(), key, nil); err == nil {
			t.Errorf("Create(%q) = nil, want an error", key)
		}
		if _, err := kv.Get(s.ctx(), key); err == nil {
			t.Errorf("Get(%q) = nil, want an error", key)
		}
	}
	for _, prefix := range []string{"*", ">", "a b", "..", strings.Repeat("k", 513)} {
		if _, err := kv.List(s.ctx(), prefix); err == nil {
			t.Errorf("List(%q) = nil, want an error", prefix)
		}
		if _, err := kv.Watch(s.ctx(), prefix); err == nil {
			t.Errorf("Watch(%q) = nil, want an error", prefix)
		}
	}
	for _, id := range []string{"", " a", "a\nb", "\x7f", "ü", strings.Repeat("i", 513)} {
		if _, _, err := s.Queue().Publish(s.ctx(), id, nil); err == nil {
			t.Errorf("Publish(%q) = nil, want an error", id)
		}
		if err := s.Timer().At(s.ctx(), id, time.Now(), nil); err == nil {
			t.Errorf("At(%q) = nil, want an error", id)
		}
		if _, err := s.Log(store.Audit).Append(s.ctx(), id, nil, 0); err == nil {
			t.Errorf("Append(%q) = nil, want an error", id)
		}
	}
}

func sizes(t *testing.T, s *subject) {
	kv := s.Bucket(store.Runs)
	for _, size := range []int{0, 1, store.MaxValue} {
		value := bytes.Repeat([]byte{'\n'}, size)
		key := fmt.Sprint("size-", size)
		s.create(store.Runs, key, string(value))
		got, err := kv.Get(s.ctx(), key)
		s.must(err)
		if !bytes.Equal(got.Value, value) {
			t.Errorf("value of %d bytes came back with %d", size, len(got.Value))
		}
	}
	big := make([]byte, store.MaxValue+1)
	_, err := kv.Create(s.ctx(), "big", big)
	s.is("create of 1 byte too many", err, store.ErrTooLarge)
	_, _, err = s.Queue().Publish(s.ctx(), "big", big)
	s.is("publish of 1 byte too many", err, store.ErrTooLarge)
	s.is("timer of 1 byte too many", s.Timer().At(s.ctx(), "big", time.Now(), big), store.ErrTooLarge)
	_, err = s.Log(store.Alerts).Append(s.ctx(), "big", big, 0)
	s.is("append of 1 byte too many", err, store.ErrTooLarge)
	s.publish("full", string(big[1:]))
	if got := s.pull(); len(got.Data()) != store.MaxValue {
		t.Errorf("message of %d bytes came with %d", store.MaxValue, len(got.Data()))
	}
	_, err = s.Log(store.Alerts).Append(s.ctx(), "full", big[1:], 0)
	s.must(err)
	all, err := kv.List(s.ctx(), "size")
	s.must(err)
	if len(all) != 3 {
		t.Errorf("list of sizes = %d entries, want 3", len(all))
	}
}

func ends(t *testing.T, s *subject) {
	kv := s.Bucket(store.Guards)
	for _, ttl := range []time.Duration{0, time.Millisecond, 1500 * time.Millisecond} {
		if _, err := kv.CreateFor(s.ctx(), "bad", nil, ttl); err == nil {
			t.Errorf("CreateFor %v = nil, want an error", ttl)
		}
	}
	if _, err := s.Bucket(store.Runs).CreateFor(s.ctx(), "bad", nil, time.Second); err == nil {
		t.Error("CreateFor in runs = nil, want an error")
	}
	start := time.Now()
	_, err := kv.CreateFor(s.ctx(), "short", []byte("x"), time.Second)
	s.must(err)
	lasting, err := kv.CreateFor(s.ctx(), "lasting", []byte("x"), time.Second)
	s.must(err)
	_, err = kv.Update(s.ctx(), "lasting", []byte("y"), lasting)
	s.must(err)
	renewed, err := kv.CreateFor(s.ctx(), "renewed", []byte("x"), time.Second)
	s.must(err)
	_, err = kv.UpdateFor(s.ctx(), "renewed", []byte("y"), renewed, 20*time.Second)
	s.must(err)
	changes, err := kv.Watch(s.ctx(), "")
	s.must(err)
	for e := range changes {
		if e.Deleted {
			if e.Key != "short" || time.Since(start) < time.Second {
				t.Errorf("%s ended after %v, want short, and not before 1 s", e.Key, time.Since(start))
			}
			break
		}
	}
	_, err = kv.Get(s.ctx(), "short")
	s.is("get of a key at its end", err, store.ErrNotFound)
	_, err = kv.CreateFor(s.ctx(), "short", []byte("again"), time.Second)
	s.must(err)
	got, err := kv.List(s.ctx(), "")
	s.must(err)
	if diff := cmp.Diff([]string{"lasting=y", "renewed=y", "short=again"}, keys(got)); diff != "" {
		t.Errorf("list after an end: -want +got\n%s", diff)
	}
}

// oneWinner lets 100 claim the same key at once, and then the same revision.
func oneWinner(t *testing.T, s *subject) {
	kv := s.Bucket(store.Runs)
	revision := s.create(store.Runs, "r-1", "free")
	for _, claim := range []func(i int) error{
		func(i int) error { _, err := kv.Create(s.ctx(), "claim", fmt.Append(nil, i)); return err },
		func(i int) error { _, err := kv.Update(s.ctx(), "r-1", fmt.Append(nil, i), revision); return err },
	} {
		var owners, losers atomic.Int32
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				switch err := claim(i); {
				case err == nil:
					owners.Add(1)
				default:
					s.is("lost claim", err, store.ErrConflict)
					losers.Add(1)
				}
			})
		}
		all.Wait()
		if owners.Load() != 1 || losers.Load() != 99 {
			t.Errorf("100 claims: %d owners and %d losers, want 1 and 99", owners.Load(), losers.Load())
		}
	}
}

// ownBytes checks that neither side sees the other's later changes of a slice.
func ownBytes(t *testing.T, s *subject) {
	value := []byte("value")
	_, err := s.Bucket(store.Desired).Create(s.ctx(), "k", value)
	s.must(err)
	value[0] = 'X'
	got, err := s.Bucket(store.Desired).Get(s.ctx(), "k")
	s.must(err)
	got.Value[1] = 'X'
	got, err = s.Bucket(store.Desired).Get(s.ctx(), "k")
	s.must(err)
	if string(got.Value) != "value" {
		t.Errorf("stored value became %q through a slice, want \"value\"", got.Value)
	}
}

func survives(t *testing.T, s *subject) {
	revision := s.create(store.Runs, "r-1", "one")
	gone := s.create(store.Runs, "r-2", "two")
	s.must(s.Bucket(store.Runs).Delete(s.ctx(), "r-2", gone))
	s.reopen()
	got, err := s.Bucket(store.Runs).Get(s.ctx(), "r-1")
	s.must(err)
	if string(got.Value) != "one" || got.Revision != revision {
		t.Errorf("after reopening: %q at %d, want one at %d", got.Value, got.Revision, revision)
	}
	_, err = s.Bucket(store.Runs).Get(s.ctx(), "r-2")
	s.is("get of a deleted key after reopening", err, store.ErrNotFound)
	_, err = s.Bucket(store.Runs).Update(s.ctx(), "r-1", nil, revision)
	s.must(err)
}
