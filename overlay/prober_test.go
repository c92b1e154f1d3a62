package overlay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/overlay"
)

// probeTarget is edge-2 as edge-1 probes it, in the tests below.
var probeTarget = overlay.ProbeTarget{Segment: "live", VNI: 5001, Node: "edge-2", VTEP: addr("192.0.2.2"), MTU: 1450}

// probeWire joins edge-1 to a peer: packets of more than hop bytes vanish, and an answer takes as long as delay.
type probeWire struct {
	from, peer *overlay.Prober
	hop        int
	delay      time.Duration
	asked      []int // sizes of the questions
	mu         sync.Mutex
	answering  sync.WaitGroup
}

func newProbeWire() *probeWire {
	return &probeWire{from: overlay.NewProber("edge-1"), peer: overlay.NewProber("edge-2"), hop: 1500}
}

// send implements overlay.ProbeSend.
func (w *probeWire) send(t overlay.ProbeTarget, question overlay.ProbeFrame, size int) error {
	w.mu.Lock()
	w.asked = append(w.asked, size)
	w.mu.Unlock()
	if size > overlay.MTU(w.hop, t.VTEP.Is6()) {
		return nil
	}
	w.answering.Go(func() {
		time.Sleep(w.delay)
		reply, wanted, err := w.peer.Take(t.VNI, overlay.VTEPMAC(addr("192.0.2.1")), question.Append(nil, size))
		if err == nil && wanted {
			_, _, _ = w.from.Take(t.VNI, overlay.VTEPMAC(t.VTEP), reply.Append(nil, 0)) // what it makes of it is seen in the result
		}
	})
	return nil
}

// probe probes the target and returns the result without its times.
func (w *probeWire) probe(t *testing.T, target overlay.ProbeTarget, send overlay.ProbeSend) overlay.ProbeResult {
	t.Helper()
	got, err := w.from.Probe(t.Context(), []overlay.ProbeTarget{target}, send)
	if err != nil || len(got) != 1 {
		t.Fatalf("Probe(%+v) = %+v, %v", target, got, err)
	}
	w.answering.Wait()
	got[0].At = time.Time{}
	return got[0]
}

func TestProbesFindTheSizeThatPasses(t *testing.T) {
	t.Parallel()
	six := probeTarget
	six.VTEP, six.MTU = addr("2001:db8::2"), 1430
	for _, c := range []struct {
		target   overlay.ProbeTarget
		hop      int
		want     overlay.ProbeState
		passes   int
		asksMost int
	}{
		{probeTarget, 1500, overlay.PairOK, 1450, 2},
		{probeTarget, 1499, overlay.PairMTU, 1449, 40},
		{probeTarget, 1400, overlay.PairMTU, 1350, 40},
		{probeTarget, overlay.ProbeMin + overlay.Overhead4, overlay.PairMTU, overlay.ProbeMin, 40},
		{six, 1500, overlay.PairOK, 1430, 2},
		{six, 1400, overlay.PairMTU, 1330, 40},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newProbeWire()
			w.hop, w.delay = c.hop, time.Millisecond
			want := overlay.ProbeResult{Target: c.target, From: "edge-1", State: c.want, RTT: time.Millisecond, Answered: "edge-2", Passes: c.passes}
			if c.want == overlay.PairMTU {
				want.Hop = c.hop
			}
			if got := w.probe(t, c.target, w.send); got != want {
				t.Errorf("%s by a hop of %d: %+v, want %+v", c.target.VTEP, c.hop, got, want)
			}
			if len(w.asked) > c.asksMost {
				t.Errorf("%s by a hop of %d: %d questions %v, want %d at most", c.target.VTEP, c.hop, len(w.asked), w.asked, c.asksMost)
			}
		})
	}
}

func TestProbesTellWhoAnswersAndWhence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		target func(*overlay.ProbeTarget)
		node   string
		vni    overlay.VNI
		want   overlay.ProbeState
	}{
		{"the peer", nil, "edge-2", 5001, overlay.PairOK},
		{"another node", nil, "edge-3", 5001, overlay.PairWrongNode},
		{"another node in another segment", nil, "edge-3", 5002, overlay.PairWrongNode},
		{"another segment", nil, "edge-2", 5002, overlay.PairWrongVNI},
		{"any node will do", func(t *overlay.ProbeTarget) { t.Node = "" }, "edge-3", 5001, overlay.PairOK},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newProbeWire()
			w.peer = overlay.NewProber(c.node)
			target := probeTarget
			if c.target != nil {
				c.target(&target)
			}
			elsewhere := func(t overlay.ProbeTarget, question overlay.ProbeFrame, size int) error {
				t.VNI = c.vni
				return w.send(t, question, size)
			}
			if got := w.probe(t, target, elsewhere); got.State != c.want || got.Answered != c.node {
				t.Errorf("%s: %+v, want %s by %s", c.name, got, c.want, c.node)
			}
		})
	}
}

