package alert

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
	"github.com/shitops/opsbot/icinga"
)

// DowntimeArgs are the arguments of a step icinga.downtime, which is done on each node by itself.
type DowntimeArgs struct {
	Hosts    hosts         `json:"hosts,omitempty"`
	Service  string        `json:"service,omitempty"` // empty for the host and its services
	HostOnly bool          `json:"host_only,omitempty"`
	From     time.Time     `json:"from"`
	Until    time.Time     `json:"until"`
	Flexible time.Duration `json:"flexible,omitempty"` // begins with the first problem and lasts so long
	Children bool          `json:"children,omitempty"`
	By       string        `json:"by"`
	Why      string        `json:"why,omitempty"`
	Zone     string        `json:"zone,omitempty"` // in which the times are said
}

// window is how long a flexible downtime waits for a problem, unless --within says otherwise.
const window = 24 * time.Hour

func (a *Alerts) planDowntime(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	args, err := a.downtimeArgs(r)
	if err != nil {
		return actions.Plan{}, err
	}
	all, names, notes, err := a.watch(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	args.Hosts = names
	if args.Service != "" {
		args.Service = all[0].all[0].Service // as Icinga2 writes it
	}
	zone := a.zone(r.Actor)
	when := "from " + stamp(args.From.In(zone)) + " until " + stamp(args.Until.In(zone))
	if args.Flexible > 0 {
		when = fmt.Sprintf("of %s, counted from the first problem between %s and %s", args.Flexible, stamp(args.From.In(zone)), stamp(args.Until.In(zone)))
	}
	say := args.what("{{node}}") + " in downtime " + when
	p := actions.Plan{Request: r, Risk: actions.Disruptive, Say: args.what(strings.Join(nodesOf(all), ", ")) + " in downtime " + when,
		Groups: []actions.Group{{Nodes: nodesOf(all), KeepGoing: true, Steps: []actions.Step{{
			Kind: KindDowntime, Key: "icinga/downtime/{{node}}", Args: actions.Encode(args), Say: say,
		}}}}}
	p.Hold = args.Until.Add(args.Flexible).Sub(r.At) + slack
	p.Notes = append(notes, "nobody is told of problems there meanwhile, and no rule acts on them")
	p.Notes = append(p.Notes, standing(all)...)
	return p, nil
}

// what says which objects of a node are meant.
func (d DowntimeArgs) what(node string) string {
	switch {
	case d.Service != "":
		node += "!" + d.Service
	case !d.HostOnly:
		node += " with all services"
	}
	if d.Children {
		node += " and the hosts that depend on it"
	}
	return node
}

// standing names what is not well now: it goes quiet, too.
func standing(all []watched) []string {
	var out []string
	for _, w := range all {
		for _, k := range w.all {
			if !k.State.Good() && !k.Pending() && k.DowntimeDepth == 0 {
				out = append(out, fmt.Sprintf("%s is %s now", k.Name(), k.State))
			}
		}
	}
	const most = 5
	if n := len(out) - most; n > 0 {
		out = append(out[:most], fmt.Sprintf("and %d more are not well", n))
	}
	return out
}

// downtimeArgs reads the times that were said.
func (a *Alerts) downtimeArgs(r actions.Request) (DowntimeArgs, error) {
	hold, err := holdOf(r)
	if err != nil {
		return DowntimeArgs{}, err
	}
	if hold == 0 {
		return DowntimeArgs{}, errors.New("for how long? say for example: for 2h, or until 18:00")
	}
	now := a.opt.Now()
	if !r.At.IsZero() {
		now = r.At
	}
	args := DowntimeArgs{
		Service: r.One("service"), HostOnly: r.Has("host-only"), Children: r.Has("children"), By: r.Actor.String(), Why: r.One("reason"),
		From: now.UTC().Truncate(time.Second), Zone: a.zone(r.Actor).String(),
	}
	if text := r.One("start"); text != "" {
		if args.From, err = time.Parse(time.RFC3339, text); err != nil {
			return args, fmt.Errorf("from when? %q is no time", text)
		}
		args.From = args.From.UTC()
	}
	args.Until = args.From.Add(hold)
	if r.Has("flexible") {
		args.Flexible, args.Until = hold, args.From.Add(window)
		if within := r.Options["within"]; within != "" {
			d, err := time.ParseDuration(within)
			if err != nil || d < time.Minute {
				return args, fmt.Errorf("within what time? %q is no duration of a minute or more; say for example: --within 8h", within)
			}
			args.Until = args.From.Add(d)
		}
	} else if r.Options["within"] != "" {
		return args, errors.New("--within is for a downtime that begins with a problem: say --flexible, too")
	}
	if args.Service != "" && args.HostOnly {
		return args, errors.New("--host-only and a service do not go together: leave one out")
	}
	if !args.Until.After(now) {
		return args, fmt.Errorf("it would be over already: it ends %s", stamp(args.Until.In(a.zone(r.Actor))))
	}
	return args, nil
}

// Downed is what an icinga.downtime step did.
type Downed struct {
	Author string `json:"author"`
	Marker string `json:"marker"` // by which the downtimes of this step are known
}

// markerOf names a step on a node, whatever attempt: Do and Undo know each other's by it.
func markerOf(c run.Call) string { return fmt.Sprintf("%s/%d/%s", c.Run, c.Step, c.Node) }

// downer does icinga.downtime.
type downer struct{ a *Alerts }

// Do implements [run.Executor]. It sets what is not set yet and reads back; what is there already bears the step's marker.
func (x downer) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var args DowntimeArgs
	if err := x.a.decode(KindDowntime, c, &args); err != nil {
		return run.Result{}, err
	}
	host, done := args.Hosts.of(c.Node), Downed{x.a.author(args.By), markerOf(c)}
	status, err := x.a.opt.Icinga.Status(ctx)
	if err != nil {
		return run.Result{}, again(err)
	}
	want, err := x.targets(ctx, host, args)
	if err != nil {
		return run.Result{}, err
	}
	d := icinga.Downtime{Author: done.Author, Comment: because(args.Why, "downtime"), Marker: done.Marker, From: args.From, Until: args.Until, Flexible: args.Flexible}
	have, err := x.set(ctx, host, want, d, args)
	if err != nil {
		return run.Result{}, err
	}
	others := 0
	for _, h := range have {
		if h.Host != host {
			others++
		}
	}
	if missing := lacking(host, want, have); len(missing) > 0 {
		name := actions.Alert{Host: host, Service: missing[0]}.Object()
		return run.Result{}, actions.Temporary{Err: fmt.Errorf("the downtime of %s is not there when it is read back: Icinga2 may have been reloading", name)}
	}
	x.a.keeper.drop(done.Author, done.Marker) // of an earlier try
	d.Children = args.Children
	x.a.keeper.add(&kept{host: host, want: want, set: d, at: x.a.opt.Now(), started: status.ProgramStart})
	return run.Result{Say: x.said(host, want, others, args), Data: actions.Encode(done)}, nil
}

