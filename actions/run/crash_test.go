package run_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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

// shape is a run that the crash proof takes through every fault.
type shape struct {
	name string
	plan func() actions.Plan
	// cancelAt, undoAfter: a person cancels at the nth call of an executor; undoes once the run is over or in force.
	cancelAt  int
	undoAfter bool
	// cancelWaiting: a person cancels as soon as the run is seen waiting.
	cancelWaiting bool
	yes           []string // the people who approve as soon as the run waits for them
	no            bool     // somebody rejects it after those yeses
	loose         bool     // where the run ends depends on when a wish is heard: only the ledger and the journal must agree
}

var shapes = []shape{
	{name: "six steps", plan: func() actions.Plan { return plan("c", actions.Group{Steps: steps(6, nil)}) }},
	{name: "six steps, the fifth fails", plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(6, func(i int, d *does) {
			if i == 4 {
				d.Fail = "refused"
			}
		})})
	}},
	{name: "temporary errors and lost replies", plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(3, func(i int, d *does) { d.Temp, d.Lost = i%2, 2*i })})
	}},
	{name: "no answer for good, though it acted", plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(3, func(i int, d *does) {
			if i == 2 {
				d.Lost = 1000
			}
		})})
	}},
	{name: "what cannot be undone", plan: func() actions.Plan {
		p := plan("c", actions.Group{Steps: steps(3, nil)}, actions.Group{Steps: steps(1, func(_ int, d *does) { d.Fail, d.Thing = "refused", "t9" })})
		p.Groups[0].Steps[1].Kind, p.Groups[0].Steps[1].NoUndo = "final", "it is gone"
		return p
	}},
	{name: "five nodes, two at a time", plan: func() actions.Plan {
		return plan("c", actions.Group{Nodes: nodes(5), Width: 2, Steps: onNodes(steps(2, nil))}, actions.Group{Steps: steps(1, nil)})
	}},
	{name: "five nodes, the fourth fails", plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(1, nil)}, actions.Group{Nodes: nodes(5), Width: 1, Steps: onNodes(steps(2, func(i int, d *does) {
			if i == 1 {
				d.Fail, d.On = "refused", "edge-4"
			}
		}))})
	}},
	{name: "five nodes that keep going", plan: func() actions.Plan {
		return plan("c", actions.Group{Nodes: nodes(5), KeepGoing: true, Steps: onNodes(steps(2, func(i int, d *does) {
			if i == 0 {
				d.Fail, d.On = "refused", "edge-2"
			}
		}))}, actions.Group{Nodes: nodes(5), Steps: onNodes(steps(1, nil))})
	}},
	{name: "twenty nodes, six at a time", plan: func() actions.Plan {
		return plan("c", actions.Group{Nodes: nodes(20), Width: 6, Steps: onNodes(steps(2, nil))}, actions.Group{Steps: steps(1, nil)})
	}},
	{name: "twenty nodes, one fails", loose: true, plan: func() actions.Plan {
		return plan("c", actions.Group{Nodes: nodes(20), Width: 7, Steps: onNodes(steps(1, func(_ int, d *does) { d.Fail, d.On = "refused", "edge-15" }))})
	}},
	{name: "stop", plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(3, func(i int, d *does) {
			if i == 1 {
				d.Stop = "nothing is wrong"
			}
		})})
	}},
	{name: "wait", plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(3, func(i int, d *does) {
			if i == 1 {
				d.Wait = time.Hour
			}
		})})
	}},
	{name: "wait on one of three nodes", plan: func() actions.Plan {
		return plan("c", actions.Group{Nodes: nodes(3), Width: 2, Steps: onNodes(steps(2, func(i int, d *does) {
			if i == 0 {
				d.Wait, d.On = time.Hour, "edge-2"
			}
		}))})
	}},
	{name: "hold", plan: func() actions.Plan {
		p := plan("c", actions.Group{Nodes: nodes(2), Width: 1, Steps: onNodes(steps(2, nil))})
		p.Hold = time.Hour
		return p
	}},
	{name: "hold, undone early", undoAfter: true, plan: func() actions.Plan {
		p := plan("c", actions.Group{Steps: steps(2, nil)})
		p.Hold = time.Hour
		return p
	}},
	{name: "undo after the end", undoAfter: true, plan: func() actions.Plan { return plan("c", actions.Group{Steps: steps(3, nil)}) }},
	{name: "cancel at the third call", cancelAt: 3, loose: true, plan: func() actions.Plan { return plan("c", actions.Group{Steps: steps(5, nil)}) }},
	{name: "cancel while nodes are under way", cancelAt: 9, loose: true, plan: func() actions.Plan {
		return plan("c", actions.Group{Nodes: nodes(18), Width: 4, Steps: onNodes(steps(2, nil))})
	}},
	{name: "cancel a waiting run", cancelAt: 2, loose: true, plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(2, func(i int, d *does) {
			if i == 1 {
				d.Wait = time.Hour
			}
		})})
	}},
	{name: "cancel a step that can stop", cancelAt: 2, loose: true, plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(3, func(_ int, d *does) { d.Long = time.Minute })})
	}},
	{name: "cancel a run seen waiting", cancelWaiting: true, plan: func() actions.Plan {
		return plan("c", actions.Group{Steps: steps(2, func(i int, d *does) {
			if i == 1 {
				d.Wait = time.Hour
			}
		})})
	}},
	{name: "cancel a temporary change", cancelAt: 2, loose: true, plan: func() actions.Plan {
		p := plan("c", actions.Group{Steps: steps(4, nil)})
		p.Hold = time.Hour
		return p
	}},
	{name: "approved by two", yes: []string{"ben", "carl"}, plan: func() actions.Plan { return needing(2, plan("c", actions.Group{Steps: steps(2, nil)})) }},
	{name: "approved by one of two", yes: []string{"ben"}, plan: func() actions.Plan { return needing(2, plan("c", actions.Group{Steps: steps(2, nil)})) }},
	{name: "rejected", yes: []string{"ben"}, no: true, plan: func() actions.Plan { return needing(2, plan("c", actions.Group{Steps: steps(2, nil)})) }},
	{name: "approved, and the first step waits", yes: []string{"ben"}, plan: func() actions.Plan {
		return needing(1, plan("c", actions.Group{Steps: steps(2, func(i int, d *does) {
			if i == 0 {
				d.Wait = time.Hour
			}
		})}))
	}},
	{name: "an approved temporary change", yes: []string{"ben"}, plan: func() actions.Plan {
		p := needing(1, plan("c", actions.Group{Nodes: nodes(2), Width: 1, Steps: onNodes(steps(1, nil))}))
		p.Hold = time.Hour
		return p
	}},
	{name: "cancel a run that waits for a yes", cancelWaiting: true, plan: func() actions.Plan { return needing(1, plan("c", actions.Group{Steps: steps(2, nil)})) }},
	{name: "cancel a run that is being approved", yes: []string{"ben"}, cancelWaiting: true, loose: true, plan: func() actions.Plan {
		return needing(1, plan("c", actions.Group{Steps: steps(2, nil)}))
	}},
}

