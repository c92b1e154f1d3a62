package segment

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/shitops/opsbot/overlay"
)

// Desired is all that a node must hold, composed from the segments that it is in. Its incarnation and generation are left to whoever sends it.
func (s *Segments) Desired(ctx context.Context, node string) (overlay.Desired, error) {
	in, left := s.opt.Store.On(node)
	return s.compose(ctx, node, in, left)
}

// compose makes the desired state of a node from the records given.
func (s *Segments) compose(ctx context.Context, node string, in []Record, left []overlay.VNI) (overlay.Desired, error) {
	d := overlay.Desired{Node: node, Guard: true} // the node leaves it off where it cannot be, or would cut others off
	look, err := s.look(ctx, node)
	if err != nil && len(in) > 0 {
		return d, err
	}
	d.VTEP, d.Port = look.VTEP, look.Port
	if !d.VTEP.IsValid() { // the records know it, too
		for _, r := range in {
			for _, m := range r.Seats {
				if m.Node == node {
					d.VTEP = m.VTEP
				}
			}
		}
	}
	held := make(map[overlay.VNI]bool, len(in))
	for _, r := range in {
		if r.VNI != 0 {
			d.Segments, held[r.VNI] = append(d.Segments, nodeSegment(r, node)), true
		}
	}
	for _, v := range left {
		if !held[v] {
			d.Gone = append(d.Gone, v)
		}
	}
	if err := d.Check(); err != nil {
		return d, fmt.Errorf("what %s is to hold contradicts itself: %w", node, err)
	}
	return d, nil
}

// nodeSegment is a segment as one of its nodes must hold it.
func nodeSegment(r Record, node string) overlay.NodeSegment {
	n := overlay.NodeSegment{
		Name: r.Name, Tenant: r.Tenant, VNI: r.VNI, MTU: r.MTU, V4: r.V4, V6: r.V6, Gateway: r.Gateway, Generation: r.Generation,
	}
	for _, seat := range r.Seats {
		m := seat.Member
		m.Segment = r.Name
		if m.Node == node {
			n.Local = append(n.Local, m)
			continue
		}
		n.Remote = append(n.Remote, m)
		n.Remotes = append(n.Remotes, m.VTEP)
	}
	slices.SortFunc(n.Remotes, netip.Addr.Compare)
	n.Remotes = slices.Compact(n.Remotes)
	n.Local, n.Remote = overlay.Members(n.Local), overlay.Members(n.Remote)
	return n
}

// look asks the fleet about a node.
func (s *Segments) look(ctx context.Context, node string) (Look, error) {
	if s.opt.Fleet == nil {
		return Look{}, fmt.Errorf("%s: %w", node, ErrNoAgent)
	}
	l, err := s.opt.Fleet.Look(ctx, node)
	if err != nil {
		return l, fmt.Errorf("look at %s: %w", node, err)
	}
	return l, nil
}
