package node

import (
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions"
)

// Agent is what is known of the agent of a node. The zero value means that it has none.
type Agent struct {
	State    string `json:"state"`              // how the node stands to what it must hold: "ok", "offline", ...
	Why      string `json:"why,omitempty"`      // a sentence, unless all is well
	Plane    string `json:"plane,omitempty"`    // what carries its segments; empty when it never told
	HostOnly bool   `json:"host_only,omitzero"` // that carries the node itself and no endpoints
	Missing  string `json:"missing,omitempty"`  // why the kernel does not carry them, where it was tried
	Segments int    `json:"segments"`           // that it holds
}

// lines are what node.show tells of an agent.
func (a Agent) lines() []string {
	if a.State == "" {
		return nil
	}
	out := []string{"agent: " + a.State}
	if a.Why != "" {
		out[0] += ", " + a.Why
	}
	if a.Plane == "" {
		return out
	}
	text := fmt.Sprintf("data plane: %s, holds %s", a.Plane, actions.Counted(a.Segments, "segment"))
	if a.HostOnly {
		text += "; the node is the one host in each and bears no endpoints"
	}
	if a.Missing != "" {
		text += "; the kernel does not carry them: " + strings.TrimSpace(a.Missing)
	}
	return append(out, text)
}
