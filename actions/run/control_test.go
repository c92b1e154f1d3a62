package run_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

var ben = actions.Actor{Kind: actions.Person, Name: "ben"}

// at returns what is true of a run in a state.
func at(s actions.State) func(actions.Run) bool {
	return func(r actions.Run) bool { return r.State == s }
}

// holding returns a plan of n steps that is in force for an hour.
func holding(cause string, n int) actions.Plan {
	q := plan(cause, actions.Group{Steps: steps(n, nil)})
	q.Hold = time.Hour
	return q
}

// stuck has the only step of a plan fail to be undone.
func stuck(d *does) { d.Stuck = "edge-1 was changed by carl since" }

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk, start := newWorld(), fake.New(), time.Now()
		p := w.start(t, disk, "before", nil)
		id := accepted(t, p, holding("c", 2))
		r := p.until(t, id, actions.Run.Holding)
		if r.State != actions.Waiting || r.Until.Sub(start) < time.Hour || w.state() != "t0=1 t1=1" || !strings.Contains(r.Why, "in force for 1h0m0s") {
			t.Errorf("in force: %s until %s, world %s", run.Summary(r), r.Until, w.state())
		}
		p.close(t)
		time.Sleep(10 * time.Minute)
		p = w.start(t, disk, "after", nil)
		r = p.until(t, id, nil)
		if r.State != actions.Undone || r.By != "opsbot" || w.state() != "" || r.Ended.Before(start.Add(time.Hour)) || r.Ended.After(start.Add(time.Hour+2*time.Second)) {
			t.Errorf("after its time: %s by %s at +%s, world %q", run.Summary(r), r.By, r.Ended.Sub(start), w.state())
		}
		p.close(t)
	})
}

func TestWaitInPlaceAndParked(t *testing.T) {
	for _, test := range []struct {
		wait  time.Duration
		parks bool
	}{{time.Second, false}, {time.Minute, true}} {
		bubble(t, func(t *testing.T, w *world, p *process) {
			all, err := p.e.Subscribe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			accepted(t, p, plan("c", actions.Group{Steps: steps(2, func(i int, d *does) { d.Wait = time.Duration(i) * test.wait })}))
			parked := false
			for e := range all {
				if e.Progress == nil && e.Run.State == actions.Waiting {
					parked = true
					if e.Run.Why != "for its time" || e.Run.Holding() {
						t.Errorf("waiting: %s", run.Summary(e.Run))
					}
				}
				if e.Run.State.Final() {
					break
				}
			}
			if took := time.Since(start); parked != test.parks || took < test.wait || took > test.wait+2*time.Second || w.state() != "t0=1 t1=1" {
				t.Errorf("wait of %s: parked %v after %s, world %s; want %v", test.wait, parked, took, w.state(), test.parks)
			}
		})
	}
}

func TestCancelLetsTheActUnderWayFinish(t *testing.T) {
	for _, test := range []struct {
		name  string
		tune  func(i int, d *does)
		after time.Duration
		want  string
		world string
		took  time.Duration
	}{
		{"an act that cannot stop", nil, 15 * time.Millisecond, "0:done 1:done", "t0=1 t1=1", 20 * time.Millisecond},
		{"an act that can", func(_ int, d *does) { d.Long = time.Minute }, 90 * time.Second, "0:done 1:failed", "t0=1", 90 * time.Second},
		{"a pause between tries", func(i int, d *does) { d.Temp = 3 * i }, 300 * time.Millisecond, "0:done 1:failed", "t0=1", 300 * time.Millisecond},
	} {
		bubble(t, func(t *testing.T, w *world, p *process) {
			start := time.Now()
			id := accepted(t, p, plan("c", actions.Group{Steps: steps(4, test.tune)}))
			time.Sleep(test.after)
			if err := p.e.Cancel(t.Context(), id, ben); err != nil {
				t.Fatal(err)
			}
			r := p.until(t, id, nil)
			if r.State != actions.Cancelled || r.By != "ben" || states(r) != test.want || w.state() != test.world || r.Ended.Sub(start) != test.took {
				t.Errorf("%s: %s by %s after %s: %s, world %s; want %s after %s", test.name, run.Summary(r), r.By, r.Ended.Sub(start), states(r), w.state(), test.want, test.took)
			}
			if !strings.Contains(r.Why, "cancelled by ben when ") {
				t.Errorf("%s: why = %q", test.name, r.Why)
			}
		}, func(o *run.Options) { o.Retry.First = 10 * time.Second })
	}
}

