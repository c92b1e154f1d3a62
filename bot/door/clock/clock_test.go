package clock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/clock"
)

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEachTickIsSaidOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		c, stop := start(t, d.options(fake.New().Open(fake.Options{}),
			job.Job{Name: "minutely", At: "*/2 * * * *", Do: "nodes"},
			job.Job{Name: "every", At: "@every 90s", Do: "nodes"},
			job.Job{Name: "bad", At: "nonsense", Do: "nodes"},
			job.Job{Name: "Bad Name", At: "* * * * *", Do: "nodes"},
			job.Job{Name: "nowhere", At: "* * * * *", Zone: "Mars", Do: "nodes"}))
		sleepTo(370)
		stop()
		want := []string{
			cause("every", 90), cause("minutely", 120), cause("every", 180), cause("minutely", 240), cause("every", 270), cause("every", 360), cause("minutely", 360),
		}
		got := d.said()
		slices.Sort(got[len(got)-2:]) // both at the same second
		equal(t, "said", got, want)
		equal(t, "repeated", d.repeated(), nil)
		for i, second := range []int{90, 120, 180, 240, 270, 360, 360} {
			if at := d.at[want[i]]; !at.Equal(midnight.Add(time.Duration(second) * time.Second)) {
				t.Errorf("%s was said at %v, want at second %d", want[i], at, second)
			}
		}
		status := c.Status()
		if s := status["minutely"]; s.Last.Unix() != midnight.Unix()+360 || s.Next.Unix() != midnight.Unix()+480 || s.Outcome != "accepted" {
			t.Errorf("status of minutely = %+v, want last 360, next 480, accepted", s)
		}
		for name, want := range map[string]string{"bad": "five fields", "Bad Name": "small letters", "nowhere": "Mars"} {
			if s := status[name]; !strings.Contains(s.Wrong, want) {
				t.Errorf("status of %s = %+v, want wrong with %q", name, s, want)
			}
		}
	})
}

func TestTwoReplicasSayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, d := fake.New(), newDesk()
		var jobs []job.Job
		for i := range 20 {
			jobs = append(jobs, job.Job{Name: fmt.Sprintf("cron-%d", i), At: "* * * * *"}, job.Job{Name: fmt.Sprintf("every-%d", i), At: "@every 45s"})
		}
		_, stopA := start(t, d.options(disk.Open(fake.Options{}), jobs...))
		sleepTo(7) // the second one starts later, and takes the anchors of the first
		b, stopB := start(t, d.options(disk.Open(fake.Options{}), jobs...))
		sleepTo(905)
		stopA()
		sleepTo(1205)
		stopB()
		if got, want := len(d.said()), 20*20+20*26; got != want {
			t.Errorf("%d ticks were said, want %d", got, want)
		}
		equal(t, "repeated", d.repeated(), nil)
		if s := b.Status()["every-3"]; s.Last.Unix() != midnight.Unix()+26*45 {
			t.Errorf("last of every-3 = %v, want second %d", s.Last, 26*45)
		}
	})
}

// TestCrashAtEveryWrite kills the first of two replicas before and after each of its writes. The other one says what is left.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for n := 1; n <= 12; n++ {
			synctest.Test(t, func(t *testing.T) {
				disk, d := fake.New(), newDesk()
				jobs := []job.Job{{Name: "cron", At: "*/5 * * * *"}, {Name: "every", At: "@every 5m"}}
				inject := func(op fake.Op) fake.Fault {
					if op.N == n {
						return fault
					}
					return fake.None
				}
				_, stopA := start(t, d.options(disk.Open(fake.Options{Inject: inject}), jobs...))
				sleepTo(1)
				_, stopB := start(t, d.options(disk.Open(fake.Options{}), jobs...))
				sleepTo(1195)
				stopA()
				stopB()
				got := d.said()
				slices.Sort(got)
				want := []string{cause("cron", 300), cause("cron", 600), cause("cron", 900)}
				for _, c := range want {
					if !slices.Contains(got, c) {
						t.Errorf("%v at write %d: %s is missing of %v", fault, n, c, got)
					}
				}
				every := 0
				for _, c := range got {
					if strings.HasPrefix(c, "job/every@") {
						every++
					}
				}
				if every != 3 || len(got) != 6 {
					t.Errorf("%v at write %d: said %v, want three of each job", fault, n, got)
				}
				if fault == fake.ReplyLost || fault == fake.Unavailable {
					equal(t, fmt.Sprintf("%v at write %d: repeated", fault, n), d.repeated(), nil)
				}
			})
		}
	}
}

