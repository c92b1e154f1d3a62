package overlay

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ConflictKind is what two things both claim.
type ConflictKind string

// Kinds of conflicts.
const (
	ConflictVNI     ConflictKind = "vni"
	ConflictName    ConflictKind = "name"
	ConflictPort    ConflictKind = "port"
	ConflictPrefix  ConflictKind = "prefix"
	ConflictAddress ConflictKind = "address"
	ConflictMAC     ConflictKind = "mac"
	ConflictVTEP    ConflictKind = "vtep"
	ConflictForeign ConflictKind = "foreign device"
)

// Conflict says what stands against what, and what would settle it.
type Conflict struct {
	Kind ConflictKind `json:"kind"`
	What string       `json:"what"` // what is claimed, by whom
	With string       `json:"with"` // who has it
	Fix  string       `json:"fix"`  // the next thing to try
	VNI  VNI          `json:"vni,omitempty"`
	Node string       `json:"node,omitempty"`
}

// String gives the conflict as a sentence.
func (c Conflict) String() string {
	return fmt.Sprintf("%s conflict: %s, but %s; %s", c.Kind, c.What, c.With, c.Fix)
}

// NodeView is what is known of a node when conflicts are looked for.
type NodeView struct {
	Node    string
	VTEP    netip.Addr
	Port    uint16 // 0 is [DefaultPort]
	Foreign []Foreign
}

// Conflicts reports everything that contradicts itself in the segments, members and nodes given. The order is that of the input; nothing
// is reported twice. To check one new thing against many, keep an [Index].
func Conflicts(segments []Segment, members []Member, nodes []NodeView) (list []Conflict) {
	x := NewIndex()
	for _, n := range nodes {
		list = append(list, x.AddNode(n)...)
	}
	for _, s := range segments {
		list = append(list, x.AddSegment(s)...)
	}
	for _, m := range members {
		list = append(list, x.AddMember(m)...)
	}
	return list
}

// Index finds conflicts in constant time a key (a prefix costs a binary search), so that one new segment among a million costs
// microseconds. Not safe for concurrent use.
type Index struct {
	names    map[[2]string]VNI
	vnis     map[VNI]Segment
	byName   map[string][]VNI
	prefixes map[string][]claim // by tenant, in order of address
	v6       map[netip.Prefix]VNI
	ips      map[string]map[netip.Addr]string
	macs     map[string]map[MAC]string
	vteps    map[netip.Addr]string
	nodes    map[string]NodeView
	own      map[string][]claim // prefixes that a node itself has addresses in
}

// claim is a prefix and the segment that has it.
type claim struct {
	prefix netip.Prefix
	vni    VNI
	name   string
}

// NewIndex makes an empty index.
func NewIndex() *Index {
	return &Index{
		names: map[[2]string]VNI{}, vnis: map[VNI]Segment{}, byName: map[string][]VNI{}, prefixes: map[string][]claim{}, v6: map[netip.Prefix]VNI{},
		ips: map[string]map[netip.Addr]string{}, macs: map[string]map[MAC]string{}, vteps: map[netip.Addr]string{},
		nodes: map[string]NodeView{}, own: map[string][]claim{},
	}
}

// AddNode notes a node and returns its conflicts with what is known. What conflicts is not noted.
func (x *Index) AddNode(n NodeView) (list []Conflict) {
	if other, ok := x.vteps[n.VTEP]; ok && n.VTEP.IsValid() && other != n.Node {
		list = append(list, Conflict{Kind: ConflictVTEP, Node: n.Node, What: fmt.Sprintf("node %s has VTEP %s", n.Node, n.VTEP),
			With: "node " + other + " has it too", Fix: "give one of them another address"})
	} else if n.VTEP.IsValid() {
		x.vteps[n.VTEP] = n.Node
	}
	port := n.Port
	if port == 0 {
		port = DefaultPort
	}
	for _, f := range n.Foreign {
		if f.Kind == "vxlan" && f.VNI == 0 && f.Port == port {
			list = append(list, portConflict(n.Node, f))
		}
	}
	x.nodes[n.Node] = n
	return list
}

