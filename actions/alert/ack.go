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
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/icinga"
)

// AckArgs are the arguments of the steps: one object each.
type AckArgs struct {
	Host    string        `json:"host"`
	Service string        `json:"service,omitempty"`
	By      string        `json:"by"`
	Why     string        `json:"why,omitempty"`
	For     time.Duration `json:"for,omitempty"`
}

func (a AckArgs) object() string { return actions.Alert{Host: a.Host, Service: a.Service}.Object() }

// planAck plans one step for each problem of the nodes.
func (a *Alerts) planAck(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	hold, err := holdOf(r)
	if err != nil {
		return actions.Plan{}, err
	}
	p, err := a.plan(ctx, r, KindAck, hold, func(o icinga.Object) bool { return !o.Acknowledged })
	p.Hold = hold
	return p, err
}

func (a *Alerts) planUnack(ctx context.Context, r actions.Request, _ actions.World) (actions.Plan, error) {
	return a.plan(ctx, r, KindUnack, 0, func(o icinga.Object) bool { return o.Acknowledged })
}

func (a *Alerts) plan(ctx context.Context, r actions.Request, kind string, hold time.Duration, fits func(icinga.Object) bool) (actions.Plan, error) {
	if a.opt.Icinga == nil {
		return actions.Plan{}, errNotConfigured
	}
	nodes := r.All("node")
	if len(nodes) == 0 {
		return actions.Plan{}, errors.New("which node? name one, or say alerts to see what stands")
	}
	objects, err := a.opt.Icinga.Problems(ctx, "")
	if err != nil {
		return actions.Plan{}, fmt.Errorf("read the problems from Icinga2: %w", err)
	}
	p := actions.Plan{Request: r, Risk: actions.Reversible}
	verb := map[string]string{KindAck: "acknowledge", KindUnack: "remove the acknowledgement of"}[kind]
	count := 0
	var left []string // what the words name and the plan does not touch, and why
	for _, node := range nodes {
		g := actions.Group{Nodes: []string{node}, KeepGoing: true}
		for _, o := range objects {
			if !strings.EqualFold(o.Host, node) || !serviceFits(r.One("service"), o.Service) {
				continue
			}
			if !fits(o) {
				left = append(left, o.Name()+": "+map[string]string{KindAck: "it is acknowledged already", KindUnack: "it is not acknowledged"}[kind])
				continue
			}
			args := AckArgs{Host: o.Host, Service: o.Service, By: r.Actor.String(), Why: r.One("reason"), For: hold}
			g.Steps = append(g.Steps, actions.Step{Kind: kind, Key: "icinga/" + o.Name(), Args: actions.Encode(args), Say: fmt.Sprintf("%s %s (%s)", verb, o.Name(), o.State)})
		}
		if len(g.Steps) > 0 {
			p.Groups = append(p.Groups, g)
			count += len(g.Steps)
		}
	}
	if count == 0 {
		return actions.Plan{}, nothing(r, kind, left)
	}
	for _, l := range left {
		p.Notes = append(p.Notes, "left out is "+l)
	}
	p.Say = fmt.Sprintf("%s %d problems on %s", verb, count, strings.Join(nodes, ", "))
	if count == 1 {
		p.Say = p.Groups[0].Steps[0].Say
	}
	if hold > 0 {
		p.Say += " for " + hold.String()
	}
	return p, nil
}

