package bot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

func probeOf(from, to string, state overlay.ProbeState) overlay.ProbeResult {
	return overlay.ProbeResult{From: from, Target: overlay.ProbeTarget{Segment: "s1", VNI: 5001, Node: to, MTU: 1450}, State: state, RTT: 2 * time.Millisecond}
}

// TestJudgeNode: what the monitoring is told of the segments of a node; what could not be found out is never OK.
func TestJudgeNode(t *testing.T) {
	t.Parallel()
	down := segment.Trouble{ProbeResult: probeOf("edge-1", "edge-2", overlay.PairDown), Since: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Times: 3}
	back := segment.Trouble{ProbeResult: probeOf("edge-2", "edge-1", overlay.PairDown), Since: down.Since, Times: 3}
	for _, tt := range []struct {
		name     string
		peers    int
		results  []overlay.ProbeResult
		troubles []segment.Trouble
		want     string
	}{
		{"nobody else", 0, nil, nil, "OVERLAY OK: no other node is in its segments | pairs_ok=0;;;0 pairs=0;;;0"},
		{"nobody answers", 2, nil, nil, "OVERLAY UNKNOWN: no pair could be probed: the agents of all other nodes are away | pairs_ok=0;;;0 pairs=0;;;0"},
		{"all well", 2, []overlay.ProbeResult{probeOf("edge-1", "edge-2", overlay.PairOK), probeOf("edge-1", "edge-3", overlay.PairOK)}, nil,
			"OVERLAY OK: 2/2 pairs ok | pairs_ok=2;;;0 pairs=2;;;0 rtt=0.002s;;;0"},
		{"bad for the first time", 1, []overlay.ProbeResult{probeOf("edge-1", "edge-2", overlay.PairDown)}, nil, "OVERLAY OK: 0/1 pairs ok | pairs_ok=0;;;0 pairs=1;;;0"},
		{"bad", 2, []overlay.ProbeResult{probeOf("edge-1", "edge-2", overlay.PairDown), probeOf("edge-1", "edge-3", overlay.PairOK)}, []segment.Trouble{back, down},
			"OVERLAY CRITICAL: 1/2 pairs ok, edge-1 → edge-2 is down | pairs_ok=1;;;0 pairs=2;;;0 rtt=0.002s;;;0\nsegment s1: edge-1 → edge-2 is down, since 2026-03-04 05:06:07 UTC"},
		{"bad in the other direction alone", 1, []overlay.ProbeResult{probeOf("edge-1", "edge-2", overlay.PairOK)}, []segment.Trouble{back},
			"OVERLAY OK: 1/1 pairs ok | pairs_ok=1;;;0 pairs=1;;;0 rtt=0.002s;;;0"},
	} {
		got := strings.TrimSpace(judgeNode(tt.peers, tt.results, tt.troubles, "edge-1").String())
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestProbesAreCounted: by states of the program alone, with round trips of those that came back.
func TestProbesAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := newProbeMetrics(registry, &segment.Store{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newProbeMetrics(registry, &segment.Store{}, nil); err == nil {
		t.Error("the same metrics are registered twice")
	}
	m.note([]overlay.ProbeResult{probeOf("a", "b", overlay.PairOK), probeOf("a", "c", overlay.PairWrongNode), probeOf("a", "d", "strange words")}, nil)
	m.note(nil, segment.ErrNoAgent)
	registry.Unregister(m) // it asks a store
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, x := range f.Metric {
			var name strings.Builder
			name.WriteString(f.GetName())
			for _, l := range x.Label {
				name.WriteString(" " + l.GetValue())
			}
			got[name.String()] = max(x.GetCounter().GetValue(), float64(x.GetHistogram().GetSampleCount()))
		}
	}
	want := map[string]float64{
		"opsbot_probe_results_total ok": 1, "opsbot_probe_results_total wrong-node": 1, "opsbot_probe_results_total other": 1,
		"opsbot_probe_unasked_total": 1, "opsbot_probe_rtt_seconds": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("counted (-want +got):\n%s", d)
	}
}
