package segment

import (
	"context"
	"net/netip"
	"slices"

	"github.com/shitops/opsbot/overlay"
)

// conflicts returns an error that tells everything which stands against a segment as it would be on some nodes. It looks at those nodes, at what
// else they hold, and at the tenant's other segments where the prefix was chosen by a person; nothing else can be in the way.
func (s *Segments) conflicts(ctx context.Context, next Record, on []string) error {
	x := overlay.NewIndex()
	var found []overlay.Conflict
	noted := map[string]bool{next.Name: true}
	note := func(r Record) {
		if !noted[r.Name] && r.VNI != 0 {
			noted[r.Name] = true
			x.AddSegment(r.Segment) // it was checked when it was made
		}
	}
	for _, node := range on {
		l, err := s.look(ctx, node)
		if err != nil {
			return err
		}
		in, _ := s.opt.Store.On(node)
		for _, r := range in {
			note(r)
		}
		found = append(found, s.sameVTEP(node, l.VTEP, next)...)
		found = append(found, x.AddNode(overlay.NodeView{Node: node, VTEP: l.VTEP, Port: l.Port, Foreign: l.Foreign})...)
		for _, r := range in {
			if i := r.seat(overlay.Member{Node: node}.Key()); i >= 0 && r.Name != next.Name && r.VNI != 0 {
				x.AddMember(r.Seats[i].Member)
			}
		}
	}
	if r, ok := s.opt.Store.holder(next.VNI); ok {
		note(r)
	}
	for _, r := range s.opt.Store.overlapping(next) {
		note(r)
	}
	found = append(found, x.AddSegment(next.Segment)...)
	if next.VNI != 0 && len(found) == 0 {
		for _, seat := range next.Seats {
			if slices.Contains(on, seat.Node) && !seat.MAC.IsZero() {
				seat.Segment = next.Name
				found = append(found, x.AddMember(seat.Member)...)
			}
		}
	}
	return conflictError(found)
}

// sameVTEP finds other nodes of the segments that this node is in, or is to be in, with the same address for tunnels, and addresses of the other
// family, between which no tunnel can be.
func (s *Segments) sameVTEP(node string, vtep netip.Addr, next Record) (found []overlay.Conflict) {
	in, _ := s.opt.Store.On(node)
	told := map[string]bool{}
	for _, r := range append(in, next) {
		for _, seat := range r.Seats {
			if seat.Node == node || told[seat.Node] || !seat.VTEP.IsValid() {
				continue
			}
			c := overlay.Conflict{Kind: overlay.ConflictVTEP, Node: node, What: "node " + node + " has VTEP " + vtep.String()}
			switch {
			case seat.VTEP == vtep:
				c.With, c.Fix = "node "+seat.Node+" has it too", "give one of them another address"
			case r.Name == next.Name && seat.VTEP.Is4() != vtep.Is4():
				c.With, c.Fix = "node "+seat.Node+" has "+seat.VTEP.String()+", of the other family", "give both addresses of one family"
			default:
				continue
			}
			told[seat.Node] = true
			found = append(found, c)
		}
	}
	return found
}

// holder returns the segment that has a VNI.
func (s *Store) holder(v overlay.VNI) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.view.records[s.view.byVNI[v]]
	return r, ok && v != 0
}

// overlapping returns the other segments of the tenant whose IPv4 prefix overlaps. What the pool gives overlaps nothing.
func (s *Store) overlapping(next Record) (out []Record) {
	if !next.V4.IsValid() || !next.File {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name := range s.view.byTenant[next.Tenant] {
		if r := s.view.records[name]; r.V4.IsValid() && r.V4.Overlaps(next.V4) {
			out = append(out, r)
		}
	}
	return out
}

// odd returns the prefixes of a tenant that were asked for by name, which the pool does not know.
func (s *Store) odd(tenant string) (out []netip.Prefix) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name := range s.view.byTenant[tenant] {
		if r := s.view.records[name]; r.File && r.V4.IsValid() {
			out = append(out, r.V4)
		}
	}
	return out
}
