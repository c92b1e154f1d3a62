package segment_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/overlay"
)

// probed is a fleet that notes who was let probe what, and that never two were at once.
type probed struct {
	*fleet
	mu    sync.Mutex
	now   map[string]bool
	twice []string
	asked map[string]int // "edge-1 edge-2 5001"
	took  time.Duration
	err   map[string]error
}

func newProbed() *probed {
	return &probed{fleet: newFleet(), now: map[string]bool{}, asked: map[string]int{}, took: 10 * time.Millisecond, err: map[string]error{}}
}

func (p *probed) Probe(ctx context.Context, node string, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error) {
	p.mu.Lock()
	var keys []string
	for _, t := range targets {
		k := fmt.Sprintf("%s %s %d", node, t.Node, t.VNI)
		if p.now[k] || slices.Contains(keys, k) {
			p.twice = append(p.twice, k)
		}
		p.now[k] = true
		p.asked[k]++
		keys = append(keys, k)
	}
	took, err := p.took, p.err[node]
	p.mu.Unlock()
	time.Sleep(took) // of the virtual clock
	p.mu.Lock()
	for _, k := range keys {
		delete(p.now, k)
	}
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return p.fleet.Probe(ctx, node, targets)
}

// counts takes how often each pair was asked since the last call.
func (p *probed) counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.asked
	p.asked = map[string]int{}
	return out
}

// fail lets a node answer with an error.
func (p *probed) fail(node string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err[node] = err
}

// spoil lets probes from one node to another end in a state, which empty ends.
func (p *probed) spoil(from, to string, state overlay.ProbeState) {
	p.fleet.mu.Lock()
	defer p.fleet.mu.Unlock()
	k := [2]string{from, to}
	if state == "" {
		delete(p.broken, k)
		return
	}
	p.broken[k] = overlay.ProbeResult{State: state, Passes: 1350, Hop: 1400}
}

// watch is a home whose nodes are probed in the background each minute.
type watch struct {
	*home
	*segment.Prober
	fleet *probed
	told  []string
	asked []string
	every time.Duration // changed by pause alone once it runs
	mu    sync.Mutex
	end   func()
}

