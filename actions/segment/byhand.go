package segment

import (
	"context"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/overlay"
)

// ByHand implements [run.Handbook]: the commands for every node that comes in. The VNI is the one that was asked for, or the least that a person
// may take.
func (x filler) ByHand(ctx context.Context, c run.Call) ([]string, error) {
	a, err := argsOf(c)
	if err != nil {
		return nil, err
	}
	r := Record{Segment: overlay.Segment{Name: a.Segment, Tenant: a.Tenant, VNI: a.VNI, V4: a.V4}, File: a.File}
	var lines []string
	if r.VNI == 0 {
		r.VNI = overlay.FirstVNI
		lines = append(lines, fmt.Sprintf("# VNI %d stands for one that no segment has", r.VNI))
	}
	r.V6 = overlay.SegmentV6(x.s.opt.Store.site, r.VNI)
	if !r.V4.IsValid() {
		pool, size := x.s.opt.Prefixes.bounds()
		r.V4 = x.s.opt.Prefixes.at(int(r.VNI) % (1 << (size - pool.Bits())))
	}
	next := r.clone()
	if err := seatAll(&next, a.Places, "by hand"); err != nil {
		return nil, err
	}
	more, err := x.s.hand(ctx, r, next)
	return append(lines, more...), err
}

// ByHand implements [run.Handbook].
func (x joiner) ByHand(ctx context.Context, c run.Call) ([]string, error) {
	a, err := argsOf(c)
	if err != nil {
		return nil, err
	}
	have, err := x.s.find(a.Segment)
	if err != nil {
		return nil, err
	}
	next := have.clone()
	if err := seatAll(&next, a.Places, "by hand"); err != nil {
		return nil, err
	}
	return x.s.hand(ctx, have, next)
}

// ByHand implements [run.Handbook].
func (x leaver) ByHand(ctx context.Context, c run.Call) ([]string, error) {
	a, err := argsOf(c)
	if err != nil {
		return nil, err
	}
	have, err := x.s.find(a.Segment)
	if err != nil {
		return nil, err
	}
	next := have.clone()
	next.Seats = slices.DeleteFunc(next.Seats, func(s Seat) bool {
		return slices.ContainsFunc(a.Seats, func(o Seat) bool { return o.Key() == s.Key() })
	})
	return x.s.hand(ctx, have, next)
}

// ByHand implements [run.Handbook].
func (x mover) ByHand(ctx context.Context, c run.Call) ([]string, error) {
	a, was, to, err := moveArgs(c)
	if err != nil {
		return nil, err
	}
	have, err := x.s.find(a.Segment)
	if err != nil {
		return nil, err
	}
	next := have.clone()
	if i := next.seat(was.Key()); i >= 0 {
		move(&next.Seats[i], to, 1)
	}
	return x.s.hand(ctx, have, next)
}

// hand is the commands on every node that lead from one state of a segment to another. Where an agent carries segments by itself there are none.
func (s *Segments) hand(ctx context.Context, have, next Record) ([]string, error) {
	if err := next.settle(); err != nil {
		return nil, err
	}
	nodes := slices.Compact(slices.Sorted(slices.Values(append(have.Nodes(), next.Nodes()...))))
	var lines []string
	for _, node := range nodes {
		changes := overlay.Diff(bodyOf(next, node), overlay.Observed{Node: node, Objects: bodyOf(have, node).Objects()})
		if changes.Empty() {
			continue
		}
		if l, err := s.look(ctx, node); err == nil && l.HostOnly { // an agent that is not known of changes nothing about the commands
			lines = append(lines, "# on "+node+": no command does it, since its agent carries segments by itself ("+l.Plane+"): keep that running, or start it again")
			continue
		}
		lines = append(lines, "# on "+node+":")
		for _, c := range changes.List {
			lines = append(lines, commands(c)...)
		}
	}
	return lines, nil
}

