package segment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/overlay"
)

// filler does segment.fill.
type filler struct{ s *Segments }

// Do implements [run.Executor].
func (x filler) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	got, mark := before(c), markOf(c)
	x.s.underlays(ctx, a.Places)
	if got.VNI == 0 {
		return run.Result{}, errors.New("the VNI is not known: the steps before this one left none")
	}
	r, err := x.s.opt.Store.edit(ctx, a.Segment, func(r *Record) (bool, error) {
		return x.fill(ctx, r, a, got, mark)
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: about(r)}, nil
}

// fill writes what was taken into r.
func (x filler) fill(ctx context.Context, r *Record, a Args, got taken, mark string) (bool, error) {
	if r.VNI != 0 && r.VNI != got.VNI {
		return false, fmt.Errorf("segment %s has VNI %d by now", r.Name, r.VNI)
	}
	if r.VNI == got.VNI {
		return false, nil // done before
	}
	r.VNI, r.V4, r.V6 = got.VNI, got.V4, overlay.SegmentV6(x.s.opt.Store.site, got.VNI)
	if a.V4.IsValid() {
		r.V4 = a.V4
	}
	if err := seatAll(r, a.Places, mark); err != nil {
		return false, err
	}
	if err := r.settle(); err != nil {
		return false, err
	}
	if err := r.Check(); err != nil {
		return false, err
	}
	return true, x.s.conflicts(ctx, *r, names(a.Places))
}

// Undo implements [run.Undoer]. Its members leave; whoever came in since stops it.
func (x filler) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	return x.s.unseat(ctx, a.Segment, markOf(c), true)
}

// unseat takes out the members that a step put in. With all, others must not be in.
func (s *Segments) unseat(ctx context.Context, name, mark string, all bool) (run.Result, error) {
	var out []string
	_, err := s.opt.Store.edit(ctx, name, func(r *Record) (bool, error) {
		out = nil
		var stay []Seat
		for _, seat := range r.Seats {
			if seat.Mark != mark {
				stay = append(stay, seat)
				continue
			}
			r.Left, out = append(r.Left, seat.Node), append(out, seat.Node)
		}
		if all && len(stay) > 0 {
			return false, fmt.Errorf("others are in segment %s since: %s; detach them first", name, sum(Record{Seats: stay}.Nodes()))
		}
		r.Seats = stay
		return len(out) > 0, nil
	})
	if err != nil {
		return run.Result{}, err
	}
	if len(out) == 0 {
		return run.Result{Say: "nobody was put into " + name}, nil
	}
	return run.Result{Say: sum(out) + " no longer in " + name}, nil
}

// seatAll gives every place its addresses. Who sits there by the same step stays.
func seatAll(r *Record, places []Place, mark string) error {
	plan, err := overlay.NewAddressPlan(r.Segment, r.Members())
	if err != nil {
		return err
	}
	for _, p := range places {
		if i := r.seat(p.key()); i >= 0 {
			if r.Seats[i].Mark == mark {
				continue
			}
			return fmt.Errorf("%s is in segment %s already", p.key(), r.Name)
		}
		m, err := plan.Take(p.Node, p.Endpoint, p.VTEP)
		if err != nil {
			return err
		}
		r.Seats = append(r.Seats, Seat{Member: m, Underlay: p.Underlay, Mark: mark})
	}
	return nil
}

// underlays asks again what lies under the places: nodes that had no segment before have told it only just now.
func (s *Segments) underlays(ctx context.Context, places []Place) {
	for i, p := range places {
		if l, err := s.look(ctx, p.Node); err == nil && l.Underlay > 0 {
			places[i].Underlay = l.Underlay
		}
	}
}

// joiner does segment.join.
type joiner struct{ s *Segments }

