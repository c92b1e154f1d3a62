package segment

import (
	"context"
	"errors"
	"net/netip"

	"github.com/shitops/opsbot/overlay"
)

// ErrNoAgent says that a node has no agent that could hold a segment.
var ErrNoAgent = errors.New("no agent is enrolled there; \"enrol\" and its name gives you the line to type there")

// Fleet is the agents of the nodes, as the verbs of segments need them.
type Fleet interface {
	// Look tells what is known of a node. The error wraps ErrNoAgent where none is enrolled.
	Look(ctx context.Context, node string) (Look, error)
	// Put makes what compose returns the desired state of a node (its incarnation and generation are the Fleet's own), and returns when the node
	// has reported that it holds it. Compose is called again when somebody else was faster, so that the last word is never an old one. What is equal
	// to what the node is to hold already is no new generation. A node that cannot be reached is told later; that is an error at once. By is the step.
	Put(ctx context.Context, node string, compose func() (overlay.Desired, error), by string) (Reported, error)
	// Probe sends probes from a node, inside of segments, and waits for what comes of them.
	Probe(ctx context.Context, node string, targets []overlay.ProbeTarget) ([]overlay.ProbeResult, error)
}

// Look is what is known of a node.
type Look struct {
	VTEP      netip.Addr
	Port      uint16 // of VXLAN; 0 = overlay.DefaultPort
	Underlay  int    // MTU in bytes; 0 = not told
	Connected bool
	Homeless  bool // no device of the node bears the VTEP
	Foreign   []overlay.Foreign
	Plane     string // what carries its segments, in the words of its agent; empty = not told
	HostOnly  bool   // it carries the node itself and no endpoints
	Most      int    // segments that it carries; 0 = not told
}

// Reported is what a node told about its desired state.
type Reported struct {
	Generation uint64
	Applied    int      // changes
	Failed     []string // changes that did not go through
	Waits      string   // why the rest waits for a yes, or nothing
}
