package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/icinga"
)

// UndowntimeArgs are the arguments of a step icinga.undowntime: what was there when it was planned, by node.
type UndowntimeArgs struct {
	Gone map[string][]icinga.ScheduledDowntime `json:"gone"`
	By   string                                `json:"by"`
}

// planUndowntime ends every downtime of the nodes, or of one service there, whoever has set it: that is shown before.
func (a *Alerts) planUndowntime(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	all, names, notes, err := a.watch(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	args := UndowntimeArgs{Gone: map[string][]icinga.ScheduledDowntime{}, By: r.Actor.String()}
	var nodes, shown []string
	for _, w := range all {
		have, err := a.opt.Icinga.Downtimes(ctx, names.of(w.node), "", "")
		if err != nil {
			return actions.Plan{}, fmt.Errorf("read the downtimes of %s from Icinga2: %w", w.node, err)
		}
		for _, d := range have {
			switch {
			case r.One("service") != "" && !strings.EqualFold(d.Service, r.One("service")):
			case d.Configured:
				notes = append(notes, fmt.Sprintf("the downtime of %s until %s stays: a schedule in Icinga2's files made it", d.Object(), stamp(d.Until.In(a.zone(r.Actor)))))
			default:
				args.Gone[w.node] = append(args.Gone[w.node], d)
				shown = append(shown, fmt.Sprintf("%s: of %s, until %s: %s", d.Object(), d.Author, stamp(d.Until.In(a.zone(r.Actor))), d.Comment))
			}
		}
		if len(args.Gone[w.node]) > 0 {
			nodes = append(nodes, w.node)
		}
	}
	if len(nodes) == 0 {
		return actions.Plan{}, errors.New(strings.Join(append([]string{strings.Join(nodesOf(all), ", ") + ": no downtime to end"}, notes...), "; "))
	}
	say := fmt.Sprintf("end %s of ", actions.Counted(len(shown), "downtime"))
	p := actions.Plan{Request: r, Risk: actions.Reversible, Say: say + strings.Join(nodes, ", "), Groups: []actions.Group{{Nodes: nodes, KeepGoing: true, Steps: []actions.Step{{
		Kind: KindUndowntime, Key: "icinga/downtime/{{node}}", Args: actions.Encode(args), Say: "end the downtimes of {{node}}",
	}}}}}
	const most = 10
	if n := len(shown) - most; n > 0 {
		shown = append(shown[:most], fmt.Sprintf("and %d more", n))
	}
	p.Notes = append(shown, notes...)
	return p, nil
}

// undowner does icinga.undowntime.
type undowner struct{ a *Alerts }

// Do implements [run.Executor]. It ends the downtimes that the plan has shown; what was set since stays.
func (x undowner) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var args UndowntimeArgs
	if err := x.a.decode(KindUndowntime, c, &args); err != nil {
		return run.Result{}, err
	}
	gone := args.Gone[c.Node]
	for _, d := range gone {
		x.a.keeper.drop(d.Author, d.Marker)
		if err := x.a.opt.Icinga.CancelDowntime(ctx, d.Name); err != nil {
			return run.Result{}, again(err)
		}
	}
	if len(gone) == 0 {
		return run.Result{Say: c.Node + ": no downtime"}, nil
	}
	left, err := x.a.opt.Icinga.Downtimes(ctx, gone[0].Host, "", "")
	if err != nil {
		return run.Result{}, again(err)
	}
	later := 0
	for _, d := range left {
		if slices.ContainsFunc(gone, func(g icinga.ScheduledDowntime) bool { return g.Name == d.Name }) {
			return run.Result{}, actions.Temporary{Err: fmt.Errorf("%s is still in downtime when it is read back", d.Object())}
		}
		if slices.ContainsFunc(gone, func(g icinga.ScheduledDowntime) bool { return g.Object() == d.Object() }) {
			later++
		}
	}
	say := fmt.Sprintf("%s: ended %s of %s", c.Node, actions.Counted(len(gone), "downtime"), authors(gone))
	if later > 0 {
		say += fmt.Sprintf("; %s there still", actions.Counted(later, "other"))
	}
	return run.Result{Say: say}, nil
}

// authors says whose downtimes they are.
func authors(all []icinga.ScheduledDowntime) string {
	var out []string
	for _, d := range all {
		if !slices.Contains(out, d.Author) {
			out = append(out, d.Author)
		}
	}
	return strings.Join(out, ", ")
}

// Undo implements [run.Undoer]. It sets again what has not ended meanwhile, with its author and its text.
func (x undowner) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	var args UndowntimeArgs
	if err := x.a.decode(KindUndowntime, c, &args); err != nil {
		return run.Result{}, err
	}
	back, now := 0, x.a.opt.Now()
	for i, g := range args.Gone[c.Node] {
		if !g.Until.After(now) {
			continue
		}
		d := icinga.Downtime{Author: g.Author, Comment: g.Comment, Marker: g.Marker, From: g.From, Until: g.Until, Flexible: g.Flexible}
		if g.Flexible > 0 && !g.Triggered.IsZero() { // its time runs already: what is left of it is fixed
			d.From, d.Until, d.Flexible = now.Truncate(time.Second), g.Triggered.Add(g.Flexible), 0
			if !d.Until.After(now) {
				continue
			}
		}
		if d.Comment == "" {
			d.Comment = "set again by an undo"
		}
		if d.Marker == "" {
			d.Marker = fmt.Sprintf("%s/%d", markerOf(c), i)
		}
		if err := x.a.opt.Icinga.ScheduleDowntime(ctx, g.Host, g.Service, d); err != nil {
			return run.Result{}, again(err)
		}
		back++
	}
	return run.Result{Say: fmt.Sprintf("%s: set %s again", c.Node, actions.Counted(back, "downtime"))}, nil
}
