package ops_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/ops"
)

func TestRuns(t *testing.T) {
	t.Parallel()
	m := ops.NewMetrics(ops.Build{})
	m.Runs().Step("cache.purge", actions.StepFailed, time.Second)
	m.Runs().Run(actions.Undone, time.Minute)
	_, text := get(t, ops.NewHandler(ops.Handlers{Metrics: m}), "/metrics")
	for _, want := range []string{
		`opsbot_run_steps_total{kind="cache.purge",state="failed"} 1`, `opsbot_run_step_seconds_sum{kind="cache.purge"} 1`, `opsbot_run_ended_total{state="undone"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("metrics lack %q", want)
		}
	}
}
