package run_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// needing returns a plan that so many people must agree to, within two hours.
func needing(people int, p actions.Plan) actions.Plan {
	p.Approve = &actions.Approval{Rule: "two for flush", Role: "admin", People: people, Within: 2 * time.Hour}
	return p
}

// waitingFor makes a run that waits for so many people.
func waitingFor(t *testing.T, p *process, people int) string {
	t.Helper()
	q := needing(people, plan("c", actions.Group{Steps: steps(2, nil)}))
	q.Request.Actor.As, q.Request.At = "unix:anna", time.Now().UTC()
	return accepted(t, p, q)
}

// TestApprovalBegins: the run waits, tells it, and begins with the last yes; Follow goes on all the while.
func TestApprovalBegins(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := waitingFor(t, p, 2)
		fresh, err := p.e.Get(t.Context(), id)
		if err != nil || fresh.State != actions.Waiting || fresh.Until.IsZero() {
			t.Errorf("just accepted: %s, until %s, %v; want it waiting", run.Summary(fresh), fresh.Until, err)
		}
		events, err := p.e.Follow(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		r, err := p.e.Approve(t.Context(), id, actions.Assent{By: "ben", As: "unix:ben", Why: "looks right"})
		if want := "waits for 1 more of role admin, not anna, until 02:00:00; approved by ben"; err != nil || r.State != actions.Waiting || r.Why != want {
			t.Errorf("first yes: %s, %v, want %s", run.Summary(r), err, want)
		}
		if got := w.state(); got != "" {
			t.Errorf("world = %s after one of two, want nothing done", got)
		}
		r, err = p.e.Approve(t.Context(), id, actions.Assent{By: "carl", As: "unix:carl"})
		if err != nil || len(r.Assents) != 2 || !strings.Contains(r.Why, "approved by ben, carl") {
			t.Errorf("second yes: %s, %v", run.Summary(r), err)
		}
		seen := []string{}
		for e := range events {
			if e.Progress == nil {
				seen = append(seen, fmt.Sprintf("%s %d", e.Run.State, len(e.Run.Assents)))
				r = e.Run
			}
		}
		if want, got := "waiting 0, waiting 1, waiting 2, running 2, done 2", strings.Join(slices.Compact(seen), ", "); got != want {
			t.Errorf("followed %s, want %s", got, want)
		}
		if r.State != actions.Done || w.state() != "t0=1 t1=1" || len(r.Assents) != 2 || r.Assents[0].Why != "looks right" {
			t.Errorf("%s, assents %v, world %s", run.Summary(r), r.Assents, w.state())
		}
	})
}

