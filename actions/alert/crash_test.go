package alert_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/icinga"
)

// live is a process of the bot over a disk and a monitoring that outlive it, until stop.
func live(t *testing.T, h store.Store, m *monitoring, owner string) (e *run.Engine, stop func()) {
	t.Helper()
	a := home(healthy(), m)
	e, err := run.New(run.Options{Store: h, Executors: a.Executors(), Owner: owner, Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = e.Serve(ctx) }() // the crash of its store ends it with an error
	return e, func() { cancel(); <-ended }
}

// TestDowntimeCrash kills the process before and after every write, and loses the answer of every write, while a downtime is set: another process
// carries on, every object is in one downtime, and after its time in none.
func TestDowntimeCrash(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for at, hit := 1, true; hit; at++ {
			synctest.Test(t, func(t *testing.T) { hit = downtimeCrash(t, fault, at) })
			if !hit && at < 10 {
				t.Errorf("%s: setting a downtime makes %d writes, want at least 10", fault, at-1)
			}
			if at > 100 {
				t.Fatalf("%s: more than 100 writes", fault)
			}
		}
	}
}

func downtimeCrash(t *testing.T, fault fake.Fault, at int) (hit bool) {
	t.Helper()
	name := fmt.Sprintf("%s at write %d", fault, at)
	disk, m := fake.New(), maintained()
	r := anna("downtime.add", "node=edge-1", "node=edge-2", "duration=2h")
	r.Cause, r.At = "terminal:1", time.Now()
	p := plan(t, home(healthy(), m), r)
	first, stop := live(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
		if op.N == at {
			hit = true
			return fault
		}
		return fake.None
	}}), m, "first")
	_, _, _ = first.Accept(t.Context(), p) // the crash may lie here
	time.Sleep(time.Minute)
	stop()
	second, stop := live(t, disk.Open(fake.Options{}), m, "second")
	defer stop()
	id, _, err := second.Accept(t.Context(), p) // the door delivers it again
	if err != nil {
		t.Fatalf("%s: accept: %v", name, err)
	}
	time.Sleep(2 * time.Minute)
	want := []string{"EDGE-1 of anna via opsbot", "EDGE-1!Cache Hit Rate of anna via opsbot", "EDGE-1!disk of anna via opsbot", "edge-2 of anna via opsbot"}
	if diff := cmp.Diff(want, m.set()); diff != "" {
		t.Errorf("%s: downtimes (-want +got):\n%s", name, diff)
	}
	time.Sleep(3 * time.Hour)
	got, err := second.Get(t.Context(), id)
	if err != nil || !got.State.Final() || got.State == actions.Failed || len(m.set()) != 0 {
		t.Errorf("%s: after its time %s is %s (%s), %v, downtimes %q", name, id, got.State, got.Why, err, m.set())
	}
	return hit
}

// TestDowntimeLostAnswers: Icinga2 sets each and its answers are lost: each is set once all the same.
func TestDowntimeLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := maintained()
		a := home(healthy(), nil, func(o *alert.Options) { o.Icinga = &lossyMonitoring{m, map[string]bool{}} })
		perform(t, a, plan(t, a, anna("downtime.add", "node=edge-1", "duration=2h")))
		if got := m.set(); len(got) != 3 {
			t.Errorf("downtimes %q, want 3", got)
		}
	})
}

// lossyMonitoring loses the first answer about each object.
type lossyMonitoring struct {
	*monitoring
	lost map[string]bool
}

// ScheduleDowntime sets it, and says the first time that it did not hear.
func (l *lossyMonitoring) ScheduleDowntime(ctx context.Context, host, service string, d icinga.Downtime) error {
	err := l.monitoring.ScheduleDowntime(ctx, host, service, d)
	if err == nil && !l.lost[host+service] {
		l.lost[host+service] = true
		return icinga.ErrUnavailable
	}
	return err
}
