package node_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// draining is a process of the bot that can drain nodes.
type draining struct {
	*home
	drains *node.Drains
	engine *run.Engine
	asked  int
}

func newDraining(t *testing.T, h store.Store, owner string) (*draining, func()) {
	t.Helper()
	d, err := node.NewDrains(h.Bucket(store.Inventory), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	carried := func(_ context.Context, name string) ([]string, error) { return []string{"segment studio-a"}, nil }
	x := &draining{drains: d, home: newHome(t, h.Bucket(store.Inventory), func(o *node.Options) { o.Drains, o.Carried = d, []node.User{carried} })}
	x.engine, err = run.New(run.Options{Store: h, Executors: x.Executors(), Owner: owner, Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = x.engine.Serve(ctx) }()
	go func() { _ = d.Run(ctx) }()
	return x, func() { cancel(); <-ended }
}

// say plans, carries out for two seconds, and returns the run.
func (x *draining) say(t *testing.T, intent string, slots ...string) actions.Run {
	t.Helper()
	p, err := x.plan(t, intent, slots...)
	if err != nil {
		t.Fatal(err)
	}
	x.asked++
	p.Request.Cause = fmt.Sprint("terminal:", x.asked)
	id, _, err := x.engine.Accept(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	r, err := x.engine.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (x *draining) names() string {
	var out []string
	for _, d := range x.drains.All() {
		out = append(out, d.Node)
	}
	return strings.Join(out, " ")
}

// TestDrain: a node that is drained for a while takes new things again by itself; what others did meanwhile stays.
func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		x, stop := newDraining(t, disk.Open(fake.Options{}), "bot")
		defer stop()
		p, err := x.plan(t, "node.drain", "node=edge-1", "duration=2h", "reason=new disk")
		want := []string{"on edge-1:", "  note that edge-1 takes nothing new", "note: still on edge-1, and untouched by this: deployment news, segment studio-a"}
		if diff := cmp.Diff(want, p.Lines()); diff != "" || err != nil || p.Say != "drain edge-1: nothing new is put there for 2h0m0s" || p.Risk != actions.Disruptive {
			t.Errorf("plan: %q, risk %s, %v (-want +got):\n%s", p.Say, p.Risk, err, diff)
		}
		held := x.say(t, "node.drain", "node=edge-1", "node=mac-1", "duration=2h", "reason=new disk")
		if !held.Holding() || x.names() != "edge-1 mac-1" {
			t.Errorf("drained for a while: %s, drained are %q", held.State, x.names())
		}
		a, err := answer(t, node.Options{Drains: x.drains}, sample(), "node.list", nil)
		if err != nil || a.Table.Rows[0][0] != "edge-1 (draining)" {
			t.Errorf("list: %v, %v", a.Table, err)
		}
		a, err = answer(t, node.Options{Drains: x.drains}, sample(), "node.show", map[string][]string{"node": {"edge-1"}})
		if err != nil || a.Lines[0] != "draining, by anna since 2000-01-01 00:00 UTC until 2000-01-01 02:00 UTC (new disk): nothing new is put there" {
			t.Errorf("show: %q, %v", a.Lines, err)
		}
		for _, tt := range [][]string{
			{"node.drain", "node=edge-1", "nothing to do: edge-1 is being drained already, by anna since"},
			{"node.undrain", "node=edge-2", "nothing to do: edge-2 is not being drained"},
			{"node.drain", "node=edge-3", "no node is called"},
			{"node.drain", "", "which node?"},
			{"node.drain", "duration=0s", "is no duration of a second or more"},
		} {
			if _, err := x.plan(t, tt[0], tt[1]); err == nil || !strings.Contains(err.Error(), tt[2]) {
				t.Errorf("%s %s: %v, want %q", tt[0], tt[1], err, tt[2])
			}
		}
		ended := x.say(t, "node.undrain", "node=mac-1")
		if ended.State != actions.Done || x.names() != "edge-1" {
			t.Errorf("undrained early: %s, drained are %q", ended.State, x.names())
		}
		again := x.say(t, "node.drain", "node=mac-1")
		if again.State != actions.Done {
			t.Errorf("drained again: %s %s", again.State, again.Why)
		}
		if err := x.engine.Undo(t.Context(), ended.ID, actions.Actor{Name: "anna"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		if x.names() != "mac-1" {
			t.Errorf("after its time drained are %q: edge-1 should take new things again, and mac-1 is drained by another run", x.names())
		}
		if err := x.engine.Undo(t.Context(), again.ID, actions.Actor{Name: "anna"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if x.names() != "" {
			t.Errorf("after the undo drained are %q", x.names())
		}
	})
}

// TestUndrainUndone: taking an undrain back drains again as it was, for what is left of its time.
func TestUndrainUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		x, stop := newDraining(t, disk.Open(fake.Options{}), "bot")
		defer stop()
		x.say(t, "node.drain", "node=edge-1", "duration=2h")
		ended := x.say(t, "node.undrain", "node=edge-1")
		if err := x.engine.Undo(t.Context(), ended.ID, actions.Actor{Name: "anna"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if other, stop := newDraining(t, disk.Open(fake.Options{}), "other"); other.names() != "edge-1" {
			t.Errorf("another replica knows %q", other.names())
		} else {
			stop()
		}
		time.Sleep(3 * time.Hour)
		if x.names() != "" {
			t.Errorf("after its time drained are %q", x.names())
		}
	})
}

// TestDrainCrash kills the process around every write of a drain: another one finds it done, once.
func TestDrainCrash(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable} {
		for at, hit := 1, true; hit; at++ {
			synctest.Test(t, func(t *testing.T) { hit = drainCrash(t, fault, at) })
			if at > 60 {
				t.Fatalf("%s: %d writes", fault, at)
			}
		}
	}
}

func drainCrash(t *testing.T, fault fake.Fault, at int) (hit bool) {
	t.Helper()
	disk := fake.New()
	first, stop := newDraining(t, disk.Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
		if op.N == at {
			hit = true
			return fault
		}
		return fake.None
	}}), "first")
	p, err := first.plan(t, "node.drain", "node=edge-1", "node=edge-2")
	if err != nil {
		t.Fatal(err)
	}
	p.Request.Cause = "terminal:crash"
	_, _, _ = first.engine.Accept(t.Context(), p) // the crash may lie here
	time.Sleep(time.Minute)
	stop()
	second, stop := newDraining(t, disk.Open(fake.Options{}), "second")
	defer stop()
	id, _, err := second.engine.Accept(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Minute)
	r, err := second.engine.Get(t.Context(), id)
	if err != nil || r.State != actions.Done || second.names() != "edge-1 edge-2" {
		t.Errorf("%s at write %d: %s (%s), drained are %q, %v", fault, at, r.State, r.Why, second.names(), err)
	}
	return hit
}
