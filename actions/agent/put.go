package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/overlay"
)

// The kinds of steps that change a node. There is no third.
const (
	KindPut = "desired.put"
	KindDo  = "node.do"
)

// Executors returns the executors by the kind of their steps.
func (g *Gate) Executors() map[string]run.Executor {
	return map[string]run.Executor{KindPut: putter{g}, KindDo: doer{g}}
}

// Put are the arguments of desired.put: for each node of the step what is to change there. The step is done when the node reports that it
// holds the new generation, as read back.
type Put struct {
	Nodes map[string]NodePut `json:"nodes"`
	Yes   bool               `json:"yes,omitempty"` // a person agreed to what is removed
}

// NodePut is what changes on one node.
type NodePut struct {
	Segments []SegmentPut `json:"segments,omitempty"`
	// VTEP, Port and Underlay are set where they are not zero. They are facts of the node, and no undo takes them back.
	VTEP     netip.Addr `json:"vtep,omitzero"`
	Port     uint16     `json:"port,omitempty"`
	Underlay int        `json:"underlay,omitempty"`
}

// SegmentPut is a compare-and-set of one segment on a node. Nil means that the node does not hold it: Have nil adds, Want nil removes, on
// purpose.
type SegmentPut struct {
	VNI  overlay.VNI          `json:"vni"`
	Want *overlay.NodeSegment `json:"want,omitempty"`
	Have *overlay.NodeSegment `json:"have,omitempty"`
}

// apply makes the changes to d. It refuses where something else is there than Have, unless it is Want already.
func (p NodePut) apply(d *overlay.Desired) error {
	if p.VTEP.IsValid() {
		d.VTEP = p.VTEP
	}
	if p.Port != 0 {
		d.Port = p.Port
	}
	if p.Underlay != 0 {
		d.Underlay = p.Underlay
	}
	for _, s := range p.Segments {
		if err := s.apply(d); err != nil {
			return err
		}
	}
	return nil
}

func (s SegmentPut) apply(d *overlay.Desired) error {
	i := slices.IndexFunc(d.Segments, func(n overlay.NodeSegment) bool { return n.VNI == s.VNI })
	var now *overlay.NodeSegment
	if i >= 0 {
		now = &d.Segments[i]
	}
	switch {
	case sameSegment(now, s.Want):
		return nil
	case !sameSegment(now, s.Have):
		return fmt.Errorf("VNI %d on %s is not as it was when this was planned: plan it again", s.VNI, d.Node)
	}
	d.Gone = slices.DeleteFunc(d.Gone, func(v overlay.VNI) bool { return v == s.VNI })
	if i >= 0 {
		d.Segments = slices.Delete(d.Segments, i, i+1)
	}
	if s.Want == nil {
		d.Gone = append(d.Gone, s.VNI)
		slices.Sort(d.Gone)
		return nil
	}
	at, _ := slices.BinarySearchFunc(d.Segments, s.VNI, func(n overlay.NodeSegment, v overlay.VNI) int { return int(n.VNI) - int(v) })
	d.Segments = slices.Insert(d.Segments, at, *s.Want)
	return nil
}

// sameSegment compares by what would be sent.
func sameSegment(a, b *overlay.NodeSegment) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, xerr := json.Marshal(a)
	y, yerr := json.Marshal(b)
	return xerr == nil && yerr == nil && string(x) == string(y)
}

// backward is the put that takes this one back.
func (p NodePut) backward() NodePut {
	var back NodePut
	for _, s := range slices.Backward(p.Segments) {
		back.Segments = append(back.Segments, SegmentPut{VNI: s.VNI, Want: s.Have, Have: s.Want})
	}
	return back
}

// putter does desired.put.
type putter struct{ g *Gate }

// Timeout implements [run.Timed]: the patience, and some for the store.
func (x putter) Timeout(run.Call) time.Duration { return x.g.o.Patience + 10*time.Second }

// putArgs returns the part of one node.
func putArgs(c run.Call) (node string, p NodePut, yes bool, err error) {
	var all Put
	if err := json.Unmarshal(c.Args, &all); err != nil {
		return "", p, false, fmt.Errorf("arguments of %s: %w", KindPut, err)
	}
	node = c.Node
	if node == "" && len(all.Nodes) == 1 {
		for only := range all.Nodes {
			node = only
		}
	}
	p, ok := all.Nodes[node]
	if !ok {
		return node, p, false, fmt.Errorf("arguments of %s: nothing for node %q", KindPut, node)
	}
	return node, p, all.Yes, nil
}