func TestRestart(t *testing.T) {
	for _, test := range []struct {
		name, at, missed string
		since            bool // made by chat at second 10
		down, up         int  // seconds
		want             []int
		late             []bool
	}{
		{"skip", "*/10 * * * *", "skip", false, 610, 2000, []int{600, 2400}, []bool{false, false}},
		{"skip is the default", "*/10 * * * *", "", false, 610, 2000, []int{600, 2400}, []bool{false, false}},
		{"once", "*/10 * * * *", "once", false, 610, 2000, []int{600, 1800, 2400}, []bool{false, true, false}},
		{"a restart over the tick is no miss", "*/10 * * * *", "skip", false, 1190, 1230, []int{600, 1200, 1800, 2400}, nil},
		{"every keeps its anchor", "@every 7m", "skip", false, 430, 445, []int{420, 840, 1260, 1680, 2100}, nil},
		{"every, once", "@every 7m", "once", false, 430, 1600, []int{420, 1260, 1680, 2100}, []bool{false, true, false, false}},
		{"of the chat, every", "@every 7m", "skip", true, 440, 450, []int{430, 850, 1270, 1690, 2110}, nil},
		{"of the chat, once, slept through its first tick", "*/10 * * * *", "once", true, 300, 1000, []int{600, 1200, 1800, 2400}, []bool{true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, d := fake.New(), newDesk()
				j := job.Job{Name: "j", At: test.at, Missed: test.missed}
				if test.since {
					sleepTo(10)
					j.Since = time.Now()
				}
				_, stop := start(t, d.options(disk.Open(fake.Options{}), j))
				sleepTo(test.down)
				stop()
				sleepTo(test.up)
				_, stop = start(t, d.options(disk.Open(fake.Options{}), j))
				sleepTo(2410)
				stop()
				var want []string
				for i, second := range test.want {
					want = append(want, cause("j", second))
					if i < len(test.late) && d.late[want[i]] != test.late[i] {
						t.Errorf("%s late = %v, want %v", want[i], d.late[want[i]], test.late[i])
					}
				}
				equal(t, "said", d.said(), want)
				equal(t, "repeated", d.repeated(), nil)
			})
		})
	}
}

func TestSlowJobDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		o := d.options(fake.New().Open(fake.Options{}), job.Job{Name: "slow", At: "@every 10s"}, job.Job{Name: "quick", At: "@every 10s"})
		var slow, most atomic.Int32
		o.Say = func(ctx context.Context, tick clock.Tick) (string, error) {
			if tick.Job.Name == "slow" {
				most.Store(max(most.Load(), slow.Add(1)))
				defer slow.Add(-1)
				time.Sleep(35 * time.Second)
			}
			return d.say(ctx, tick)
		}
		_, stop := start(t, o)
		sleepTo(125)
		stop()
		got := strings.Join(d.said(), " ")
		for second := 10; second <= 120; second += 10 {
			if !strings.Contains(got, cause("quick", second)) || !d.at[cause("quick", second)].Equal(midnight.Add(time.Duration(second)*time.Second)) {
				t.Errorf("quick at %d was said at %v; all: %s", second, d.at[cause("quick", second)], got)
			}
		}
		if most.Load() != 1 {
			t.Errorf("the slow job was said %d times at once, want once at a time", most.Load())
		}
		equal(t, "repeated", d.repeated(), nil)
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, d := fake.New(), newDesk()
		j := job.Job{Name: "j", At: "* * * * *", Missed: job.Once}
		c, stop := start(t, d.options(disk.Open(fake.Options{}), j))
		sleepTo(70)
		d.pause(true)
		sleepTo(250)
		if s := c.Status()["j"]; s.Last.Unix() != midnight.Unix()+240 || !strings.Contains(s.Outcome, "paused") {
			t.Errorf("status while paused = %+v, want the last tick and that all was paused", s)
		}
		stop()
		sleepTo(290)
		d.pause(false)
		_, stop = start(t, d.options(disk.Open(fake.Options{}), j))
		sleepTo(310)
		stop()
		equal(t, "said: what came while paused is not made up for", d.said(), []string{cause("j", 60), cause("j", 300)})
	})
}

func TestPauseUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		o := d.options(fake.New().Open(fake.Options{}), job.Job{Name: "soon", At: "*/10 * * * *"})
		var broken atomic.Bool
		o.Paused = func(context.Context) (bool, error) {
			if broken.Load() {
				return false, errors.New("no answer")
			}
			return false, nil
		}
		broken.Store(true)
		_, stop := start(t, o)
		sleepTo(630)
		equal(t, "said while it is not known", d.said(), nil)
		broken.Store(false)
		sleepTo(640)
		equal(t, "said when it is known in time", d.said(), []string{cause("soon", 600)})
		broken.Store(true)
		sleepTo(1300)
		broken.Store(false)
		sleepTo(1790)
		equal(t, "said when it is known too late", d.said(), []string{cause("soon", 600)})
		stop()
	})
}

func TestErrorsOfTheDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		o := d.options(fake.New().Open(fake.Options{}), job.Job{Name: "refused", At: "*/10 * * * *"}, job.Job{Name: "shaky", At: "*/10 * * * *"},
			job.Job{Name: "away", At: "*/10 * * * *"})
		var shaky, away atomic.Int32
		o.Say = func(ctx context.Context, tick clock.Tick) (string, error) {
			switch {
			case tick.Job.Name == "refused":
				return "", errors.New("anna may not flush " + strings.Repeat("ä", 500))
			case tick.Job.Name == "shaky" && shaky.Add(1) < 3:
				return "", actions.Temporary{Err: store.ErrUnknown}
			case tick.Job.Name == "away" && time.Now().Before(midnight.Add(700*time.Second)):
				away.Add(1)
				return "", actions.Temporary{Err: store.ErrUnknown}
			}
			return d.say(ctx, tick)
		}
		c, stop := start(t, o)
		sleepTo(800)
		stop()
		equal(t, "said", d.said(), []string{cause("shaky", 600), cause("away", 600)})
		if s := c.Status()["refused"]; !strings.HasPrefix(s.Outcome, "failed: anna may not") || len(s.Outcome) > 500 {
			t.Errorf("status of what was refused = %+v, want failed, cut short", s)
		}
		if away.Load() < 5 {
			t.Errorf("the desk that was away was asked %d times, want again and again", away.Load())
		}
	})
}

func TestStopGivesTheTickBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, d := fake.New(), newDesk()
		j := job.Job{Name: "j", At: "*/10 * * * *"}
		o := d.options(disk.Open(fake.Options{}), j)
		o.Say = func(ctx context.Context, _ clock.Tick) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		_, stop := start(t, o)
		sleepTo(610)
		stop()
		_, stop = start(t, d.options(disk.Open(fake.Options{}), j))
		sleepTo(615)
		stop()
		equal(t, "said by the next process without waiting for a lease", d.said(), []string{cause("j", 600)})
	})
}

// TestLongSaying holds a tick for ten minutes: nobody else says it meanwhile, and when its owner dies it is taken over within a lease.
func TestLongSaying(t *testing.T) {
	for _, test := range []struct {
		name string
		dies bool
	}{{"lives", false}, {"dies", true}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, mine, other := fake.New(), newDesk(), newDesk()
				j := job.Job{Name: "j", At: "0,30 * * * *", Since: midnight}
				h := disk.Open(fake.Options{})
				o := mine.options(h, j)
				o.Say = func(ctx context.Context, tick clock.Tick) (string, error) {
					out, err := mine.say(ctx, tick)
					select {
					case <-time.After(10 * time.Minute):
					case <-ctx.Done():
					}
					return out, err
				}
				sleepTo(1700)
				_, stopMine := start(t, o)
				sleepTo(1801)
				_, stopOther := start(t, other.options(disk.Open(fake.Options{}), j))
				sleepTo(1830)
				if test.dies {
					sleepTo(2345) // nine minutes later it is still renewed
					h.Kill()
				}
				sleepTo(2700)
				stopMine()
				stopOther()
				equal(t, "said by the first", mine.said(), []string{cause("j", 1800)})
				if !test.dies {
					equal(t, "said by the second", other.said(), nil)
					return
				}
				equal(t, "said by the second", other.said(), []string{cause("j", 1800)})
				if at := other.at[cause("j", 1800)]; at.Before(midnight.Add(2345*time.Second)) || at.After(midnight.Add((2345+61)*time.Second)) {
					t.Errorf("taken over at %v, want within a minute after second 2345", at.Sub(midnight))
				}
			})
		})
	}
}

func TestClaimOfTheDeadIsNotSaidTooLate(t *testing.T) {
	for _, test := range []struct {
		missed string
		want   []string
	}{{job.Skip, []string{cause("j", 3600)}}, {job.Once, []string{cause("j", 600), cause("j", 3000), cause("j", 3600)}}} {
		synctest.Test(t, func(t *testing.T) {
			disk, d := fake.New(), newDesk()
			j := job.Job{Name: "j", At: "*/10 * * * *", Missed: test.missed}
			h := disk.Open(fake.Options{})
			o := d.options(h, j)
			o.Say = func(ctx context.Context, _ clock.Tick) (string, error) {
				h.Kill() // it dies while it says
				return "", ctx.Err()
			}
			_, stop := start(t, o)
			sleepTo(610)
			stop()
			sleepTo(3100)
			_, stop = start(t, d.options(disk.Open(fake.Options{}), j))
			sleepTo(3610)
			stop()
			equal(t, "missed "+test.missed, d.said(), test.want)
		})
	}
}

func TestNewNeedsItsOptions(t *testing.T) {
	if _, err := clock.New(clock.Options{}); err == nil {
		t.Error("a clock without options was made")
	}
}