// onNodes gives each node things of its own.
func onNodes(in []actions.Step) []actions.Step {
	for i := range in {
		in[i].Key = "{{node}}/" + in[i].Key
		in[i].Args = []byte(strings.Replace(string(in[i].Args), `"thing":"`, `"thing":"{{node}}/`, 1))
		in[i].Say += " on {{node}}"
	}
	return in
}

// blow is a fault at the nth store call of a process; 0 is none.
type blow struct {
	at    int
	fault fake.Fault
}

// inject returns the hook of the fake that deals the blow, and counts in hit that it fell.
func (b blow) inject(hit *int) func(fake.Op) fake.Fault {
	var mu sync.Mutex
	n := 0
	return func(fake.Op) fake.Fault {
		mu.Lock()
		defer mu.Unlock()
		if n++; n != b.at {
			return fake.None
		}
		*hit++
		return b.fault
	}
}

// result is what is compared between a run with faults and one without.
type result struct {
	State    actions.State
	Outcomes string
	World    string
}

// person asks for the run of a shape and, where it says so, cancels or undoes it. A process that dies does not stop a person: what got no answer is
// asked again of the next one.
type person struct {
	shape  shape
	id     string
	undone bool
	told   map[string]bool // yeses and the no that are answered

	mu         sync.Mutex
	wantCancel bool
	cancelled  bool // the wish is answered
}

// use does all that with one process and tells whether the run is over.
func (c *person) use(t *testing.T, p *process, w *world, plan actions.Plan) bool {
	if c.id == "" {
		id, _, err := p.e.Accept(t.Context(), plan)
		if err != nil {
			return false
		}
		c.id = id
	}
	w.hook(func(n int) {
		if n == c.shape.cancelAt {
			c.cancel(t, p, true)
		}
	})
	defer w.hook(nil)
	c.cancel(t, p, false)
	events, err := p.e.Follow(t.Context(), c.id)
	for ; errors.Is(err, store.ErrNotFound); events, err = p.e.Follow(t.Context(), c.id) {
		time.Sleep(time.Second) // accepted by an earlier process, not begun yet
	}
	if err != nil {
		return false
	}
	over := false
	for e := range events {
		if e.Progress != nil {
			continue
		}
		over = e.Run.State.Final()
		c.answer(t, p, e.Run)
		switch {
		case c.shape.cancelWaiting && e.Run.State == actions.Waiting:
			c.cancel(t, p, true)
		case c.shape.undoAfter && e.Run.Holding():
			c.undo(t, p)
		}
	}
	if over && c.shape.undoAfter && !c.undone {
		if !c.undo(t, p) {
			return false
		}
		return c.use(t, p, w, plan)
	}
	return over
}

