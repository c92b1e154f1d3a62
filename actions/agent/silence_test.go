package agent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/agent"
)

// TestSilent tells of a node once, when it is not heard of any more; who was stopped, or was never there, has not fallen silent.
func TestSilent(t *testing.T) {
	t.Parallel()
	is := func(node string, h agent.Health) agent.Status { return agent.Status{Node: node, Health: h} }
	stopped := is("edge-3", agent.Offline)
	stopped.Report.Leaving = true
	var s agent.Silent
	for i, look := range []struct {
		now  []agent.Status
		want []string
	}{
		{[]agent.Status{is("edge-1", agent.Offline), is("edge-2", agent.OK), is("edge-3", agent.Behind), is("edge-4", agent.NotEnrolled)}, nil},
		{[]agent.Status{is("edge-1", agent.OK), is("edge-2", agent.Offline), stopped, is("edge-4", agent.NotEnrolled)}, []string{"edge-2"}},
		{[]agent.Status{is("edge-1", agent.Offline), is("edge-2", agent.Offline), stopped}, []string{"edge-1"}},
		{[]agent.Status{is("edge-1", agent.Failing), is("edge-2", agent.Repairing)}, nil},
		{[]agent.Status{is("edge-1", agent.Offline), is("edge-2", agent.OK)}, []string{"edge-1"}},
		{nil, nil},
	} {
		if diff := cmp.Diff(look.want, s.Since(look.now)); diff != "" {
			t.Errorf("look %d: fallen silent (-want +got):\n%s", i, diff)
		}
	}
}
