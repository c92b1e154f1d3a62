package segment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/overlay"
)

// wasOf returns the segment as the plan of its deletion saw it.
func wasOf(c run.Call) (Record, error) {
	a, err := argsOf(c)
	if err == nil && a.Was == nil {
		err = errors.New("arguments of a step about segments: it does not say what was")
	}
	if err != nil {
		return Record{}, err
	}
	return *a.Was, nil
}

// goner does segment.gone.
type goner struct{ s *Segments }

// Do implements [run.Executor]. A trace of an earlier segment with this VNI is overwritten.
func (x goner) Do(ctx context.Context, c run.Call) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	if was.Name == "" {
		return x.stray(ctx, c, was)
	}
	have, _, err := x.s.opt.Store.read(ctx, was.Name)
	if err != nil {
		return run.Result{}, err
	}
	g := &gone{Schema: schema, VNI: was.VNI, Nodes: have.Left, At: x.s.opt.Now().UTC(), Mark: markOf(c)}
	if have.Mark != was.Mark { // done before, and deleted meanwhile
		return run.Result{Say: fmt.Sprintf("VNI %d is deleted on purpose", was.VNI)}, nil
	}
	return x.note(ctx, g, func(gone) {})
}

// stray notes that a VNI of no segment goes from nodes on purpose, beside those from which it went before.
func (x goner) stray(ctx context.Context, c run.Call, was Record) (run.Result, error) {
	if r, ok := x.s.opt.Store.Find(fmt.Sprint(was.VNI)); ok {
		return run.Result{}, fmt.Errorf("VNI %d is of segment %s by now: it stays", was.VNI, r.Name)
	}
	g := gone{Schema: schema, VNI: was.VNI, Nodes: was.Left, At: x.s.opt.Now().UTC(), Mark: markOf(c)}
	return x.note(ctx, &g, func(before gone) {
		g.Nodes = slices.Concat(before.Nodes, was.Left)
		slices.Sort(g.Nodes)
		g.Nodes = slices.Compact(g.Nodes)
	})
}

// note stores that a VNI is deleted, after beside was told what was stored before.
func (x goner) note(ctx context.Context, g *gone, beside func(before gone)) (run.Result, error) {
	kv := x.s.opt.Store.opt.Segments
	e, err := kv.Get(ctx, goneKey(g.VNI))
	if err == nil {
		if before, err := decode[gone](e); err == nil { // what cannot be read is overwritten
			beside(before)
		}
	}
	value := actions.Encode(*g)
	switch {
	case errors.Is(err, store.ErrNotFound):
		_, err = store.CreateSure(ctx, kv, goneKey(g.VNI), value)
	case err == nil:
		_, err = store.UpdateSure(ctx, kv, goneKey(g.VNI), value, e.Revision)
	}
	if err != nil {
		return run.Result{}, again(fmt.Errorf("note that VNI %d is deleted: %w", g.VNI, err))
	}
	x.s.opt.Store.note(ctx, store.Entry{Key: goneKey(g.VNI), Value: value})
	return run.Result{Say: fmt.Sprintf("VNI %d is deleted on purpose", g.VNI)}, nil
}

// Undo implements [run.Undoer].
func (x goner) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	kv := x.s.opt.Store.opt.Segments
	e, err := kv.Get(ctx, goneKey(was.VNI))
	if err == nil {
		err = kv.Delete(ctx, goneKey(was.VNI), e.Revision)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return run.Result{}, again(err)
	}
	x.s.opt.Store.note(ctx, store.Entry{Key: goneKey(was.VNI), Deleted: true})
	return run.Result{Say: fmt.Sprintf("VNI %d is not deleted", was.VNI)}, nil
}

// dropper does segment.drop.
type dropper struct{ s *Segments }

// Do implements [run.Executor].
func (x dropper) Do(ctx context.Context, c run.Call) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	if _, err := x.s.opt.Store.drop(ctx, was.Name, was.Mark); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "segment " + was.Name + " is deleted"}, nil
}

