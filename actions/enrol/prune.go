package enrol

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/icinga"
)

// Verbs returns what stands behind monitoring.prune.
func (e *Enrol) Verbs() []actions.Verb {
	return []actions.Verb{{Intent: "monitoring.prune", Risk: actions.Destructive, Plan: e.planPrune}}
}

// PruneArgs are the arguments of a step icinga.prune: the names that the yes is for, and no others.
type PruneArgs struct {
	Names []string `json:"names"`
}

func (e *Enrol) planPrune(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	d, err := e.differs(ctx)
	if err != nil {
		return actions.Plan{}, err
	}
	if len(d.remove) == 0 {
		return actions.Plan{}, errors.New("nothing to prune: what Icinga2 holds of mine is all needed")
	}
	names := make([]string, len(d.remove))
	for i, o := range d.remove {
		names[i] = o.Name()
	}
	say := fmt.Sprintf("let Icinga2 forget %d of %d objects, which nothing in the inventory needs", len(names), d.ownedBy)
	p := actions.Plan{Request: r, Risk: actions.Destructive, Say: say, Groups: []actions.Group{{Steps: []actions.Step{{
		Kind: KindPrune, Key: "icinga/registration", Args: actions.Encode(PruneArgs{names}), Say: say, NoUndo: "their history in Icinga2 is lost",
	}}}}}
	const most = 20
	if n := len(names) - most; n > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", n))
	}
	p.Notes = names
	return p, nil
}

// differs looks what a pass would do.
func (e *Enrol) differs(ctx context.Context) (difference, error) {
	if !e.On() {
		return difference{}, errOff
	}
	want, err := e.want(ctx)
	if err != nil {
		return difference{}, err
	}
	have, err := e.owned(ctx)
	if err != nil {
		return difference{}, err
	}
	return compare(want, have, e.opt.Owner), nil
}

// pruner does icinga.prune.
type pruner struct{ e *Enrol }

// Do implements [run.Executor]. It removes what the yes was for, as far as it is still not needed.
func (x pruner) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var args PruneArgs
	if err := argsOf(KindPrune, c, &args); err != nil {
		return run.Result{}, err
	}
	x.e.working.Lock()
	defer x.e.working.Unlock()
	d, err := x.e.differs(ctx)
	if err != nil {
		return run.Result{}, again(err)
	}
	d.create, d.modify = nil, nil
	d.remove = slices.DeleteFunc(d.remove, func(o icinga.Owned) bool { return !slices.Contains(args.Names, o.Name()) })
	var r Report
	if err := x.e.apply(ctx, d, &r, true); err != nil {
		return run.Result{}, again(err)
	}
	if len(r.Failed) > 0 {
		return run.Result{}, actions.Temporary{Err: fmt.Errorf("%d are left, the first: %s", len(r.Failed), r.Failed[0])}
	}
	left, err := x.e.differs(ctx)
	if err != nil {
		return run.Result{}, again(err)
	}
	for _, o := range left.remove {
		if slices.Contains(args.Names, o.Name()) {
			return run.Result{}, actions.Temporary{Err: fmt.Errorf("%s is still there when it is read back", o.Name())}
		}
	}
	return run.Result{Say: fmt.Sprintf("Icinga2 has forgotten %d objects", len(args.Names))}, nil
}