// AddSegment notes a segment and returns its conflicts with what is known. What conflicts is not noted.
func (x *Index) AddSegment(s Segment) (list []Conflict) {
	list = x.CheckSegment(s)
	if len(list) > 0 {
		return list
	}
	x.names[[2]string{s.Tenant, s.Name}] = s.VNI
	x.vnis[s.VNI] = s
	x.byName[s.Name] = append(x.byName[s.Name], s.VNI)
	if s.V4.IsValid() {
		claims := x.prefixes[s.Tenant]
		at, _ := slices.BinarySearchFunc(claims, s.V4, claim.compare)
		x.prefixes[s.Tenant] = slices.Insert(claims, at, claim{s.V4, s.VNI, s.Name})
	}
	if s.V6.IsValid() {
		x.v6[s.V6] = s.VNI
	}
	return nil
}

func (c claim) compare(p netip.Prefix) int { return c.prefix.Addr().Compare(p.Addr()) }

// CheckSegment returns the conflicts of a segment with what is known, and notes nothing.
func (x *Index) CheckSegment(s Segment) (list []Conflict) {
	if other, ok := x.vnis[s.VNI]; ok {
		list = append(list, Conflict{Kind: ConflictVNI, VNI: s.VNI, What: fmt.Sprintf("segment %s wants VNI %d", s.Name, s.VNI),
			With: fmt.Sprintf("segment %s of tenant %s has it", other.Name, other.Tenant), Fix: "leave the VNI out, and a free one is taken"})
	}
	if vni, ok := x.names[[2]string{s.Tenant, s.Name}]; ok {
		list = append(list, Conflict{Kind: ConflictName, VNI: s.VNI, What: fmt.Sprintf("tenant %s wants a segment %s", s.Tenant, s.Name),
			With: fmt.Sprintf("it has one with VNI %d", vni), Fix: "choose another name"})
	}
	if s.V4.IsValid() {
		for _, c := range overlapping(x.prefixes[s.Tenant], s.V4) {
			list = append(list, Conflict{Kind: ConflictPrefix, VNI: s.VNI, What: fmt.Sprintf("segment %s wants %s", s.Name, s.V4),
				With: fmt.Sprintf("segment %s of the same tenant has %s", c.name, c.prefix), Fix: "leave the prefix out, and a free one is taken"})
		}
	}
	if vni, ok := x.v6[s.V6]; ok && s.V6.IsValid() {
		list = append(list, Conflict{Kind: ConflictPrefix, VNI: s.VNI, What: fmt.Sprintf("segment %s wants %s", s.Name, s.V6),
			With: fmt.Sprintf("VNI %d has it", vni), Fix: "leave the prefix out: it follows from the VNI"})
	}
	return list
}

// overlapping are the claims, in order and not overlapping among themselves, that overlap p.
func overlapping(claims []claim, p netip.Prefix) []claim {
	at, _ := slices.BinarySearchFunc(claims, p, claim.compare)
	if at > 0 && claims[at-1].prefix.Overlaps(p) {
		at--
	}
	end := at
	for end < len(claims) && claims[end].prefix.Overlaps(p) {
		end++
	}
	return claims[at:end]
}

// AddMember notes a member and returns its conflicts with what is known. The member's segment is found by name among those noted; where
// tenants share the name, by its addresses.
func (x *Index) AddMember(m Member) (list []Conflict) {
	s, found := x.segmentOf(m)
	if !found {
		return []Conflict{{Kind: ConflictName, Node: m.Node, What: fmt.Sprintf("%s is a member of segment %s", m.Key(), m.Segment),
			With: "there is no such segment", Fix: "create it first"}}
	}
	scope := fmt.Sprint(s.VNI)
	if x.macs[scope] == nil {
		x.macs[scope], x.ips[scope] = map[MAC]string{}, map[netip.Addr]string{}
	}
	if other, ok := x.macs[scope][m.MAC]; ok && other != m.Key() {
		list = append(list, Conflict{Kind: ConflictMAC, VNI: s.VNI, Node: m.Node, What: fmt.Sprintf("%s in segment %s has MAC %s", m.Key(), s.Name, m.MAC),
			With: other + " has it too", Fix: "detach one of them"})
	}
	for _, ip := range m.IPs {
		if other, ok := x.ips[scope][ip]; ok && other != m.Key() {
			list = append(list, Conflict{Kind: ConflictAddress, VNI: s.VNI, Node: m.Node, What: fmt.Sprintf("%s in segment %s has %s", m.Key(), s.Name, ip),
				With: other + " has it too", Fix: "leave the address out, and a free one is taken"})
		}
	}
	list = append(list, x.onNode(s, m)...)
	if len(list) > 0 {
		return list
	}
	x.macs[scope][m.MAC] = m.Key()
	for _, ip := range m.IPs {
		x.ips[scope][ip] = m.Key()
	}
	return nil
}