// cancel puts the wish down, now or because an earlier process died over it.
func (c *person) cancel(t *testing.T, p *process, now bool) {
	c.mu.Lock()
	c.wantCancel = c.wantCancel || now
	ask := c.wantCancel && !c.cancelled
	c.mu.Unlock()
	if !ask {
		return
	}
	err := p.e.Cancel(t.Context(), c.id, actions.Actor{Name: "ben"})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelled = c.cancelled || err == nil || errors.Is(err, run.ErrOver) || errors.Is(err, run.ErrUndoing)
}

// answer says the yeses and the no that the run waits for, each until it is answered or the process is dead.
func (c *person) answer(t *testing.T, p *process, r actions.Run) {
	if r.State != actions.Waiting || r.Plan.Approve == nil {
		return
	}
	tell := func(who string, say func() error) {
		for !c.told[who] && p.h.Ready() == nil {
			err := say()
			if c.told[who] = err == nil || errors.Is(err, run.ErrTwice) || errors.Is(err, run.ErrNotWaiting); !c.told[who] {
				time.Sleep(time.Second)
			}
		}
	}
	for _, who := range c.shape.yes {
		tell(who, func() error {
			_, err := p.e.Approve(t.Context(), c.id, actions.Assent{By: who})
			return err
		})
	}
	if c.shape.no {
		tell("no", func() error {
			_, err := p.e.Reject(t.Context(), c.id, ben, "not today")
			return err
		})
	}
}

func (c *person) undo(t *testing.T, p *process) bool {
	err := p.e.Undo(t.Context(), c.id, actions.Actor{Name: "ben"})
	c.undone = c.undone || err == nil || errors.Is(err, run.ErrOver) || errors.Is(err, run.ErrUndoing)
	return c.undone
}

// play takes a shape through a life of processes: each but the last deals with a blow, and is killed when the run is over or it is dead. Then a
// healthy one looks after what is left. It returns how the run ended and how many blows fell.
func play(t *testing.T, s shape, blows ...blow) (out result, hits int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, disk := newWorld(), fake.New()
		c, p := &person{shape: s, told: map[string]bool{}}, s.plan()
		for life, over := 0, false; life < len(blows) && !over; life++ {
			proc := w.start(t, disk, fmt.Sprintf("owner-%d", life), blows[life].inject(&hits), sixTries)
			over = c.use(t, proc, w, p)
			proc.h.Kill()
			proc.close(t)
		}
		proc := w.start(t, disk, "owner-last", nil, sixTries)
		defer proc.close(t)
		if !c.use(t, proc, w, p) {
			t.Errorf("%s %v: %s is not over", s.name, blows, c.id)
			return
		}
		time.Sleep(5 * time.Minute) // for every message that may still come
		r, err := proc.e.Get(t.Context(), c.id)
		if err != nil {
			t.Fatal(err)
		}
		out = result{r.State, states(r), w.state()}
		audit(t, fmt.Sprintf("%s %v", s.name, blows), proc, w, r)
	})
	return out, hits
}

func sixTries(o *run.Options) { o.Retry.Tries = 6 }

// audit holds the world against the journal: every act that is told as done has had its effect once, and no other has, but for those that
// are told as unsure.
func audit(t *testing.T, name string, p *process, w *world, r actions.Run) {
	t.Helper()
	for _, f := range w.faults {
		t.Errorf("%s: %s", name, f)
	}
	least, most := map[string]int{}, map[string]int{}
	for _, o := range r.Latest() {
		step, _, err := r.Plan.StepAt(o.Step)
		if err != nil {
			t.Fatal(err)
		}
		thing := actions.On(step.Key, o.Node)
		switch {
		case o.State == actions.StepDone || o.State == actions.StepKept:
			least[thing]++
			most[thing]++
		case o.Unsure:
			most[thing]++
		}
	}
	for thing, got := range w.things {
		if got < least[thing] || got > most[thing] {
			t.Errorf("%s: %s is %d, the journal says %d to %d\n%s, epoch %d: %s\noutcomes: %s",
				name, thing, got, least[thing], most[thing], r.State, r.Epoch, r.Why, states(r))
		}
	}
	for thing, want := range least {
		if _, ok := w.things[thing]; !ok && want > 0 {
			t.Errorf("%s: %s is told as done and was never touched: %s", name, thing, states(r))
		}
	}
	for key := range w.effects {
		if !strings.HasPrefix(key, r.ID+"/") {
			t.Errorf("%s: effect %s of another run than %s", name, key, r.ID)
		}
	}
	runs, err := p.e.List(t.Context(), run.Filter{})
	if err != nil || len(runs) != 1 {
		t.Errorf("%s: %d runs, %v, want one", name, len(runs), err)
	}
}

