package clock_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/clock"
)

// many is how many jobs the clock must carry for less than a hundredth of a core.
const many = 100_000

// spread returns jobs whose ticks lie all over the day, one in twenty in every hour and one in a hundred every half hour by @every.
func spread(n int) []job.Job {
	jobs := make([]job.Job, n)
	for i := range jobs {
		j := job.Job{Name: fmt.Sprintf("job-%d", i), At: fmt.Sprintf("%d %d * * *", i%60, i/60%24), Do: "explain hit rate of news", Owner: "anna"}
		switch {
		case i%100 == 7:
			j.At = "@every 30m"
		case i%20 == 3:
			j.At = fmt.Sprintf("%d * * * *", i/20%60)
		}
		jobs[i] = j
	}
	return jobs
}

// processor returns how long this process has worked.
func processor(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestManyJobsCostLittle lets two hours of a hundred thousand jobs go by, without the cost of the store behind the ticks, which is that of the store.
func TestManyJobsCostLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		o := d.options(fake.New().Open(fake.Options{}), spread(many)...)
		var said, late atomic.Int64
		o.Say = func(_ context.Context, tick clock.Tick) (string, error) {
			said.Add(1)
			if time.Since(tick.At) > time.Second {
				late.Add(1)
			}
			return "accepted", nil
		}
		began := processor(t)
		_, stop := start(t, o)
		sleepTo(10)
		loaded := processor(t)
		sleepTo(7210)
		worked := processor(t) - loaded
		stop()
		share := 100 * worked.Seconds() / 7200
		t.Logf("%d jobs: on the clock in %v of processor time; %d ticks in two hours for %v, %.3f %% of a core", many, loaded-began, said.Load(), worked, share)
		if got := said.Load(); got < 15_000 || late.Load() > 0 {
			t.Errorf("%d ticks were said, %d of them late; want at least 15,000 and none late", got, late.Load())
		}
		if !race && share >= 1 {
			t.Errorf("%d jobs cost %.2f %% of a core, want less than 1 %%", many, share)
		}
	})
}

// BenchmarkManyJobs runs a hundred thousand jobs by the real time for three seconds a round, and says how much of a core that takes and how much memory.
func BenchmarkManyJobs(b *testing.B) {
	var before, after runtime.MemStats
	jobs := spread(many)
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := newDesk()
	c, err := clock.New(d.options(fake.New().Open(fake.Options{}), jobs...))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	began := processor(b)
	go func() { done <- c.Run(ctx) }()
	for len(c.Status()) < many {
		runtime.Gosched()
	}
	loaded := processor(b) - began
	time.Sleep(2 * time.Second) // the anchors of @every are written
	runtime.GC()
	runtime.ReadMemStats(&after)
	began = processor(b)
	for b.Loop() {
		time.Sleep(3 * time.Second)
	}
	worked := processor(b) - began
	b.ReportMetric(100*worked.Seconds()/b.Elapsed().Seconds(), "%core")
	b.ReportMetric(loaded.Seconds()*1000, "load-ms")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "B/job")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