func TestAQuestionIsAskedThreeTimesUnlessThereIsNoWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		wait time.Duration
	}{
		{"nobody answers", nil, 300 * time.Millisecond},
		{"the device is down for a moment", syscall.ENETDOWN, 300 * time.Millisecond},
		{"the segment is not here", overlay.ErrNoWay, 0},
		{"it does not fit through our own device", fmt.Errorf("sendto: %w", syscall.EMSGSIZE), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newProbeWire()
			asked, began := 0, time.Now()
			got := w.probe(t, probeTarget, func(overlay.ProbeTarget, overlay.ProbeFrame, int) error { asked++; return c.err })
			if took := time.Since(began); got.State != overlay.PairDown || asked != 3 || took != c.wait {
				t.Errorf("%s: %s after %d questions in %v, want down after 3 in %v", c.name, got.State, asked, took, c.wait)
			}
		})
	}
}

func TestAnswersThatComeLateOrTwiceAreNobodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newProbeWire()
		w.delay = 101 * time.Millisecond
		if got := w.probe(t, probeTarget, w.send); got.State != overlay.PairDown {
			t.Errorf("answers after %v: %+v, want down", w.delay, got)
		}
		w.delay = 0
		twice := func(t overlay.ProbeTarget, question overlay.ProbeFrame, size int) error {
			return errors.Join(w.send(t, question, size), w.send(t, question, size))
		}
		if got := w.probe(t, probeTarget, twice); got.State != overlay.PairOK {
			t.Errorf("two answers to each question: %+v, want ok", got)
		}
	})
}

func TestWhoAskedLatelyIsOneWay(t *testing.T) {
	t.Parallel()
	deaf := func(overlay.ProbeTarget, overlay.ProbeFrame, int) error { return overlay.ErrNoWay }
	question := overlay.ProbeFrame{VNI: 5001, Nonce: 9, Node: "edge-2"}.Append(nil, 200)
	synctest.Test(t, func(t *testing.T) {
		w := newProbeWire()
		ask := func(vni overlay.VNI) {
			t.Helper()
			reply, wanted, err := w.from.Take(vni, overlay.VTEPMAC(probeTarget.VTEP), question)
			want := overlay.ProbeFrame{Answer: true, VNI: vni, Size: 200, Nonce: 9, Node: "edge-1"}
			if d := cmp.Diff(want, reply); err != nil || !wanted || d != "" {
				t.Errorf("Take(%d) = wanted %v, %v (-want +got):\n%s", vni, wanted, err, d)
			}
		}
		for i, c := range []struct {
			name string
			do   func()
			want overlay.ProbeState
		}{
			{"nobody asked", func() {}, overlay.PairDown},
			{"it asked in another segment", func() { ask(5002) }, overlay.PairDown},
			{"it asked", func() { ask(5001) }, overlay.PairOneWay},
			{"the other segment goes", func() { w.from.Forget(5002) }, overlay.PairOneWay},
			{"the segment goes", func() { w.from.Forget(5001) }, overlay.PairDown},
			{"it asked a while ago", func() { ask(5001); time.Sleep(89 * time.Second) }, overlay.PairOneWay},
			{"it asked long ago", func() { time.Sleep(time.Second) }, overlay.PairDown},
		} {
			c.do()
			if got := w.probe(t, probeTarget, deaf); got.State != c.want {
				t.Errorf("%d %s: %s, want %s", i, c.name, got.State, c.want)
			}
		}
		if _, wanted, err := w.from.Take(5001, overlay.MAC{2}, []byte("hello")); err == nil || wanted {
			t.Errorf("Take of no probe: wanted %v, %v, want an error", wanted, err)
		}
	})
}

func TestProbesEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newProbeWire()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		targets := slices.Repeat([]overlay.ProbeTarget{probeTarget}, 100) // more than are probed at the same time
		got, err := w.from.Probe(ctx, targets, func(overlay.ProbeTarget, overlay.ProbeFrame, int) error { return nil })
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || len(got) != len(targets) || took != 50*time.Millisecond {
			t.Errorf("Probe() = %d results, %v after %v, want %d and the context's error after 50ms", len(got), err, took, len(targets))
		}
		for i, r := range got {
			if r.Target != probeTarget || r.State != overlay.PairDown {
				t.Errorf("result %d: %+v, want that %+v is down", i, r, probeTarget)
			}
		}
	})
}