func newWatch(t testing.TB, kv store.Store) *watch {
	t.Helper()
	w := &watch{fleet: newProbed(), every: time.Minute}
	w.home = newHome(t, kv, w.fleet.fleet, func(o *segment.Options) {
		o.Fleet = w.fleet
		o.Probed = func(name string) []string { return w.About(name, "") }
	})
	p, err := segment.NewProber(segment.ProberOptions{
		Segments: w.Segments, Every: w.interval, KV: kv.Bucket(store.Guards),
		Tell: func(_ context.Context, n segment.Notice) {
			w.told = append(w.told, strings.Join(append([]string{fmt.Sprintf("%s over=%v", n.Title, n.Over)}, n.Lines...), "\n"))
		},
		Asked: func(_ context.Context, node string, r []overlay.ProbeResult, err error) {
			if err != nil {
				w.asked = append(w.asked, node+": "+err.Error())
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Prober = p
	return w
}

// interval is how often they are probed.
func (w *watch) interval() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.every
}

// set changes the interval.
func (w *watch) set(every time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.every = every
}

// run probes until end is called.
func (w *watch) run(t testing.TB) *watch {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
	return w
}

// since takes what people were told since the last call.
func (w *watch) since() []string {
	out := w.told
	w.told = nil
	return out
}

// pass lets rounds pass.
func (w *watch) pass(rounds int) {
	time.Sleep(time.Duration(rounds) * w.interval())
	synctest.Wait()
}

func same(t testing.TB, when string, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", when, d)
	}
}

// TestProberTellsOnce: after three bad probes in a row people are told once, again when something else is bad, and once when all is well.
func TestProberTellsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		must(t, w.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2", "node=edge-3"), actions.Done)
		w.run(t)
		defer w.end()
		w.pass(3)
		have, _ := w.store.Find("studio-a")
		if d := cmp.Diff(map[overlay.ProbeState]int{overlay.PairOK: 6}, w.States(have)); d != "" {
			t.Errorf("states (-want +got):\n%s", d)
		}
		w.fleet.spoil("edge-1", "edge-3", overlay.PairMTU)
		w.pass(2)
		same(t, "after two bad rounds", w.since(), nil)
		if d := cmp.Diff(map[overlay.ProbeState]int{overlay.PairOK: 5, overlay.PairMTU: 1}, w.States(have)); d != "" {
			t.Errorf("states (-want +got):\n%s", d)
		}
		w.pass(1)
		first := "edge-1 → edge-3 passes only 1350 of 1450 (a hop of 1400)"
		since := time.Date(2000, 1, 1, 0, 3, 0, 0, time.UTC).Format("2006-01-02 15:04")
		got := w.since()
		if len(got) != 1 || !strings.HasPrefix(got[0], "segment studio-a: 5/6 pairs ok, "+first+" over=false\n"+first+", since "+since) {
			t.Errorf("after three bad rounds: %q, want it once, since %s", got, since)
		}
		w.pass(5)
		same(t, "while nothing changes", w.since(), nil)
		for _, a := range []string{"segment.show"} {
			if got, err := w.answer(t, a, "segment=studio-a"); err != nil || !got.Bad || !strings.Contains(strings.Join(got.Lines, "\n"), "probed: "+first) {
				t.Errorf("%s: %v, %q", a, err, got.Lines)
			}
		}
		if got := w.About("", "edge-3"); len(got) != 1 || !strings.HasPrefix(got[0], "segment studio-a: "+first) || len(w.About("", "edge-2")) != 0 {
			t.Errorf("about edge-3: %q, about edge-2: %q", got, w.About("", "edge-2"))
		}
		w.fleet.spoil("edge-3", "edge-1", overlay.PairDown)
		w.pass(3)
		if got := w.since(); len(got) != 1 || !strings.HasPrefix(got[0], "segment studio-a: 4/6 pairs ok") {
			t.Errorf("another pair: %q", got)
		}
		w.fleet.spoil("edge-3", "edge-1", "")
		w.fleet.spoil("edge-1", "edge-3", "")
		w.pass(1)
		got = w.since()
		if n := len(got); n == 0 || n > 2 || !strings.HasPrefix(got[n-1], "segment studio-a: all pairs are ok again over=true\nit lasted ") {
			t.Errorf("all well again: %q", got)
		}
		w.pass(5)
		same(t, "while all is well", w.since(), nil)
		if got, err := w.answer(t, "segment.show", "segment=studio-a"); err != nil || got.Bad {
			t.Errorf("show of a segment that is well again: %v, %q", err, got.Lines)
		}
	})
}

// TestProberFlapping: a pair that is bad now and then is no reason to wake anybody.
func TestProberFlapping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		must(t, w.do(t, "segment.create", "segment=studio-a", "tenant=acme", "node=edge-1", "node=edge-2"), actions.Done)
		w.run(t)
		defer w.end()
		for range 10 {
			w.fleet.spoil("edge-1", "edge-2", overlay.PairDown)
			w.pass(2)
			w.fleet.spoil("edge-1", "edge-2", "")
			w.pass(1)
		}
		same(t, "bad in two rounds of three", w.since(), nil)
	})
}

// TestProberAway: it is the agent that answers, so that one which is away says nothing about the pair; nobody is asked in vain.
func TestProberAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		must(t, w.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2", "node=edge-3"), actions.Done)
		w.run(t)
		defer w.end()
		w.fleet.change("edge-2", func(a *agent) { a.look.Connected = false })
		w.fleet.spoil("edge-1", "edge-2", overlay.PairDown)
		w.pass(5)
		same(t, "while an agent is away", w.since(), nil)
		for k, n := range w.fleet.counts() {
			if strings.Contains(k, "edge-2") {
				t.Errorf("%s was asked %d times", k, n)
			}
		}
		have, _ := w.store.Find("studio-a")
		if d := cmp.Diff(map[overlay.ProbeState]int{overlay.PairOK: 2, segment.Unknown: 4}, w.States(have)); d != "" {
			t.Errorf("states (-want +got):\n%s", d)
		}
		w.fleet.change("edge-2", func(a *agent) { a.look.Connected = true })
		w.pass(4)
		if got := w.since(); len(got) != 1 || !strings.Contains(got[0], "edge-1 → edge-2 is down") {
			t.Errorf("when it is back and does not answer: %q", got)
		}
		w.fleet.change("edge-1", func(a *agent) { a.look.Connected = false })
		w.pass(9)
		same(t, "for a while it counts as it was", w.since(), nil)
		w.pass(4)
		if got := w.since(); len(got) != 1 || !strings.Contains(got[0], "the agents of those nodes are away, so that nobody can tell over=true") {
			t.Errorf("when nobody can tell for long: %q", got)
		}
	})
}