// Undo implements [run.Undoer]. The segment comes back without members: those are put back by the undo of their leaving.
func (x dropper) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	was.Left, was.Seats = was.Nodes(), nil
	if err := x.s.opt.Store.create(ctx, was); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "segment " + was.Name + " is there again"}, nil
}

// netReleaser does segment.net.release.
type netReleaser struct{ s *Segments }

// netMark is the mark that a segment's prefix was taken with: the step after that of its VNI, in the same run.
func (s *Segments) netMark(ctx context.Context, was Record) (string, error) {
	e, err := s.opt.Prefixes.KV.Get(ctx, netKey(was.Tenant, was.V4))
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", again(fmt.Errorf("read prefix %s: %w", was.V4, err))
	}
	c, err := decode[claim](e)
	if err != nil || c.Segment != was.Name {
		return "", err
	}
	return c.Mark, nil
}

// Do implements [run.Executor]. A prefix that was asked for by name is not of the pool, and is free with its segment.
func (x netReleaser) Do(ctx context.Context, c run.Call) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	mark, err := x.s.netMark(ctx, was)
	if err != nil {
		return run.Result{}, err
	}
	if mark != "" {
		if _, err := x.s.opt.Prefixes.Release(ctx, was.Tenant, was.V4, mark); err != nil {
			return run.Result{}, err
		}
	}
	return run.Result{Say: was.V4.String() + " is given back"}, nil
}

// Undo implements [run.Undoer]. It takes the prefix again, where nobody else has it by now.
func (x netReleaser) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	value := actions.Encode(claim{Schema: schema, Segment: was.Name, Mark: markOf(c)})
	_, err = store.CreateSure(ctx, x.s.opt.Prefixes.KV, netKey(was.Tenant, was.V4), value)
	if errors.Is(err, store.ErrConflict) {
		if mark, merr := x.s.netMark(ctx, was); merr == nil && mark != "" {
			return run.Result{Say: was.V4.String() + " was not given back"}, nil
		}
		return run.Result{}, fmt.Errorf("%s is taken by another segment of tenant %s by now", was.V4, was.Tenant)
	}
	if err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: was.V4.String() + " is taken again"}, nil
}

// releaser does segment.vni.release.
type releaser struct{ s *Segments }

// Do implements [run.Executor].
func (x releaser) Do(ctx context.Context, c run.Call) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	mark, err := x.s.opt.Allocator.markFor(ctx, was)
	if err != nil || mark == "" {
		return run.Result{Say: fmt.Sprintf("VNI %d is not of segment %s", was.VNI, was.Name)}, err
	}
	return x.s.release(ctx, was.VNI, mark)
}

// Undo implements [run.Undoer]. Whoever gave a VNI back may take it again while it rests.
func (x releaser) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	was, err := wasOf(c)
	if err != nil {
		return run.Result{}, err
	}
	mark, err := x.s.opt.Allocator.markFor(ctx, was)
	if err != nil {
		return run.Result{}, err
	}
	if mark == "" {
		return run.Result{}, fmt.Errorf("VNI %d is of another segment by now", was.VNI)
	}
	w := Want{Owner: overlay.Owner{Tenant: was.Tenant, Region: was.Region}, Segment: was.Name, Mark: mark, Exact: was.VNI}
	if _, err := x.s.opt.Allocator.Take(ctx, w); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: fmt.Sprintf("VNI %d is taken for %s again", was.VNI, was.Name)}, nil
}

// markFor is the mark that the store has for a segment's VNI, resting or not; empty when it is another segment's.
func (a *Allocator) markFor(ctx context.Context, was Record) (string, error) {
	e, err := a.opt.KV.Get(ctx, vniKey(was.VNI))
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", again(fmt.Errorf("read VNI %d: %w", was.VNI, err))
	}
	h, err := decode[held](e)
	if err != nil || h.Segment != was.Name || h.Tenant != was.Tenant {
		return "", err
	}
	return h.Mark, nil
}
