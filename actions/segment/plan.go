package segment

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/overlay"
)

// The kinds of steps that this package's executors carry out. Their arguments are [Args].
const (
	KindName       = "segment.name"        // make the name
	KindVNI        = "segment.vni"         // take a VNI
	KindNet        = "segment.net"         // take an IPv4 prefix
	KindReady      = "segment.ready"       // on a node: it can hold the segment; its undo brings the node to what is recorded then
	KindFill       = "segment.fill"        // write what was taken, and who is in, under the name
	KindJoin       = "segment.join"        // put members in
	KindLeave      = "segment.leave"       // take members out
	KindMove       = "segment.move"        // move a member to another node
	KindPut        = "desired.sync"        // on a node: bring it to what is recorded, and see it report so
	KindGone       = "segment.gone"        // note on purpose that it is deleted
	KindDrop       = "segment.drop"        // delete the name
	KindNetRelease = "segment.net.release" // give the IPv4 prefix back
	KindRelease    = "segment.vni.release" // give the VNI back, to rest
)

// Args are the arguments of every step: which segment, and what of it.
type Args struct {
	Segment string       `json:"segment"`
	Tenant  string       `json:"tenant"`
	Region  string       `json:"region,omitempty"`
	VNI     overlay.VNI  `json:"vni,omitempty"` // asked for; of a segment that is there, its own
	V4      netip.Prefix `json:"v4,omitzero"`   // asked for; of a segment that is there, its own
	Gateway bool         `json:"gateway,omitempty"`
	File    bool         `json:"file,omitempty"`
	By      string       `json:"by"`
	Places  []Place      `json:"places,omitempty"` // who comes in, or where a member goes
	Was     *Record      `json:"was,omitempty"`    // as the plan saw it
	Seats   []Seat       `json:"seats,omitempty"`  // who goes out, or moves
	Must    bool         `json:"must,omitempty"`   // the nodes have to be there now
}

// Place is where a member comes in: a node, or an endpoint on it.
type Place struct {
	Node     string     `json:"node"`
	Endpoint string     `json:"endpoint,omitempty"`
	VTEP     netip.Addr `json:"vtep"`
	Underlay int        `json:"underlay,omitempty"`
	HostOnly string     `json:"host_only,omitempty"` // the data plane that carries the node itself and no endpoints
}

func (p Place) key() string { return overlay.Member{Node: p.Node, Endpoint: p.Endpoint}.Key() }

// step makes a step without a node.
func step(kind string, a Args, say string) actions.Step {
	return actions.Step{Kind: kind, Key: "segment/" + a.Segment, Args: actions.Encode(a), Say: say}
}

// nodeSteps are the group in which every node is asked first, and the one in which it is brought to what is recorded.
func nodeSteps(a Args, must bool, nodes []string) (ready, put actions.Group) {
	a = Args{Segment: a.Segment, Tenant: a.Tenant, By: a.By, Must: must}
	ready = actions.Group{Nodes: nodes, KeepGoing: !must, Steps: []actions.Step{{
		Kind: KindReady, Key: "node/{{node}}", Args: actions.Encode(a), Say: "look whether {{node}} can be reached, and what is in the way there",
	}}}
	put = actions.Group{Nodes: nodes, KeepGoing: !must, Steps: []actions.Step{{
		Kind: KindPut, Key: "node/{{node}}", Args: actions.Encode(a), Say: "bring {{node}} to it, and read it back there",
	}}}
	return ready, put
}

