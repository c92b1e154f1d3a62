package content_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/cache"
)

// acts counts the flushes that a server really did, by their mark.
type acts struct {
	mu   sync.Mutex
	done map[string]int
}

// counted is a driver whose flushes are counted.
type counted struct {
	cache.Driver
	acts *acts
}

func (d counted) Flush(ctx context.Context, mark string) (cache.Result, error) {
	r, err := d.Driver.Flush(ctx, mark)
	if err == nil && !r.Repeated {
		d.acts.mu.Lock()
		defer d.acts.mu.Unlock()
		d.acts.done[mark]++
	}
	return r, err
}

// killing is an executor whose process dies after it has acted and before anybody wrote that down.
type killing struct {
	run.Executor
	step int
	kill func()
}

func (k killing) Do(ctx context.Context, c run.Call) (run.Result, error) {
	r, err := k.Executor.Do(ctx, c)
	if c.Step == k.step {
		k.kill()
	}
	return r, err
}

// process is an engine over a disk that outlives it.
func process(t *testing.T, disk *fake.Disk, executors map[string]run.Executor, killAt int) (e *run.Engine, serve func(context.Context) error) {
	t.Helper()
	h := disk.Open(fake.Options{Lease: time.Second})
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	mine := map[string]run.Executor{}
	for kind, x := range executors {
		mine[kind] = killing{Executor: x, step: killAt, kill: h.Kill}
	}
	e, err := run.New(run.Options{Store: h, Executors: mine, Lease: time.Second, Owner: fmt.Sprintf("%s-%d", t.Name(), killAt)})
	if err != nil {
		t.Fatal(err)
	}
	return e, e.Serve
}

// TestKilledBetweenSteps kills the process after each step of a flush in turn, before the step is written down. The next process ends in the
// same state, and every flush was done once.
func TestKilledBetweenSteps(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	count := &acts{done: map[string]int{}}
	r.c = newContent(t, content.Options{World: r.world, Open: func(n actions.Node, c actions.Cache) (cache.Driver, error) {
		d, err := shortOpen(n, c)
		return counted{Driver: d, acts: count}, err
	}})
	disk := fake.New()
	for step := range 5 {
		r.mustDo("r-0", r.plan("cache.prime", "deployment=news"))
		r.origin.SetGeneration(step + 1)
		p := r.plan("cache.flush", "node=edge-1")
		p.Request.Cause = fmt.Sprintf("cause-%d", step)
		dying, serve := process(t, disk, r.c.Executors(), step)
		id, _, err := dying.Accept(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := serve(t.Context()); err == nil {
			t.Fatalf("the process of step %d was not killed", step)
		}
		got := carryOn(t, disk, r.c.Executors(), id)
		if got.State != actions.Done {
			t.Fatalf("killed after step %d: %s is %s: %s", step, id, got.State, got.Why)
		}
		contains(t, fmt.Sprintf("killed after step %d", step), got.Outcomes[len(got.Outcomes)-1].Say, "verified fresh: 15 objects against the origin, 15 hit", "took ")
		for _, pass := range []int{0, 2} {
			if mark := fmt.Sprintf("%s/do/%d/edge-1", id, pass); count.done[mark] != 1 {
				t.Errorf("killed after step %d: %s was done %d times, want once", step, mark, count.done[mark])
			}
		}
	}
}

// carryOn starts the next process and returns the run when it is over.
func carryOn(t *testing.T, disk *fake.Disk, executors map[string]run.Executor, id string) actions.Run {
	t.Helper()
	e, serve := process(t, disk, executors, -1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	events, err := e.Follow(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var last actions.Run
	var told []string
	for ev := range events {
		if ev.Progress != nil {
			told = append(told, ev.Progress.Say)
			continue
		}
		last = ev.Run
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve() = %v", err)
	}
	got, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get(%s) = %v; last seen %s; progress %s", id, err, last.State, strings.Join(told, ", "))
	}
	return got
}