// TestWhoMayNotApprove is the table of yeses that do not count.
func TestWhoMayNotApprove(t *testing.T) {
	for _, test := range []struct {
		name   string
		asker  actions.Actor
		before []actions.Assent
		yes    actions.Assent
		after  time.Duration
		want   error
	}{
		{"somebody else", actions.Actor{Kind: actions.Person, Name: "anna"}, nil, actions.Assent{By: "ben"}, 0, nil},
		{"in the last second", actions.Actor{Kind: actions.Person, Name: "anna"}, nil, actions.Assent{By: "ben"}, 2*time.Hour - time.Second, nil},
		{"the asker", actions.Actor{Kind: actions.Person, Name: "anna"}, nil, actions.Assent{By: "anna"}, 0, run.ErrSelf},
		{"the asker's identity under another name", actions.Actor{Kind: actions.Person, Name: "anna", As: "unix:a"}, nil, actions.Assent{By: "ben", As: "unix:a"}, 0, run.ErrSelf},
		{"the owner of the job", actions.Actor{Kind: actions.Job, Name: "nightly", Owner: "ben"}, nil, actions.Assent{By: "ben"}, 0, run.ErrSelf},
		{"nobody", actions.Actor{Kind: actions.Person, Name: "anna"}, nil, actions.Assent{As: "unix:x"}, 0, run.ErrSelf},
		{"twice", actions.Actor{Kind: actions.Person, Name: "anna"}, []actions.Assent{{By: "ben"}}, actions.Assent{By: "ben"}, time.Minute, run.ErrTwice},
		{"one identity, two names", actions.Actor{Kind: actions.Person, Name: "anna"}, []actions.Assent{{By: "ben", As: "unix:b"}}, actions.Assent{By: "carl", As: "unix:b"}, time.Minute, run.ErrTwice},
		{"too late", actions.Actor{Kind: actions.Person, Name: "anna"}, nil, actions.Assent{By: "ben"}, 3 * time.Hour, run.ErrLate},
	} {
		bubble(t, func(t *testing.T, _ *world, p *process) {
			q := needing(2, plan("c", actions.Group{Steps: steps(1, nil)}))
			q.Request.Actor = test.asker
			id := accepted(t, p, q)
			for _, yes := range test.before {
				if _, err := p.e.Approve(t.Context(), id, yes); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(test.after)
			r, err := p.e.Approve(t.Context(), id, test.yes)
			if !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
			want := len(test.before)
			if test.want == nil {
				want++
			}
			if len(r.Assents) != want {
				t.Errorf("%s: %d yeses, want %d", test.name, len(r.Assents), want)
			}
			if err := p.e.Cancel(t.Context(), id, ben); err != nil && !errors.Is(err, run.ErrOver) {
				t.Error(err)
			}
			p.until(t, id, nil)
		})
	}
}

// TestNotWaiting: a run that is at work, over, rejected or parked for another reason takes no yes and no no.
func TestNotWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		done := accepted(t, p, plan("done", actions.Group{Steps: steps(1, nil)}))
		p.until(t, done, nil)
		held := accepted(t, p, holding("held", 1))
		p.until(t, held, actions.Run.Holding)
		rejected := waitingFor(t, p, 1)
		r, err := p.e.Reject(t.Context(), rejected, ben, "not during the final")
		if want := "r-3 cancelled in 0s: put things (rejected by ben: not during the final)"; err != nil || run.Summary(r) != want || r.By != "ben" {
			t.Errorf("reject: %s, %v, want %s", run.Summary(r), err, want)
		}
		if _, err := p.e.Reject(t.Context(), rejected, ben, "not during the final"); err != nil {
			t.Errorf("the same no again: %v", err)
		}
		for _, id := range []string{done, held, rejected} {
			if _, err := p.e.Approve(t.Context(), id, actions.Assent{By: "carl"}); !errors.Is(err, run.ErrNotWaiting) {
				t.Errorf("approve %s: %v, want ErrNotWaiting", id, err)
			}
			if _, err := p.e.Reject(t.Context(), id, ben, "another reason"); !errors.Is(err, run.ErrNotWaiting) {
				t.Errorf("reject %s: %v, want ErrNotWaiting", id, err)
			}
		}
		if _, err := p.e.Approve(t.Context(), "r-99", actions.Assent{By: "carl"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("approve r-99: %v, want ErrNotFound", err)
		}
		if err := p.e.Cancel(t.Context(), held, ben); err != nil {
			t.Error(err)
		}
		p.until(t, held, nil)
	})
}

// TestApprovalExpires cancels at Within, not before, and says how many had agreed.
func TestApprovalExpires(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := waitingFor(t, p, 2)
		if _, err := p.e.Approve(t.Context(), id, actions.Assent{By: "ben"}); err != nil {
			t.Fatal(err)
		}
		r := p.until(t, id, nil)
		want := "r-1 cancelled in 2h0m0s: put things (1 of 2 said yes within 2h0m0s, the time to approve it is over)"
		if got := run.Summary(r); got != want || r.By != "opsbot" || w.state() != "" {
			t.Errorf("got %s by %s, world %q; want %s", got, r.By, w.state(), want)
		}
		if _, err := p.e.Approve(t.Context(), id, actions.Assent{By: "carl"}); !errors.Is(err, run.ErrLate) {
			t.Errorf("after that: %v, want ErrLate", err)
		}
		if _, err := p.e.Reject(t.Context(), id, ben, ""); !errors.Is(err, run.ErrLate) {
			t.Errorf("reject after that: %v, want ErrLate", err)
		}
	})
}

