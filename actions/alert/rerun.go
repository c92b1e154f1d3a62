package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/icinga"
)

// RerunArgs are the arguments of a step icinga.rerun, which is done on each node by itself.
type RerunArgs struct {
	Hosts   hosts  `json:"hosts,omitempty"`
	Service string `json:"service,omitempty"` // empty for the host and its services
}

const (
	// Icinga2's own limit of a check that names none is 60 s (icinga2 documentation, "CheckCommand", "timeout").
	checkTimeout = time.Minute
	checkLongest = 5 * time.Minute        // and no step waits longer than this
	checkGrace   = 10 * time.Second       // for the check to begin and its result to arrive
	checkLook    = 250 * time.Millisecond // between two looks
)

func (a *Alerts) planRerun(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	all, names, notes, err := a.watch(ctx, r)
	if err != nil {
		return actions.Plan{}, err
	}
	args := RerunArgs{Hosts: names, Service: r.One("service")}
	var nodes []string
	for _, w := range all {
		checked := slices.ContainsFunc(w.all, func(k icinga.Checkable) bool { return !k.Reported() })
		for _, k := range w.all {
			if k.Reported() && (args.Service != "" || !checked) {
				notes = append(notes, k.Name()+" is left out: its results are reported from outside, and a check by Icinga2 would only say that none came")
			}
		}
		if checked {
			nodes = append(nodes, w.node)
		}
	}
	if len(nodes) == 0 {
		return actions.Plan{}, fmt.Errorf("nothing to check: %s", strings.Join(notes, "; "))
	}
	what := "{{node}} and its services"
	if args.Service != "" {
		args.Service = all[0].all[0].Service
		what = "{{node}}!" + args.Service
	}
	return actions.Plan{
		Request: r, Risk: actions.Reversible, Say: "check " + strings.ReplaceAll(what, "{{node}}", strings.Join(nodes, ", ")) + " now", Notes: notes,
		Groups: []actions.Group{{Nodes: nodes, KeepGoing: true, Steps: []actions.Step{{
			Kind: KindRerun, Key: "icinga/check/{{node}}", Args: actions.Encode(args), Say: "check " + what + " now", NoUndo: "what was checked was checked",
		}}}},
	}, nil
}

// rerunner does icinga.rerun.
type rerunner struct{ a *Alerts }

// CanStop implements [run.Stoppable]. A check that is asked for is made all the same.
func (rerunner) CanStop(run.Call) bool { return true }

// Timeout implements [run.Timed].
func (rerunner) Timeout(run.Call) time.Duration { return checkLongest + 2*checkGrace }

// Do implements [run.Executor]. It asks for the checks and waits for their results. Done twice it checks twice, which harms nobody.
func (x rerunner) Do(ctx context.Context, c run.Call) (run.Result, error) {
	var args RerunArgs
	if err := x.a.decode(KindRerun, c, &args); err != nil {
		return run.Result{}, err
	}
	host := args.Hosts.of(c.Node)
	all, err := x.a.opt.Icinga.Checkables(ctx, host)
	if err != nil {
		return run.Result{}, again(err)
	}
	before := map[string]time.Time{}
	patience := time.Duration(0)
	for _, k := range meant(all, args.Service) {
		if k.Reported() {
			continue
		}
		if err := x.a.opt.Icinga.Reschedule(ctx, k.Host, k.Service); err != nil {
			return run.Result{}, again(err)
		}
		before[k.Name()] = k.LastCheck
		if k.Timeout == 0 {
			k.Timeout = checkTimeout
		}
		patience = max(patience, min(k.Timeout, checkLongest)+checkGrace)
	}
	if len(before) == 0 {
		return run.Result{Say: host + ": nothing there is checked by Icinga2 itself"}, nil
	}
	found, err := x.await(ctx, c, host, before, patience)
	if err != nil {
		return run.Result{}, err
	}
	return run.Result{Say: found}, nil
}

// await waits until all have a newer result, and says what they are.
func (x rerunner) await(ctx context.Context, c run.Call, host string, before map[string]time.Time, patience time.Duration) (string, error) {
	end := time.Now().Add(patience)
	for {
		all, err := x.a.opt.Icinga.Checkables(ctx, host)
		if err != nil {
			return "", again(err)
		}
		var said, late []string
		for _, k := range all {
			was, asked := before[k.Name()]
			switch {
			case !asked:
			case k.LastCheck.After(was):
				said = append(said, verdict(k.Object))
			default:
				late = append(late, k.Name())
			}
		}
		if len(late) == 0 {
			return summary(host, said), nil
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("not checked within %s: %s; look whether Icinga2's checker runs, and the agent of the host", patience, strings.Join(late, ", "))
		}
		if c.Progress != nil {
			c.Progress("waiting for "+late[0], len(said), len(before))
		}
		if err := pause(ctx, checkLook); err != nil {
			return "", err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// verdict says "WARNING Cache Hit Rate: hit ratio 61 %", with the host's own result under its name.
func verdict(o icinga.Object) string {
	first, _, _ := strings.Cut(o.Output, "\n")
	const most = 120
	if len(first) > most {
		first = strings.ToValidUTF8(first[:most], "") + "..."
	}
	what := o.Service
	if what == "" {
		what = o.Host
	}
	return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", o.State, what, first), ": ")
}

// summary says all of a few, and of many those that are not well.
func summary(host string, said []string) string {
	const most = 6
	if len(said) <= most {
		return host + " was checked: " + strings.Join(said, "; ")
	}
	well := 0
	var bad []string
	for _, s := range said {
		if strings.HasPrefix(s, string(icinga.OK)) || strings.HasPrefix(s, string(icinga.Up)) {
			well++
		} else {
			bad = append(bad, s)
		}
	}
	bad = append(bad[:min(len(bad), most):min(len(bad), most)], fmt.Sprintf("%d of %d well", well, len(said)))
	return host + " was checked: " + strings.Join(bad, "; ")
}
