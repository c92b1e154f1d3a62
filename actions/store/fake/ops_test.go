package fake_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// script makes one call of every kind, in an order in which each can succeed, and stops at the first store.ErrClosed.
func script(ctx context.Context, h *fake.Handle) error {
	kv, queue, timer, log := h.Bucket(store.Guards), h.Queue(), h.Timer(), h.Log(store.Audit)
	var leases []store.Lease
	pull := func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		leases, err = queue.Pull(ctx, 1)
		return err
	}
	held := func(do func(store.Lease) error) func() error {
		return func() error {
			if len(leases) == 0 {
				return nil
			}
			return do(leases[0])
		}
	}
	for _, call := range []func() error{
		func() error { _, err := kv.Create(ctx, "a", nil); return err },
		func() error { _, err := kv.CreateFor(ctx, "b", nil, time.Hour); return err },
		func() error { _, err := kv.Update(ctx, "a", nil, 1); return err },
		func() error { _, err := kv.UpdateFor(ctx, "b", nil, 2, time.Hour); return err },
		func() error { return kv.Delete(ctx, "a", 3) },
		func() error { _, err := kv.Get(ctx, "b"); return err },
		func() error { _, err := kv.List(ctx, ""); return err },
		func() error { _, err := kv.Watch(ctx, ""); return err },
		func() error { _, _, err := queue.Publish(ctx, "m", nil); return err },
		pull,
		held(func(l store.Lease) error { return l.Extend(ctx) }),
		held(func(l store.Lease) error { return l.Nak(ctx, 0) }),
		pull,
		held(func(l store.Lease) error { return l.Ack(ctx) }),
		func() error { return timer.At(ctx, "t", time.Now().Add(time.Hour), nil) },
		func() error { return timer.Cancel(ctx, "t") },
		func() error { _, err := log.Append(ctx, "r", nil, 0); return err },
		func() error { _, err := log.Read(ctx, 1, 1); return err },
		func() error { _, err := log.Last(ctx); return err },
	} {
		if err := call(); errors.Is(err, store.ErrClosed) {
			return err
		}
	}
	return nil
}

func TestOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ops []string
		h := fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			ops = append(ops, fmt.Sprintf("%d %s %s %s", op.N, op.Name, op.Bucket, op.Key))
			return fake.None
		}})
		if err := script(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"1 kv.create guards a", "2 kv.create guards b", "3 kv.update guards a", "4 kv.update guards b", "5 kv.delete guards a",
			"0 kv.get guards b", "0 kv.list guards ", "0 kv.watch guards ", "6 queue.publish  m", "7 queue.pull  ", "8 lease.extend  m",
			"9 lease.nak  m", "10 queue.pull  ", "11 lease.ack  m", "12 timer.at  t", "13 timer.cancel  t", "14 log.append AUDIT r",
			"0 log.read AUDIT ", "0 log.last AUDIT ",
		}
		if diff := cmp.Diff(want, ops); diff != "" {
			t.Errorf("calls: -want +got\n%s", diff)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestEveryFaultAtEveryCall checks that a crash ends the handle, that nothing else does, and that no goroutine outlives either.
func TestEveryFaultAtEveryCall(t *testing.T) {
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for n := 1; n <= 14; n++ {
			synctest.Test(t, func(t *testing.T) {
				disk := fake.New()
				h := disk.Open(fake.Options{Inject: at(n, fault)})
				crash := fault == fake.CrashBefore || fault == fake.CrashAfter
				if err := script(t.Context(), h); errors.Is(err, store.ErrClosed) != crash {
					t.Errorf("%v at %d: script ends with %v", fault, n, err)
				}
				if alive := h.Ready() == nil; alive == crash {
					t.Errorf("%v at %d: alive %v", fault, n, alive)
				}
				if err := h.Close(t.Context()); err != nil {
					t.Error(err)
				}
				next := disk.Open(fake.Options{})
				if err := script(t.Context(), next); err != nil {
					t.Errorf("%v at %d: the next process: %v", fault, n, err)
				}
				if err := next.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestNoWriteAfterKill kills while writers run; what the next process sees must not change any more.
func TestNoWriteAfterKill(t *testing.T) {
	disk := fake.New()
	h := disk.Open(fake.Options{})
	done := make(chan int, 4)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				if _, err := h.Bucket(store.Runs).Create(t.Context(), fmt.Sprintf("k-%d-%d", w, i), nil); err != nil {
					done <- i
					return
				}
				if i == 100 && w == 0 {
					h.Kill()
				}
			}
		}()
	}
	acked := 0
	for range 4 {
		acked += <-done
	}
	all, err := disk.Open(fake.Options{}).Bucket(store.Runs).List(t.Context(), "")
	if err != nil || len(all) != acked {
		t.Errorf("%d keys (%v), want the %d acknowledged ones", len(all), err, acked)
	}
	if got := fake.Fault(9).String(); got != "fault 9" {
		t.Errorf("Fault(9) = %q", got)
	}
}
