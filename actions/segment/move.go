package segment

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/overlay"
)

// Move returns the groups of steps that move an endpoint of a segment to another node, with its addresses, and what a person must know before.
// It is the base of a failover. The order is that of facts: the old node lets go (it may be dead, and hears of it when it is back), the new node
// takes it and announces it, and the others send there. Whoever puts the endpoint's own network there does so before these groups.
func (s *Segments) Move(ctx context.Context, w actions.World, by, name, endpoint, to string) ([]actions.Group, []string, error) {
	have, err := s.find(name)
	if err != nil {
		return nil, nil, err
	}
	i := have.seat(overlay.Member{Endpoint: endpoint}.Key())
	if i < 0 || endpoint == "" {
		return nil, nil, fmt.Errorf("%w: segment %s has no endpoint called %q", actions.ErrUnknown, have.Name, endpoint)
	}
	seat := have.Seats[i]
	if seat.Node == to {
		return nil, nil, fmt.Errorf("endpoint %s is on %s already", endpoint, to)
	}
	node, err := w.Node(ctx, to)
	if err != nil {
		return nil, nil, err
	}
	places, err := s.places(ctx, []actions.Node{node})
	if err != nil {
		return nil, nil, err
	}
	places[0].Endpoint = endpoint
	next := have.clone()
	move(&next.Seats[i], places[0], 1)
	if err := cmp.Or(s.bear(ctx, places), next.settle()); err != nil {
		return nil, nil, err
	}
	if err := s.conflicts(ctx, next, []string{to}); err != nil {
		return nil, nil, err
	}
	a := Args{Segment: have.Name, Tenant: have.Tenant, VNI: have.VNI, By: by, Places: places, Seats: []Seat{seat}}
	rest := others(others(slices.Compact(slices.Sorted(slices.Values(append(have.Nodes(), to)))), []string{to}), []string{seat.Node})
	old := []string{seat.Node}
	readyTo, putTo := nodeSteps(a, true, []string{to})
	readyOld, putOld := nodeSteps(a, false, old)
	readyRest, putRest := nodeSteps(a, false, rest)
	var notes []string
	if notes = s.unreachable(ctx, old); len(notes) == 0 {
		notes = []string{"traffic to " + endpoint + " pauses until every node has heard of it"}
	}
	say := fmt.Sprintf("keep that %s is on %s, no longer on %s", endpoint, to, seat.Node)
	return groups(readyRest, readyOld, readyTo, actions.Group{Steps: []actions.Step{step(KindMove, a, say)}}, putOld, putTo, putRest), notes, nil
}

// move puts a member on another node. Its sequence tells everybody that this is newer than what was said before.
func move(seat *Seat, to Place, steps uint32) {
	seat.Node, seat.VTEP, seat.Underlay = to.Node, to.VTEP, to.Underlay
	seat.Sequence += steps
}

// mover does segment.move.
type mover struct{ s *Segments }

func moveArgs(c run.Call) (a Args, was Seat, to Place, err error) {
	if a, err = argsOf(c); err != nil {
		return
	}
	if len(a.Seats) != 1 || len(a.Places) != 1 {
		return a, was, to, fmt.Errorf("arguments of %s: want one member and one place", KindMove)
	}
	return a, a.Seats[0], a.Places[0], nil
}

// Do implements [run.Executor].
func (x mover) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, was, to, err := moveArgs(c)
	if err != nil {
		return run.Result{}, err
	}
	_, err = x.s.opt.Store.edit(ctx, a.Segment, func(r *Record) (bool, error) {
		i := r.seat(was.Key())
		switch {
		case i < 0:
			return false, fmt.Errorf("segment %s has no %s any more", r.Name, was.Key())
		case r.Seats[i].Node == to.Node && r.Seats[i].Sequence == was.Sequence+1:
			return false, nil // done before
		case r.Seats[i].Node != was.Node || r.Seats[i].Sequence != was.Sequence:
			return false, fmt.Errorf("%s in segment %s was moved to %s since this was planned: plan it again", was.Key(), r.Name, r.Seats[i].Node)
		}
		move(&r.Seats[i], to, 1)
		r.Left = append(r.Left, was.Node)
		return true, nil
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: fmt.Sprintf("%s is on %s now, with %s", was.Endpoint, to.Node, addresses(was.Member))}, nil
}

// Undo implements [run.Undoer]. Moving back is one more move.
func (x mover) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	a, was, to, err := moveArgs(c)
	if err != nil {
		return run.Result{}, err
	}
	back := false
	_, err = x.s.opt.Store.edit(ctx, a.Segment, func(r *Record) (bool, error) {
		i := r.seat(was.Key())
		if i < 0 || r.Seats[i].Node == was.Node {
			return false, nil
		}
		if r.Seats[i].Node != to.Node || r.Seats[i].Sequence != was.Sequence+1 {
			return false, fmt.Errorf("%s in segment %s was moved to %s since: it stays there", was.Key(), r.Name, r.Seats[i].Node)
		}
		move(&r.Seats[i], Place{Node: was.Node, VTEP: was.VTEP, Underlay: was.Underlay}, 1)
		r.Left, back = append(r.Left, to.Node), true
		return true, nil
	})
	if err != nil {
		return run.Result{}, err
	}
	if !back {
		return run.Result{Say: was.Endpoint + " is on " + was.Node}, nil
	}
	return run.Result{Say: was.Endpoint + " is on " + was.Node + " again"}, nil
}
