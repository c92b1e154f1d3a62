package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

// World is how to make stores of one kind.
type World struct {
	// New makes empty data and returns a function that opens it. The suite opens it again only after the store before was closed.
	New func(t *testing.T) func() store.Store
	// Lease is what the opened stores were given, a whole number of seconds.
	Lease time.Duration
	// Around, if set, runs a test in surroundings of its own, like a bubble of virtual time.
	Around func(t *testing.T, test func(t *testing.T))
}

// Run runs the whole suite.
func Run(t *testing.T, w World) {
	suites := []map[string]func(*testing.T, *subject){bucketTests(), watchTests(), queueTests(), timerTests(), leaderTests(), logTests(), storeTests()}
	for _, suite := range suites {
		for name, test := range suite {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				around := w.Around
				if around == nil {
					around = func(t *testing.T, test func(*testing.T)) { test(t) }
				}
				around(t, func(t *testing.T) {
					s := &subject{t: t, world: w, open: w.New(t)}
					s.Store = s.open()
					defer s.stop()
					test(t, s)
				})
			})
		}
	}
}

// subject is the store under test.
type subject struct {
	store.Store
	t     *testing.T
	world World
	open  func() store.Store
}

// stop closes the store; a store that was closed by the test may say so.
func (s *subject) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil && !errors.Is(err, store.ErrClosed) {
		s.t.Errorf("close: %v", err)
	}
}

// reopen closes the store and opens its data again.
func (s *subject) reopen() {
	s.t.Helper()
	s.stop()
	s.Store = s.open()
}

// ctx is a context that ends with the test and has a deadline well above anything that the suite waits for.
func (s *subject) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	s.t.Cleanup(cancel)
	return ctx
}

// short is a context for what must not happen within d.
func (s *subject) short(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	s.t.Cleanup(cancel)
	return ctx
}

// must stops the test on an error.
func (s *subject) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// create makes a key and returns its revision.
func (s *subject) create(bucket, key, value string) uint64 {
	s.t.Helper()
	revision, err := s.Bucket(bucket).Create(s.ctx(), key, []byte(value))
	s.must(err)
	return revision
}

// pull takes exactly one message.
func (s *subject) pull() store.Lease {
	s.t.Helper()
	got, err := s.Queue().Pull(s.ctx(), 1)
	s.must(err)
	if len(got) != 1 {
		s.t.Fatalf("Pull(1) = %d messages, want 1", len(got))
	}
	return got[0]
}

// publish stores one message.
func (s *subject) publish(id, data string) uint64 {
	s.t.Helper()
	sequence, first, err := s.Queue().Publish(s.ctx(), id, []byte(data))
	s.must(err)
	if !first {
		s.t.Fatalf("Publish(%s): not the first", id)
	}
	return sequence
}

// none checks that nothing is delivered within d.
func (s *subject) none(d time.Duration) {
	s.t.Helper()
	if got, err := s.Queue().Pull(s.short(d), 1); err == nil {
		s.t.Fatalf("Pull within %v = %s (delivery %d), want nothing", d, got[0].ID(), got[0].Deliveries())
	}
}

// is checks an error.
func (s *subject) is(what string, got, want error) {
	s.t.Helper()
	if !errors.Is(got, want) {
		s.t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

// keys returns "key=value" of entries.
func keys(entries []store.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%s=%s", e.Key, e.Value))
	}
	return out
}