// TestCancelFromAnotherProcess reaches the owner of a run in the middle of a long step.
func TestCancelFromAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		owner := w.start(t, disk, "owner", nil)
		id := accepted(t, owner, plan("c", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Long = 10 * time.Hour })}))
		time.Sleep(time.Second)
		other := w.start(t, disk, "other", nil)
		if err := other.e.Cancel(t.Context(), id, ben); err != nil {
			t.Fatal(err)
		}
		if r := other.until(t, id, nil); r.State != actions.Cancelled || r.Ended.Sub(r.Accepted) > 2*time.Second {
			t.Error(run.Summary(r))
		}
		owner.close(t)
		other.close(t)
	})
}

// TestCancelWhileParking has another process put the wish down, and see its message served, in the moment before the owner saves that the run waits.
func TestCancelWhileParking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		var other atomic.Pointer[process]
		var asked atomic.Bool
		owner := w.start(t, disk, "owner", func(op fake.Op) fake.Fault {
			if op.Name == "kv.update" && w.called("r-1/do/1/") && asked.CompareAndSwap(false, true) {
				if err := other.Load().e.Cancel(t.Context(), "r-1", ben); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second)
			}
			return fake.None
		})
		accepted(t, owner, plan("c", actions.Group{Steps: steps(2, func(i int, d *does) { d.Wait = time.Duration(5*i) * time.Hour })}))
		synctest.Wait() // the first step is under way
		other.Store(w.start(t, disk, "other", nil))
		r := owner.until(t, "r-1", nil)
		if !asked.Load() || r.State != actions.Cancelled || r.Ended.Sub(r.Accepted) > time.Minute {
			t.Errorf("asked %v: %s", asked.Load(), run.Summary(r))
		}
		owner.close(t)
		other.Load().close(t)
	})
}

func TestCancelBeforeTheFirstAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		idle, err := run.New(run.Options{Store: disk.Open(fake.Options{}), Executors: map[string]run.Executor{"put": put{w: w}}})
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := idle.Accept(t.Context(), plan("c", actions.Group{Steps: steps(2, nil)}))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := idle.Get(t.Context(), id); err != nil || r.Epoch != 0 || run.Summary(r) != id+" accepted: put things" {
			t.Errorf("before it is begun: %s, %v", run.Summary(r), err)
		}
		if err := idle.Cancel(t.Context(), id, ben); err != nil {
			t.Fatal(err)
		}
		p := w.start(t, disk, "owner", nil)
		time.Sleep(time.Second)
		r := p.until(t, id, nil)
		if r.State != actions.Cancelled || len(r.Outcomes) > 0 || w.state() != "" || !strings.Contains(r.Why, "before anything was done") {
			t.Errorf("%s with %s, world %q", run.Summary(r), states(r), w.state())
		}
		p.close(t)
	})
}

// TestRefusals goes through what cannot be cancelled or undone, and says why.
func TestRefusals(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		ctx := t.Context()
		done := p.until(t, accepted(t, p, plan("done", actions.Group{Steps: steps(1, nil)})), nil)
		q := plan("final", actions.Group{Steps: steps(1, nil)})
		q.Groups[0].Steps[0].Kind = "final"
		kept := p.until(t, accepted(t, p, q), nil)
		long := p.until(t, accepted(t, p, plan("long", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Long, d.Thing = time.Hour, "x" })})), at(actions.Running))
		wait := p.until(t, accepted(t, p, plan("wait", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Wait, d.Thing = time.Hour, "y" })})), at(actions.Waiting))
		undone := p.until(t, accepted(t, p, plan("undone", actions.Group{Steps: steps(1, nil)})), nil)
		if err := p.e.Undo(ctx, undone.ID, ben); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for _, test := range []struct {
			name string
			err  error
			want error
		}{
			{"cancel a done run", p.e.Cancel(ctx, done.ID, ben), run.ErrOver},
			{"cancel an unknown run", p.e.Cancel(ctx, "r-99", ben), store.ErrNotFound},
			{"cancel what is no run", p.e.Cancel(ctx, "17", ben), store.ErrNotFound},
			{"undo what cannot be", p.e.Undo(ctx, kept.ID, ben), run.ErrNothing},
			{"undo a running run", p.e.Undo(ctx, long.ID, ben), run.ErrLive},
			{"undo a waiting run", p.e.Undo(ctx, wait.ID, ben), run.ErrLive},
			{"undo an undone run", p.e.Undo(ctx, undone.ID, ben), run.ErrOver},
			{"undo an unknown run", p.e.Undo(ctx, "r-99", ben), store.ErrNotFound},
			{"cancel the running run", p.e.Cancel(ctx, long.ID, ben), nil},
			{"cancel the waiting run", p.e.Cancel(ctx, wait.ID, ben), nil},
		} {
			if !errors.Is(test.err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, test.err, test.want)
			}
		}
		if err := p.e.Cancel(ctx, long.ID, ben); err != nil && !errors.Is(err, run.ErrOver) { // it may be over by now
			t.Errorf("cancel it again: %v, want nothing to be wrong, or %v", err, run.ErrOver)
		}
		for _, id := range []string{long.ID, wait.ID} {
			if r := p.until(t, id, nil); r.State != actions.Cancelled {
				t.Error(run.Summary(r))
			}
		}
	})
}

