package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
)

func watchTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"watch/order":       watchOrder,
		"watch/empty":       watchEmpty,
		"watch/slow reader": slowReader,
		"watch/ends":        watchEnds,
	}
}

// take reads n changes as "key=value", "-key" for a deletion and "|" for the mark after the live entries.
func (s *subject) take(changes <-chan store.Entry, n int) []string {
	s.t.Helper()
	var out []string
	late := time.After(10 * time.Second)
	for range n {
		select {
		case e, ok := <-changes:
			switch {
			case !ok:
				s.t.Fatalf("watch ended after %q", out)
			case e.Key == "":
				out = append(out, "|")
			case e.Deleted:
				out = append(out, "-"+e.Key)
			default:
				out = append(out, fmt.Sprintf("%s=%s", e.Key, e.Value))
			}
		case <-late:
			s.t.Fatalf("watch: only %q after 10 s, want %d changes", out, n)
		}
	}
	return out
}

func watchOrder(t *testing.T, s *subject) {
	kv := s.Bucket(store.Runs)
	s.create(store.Runs, "r-1.a", "1")
	gone := s.create(store.Runs, "r-1.b", "1")
	s.must(kv.Delete(s.ctx(), "r-1.b", gone))
	s.create(store.Runs, "r-2.a", "1")
	s.create(store.Runs, "r-3.a", "1")
	one, err := kv.Watch(s.ctx(), "r-1.")
	s.must(err)
	all, err := kv.Watch(s.ctx(), "")
	s.must(err)
	if diff := cmp.Diff([]string{"r-1.a=1", "|"}, s.take(one, 2)); diff != "" {
		t.Errorf("first entries of r-1.: -want +got\n%s", diff)
	}
	if got := s.take(all, 4); got[3] != "|" {
		t.Errorf("first entries of all = %q, want three and then the mark", got)
	}
	// Each change is awaited, so that none is skipped because a newer one replaced it.
	revision := uint64(0)
	for i, want := range []string{"r-1.c=0", "r-1.c=1", "r-1.c=2", "-r-1.c", "r-1.c=4"} {
		switch i {
		case 0, 4:
			revision = s.create(store.Runs, "r-1.c", fmt.Sprint(i))
		case 3:
			s.must(kv.Delete(s.ctx(), "r-1.c", revision))
		default:
			revision, err = kv.Update(s.ctx(), "r-1.c", fmt.Append(nil, i), revision)
			s.must(err)
		}
		if got := s.take(one, 1)[0]; got != want {
			t.Errorf("change %d of r-1.: got %s, want %s", i, got, want)
		}
		if got := s.take(all, 1)[0]; got != want {
			t.Errorf("change %d of all: got %s, want %s", i, got, want)
		}
	}
	s.create(store.Runs, "r-2.c", "x")
	if got := s.take(all, 1)[0]; got != "r-2.c=x" {
		t.Errorf("change elsewhere: all got %s, want r-2.c=x", got)
	}
	select {
	case e := <-one:
		t.Errorf("change elsewhere: r-1. got %s", e.Key)
	default:
	}
}

func watchEmpty(t *testing.T, s *subject) {
	changes, err := s.Bucket(store.Observed).Watch(s.ctx(), "")
	s.must(err)
	if got := s.take(changes, 1)[0]; got != "|" {
		t.Errorf("first of an empty bucket = %s, want the mark", got)
	}
	s.create(store.Observed, "k", "v")
	if got := s.take(changes, 1)[0]; got != "k=v" {
		t.Errorf("then %s, want k=v", got)
	}
}

// slowReader checks that one who does not read holds up nobody, and gets the newest state of every key when it reads at last.
func slowReader(t *testing.T, s *subject) {
	kv := s.Bucket(store.Observed)
	slow, err := kv.Watch(s.ctx(), "")
	s.must(err)
	revision := s.create(store.Observed, "k", "0")
	for i := range 200 {
		revision, err = kv.Update(s.ctx(), "k", fmt.Append(nil, i), revision)
		s.must(err)
	}
	s.create(store.Observed, "end", "x")
	last := uint64(0)
	state := map[string]string{}
	for e := range slow {
		if e.Key != "" && e.Revision <= last {
			t.Fatalf("revision %d came after %d", e.Revision, last)
		}
		last = max(last, e.Revision)
		state[e.Key] = string(e.Value)
		if e.Key == "end" {
			break
		}
	}
	if state["k"] != "199" {
		t.Errorf("k = %s at the end, want 199", state["k"])
	}
}

func watchEnds(t *testing.T, s *subject) {
	ctx, cancel := context.WithCancel(s.ctx())
	cancelled, err := s.Bucket(store.Runs).Watch(ctx, "")
	s.must(err)
	closed, err := s.Bucket(store.Runs).Watch(s.ctx(), "")
	s.must(err)
	s.take(cancelled, 1)
	cancel()
	for range cancelled {
		t.Error("change after the end of ctx")
	}
	s.create(store.Runs, "k", "v")
	s.stop()
	for range closed { // what was on its way may come
	}
}