// segmentOf finds the segment of m.
func (x *Index) segmentOf(m Member) (Segment, bool) {
	for _, vni := range x.byName[m.Segment] {
		s := x.vnis[vni]
		if len(x.byName[m.Segment]) == 1 || len(m.IPs) == 0 || s.V4.Contains(m.IPs[0]) || s.V6.Contains(m.IPs[0]) {
			return s, true
		}
	}
	return Segment{}, false
}

// onNode finds what stands against s on m's node: foreign devices, and where the node itself is the member, other segments that it has
// the same addresses in.
func (x *Index) onNode(s Segment, m Member) (list []Conflict) {
	n := x.nodes[m.Node]
	port := n.Port
	if port == 0 {
		port = DefaultPort
	}
	for _, f := range n.Foreign {
		if c, ok := foreignConflict(n.Node, s.VNI, s.Name, port, f); ok {
			list = append(list, c)
		}
	}
	if m.Endpoint != "" || !s.V4.IsValid() {
		return list
	}
	claims := x.own[m.Node]
	for _, c := range overlapping(claims, s.V4) {
		if c.vni != s.VNI {
			list = append(list, Conflict{Kind: ConflictPrefix, VNI: s.VNI, Node: m.Node, What: fmt.Sprintf("node %s itself is to have an address in %s of segment %s", m.Node, s.V4, s.Name),
				With: fmt.Sprintf("it has one in %s of segment %s", c.prefix, c.name), Fix: "attach an endpoint in its own namespace, or give the segment another prefix"})
		}
	}
	if len(list) == 0 {
		at, found := slices.BinarySearchFunc(claims, s.V4, claim.compare)
		if !found {
			x.own[m.Node] = slices.Insert(claims, at, claim{s.V4, s.VNI, s.Name})
		}
	}
	return list
}

// foreignConflicts are the foreign devices that stand in the way of what a node must hold.
func foreignConflicts(want Desired, foreign []Foreign) (list []Conflict) {
	if len(foreign) == 0 {
		return nil
	}
	for _, s := range want.Segments {
		for _, f := range foreign {
			if c, ok := foreignConflict(want.Node, s.VNI, s.Name, want.port(), f); ok {
				list = append(list, c)
			}
		}
	}
	return list
}

// foreignConflict tells whether f stands in the way of a segment on a node.
func foreignConflict(node string, vni VNI, name string, port uint16, f Foreign) (Conflict, bool) {
	c := Conflict{Kind: ConflictForeign, VNI: vni, Node: node}
	switch {
	case strings.HasPrefix(f.Name, "ob") && (f.Name == TunnelName(vni) || f.Name == BridgeName(vni)):
		c.With = fmt.Sprintf("a device %s%s exists that is not ours", f.Name, f.owner())
	case f.Kind != "vxlan" || f.Port != port:
		return Conflict{}, false
	case f.VNI == vni:
		c.Kind, c.With = ConflictVNI, fmt.Sprintf("the foreign device %s%s has it", f.Name, f.owner())
	case f.VNI == 0:
		c = portConflict(node, f)
		c.VNI = vni
		return c, true
	default:
		return Conflict{}, false
	}
	c.What = fmt.Sprintf("segment %s needs VNI %d on UDP port %d of node %s", name, vni, port, node)
	c.Fix = fmt.Sprintf("remove it by hand on %s (ip link delete %s), or take another VNI", node, f.Name)
	return c, true
}

// portConflict says that a device which takes all VNIs owns the port.
func portConflict(node string, f Foreign) Conflict {
	return Conflict{Kind: ConflictPort, Node: node, What: fmt.Sprintf("UDP port %d of node %s is to be ours", f.Port, node),
		With: fmt.Sprintf("the foreign device %s%s takes all of it", f.Name, f.owner()), Fix: fmt.Sprintf("remove %s on %s, or configure another port", f.Name, node)}
}

// owner names the other instance in parentheses.
func (f Foreign) owner() string {
	if f.Owner == "" {
		return ""
	}
	return " (of " + strings.TrimSpace(f.Owner) + ")"
}
