package storetest

import (
	"testing"
	"time"
)

func timerTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"timer/never early": neverEarly,
		"timer/replaced":    replaced,
		"timer/cancelled":   cancelled,
		"timer/past":        past,
		"timer/survives":    timerSurvives,
	}
}

// neverEarly sets timers between two whole seconds, where the server would fire early if it were let.
func neverEarly(t *testing.T, s *subject) {
	base := time.Now().Truncate(time.Second).Add(2 * time.Second)
	want := map[string]time.Time{}
	for name, part := range map[string]time.Duration{"a": 1, "b": 500 * time.Millisecond, "c": 999_999_999, "d/ with *.> and so on": 0} {
		want[name] = base.Add(part)
		s.must(s.Timer().At(s.ctx(), name, want[name], []byte("t-"+name)))
	}
	for range len(want) {
		l := s.pull()
		at, ok := want[l.ID()]
		late := time.Since(at)
		if !ok || string(l.Data()) != "t-"+l.ID() || late < 0 || late > 3*time.Second {
			t.Errorf("timer %q with %q came %v after its time, want 0 to 2 s", l.ID(), l.Data(), late)
		}
		delete(want, l.ID())
		s.must(l.Ack(s.ctx()))
	}
	s.none(s.world.Lease)
}

func replaced(t *testing.T, s *subject) {
	s.must(s.Timer().At(s.ctx(), "t", time.Now().Add(time.Second), []byte("old")))
	s.must(s.Timer().At(s.ctx(), "t", time.Now().Add(time.Hour), []byte("older")))
	at := time.Now().Add(2 * time.Second)
	s.must(s.Timer().At(s.ctx(), "t", at, []byte("new")))
	l := s.pull()
	if string(l.Data()) != "new" || time.Now().Before(at) {
		t.Errorf("timer came with %q %v before its time, want new", l.Data(), time.Until(at))
	}
	s.must(l.Ack(s.ctx()))
	s.none(s.world.Lease)
}

func cancelled(_ *testing.T, s *subject) {
	s.must(s.Timer().At(s.ctx(), "t", time.Now().Add(time.Second), nil))
	s.must(s.Timer().Cancel(s.ctx(), "t"))
	s.must(s.Timer().Cancel(s.ctx(), "t"))
	s.must(s.Timer().Cancel(s.ctx(), "never-set"))
	s.none(3 * time.Second)
}

func past(t *testing.T, s *subject) {
	s.must(s.Timer().At(s.ctx(), "t", time.Now().Add(-time.Hour), []byte("x")))
	start := time.Now()
	if l := s.pull(); l.ID() != "t" || time.Since(start) > 2*time.Second {
		t.Errorf("timer of the past: %s after %v, want t at once", l.ID(), time.Since(start))
	}
}

// timerSurvives covers a timer that comes due while the store is closed, and one after that.
func timerSurvives(t *testing.T, s *subject) {
	due := time.Now().Add(time.Second)
	s.must(s.Timer().At(s.ctx(), "due", due, []byte("x")))
	later := time.Now().Add(3 * time.Second)
	s.must(s.Timer().At(s.ctx(), "later", later, []byte("y")))
	s.must(s.Timer().At(s.ctx(), "never", later, []byte("y")))
	s.must(s.Timer().Cancel(s.ctx(), "never"))
	s.stop()
	time.Sleep(time.Until(due.Truncate(time.Second).Add(time.Second))) // not a synchronisation: the time itself has to pass
	s.Store = s.open()
	for _, want := range []struct {
		name string
		at   time.Time
	}{{"due", due}, {"later", later}} {
		l := s.pull()
		if l.ID() != want.name || time.Now().Before(want.at) {
			t.Errorf("after reopening: %s %v before its time, want %s", l.ID(), time.Until(want.at), want.name)
		}
		s.must(l.Ack(s.ctx()))
	}
	s.none(s.world.Lease)
}
