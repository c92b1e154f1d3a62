package kernel

import (
	"log/slog"
	"net/netip"
)

// Group is the interface group (IFLA_GROUP) that our devices are in, so that they are seen at a glance and deleted at once; "obe" in ASCII.
const Group = 0x6f6265

// doomed is the group that devices are put in just before they are deleted together.
const doomed = 0x6f6264

// DefaultEndpoints is where network namespaces have names (ip-netns(8)).
const DefaultEndpoints = "/run/netns"

// Options is what a [Plane] is made of. Node and Instance are required.
type Options struct {
	Node      string       // name of this node
	Instance  string       // of the bot: devices of another instance are foreign
	VTEP      netip.Addr   // whose device's MTU is told in the facts; may be none
	Port      uint16       // of VXLAN, for probes; 0 is [overlay.DefaultPort]
	Namespace string       // path of the network namespace to work in; empty is that of the process
	Endpoints string       // folder in which endpoints are found by name; empty is [DefaultEndpoints]
	Log       *slog.Logger // nil is silent
}
