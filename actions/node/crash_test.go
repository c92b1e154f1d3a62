package node_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// TestCrash kills the process before and after every write, and loses the answer of every write, while a node is added and removed again: another
// process carries on, and the node is there once, and then not at all.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for _, removal := range []bool{false, true} {
			for at, hit := 1, true; hit; at++ {
				synctest.Test(t, func(t *testing.T) { hit = crash(t, fault, at, removal) })
				if !hit && at < 8 || at > 100 {
					t.Errorf("%s, removal %v: %d writes", fault, removal, at-1)
					break
				}
			}
		}
	}
}

// live is a process of the bot until stop.
func live(t *testing.T, h store.Store, owner string) (b *home, e *run.Engine, stop func()) {
	t.Helper()
	b = newHome(t, h.Bucket(store.Inventory))
	e, err := run.New(run.Options{Store: h, Executors: b.Executors(), Owner: owner, Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = e.Serve(ctx) }() // the crash of its store ends it with an error
	return b, e, func() { cancel(); <-ended }
}

func crash(t *testing.T, fault fake.Fault, at int, removal bool) (hit bool) {
	t.Helper()
	name := fmt.Sprintf("%s at write %d, removal %v", fault, at, removal)
	disk := fake.New()
	begin := newHome(t, disk.Open(fake.Options{}).Bucket(store.Inventory))
	p, err := begin.plan(t, "node.add", "node=edge-9", "address=192.0.2.19")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"edge-9"}
	if removal {
		if err := begin.perform(t, "r-0", p); err != nil {
			t.Fatal(err)
		}
		if p, err = begin.plan(t, "node.remove", "node=edge-9"); err != nil {
			t.Fatal(err)
		}
		want = nil
	}
	p.Request.Cause = "terminal:1"
	_, first, stop := live(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
		if op.N == at {
			hit = true
			return fault
		}
		return fake.None
	}}), "first")
	_, _, _ = first.Accept(t.Context(), p) // the crash may lie here
	time.Sleep(time.Minute)
	stop()
	b, second, stop := live(t, disk.Open(fake.Options{}), "second")
	defer stop()
	id, _, err := second.Accept(t.Context(), p) // the door delivers it again
	if err != nil {
		t.Fatalf("%s: accept: %v", name, err)
	}
	time.Sleep(2 * time.Minute)
	got, err := second.Get(t.Context(), id)
	if err != nil || got.State != actions.Done {
		t.Errorf("%s: %s is %s (%s), %v", name, id, got.State, got.Why, err)
	}
	if err := b.store.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.names()); diff != "" {
		t.Errorf("%s: nodes (-want +got):\n%s", name, diff)
	}
	return hit
}
