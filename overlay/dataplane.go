package overlay

import (
	"context"
	"net/netip"
	"time"
)

// DataPlane is what holds segments on a node: the kernel, a program, or a pretence. One at a time owns a node; its methods are not safe
// for concurrent use.
type DataPlane interface {
	// Probe tries what the node can do, without leaving anything behind.
	Probe(ctx context.Context) (Capabilities, error)
	// Read tells what the node holds now.
	Read(ctx context.Context) (Observed, error)
	// Apply carries out changes in their order. The error says that it could not be tried; what failed alone is in the report.
	Apply(ctx context.Context, changes Changes) (Report, error)
	// Close lets go of the node. The segments stay.
	Close() error
}

// Capabilities is what a node was found to be able to do.
type Capabilities struct {
	Plane         string            `json:"plane"` // "kernel device per VNI", "userspace", "simnet"
	Kernel        string            `json:"kernel,omitempty"`
	Tunnels       bool              `json:"tunnels"`        // VXLAN devices
	Bridges       bool              `json:"bridges"`        // layer 2 for endpoints
	Suppress      bool              `json:"suppress"`       // ARP and ND are answered on the spot
	Endpoints     bool              `json:"endpoints"`      // ports into network namespaces
	IPv6          bool              `json:"ipv6"`           // IPv6 within segments
	IPv6Underlay  bool              `json:"ipv6_underlay"`  // IPv6 VTEPs
	GroupDelete   bool              `json:"group_delete"`   // many devices at once
	VNIFilter     bool              `json:"vni_filter"`     // many VNIs on one device
	SourceVNI     bool              `json:"source_vni"`     // forwarding entries by VNI
	VLANFiltering bool              `json:"vlan_filtering"` // VLAN-aware bridges
	PacketFilter  bool              `json:"packet_filter"`  // nftables
	MaxSegments   int               `json:"max_segments"`   // what this plane should hold at most
	Missing       map[string]string `json:"missing,omitempty"`
}

// Facts is what a node tells about itself beside its segments.
type Facts struct {
	Underlay    int          `json:"underlay"`  // MTU of the device that bears the VTEP; 0 when none does
	Device      string       `json:"device"`    // its name
	Addresses   []netip.Addr `json:"addresses"` // that the node bears outside of segments
	Devices     int          `json:"devices"`   // of all kinds
	At          time.Time    `json:"at"`
	Capability  Capabilities `json:"capability"`
	MissingVTEP bool         `json:"missing_vtep,omitempty"` // no device bears the VTEP
}

// Foreign is a device that does not bear our mark and is in the way or might be.
type Foreign struct {
	Name  string     `json:"name"`
	Kind  string     `json:"kind"`
	VNI   VNI        `json:"vni,omitempty"`
	Port  uint16     `json:"port,omitempty"`
	VTEP  netip.Addr `json:"vtep,omitzero"`
	Owner string     `json:"owner,omitempty"` // another instance of this program, by its mark
}

// Observed is what a node was found to hold.
type Observed struct {
	Node    string    `json:"node,omitempty"`
	Objects []Object  `json:"objects"` // ours, in the order of [CompareObjects]
	Foreign []Foreign `json:"foreign,omitempty"`
	Facts   Facts     `json:"facts"`
}

// Segments counts the VNIs that the node holds something of.
func (o Observed) Segments() (n int) {
	last := VNI(0)
	for _, obj := range o.Objects {
		if obj.VNI != last {
			n, last = n+1, obj.VNI
		}
	}
	return n
}

// Report is what came of changes.
type Report struct {
	Applied int           `json:"applied"` // changes that went through
	Failed  []Failure     `json:"failed,omitempty"`
	Took    time.Duration `json:"took"`
}

// Failure is a change that did not go through.
type Failure struct {
	Change Change `json:"change"`
	Err    string `json:"error"`
}
