package ops

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// parts turns the votes into metrics: opsbot_ready for each, and opsbot_store_ready, by which alone the most severe alarm is raised. Before
// the handler is made there are none.
type parts struct {
	board atomic.Pointer[Board]
}

func (*parts) ready() *prometheus.Desc {
	return prometheus.NewDesc("opsbot_ready", "1 while the part does its work.", []string{"part"}, nil)
}

func (*parts) storeReady() *prometheus.Desc {
	return prometheus.NewDesc("opsbot_store_ready", "1 while writes to the store are known to work.", nil, nil)
}

// Describe sends what Collect may send.
func (p *parts) Describe(ch chan<- *prometheus.Desc) {
	ch <- p.ready()
	ch <- p.storeReady()
}

// Collect asks the votes.
func (p *parts) Collect(ch chan<- prometheus.Metric) {
	b := p.board.Load()
	if b == nil {
		return
	}
	seen := map[string]bool{}
	for _, v := range b.Ask(context.Background()).Verdict { // Ask has a deadline of its own
		name := word(v.Name)
		if seen[name] {
			continue
		}
		seen[name] = true
		ch <- prometheus.MustNewConstMetric(p.ready(), prometheus.GaugeValue, one(v.OK), name)
		if name == "store" {
			ch <- prometheus.MustNewConstMetric(p.storeReady(), prometheus.GaugeValue, one(v.OK))
		}
	}
}
