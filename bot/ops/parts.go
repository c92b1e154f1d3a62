package ops

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// parts turns the votes into opsbot_ready, one for each. Before the handler is made there are none.
type parts struct {
	board atomic.Pointer[Board]
}

func (*parts) ready() *prometheus.Desc {
	return prometheus.NewDesc("opsbot_ready", "1 while the part does its work.", []string{"part"}, nil)
}

// Describe sends what Collect may send.
func (p *parts) Describe(ch chan<- *prometheus.Desc) {
	ch <- p.ready()
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
	}
}
