package overlay

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Fleet is all segments, members and nodes of a site, kept so that one change touches only the nodes that share its segment: its cost does
// not grow with the number of segments or nodes. The zero value is not usable; see [NewFleet]. Not safe for concurrent use.
type Fleet struct {
	nodes    []NodeView
	numbers  map[string]int32
	segments map[VNI]*fleetSegment
	onNode   []map[VNI]struct{} // by number of the node
}

// fleetSegment is a segment with its members, in the order of [Members].
type fleetSegment struct {
	Segment
	members []fleetMember
}

// fleetMember is a [Member] without what the segment and the node tell, since there are millions.
type fleetMember struct {
	endpoint string
	ips      []netip.Addr
	lease    uint64
	state    State
	node     int32
	sequence uint32
	mac      MAC
}

// NewFleet makes an empty fleet.
func NewFleet() *Fleet {
	return &Fleet{numbers: map[string]int32{}, segments: map[VNI]*fleetSegment{}}
}

// PutNode adds a node or changes its VTEP.
func (f *Fleet) PutNode(n NodeView) {
	if i, ok := f.numbers[n.Node]; ok {
		f.nodes[i] = n
		return
	}
	f.numbers[n.Node] = int32(len(f.nodes))
	f.nodes = append(f.nodes, n)
	f.onNode = append(f.onNode, map[VNI]struct{}{})
}

// PutSegment adds a segment, or changes what is told of it and keeps its members.
func (f *Fleet) PutSegment(s Segment) {
	if have := f.segments[s.VNI]; have != nil {
		have.Segment = s
		return
	}
	f.segments[s.VNI] = &fleetSegment{Segment: s}
}

// RemoveSegment removes a segment with its members and returns the nodes that held it.
func (f *Fleet) RemoveSegment(vni VNI) []string {
	nodes := f.NodesOf(vni)
	for _, n := range nodes {
		delete(f.onNode[f.numbers[n]], vni)
	}
	delete(f.segments, vni)
	return nodes
}

// Attach puts a member into the segment with the VNI given; one with the same [Member.Key] is replaced, as when it moves.
//
// Returns an error when the segment or the node is unknown.
func (f *Fleet) Attach(vni VNI, m Member) error {
	s := f.segments[vni]
	node, known := f.numbers[m.Node]
	if s == nil || !known {
		return fmt.Errorf("attach %s of node %s to VNI %d: no such segment or node", m.Key(), m.Node, vni)
	}
	f.Detach(vni, m.Key())
	r := fleetMember{m.Endpoint, m.IPs, m.Lease, m.State, node, m.Sequence, m.MAC}
	at, _ := slices.BinarySearchFunc(s.members, r, f.compare)
	s.members = slices.Insert(s.members, at, r)
	f.onNode[node][vni] = struct{}{}
	return nil
}

// compare orders members as [Members] does.
func (f *Fleet) compare(a, b fleetMember) int {
	return cmp.Or(cmp.Compare(a.endpoint, b.endpoint), cmp.Compare(f.nodes[a.node].Node, f.nodes[b.node].Node))
}

// Detach takes the member with the key given out of a segment, and tells whether it was there.
func (f *Fleet) Detach(vni VNI, key string) bool {
	s := f.segments[vni]
	if s == nil {
		return false
	}
	at := slices.IndexFunc(s.members, func(r fleetMember) bool {
		return Member{Node: f.nodes[r.node].Node, Endpoint: r.endpoint}.Key() == key
	})
	if at < 0 {
		return false
	}
	node := s.members[at].node
	s.members = slices.Delete(s.members, at, at+1)
	if !slices.ContainsFunc(s.members, func(r fleetMember) bool { return r.node == node }) {
		delete(f.onNode[node], vni)
	}
	return true
}

// Segment returns the segment with the VNI given.
func (f *Fleet) Segment(vni VNI) (Segment, bool) {
	if s := f.segments[vni]; s != nil {
		return s.Segment, true
	}
	return Segment{}, false
}

// MembersOf returns the members of a segment.
func (f *Fleet) MembersOf(vni VNI) (list []Member) {
	s := f.segments[vni]
	if s == nil {
		return nil
	}
	for _, r := range s.members {
		list = append(list, f.member(s, r))
	}
	return list
}

