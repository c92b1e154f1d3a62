package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
)

// TestSilentStream: a stream whose other end is gone tells nothing; the canary notices within 10 s, and what was missed meanwhile is found.
func TestSilentStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, begin := newMonitoring(), time.Now()
		d, s, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		time.Sleep(65 * time.Second)
		if got := m.openings(begin); len(got) != 1 || m.canaries != 3 {
			t.Fatalf("a stream that lives was opened at %v, with %d canaries; want once, with 3", got, m.canaries)
		}
		m.edit(func(m *monitoring) { m.mute = true })
		m.set("edge-1", "", icinga.Down)
		m.edit(func(m *monitoring) { m.streams = nil }) // its end does not come
		time.Sleep(40 * time.Second)
		if got := objectsOf(t, d); !slices.Equal(got, []string{"edge-1 DOWN"}) {
			t.Errorf("within 40 s of silence: %v, want the host that is down", got)
		}
		m.edit(func(m *monitoring) { m.mute = false })
		time.Sleep(time.Minute)
		if live, err := s.Live(); !live || s.Ready() != nil {
			t.Errorf("after the silence it is live: %v, %v", live, err)
		}
		if got := m.openings(begin); len(got) > 6 {
			t.Errorf("opened at %v, want a pause between", got)
		}
	})
}

// TestNoCanary: where the canary's service is not there, a stream that tells nothing for 5 minutes is opened again.
func TestNoCanary(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*alert.StreamOptions){
		"none is configured": func(o *alert.StreamOptions) { o.Canary = alert.Canary{} },
		"it is not there": func(o *alert.StreamOptions) {
			o.Canary.Post = func(context.Context) error { return fmt.Errorf("report: %w", icinga.ErrNotFound) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m, begin := newMonitoring(), time.Now()
				_, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m, edit)
				defer stop()
				for range 20 {
					time.Sleep(time.Minute)
					m.tell(icinga.Event{Type: "Whatever", Host: "h"})
				}
				if got := m.openings(begin); len(got) != 1 {
					t.Errorf("a stream that tells something was opened at %v", got)
				}
				time.Sleep(6 * time.Minute)
				if got := m.openings(begin); len(got) != 2 {
					t.Errorf("a silent one was opened at %v, want twice", got)
				}
			})
		})
	}
}

// TestComingBack: the first try is at once, then they get rarer; when it has been away for 15 s readiness says why.
func TestComingBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, begin := newMonitoring(), time.Now()
		_, s, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		time.Sleep(2 * time.Minute)
		m.cut()
		time.Sleep(time.Millisecond)
		if got := m.openings(begin); len(got) != 2 || got[1] != 2*time.Minute {
			t.Errorf("after a cut opened at %v, want at once", got)
		}
		time.Sleep(2 * time.Minute)
		reason := fmt.Errorf("dial: %w", icinga.ErrUnavailable)
		m.edit(func(m *monitoring) { m.no["open"] = reason })
		m.cut()
		time.Sleep(10 * time.Second)
		if live, err := s.Live(); live || s.Ready() != nil || !errors.Is(err, icinga.ErrUnavailable) {
			t.Errorf("away for 10 s: live %v, %v; ready %v", live, err, s.Ready())
		}
		time.Sleep(10 * time.Minute)
		if !errors.Is(s.Ready(), icinga.ErrUnavailable) {
			t.Errorf("away for 10 minutes: ready %v", s.Ready())
		}
		m.edit(func(m *monitoring) { delete(m.no, "open") })
		time.Sleep(time.Minute)
		if s.Ready() != nil || len(m.openings(begin)) != 3 {
			t.Errorf("back: ready %v, opened %v", s.Ready(), m.openings(begin))
		}
	})
}

