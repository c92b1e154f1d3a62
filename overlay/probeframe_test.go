package overlay_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/overlay"
)

func TestProbeFramesSurviveTheWire(t *testing.T) {
	t.Parallel()
	for _, f := range []overlay.ProbeFrame{
		{VNI: 5001, Nonce: 1 << 63, Node: "edge-1"},
		{Answer: true, VNI: overlay.LastVNI, Size: 1450, Nonce: 7, Node: "edge-with-a-name-that-is-as-long-as-names-may-be-sixty-three-xyz"},
	} {
		for _, size := range []int{0, overlay.ProbeMin, 1450} {
			wire := f.Append(nil, size)
			got, err := overlay.ParseProbeFrame(wire)
			if err != nil || len(wire) != max(size, overlay.ProbeMin) {
				t.Errorf("ParseProbeFrame(%+v of %d bytes) = %v, %d bytes", f, size, err, len(wire))
			}
			f.Node = f.Node[:min(len(f.Node), 63)]
			if d := cmp.Diff(f, got); d != "" {
				t.Errorf("of %d bytes (-want +got):\n%s", size, d)
			}
		}
	}
}

func FuzzParseProbeFrame(f *testing.F) {
	f.Add(overlay.ProbeFrame{VNI: 5001, Node: "edge-1"}.Append(nil, 0))
	f.Add([]byte("obp\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := overlay.ParseProbeFrame(b)
		if err != nil {
			return
		}
		if again, err := overlay.ParseProbeFrame(frame.Append(nil, 0)); err != nil || again != frame {
			t.Errorf("%+v became %+v, %v", frame, again, err)
		}
	})
}

func TestVerdictsAsChatShowsThem(t *testing.T) {
	t.Parallel()
	pair := func(from, to string, state overlay.ProbeState) overlay.ProbeResult {
		return overlay.ProbeResult{From: from, State: state, Passes: 1350, Hop: 1400, Answered: "edge-9", RTT: time.Millisecond,
			Target: overlay.ProbeTarget{Segment: "live", VNI: 5001, Node: to, VTEP: addr("192.0.2.7"), MTU: 1450}}
	}
	for _, c := range []struct {
		name    string
		results []overlay.ProbeResult
		want    string
	}{
		{"all well", []overlay.ProbeResult{pair("edge-3", "edge-7", overlay.PairOK)}, "[segment live: 1/1 pairs ok]"},
		{"a hidden hop", []overlay.ProbeResult{pair("edge-3", "edge-7", overlay.PairMTU), pair("edge-7", "edge-3", overlay.PairOK)},
			"[segment live: 1/2 pairs ok, edge-3 → edge-7 passes only 1350 of 1450 (a hop of 1400)]"},
		{"two nodes, one VTEP", []overlay.ProbeResult{pair("edge-3", "edge-7", overlay.PairWrongNode)},
			"[segment live: 0/1 pairs ok, edge-3 → edge-7: edge-9 answers at 192.0.2.7 (one VTEP, two nodes)]"},
		{"one way", []overlay.ProbeResult{pair("edge-3", "edge-7", overlay.PairOneWay)},
			"[segment live: 0/1 pairs ok, edge-3 → edge-7 is one-way: its probes arrive here, ours are not answered]"},
		{"many", []overlay.ProbeResult{pair("a", "b", overlay.PairDown), pair("a", "c", overlay.PairDown), pair("a", "d", overlay.PairDown), pair("a", "e", overlay.PairDown), pair("a", "f", overlay.PairWrongVNI)},
			"[segment live: 0/5 pairs ok, a → b is down, a → c is down, a → d is down, and 2 more]"},
	} {
		if got := fmt.Sprint(overlay.Judge(c.results)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBrokenProbesAreRefused(t *testing.T) {
	t.Parallel()
	good := overlay.ProbeFrame{VNI: 5001, Node: "edge-1"}.Append(nil, 0)
	for _, c := range []struct {
		name string
		at   int
		to   byte
	}{{"magic", 0, 'x'}, {"version", 3, 2}, {"kind", 4, 3}, {"length of the name", 5, 64}, {"no name", 5, 0}, {"a name with a star", 20, '*'}} {
		b := append([]byte(nil), good...)
		b[c.at] = c.to
		if f, err := overlay.ParseProbeFrame(b); err == nil {
			t.Errorf("%s: taken as %+v", c.name, f)
		}
	}
	if _, err := overlay.ParseProbeFrame(good[:overlay.ProbeMin-1]); err == nil || errors.Is(err, overlay.ErrReserved) {
		t.Errorf("a short frame: %v", err)
	}
}
