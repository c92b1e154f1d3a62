package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
)

func logTests() map[string]func(*testing.T, *subject) {
	return map[string]func(*testing.T, *subject){
		"log/chain":    chain,
		"log/same id":  sameRecord,
		"log/read":     readLog,
		"log/survives": logSurvives,
	}
}

func chain(t *testing.T, s *subject) {
	for _, name := range store.Logs() {
		log := s.Log(name)
		_, err := log.Last(s.ctx())
		s.is("last of empty "+name, err, store.ErrNotFound)
		_, err = log.Append(s.ctx(), "early", nil, 5)
		s.is("append after what is not there", err, store.ErrConflict)
		first, err := log.Append(s.ctx(), "a", []byte("1"), 0)
		s.must(err)
		_, err = log.Append(s.ctx(), "b", nil, 0)
		s.is("second first record", err, store.ErrConflict)
		second, err := log.Append(s.ctx(), "b", []byte("2"), first)
		s.must(err)
		_, err = log.Append(s.ctx(), "c", nil, first)
		s.is("append after an old record", err, store.ErrConflict)
		third, err := log.Append(s.ctx(), "c", []byte("3"), store.AnySequence)
		s.must(err)
		if first != 1 || second != 2 || third != 3 {
			t.Errorf("sequences in %s = %d, %d, %d, want 1, 2, 3", name, first, second, third)
		}
		last, err := log.Last(s.ctx())
		s.must(err)
		if last.Sequence != third || last.ID != "c" || string(last.Data) != "3" || time.Since(last.At).Abs() > time.Minute {
			t.Errorf("last of %s = %+v, want c with 3", name, last)
		}
	}
}

// sameRecord checks that a repeated record is not added, whatever it claims to follow, also after a restart.
func sameRecord(t *testing.T, s *subject) {
	first, err := s.Log(store.Audit).Append(s.ctx(), "a", []byte("1"), 0)
	s.must(err)
	_, err = s.Log(store.Audit).Append(s.ctx(), "b", []byte("2"), first)
	s.must(err)
	for range 2 {
		for _, after := range []uint64{0, first, store.AnySequence} {
			got, err := s.Log(store.Audit).Append(s.ctx(), "a", []byte("1"), after)
			if err != nil || got != first {
				t.Errorf("repeat after %d = %d, %v; want %d", after, got, err, first)
			}
		}
		s.reopen()
	}
	all, err := s.Log(store.Audit).Read(s.ctx(), 0, 10)
	s.must(err)
	if len(all) != 2 {
		t.Errorf("%d records, want 2", len(all))
	}
}

func readLog(t *testing.T, s *subject) {
	const n = 20
	for i := range n {
		_, err := s.Log(store.Alerts).Append(s.ctx(), fmt.Sprint("a-", i), nil, store.AnySequence)
		s.must(err)
	}
	for _, test := range []struct {
		from  uint64
		most  int
		first uint64
		want  int
	}{
		{0, 5, 1, 5}, {1, 5, 1, 5}, {18, 5, 18, 3}, {20, 1, 20, 1}, {21, 5, 0, 0}, {1, 1000, 1, n}, {3, 0, 0, 0},
	} {
		got, err := s.Log(store.Alerts).Read(s.ctx(), test.from, test.most)
		s.must(err)
		if len(got) != test.want {
			t.Errorf("Read(%d, %d) = %d records, want %d", test.from, test.most, len(got), test.want)
			continue
		}
		for i, r := range got {
			if want := test.first + uint64(i); r.Sequence != want || r.ID != fmt.Sprint("a-", want-1) {
				t.Errorf("Read(%d, %d)[%d] = %d %s, want %d", test.from, test.most, i, r.Sequence, r.ID, want)
			}
		}
	}
}

func logSurvives(t *testing.T, s *subject) {
	first, err := s.Log(store.Audit).Append(s.ctx(), "a", []byte("1"), 0)
	s.must(err)
	before, err := s.Log(store.Audit).Last(s.ctx())
	s.must(err)
	s.reopen()
	after, err := s.Log(store.Audit).Last(s.ctx())
	s.must(err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("last record after reopening: -want +got\n%s", diff)
	}
	_, err = s.Log(store.Audit).Append(s.ctx(), "b", nil, first)
	s.must(err)
}
