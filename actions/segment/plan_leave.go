package segment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/overlay"
)

// planDetach plans segment.detach.
func (s *Segments) planDetach(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	have, a, err := s.changeable(r)
	if err != nil {
		return actions.Plan{}, err
	}
	nodes, err := nodesOf(ctx, r, w)
	if err != nil {
		return actions.Plan{}, err
	}
	p := actions.Plan{Request: r, Risk: actions.Disruptive}
	var going []string
	filed, _ := s.opt.File(have.Name)
	for _, n := range nodes {
		if slices.Contains(filed.Nodes, n.Name) {
			return p, fmt.Errorf("the configuration file says that %s is in segment %s, and it alone decides about that: change it there and reload", n.Name, have.Name)
		}
		if slices.Contains(have.Nodes(), n.Name) {
			going = append(going, n.Name)
		} else {
			p.Notes = append(p.Notes, n.Name+" is not in "+have.Name)
		}
	}
	if len(going) == 0 {
		return p, fmt.Errorf("nothing to do: %s", cmp.Or(strings.Join(p.Notes, "; "), "which node?"))
	}
	for _, seat := range have.Seats {
		if slices.Contains(going, seat.Node) {
			a.Seats = append(a.Seats, seat)
			if seat.Endpoint != "" {
				p.Notes = append(p.Notes, "endpoint "+seat.Endpoint+" on "+seat.Node+" goes with it")
			}
		}
	}
	p.Say = fmt.Sprintf("detach %s from segment %s (VNI %d)", sum(going), have.Name, have.VNI)
	p.Groups = s.leaving(a, have, going)
	p.Notes = append(p.Notes, s.unreachable(ctx, going)...)
	return p, nil
}

// leaving are the groups that take members out: the others forget them before their own nodes do, so that nothing is sent into the void.
func (s *Segments) leaving(a Args, have Record, going []string) []actions.Group {
	ready, put := nodeSteps(a, false, have.Nodes())
	leave := actions.Group{Steps: []actions.Step{step(KindLeave, a, fmt.Sprintf("keep that %s %s no longer in %s", sum(going), are(len(going)), have.Name))}}
	first, last := put, put
	first.Nodes, last.Nodes = others(have.Nodes(), going), going
	return groups(ready, leave, first, last)
}

// planDelete plans segment.delete. A VNI that belongs to no segment, and that nodes hold all the same, can be deleted by its number: that is the yes
// for which its removal waits there.
func (s *Segments) planDelete(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	if v, err := overlay.ParseVNI(r.One("segment")); err == nil {
		if _, known := s.opt.Store.Find(r.One("segment")); !known && len(s.opt.Strays(v)) > 0 {
			return s.removeStray(ctx, r, v, s.opt.Strays(v)), nil
		}
	}
	have, a, err := s.changeable(r)
	if err != nil {
		return actions.Plan{}, err
	}
	return s.remove(ctx, r, a, have), nil
}

// removeStray is the plan to let a VNI go that nodes hold and no segment has.
func (s *Segments) removeStray(ctx context.Context, r actions.Request, v overlay.VNI, nodes []string) actions.Plan {
	a := Args{Segment: fmt.Sprint(v), VNI: v, By: r.Actor.String(), Was: &Record{Schema: schema, Segment: overlay.Segment{VNI: v}, Left: nodes}}
	note := step(KindGone, a, fmt.Sprintf("note that VNI %d goes from %s on purpose", v, sum(nodes)))
	note.NoUndo = fmt.Sprintf("nobody knows what VNI %d was, so it cannot be made again", v)
	_, put := nodeSteps(a, false, nodes)
	return actions.Plan{
		Request: r, Risk: actions.Destructive, Say: fmt.Sprintf("delete VNI %d, which belongs to no segment, from %s with all its traffic", v, sum(nodes)),
		Groups: []actions.Group{{Steps: []actions.Step{note}}, put}, Notes: s.unreachable(ctx, nodes),
	}
}

// remove is the plan of a segment that goes.
func (s *Segments) remove(ctx context.Context, r actions.Request, a Args, have Record) actions.Plan {
	a.Seats = have.Seats
	p := actions.Plan{Request: r, Risk: actions.Destructive, Say: fmt.Sprintf("delete segment %s: VNI %d of tenant %s", have.Name, have.VNI, have.Tenant)}
	if nodes := have.Nodes(); len(nodes) > 0 {
		p.Say += ", with all traffic on " + sum(nodes)
		p.Groups = s.leaving(a, have, nodes)
		p.Notes = s.unreachable(ctx, nodes)
	}
	a.Seats, a.Was = nil, &have
	end := actions.Group{}
	if have.VNI != 0 {
		end.Steps = append(end.Steps, step(KindGone, a, fmt.Sprintf("note that VNI %d was deleted on purpose", have.VNI)))
	}
	end.Steps = append(end.Steps, step(KindDrop, a, "delete the name "+have.Name))
	if have.V4.IsValid() {
		end.Steps = append(end.Steps, step(KindNetRelease, a, "give "+have.V4.String()+" back"))
	}
	if have.VNI != 0 {
		end.Steps = append(end.Steps, step(KindRelease, a, fmt.Sprintf("give VNI %d back; it rests for %s", have.VNI, s.opt.Allocator.opt.Quarantine)))
	}
	p.Groups = append(p.Groups, end)
	return p
}
