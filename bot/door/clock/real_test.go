package clock_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/door/clock"
)

// TestTwoClocksOnTheRealStore lets two clocks share the store that the program uses, until five ticks were said.
func TestTwoClocksOnTheRealStore(t *testing.T) {
	t.Parallel()
	s, err := store.Open(store.Options{Dir: filepath.Join(t.TempDir(), "store"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	ticks := make(chan string, 100)
	o := clock.Options{
		Jobs: func() []job.Job { return []job.Job{{Name: "j", At: "@every 1s"}} }, KV: s.Bucket(store.Guards),
		Say:    func(_ context.Context, t clock.Tick) (string, error) { ticks <- t.Cause; return "accepted", nil },
		Paused: func(context.Context) (bool, error) { return false, nil },
	}
	_, stopA := start(t, o)
	_, stopB := start(t, o)
	seen := map[string]bool{}
	for range 5 {
		select {
		case c := <-ticks:
			if seen[c] {
				t.Errorf("%s was said twice", c)
			}
			seen[c] = true
		case <-time.After(time.Minute):
			t.Fatal("no tick in a minute")
		}
	}
	stopA()
	stopB()
}