// planCreate plans segment.create.
func (s *Segments) planCreate(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	a := Args{Segment: r.One("segment"), Region: s.opt.Region, By: r.Actor.String(), Gateway: r.Has("gateway")}
	if err := overlay.CheckName("segment", a.Segment); err != nil {
		return actions.Plan{}, err
	}
	if _, ok := s.opt.File(a.Segment); ok {
		return actions.Plan{}, fmt.Errorf("segment %s is in the configuration file, which makes it by itself", a.Segment)
	}
	if have, ok := s.opt.Store.Find(a.Segment); ok {
		return actions.Plan{}, fmt.Errorf("there is a segment %s already: VNI %d of tenant %s, made by %s", have.Name, have.VNI, have.Tenant, have.By)
	}
	var err error
	if a.Tenant, err = s.tenant(r.One("tenant")); err != nil {
		return actions.Plan{}, err
	}
	if text := r.One("vni"); text != "" {
		if a.VNI, err = overlay.ParseVNI(text); err != nil {
			return actions.Plan{}, err
		}
		if err := s.opt.Allocator.Check(ctx, overlay.Owner{Tenant: a.Tenant, Region: a.Region}, a.VNI); err != nil {
			return actions.Plan{}, err
		}
	}
	nodes, err := nodesOf(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	return s.create(ctx, r, a, nodes)
}

// create is the plan of a new segment.
func (s *Segments) create(ctx context.Context, r actions.Request, a Args, nodes []actions.Node) (actions.Plan, error) {
	var err error
	if a.Places, err = s.places(ctx, nodes); err != nil {
		return actions.Plan{}, err
	}
	next := Record{Segment: overlay.Segment{Name: a.Segment, Tenant: a.Tenant, VNI: a.VNI, V4: a.V4}, File: a.File}
	next.V6 = overlay.SegmentV6(s.opt.Store.site, a.VNI)
	if err := seatAll(&next, a.Places, "plan"); err != nil {
		return actions.Plan{}, err
	}
	mtu, err := mtuOf(next.Seats)
	if err != nil {
		return actions.Plan{}, err
	}
	if err := s.conflicts(ctx, next, names(a.Places)); err != nil {
		return actions.Plan{}, err
	}
	vni, net := "a free VNI", "a free IPv4 prefix"
	if a.VNI != 0 {
		vni = fmt.Sprintf("VNI %d", a.VNI)
	}
	if a.V4.IsValid() {
		net = a.V4.String()
	}
	p := actions.Plan{Request: r, Risk: actions.Reversible, Say: fmt.Sprintf("create segment %s of tenant %s with %s", a.Segment, a.Tenant, vni)}
	made := actions.Group{Steps: []actions.Step{
		step(KindName, a, "make the name "+a.Segment+" of tenant "+a.Tenant), step(KindVNI, a, "take "+vni), step(KindNet, a, "take "+net),
	}}
	fill := step(KindFill, a, fmt.Sprintf("keep segment %s with MTU %d%s", a.Segment, mtu, with(a.Places)))
	if len(nodes) == 0 {
		made.Steps = append(made.Steps, fill)
		p.Groups = []actions.Group{made}
		p.Notes = append(p.Notes, "no node is in it yet: attach <node> to "+a.Segment)
		return p, nil
	}
	p.Say += " on " + sum(names(a.Places))
	p.Notes = append(p.Notes, hosts(a.Places)...)
	ready, put := nodeSteps(a, true, names(a.Places))
	p.Groups = []actions.Group{made, ready, {Steps: []actions.Step{fill}}, put}
	return p, nil
}

// tenant is the tenant of a new segment.
func (s *Segments) tenant(said string) (string, error) {
	known := s.opt.Tenants()
	switch {
	case said != "" && len(known) > 0 && !slices.Contains(known, said):
		return "", fmt.Errorf("%w: no tenant is called %q; known: %s", actions.ErrUnknown, said, strings.Join(known, ", "))
	case said != "":
		return said, overlay.CheckName("tenant", said)
	case len(known) == 1:
		return known[0], nil
	case len(known) > 1:
		return "", fmt.Errorf("for which tenant? known: %s", strings.Join(known, ", "))
	}
	return "default", nil
}

// places asks the agents of nodes that are to come in.
func (s *Segments) places(ctx context.Context, nodes []actions.Node) ([]Place, error) {
	var out []Place
	for _, n := range nodes {
		if err := overlay.CheckName("node", n.Name); err != nil {
			return nil, fmt.Errorf("%w: such a node cannot hold segments", err)
		}
		if s.opt.Draining(n.Name) {
			return nil, fmt.Errorf("%s is being drained and takes nothing new: undrain %s first", n.Name, n.Name)
		}
		l, err := s.look(ctx, n.Name)
		if err != nil {
			return nil, err
		}
		if err := cmp.Or(l.ready(n.Name), s.room(n.Name, l)); err != nil {
			return nil, err
		}
		p := Place{Node: n.Name, VTEP: l.VTEP, Underlay: l.Underlay}
		if l.HostOnly {
			p.HostOnly = l.Plane
		}
		out = append(out, p)
	}
	return out, nil
}

// ready says why a node can take no segment now, or nil.
func (l Look) ready(node string) error {
	switch {
	case !l.Connected:
		return fmt.Errorf("the agent of %s is not connected: start it there, then say it again", node)
	case !l.VTEP.IsValid() || l.VTEP.IsUnspecified() || l.VTEP.IsMulticast() || l.VTEP.IsLoopback():
		return fmt.Errorf("%s has no address for tunnels (%s): give it one in the inventory that it bears", node, l.VTEP)
	case l.Homeless:
		return fmt.Errorf("%s does not bear %s, which the inventory gives as its address: correct one of them", node, l.VTEP)
	}
	return nil
}

// planAttach plans segment.attach.
func (s *Segments) planAttach(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	have, a, err := s.changeable(r)
	if err != nil {
		return actions.Plan{}, err
	}
	nodes, err := nodesOf(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	p := actions.Plan{Request: r, Risk: actions.Disruptive}
	fresh := slices.DeleteFunc(slices.Clone(nodes), func(n actions.Node) bool { return have.seat(Place{Node: n.Name}.key()) >= 0 })
	for _, n := range nodes {
		if !slices.ContainsFunc(fresh, func(f actions.Node) bool { return f.Name == n.Name }) {
			p.Notes = append(p.Notes, n.Name+" is in "+have.Name+" already")
		}
	}
	if len(fresh) == 0 {
		return p, fmt.Errorf("nothing to do: %s", cmp.Or(strings.Join(p.Notes, "; "), "which node?"))
	}
	if a.Places, err = s.places(ctx, fresh); err != nil {
		return actions.Plan{}, err
	}
	groups, notes, err := s.Join(ctx, a, have)
	if err != nil {
		return actions.Plan{}, err
	}
	p.Say, p.Groups, p.Notes = fmt.Sprintf("attach %s to segment %s (VNI %d)", sum(names(a.Places)), have.Name, have.VNI), groups, append(p.Notes, notes...)
	return p, nil
}

// Join returns the groups of steps that bring places into a segment that is there, and what a person must know before. It checks for conflicts
// first. Other rooms use it for endpoints, such as containers.
func (s *Segments) Join(ctx context.Context, a Args, have Record) ([]actions.Group, []string, error) {
	next := have.clone()
	if err := cmp.Or(s.bear(ctx, a.Places), seatAll(&next, a.Places, "plan")); err != nil {
		return nil, nil, err
	}
	if err := s.conflicts(ctx, next, names(a.Places)); err != nil {
		return nil, nil, err
	}
	if n := len(next.Nodes()); n > overlay.MaxFlood {
		return nil, nil, fmt.Errorf("segment %s would have %d nodes, at most %d: make another one", have.Name, n, overlay.MaxFlood)
	}
	if err := next.settle(); err != nil {
		return nil, nil, err
	}
	notes := hosts(a.Places)
	if next.MTU != have.MTU {
		notes = append(notes, fmt.Sprintf("the MTU of %s changes from %d to %d on all of its nodes", have.Name, have.MTU, next.MTU))
	}
	a.Segment, a.Tenant, a.VNI = have.Name, have.Tenant, have.VNI
	ready, _ := nodeSteps(a, true, names(a.Places))
	settle, _ := nodeSteps(a, false, others(next.Nodes(), names(a.Places)))
	_, put := nodeSteps(a, true, names(a.Places))
	_, rest := nodeSteps(a, false, others(next.Nodes(), names(a.Places)))
	join := actions.Group{Steps: []actions.Step{step(KindJoin, a, fmt.Sprintf("keep that %s %s in %s", sum(names(a.Places)), are(len(names(a.Places))), have.Name))}}
	return groups(ready, settle, join, rest, put), notes, nil // the others let the new one in before it sends
}

// changeable finds the segment of a request that a person may change.
func (s *Segments) changeable(r actions.Request) (Record, Args, error) {
	have, err := s.find(r.One("segment"))
	if err != nil {
		return have, Args{}, err
	}
	if _, ok := s.opt.File(have.Name); ok && r.Intent != "segment.detach" {
		return have, Args{}, fmt.Errorf("segment %s is in the configuration file, which alone decides about it: change it there and reload", have.Name)
	}
	a := Args{Segment: have.Name, Tenant: have.Tenant, Region: have.Region, VNI: have.VNI, V4: have.V4, By: r.Actor.String()}
	if have.VNI == 0 && r.Intent != "segment.delete" {
		return have, a, fmt.Errorf("segment %s is just being made", have.Name)
	}
	return have, a, nil
}

// unreachable are the notes about nodes that will hear of it later.
func (s *Segments) unreachable(ctx context.Context, nodes []string) (notes []string) {
	for _, n := range nodes {
		l, err := s.look(ctx, n)
		if err != nil || !l.Connected {
			notes = append(notes, n+" cannot be reached: it lets go when its agent is back")
		}
	}
	return notes
}

// groups leaves out those that would do nothing: nodes without any.
func groups(all ...actions.Group) []actions.Group {
	return slices.DeleteFunc(all, func(g actions.Group) bool {
		return len(g.Nodes) == 0 && len(g.Steps) > 0 && strings.Contains(g.Steps[0].Key, "{{node}}")
	})
}

func names(places []Place) []string {
	var out []string
	for _, p := range places {
		if !slices.Contains(out, p.Node) {
			out = append(out, p.Node)
		}
	}
	return out
}

// others are the nodes of all that are not among some.
func others(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(some, n) })
}

// list names up to eight; of more it names the first six and says how many there are in all.
func sum(all []string) string {
	if len(all) <= 8 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more (%d nodes)", strings.Join(all[:6], ", "), len(all)-6, len(all))
}

func with(places []Place) string {
	if len(places) == 0 {
		return ", and nobody in it"
	}
	return " and " + sum(names(places)) + " in it"
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