var crashes = []fake.Fault{fake.CrashBefore, fake.CrashAfter, fake.ReplyLost, fake.Unavailable}

// TestEveryStoreCallMayFail takes each shape through each fault at each of its store calls.
func TestEveryStoreCallMayFail(t *testing.T) {
	points := 0
	for _, s := range shapes {
		want, _ := play(t, s)
		for _, fault := range crashes {
			for n := 1; ; n++ {
				got, hits := play(t, s, blow{n, fault})
				if hits == 0 {
					break
				}
				points++
				if d := cmp.Diff(want, got); d != "" && !s.loose {
					t.Errorf("%s, %v at call %d (-without +with):\n%s", s.name, fault, n, d)
				}
				if t.Failed() {
					return
				}
			}
		}
		t.Logf("%s: %s, %d points so far", s.name, want.State, points)
	}
	t.Logf("%d shapes, %d points enumerated", len(shapes), points)
}

// TestPairsOfFaults samples two faults, in two processes one after the other.
func TestPairsOfFaults(t *testing.T) {
	samples := 300
	if os.Getenv("OPSBOT_SOAK") == "1" {
		samples = 20_000
	}
	rnd := rand.New(rand.NewPCG(17, 4))
	both := 0
	for range samples {
		s := shapes[rnd.IntN(len(shapes))]
		blows := []blow{{1 + rnd.IntN(25), crashes[rnd.IntN(2)]}, {1 + rnd.IntN(25), crashes[rnd.IntN(len(crashes))]}}
		want, _ := play(t, s)
		got, hits := play(t, s, blows...)
		if hits == 2 {
			both++
		}
		if d := cmp.Diff(want, got); d != "" && !s.loose {
			t.Errorf("%s, %v (-without +with):\n%s", s.name, blows, d)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d pairs sampled, both fell in %d", samples, both)
}

// TestEveryStoreCallInAHurryMayFail undoes a run by the ordinary road while the only worker is busy, so that the wish and the undo itself go past the
// queue, and lets every store call from the wish on fail.
func TestEveryStoreCallInAHurryMayFail(t *testing.T) {
	points := 0
	for _, fault := range append(crashes, fake.None) {
		for n := 1; ; n++ {
			hits := 0
			synctest.Test(t, func(t *testing.T) { hurried(t, blow{n, fault}, &hits) })
			if t.Failed() {
				t.Fatalf("%v at call %d", fault, n)
			}
			if hits == 0 || fault == fake.None {
				break
			}
			points++
		}
	}
	t.Logf("%d points enumerated", points)
}

func hurried(t *testing.T, b blow, hits *int) {
	w, disk := newWorld(), fake.New()
	inject, armed := b.inject(hits), atomic.Bool{}
	before := w.start(t, disk, "before", func(op fake.Op) fake.Fault {
		if !armed.Load() {
			return fake.None
		}
		return inject(op)
	}, sixTries, func(o *run.Options) { o.Workers = 1 })
	old := before.until(t, accepted(t, before, plan("old", actions.Group{Steps: steps(2, nil)})), nil)
	long := accepted(t, before, plan("long", actions.Group{Steps: steps(1, func(_ int, d *does) { d.Long, d.Thing = 10*time.Hour, "x" })}))
	time.Sleep(time.Second)
	wish, err := verbsOf(before)["run.undo"].Plan(t.Context(), asked("run.undo", "run", old.ID), nil)
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	start := time.Now()
	id, _, err := before.e.Accept(t.Context(), wish)
	if err == nil {
		time.Sleep(20 * time.Second)
	}
	if b.fault == fake.None {
		if r := before.until(t, old.ID, nil); r.State != actions.Undone || r.Ended.Sub(start) > time.Second {
			t.Errorf("in a hurry: %s at +%s", run.Summary(r), r.Ended.Sub(start))
		}
	}
	before.h.Kill()
	before.close(t)
	after := w.start(t, disk, "after", nil, sixTries)
	defer after.close(t)
	if err != nil {
		if id, _, err = after.e.Accept(t.Context(), wish); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Minute)
	if err := after.e.Cancel(t.Context(), long, ben); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]actions.State{id: actions.Done, old.ID: actions.Undone, long: actions.Cancelled} {
		if r := after.until(t, id, nil); r.State != want {
			t.Errorf("%s, want it %s", run.Summary(r), want)
		}
	}
	if got := w.state(); got != "" {
		t.Errorf("world = %s, want nothing", got)
	}
}
