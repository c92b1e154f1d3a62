package segment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/overlay"
)

// taken is what steps leave for later ones and for their undo.
type taken struct {
	VNI overlay.VNI  `json:"vni,omitempty"`
	V4  netip.Prefix `json:"v4,omitzero"`
}

func argsOf(c run.Call) (Args, error) {
	var a Args
	if err := json.Unmarshal(c.Args, &a); err != nil {
		return a, fmt.Errorf("arguments of a step about segments: %w", err)
	}
	return a, nil
}

func takenOf(r run.Result) taken {
	var t taken
	_ = json.Unmarshal(r.Data, &t) // what is no JSON took nothing
	return t
}

// before is what the steps of this run have taken so far.
func before(c run.Call) taken {
	var all taken
	for _, o := range c.Before {
		t := takenOf(run.Result{Data: o.Data})
		all.VNI = cmp.Or(all.VNI, t.VNI)
		if !all.V4.IsValid() {
			all.V4 = t.V4
		}
	}
	return all
}

// namer does segment.name.
type namer struct{ s *Segments }

// Do implements [run.Executor].
func (x namer) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	r := Record{
		Segment: overlay.Segment{Name: a.Segment, Tenant: a.Tenant, Gateway: a.Gateway}, Region: a.Region, File: a.File,
		By: a.By, Since: x.s.opt.Now().UTC().Truncate(time.Second), Mark: markOf(c),
	}
	if err := x.s.opt.Store.create(ctx, r); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "the name " + a.Segment + " is taken"}, nil
}

// Undo implements [run.Undoer]. It takes out the name that this step made, and no other.
func (x namer) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	was, err := x.s.opt.Store.drop(ctx, a.Segment, markOf(c))
	if err != nil {
		return run.Result{}, err
	}
	if !was {
		return run.Result{Say: "there is no segment " + a.Segment}, nil
	}
	return run.Result{Say: "deleted the name " + a.Segment}, nil
}

// numberer does segment.vni.
type numberer struct{ s *Segments }

func (x numberer) want(c run.Call, a Args) Want {
	return Want{
		Owner: overlay.Owner{Tenant: a.Tenant, Region: a.Region}, Segment: a.Segment, Mark: markOf(c), Exact: a.VNI, Afresh: c.Attempt > 1 || c.Epoch > 1,
	}
}

// Do implements [run.Executor].
func (x numberer) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	v, err := x.s.opt.Allocator.Take(ctx, x.want(c, a))
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: fmt.Sprintf("VNI %d is taken for %s", v, a.Segment), Data: actions.Encode(taken{VNI: v})}, nil
}

// Undo implements [run.Undoer].
func (x numberer) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	v := takenOf(done).VNI
	if v == 0 {
		if v, err = x.s.opt.Allocator.ByMark(ctx, x.want(c, a)); err != nil {
			return run.Result{}, err
		}
	}
	if v == 0 {
		return run.Result{Say: "no VNI was taken"}, nil
	}
	return x.s.release(ctx, v, markOf(c))
}

func (s *Segments) release(ctx context.Context, v overlay.VNI, mark string) (run.Result, error) {
	until, err := s.opt.Allocator.Release(ctx, v, mark)
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: fmt.Sprintf("VNI %d is given back, and rests until %s", v, until.UTC().Format("15:04:05 MST"))}, nil
}

// netter does segment.net.
type netter struct{ s *Segments }

// Do implements [run.Executor].
func (x netter) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	if a.V4.IsValid() {
		return run.Result{Say: "its IPv4 prefix is " + a.V4.String()}, nil
	}
	v := before(c).VNI
	if v == 0 {
		return run.Result{}, errors.New("the VNI is not known: the steps before this one left none")
	}
	at, err := x.s.opt.Prefixes.Take(ctx, a.Tenant, a.Segment, v, markOf(c), x.s.inUse(a))
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: "its IPv4 prefix is " + at.String(), Data: actions.Encode(taken{V4: at})}, nil
}

// inUse tells which prefixes the tenant, or a node that is to come in, uses already without the pool's knowing.
func (s *Segments) inUse(a Args) func(netip.Prefix) bool {
	var used []netip.Prefix
	for _, p := range a.Places {
		in, _ := s.opt.Store.On(p.Node)
		for _, r := range in {
			if r.V4.IsValid() && r.Name != a.Segment {
				used = append(used, r.V4)
			}
		}
	}
	used = append(used, s.opt.Store.odd(a.Tenant)...)
	return func(p netip.Prefix) bool {
		for _, u := range used {
			if u.Overlaps(p) {
				return true
			}
		}
		return false
	}
}

// Undo implements [run.Undoer].
func (x netter) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	at := takenOf(done).V4
	if v := before(c).VNI; !at.IsValid() && !a.V4.IsValid() && v != 0 {
		if at, err = x.s.opt.Prefixes.ByMark(ctx, a.Tenant, v, markOf(c)); err != nil {
			return run.Result{}, err
		}
	}
	if !at.IsValid() {
		return run.Result{Say: "no IPv4 prefix was taken"}, nil
	}
	if _, err := x.s.opt.Prefixes.Release(ctx, a.Tenant, at, markOf(c)); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: at.String() + " is given back"}, nil
}