// TestNotUnderstood: a line that was left out may have told anything, so everything is looked at.
func TestNotUnderstood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		d, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		time.Sleep(time.Second)
		m.set("edge-1", "disk", icinga.Critical)
		m.tell(icinga.Event{Type: icinga.EventSkipped, Comment: "too long"})
		time.Sleep(3 * time.Second)
		if got := objectsOf(t, d); !slices.Equal(got, []string{"edge-1!disk CRITICAL"}) {
			t.Errorf("after a line that was not understood: %v", got)
		}
		m.set("edge-2", "disk", icinga.Warning) // its event never comes
		time.Sleep(6 * time.Minute)
		if got := objectsOf(t, d); len(got) != 2 {
			t.Errorf("after 6 minutes: %v, want what the stream did not tell as well", got)
		}
	})
}

// TestWhoMayNot: what the user lacks is named once, what it may is read, and without events nothing is.
func TestWhoMayNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		m.held = []string{"objects/query/*", "events/StateChange"}
		m.no["status"] = icinga.ErrForbidden
		m.remarks = nil
		var told [][]string
		_, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m, func(o *alert.StreamOptions) {
			o.Missing = func(p []string) { told = append(told, p) }
		})
		time.Sleep(time.Minute)
		m.cut()
		time.Sleep(time.Minute)
		stop()
		if live := len(m.opened) >= 2; !live || !slices.Equal(m.asked, []icinga.EventType{icinga.EventStateChange}) {
			t.Errorf("opened %d times for %v", len(m.opened), m.asked)
		}
		if len(told) != 1 || !slices.Contains(told[0], "status/query") || !slices.Contains(told[0], "events/Flapping") || slices.Contains(told[0], "objects/query/Host") {
			t.Errorf("missing told: %v", told)
		}
		m.held = []string{"objects/query/*"}
		_, s, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		time.Sleep(time.Minute)
		if err := s.Ready(); !errors.Is(err, icinga.ErrForbidden) || !strings.Contains(err.Error(), "events/*") {
			t.Errorf("without events: ready %v", err)
		}
		stop()
	})
}

// TestOneReads: of two processes one reads the stream; when it dies the other goes on, and nothing is missed or stored twice.
func TestOneReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk, m := fake.New(), newMonitoring()
		first, second := disk.Open(fake.Options{}), disk.Open(fake.Options{})
		lead := func(h *fake.Handle, owner string) func(*alert.StreamOptions) {
			return func(o *alert.StreamOptions) { o.Leader, o.Owner = h.Leader(), owner }
		}
		_, one, _, stop := listen(t, first, m, lead(first, "one"))
		time.Sleep(time.Second)
		d, two, _, end := listen(t, second, m, lead(second, "two"))
		defer end()
		time.Sleep(time.Second)
		if a, _ := one.Live(); !a {
			t.Error("the first does not read")
		}
		if b, err := two.Live(); b || err != nil || two.Ready() != nil {
			t.Errorf("the second reads too: %v, %v", b, err)
		}
		m.tell(m.set("edge-1", "", icinga.Down))
		time.Sleep(time.Second)
		m.set("edge-2", "", icinga.Down) // which the first one does not hear any more
		stop()
		_ = first.Close(t.Context())
		time.Sleep(10 * time.Second)
		if b, err := two.Live(); !b {
			t.Errorf("the second does not read after the first has gone: %v", err)
		}
		m.tell(m.set("edge-3", "", icinga.Down))
		time.Sleep(5 * time.Second)
		if got := objectsOf(t, d); len(got) != 3 {
			t.Errorf("open: %v, want all three", got)
		}
		if all := logged(t, second); len(all) != 3 {
			t.Errorf("%d alerts are stored, want 3", len(all))
		}
	})
}

// TestRestarted: each start of Icinga2 is told once.
func TestRestarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, told := newMonitoring(), atomic.Int64{}
		_, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m, func(o *alert.StreamOptions) {
			o.Restarted = func(context.Context, icinga.Status) { told.Add(1) }
		})
		defer stop()
		for range 3 {
			time.Sleep(2 * time.Minute)
			m.cut()
		}
		time.Sleep(time.Second)
		if told.Load() != 1 {
			t.Errorf("one start was told %d times", told.Load())
		}
		m.edit(func(m *monitoring) { m.start = time.Now() })
		m.cut()
		time.Sleep(10 * time.Second)
		if told.Load() != 2 {
			t.Errorf("two starts were told %d times", told.Load())
		}
	})
}