func nothing(r actions.Request, kind string, left []string) error {
	if len(left) > 0 {
		return fmt.Errorf("nothing to do: %s", strings.Join(left, "; "))
	}
	what := strings.Join(r.All("node"), ", ")
	if s := r.One("service"); s != "" {
		what += ", service " + s
	}
	if kind == KindUnack {
		return fmt.Errorf("%s: no acknowledged problem stands there; say alerts to see what stands", what)
	}
	return fmt.Errorf("%s: no problem stands there; say alerts to see what stands", what)
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

// Acked is what an icinga.ack step did.
type Acked struct {
	Ours   bool      `json:"ours"`            // else it was acknowledged, or well, before
	Expiry time.Time `json:"expiry,omitzero"` // by which it is known later
	Since  time.Time `json:"since,omitzero"`  // of the problem's hard state
}

// noted is what is written down before an acknowledgement is made, so that a repeated step knows its own.
type noted struct {
	Acked
	Key string `json:"key"`
}

const (
	notedTTL = 24 * time.Hour
	// slack is how much later Icinga2 ends by itself what the bot ends: it counts when the bot is dead.
	slack = time.Minute
)

// acker does icinga.ack.
type acker struct{ a *Alerts }

// Do implements [run.Executor]. What is acknowledged already, by whomever, is done; what is well needs none.
func (x acker) Do(ctx context.Context, c run.Call) (run.Result, error) {
	args, err := x.a.args(KindAck, c)
	if err != nil {
		return run.Result{}, err
	}
	o, err := x.a.opt.Icinga.Object(ctx, args.Host, args.Service)
	if err != nil {
		return run.Result{}, again(err)
	}
	key := noteKey(c.Run, c.Step, c.Node)
	before, err := x.a.note(ctx, key)
	if err != nil {
		return run.Result{}, again(err)
	}
	if o.State.Good() {
		return run.Result{Say: o.Name() + " is " + string(o.State) + ": nothing to acknowledge", Data: actions.Encode(Acked{})}, nil
	}
	if o.Acknowledged && before == nil {
		return run.Result{Say: o.Name() + " was acknowledged already", Data: actions.Encode(Acked{})}, x.answered(ctx, args)
	}
	if before == nil {
		if before, err = x.writeNote(ctx, key, c.Key, args, o); err != nil {
			return run.Result{}, again(err)
		}
	}
	ack := icinga.Ack{Author: x.a.author(args.By), Comment: comment(args), Expiry: before.Expiry, Sticky: false, Notify: true}
	if err := x.a.opt.Icinga.Acknowledge(ctx, args.Host, args.Service, ack); err != nil {
		if errors.Is(err, icinga.ErrConflict) {
			return run.Result{Say: o.Name() + " is well meanwhile: nothing to acknowledge", Data: actions.Encode(Acked{})}, nil
		}
		return run.Result{}, again(err)
	}
	return run.Result{Say: "acknowledged " + o.Name(), Data: actions.Encode(before.Acked)}, x.answered(ctx, args)
}

func (x acker) answered(ctx context.Context, args AckArgs) error {
	if x.a.opt.Answered == nil {
		return nil
	}
	return again(x.a.opt.Answered(ctx, args.object(), args.By))
}

// writeNote notes that the acknowledgement that will be there is ours.
func (x acker) writeNote(ctx context.Context, key, call string, args AckArgs, o icinga.Object) (*noted, error) {
	n := &noted{Acked: Acked{Ours: true, Since: o.LastHardStateChange}, Key: call}
	if args.For > 0 {
		n.Expiry = x.a.opt.Now().Add(args.For + slack).UTC().Truncate(time.Millisecond)
	}
	_, err := x.a.opt.KV.CreateFor(ctx, key, actions.Encode(n), notedTTL)
	if err == nil {
		return n, nil
	}
	if have, readErr := x.a.note(ctx, key); readErr == nil && have != nil {
		return have, nil
	}
	return nil, fmt.Errorf("note that %s is acknowledged: %w", o.Name(), err)
}

func (a *Alerts) note(ctx context.Context, key string) (*noted, error) {
	e, err := a.opt.KV.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look whether this step has acknowledged already: %w", err)
	}
	var n noted
	if err := json.Unmarshal(e.Value, &n); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return &n, nil
}

// noteKey names a step on a node. Names of nodes have no dots; to be sure they are replaced.
func noteKey(run string, step int, node string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, run+"="+node)
	return fmt.Sprintf("ack.%s.%d", safe, step)
}