// Do implements [run.Executor].
func (x joiner) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	x.s.underlays(ctx, a.Places)
	r, err := x.s.opt.Store.edit(ctx, a.Segment, func(r *Record) (bool, error) {
		if r.VNI != a.VNI {
			return false, fmt.Errorf("segment %s is another one now, with VNI %d", r.Name, r.VNI)
		}
		n := len(r.Seats)
		if err := seatAll(r, a.Places, markOf(c)); err != nil || len(r.Seats) == n {
			return false, err
		}
		if err := r.settle(); err != nil {
			return false, err
		}
		return true, x.s.conflicts(ctx, *r, names(a.Places))
	})
	if err != nil {
		return run.Result{}, err
	}
	var say []string
	for _, p := range a.Places {
		if i := r.seat(p.key()); i >= 0 {
			say = append(say, called(r.Seats[i].Member)+" is "+addresses(r.Seats[i].Member)+" in "+r.Name)
		}
	}
	return run.Result{Say: sum(say)}, nil
}

// Undo implements [run.Undoer].
func (x joiner) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	return x.s.unseat(ctx, a.Segment, markOf(c), false)
}

// leaver does segment.leave.
type leaver struct{ s *Segments }

// Do implements [run.Executor].
func (x leaver) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	_, err = x.s.opt.Store.edit(ctx, a.Segment, func(r *Record) (bool, error) {
		if r.VNI != a.VNI {
			return false, fmt.Errorf("segment %s is another one now, with VNI %d", r.Name, r.VNI)
		}
		n := len(r.Seats)
		for _, seat := range a.Seats {
			i := r.seat(seat.Key())
			if i < 0 {
				continue
			}
			if r.Seats[i].Mark != seat.Mark || r.Seats[i].Node != seat.Node {
				return false, fmt.Errorf("%s in segment %s is not as it was when this was planned: plan it again", seat.Key(), r.Name)
			}
			r.Seats, r.Left = slices.Delete(r.Seats, i, i+1), append(r.Left, seat.Node)
		}
		return len(r.Seats) < n, nil
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: sum(Record{Seats: a.Seats}.Nodes()) + " no longer in " + a.Segment}, nil
}

// Undo implements [run.Undoer]. Who was taken out comes back with the same addresses, where nobody else has them.
func (x leaver) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	_, err = x.s.opt.Store.edit(ctx, a.Segment, func(r *Record) (bool, error) {
		if r.VNI != a.VNI {
			return false, fmt.Errorf("segment %s is another one now, with VNI %d", r.Name, r.VNI)
		}
		n := len(r.Seats)
		for _, seat := range a.Seats {
			if i := r.seat(seat.Key()); i < 0 {
				r.Seats = append(r.Seats, seat)
			} else if r.Seats[i].Mark != seat.Mark {
				return false, fmt.Errorf("%s is in segment %s again, put there by somebody else: it stays so", seat.Key(), r.Name)
			}
		}
		if _, err := overlay.NewAddressPlan(r.Segment, r.Members()); err != nil {
			return false, fmt.Errorf("put back: %w", err)
		}
		return len(r.Seats) > n, nil
	})
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: sum(Record{Seats: a.Seats}.Nodes()) + " in " + a.Segment + " again"}, nil
}

// about is a segment in one line.
func about(r Record) string {
	parts := []string{fmt.Sprintf("VNI %d", r.VNI)}
	for _, p := range []fmt.Stringer{r.V4, r.V6} {
		if text := p.String(); text != "invalid Prefix" {
			parts = append(parts, text)
		}
	}
	parts = append(parts, fmt.Sprintf("MTU %d", r.MTU))
	if n := r.Nodes(); len(n) > 0 {
		parts = append(parts, "on "+sum(n))
	}
	return "segment " + r.Name + ": " + strings.Join(parts, ", ")
}

func called(m overlay.Member) string {
	if m.Endpoint == "" {
		return m.Node
	}
	return m.Endpoint + " on " + m.Node
}

func addresses(m overlay.Member) string {
	var out []string
	for _, ip := range m.IPs {
		out = append(out, ip.String())
	}
	return strings.Join(out, ", ")
}