// TestUndoAgain undoes a run of which a part was changed by others, then once more when they have gone.
func TestUndoAgain(t *testing.T) {
	var gone bool
	x := code{
		do: func(context.Context, run.Call) (run.Result, error) {
			return run.Result{Data: []byte(`"was 7"`)}, nil
		},
		undo: func(_ context.Context, c run.Call, done run.Result) (run.Result, error) {
			if string(done.Data) != `"was 7"` {
				t.Errorf("undo %s got %q", c.Key, done.Data)
			}
			if c.Step == 1 && !gone {
				return run.Result{}, errors.New("changed by carl since")
			}
			return run.Result{Say: "is 7 again"}, nil
		},
	}
	bubble(t, func(t *testing.T, _ *world, p *process) {
		id := accepted(t, p, one("c", "x", 3))
		p.until(t, id, nil)
		for _, want := range []struct {
			state  actions.State
			states string
			why    string
		}{
			{actions.Failed, "0:undone 1:undo-failed 2:undone", "undone by ben; not undone: x 1: changed by carl since"},
			{actions.Undone, "0:undone 1:undone 2:undone", "undone by ben"},
		} {
			if err := p.e.Undo(t.Context(), id, ben); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			r := p.until(t, id, nil)
			if r.State != want.state || states(r) != want.states || !strings.HasSuffix(r.Why, want.why) || r.By != "ben" {
				t.Errorf("%s: %s: %s, want %s: %s: %s", r.State, states(r), r.Why, want.state, want.states, want.why)
			}
			gone = true
		}
	}, with("x", x))
}

// TestWishesDoNotQueue fills every worker and then cancels and undoes by the ordinary road.
func TestWishesDoNotQueue(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		verbs := map[string]actions.Verb{}
		for _, v := range run.Verbs(p.e, nil) {
			verbs[v.Intent] = v
		}
		old := p.until(t, accepted(t, p, plan("old", actions.Group{Steps: steps(2, nil)})), nil)
		var long []string
		for _, cause := range []string{"a", "b", "c", "d"} {
			long = append(long, accepted(t, p, plan(cause, actions.Group{Steps: steps(1, func(_ int, d *does) { d.Long, d.Thing = 10*time.Hour, cause })})))
		}
		time.Sleep(time.Second)
		start := time.Now()
		for _, wish := range []struct{ intent, run, says string }{
			{"run.undo", old.ID, old.ID + " undone"},
			{"run.cancel", long[0], long[0] + " cancelled"},
		} {
			q, err := verbs[wish.intent].Plan(t.Context(), actions.Request{
				Cause: wish.intent, Intent: wish.intent, Slots: map[string][]string{"run": {wish.run}}, Actor: ben, At: time.Now(),
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := p.until(t, accepted(t, p, q), nil)
			if r.State != actions.Done || !strings.Contains(r.Outcomes[0].Say, wish.says) || time.Since(start) > time.Minute {
				t.Errorf("%s after %s: %s: %s, want it to say %q", wish.intent, time.Since(start), run.Summary(r), states(r), wish.says)
			}
		}
		if got := w.state(); got != "" {
			t.Errorf("world = %s, want nothing", got)
		}
		for _, id := range long[1:] {
			if err := p.e.Cancel(t.Context(), id, ben); err != nil {
				t.Error(err)
			}
			p.until(t, id, nil)
		}
		time.Sleep(time.Hour) // the messages of what was done in a hurry come, and change nothing
		for _, id := range append(long, old.ID) {
			if r := p.until(t, id, nil); r.Epoch > 2 {
				t.Errorf("%s was claimed %d times", id, r.Epoch)
			}
		}
	}, func(o *run.Options) { o.Workers = 2 })
}
