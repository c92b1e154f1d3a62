package bot

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/agent"
)

// agentHealths are the healths of nodes that have an agent.
func agentHealths() []agent.Health {
	return []agent.Health{agent.OK, agent.Repairing, agent.Behind, agent.Held, agent.Failing, agent.Ahead, agent.TooOld, agent.Offline}
}

// passing tells whether a node is as it should be, or on its way there.
func passing(h agent.Health) bool { return h == agent.OK || h == agent.Repairing || h == agent.Behind }

// agentsNamed is how many agents that are not well are named in one line.
const agentsNamed = 3

// agentsLine tells status.show how the agents are; ok is false where no node has one.
func (a *App) agentsLine() (line StatusLine, ok bool) {
	all := slices.DeleteFunc(a.gate.Statuses(), func(s agent.Status) bool { return s.Health == agent.NotEnrolled })
	if len(all) == 0 {
		return StatusLine{}, false
	}
	var bad []string
	for _, s := range all {
		if !passing(s.Health) {
			bad = append(bad, s.Why)
		}
	}
	if len(bad) == 0 {
		return StatusLine{Part: "agents", State: "well", OK: true}, true
	}
	text := strings.Join(bad[:min(len(bad), agentsNamed)], "; ")
	if more := len(bad) - agentsNamed; more > 0 {
		text += "; and " + actions.Counted(more, "other")
	}
	return StatusLine{Part: "agents", State: text}, true
}

// agentMetrics counts the agents by their health whenever it is asked.
type agentMetrics struct {
	gate *agent.Gate
	desc *prometheus.Desc
}

// newAgentMetrics adds the metrics to a registry.
func newAgentMetrics(registry *prometheus.Registry, gate *agent.Gate) error {
	return registry.Register(agentMetrics{gate, prometheus.NewDesc("opsbot_agents", "Nodes with an agent, by their health.", []string{"health"}, nil)})
}

// Describe implements [prometheus.Collector].
func (m agentMetrics) Describe(to chan<- *prometheus.Desc) { to <- m.desc }

// Collect implements [prometheus.Collector].
func (m agentMetrics) Collect(to chan<- prometheus.Metric) {
	count := map[agent.Health]int{}
	for _, s := range m.gate.Statuses() {
		count[s.Health]++
	}
	for _, h := range agentHealths() {
		to <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(count[h]), strings.ReplaceAll(string(h), " ", "_"))
	}
}
