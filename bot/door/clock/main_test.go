package clock_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk writes down what is said, by cause, as the engine would: a cause that is said again is no new run.
type desk struct {
	mu     sync.Mutex
	runs   []string // causes, in the order of their first saying
	calls  map[string]int
	at     map[string]time.Time
	late   map[string]bool
	paused bool
}

func newDesk() *desk {
	return &desk{calls: map[string]int{}, at: map[string]time.Time{}, late: map[string]bool{}}
}

func (d *desk) say(_ context.Context, t clock.Tick) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls[t.Cause]++; d.calls[t.Cause] == 1 {
		d.runs = append(d.runs, t.Cause)
		d.at[t.Cause] = time.Now()
		d.late[t.Cause] = t.Late
	}
	return "accepted", nil
}

func (d *desk) isPaused(context.Context) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paused, nil
}

func (d *desk) pause(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = on
}

func (d *desk) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.runs)
}

func (d *desk) repeated() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, cause := range d.runs {
		if d.calls[cause] != 1 {
			out = append(out, fmt.Sprintf("%s x%d", cause, d.calls[cause]))
		}
	}
	return out
}

// options are those of a replica on a disk.
func (d *desk) options(h *fake.Handle, jobs ...job.Job) clock.Options {
	return clock.Options{
		Jobs: func() []job.Job { return jobs }, KV: h.Bucket(store.Guards), Say: d.say, Paused: d.isPaused, Owner: "test",
		Zone: func() string { return "UTC" },
	}
}

// start runs a clock and returns it with what stops it.
func start(t *testing.T, o clock.Options) (*clock.Clock, func()) {
	t.Helper()
	c, err := clock.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return c, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

// sleepTo waits until that many seconds after the bubble's midnight, and for all that happens then.
func sleepTo(second int) {
	time.Sleep(time.Until(midnight.Add(time.Duration(second) * time.Second)))
	synctest.Wait()
}

// midnight is when the time of a bubble begins (testing/synctest).
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func cause(name string, second int) string {
	return job.Job{Name: name}.Cause(midnight.Add(time.Duration(second) * time.Second))
}