// TestApprovalSurvivesRestart: asked of one process, approved in two others, begun by a fourth.
func TestApprovalSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		p := w.start(t, disk, "one", nil)
		id := waitingFor(t, p, 2)
		p.until(t, id, func(r actions.Run) bool { return r.Epoch > 0 })
		p.h.Kill()
		p.close(t)
		for _, who := range []string{"ben", "carl"} {
			p = w.start(t, disk, "with "+who, nil)
			if _, err := p.e.Approve(t.Context(), id, actions.Assent{By: who}); err != nil {
				t.Error(err)
			}
			p.h.Kill()
			p.close(t)
		}
		p = w.start(t, disk, "last", nil)
		defer p.close(t)
		start := time.Now()
		if r := p.until(t, id, nil); r.State != actions.Done || len(r.Assents) != 2 || w.state() != "t0=1 t1=1" || r.Ended.Sub(start) > time.Minute {
			t.Errorf("%s after %s, assents %v, world %s", run.Summary(r), r.Ended.Sub(start), r.Assents, w.state())
		}
	})
}

// TestManyApproveAtOnce: of many yeses at once, in two processes, each counts once and the run begins once.
func TestManyApproveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		one, two := w.start(t, disk, "one", nil), w.start(t, disk, "two", nil)
		id := waitingFor(t, one, 5)
		two.untilBegun(t, id)
		var group sync.WaitGroup
		counted := atomic.Int64{}
		for i := range 16 {
			group.Go(func() {
				p := []*process{one, two}[i%2]
				_, err := p.e.Approve(t.Context(), id, actions.Assent{By: fmt.Sprint("person-", i/2), Why: fmt.Sprint(i)})
				if err == nil {
					counted.Add(1)
				} else if !errors.Is(err, run.ErrTwice) && !errors.Is(err, run.ErrNotWaiting) {
					t.Errorf("yes %d: %v", i, err)
				}
			})
		}
		group.Wait()
		r := one.until(t, id, nil)
		if r.State != actions.Done || len(r.Assents) != 5 || w.state() != "t0=1 t1=1" {
			t.Errorf("%s, %d yeses, world %s", run.Summary(r), len(r.Assents), w.state())
		}
		one.close(t)
		two.close(t)
		for _, bad := range w.faults {
			t.Error(bad)
		}
	})
}

// untilBegun waits until another process has put a run into the store.
func (p *process) untilBegun(t *testing.T, id string) {
	t.Helper()
	for {
		if _, err := p.e.Get(t.Context(), id); err == nil {
			return
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestBadApprovals(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		for _, a := range []actions.Approval{{Within: time.Hour}, {People: -1, Within: time.Hour}, {People: 1}, {People: 1, Within: -1}} {
			q := plan("c", actions.Group{Steps: steps(1, nil)})
			q.Approve = &a
			if id, _, err := p.e.Accept(t.Context(), q); !errors.Is(err, run.ErrBadPlan) {
				t.Errorf("%+v: %q, %v, want ErrBadPlan", a, id, err)
			}
		}
		nothing := needing(1, plan("d"))
		if r := p.until(t, accepted(t, p, nothing), nil); r.State != actions.Done {
			t.Errorf("a plan that does nothing: %s, want it done", run.Summary(r))
		}
	})
}

// TestShowOfAWaitingRun is what people read while a run waits for them, and afterwards.
func TestShowOfAWaitingRun(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world, p *process) {
		id := waitingFor(t, p, 2)
		p.until(t, id, func(r actions.Run) bool { return r.Epoch > 0 })
		show := func(want string) {
			t.Helper()
			a, err := verbsOf(p)["run.show"].Answer(t.Context(), asked("run.show", "run", id), nil)
			if d := cmp.Diff(strings.TrimPrefix(want, "\n"), text(a)); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		}
		show(`
r-1 waiting: put things
  2000-01-01 00:00:00 UTC by anna: put it
  until 02:00:00, 2h0m0s from now
  why: waits for a yes of 2 people of role admin, not anna, until 02:00:00
  approval: 0 of 2 of role admin said yes (two for flush)
  0 of 2 acts came to an end
hint: approve r-1, or reject r-1
`)
		list, err := verbsOf(p)["run.list"].Answer(t.Context(), asked("run.list", "state", "waiting"), nil)
		if err != nil || !strings.Contains(text(list), "r-1 | waiting | put it | anna | 2000-01-01 00:00:00 UTC | 0s | waits for a yes of 2 people of role admin, not anna") {
			t.Errorf("%v\n%s", err, text(list))
		}
		time.Sleep(time.Hour)
		for _, yes := range []actions.Assent{{By: "ben", Why: "looks right"}, {By: "carl"}} {
			if _, err := p.e.Approve(t.Context(), id, yes); err != nil {
				t.Fatal(err)
			}
		}
		p.until(t, id, nil)
		show(`
r-1 done: put things
  2000-01-01 00:00:00 UTC by anna: put it
  took 1h0m0s
  approval: 2 of 2 of role admin said yes (two for flush)
  approved by ben at 01:00:00: looks right
  approved by carl at 01:00:00
  2 of 2 acts came to an end
  step | node | outcome | took | at | what
  1 |  | done | 10ms | 01:00:00 | put t0
  2 |  | done | 10ms | 01:00:00 | put t1
hint: undo r-1
`)
	})
}