// member is a record as a [Member].
func (f *Fleet) member(s *fleetSegment, r fleetMember) Member {
	n := f.nodes[r.node]
	return Member{Segment: s.Name, Node: n.Node, Endpoint: r.endpoint, MAC: r.mac, IPs: r.ips, VTEP: n.VTEP, Sequence: r.sequence, Lease: r.lease, State: r.state}
}

// NodesOf returns the nodes that hold a segment, in order of their names.
func (f *Fleet) NodesOf(vni VNI) (list []string) {
	s := f.segments[vni]
	if s == nil {
		return nil
	}
	for _, r := range s.members {
		list = append(list, f.nodes[r.node].Node)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// VTEPsOf returns the flood list of a segment.
func (f *Fleet) VTEPsOf(vni VNI) VTEPs {
	v := VTEPs{VNI: vni}
	if s := f.segments[vni]; s != nil {
		v.Segment = s.Name
	}
	for _, n := range f.NodesOf(vni) {
		v.List = append(v.List, VTEP{n, f.nodes[f.numbers[n]].VTEP})
	}
	return v
}

// On returns what a node must hold of one segment, and false when that is nothing.
func (f *Fleet) On(node string, vni VNI) (NodeSegment, bool) {
	s := f.segments[vni]
	number, known := f.numbers[node]
	if s == nil || !known {
		return NodeSegment{}, false
	}
	if _, holds := f.onNode[number][vni]; !holds {
		return NodeSegment{}, false
	}
	out := NodeSegment{Name: s.Name, Tenant: s.Tenant, VNI: vni, MTU: s.MTU, V4: s.V4, V6: s.V6, Gateway: s.Gateway, Generation: s.Generation}
	for _, r := range s.members {
		m := f.member(s, r)
		if r.node == number {
			out.Local = append(out.Local, m)
			continue
		}
		out.Remote = append(out.Remote, m)
		if at, found := slices.BinarySearchFunc(out.Remotes, m.VTEP, netip.Addr.Compare); !found {
			out.Remotes = slices.Insert(out.Remotes, at, m.VTEP)
		}
	}
	return out, true
}

// Desired returns all that a node must hold. Its cost grows with what the node holds, not with the fleet.
func (f *Fleet) Desired(node, incarnation string, generation uint64) (Desired, error) {
	number, known := f.numbers[node]
	if !known {
		return Desired{}, fmt.Errorf("desired state of %s: no such node", node)
	}
	d := Desired{Node: node, Incarnation: incarnation, Generation: generation, VTEP: f.nodes[number].VTEP, Port: f.nodes[number].Port}
	for vni := range f.onNode[number] {
		s, _ := f.On(node, vni)
		d.Segments = append(d.Segments, s)
	}
	slices.SortFunc(d.Segments, func(a, b NodeSegment) int { return cmp.Compare(a.VNI, b.VNI) })
	return d, nil
}

// Plan tells what a change to one segment would do on each node that holds it before or after: change is made, looked at and taken back.
// Only those nodes, and of them only this segment, are looked at.
func (f *Fleet) Plan(vni VNI, change func(*Fleet) error) ([]Changes, error) {
	before := map[string]Observed{}
	for _, n := range f.NodesOf(vni) {
		before[n] = Observed{Node: n, Objects: f.only(n, vni).Objects()}
	}
	var saved *fleetSegment
	if s := f.segments[vni]; s != nil {
		saved = &fleetSegment{s.Segment, slices.Clone(s.members)}
	}
	err := change(f)
	var plan []Changes
	if err == nil {
		nodes := f.NodesOf(vni)
		for n := range before {
			nodes = append(nodes, n)
		}
		slices.Sort(nodes)
		for _, n := range slices.Compact(nodes) {
			if c := Diff(f.only(n, vni), before[n]); !c.Empty() {
				plan = append(plan, c)
			}
		}
	}
	f.restore(vni, saved)
	return plan, err
}

// only is what a node must hold when it holds one segment alone.
func (f *Fleet) only(node string, vni VNI) Desired {
	n := f.nodes[f.numbers[node]]
	d := Desired{Node: node, VTEP: n.VTEP, Port: n.Port}
	if s, ok := f.On(node, vni); ok {
		d.Segments = []NodeSegment{s}
	}
	return d
}

// restore puts a segment back as it was; nil is that there was none.
func (f *Fleet) restore(vni VNI, saved *fleetSegment) {
	f.RemoveSegment(vni)
	if saved == nil {
		return
	}
	f.segments[vni] = saved
	for _, r := range saved.members {
		f.onNode[r.node][vni] = struct{}{}
	}
}