// bodyOf is one segment as the whole of what a node holds.
func bodyOf(r Record, node string) overlay.Desired {
	d := overlay.Desired{Node: node}
	for _, s := range r.Seats {
		if s.Node == node {
			d.VTEP = s.VTEP
		}
	}
	if d.VTEP.IsValid() {
		d.Segments = []overlay.NodeSegment{nodeSegment(r, node)}
	}
	return d
}

// commands are what a person types for one change.
func commands(c overlay.Change) []string {
	o, dev := c.Object, c.Object.Device()
	if c.Op == overlay.Remove {
		return undoing(o, dev)
	}
	vx, br := overlay.TunnelName(o.VNI), overlay.BridgeName(o.VNI)
	switch o.Kind {
	case overlay.Bridge:
		return []string{fmt.Sprintf("ip link add %s address %s mtu %d type bridge", br, o.MAC, o.MTU), "sysctl -qw net.ipv6.conf." + br + ".addr_gen_mode=1", "ip link set " + br + " up"}
	case overlay.Tunnel:
		add := fmt.Sprintf("ip link add %s address %s mtu %d type vxlan id %d local %s dstport %d nolearning", vx, o.MAC, o.MTU, o.VNI, o.VTEP, o.Port)
		if o.Bare {
			return []string{add, "ip link set " + vx + " up"}
		}
		return []string{
			add,
			fmt.Sprintf("ip link set %s master %s up", vx, br), "bridge link set dev " + vx + " learning off neigh_suppress on",
		}
	case overlay.Port:
		inside := fmt.Sprintf("vni%d", o.VNI)
		return []string{
			fmt.Sprintf("ip link add %s mtu %d master %s type veth peer name %s mtu %d address %s netns %s", dev, o.MTU, br, inside, o.MTU, o.MAC, o.Endpoint),
			"ip link set " + dev + " up", fmt.Sprintf("ip -n %s link set %s up", o.Endpoint, inside),
		}
	case overlay.Address:
		return []string{fmt.Sprintf("ip address add %s dev %s", o.IP, dev)}
	case overlay.EndpointAddress:
		return []string{fmt.Sprintf("ip -n %s address add %s dev vni%d", o.Endpoint, o.IP, o.VNI)}
	case overlay.TunnelMAC:
		return []string{fmt.Sprintf("bridge fdb replace %s dev %s dst %s self permanent", o.MAC, vx, o.VTEP)}
	case overlay.BridgeMAC:
		return []string{fmt.Sprintf("bridge fdb replace %s dev %s master static", o.MAC, dev)}
	case overlay.Neighbour:
		return []string{fmt.Sprintf("ip neighbour replace %s lladdr %s dev %s nud permanent", o.IP.Addr(), o.MAC, dev)}
	case overlay.Flood:
		return []string{fmt.Sprintf("bridge fdb append 00:00:00:00:00:00 dev %s dst %s self permanent", vx, o.VTEP)}
	}
	return []string{"# " + c.String()}
}

// undoing are the commands that remove an object.
func undoing(o overlay.Object, dev string) []string {
	vx := overlay.TunnelName(o.VNI)
	switch o.Kind {
	case overlay.Bridge, overlay.Tunnel, overlay.Port:
		return []string{"ip link delete " + dev}
	case overlay.Address:
		return []string{fmt.Sprintf("ip address delete %s dev %s", o.IP, dev)}
	case overlay.EndpointAddress:
		return []string{fmt.Sprintf("ip -n %s address delete %s dev vni%d", o.Endpoint, o.IP, o.VNI)}
	case overlay.TunnelMAC:
		return []string{fmt.Sprintf("bridge fdb delete %s dev %s dst %s self", o.MAC, vx, o.VTEP)}
	case overlay.BridgeMAC:
		return []string{fmt.Sprintf("bridge fdb delete %s dev %s master", o.MAC, dev)}
	case overlay.Neighbour:
		return []string{fmt.Sprintf("ip neighbour delete %s dev %s", o.IP.Addr(), dev)}
	case overlay.Flood:
		return []string{fmt.Sprintf("bridge fdb delete 00:00:00:00:00:00 dev %s dst %s self", vx, o.VTEP)}
	}
	return nil
}