// TestProberGone: with the segment, or with the membership, goes what was said about it.
func TestProberGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		must(t, w.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2", "node=edge-3"), actions.Done)
		must(t, w.do(t, "segment.create", "segment=studio-b", "tenant=acme", "vni=5002", "node=edge-1", "node=edge-2"), actions.Done)
		w.run(t)
		defer w.end()
		w.fleet.spoil("edge-1", "edge-2", overlay.PairDown)
		w.pass(5)
		if got := w.since(); len(got) != 2 {
			t.Errorf("both segments are bad: %q", got)
		}
		must(t, w.do(t, "segment.detach", "segment=studio-a", "node=edge-2"), actions.Done)
		must(t, w.do(t, "segment.delete", "segment=studio-b"), actions.Done)
		w.pass(2)
		same(t, "told", w.since(), []string{
			"segment studio-a: no pair is known to be bad any more: those nodes are no longer in it together over=true\nit lasted 5m0s",
			"segment studio-b: no pair is known to be bad any more: it is no longer there over=true\nit lasted 5m0s",
		})
		if got := w.Troubles("", ""); len(got) > 0 {
			t.Errorf("left: %v", got)
		}
	})
}

// TestProberRestart: what people were told before a restart ends after it.
func TestProberRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := fake.New()
		w := newWatch(t, disk.Open(fake.Options{}))
		w.serve(t, "bot")
		must(t, w.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2"), actions.Done)
		w.fleet.spoil("edge-1", "edge-2", overlay.PairDown)
		w.run(t)
		w.pass(4)
		first := w.since()
		w.end()
		w.stop()
		next := newWatch(t, disk.Open(fake.Options{}))
		next.fleet = w.fleet
		next.home = newHome(t, disk.Open(fake.Options{}), w.fleet.fleet)
		next.run(t)
		defer next.end()
		synctest.Wait()
		same(t, "after the restart it is said again, word for word", next.since(), first)
		if len(next.Troubles("studio-a", "")) != 1 {
			t.Error("after the restart the trouble is not known")
		}
		w.fleet.spoil("edge-1", "edge-2", "")
		next.pass(2)
		if got := next.since(); len(got) != 1 || !strings.HasPrefix(got[0], "segment studio-a: all pairs are ok again over=true") {
			t.Errorf("after it is well: %q", got)
		}
	})
}

// TestProberStorm: where very many segments are bad it is the underlay, of which people are told as one.
func TestProberStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		const n = 30 // segments of pairs of nodes, so that every one is probed in every round
		for i := range n {
			a, b := fmt.Sprintf("node=edge-%d", 1+i%8), fmt.Sprintf("node=edge-%d", 1+(i+1+i/8)%8)
			must(t, w.do(t, "segment.create", fmt.Sprintf("segment=s%02d", i), "tenant=acme", a, b), actions.Done)
			w.fleet.spoil(a[5:], b[5:], overlay.PairDown)
			w.fleet.spoil(b[5:], a[5:], overlay.PairDown)
		}
		w.run(t)
		defer w.end()
		w.pass(12)
		told, last := map[string]bool{}, ""
		for _, s := range w.since() {
			if name, _, ok := strings.Cut(s, ":"); ok && strings.HasPrefix(name, "segment s") {
				told[name] = true
			} else {
				last = s
			}
		}
		all := map[string]bool{}
		for _, x := range w.Troubles("", "") {
			all[x.Target.Segment] = true
		}
		if len(told) != 20 || len(all) <= 20 || !strings.HasPrefix(last, fmt.Sprintf("%d more segments have bad pairs", len(all)-20)) {
			t.Errorf("told of %d segments one by one, of %d in all, and %q", len(told), len(all), last)
		}
		for i := range 8 {
			for j := range 8 {
				w.fleet.spoil(fmt.Sprintf("edge-%d", i+1), fmt.Sprintf("edge-%d", j+1), "")
			}
		}
		w.pass(3)
		over := w.since()
		if len(w.Troubles("", "")) != 0 || !slices.Contains(over, "no further segments have bad pairs over=true") {
			t.Errorf("when all is well: %q, left %v", over, w.Troubles("", ""))
		}
	})
}

