package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

func leaderTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"leader/takeover":      takeover,
		"leader/lost key":      lostKey,
		"leader/stays":         stays,
		"leader/one at a time": oneAtATime,
		"leader/closed":        leaderClosed,
	}
}

func (s *subject) lead(owner string) store.Term {
	s.t.Helper()
	term, err := s.Leader().Campaign(s.ctx(), "gateway", owner)
	s.must(err)
	return term
}

func over(term store.Term) bool {
	select {
	case <-term.Done():
		return true
	default:
		return false
	}
}

func takeover(t *testing.T, s *subject) {
	first := s.lead("a")
	if _, err := s.Leader().Campaign(s.short(time.Second), "gateway", "b"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second campaign = %v, want to wait until its ctx ends", err)
	}
	if other, err := s.Leader().Campaign(s.ctx(), "clock", "b"); err != nil || over(other) {
		t.Errorf("campaign for another role = %v", err)
	}
	next := make(chan store.Term, 1)
	go func() {
		term, err := s.Leader().Campaign(s.ctx(), "gateway", "b")
		if err != nil {
			t.Errorf("campaign: %v", err)
		}
		next <- term
	}()
	s.must(first.Resign(s.ctx()))
	if !over(first) {
		t.Error("the term goes on after Resign")
	}
	if e, err := s.Bucket(store.Leaders).Get(s.ctx(), "gateway"); err == nil && !strings.Contains(string(e.Value), `"b"`) || err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after Resign the role is %s, %v, want it free or the other's", e.Value, err)
	}
	second := <-next // at once, or when the watch has looked after itself
	if over(second) {
		t.Error("the second's term is over when it begins")
	}
	s.must(first.Resign(s.ctx()))
	if over(second) {
		t.Error("a second Resign of the first ended the second's term")
	}
}

// lostKey takes the key away under the leader, as a partition would.
func lostKey(t *testing.T, s *subject) {
	first := s.lead("a")
	kv := s.Bucket(store.Leaders)
	for {
		e, err := kv.Get(s.ctx(), "gateway")
		s.must(err)
		if err := kv.Delete(s.ctx(), "gateway", e.Revision); err == nil {
			break
		}
	}
	second := s.lead("b")
	<-first.Done()
	if over(second) {
		t.Error("the second's term is over too")
	}
}

func stays(t *testing.T, s *subject) {
	term := s.lead("a")
	select {
	case <-term.Done():
		t.Error("the term ended although its leader lives")
	case <-time.After(2 * store.LeaderTTL):
	}
	s.must(term.Resign(s.ctx()))
}

func oneAtATime(t *testing.T, s *subject) {
	var mu sync.Mutex
	leading := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			term, err := s.Leader().Campaign(s.ctx(), "gateway", "x")
			if err != nil {
				t.Errorf("campaign: %v", err)
				return
			}
			mu.Lock()
			leading++
			if leading != 1 {
				t.Errorf("%d lead at once", leading)
			}
			leading--
			mu.Unlock()
			if err := term.Resign(s.ctx()); err != nil {
				t.Errorf("resign: %v", err)
			}
		})
	}
	all.Wait()
}

func leaderClosed(t *testing.T, s *subject) {
	term := s.lead("a")
	s.stop()
	<-term.Done()
	s.Store = s.open()
	start := time.Now()
	s.lead("b")
	if took := time.Since(start); took > store.LeaderTTL/2 {
		t.Errorf("the next process leads after %v, want at once", took)
	}
}
