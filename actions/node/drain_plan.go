package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
)

// The kinds of steps about drained nodes. Their arguments are a [Drain] without a node.
const (
	KindDrain   = "node.drain"
	KindUndrain = "node.undrain"
)

// planDrain plans that nodes take nothing new, for a while or until somebody ends it.
func (n *Nodes) planDrain(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	hold, err := holdOf(r)
	if err != nil {
		return actions.Plan{}, err
	}
	p := actions.Plan{Request: r, Risk: actions.Disruptive, Hold: hold}
	names, err := n.chosen(ctx, r, w, func(name string) string {
		if d, ok := n.opts.Drains.Find(name); ok {
			return name + " is being drained already, " + d.about()
		}
		return ""
	}, &p)
	if err != nil {
		return actions.Plan{}, err
	}
	args := actions.Encode(Drain{By: r.Actor.String(), Why: r.One("reason")})
	p.Say = "drain " + strings.Join(names, ", ") + ": nothing new is put there"
	if hold > 0 {
		p.Say += " for " + hold.String()
	}
	p.Groups = []actions.Group{{Nodes: names, Steps: []actions.Step{{Kind: KindDrain, Key: "node/{{node}}", Args: args, Say: "note that {{node}} takes nothing new"}}}}
	for _, name := range names {
		p.Notes = append(p.Notes, n.still(ctx, w, name)...)
	}
	return p, nil
}

// planUndrain plans that nodes take everything again.
func (n *Nodes) planUndrain(ctx context.Context, r actions.Request, w actions.World) (actions.Plan, error) {
	p := actions.Plan{Request: r, Risk: actions.Reversible}
	names, err := n.chosen(ctx, r, w, func(name string) string {
		if _, ok := n.opts.Drains.Find(name); !ok {
			return name + " is not being drained"
		}
		return ""
	}, &p)
	if err != nil {
		return actions.Plan{}, err
	}
	for _, name := range names {
		d, _ := n.opts.Drains.Find(name)
		p.Notes = append(p.Notes, name+" is being drained "+d.about())
	}
	p.Say = "undrain " + strings.Join(names, ", ")
	p.Groups = []actions.Group{{Nodes: names, Steps: []actions.Step{{Kind: KindUndrain, Key: "node/{{node}}", Args: actions.Encode(Drain{By: r.Actor.String()}), Say: "note that {{node}} takes new things again"}}}}
	return p, nil
}

// chosen are the nodes of a request for which reason says nothing; what it says of the others becomes a note, or the error when none is left.
func (n *Nodes) chosen(ctx context.Context, r actions.Request, w actions.World, reason func(string) string, p *actions.Plan) ([]string, error) {
	if n.opts.Drains == nil {
		return nil, errors.New("nodes cannot be drained here: there is no store for it")
	}
	var out []string
	for _, name := range r.All("node") {
		nd, err := find(ctx, w, name)
		if err != nil {
			return nil, err
		}
		if why := reason(nd.Name); why != "" {
			p.Notes = append(p.Notes, why)
			continue
		}
		if !slices.Contains(out, nd.Name) {
			out = append(out, nd.Name)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case len(p.Notes) > 0:
		return nil, fmt.Errorf("nothing to do: %s", strings.Join(p.Notes, "; "))
	}
	return nil, errors.New("which node? name one, or say list nodes")
}

// still tells what is on a node all the same, for a person to move.
func (n *Nodes) still(ctx context.Context, w actions.World, name string) (notes []string) {
	all, err := w.Deployments(ctx)
	if err != nil {
		return nil
	}
	var by []string
	for _, d := range all {
		if slices.Contains(d.Nodes, name) {
			by = append(by, "deployment "+d.Name)
		}
	}
	for _, user := range n.opts.Carried {
		if some, err := user(ctx, name); err == nil {
			by = append(by, some...)
		}
	}
	if len(by) > 0 {
		notes = append(notes, "still on "+name+", and untouched by this: "+strings.Join(by, ", "))
	}
	return notes
}

func holdOf(r actions.Request) (time.Duration, error) {
	text := r.One("duration")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("for how long? %q is no duration of a second or more; say for example: for 2h", text)
	}
	return d, nil
}

func drainArgs(c run.Call) (Drain, error) {
	var d Drain
	if err := json.Unmarshal(c.Args, &d); err != nil {
		return d, fmt.Errorf("arguments of a step about draining: %w", err)
	}
	d.Node = c.Node
	return d, nil
}

// drainMark is the same for Do and Undo of one step on one node.
func drainMark(c run.Call) string { return fmt.Sprintf("%s/%d/%s", c.Run, c.Step, c.Node) }

// drainer does node.drain.
type drainer struct{ n *Nodes }

// Do implements [run.Executor].
func (x drainer) Do(ctx context.Context, c run.Call) (run.Result, error) {
	d, err := drainArgs(c)
	if err != nil {
		return run.Result{}, err
	}
	d.Mark, d.Since = drainMark(c), x.n.opts.Now().UTC().Truncate(time.Second)
	if hold, err := holdOf(c.Request); err == nil && hold > 0 {
		d.Until = d.Since.Add(hold)
	}
	if err := x.n.opts.Drains.put(ctx, d); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: c.Node + " takes nothing new"}, nil
}

// Verify implements [run.Verifier].
func (x drainer) Verify(ctx context.Context, c run.Call, _ run.Result) error {
	if err := x.n.opts.Drains.Load(ctx); err != nil {
		return again(err)
	}
	if d, ok := x.n.opts.Drains.Find(c.Node); !ok || d.Mark != drainMark(c) {
		return fmt.Errorf("%s is not being drained by this when it is read back", c.Node)
	}
	return nil
}

// Undo implements [run.Undoer]. It ends the drain of this step, and no other's.
func (x drainer) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	_, was, err := x.n.opts.Drains.drop(ctx, c.Node, drainMark(c))
	if err != nil {
		return run.Result{}, err
	}
	if !was {
		return run.Result{Say: c.Node + " was undrained already"}, nil
	}
	return run.Result{Say: c.Node + " takes new things again"}, nil
}

// undrainer does node.undrain.
type undrainer struct{ n *Nodes }

// Do implements [run.Executor].
func (x undrainer) Do(ctx context.Context, c run.Call) (run.Result, error) {
	was, ok, err := x.n.opts.Drains.drop(ctx, c.Node, "")
	if err != nil {
		return run.Result{}, err
	}
	if !ok {
		return run.Result{Say: c.Node + " takes new things"}, nil
	}
	return run.Result{Say: c.Node + " takes new things again", Data: actions.Encode(was)}, nil
}

// Undo implements [run.Undoer]. The node is being drained again as it was, unless its time has come meanwhile.
func (x undrainer) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	var was Drain
	if len(done.Data) == 0 {
		return run.Result{Say: c.Node + " was not being drained"}, nil
	}
	if err := json.Unmarshal(done.Data, &was); err != nil {
		return run.Result{}, fmt.Errorf("what was ended on %s: %w", c.Node, err)
	}
	if !was.Until.IsZero() && !was.Until.After(x.n.opts.Now()) {
		return run.Result{Say: "the time of draining " + c.Node + " is over"}, nil
	}
	if err := x.n.opts.Drains.put(ctx, was); err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: c.Node + " takes nothing new again"}, nil
}