// set sets the downtimes, the host's with those of its services in one call, then what is still missing one by one, and returns what is there.
func (x downer) set(ctx context.Context, host string, want []string, d icinga.Downtime, args DowntimeArgs) ([]icinga.ScheduledDowntime, error) {
	d.Children, d.Services = args.Children, len(want) > 1
	if err := x.a.opt.Icinga.ScheduleDowntime(ctx, host, want[0], d); err != nil {
		return nil, again(err)
	}
	d.Children, d.Services = false, false
	for {
		have, err := x.a.opt.Icinga.Downtimes(ctx, "", d.Author, d.Marker)
		if err != nil {
			return nil, again(err)
		}
		missing := lacking(host, want, have)
		if len(missing) == 0 || slices.Equal(missing, want) {
			return have, nil
		}
		for _, service := range missing {
			if err := x.a.opt.Icinga.ScheduleDowntime(ctx, host, service, d); err != nil {
				return nil, again(err)
			}
		}
		want = missing
	}
}

// lacking returns the services without a downtime, "" for the host itself.
func lacking(host string, want []string, have []icinga.ScheduledDowntime) []string {
	return slices.DeleteFunc(slices.Clone(want), func(service string) bool {
		return slices.ContainsFunc(have, func(h icinga.ScheduledDowntime) bool { return h.Host == host && h.Service == service })
	})
}

