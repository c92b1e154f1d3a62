package bot

import (
	"context"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	alertdoor "github.com/shitops/opsbot/bot/door/alert"
)

// lookAgents is how often it is looked whether an agent has fallen silent.
const lookAgents = 2 * time.Second

// hearAgents asks the monitoring to look at once at a node whose agent has fallen silent: by itself it takes a minute or more until a host is down
// for certain. The host bears the name of the node.
func (a *App) hearAgents(ctx context.Context) {
	silence := alertdoor.NewSilence(a.monitoring.client, nil)
	var silent agent.Silent
	tick := time.NewTicker(lookAgents)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, node := range silent.Since(a.gate.Statuses()) {
			a.log.Warn("an agent has fallen silent", "node", node)
			if err := silence.Tell(ctx, node); err != nil && ctx.Err() == nil {
				a.log.Warn("the monitoring is not asked to look at it", "node", node, "err", err)
			}
		}
	}
}
