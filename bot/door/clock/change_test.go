package clock_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/clock"
)

// list is jobs that change.
type list struct {
	mu   sync.Mutex
	jobs []job.Job
}

func (l *list) set(jobs ...job.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs = jobs
}

func (l *list) get() []job.Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.jobs
}

func TestJobsComeChangeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, d, jobs, changed := fake.New(), newDesk(), &list{}, make(chan struct{}, 1)
		h := disk.Open(fake.Options{})
		o := d.options(h)
		o.Jobs, o.Changed = jobs.get, changed
		c, stop := start(t, o)
		sleepTo(30)
		jobs.set(job.Job{Name: "a", At: "* * * * *"}, job.Job{Name: "b", At: "@every 100s"})
		changed <- struct{}{}
		sleepTo(65)
		jobs.set(job.Job{Name: "a", At: "*/2 * * * *"}, job.Job{Name: "b", At: "@every 100s", Do: "other"})
		c.Reload()
		sleepTo(245)
		jobs.set()
		close(changed)
		sleepTo(1000)
		if left, err := h.Bucket(store.Guards).List(t.Context(), ""); err != nil || len(left) != 0 {
			t.Errorf("left in the store: %v, %v; want nothing of jobs that are gone", left, err)
		}
		stop()
		equal(t, "said", d.said(), []string{cause("a", 60), cause("a", 120), cause("b", 130), cause("b", 230), cause("a", 240)})
		if s := c.Status(); len(s) != 0 {
			t.Errorf("status = %v, want none", s)
		}
	})
}

func TestStoreAwayAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		var away atomic.Bool
		away.Store(true)
		h := fake.New().Open(fake.Options{Inject: func(fake.Op) fake.Fault {
			if away.Load() {
				return fake.Unavailable
			}
			return fake.None
		}})
		var many []job.Job
		for i := range 100 {
			many = append(many, job.Job{Name: fmt.Sprintf("j-%d", i), At: "@every 1h"})
		}
		_, stop := start(t, d.options(h, many...))
		sleepTo(30)
		away.Store(false)
		sleepTo(3650)
		stop()
		if got := len(d.said()); got != 100 {
			t.Errorf("%d jobs were said, want 100", got)
		}
	})
}

// TestJumpingClock puts the wall clock of one replica on and back. The bubble's own time goes on evenly.
func TestJumpingClock(t *testing.T) {
	for _, test := range []struct {
		name   string
		missed string
		jumps  map[int]time.Duration // at second: the clock is off by so much from then on
		until  int
		want   []int // seconds of the wall clock
	}{
		{"on, over three ticks: skip", "skip", map[int]time.Duration{650: 35 * time.Minute}, 1000, []int{600, 3000}},
		{"on, over three ticks: once", "once", map[int]time.Duration{650: 35 * time.Minute}, 1000, []int{600, 2400, 3000}},
		{"back, over two ticks: none twice", "skip", map[int]time.Duration{1250: -20 * time.Minute}, 3050, []int{600, 1200, 1800}},
		{"on by a day, and corrected", "skip", map[int]time.Duration{650: 24 * time.Hour, 1000: 0}, 1900, []int{600, 86400 + 600, 1200, 1800}},
		{"on by a few seconds over a tick", "skip", map[int]time.Duration{590: 15 * time.Second}, 700, []int{600}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				o := d.options(fake.New().Open(fake.Options{}), job.Job{Name: "j", At: "*/10 * * * *", Missed: test.missed})
				var off atomic.Int64
				o.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
				_, stop := start(t, o)
				for second := range test.until {
					sleepTo(second)
					if by, ok := test.jumps[second]; ok {
						off.Store(int64(by))
					}
				}
				stop()
				var want []string
				for _, second := range test.want {
					want = append(want, cause("j", second))
				}
				equal(t, "said", d.said(), want)
				equal(t, "repeated", d.repeated(), nil)
			})
		})
	}
}

func TestDaylightSaving(t *testing.T) {
	for _, test := range []struct {
		zone, at string
		from     time.Time // the bubble's midnight stands for it
		hours    int
		want     []string
	}{
		{"Europe/Berlin", "30 2 * * *", time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), 48, []string{"03-28T01:30Z", "03-29T01:00Z"}},
		{"Europe/Berlin", "30 2 * * *", time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC), 49, []string{"10-24T00:30Z", "10-25T00:30Z"}},
		{"Europe/Berlin", "30 * * * *", time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), 3, []string{"10-25T00:30Z", "10-25T01:30Z", "10-25T02:30Z"}},
		{"Australia/Lord_Howe", "15 2 * * *", time.Date(2026, 10, 2, 12, 0, 0, 0, time.UTC), 48, []string{"10-02T15:45Z", "10-03T15:30Z"}},
		{"Australia/Lord_Howe", "45 1 * * *", time.Date(2026, 4, 3, 12, 0, 0, 0, time.UTC), 48, []string{"04-03T14:45Z", "04-04T14:45Z"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			o := d.options(fake.New().Open(fake.Options{}), job.Job{Name: "j", At: test.at})
			shift := test.from.Sub(midnight)
			var got []string
			o.Zone = func() string { return test.zone }
			o.Now = func() time.Time { return time.Now().Add(shift) }
			o.Say = func(_ context.Context, tick clock.Tick) (string, error) {
				got = append(got, tick.At.UTC().Format("01-02T15:04Z"))
				if !tick.At.Equal(o.Now()) {
					t.Errorf("%v is said at %v", tick.At, o.Now())
				}
				return "", nil
			}
			_, stop := start(t, o)
			sleepTo(test.hours * 3600)
			stop()
			equal(t, strings.Join([]string{test.zone, test.at}, " "), got, test.want)
		})
	}
}
