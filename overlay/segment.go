package overlay

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Segment is one layer 2 network over many nodes. It is keyed by tenant and name for people, by VNI on the wire.
type Segment struct {
	Name       string       `json:"name"`
	Tenant     string       `json:"tenant"`
	VNI        VNI          `json:"vni"`
	V4         netip.Prefix `json:"v4,omitzero"`       // scoped to the tenant: others may use the same
	V6         netip.Prefix `json:"v6,omitzero"`       // the VNI's /64 of the site's ULA
	MTU        int          `json:"mtu"`               // bytes of an IP packet inside
	Gateway    bool         `json:"gateway,omitempty"` // every node answers for the first address
	Generation uint64       `json:"generation"`
}

// State is where a member stands.
type State string

// States of a member.
const (
	Active   State = "active"   // reachable at its VTEP
	Draining State = "draining" // to be moved away; still reachable
	Fenced   State = "fenced"   // must not be announced: it was moved and its old node has not confirmed
)

// Member is one endpoint in a segment: what a MAC/IP advertisement carries (type 2 of RFC 7432 section 7.2).
type Member struct {
	Segment  string       `json:"segment"`
	Node     string       `json:"node"`
	Endpoint string       `json:"endpoint,omitempty"` // a network namespace of the node; empty is the node itself
	MAC      MAC          `json:"mac"`
	IPs      []netip.Addr `json:"ips,omitempty"`
	VTEP     netip.Addr   `json:"vtep"`
	Sequence uint32       `json:"sequence,omitempty"` // counts moves (MAC mobility, RFC 7432 section 7.7)
	Lease    uint64       `json:"lease,omitempty"`    // generation of the addresses: a new holder has a higher one
	State    State        `json:"state,omitempty"`    // empty is active
}

// Key names the member within its segment: the endpoint, or the node where the node itself is the endpoint.
func (m Member) Key() string {
	if m.Endpoint == "" {
		return "node/" + m.Node
	}
	return "endpoint/" + m.Endpoint
}

// VTEPs is the flood list of a segment: one record a node (type 3 of RFC 7432 section 7.3). The kernel walks it for every broadcast, so
// it is capped at [MaxFlood].
type VTEPs struct {
	Segment string `json:"segment"`
	VNI     VNI    `json:"vni"`
	List    []VTEP `json:"list"`
}

// MaxFlood is how long a flood list may be: the kernel keeps it as a linear list.
const MaxFlood = 1000

// VTEP is a node's end of a tunnel.
type VTEP struct {
	Node string     `json:"node"`
	Addr netip.Addr `json:"addr"`
}

// CheckName returns an error when a segment, tenant, node or endpoint may not be called name: names become parts of subjects, paths and
// interface aliases. What says which of them it is.
func CheckName(what, name string) error {
	if !isName(name) {
		return fmt.Errorf("%s %q: want 1 to 63 of a-z, 0-9 and '-', not '-' at the ends", what, name)
	}
	return nil
}

// isName tells whether name is a label: ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$. Thousands are checked each time a state is composed or taken,
// so this is not left to regexp.
func isName(name string) bool {
	if name == "" || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Check returns every mistake in s, joined.
func (s Segment) Check() error {
	var wrong []string
	note := func(err error) {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	note(CheckName("name", s.Name))
	note(CheckName("tenant", s.Tenant))
	note(s.VNI.Check())
	if s.V4.IsValid() && (!s.V4.Addr().Is4() || s.V4 != s.V4.Masked() || s.V4.Bits() > 30) {
		note(fmt.Errorf("v4 %s: want an IPv4 prefix of at most 30 bits without host bits", s.V4))
	}
	if s.V6.IsValid() && (!s.V6.Addr().Is6() || s.V6.Bits() != 64 || s.V6 != s.V6.Masked()) {
		note(fmt.Errorf("v6 %s: want an IPv6 /64", s.V6))
	}
	if s.MTU < MinMTU || s.MTU > 65535 {
		note(fmt.Errorf("mtu %d: want %d to 65535", s.MTU, MinMTU))
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("segment %s: %s", s.Name, strings.Join(wrong, "; "))
}

// Members sorts members by segment, endpoint and node, the order in which desired state carries them.
func Members(list []Member) []Member {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Node, b.Node))
	})
	return list
}
