package storetest

import (
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store"
)

func storeTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"store/ready":         ready,
		"store/closed":        closed,
		"store/unknown names": unknownNames,
		"store/sure":          sure,
	}
}

func ready(t *testing.T, s *subject) {
	if err := s.Ready(); err != nil {
		t.Errorf("Ready of an open store = %v, want nil", err)
	}
}

func closed(_ *testing.T, s *subject) {
	s.publish("a", "x")
	l := s.pull()
	waiting := make(chan error, 1)
	go func() {
		_, err := s.Queue().Pull(s.ctx(), 1)
		waiting <- err
	}()
	s.stop()
	s.is("pull under way", <-waiting, store.ErrClosed)
	s.is("ready", s.Ready(), store.ErrClosed)
	kv := s.Bucket(store.Guards)
	_, err := kv.Get(s.ctx(), "k")
	s.is("get", err, store.ErrClosed)
	_, err = kv.Create(s.ctx(), "k", nil)
	s.is("create", err, store.ErrClosed)
	_, err = kv.CreateFor(s.ctx(), "k", nil, time.Second)
	s.is("create for", err, store.ErrClosed)
	_, err = kv.Update(s.ctx(), "k", nil, 1)
	s.is("update", err, store.ErrClosed)
	_, err = kv.UpdateFor(s.ctx(), "k", nil, 1, time.Second)
	s.is("update for", err, store.ErrClosed)
	s.is("delete", kv.Delete(s.ctx(), "k", 1), store.ErrClosed)
	_, err = kv.List(s.ctx(), "")
	s.is("list", err, store.ErrClosed)
	_, err = kv.Watch(s.ctx(), "")
	s.is("watch", err, store.ErrClosed)
	_, _, err = s.Queue().Publish(s.ctx(), "b", nil)
	s.is("publish", err, store.ErrClosed)
	_, err = s.Queue().Pull(s.ctx(), 1)
	s.is("pull", err, store.ErrClosed)
	s.is("extend", l.Extend(s.ctx()), store.ErrClosed)
	s.is("ack", l.Ack(s.ctx()), store.ErrClosed)
	s.is("nak", l.Nak(s.ctx(), 0), store.ErrClosed)
	s.is("timer", s.Timer().At(s.ctx(), "t", time.Now(), nil), store.ErrClosed)
	s.is("cancel", s.Timer().Cancel(s.ctx(), "t"), store.ErrClosed)
	_, err = s.Leader().Campaign(s.ctx(), "r", "o")
	s.is("campaign", err, store.ErrClosed)
	_, err = s.Log(store.Audit).Append(s.ctx(), "a", nil, 0)
	s.is("append", err, store.ErrClosed)
	_, err = s.Log(store.Audit).Read(s.ctx(), 1, 1)
	s.is("read", err, store.ErrClosed)
	_, err = s.Log(store.Audit).Last(s.ctx())
	s.is("last", err, store.ErrClosed)
	_, err = store.CreateSure(s.ctx(), kv, "k", nil)
	s.is("create sure", err, store.ErrClosed)
	if err := s.Close(s.ctx()); err != nil {
		s.t.Errorf("second close = %v, want nil", err)
	}
}

func unknownNames(t *testing.T, s *subject) {
	for _, name := range []string{"", "meta", "Runs", "runs-0"} {
		for what, call := range map[string]func(){"Bucket": func() { s.Bucket(name) }, "Log": func() { s.Log(name) }} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s(%q) did not panic", what, name)
					}
				}()
				call()
			}()
		}
	}
}

func sure(t *testing.T, s *subject) {
	kv := s.Bucket(store.Runs)
	first, err := store.CreateSure(s.ctx(), kv, "k", []byte("1"))
	s.must(err)
	again, err := store.CreateSure(s.ctx(), kv, "k", []byte("1"))
	if err != nil || again != first {
		t.Errorf("CreateSure of the same bytes = %d, %v; want %d", again, err, first)
	}
	_, err = store.CreateSure(s.ctx(), kv, "k", []byte("2"))
	s.is("CreateSure of other bytes", err, store.ErrConflict)
	second, err := store.UpdateSure(s.ctx(), kv, "k", []byte("2"), first)
	s.must(err)
	again, err = store.UpdateSure(s.ctx(), kv, "k", []byte("2"), first)
	if err != nil || again != second {
		t.Errorf("UpdateSure of the same bytes = %d, %v; want %d", again, err, second)
	}
	_, err = store.UpdateSure(s.ctx(), kv, "k", []byte("3"), first)
	s.is("UpdateSure over an old revision", err, store.ErrConflict)
	_, err = store.UpdateSure(s.ctx(), kv, "none", []byte("3"), first)
	s.is("UpdateSure of an absent key", err, store.ErrConflict)
}
