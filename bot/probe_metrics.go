package bot

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/overlay"
)

// pairSegments is how many segments have a label of their own in the metrics: all others are counted as one.
const pairSegments = 200

// otherSegments is the label of the segments beyond.
const otherSegments = "other"

// probeMetrics counts what probing in the background finds. It is safe for concurrent use.
type probeMetrics struct {
	known  *segment.Store
	prober *segment.Prober

	pairs   *prometheus.Desc
	results *prometheus.CounterVec
	unasked prometheus.Counter
	rtt     prometheus.Histogram
}

// newProbeMetrics adds the metrics to a registry.
func newProbeMetrics(registry *prometheus.Registry, known *segment.Store, prober *segment.Prober) (*probeMetrics, error) {
	m := &probeMetrics{
		known: known, prober: prober,
		pairs: prometheus.NewDesc("opsbot_segment_pairs",
			"Pairs of nodes in a segment, by the state of their newest probe; those of segments beyond the first 200 by name that are not ok are in other.",
			[]string{"segment", "state"}, nil),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "opsbot_probe_results_total", Help: "Probes of pairs in the background, by what they found."}, []string{"state"}),
		unasked: prometheus.NewCounter(prometheus.CounterOpts{Name: "opsbot_probe_unasked_total", Help: "Times that a node with a connected agent could not be let probe."}),
		rtt: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "opsbot_probe_rtt_seconds", Help: "Round trips inside of segments.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25},
		}),
	}
	for _, c := range []prometheus.Collector{m, m.results, m.unasked, m.rtt} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// note counts what a node found.
func (m *probeMetrics) note(results []overlay.ProbeResult, err error) {
	if err != nil {
		m.unasked.Inc()
	}
	for _, r := range results {
		m.results.WithLabelValues(stateLabel(r.State)).Inc()
		if r.State == overlay.PairOK || r.State == overlay.PairMTU {
			m.rtt.Observe(r.RTT.Seconds())
		}
	}
}

// pairStates are the states that a pair can be in.
func pairStates() []overlay.ProbeState {
	return []overlay.ProbeState{
		overlay.PairOK, overlay.PairMTU, overlay.PairOneWay, overlay.PairWrongNode, overlay.PairWrongVNI, overlay.PairDown, segment.Unknown,
	}
}

// stateLabel is a state as a label; one that is not known is "other".
func stateLabel(s overlay.ProbeState) string {
	if slices.Contains(pairStates(), s) {
		return strings.ReplaceAll(string(s), " ", "-")
	}
	return "other"
}

// Describe implements [prometheus.Collector].
func (m *probeMetrics) Describe(out chan<- *prometheus.Desc) { out <- m.pairs }

// Collect implements [prometheus.Collector].
func (m *probeMetrics) Collect(out chan<- prometheus.Metric) {
	send := func(name string, states map[overlay.ProbeState]int) {
		for _, s := range pairStates() {
			out <- prometheus.MustNewConstMetric(m.pairs, prometheus.GaugeValue, float64(states[s]), name, stateLabel(s))
		}
	}
	listed, all := map[string]bool{}, m.known.Segments()
	for _, r := range all[:min(len(all), pairSegments)] {
		listed[r.Name] = true
		send(r.Name, m.prober.States(r))
	}
	if len(all) <= pairSegments {
		return
	}
	others := map[overlay.ProbeState]int{}
	for _, t := range m.prober.Bad() {
		if !listed[t.Target.Segment] {
			others[t.State]++
		}
	}
	send(otherSegments, others)
}
