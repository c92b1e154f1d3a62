package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

func queueTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"queue/publish and acknowledge": publishAndAck,
		"queue/same id":                 sameID,
		"queue/lease runs out":          leaseRunsOut,
		"queue/extend":                  extend,
		"queue/give back":               giveBack,
		"queue/no more than asked":      noMoreThanAsked,
		"queue/pull ends":               pullEnds,
		"queue/each to one":             eachToOne,
		"queue/survives":                queueSurvives,
	}
}

func publishAndAck(t *testing.T, s *subject) {
	first := s.publish("a", "1")
	second := s.publish("b", "2")
	if second <= first {
		t.Errorf("sequence %d after %d, want a higher one", second, first)
	}
	got, err := s.Queue().Pull(s.ctx(), 10)
	s.must(err)
	if len(got) != 2 || got[0].ID() != "a" || string(got[0].Data()) != "1" || got[0].Sequence() != first || got[0].Deliveries() != 1 || got[1].ID() != "b" {
		t.Fatalf("pull = %v, want a and b", got)
	}
	s.must(got[0].Ack(s.ctx()))
	s.is("second ack", got[0].Ack(s.ctx()), store.ErrLost)
	s.must(got[1].Ack(s.ctx()))
	s.none(s.world.Lease + 500*time.Millisecond)
}

// sameID checks that a repeated id gives the first sequence, while the message waits, after it was acknowledged, and after a restart: the repeat
// of a chat event must be the same run, also when the run is long over.
func sameID(t *testing.T, s *subject) {
	want := s.publish("event-1", "x")
	repeat := func(when string) {
		t.Helper()
		got, first, err := s.Queue().Publish(s.ctx(), "event-1", []byte("other"))
		s.must(err)
		if first || got != want {
			t.Errorf("repeat %s = %d, first %v; want %d, false", when, got, first, want)
		}
	}
	repeat("while it waits")
	s.reopen()
	repeat("after a restart")
	l := s.pull()
	if string(l.Data()) != "x" {
		t.Errorf("data = %q, want x", l.Data())
	}
	repeat("under lease")
	s.must(l.Ack(s.ctx()))
	repeat("after the acknowledgement")
	s.reopen()
	repeat("after the acknowledgement and a restart")
	s.none(200 * time.Millisecond)
	if other := s.publish("event-2", "x"); other == want {
		t.Errorf("sequence of another id = %d too", other)
	}
}

func leaseRunsOut(t *testing.T, s *subject) {
	s.publish("a", "x")
	l := s.pull()
	start := time.Now()
	again := s.pull()
	took := time.Since(start)
	if again.ID() != "a" || again.Deliveries() != 2 || took < s.world.Lease-100*time.Millisecond || took > s.world.Lease+2*time.Second {
		t.Errorf("second delivery: %s number %d after %v, want a, 2 and %v", again.ID(), again.Deliveries(), took, s.world.Lease)
	}
	s.is("extend of a lease that ran out", l.Extend(s.ctx()), store.ErrLost)
	s.is("nak of a lease that ran out", l.Nak(s.ctx(), 0), store.ErrLost)
	s.is("ack of a lease that ran out", l.Ack(s.ctx()), store.ErrLost)
	s.must(again.Ack(s.ctx()))
}

func extend(t *testing.T, s *subject) {
	s.publish("a", "x")
	l := s.pull()
	for range 4 {
		s.none(s.world.Lease / 2)
		s.must(l.Extend(s.ctx()))
	}
	s.must(l.Ack(s.ctx()))
	s.none(s.world.Lease + 500*time.Millisecond)
	s.is("extend after the ack", l.Extend(s.ctx()), store.ErrLost)
}

func giveBack(t *testing.T, s *subject) {
	s.publish("a", "x")
	l := s.pull()
	s.must(l.Nak(s.ctx(), 0))
	s.is("ack after nak", l.Ack(s.ctx()), store.ErrLost)
	l = s.pull()
	if l.Deliveries() != 2 {
		t.Errorf("delivery %d after nak, want 2", l.Deliveries())
	}
	start := time.Now()
	s.must(l.Nak(s.ctx(), 700*time.Millisecond))
	l = s.pull()
	if took := time.Since(start); took < 690*time.Millisecond || took > 3*time.Second {
		t.Errorf("came back after %v, want 700 ms", took)
	}
	s.must(l.Ack(s.ctx()))
}

// noMoreThanAsked is rule 6: what is not asked for is not leased, so another can have it at once.
func noMoreThanAsked(t *testing.T, s *subject) {
	for i := range 5 {
		s.publish(fmt.Sprint("m-", i), "x")
	}
	got, err := s.Queue().Pull(s.ctx(), 2)
	s.must(err)
	if len(got) != 2 {
		t.Fatalf("Pull(2) = %d messages, want 2", len(got))
	}
	start := time.Now()
	rest, err := s.Queue().Pull(s.ctx(), 9)
	s.must(err)
	if len(rest) != 3 || rest[0].Deliveries() != 1 || time.Since(start) > s.world.Lease/2 {
		t.Errorf("the rest = %d messages after %v, want 3 at once", len(rest), time.Since(start))
	}
	if _, err := s.Queue().Pull(s.ctx(), 0); err == nil {
		t.Error("Pull(0) = nil, want an error")
	}
}

// pullEnds checks that a Pull that was given up takes no message with it.
func pullEnds(t *testing.T, s *subject) {
	for i := range 3 {
		ctx, cancel := context.WithCancel(s.ctx())
		done := make(chan error, 1)
		go func() {
			_, err := s.Queue().Pull(ctx, 1)
			done <- err
		}()
		cancel()
		if err := <-done; err == nil {
			t.Error("Pull after the end of ctx = nil, want its error")
		}
		start := time.Now()
		s.publish(fmt.Sprint("m-", i), "x")
		l := s.pull()
		if took := time.Since(start); took > s.world.Lease/2 {
			t.Errorf("message came after %v, want at once", took)
		}
		s.must(l.Ack(s.ctx()))
	}
}

func eachToOne(t *testing.T, s *subject) {
	const n = 200
	var mu sync.Mutex
	seen := map[string]int{}
	var workers sync.WaitGroup
	ctx, cancel := context.WithCancel(s.ctx())
	defer cancel()
	for range 8 {
		workers.Go(func() {
			for {
				got, err := s.Queue().Pull(ctx, 3)
				if err != nil {
					return
				}
				for _, l := range got {
					mu.Lock()
					seen[l.ID()]++
					if len(seen) == n {
						cancel()
					}
					mu.Unlock()
					if err := l.Ack(s.ctx()); err != nil {
						t.Errorf("ack %s: %v", l.ID(), err)
					}
				}
			}
		})
	}
	for i := range n {
		s.publish(fmt.Sprint("m-", i), "x")
	}
	workers.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was delivered %d times, want once", id, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d messages came, want %d", len(seen), n)
	}
}

func queueSurvives(t *testing.T, s *subject) {
	waiting := s.publish("waiting", "1")
	s.reopen()
	l := s.pull()
	if l.ID() != "waiting" || l.Sequence() != waiting {
		t.Errorf("after reopening: %s, %d; want waiting, %d", l.ID(), l.Sequence(), waiting)
	}
	s.reopen()
	l = s.pull()
	if l.ID() != "waiting" || l.Deliveries() != 2 {
		t.Errorf("after reopening under lease: %s, delivery %d; want waiting, 2", l.ID(), l.Deliveries())
	}
	if next := s.publish("next", "2"); next <= waiting {
		t.Errorf("sequence %d after reopening, want above %d", next, waiting)
	}
}