// Undo implements [run.Undoer]. It removes the acknowledgement that this step made, and no other's.
func (x acker) Undo(ctx context.Context, c run.Call, done run.Result) (run.Result, error) {
	args, err := x.a.args(KindAck, c)
	if err != nil {
		return run.Result{}, err
	}
	var acked Acked
	if len(done.Data) > 0 {
		if err := json.Unmarshal(done.Data, &acked); err != nil {
			return run.Result{}, fmt.Errorf("what was acknowledged on %s: %w", args.object(), err)
		}
	} else if n, err := x.a.note(ctx, noteKey(c.Run, c.Step, c.Node)); err != nil {
		return run.Result{}, again(err)
	} else if n != nil {
		acked = n.Acked
	}
	if !acked.Ours {
		return run.Result{Say: args.object() + ": the acknowledgement is not of this run, and stays"}, nil
	}
	o, err := x.a.opt.Icinga.Object(ctx, args.Host, args.Service)
	if errors.Is(err, icinga.ErrNotFound) {
		return run.Result{Say: args.object() + " is monitored no more, nor is it acknowledged"}, nil
	}
	if err != nil {
		return run.Result{}, again(err)
	}
	switch {
	case !o.Acknowledged:
		return run.Result{Say: o.Name() + ": the acknowledgement has ended already"}, nil
	case o.LastGood.After(acked.Since):
		return run.Result{Say: o.Name() + " was well since: the acknowledgement is of another problem, and stays"}, nil
	case !sameExpiry(o.AckExpiry, acked.Expiry):
		return run.Result{Say: o.Name() + ": somebody else has acknowledged it since, which stays"}, nil
	}
	if err := x.a.opt.Icinga.RemoveAcknowledgement(ctx, args.Host, args.Service, x.a.author(args.By)); err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: "removed the acknowledgement of " + o.Name()}, nil
}

// Verify implements [run.Verifier]: what was acknowledged by this step is so when it is read back.
func (x acker) Verify(ctx context.Context, c run.Call, done run.Result) error {
	var acked Acked
	if err := json.Unmarshal(done.Data, &acked); err != nil || !acked.Ours {
		return err
	}
	return x.a.readBack(ctx, KindAck, c, true)
}

// readBack holds an object against what was done to its acknowledgement. What is well meanwhile has none, rightly.
func (a *Alerts) readBack(ctx context.Context, kind string, c run.Call, want bool) error {
	args, err := a.args(kind, c)
	if err != nil {
		return err
	}
	o, err := a.opt.Icinga.Object(ctx, args.Host, args.Service)
	switch {
	case err != nil:
		return again(fmt.Errorf("read %s back: %w", args.object(), err))
	case o.Acknowledged != want && !o.State.Good():
		return actions.Temporary{Err: fmt.Errorf("read back, %s is acknowledged: %v", o.Name(), o.Acknowledged)}
	}
	return nil
}

// sameExpiry compares times that went through a floating-point number.
func sameExpiry(a, b time.Time) bool {
	return a.IsZero() && b.IsZero() || a.Sub(b).Abs() <= 2*time.Millisecond
}

func comment(a AckArgs) string {
	if a.Why == "" {
		return "acknowledged in chat"
	}
	return a.Why
}

func (a *Alerts) args(kind string, c run.Call) (AckArgs, error) {
	var args AckArgs
	if a.opt.Icinga == nil {
		return args, errNotConfigured
	}
	if err := json.Unmarshal(c.Args, &args); err != nil {
		return args, fmt.Errorf("arguments of %s: %w", kind, err)
	}
	return args, nil
}

// unacker does icinga.unack.
type unacker struct{ a *Alerts }

// Do implements [run.Executor].
func (x unacker) Do(ctx context.Context, c run.Call) (run.Result, error) {
	args, err := x.a.args(KindUnack, c)
	if err != nil {
		return run.Result{}, err
	}
	if err := x.a.opt.Icinga.RemoveAcknowledgement(ctx, args.Host, args.Service, x.a.author(args.By)); err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: "removed the acknowledgement of " + args.object()}, nil
}

// Verify implements [run.Verifier].
func (x unacker) Verify(ctx context.Context, c run.Call, _ run.Result) error {
	return x.a.readBack(ctx, KindUnack, c, false)
}

// Undo implements [run.Undoer]. It acknowledges again, in the name of the one who had it removed: whose it was is not known any more.
func (x unacker) Undo(ctx context.Context, c run.Call, _ run.Result) (run.Result, error) {
	args, err := x.a.args(KindUnack, c)
	if err != nil {
		return run.Result{}, err
	}
	args.Why = strings.Join(slices.DeleteFunc([]string{"acknowledged again by an undo", args.Why}, func(s string) bool { return s == "" }), ": ")
	err = x.a.opt.Icinga.Acknowledge(ctx, args.Host, args.Service, icinga.Ack{Author: x.a.author(args.By), Comment: comment(args)})
	if errors.Is(err, icinga.ErrConflict) {
		return run.Result{Say: args.object() + " is well: nothing to acknowledge"}, nil
	}
	if err != nil {
		return run.Result{}, again(err)
	}
	return run.Result{Say: "acknowledged " + args.object() + " again"}, nil
}
