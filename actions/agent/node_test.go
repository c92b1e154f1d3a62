package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/overlay"
)

// TestSabotageIsRepaired changes the node by hand: the event, or else the full pass, puts it right.
func TestSabotageIsRepaired(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	s := w.hold("edge-1", with(5001, 5002))
	wipe := func(objects map[string]overlay.Object) { clear(objects) }
	r.plane.sabotage(wipe)
	eventually(t, "an event is enough", func() bool { return len(r.plane.holds()) == 2 })
	// An event that was missed: a call, a push or the clock wake the agent.
	r.plane.set(func(p *plane) { clear(p.objects) })
	if _, err := w.gate.Call(t.Context(), "edge-1", Order{Key: "k", Run: "r-1", Epoch: 1, Name: HandlerPass}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a pass is enough", func() bool { return len(r.plane.holds()) == 2 })
	again := w.until("edge-1", "is well", func(s Status) bool { return s.Health == OK })
	if again.Report.Generation != s.Report.Generation {
		t.Errorf("generation %d after a repair, want %d", again.Report.Generation, s.Report.Generation)
	}
	// Something more of ours than there should be goes, where it is little of what is held.
	w.hold("edge-1", with(5001, 5002, 5003, 5004, 5005))
	extra := overlay.Desired{VTEP: vtepOf(1), Segments: []overlay.NodeSegment{segment(6000)}}
	r.plane.sabotage(func(objects map[string]overlay.Object) {
		for _, o := range extra.Objects() {
			objects[objectKey(o)] = o
		}
	})
	eventually(t, "what is too much goes", func() bool { return len(r.plane.holds()) == 5 })
}

// TestFullPassNeedsNoEvent lets the clock alone find a change.
func TestFullPassNeedsNoEvent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1", func(o *Options) { o.Every = 50 * time.Millisecond })
	w.hold("edge-1", with(5001))
	r.plane.set(func(p *plane) { clear(p.objects) })
	eventually(t, "the full pass repairs", func() bool { return len(r.plane.holds()) == 1 })
}

// TestBrake lets a node lose much at once: nothing goes before a person says yes, in the bot and in the agent.
func TestBrake(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	var many []overlay.VNI
	for v := range overlay.VNI(40) {
		many = append(many, 5001+v)
	}
	w.hold("edge-1", with(many...))
	before, _, err := w.gate.readState(t.Context(), "edge-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		have, left int
		held       bool
	}{{40, 30, false}, {40, 29, true}, {40, 0, true}, {20, 15, false}, {20, 14, true}, {4, 3, false}, {3, 2, true}, {1, 0, true}, {40, 40, false}} {
		was := before
		was.Desired.Segments = before.Desired.Segments[:test.have]
		if _, err := w.gate.edited(was, with(many[:test.left]...), 1); errors.Is(err, ErrHeld) != test.held {
			t.Errorf("from %d to %d: %v, want held %v", test.have, test.left, err, test.held)
		}
	}
	if _, err := w.gate.Edit(t.Context(), "edge-1", with(5001)); !errors.Is(err, ErrHeld) {
		t.Fatalf("Edit = %v, want ErrHeld", err)
	}
	// Somebody went around the bot's brake: the agent holds.
	state, revision, err := w.gate.readState(t.Context(), "edge-1")
	if err != nil {
		t.Fatal(err)
	}
	state.Desired.Segments, state.Desired.Generation = state.Desired.Segments[:1], state.Desired.Generation+1
	value, err := pack(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.gate.desired.Update(t.Context(), "edge-1", value, revision); err != nil {
		t.Fatal(err)
	}
	s := w.until("edge-1", "waits", func(s Status) bool { return s.Health == Held })
	if !strings.Contains(s.Why, "39 segments and endpoints, more than 10") || len(r.plane.holds()) != 40 {
		t.Errorf("why = %q, holds %d", s.Why, len(r.plane.holds()))
	}
	// The yes.
	if s = w.hold("edge-1", Edit{Change: with(5001).Change, Yes: true}); len(r.plane.holds()) != 1 {
		t.Errorf("holds %v after the yes, %+v", r.plane.holds(), s)
	}
	// What is deleted on purpose needs none.
	w.hold("edge-1", with(many...))
	w.hold("edge-1", Edit{Change: func(d *overlay.Desired) error { d.Segments, d.Gone = nil, many; return nil }})
	if len(r.plane.holds()) != 0 {
		t.Errorf("holds %v after a deletion on purpose", r.plane.holds())
	}
}

// TestRestarts stops bot and agent in every order, also with a state that changes meanwhile.
func TestRestarts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	w.restart()
	w.hold("edge-1", with(5001, 5002))
	r.again(nil) // with the same code, as a unit file would
	w.hold("edge-1", with(5001, 5002, 5003))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	s := w.until("edge-1", "is stopped", func(s Status) bool { return s.Health == Offline })
	if !strings.Contains(s.Why, "was stopped at") {
		t.Errorf("why = %q, want that it was stopped", s.Why)
	}
	d, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002, 5003, 5004))
	if err != nil {
		t.Fatal(err)
	}
	w.restart()
	if s := w.gate.Status("edge-1"); s.Health != Offline || s.Report.Generation != 3 || s.Generation != 4 {
		t.Errorf("status after a restart = %+v, want what was known before", s)
	}
	r.start()
	w.until("edge-1", "has what it missed", func(s Status) bool { return s.Health == OK && s.Report.Generation == d.Generation })
	// The machine boots, and the bot is dead: the node is as it must be all the same.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.close()
	r.plane.set(func(p *plane) { clear(p.objects) })
	r.start()
	eventually(t, "it holds everything without the bot", func() bool { return len(r.plane.holds()) == 4 })
	w.open()
	w.until("edge-1", "is back", func(s Status) bool { return s.Health == OK })
}