// targets are the services of a host that a step is for, "" for the host itself.
func (x downer) targets(ctx context.Context, host string, args DowntimeArgs) ([]string, error) {
	if args.Service != "" {
		return []string{args.Service}, nil
	}
	if args.HostOnly {
		return []string{""}, nil
	}
	all, err := x.a.opt.Icinga.Checkables(ctx, host)
	if err != nil {
		return nil, again(err)
	}
	out := make([]string, len(all))
	for i, k := range all {
		out[i] = k.Service
	}
	return out, nil
}

// said tells what is in force, as read back.
func (x downer) said(host string, want []string, others int, args DowntimeArgs) string {
	zone, err := time.LoadLocation(args.Zone)
	if err != nil {
		zone = time.UTC
	}
	what := countOf(host, len(want)-1)
	if args.Service != "" {
		what = host + "!" + args.Service
	}
	if others > 0 {
		what += " and " + actions.Counted(others, "dependent object")
	}
	switch {
	case args.Flexible > 0:
		return fmt.Sprintf("%s: in downtime for %s from the first problem before %s", what, args.Flexible, stamp(args.Until.In(zone)))
	case args.From.After(x.a.opt.Now()):
		return fmt.Sprintf("%s: a downtime from %s until %s is set", what, stamp(args.From.In(zone)), stamp(args.Until.In(zone)))
	}
	return fmt.Sprintf("%s: in downtime until %s", what, stamp(args.Until.In(zone)))
}

// Undo implements [run.Undoer]. It ends the downtimes that bear the step's marker, and no other.
func (x downer) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	var args DowntimeArgs
	if err := x.a.decode(KindDowntime, c, &args); err != nil {
		return run.Result{}, err
	}
	host := args.Hosts.of(c.Node)
	n, err := x.a.cancel(ctx, x.a.author(args.By), markerOf(c))
	switch {
	case err != nil:
		return run.Result{}, err
	case n == 0:
		return run.Result{Say: host + ": the downtime has ended already"}, nil
	}
	return run.Result{Say: fmt.Sprintf("%s: ended %s of this run", host, actions.Counted(n, "downtime"))}, nil
}

// cancel ends all downtimes with that marker, and proves that none is left.
func (a *Alerts) cancel(ctx context.Context, author, marker string) (int, error) {
	a.keeper.drop(author, marker)
	have, err := a.opt.Icinga.Downtimes(ctx, "", author, marker)
	if err != nil {
		return 0, again(err)
	}
	for _, d := range have {
		if err := a.opt.Icinga.CancelDowntime(ctx, d.Name); err != nil {
			return 0, again(err)
		}
	}
	if len(have) == 0 {
		return 0, nil
	}
	left, err := a.opt.Icinga.Downtimes(ctx, "", author, marker)
	if err == nil && len(left) > 0 {
		err = actions.Temporary{Err: fmt.Errorf("%s is still in downtime when it is read back", left[0].Object())}
	}
	return len(have), again(err)
}

// because is the text beside a downtime: the author has a field of its own.
func because(why, otherwise string) string {
	if why == "" {
		return otherwise + " set in chat"
	}
	return why
}

// decode reads the arguments of a step.
func (a *Alerts) decode(kind string, c run.Call, args any) error {
	if a.opt.Icinga == nil {
		return errNotConfigured
	}
	if err := json.Unmarshal(c.Args, args); err != nil {
		return fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return nil
}