// readier does segment.ready: it looks before, and brings the node to what is recorded when the steps behind it have been taken back.
type readier struct{ s *Segments }

// Timeout implements [run.Timed].
func (readier) Timeout(run.Call) time.Duration { return stepTime }

// Do implements [run.Executor].
func (x readier) Do(ctx context.Context, c run.Call) (run.Result, error) {
	a, err := argsOf(c)
	if err != nil {
		return run.Result{}, err
	}
	_, err = x.s.bring(ctx, c) // by which the node knows its own address, and tells what lies under it
	l, lookErr := x.s.look(ctx, c.Node)
	if err = cmp.Or(lookErr, err); err == nil {
		err = l.ready(c.Node)
	}
	switch {
	case err != nil && a.Must:
		return run.Result{}, err
	case err != nil:
		return run.Result{Say: c.Node + " hears of it later: " + err.Error()}, nil
	}
	return run.Result{Say: c.Node + " can be reached"}, nil
}

// Undo implements [run.Undoer]. A node that is away follows when it is back.
func (x readier) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	say, err := x.s.bring(ctx, c)
	if l, lookErr := x.s.look(ctx, c.Node); err != nil && lookErr == nil && !l.Connected {
		return run.Result{Say: c.Node + " cannot be reached: it follows when its agent is back"}, nil
	}
	return run.Result{Say: say}, err
}

// putter does desired.sync.
type putter struct{ s *Segments }

// stepTime bounds the bringing of one node: its agent's report, and some for the store.
const stepTime = 45 * time.Second

// Timeout implements [run.Timed].
func (putter) Timeout(run.Call) time.Duration { return stepTime }

// Do implements [run.Executor].
func (x putter) Do(ctx context.Context, c run.Call) (run.Result, error) {
	say, err := x.s.bring(ctx, c)
	return run.Result{Say: say}, err
}

// Undo implements [run.Undoer]. The records are not taken back yet: the step that looked at the node brings it to them.
func (x putter) Undo(_ context.Context, c run.Call, _ run.Result) (run.Result, error) {
	return run.Result{Say: c.Node + " follows when the records are as they were"}, nil
}

// bring brings a node to what is recorded now.
func (s *Segments) bring(ctx context.Context, c run.Call) (string, error) {
	a, err := argsOf(c)
	if err != nil {
		return "", err
	}
	if s.opt.Fleet == nil {
		return "", fmt.Errorf("%s: %w", c.Node, ErrNoAgent)
	}
	if c.Progress != nil {
		c.Progress(c.Node+" is told", 0, 0)
	}
	var d overlay.Desired
	r, err := s.opt.Fleet.Put(ctx, c.Node, func() (_ overlay.Desired, err error) {
		d, err = s.Desired(ctx, c.Node)
		return d, err
	}, c.Key)
	failed := s.concerning(a.Segment, r.Failed)
	switch {
	case err != nil && s.away(ctx, c):
		return c.Node + " cannot be reached: it is brought to it when its agent is back", nil
	case err != nil:
		return "", err
	case len(failed) > 0:
		return "", fmt.Errorf("%s holds generation %d in part: %s", c.Node, r.Generation, strings.Join(failed[:min(3, len(failed))], "; "))
	case r.Waits != "" && a.Must: // nothing that comes in is held up by what is to go, which is of before
		return fmt.Sprintf("%s holds generation %d but for what is to go, which waits for a yes: %s", c.Node, r.Generation, r.Waits), nil
	case r.Waits != "":
		return "", fmt.Errorf("%s waits for a yes: %s", c.Node, r.Waits)
	}
	return fmt.Sprintf("%s holds generation %d, read back: %s", c.Node, r.Generation, actions.Counted(len(d.Segments), "segment")), nil
}

// concerning are the failures that are about a segment: what else is not well on a node is not this step's doing.
func (s *Segments) concerning(name string, failed []string) (out []string) {
	r, ok := s.opt.Store.Find(name)
	for _, f := range failed {
		v := r.VNI
		if !ok || strings.Contains(f, overlay.TunnelName(v)) || strings.Contains(f, overlay.BridgeName(v)) || strings.Contains(f, fmt.Sprintf("VNI %d", v)) ||
			strings.Contains(f, fmt.Sprintf("obp%06x", uint32(v))) || !strings.Contains(f, "ob") {
			out = append(out, f)
		}
	}
	return out
}

// away tells whether a node that need not be there now is not there.
func (s *Segments) away(ctx context.Context, c run.Call) bool {
	a, err := argsOf(c)
	if err != nil || a.Must {
		return false
	}
	l, err := s.look(ctx, c.Node)
	return err != nil || !l.Connected
}