// as returns a request about a run by a person.
func as(who, intent, id string, options ...string) actions.Request {
	r := asked(intent, "run", id)
	r.Cause += " by " + who
	r.Actor = actions.Actor{Kind: actions.Person, Name: who, As: "unix:" + who}
	for i := 0; i < len(options); i += 2 {
		r.Options = map[string]string{options[i]: options[i+1]}
	}
	return r
}

func TestApproveVerb(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := waitingFor(t, p, 2)
		p.until(t, id, func(r actions.Run) bool { return r.Epoch > 0 })
		verb := verbsOf(p)["run.approve"]
		say := func(r actions.Request, want string) {
			t.Helper()
			q, err := verb.Plan(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.until(t, accepted(t, p, q), nil); got.State != actions.Done || got.Outcomes[0].Say != want {
				t.Errorf("%s: %q, want %q", run.Summary(got), got.Outcomes[0].Say, want)
			}
		}
		q, err := verb.Plan(t.Context(), as("ben", "run.approve", id), nil)
		want := []string{
			"approve r-1 (put it)", "note: asked for by anna at 2000-01-01 00:00:00 UTC", "note: 0 of 2 of role admin said yes", "note: put t0", "note: put t1",
		}
		if d := cmp.Diff(want, q.Lines()); err != nil || d != "" || q.Risk != actions.Disruptive {
			t.Errorf("plan, %v (-want +got):\n%s", err, d)
		}
		say(as("ben", "run.approve", id, "reason", "seen"), "r-1 approved by ben, 1 of 2; waits for 1 more of role admin, not anna, until 02:00:00; approved by ben")
		for who, want := range map[string]error{"anna": run.ErrSelf, "ben": run.ErrTwice} {
			r := as(who, "run.approve", id)
			r.At = r.At.Add(time.Minute)
			if _, err := verb.Plan(t.Context(), r, nil); !errors.Is(err, want) || !strings.Contains(err.Error(), "r-1 cannot be approved by "+who) {
				t.Errorf("plan for %s: %v, want %v", who, err, want)
			}
		}
		say(as("carl", "run.approve", id), "r-1 approved by carl, 2 of 2; it is done")
		r := p.until(t, id, nil)
		if r.State != actions.Done || r.Assents[0].Why != "seen" || r.Assents[0].As != "unix:ben" || w.state() != "t0=1 t1=1" {
			t.Errorf("%s, %+v, world %s", run.Summary(r), r.Assents, w.state())
		}
		if _, err := verb.Plan(t.Context(), as("dora", "run.approve", id), nil); !errors.Is(err, run.ErrNotWaiting) {
			t.Errorf("afterwards: %v, want ErrNotWaiting", err)
		}
	})
}