// Do implements [run.Executor].
func (x putter) Do(ctx context.Context, c run.Call) (run.Result, error) {
	id, p, yes, err := putArgs(c)
	if err != nil {
		return run.Result{}, err
	}
	if _, ok := x.g.Enrolled(id); !ok {
		return run.Result{}, fmt.Errorf("%s has no agent: enrol one first (opsbot enrol %s)", id, id)
	}
	d, err := x.g.Edit(ctx, id, Edit{Change: p.apply, Yes: yes, By: c.Key})
	if err != nil {
		return run.Result{}, again(err)
	}
	s, err := x.await(ctx, c, d)
	if err != nil {
		return run.Result{}, err
	}
	if err := x.failed(ctx, id, p, s); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: fmt.Sprintf("%s holds generation %d, read back: %d segments", id, s.Report.Generation, s.Report.Segments)}, nil
}

// await waits for the node within its patience.
func (x putter) await(ctx context.Context, c run.Call, d overlay.Desired) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, x.g.o.Patience)
	defer cancel()
	if c.Progress != nil {
		c.Progress(fmt.Sprintf("%s is told generation %d", d.Node, d.Generation), 0, 0)
	}
	s, err := x.g.Settle(ctx, d)
	if err != nil {
		return s, actions.Temporary{Err: err}
	}
	return s, nil
}

// Settle returns when a node has done what it can about a state that Edit returned, or refuses it: Health says which. An error means that ctx
// ended before; the status then says how far the node is.
func (g *Gate) Settle(ctx context.Context, d overlay.Desired) (Status, error) {
	s, err := g.Wait(ctx, d.Node, func(s Status) bool { return settled(s, d) })
	if err != nil {
		why := s.Why
		if why == "" {
			why = "no report"
		}
		return s, fmt.Errorf("%s did not confirm generation %d: %s: %w", d.Node, d.Generation, why, context.Cause(ctx))
	}
	return s, nil
}

// settled tells whether a node has done what it can about a generation.
func settled(s Status, d overlay.Desired) bool {
	r := s.Report
	if s.Health == Offline || s.Health == Ahead || s.Health == Repairing {
		return false
	}
	return r.Incarnation == d.Incarnation && r.Generation >= d.Generation && s.Generation >= d.Generation || r.RefusedGen >= d.Generation && s.Health == Failing
}

// failed says why a node does not hold its state, after taking the change back: a step that failed leaves nothing.
func (x putter) failed(ctx context.Context, id string, p NodePut, s Status) error {
	if s.Health != Failing && s.Health != Held && s.Health != TooOld {
		return nil
	}
	if s.Health == Failing && s.Report.Refused == "" && !concerns(p, s.Report) {
		return nil // something else on that node is not well: that is not this step's doing
	}
	left := ""
	if _, err := x.g.Edit(ctx, id, Edit{Change: p.backward().apply, Yes: true, By: "undo"}); err != nil {
		left = "; it could not be taken back: " + err.Error()
	}
	return fmt.Errorf("%s%s", s.Why, left)
}

// concerns tells whether what a node could not do is about one of the segments.
func concerns(p NodePut, r Report) bool {
	for _, text := range slices.Concat(r.Failed, r.Blocked) {
		for _, s := range p.Segments {
			if strings.Contains(text, overlay.TunnelName(s.VNI)) || strings.Contains(text, overlay.BridgeName(s.VNI)) ||
				strings.Contains(text, fmt.Sprintf("VNI %d", s.VNI)) || strings.Contains(text, fmt.Sprintf("obp%06x", uint32(s.VNI))) {
				return true
			}
		}
	}
	return len(r.Failed)+len(r.Blocked) >= most // there is more than it told
}

// Undo implements [run.Undoer]: a compare-and-set back. A node that is away takes it when it comes back.
func (x putter) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	id, p, _, err := putArgs(c)
	if err != nil {
		return run.Result{}, err
	}
	d, err := x.g.Edit(ctx, id, Edit{Change: p.backward().apply, Yes: true, By: c.Key})
	if err != nil {
		return run.Result{}, again(err)
	}
	if s, err := x.await(ctx, c, d); err != nil {
		if ctx.Err() != nil {
			return run.Result{}, err
		}
		return run.Result{Say: fmt.Sprintf("%s is to hold what it held before; it has not confirmed: %s", id, s.Why)}, nil
	}
	return run.Result{Say: id + " holds what it held before, read back"}, nil
}

// ByHand implements [run.Handbook].
func (x putter) ByHand(_ context.Context, c run.Call) ([]string, error) {
	id, p, _, err := putArgs(c)
	if err != nil {
		return nil, err
	}
	lines := []string{"# on " + id}
	for _, s := range p.Segments {
		if s.Want == nil {
			lines = append(lines, "ip link del "+overlay.TunnelName(s.VNI), "ip link del "+overlay.BridgeName(s.VNI))
			continue
		}
		d := overlay.Desired{Node: id, VTEP: p.VTEP, Segments: []overlay.NodeSegment{*s.Want}}
		for line := range strings.Lines(overlay.Diff(d, overlay.Observed{}).String()) {
			lines = append(lines, "# "+strings.TrimSpace(line))
		}
	}
	return lines, nil
}

// again marks what may go better the next time.
func again(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || isStore(err) {
		return actions.Temporary{Err: err}
	}
	return err
}
