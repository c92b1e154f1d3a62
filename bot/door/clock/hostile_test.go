package clock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/clock"
)

// TestChaos lets one replica live while others come and die at random, and every store answer badly now and then. No tick is missing and none is
// said outside its job's times; one that is said again was left unfinished by a dead one.
func TestChaos(t *testing.T) {
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) // not for secrets: a test that can be repeated
			disk, d := fake.New(), newDesk()
			jobs := []job.Job{
				{Name: "cron", At: "*/5 * * * *"}, {Name: "every", At: "@every 4m", Since: midnight}, {Name: "once", At: "@every 6m", Since: midnight, Missed: job.Once},
			}
			inject := func(shaky *rand.Rand) func(fake.Op) fake.Fault {
				return func(fake.Op) fake.Fault {
					switch n := shaky.IntN(20); n {
					case 0:
						return fake.ReplyLost
					case 1:
						return fake.Unavailable
					}
					return fake.None
				}
			}
			slowly := func(o clock.Options, delay int) clock.Options {
				o.Say = func(ctx context.Context, tick clock.Tick) (string, error) {
					out, err := d.say(ctx, tick)
					time.Sleep(time.Duration(delay) * time.Second)
					return out, err
				}
				return o
			}
			// The fake asks under concurrency: each handle has one random source, and one clock worker at a time is enough for its jobs.
			steady := slowly(d.options(disk.Open(fake.Options{}), jobs...), 3)
			_, stop := start(t, steady)
			killed := 0
			for now := 0; now < 7200; {
				h := disk.Open(fake.Options{Inject: serial(inject(rand.New(rand.NewPCG(seed, uint64(now+1)))))})
				_, stopOther := start(t, slowly(d.options(h, jobs...), random.IntN(40)))
				now += 1 + random.IntN(700)
				sleepTo(now)
				if random.IntN(2) == 0 {
					h.Kill()
					killed++
				}
				stopOther()
			}
			sleepTo(7200 + 300)
			stop()
			got := d.said()
			for name, every := range map[string]int{"cron": 300, "every": 240, "once": 360} {
				for second := every; second <= 7200; second += every {
					if !slices.Contains(got, cause(name, second)) {
						t.Errorf("seed %d: %s is missing", seed, cause(name, second))
					}
				}
			}
			for _, c := range got {
				at := d.at[c]
				if tick := tickOf(t, c); at.Before(tick) || at.Sub(tick) > 5*time.Minute {
					t.Errorf("seed %d: %s was first said %v after its time", seed, c, at.Sub(tick))
				}
			}
			if again := d.repeated(); len(again) > 2*killed {
				t.Errorf("seed %d: %d ticks were said again after %d deaths: %v", seed, len(again), killed, again)
			}
		})
	}
}

// serial lets one call at a time ask f.
func serial(f func(fake.Op) fake.Fault) func(fake.Op) fake.Fault {
	turn := make(chan struct{}, 1)
	return func(op fake.Op) fake.Fault {
		turn <- struct{}{}
		defer func() { <-turn }()
		return f(op)
	}
}

func tickOf(t *testing.T, cause string) time.Time {
	t.Helper()
	var unix int64
	if _, err := fmt.Sscanf(cause[strings.Index(cause, "@")+1:], "%d", &unix); err != nil {
		t.Fatalf("cause %q: %v", cause, err)
	}
	return time.Unix(unix, 0)
}

// TestQuickJobOfADeadOwner has ticks that come faster than the claim of the dead one ends: none of them goes before it, and it is not lost.
func TestQuickJobOfADeadOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, d := fake.New(), newDesk()
		j := job.Job{Name: "j", At: "@every 20s", Since: midnight}
		h := disk.Open(fake.Options{})
		o := d.options(h, j)
		o.Say = func(ctx context.Context, _ clock.Tick) (string, error) {
			h.Kill()
			return "", ctx.Err()
		}
		_, stop := start(t, o)
		sleepTo(10)
		_, stopOther := start(t, d.options(disk.Open(fake.Options{Inject: func(fake.Op) fake.Fault {
			if time.Now().Before(midnight.Add(21 * time.Second)) {
				return fake.Unavailable // so that the first one wins
			}
			return fake.None
		}}), j))
		sleepTo(125)
		stop()
		stopOther()
		equal(t, "said", d.said(), []string{cause("j", 20), cause("j", 80), cause("j", 100), cause("j", 120)})
	})
}

func TestBurstIsBoundedAndOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		var jobs []job.Job
		for i := range 3000 {
			jobs = append(jobs, job.Job{Name: fmt.Sprintf("j-%d", i), At: "0 1 * * *"})
		}
		o := d.options(fake.New().Open(fake.Options{}), jobs...)
		o.Width = 50
		var under, most atomic.Int32
		o.Say = func(ctx context.Context, tick clock.Tick) (string, error) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(100 * time.Millisecond)
			return d.say(ctx, tick)
		}
		_, stop := start(t, o)
		sleepTo(3600 + 7)
		if got := len(d.said()); got != 3000 {
			t.Errorf("%d of 3000 jobs of the same second were said after 7 s, want all", got)
		}
		stop()
		if most.Load() > 50 {
			t.Errorf("%d were said at once, want at most 50", most.Load())
		}
		equal(t, "repeated", d.repeated(), nil)
	})
}

func TestJobThatIsGoneIsNotSaidFromTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, jobs := newDesk(), &list{}
		jobs.set(job.Job{Name: "a", At: "* * * * *"}, job.Job{Name: "b", At: "* * * * *"})
		o := d.options(fake.New().Open(fake.Options{}))
		o.Jobs, o.Width = jobs.get, 1
		o.Say = func(ctx context.Context, tick clock.Tick) (string, error) {
			out, err := d.say(ctx, tick)
			time.Sleep(10 * time.Second)
			return out, err
		}
		c, stop := start(t, o)
		sleepTo(62)
		first := d.said()
		jobs.set()
		c.Reload()
		sleepTo(200)
		stop()
		equal(t, "said after both were removed", d.said(), first)
		if len(first) != 1 {
			t.Errorf("said before: %v, want one", first)
		}
	})
}

// TestFileChangedWhileAway restarts with another schedule: nothing is made up for by times that did not hold then.
func TestFileChangedWhileAway(t *testing.T) {
	for _, test := range []struct {
		name, before, after string
		want                []int
	}{
		{"cron", "*/10 * * * *", "*/7 * * * *", []int{600, 2100, 2520}},
		{"every", "@every 10m", "@every 7m", []int{600, 2000 + 420}},
		{"the same", "*/10 * * * *", "*/10 * * * *", []int{600, 1800, 2400}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, d := fake.New(), newDesk()
				_, stop := start(t, d.options(disk.Open(fake.Options{}), job.Job{Name: "j", At: test.before, Missed: job.Once}))
				sleepTo(700)
				stop()
				sleepTo(2000)
				_, stop = start(t, d.options(disk.Open(fake.Options{}), job.Job{Name: "j", At: test.after, Missed: job.Once}))
				sleepTo(2530)
				stop()
				var want []string
				for _, second := range test.want {
					want = append(want, cause("j", second))
				}
				equal(t, "said", d.said(), want)
			})
		})
	}
}

func TestSpoiltState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, d := fake.New(), newDesk()
		kv := disk.Open(fake.Options{}).Bucket(store.Guards)
		for _, name := range []string{"a", "b"} {
			if _, err := kv.Create(t.Context(), "clock."+name, []byte(`{"last":"yesterday"`)); err != nil {
				t.Fatal(err)
			}
		}
		_, stop := start(t, d.options(disk.Open(fake.Options{}), job.Job{Name: "a", At: "*/5 * * * *"}, job.Job{Name: "b", At: "@every 7m"}))
		sleepTo(430)
		stop()
		equal(t, "said", d.said(), []string{cause("a", 300), cause("b", 420)})
	})
}

// TestPauseThatHangs asks a switch that does not answer: the question ends by itself, and nothing is said meanwhile.
func TestPauseThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		o := d.options(fake.New().Open(fake.Options{}), job.Job{Name: "j", At: "*/5 * * * *"})
		o.Paused = func(ctx context.Context) (bool, error) {
			if time.Now().Before(midnight.Add(320 * time.Second)) {
				<-ctx.Done()
				return false, ctx.Err()
			}
			return false, nil
		}
		_, stop := start(t, o)
		sleepTo(319)
		equal(t, "said while it hangs", d.said(), nil)
		sleepTo(345)
		stop()
		equal(t, "said then", d.said(), []string{cause("j", 300)})
	})
}
