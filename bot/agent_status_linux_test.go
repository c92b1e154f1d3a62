package bot_test

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
)

// TestStatusTellsOfAgents: whether the agents are there is told by status and by the metrics.
func TestStatusTellsOfAgents(t *testing.T) {
	l := startAgentLab(t, 2)
	metrics := func() string {
		t.Helper()
		resp, err := http.Get("http://" + l.OpsAddr() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	l.expect(l.say("status"), door.OK, "agents", "well")
	if got := metrics(); !strings.Contains(got, "opsbot_agents{health=\"ok\"} 2\n") || !strings.Contains(got, "opsbot_agents{health=\"offline\"} 0\n") {
		t.Error("the metrics do not tell of two agents that are well")
	}
	l.agents["edge-1"].kill(syscall.SIGTERM)
	l.until(t, "edge-1", "was stopped", func(s agent.Status) bool { return s.Health == agent.Offline })
	l.expect(l.say("status"), door.Failure, "agents", "the agent of edge-1 was stopped at")
	if got := metrics(); !strings.Contains(got, "opsbot_agents{health=\"offline\"} 1\n") {
		t.Error("the metrics do not tell of an agent that was stopped")
	}
}
