package node_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/node"
)

// TestShowAgent tells how a node stands to what it must hold, and what carries its segments.
func TestShowAgent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		agent node.Agent
		want  []string
	}{
		{"none", node.Agent{}, nil},
		{"never told of its plane", node.Agent{State: "offline", Why: "the agent of mac-1 was last heard of at 10:00:00 UTC"},
			[]string{"agent: offline, the agent of mac-1 was last heard of at 10:00:00 UTC"}},
		{"kernel", node.Agent{State: "ok", Plane: "kernel device per VNI", Segments: 1}, []string{"agent: ok", "data plane: kernel device per VNI, holds 1 segment"}},
		{"by choice", node.Agent{State: "ok", Plane: "userspace", HostOnly: true},
			[]string{"agent: ok", "data plane: userspace, holds 0 segments; the node is the one host in each and bears no endpoints"}},
		{"for want of a kernel", node.Agent{State: "ok", Plane: "userspace", HostOnly: true, Missing: "no VXLAN here", Segments: 2},
			[]string{"agent: ok", "data plane: userspace, holds 2 segments; the node is the one host in each and bears no endpoints; the kernel does not carry them: no VXLAN here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asked := ""
			opts := node.Options{Agent: func(name string) node.Agent { asked = name; return tt.agent }}
			a, err := answer(t, opts, sample(), "node.show", map[string][]string{"node": {"mac-1"}})
			if err != nil || asked != "mac-1" {
				t.Fatalf("node.show mac-1: %v, asked for %q", err, asked)
			}
			if diff := cmp.Diff(append([]string{"serves: no deployment", "caches: none"}, tt.want...), a.Lines); diff != "" {
				t.Errorf("lines with %+v (-want +got):\n%s", tt.agent, diff)
			}
			if got := a.Data.(node.Shown).Agent; got != tt.agent {
				t.Errorf("for programs: %+v, want %+v", got, tt.agent)
			}
		})
	}
}
