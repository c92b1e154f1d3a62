package ops

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics is everything the program counts, in a registry of its own. Its methods are safe for concurrent use.
//
// Labels hold words of the program alone: kinds, states, doors, decisions. What is not such a word becomes "other", so that neither a person's
// name nor a stranger's text gets into a label, and their number stays bounded.
type Metrics struct {
	registry     *prometheus.Registry
	steps        *prometheus.CounterVec
	stepSeconds  *prometheus.HistogramVec
	runs         *prometheus.CounterVec
	live         prometheus.Gauge
	messages     *prometheus.CounterVec
	storeReady   prometheus.Gauge
	parts        parts
	configHash   prometheus.Gauge
	reloadOK     prometheus.Gauge
	reloadedAt   prometheus.Gauge
	reloads      *prometheus.CounterVec
	doorReady    *prometheus.GaugeVec
	exportedAt   prometheus.Gauge
	exportFailed prometheus.Counter
}

// NewMetrics returns metrics that also tell about the Go runtime, the process and the given version.
func NewMetrics(v Build) *Metrics {
	m := &Metrics{
		registry:    prometheus.NewRegistry(),
		steps:       counters("opsbot_run_steps_total", "Steps that ended, on one node each.", "kind", "state"),
		runs:        counters("opsbot_run_ended_total", "Runs that ended.", "state"),
		live:        gauge("opsbot_run_live", "Runs that are accepted and not over."),
		messages:    counters("opsbot_desk_messages_total", "Messages that came in, by how they were read.", "door", "decision"),
		storeReady:  gauge("opsbot_store_ready", "1 while writes to the store are known to work."),
		configHash:  gauge("opsbot_config_hash", "First 48 bits of the hash of the configuration in use."),
		reloadOK:    gauge("opsbot_config_reload_success", "1 if the last reading of the configuration was taken."),
		reloadedAt:  gauge("opsbot_config_reload_success_timestamp_seconds", "When the configuration in use was read."),
		reloads:     counters("opsbot_config_reloads_total", "Readings of the configuration, by result.", "result"),
		exportedAt:  gauge("opsbot_store_export_timestamp_seconds", "When the last export of the store was complete."),
		doorReady:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "opsbot_door_ready", Help: "1 while the door hears."}, []string{"door"}),
		stepSeconds: stepSeconds(),
		exportFailed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "opsbot_store_export_failures_total", Help: "Exports of the store that failed.",
		}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(v),
		m.steps, m.stepSeconds, m.runs, m.live, m.messages, m.storeReady, &m.parts, m.configHash, m.reloadOK, m.reloadedAt, m.reloads,
		m.doorReady, m.exportedAt, m.exportFailed,
	)
	return m
}

// Registry returns the registry, for what other rooms collect.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// StepEnded counts a step that ended on one node, with its time over all attempts.
func (m *Metrics) StepEnded(kind, state string, took time.Duration) {
	m.steps.WithLabelValues(word(kind), word(state)).Inc()
	m.stepSeconds.WithLabelValues(word(kind)).Observe(took.Seconds())
}

// RunEnded counts a run that reached a final state.
func (m *Metrics) RunEnded(state string) { m.runs.WithLabelValues(word(state)).Inc() }

// RunsLive tells how many runs are accepted and not over.
func (m *Metrics) RunsLive(n int) { m.live.Set(float64(n)) }

// Message counts a message at the desk.
func (m *Metrics) Message(door, decision string) {
	m.messages.WithLabelValues(word(door), word(decision)).Inc()
}

// StoreReady tells whether writes to the store work.
func (m *Metrics) StoreReady(ok bool) { m.storeReady.Set(one(ok)) }

// DoorReady tells whether a door hears.
func (m *Metrics) DoorReady(door string, ok bool) {
	m.doorReady.WithLabelValues(word(door)).Set(one(ok))
}

// ConfigRead tells that a configuration was read and taken, at the start or later; hash is hexadecimal.
func (m *Metrics) ConfigRead(hash string, at time.Time) {
	n, err := strconv.ParseUint(hash[:min(len(hash), 12)], 16, 64)
	if err != nil {
		n = 0 // no hash: the gauge says that it is not known
	}
	m.configHash.Set(float64(n))
	m.reloadOK.Set(1)
	m.reloadedAt.Set(float64(at.UnixMilli()) / 1000)
	m.reloads.WithLabelValues("taken").Inc()
}

// ConfigRefused tells that a configuration was read and not taken: the old one stays in use.
func (m *Metrics) ConfigRefused() {
	m.reloadOK.Set(0)
	m.reloads.WithLabelValues("refused").Inc()
}

// Exported tells how an export of the store ended.
func (m *Metrics) Exported(at time.Time, err error) {
	if err != nil {
		m.exportFailed.Inc()
		return
	}
	m.exportedAt.Set(float64(at.UnixMilli()) / 1000)
}

// word returns text if it is a word of the program, else "other".
func word(text string) string {
	const set = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	if text == "" || len(text) > 40 || strings.Trim(text, set) != "" {
		return "other"
	}
	return text
}

func one(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// stepSeconds has buckets from an edit in memory to a prime of a long channel.
func stepSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "opsbot_run_step_seconds", Help: "Time of a step on one node, over all attempts.",
		Buckets: []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
	}, []string{"kind"})
}

func buildInfo(v Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "opsbot_build_info", Help: "1, with the version in the labels.",
		ConstLabels: prometheus.Labels{"version": v.Version, "revision": v.Commit, "goversion": v.Go, "modified": strconv.FormatBool(v.Dirty)},
	})
	g.Set(1)
	return g
}