// TestSlowAndSkewed: an API that takes 5 s for each answer, and a clock that is an hour off, change nothing of what is known in the end.
func TestSlowAndSkewed(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			m := newMonitoring()
			m.slow = 5 * time.Second
			h, r := fake.New().Open(fake.Options{}), &rules{}
			d := open(t, h, r, func(o *alert.Options) { o.Now = func() time.Time { return time.Now().Add(skew) } })
			s, err := alert.NewStream(alert.StreamOptions{Source: m, Door: d})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = d.Run(ctx) })
			wg.Go(func() { _ = s.Run(ctx) })
			m.set("edge-1", "disk", icinga.Critical)
			for i := range 50 { // of which what the checks said is not waited for
				m.set(fmt.Sprintf("edge-%d", i+2), "disk", icinga.Critical)
			}
			time.Sleep(time.Minute)
			if got := len(objectsOf(t, d)); got != 51 {
				t.Errorf("skew %s: %d incidents after a minute, want 51", skew, got)
			}
			for i := range 50 {
				m.set(fmt.Sprintf("edge-%d", i+2), "disk", icinga.OK)
			}
			m.edit(func(m *monitoring) {
				o := m.objects["edge-1!disk"]
				o.Acknowledged, o.DowntimeDepth, o.Flapping = true, 1, false
				m.objects["edge-1!disk"] = o
				m.remarks = []icinga.Remark{{Host: "edge-1", Service: "disk", Author: "anna", Ack: true, At: time.Now()}}
			})
			m.cut()
			time.Sleep(2 * time.Minute)
			open, err := d.Incidents().Open(t.Context())
			if err != nil || len(open) != 1 || open[0].Status() != alert.InDowntime || open[0].Ack.By != "anna" {
				t.Errorf("skew %s: %+v, %v; want it acknowledged and in downtime", skew, open, err)
			}
			m.tell(icinga.Event{Type: icinga.EventAckCleared, Host: "edge-1", Service: "disk", State: icinga.Critical, StateType: icinga.Hard, At: time.Now()})
			m.tell(m.set("edge-1", "disk", icinga.OK))
			time.Sleep(10 * time.Second)
			if got := objectsOf(t, d); len(got) != 0 {
				t.Errorf("skew %s: open after the recovery: %v", skew, got)
			}
			cancel()
			wg.Wait()
		})
	}
}

// TestRemovedObject: an object that is deleted has no problem any more, whether that is told or found.
func TestRemovedObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		d, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		time.Sleep(time.Second)
		m.tell(m.set("edge-1", "", icinga.Down), m.set("edge-2", "disk", icinga.Warning), m.set("edge-3", "disk", icinga.Warning))
		time.Sleep(time.Second)
		m.edit(func(m *monitoring) { delete(m.objects, "edge-1"); delete(m.objects, "edge-2!disk") })
		m.tell(icinga.Event{Type: icinga.EventDeleted, Host: "edge-1", Object: "edge-1", ObjectKind: "Host", At: time.Now()})
		time.Sleep(2 * time.Second)
		if got := objectsOf(t, d); !slices.Equal(got, []string{"edge-2!disk WARNING", "edge-3!disk WARNING"}) {
			t.Errorf("after a deletion that was told: %v", got)
		}
		m.cut()
		time.Sleep(2 * time.Second)
		if got := objectsOf(t, d); !slices.Equal(got, []string{"edge-3!disk WARNING"}) {
			t.Errorf("after a deletion that was found: %v", got)
		}
	})
}

