package ops

import (
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
)

// Runs returns the hooks by which the engine counts.
func (m *Metrics) Runs() run.Observe {
	return run.Observe{
		Step: func(kind string, state actions.OutcomeState, took time.Duration) {
			m.StepEnded(kind, string(state), took)
		},
		Run: func(state actions.State, _ time.Duration) { m.RunEnded(string(state)) },
	}
}