// TestRebootWithNothing loses the agent's disk: a new code brings it back to where it was.
func TestRebootWithNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001, 5002))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.o.Dir); err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Dir: r.o.Dir, Open: r.o.Open, Bot: r.o.Bot})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not enrolled") {
		t.Errorf("Run without anything = %v, want that it is not enrolled", err)
	}
	again := w.settle("edge-1")
	w.until("edge-1", "holds generation 1 again", func(s Status) bool {
		return s.Report.Boot == again.boot && s.Health == OK && s.Report.Generation == 1
	})
	if diff := cmp.Diff([]overlay.VNI{5001, 5002}, again.plane.holds()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSpoiltFiles lets an agent begin with files that somebody has changed.
func TestSpoiltFiles(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(r.o.Dir, stateFile)
	good, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := seal(ed25519Key(t), kindOrder, order{Node: "edge-1", State: &State{Desired: overlay.Desired{Node: "edge-1", Incarnation: "1-a", Generation: 500}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"forged": forged, "cut": good[:len(good)/2], "empty": {}} {
		if err := os.WriteFile(state, data, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := New(r.o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := a.state().Desired.Generation; got != 0 {
			t.Errorf("%s: generation %d was believed", name, got)
		}
	}
	r.start()
	w.until("edge-1", "is told again", func(s Status) bool { return s.Report.Boot == r.boot && s.Health == OK && s.Report.Generation == 1 })
	for _, text := range []string{"{", `{"schema":9}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, identityFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Dir: dir, Open: r.o.Open}); err == nil {
			t.Errorf("New with %s = nil, want an error", text)
		}
	}
}

// TestStatesThatAreNotTaken says old, foreign, contradictory and unsigned things to an agent.
func TestStatesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001))
	s := w.hold("edge-1", with(5001, 5002))
	key := w.gate.ring.signing()
	tell := func(change func(*order)) {
		t.Helper()
		o := order{Protocol: Protocol, Oldest: oldest, Node: "edge-1", State: &State{Desired: overlay.Desired{Node: "edge-1", Incarnation: "1-a", Generation: 3, VTEP: vtepOf(1)}}}
		change(&o)
		data, err := seal(key, kindOrder, o)
		if err != nil {
			t.Fatal(err)
		}
		r.hear(t.Context(), data)
	}
	for name, test := range map[string]struct {
		change func(*order)
		want   string // why it is refused; empty when nobody needs to know
	}{
		"an older generation":        {func(o *order) { o.State.Desired.Generation = 1 }, ""},
		"an older incarnation":       {func(o *order) { o.State.Desired.Incarnation = "0-z"; o.State.Desired.Generation = 9 }, ""},
		"another store":              {func(o *order) { o.State.Desired.Incarnation = "1-b" }, "belongs to 1-a"},
		"for another node":           {func(o *order) { o.Node = "edge-2" }, ""},
		"of another node":            {func(o *order) { o.State.Desired.Node = "edge-2" }, `the state of "edge-2"`},
		"what contradicts itself":    {func(o *order) { o.State.Desired.Segments = []overlay.NodeSegment{segment(1), segment(1)} }, "both have VNI 1"},
		"a version that comes later": {func(o *order) { o.Oldest = Protocol + 1; o.Protocol = Protocol + 1 }, "install the bot's version"},
		"nothing":                    {func(o *order) { o.State = nil }, ""},
	} {
		r.mu.Lock()
		r.report.Refused, r.report.RefusedGen = "", 0
		r.mu.Unlock()
		tell(test.change)
		if got := r.state().Desired.Generation; got != s.Generation {
			t.Fatalf("%s: the agent took generation %d", name, got)
		}
		if got := r.Report().Refused; (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: refused %q, want %q", name, got, test.want)
		}
	}
	for name, data := range map[string][]byte{"nothing": nil, "no JSON": []byte("{"), "no envelope": []byte(`{"kind":"order"}`), "not packed": []byte(`{"kind":"order","key":"` + keyID(w.gate.ring.set().Keys[0]) + `","body":"AAAA","sign":"AAAA"}`)} {
		r.hear(t.Context(), data)
		if got := r.state().Desired.Generation; got != s.Generation {
			t.Fatalf("%s: the agent took generation %d", name, got)
		}
	}
	// A new incarnation is taken, with whatever number it begins.
	tell(func(o *order) {
		o.State.Desired.Incarnation, o.State.Desired.Generation = "2-c", 1
		o.State.Desired.Segments = []overlay.NodeSegment{segment(5001), segment(5002)}
	})
	if d := r.state().Desired; d.Incarnation != "2-c" || d.Generation != 1 {
		t.Errorf("the agent holds %s %d, want 2-c 1", d.Incarnation, d.Generation)
	}
}

// TestNewIncarnation imports the bot's data: while it only observes nothing is pushed; afterwards agents take the new one.
func TestNewIncarnation(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	w.hold("edge-1", with(5001, 5002))
	var observing atomic.Bool
	observing.Store(true)
	w.o.Incarnation, w.o.Observing = "2-b", func(context.Context) (bool, error) { return observing.Load(), nil }
	w.restart()
	w.seen("edge-1")
	d, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002, 5003))
	if err != nil {
		t.Fatal(err)
	}
	if d.Incarnation != "2-b" {
		t.Errorf("incarnation = %s, want 2-b", d.Incarnation)
	}
	w.until("edge-1", "is behind", func(s Status) bool { return s.Health == Behind })
	if got := len(r.plane.holds()); got != 2 {
		t.Errorf("%d segments while the bot only observes, want 2", got)
	}
	observing.Store(false)
	r.report1() // the next report, within a minute
	w.until("edge-1", "takes the new incarnation", func(s Status) bool { return s.Health == OK && s.Report.Incarnation == "2-b" })
}

// TestSlowNode is told more than it can do: it takes the newest and leaves the rest out.
func TestSlowNode(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	r.plane.set(func(p *plane) { p.slow = 20 * time.Millisecond })
	var last overlay.Desired
	var vnis []overlay.VNI
	for v := range overlay.VNI(60) {
		vnis = append(vnis, 5001+v)
		d, err := w.gate.Edit(t.Context(), "edge-1", with(vnis...))
		if err != nil {
			t.Fatal(err)
		}
		last = d
	}
	s, err := w.gate.Settle(t.Context(), last)
	if err != nil || s.Health != OK || s.Report.Segments != 60 {
		t.Errorf("Settle = %+v, %v; want all 60", s, err)
	}
	r.plane.mu.Lock()
	reads := r.plane.reads
	r.plane.mu.Unlock()
	t.Logf("%d reads for 60 changes", reads)
}

// TestOldAgent speaks a version that this bot no longer does, and one that it still does.
func TestOldAgent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle("edge-1", func(o *Options) { o.protocol = oldest })
	w.hold("edge-1", with(5001))
	r := w.settle("edge-2")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.o.protocol = -1 // as if it had not been updated for long
	r.start()
	s := w.until("edge-2", "is too old", func(s Status) bool { return s.Health == TooOld })
	if !strings.Contains(s.Why, "install the bot's version") {
		t.Errorf("why = %q", s.Why)
	}
	if _, err := w.gate.Edit(t.Context(), "edge-2", with(5001)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if got := r.plane.holds(); len(got) != 0 {
		t.Errorf("an agent that is too old took %v", got)
	}
}

// TestNewerAgent speaks a version that this bot does not know yet, and hears a bot of the next version that still means it.
func TestNewerAgent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1", func(o *Options) { o.protocol = Protocol + 1 })
	if s := w.hold("edge-1", with(5001)); s.Report.Protocol != Protocol+1 {
		t.Errorf("it speaks version %d, want %d", s.Report.Protocol, Protocol+1)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.o.protocol = Protocol
	r.start()
	w.until("edge-1", "is of this version again", func(s Status) bool { return s.Health == OK && s.Report.Protocol == Protocol })
	data, err := seal(w.gate.ring.signing(), kindOrder, order{Protocol: Protocol + 1, Oldest: Protocol, Node: "edge-1", State: &State{Desired: overlay.Desired{
		Node: "edge-1", Incarnation: "1-a", Generation: 2, VTEP: vtepOf(1), Segments: []overlay.NodeSegment{segment(5001), segment(5002)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r.hear(t.Context(), data)
	if d := r.state().Desired; d.Generation != 2 || len(d.Segments) != 2 {
		t.Errorf("of a bot of the next version it took generation %d, want 2", d.Generation)
	}
}

// TestTries counts what makes an agent wait for its bot.
func TestTries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		n              int
		met            bool
		lasted, waited time.Duration
		want           int
	}{
		{"first loss", 0, true, time.Hour, time.Second, 0},
		{"a bot that is not there", 5, false, time.Millisecond, time.Second, 5},
		{"a bot that does not answer for long", 5, false, time.Minute, time.Second, 5},
		{"a bot that was met at last", 9, true, 2 * time.Minute, time.Minute, 0},
		{"a bot that starts again and again", 9, true, time.Second, 40 * time.Second, metRetries},
		{"a bot that sends it away at once", 0, true, time.Millisecond, time.Second, 0},
	} {
		if got := tries(test.n, test.met, test.lasted, test.waited); got != test.want {
			t.Errorf("%s: tries(%d, %v, %v, %v) = %d, want %d", test.name, test.n, test.met, test.lasted, test.waited, got, test.want)
		}
	}
}

// TestFailures tells what a node cannot do, and does not spin over it.
func TestFailures(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	r := w.settle("edge-1")
	r.plane.set(func(p *plane) {
		p.fail = func(c overlay.Change) string {
			if c.Object.VNI == 5002 {
				return "no buffer space"
			}
			return ""
		}
	})
	if _, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002)); err != nil {
		t.Fatal(err)
	}
	s := w.until("edge-1", "fails", func(s Status) bool { return s.Health == Failing })
	if !strings.Contains(s.Why, "no buffer space") || !strings.Contains(s.Why, "5002") {
		t.Errorf("why = %q, want the device and the reason", s.Why)
	}
	for range 100 {
		r.plane.sabotage(func(map[string]overlay.Object) {})
	}
	r.plane.set(func(p *plane) { p.fail = nil })
	w.until("edge-1", "is well by itself", func(s Status) bool { return s.Health == OK })
	// It says that it did, and did not: reading back finds out.
	r.plane.set(func(p *plane) { p.deaf = true })
	if _, err := w.gate.Edit(t.Context(), "edge-1", with(5001, 5002, 5003)); err != nil {
		t.Fatal(err)
	}
	s = w.until("edge-1", "is found out", func(s Status) bool { return s.Health == Failing })
	if !strings.Contains(s.Why, "not so when read back") {
		t.Errorf("why = %q", s.Why)
	}
	r.plane.set(func(p *plane) { p.deaf = false })
	w.until("edge-1", "is well by itself", func(s Status) bool { return s.Health == OK })
	r.plane.set(func(p *plane) { p.broken = errors.New("netlink: no answer") })
	r.Wake()
	w.until("edge-1", "cannot be read", func(s Status) bool { return s.Health == Failing && strings.Contains(s.Why, "netlink: no answer") })
	r.plane.set(func(p *plane) {
		p.broken = nil
		p.foreign = []overlay.Foreign{{Name: "vx0", Kind: "vxlan", VNI: 5001, Port: overlay.DefaultPort}}
	})
	w.until("edge-1", "is blocked", func(s Status) bool {
		return s.Health == Failing && len(s.Report.Blocked) == 1 && len(s.Report.Foreign) == 1
	})
}

// TestNodeThatWasNeverToldAnything keeps what an agent finds until the bot says something.
func TestNodeThatWasNeverToldAnything(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	before := overlay.Desired{VTEP: vtepOf(1), Segments: []overlay.NodeSegment{segment(5001)}}
	r := w.settle("edge-1", func(o *Options) {})
	r.plane.sabotage(func(objects map[string]overlay.Object) {
		for _, o := range before.Objects() {
			objects[objectKey(o)] = o
		}
	})
	r.Wake()
	s := w.until("edge-1", "is ok", func(s Status) bool { return s.Health == OK && s.Report.Segments == 1 })
	if s.Generation != 0 || len(r.plane.holds()) != 1 {
		t.Errorf("status = %+v, holds %v", s, r.plane.holds())
	}
}
