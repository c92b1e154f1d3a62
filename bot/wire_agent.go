package bot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/overlay/kernel"
)

// agentsListener returns the address for agents, if there is one.
func agentsListener(cfg *config.Config) (config.Listener, bool) {
	i := slices.IndexFunc(cfg.Listeners, func(l config.Listener) bool { return slices.Contains(l.Serve, config.GroupAgents) })
	if i < 0 {
		return config.Listener{}, false
	}
	return cfg.Listeners[i], true
}

// openAgents lets the agents of nodes in: by the listener of the group agents, and without one from this process alone.
func (a *App) openAgents(ctx, work context.Context, cfg *config.Config) error {
	o := agent.GateOptions{
		Dir: filepath.Join(cfg.DataDir, "agents"), Store: a.store, Incarnation: agent.IncarnationOf(a.store.Incarnation()), Log: a.log.With("room", "agent"),
		VTEP: a.vtepOf, Passphrase: cfg.Store.Export.Passphrase,
		Observing: func(ctx context.Context) (bool, error) {
			observing, _, err := a.store.ObserveOnly(ctx)
			return observing, err
		},
	}
	if l, ok := agentsListener(cfg); ok {
		o.Listen, o.CertificateFile, o.KeyFile = l.Address, l.Certificate, l.Key
	}
	g, err := agent.Open(ctx, o)
	if err != nil {
		return err
	}
	a.gate = g
	if err := newAgentMetrics(a.metrics.Registry(), g); err != nil {
		return err
	}
	a.own("agents", g.Close)
	if a.opts.Agent != "" {
		return a.openOwnAgent(ctx, work, cfg)
	}
	return nil
}

// vtepOf is the address that the inventory gives a node, where it is an IP address.
func (a *App) vtepOf(node string) netip.Addr {
	desk := a.begun.Load()
	if desk == nil || desk.view.Load() == nil {
		return netip.Addr{} // the start is under way: the next report asks again
	}
	n, err := desk.view.Load().World.Node(context.Background(), node)
	if err != nil {
		return netip.Addr{}
	}
	address, _ := netip.ParseAddr(n.Address) // what is none is the name of a host
	return address
}

// enrolment makes the lines that let agents in, or is nil where no agent can come.
func (a *App) enrolment() func(ctx context.Context, id, by string) (node.Pass, error) {
	if a.gate.Addr() == "" {
		return nil
	}
	return func(ctx context.Context, id, by string) (node.Pass, error) {
		code, err := a.gate.NewCode(ctx, id, by)
		return node.Pass{Line: code.Line, Until: code.Until}, err
	}
}

// enrolIntent is the verb behind "opsbot enrol", too.
const enrolIntent = "node.enrol"

// socketEnrol is node.enrol for whoever is at the bot's machine: the line alone. Root and the bot's own user need no role.
func (a *App) socketEnrol(ctx context.Context, p socket.Peer, id string) (string, error) {
	v := a.desk.view.Load()
	r := actions.Request{
		Intent: enrolIntent, Slots: map[string][]string{"node": {id}}, Text: "enrol " + id, Actor: v.Policy.Who(p.Identity()), At: time.Now(),
		Origin: actions.Origin{Door: socket.DoorName, Channel: p.Identity()},
	}
	verb := a.desk.verbs[enrolIntent]
	if !trusted(p) {
		c := policy.Case{Request: r, Risk: verb.Risk, World: v.World, Now: r.At}
		if verdict := handsOut(r, v.Policy.Decide(ctx, c)); !verdict.Allow {
			return "", fmt.Errorf("%w: %s; %s", socket.ErrRefused, verdict.Why, verdict.Next)
		}
	}
	if err := a.audit.Append(ctx, entry(r, policy.Entry{Decision: policy.Answered, Risk: verb.Risk})); err != nil {
		return "", fmt.Errorf("write the audit log, so nobody is let in: %w", err)
	}
	answer, err := verb.Answer(ctx, r, v.World)
	if errors.Is(err, actions.ErrUnknown) {
		return "", &socket.Problem{Text: err.Error(), Hint: "a node is added first: add node NAME ADDRESS in SITE", Exit: door.NotFound}
	}
	if err != nil {
		return "", err
	}
	return answer.Code[0], nil
}

// AgentsAddr returns where agents connect, with the port it got, or "".
func (a *App) AgentsAddr() string { return a.gate.Addr() }

// Gate returns the bot's end of all agents.
func (a *App) Gate() *agent.Gate { return a.gate }

// openOwnAgent runs the agent of this machine in this process. It enrols by a code like any other, which nobody needs to type.
func (a *App) openOwnAgent(ctx, work context.Context, cfg *config.Config) error {
	o := agent.Options{Dir: filepath.Join(cfg.DataDir, "agent"), Local: a.gate, Version: ops.Version().String(), Log: a.log.With("room", "agent", "node", a.opts.Agent)}
	p := &planes{options: kernel.Options{Instance: cfg.Icinga.Instance}, log: o.Log}
	o.Open, o.Handlers = p.open, p.handlers()
	known, err := agent.New(o)
	if err != nil {
		return err
	}
	if known.Node() != a.opts.Agent {
		code, err := a.gate.NewCode(ctx, a.opts.Agent, "serve --agent")
		if err != nil {
			return err
		}
		o.Code = code.Text
	}
	own, err := agent.New(o)
	if err != nil {
		return err
	}
	live, stop := context.WithCancel(work)
	done := make(chan error, 1)
	go func() { done <- own.Run(live) }()
	a.own("agent", func(ctx context.Context) error {
		stop()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return fmt.Errorf("the agent does not end in time: %w", ctx.Err())
		}
	})
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := a.gate.Wait(ready, a.opts.Agent, func(s agent.Status) bool { return s.Health != agent.Offline && s.Health != agent.NotEnrolled }); err != nil {
		select {
		case failed := <-done:
			done <- nil
			return fmt.Errorf("agent of %s: %w", a.opts.Agent, failed)
		default:
			return err
		}
	}
	return nil
}