// TestProberTurns: every segment has its turn, every pair of nodes each round, and a round costs no more than pairs and a sample.
func TestProberTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		for i := range 40 {
			must(t, w.do(t, "segment.create", fmt.Sprintf("segment=s%02d", i), "tenant=acme", fmt.Sprint("vni=", 5000+i), "node=edge-1", "node=edge-2"), actions.Done)
		}
		w.run(t)
		defer w.end()
		w.pass(2)
		w.fleet.counts()
		const rounds = 30
		w.pass(rounds)
		asked, total := w.fleet.counts(), 0
		for i := range 40 {
			k := fmt.Sprintf("edge-1 edge-2 %d", 5000+i)
			if asked[k] == 0 {
				t.Errorf("%s had no turn in %d rounds", k, rounds)
			}
			total += asked[k]
		}
		if total < rounds*16 || total > rounds*17 {
			t.Errorf("edge-1 was let probe %d times in %d rounds, want 16 or 17 each", total, rounds)
		}
	})
}

// TestProberOneAtATime: slow agents, people who verify meanwhile, and rounds that last longer than they should: no pair is probed twice at once.
func TestProberOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		must(t, w.do(t, "segment.create", "segment=studio-a", "tenant=acme", "vni=5001", "node=edge-1", "node=edge-2", "node=edge-3"), actions.Done)
		w.set(2 * time.Second)
		w.fleet.took = 3 * time.Second
		w.run(t)
		defer w.end()
		var people sync.WaitGroup
		for i := range 5 {
			people.Go(func() {
				time.Sleep(time.Duration(i) * 1700 * time.Millisecond)
				if got, err := w.answer(t, "segment.verify", "segment=studio-a"); err != nil || got.Title != "segment studio-a: 6/6 pairs ok" {
					t.Errorf("verify meanwhile: %v, %s %q", err, got.Title, got.Lines)
				}
			})
		}
		people.Wait()
		w.pass(10)
		w.fleet.mu.Lock()
		defer w.fleet.mu.Unlock()
		if len(w.fleet.twice) > 0 || w.fleet.asked["edge-1 edge-2 5001"] < 5 {
			t.Errorf("probed at once: %q; in all %v", w.fleet.twice, w.fleet.asked)
		}
	})
}

// TestProberIdle: where there is nothing to probe, or probing is off, nobody is asked; a node that fails is told and asked again.
func TestProberIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t, memory())
		w.serve(t, "bot")
		defer w.stop()
		must(t, w.do(t, "segment.create", "segment=lonely", "tenant=acme", "node=edge-1"), actions.Done)
		w.run(t)
		defer w.end()
		w.pass(5)
		if got := w.fleet.counts(); len(got) > 0 {
			t.Errorf("asked: %v", got)
		}
		w.set(0)
		time.Sleep(time.Minute)
		must(t, w.do(t, "segment.attach", "segment=lonely", "node=edge-2"), actions.Done)
		time.Sleep(time.Hour)
		if got := w.fleet.counts(); len(got) > 0 {
			t.Errorf("asked while it is off: %v", got)
		}
		w.set(time.Minute)
		w.fleet.fail("edge-1", errors.New("no prober here"))
		w.pass(3)
		if len(w.asked) < 2 || w.asked[0] != "edge-1: no prober here" || len(w.since()) > 0 {
			t.Errorf("a node that cannot be asked: %q", w.asked)
		}
	})
}

// TestNewProber names what is missing.
func TestNewProber(t *testing.T) {
	t.Parallel()
	if _, err := segment.NewProber(segment.ProberOptions{}); err == nil {
		t.Error("NewProber without anything succeeds")
	}
}