// TestTenThousandEvents: all changes of state of a burst are stored and folded once, in bounded time.
func TestTenThousandEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		h := fake.New().Open(fake.Options{})
		d, _, r, stop := listen(t, h, m)
		time.Sleep(time.Second)
		for i := range 10_000 {
			m.tell(m.set(fmt.Sprintf("edge-%d", i%2000), "s", []icinga.State{icinga.Warning, icinga.Critical, icinga.Warning, icinga.Critical, icinga.OK}[i/2000]))
			if i%2000 == 1999 {
				time.Sleep(5 * time.Second) // each in a second of its own
			}
		}
		time.Sleep(time.Minute)
		stop()
		if got := len(logged(t, h)); got != 10_000 {
			t.Errorf("%d alerts are stored, want 10,000", got)
		}
		if got := objectsOf(t, d); len(got) != 0 {
			t.Errorf("%d incidents are open after the end", len(got))
		}
		seen := map[string]int{}
		for _, id := range r.ids() {
			seen[id]++
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("%s was handed over %d times", id, n)
			}
		}
		if len(seen) != 10_000 {
			t.Errorf("%d triggers were handed over, want 10,000", len(seen))
		}
	})
}

// TestKilledStream kills the process at every write while events come; the next one knows all in the end, and each problem is one.
func TestKilledStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
			for at := 1; at <= 14; at++ {
				disk, m := fake.New(), newMonitoring()
				_, _, _, stop := listen(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
					if op.N == at {
						return fault
					}
					return fake.None
				}}), m)
				time.Sleep(time.Second)
				for i := range 4 {
					m.tell(m.set(fmt.Sprintf("edge-%d", i), "s", icinga.Warning))
					time.Sleep(time.Second)
				}
				m.tell(m.set("edge-0", "s", icinga.OK), m.set("edge-1", "s", icinga.Critical))
				time.Sleep(2 * time.Second)
				stop()
				d, _, _, stop := listen(t, disk.Open(fake.Options{}), m)
				time.Sleep(10 * time.Second)
				got, want := objectsOf(t, d), []string{"edge-1!s CRITICAL", "edge-2!s WARNING", "edge-3!s WARNING"}
				if !slices.Equal(got, want) {
					t.Errorf("%s at write %d: open %v, want %v", fault, at, got, want)
				}
				stop()
			}
		}
	})
}

// TestDowntimes: one that is found is told with who has set it, and that one of two is over ends nothing.
func TestDowntimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		d, _, _, stop := listen(t, fake.New().Open(fake.Options{}), m)
		defer stop()
		time.Sleep(time.Second)
		m.tell(m.set("edge-1", "disk", icinga.Critical))
		time.Sleep(2 * time.Second)
		depth := func(n int) {
			m.edit(func(m *monitoring) { o := m.objects["edge-1!disk"]; o.DowntimeDepth = n; m.objects["edge-1!disk"] = o })
		}
		depth(2)
		now := time.Now()
		m.edit(func(m *monitoring) {
			m.downtimes = []icinga.ScheduledDowntime{
				{Host: "edge-1", Service: "disk", Author: "anna via opsbot", Until: now.Add(time.Hour), Triggered: now},
				{Host: "edge-1", Service: "disk", Author: "bert", Until: now.Add(2 * time.Hour), Triggered: now},
				{Host: "edge-1", Service: "disk", Author: "carl", Until: now.Add(9 * time.Hour)}, // has not begun
				{Host: "edge-2", Service: "disk", Author: "dora", Until: now.Add(9 * time.Hour), Triggered: now},
			}
		})
		m.cut()
		time.Sleep(2 * time.Second)
		one := func() alert.Incident {
			t.Helper()
			open, err := d.Incidents().Open(t.Context())
			if err != nil || len(open) != 1 {
				t.Fatalf("open %+v, %v", open, err)
			}
			return open[0]
		}
		if in := one(); in.Status() != alert.InDowntime || in.Downtime.By != "bert" || !in.Downtime.Until.Equal(now.Add(2*time.Hour)) {
			t.Errorf("a downtime that was found: %+v", in.Downtime)
		}
		for left := range 2 {
			depth(1 - left)
			m.tell(icinga.Event{Type: icinga.EventDowntimeEnded, Host: "edge-1", Service: "disk", At: time.Now()})
			time.Sleep(5 * time.Second)
			if in := one(); (in.Status() == alert.InDowntime) != (left == 0) {
				t.Errorf("with %d downtimes left it is %s", 1-left, in.Status())
			}
		}
		if in := one(); len(in.Lines) != 3 {
			t.Errorf("its lines are %+v, want its beginning, a downtime and its end", in.Lines)
		}
	})
}