func TestRejectVerb(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := waitingFor(t, p, 1)
		verb := verbsOf(p)["run.reject"]
		r := as("anna", "run.reject", id)
		r.Slots["reason"] = []string{"wrong node"}
		q, err := verb.Plan(t.Context(), r, nil)
		if err != nil || q.Risk != actions.Reversible {
			t.Fatalf("plan: %s, %v", q.Risk, err)
		}
		got := p.until(t, accepted(t, p, q), nil)
		if want := "r-1 cancelled in 0s: put things (rejected by anna: wrong node)"; got.State != actions.Done || got.Outcomes[0].Say != want || w.state() != "" {
			t.Errorf("%s: %q, want %q", run.Summary(got), got.Outcomes[0].Say, want)
		}
		if _, err := verb.Plan(t.Context(), r, nil); !errors.Is(err, run.ErrNotWaiting) {
			t.Errorf("afterwards: %v, want ErrNotWaiting", err)
		}
		again, err := verbsOf(p)["run.retry"].Plan(t.Context(), as("anna", "run.retry", id), nil)
		if err != nil || again.Request.Intent != "test.put" {
			t.Errorf("retry of what was rejected: %+v, %v", again.Request, err)
		}
	})
}

// TestARuleApprovesNothing: the yes must be a person's.
func TestARuleApprovesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, p *process) {
		id := waitingFor(t, p, 1)
		r := as("nightly", "run.approve", id)
		r.Actor.Kind = actions.Job
		q, err := verbsOf(p)["run.approve"].Plan(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.until(t, accepted(t, p, q), nil); got.State != actions.Failed || !strings.Contains(got.Why, "nightly is no person") || w.state() != "" {
			t.Errorf("%s, want it failed", run.Summary(got))
		}
		p.until(t, id, nil)
	})
}

// TestEveryStoreCallOfAnApprovalMayFail approves by the ordinary road, while the only worker is busy, and lets every store call from then on fail.
func TestEveryStoreCallOfAnApprovalMayFail(t *testing.T) {
	points := 0
	for _, intent := range []string{"run.approve", "run.reject"} {
		for _, fault := range append(crashes, fake.None) {
			for n := 1; ; n++ {
				hits := 0
				synctest.Test(t, func(t *testing.T) { approvedInAHurry(t, intent, blow{n, fault}, &hits) })
				if t.Failed() {
					t.Fatalf("%s: %v at call %d", intent, fault, n)
				}
				if hits == 0 || fault == fake.None {
					break
				}
				points++
			}
		}
	}
	t.Logf("%d points enumerated", points)
}

func approvedInAHurry(t *testing.T, intent string, b blow, hits *int) {
	w, disk := newWorld(), fake.New()
	inject, armed := b.inject(hits), atomic.Bool{}
	before := w.start(t, disk, "before", func(op fake.Op) fake.Fault {
		if !armed.Load() {
			return fake.None
		}
		return inject(op)
	}, sixTries, func(o *run.Options) { o.Workers = 1 })
	id := waitingFor(t, before, 1)
	before.until(t, id, func(r actions.Run) bool { return r.Epoch > 0 })
	time.Sleep(time.Second) // for the timer to be set
	long := accepted(t, before, plan("long", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Long, d.Thing = 10*time.Hour, "x" })}))
	time.Sleep(time.Second)
	wish, err := verbsOf(before)[intent].Plan(t.Context(), as("ben", intent, id), nil)
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	start := time.Now()
	answer, _, err := before.e.Accept(t.Context(), wish)
	if err == nil {
		time.Sleep(20 * time.Second)
	}
	want, world := actions.Done, "t0=1 t1=1"
	if intent == "run.reject" {
		want, world = actions.Cancelled, ""
	}
	if b.fault == fake.None {
		if r := before.until(t, id, nil); r.State != want || r.Ended.Sub(start) > time.Second {
			t.Errorf("in a hurry: %s at +%s", run.Summary(r), r.Ended.Sub(start))
		}
	}
	before.h.Kill()
	before.close(t)
	after := w.start(t, disk, "after", nil, sixTries)
	defer after.close(t)
	if err != nil {
		if answer, _, err = after.e.Accept(t.Context(), wish); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Minute)
	if err := after.e.Cancel(t.Context(), long, ben); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]actions.State{answer: actions.Done, id: want, long: actions.Cancelled} {
		if r := after.until(t, id, nil); r.State != want {
			t.Errorf("%s, want it %s", run.Summary(r), want)
		}
	}
	if got := w.state(); got != world {
		t.Errorf("world = %q, want %q", got, world)
	}
}
