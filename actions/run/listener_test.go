package run

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/store"
)

func stateNote(id string, s actions.State, revision uint64) note {
	return note{Event: Event{Run: actions.Run{ID: id, State: s}}, revision: revision}
}

// TestBacklog fills a listener who reads nothing.
func TestBacklog(t *testing.T) {
	l := newListener("")
	progress := note{Event: Event{Run: actions.Run{ID: "r-1"}, Progress: &actions.Progress{Say: "x"}}}
	for range 3 * backlog {
		l.add(progress)
	}
	for i := range uint64(1000) {
		l.add(stateNote("r-1", actions.Running, i))
	}
	l.add(stateNote("r-1", actions.Done, 1000))
	for i := range uint64(1000) {
		l.add(stateNote(fmt.Sprintf("r-%d", i+2), actions.Done, 1))
	}
	notes, over := l.take()
	kinds := map[string]int{}
	for _, n := range notes {
		switch {
		case n.Progress != nil:
			kinds["progress"]++
		case n.Run.ID == "r-1":
			kinds["r-1 "+string(n.Run.State)]++
			if n.Run.State == actions.Running && n.revision != 999 {
				t.Errorf("the running state kept is revision %d, want the last", n.revision)
			}
		default:
			kinds["others"]++
		}
	}
	if kinds["progress"] != backlog || kinds["r-1 running"] != 1 || kinds["r-1 done"] != 1 || kinds["others"] != 1000 || over {
		t.Errorf("kept %v, over %v", kinds, over)
	}
}

// TestToldOnce lets a save and the watch tell the same revision in either order.
func TestToldOnce(t *testing.T) {
	entry := func(revision uint64) store.Entry {
		return store.Entry{Key: "r-7", Revision: revision, Value: actions.Encode(actions.Run{Schema: 1, ID: "r-7", State: actions.Running})}
	}
	for _, order := range []string{"save watch", "watch save", "save save watch watch", "watch", "save"} {
		e := &Engine{feed: newFeed()}
		l := newListener("")
		e.feed.join(l)
		e.feed.carry("r-7", true)
		saves, watches := uint64(0), uint64(0)
		for what := range strings.FieldsSeq(order) {
			if what == "save" {
				saves++
				e.feed.saved("r-7", saves, func() actions.Run { return actions.Run{ID: "r-7"} })
				continue
			}
			watches++
			if have := entry(watches); e.feed.wanted(have, true) {
				e.announce(t.Context(), have, true)
			}
		}
		e.feed.carry("r-7", false)
		notes, _ := l.take()
		if want := int(max(saves, watches)); len(notes) != want {
			t.Errorf("%s: told %d times, want %d", order, len(notes), want)
		}
		if kept := len(e.feed.told); kept != 0 && watches >= saves {
			t.Errorf("%s: %d runs are remembered although nothing more can come", order, kept)
		}
		if last, _ := e.feed.newest(); last != 7 {
			t.Errorf("%s: newest run is %d, want 7", order, last)
		}
	}
}

func TestLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, most, live := newLocks(), map[string]int{}, map[string]int{}
		var mu sync.Mutex
		count := func(key string, by int) {
			mu.Lock()
			defer mu.Unlock()
			live[key] += by
			most[key] = max(most[key], live[key])
		}
		var wg sync.WaitGroup
		start := time.Now()
		for i := range 20 {
			key := fmt.Sprint(i % 2)
			wg.Go(func() {
				unlock, ok := l.lock(t.Context(), key)
				if !ok {
					t.Errorf("lock %s refused", key)
					return
				}
				count(key, 1)
				time.Sleep(time.Second)
				count(key, -1)
				unlock()
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, ok := l.lock(ctx, "0"); ok {
			t.Error("a lock was given twice")
		}
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("gave up after %s", took)
		}
		wg.Wait()
		if most["0"] != 1 || most["1"] != 1 || time.Since(start) != 10*time.Second || len(l.held) != 0 {
			t.Errorf("at most %v at once, %s in all, %d keys remembered", most, time.Since(start), len(l.held))
		}
		gone, end := context.WithCancel(t.Context())
		end()
		if _, ok := l.lock(gone, "free"); ok {
			t.Error("a free lock was given to one whose ctx has ended")
		}
	})
}

// TestCrew hands out nodes within its limit and stops at the first failure, when those under way have ended.
func TestCrew(t *testing.T) {
	for _, test := range []struct {
		nodes, limit, failAt int
		worked               int
	}{{0, 3, -1, 0}, {10, 3, -1, 10}, {10, 1, 4, 5}, {10, 20, 0, 10}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			at, worked, live, most := 0, 0, 0, 0
			ticks := 0
			err := crew{
				limit: test.limit,
				next: func() (nodeAt, bool) {
					at++
					return nodeAt{index: at - 1}, at <= test.nodes
				},
				work: func(n nodeAt) error {
					mu.Lock()
					worked, live = worked+1, live+1
					most = max(most, live)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					defer mu.Unlock()
					live--
					if n.index == test.failAt {
						return errBusy
					}
					return nil
				},
				tick: func() error { ticks++; return nil },
			}.run()
			if (err != nil) != (test.failAt >= 0) || worked != test.worked || most > test.limit || live != 0 {
				t.Errorf("%d nodes, limit %d, failing at %d: %v after %d, %d at once; want %d", test.nodes, test.limit, test.failAt, err, worked, most, test.worked)
			}
			if test.nodes > 0 && ticks < 9 {
				t.Errorf("%d ticks in a second or more", ticks)
			}
		})
	}
}
