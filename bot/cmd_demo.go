package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/demo"
	"github.com/shitops/opsbot/bot/demo/nodes"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/intents"
)

func (p *program) demoCommand() *cobra.Command {
	var tour bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "try the bot on an edge that is made on this machine",
		Long: `Make an edge on this machine, on free ports and in a temporary folder: an HLS origin, two caches, a monitoring server, and the bot that looks after
them. Varnish and Icinga2 are the real ones where they are installed, and small stand-ins else; it says which. On a terminal there is a prompt, with
an incident to begin with.

On Linux it makes three nodes besides, network namespaces on one underlay, each with a real agent, for segments. Root makes them by its own right,
everybody else in user, network and mount namespaces of their own. Where the machine forbids that it says why, and segments are on paper alone.

With --tour, or without a terminal, a scripted conversation is played that touches everything that can be said. It ends with 0 only if the effect
of every line was found at the caches, at the origin, in the monitoring and in the kernels of the nodes. Nothing is left behind.`,
		Args: exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error { return p.demo(ctx, tour) }),
	}
	c.Flags().BoolVar(&tour, "tour", false, "play the scripted conversation, also on a terminal")
	return c
}

// holderCommand is the command by which the demo starts the holder of its nodes.
const holderCommand = "demo-nodes"

// holderCommand holds the nodes of a demo. It is for the demo alone.
func (p *program) holderCommand() *cobra.Command {
	return &cobra.Command{
		Use: holderCommand, Hidden: true, Args: exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error {
			p.takeTime(nil)
			return nodes.Hold(ctx, p.stdin, p.stdout)
		}),
	}
}

// demo makes the world, starts the bot in it, and ends both.
func (p *program) demo(ctx context.Context, tour bool) (err error) {
	dir, err := os.MkdirTemp("", "opsbot-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	p.takeTime(nil) // what was begun is ended in good order, so that nothing is left behind
	defer func() {
		if errors.Is(context.Cause(ctx), errInterrupted) {
			err = &failure{exit: door.Interrupted, err: errInterrupted}
		}
	}()
	d := &demonstration{program: p}
	d.serving.program = p
	if !tour {
		if err := d.serving.openConsole(); err != nil {
			return err
		}
	}
	d.begin()
	d.world, err = demo.Start(ctx, demo.Options{Dir: dir, Program: program, Holder: []string{holderCommand}})
	if err != nil {
		return errors.Join(err, d.leave())
	}
	defer func() { err = errors.Join(err, d.world.Stop()) }()
	return errors.Join(d.live(ctx), d.leave())
}

// demonstration is one life of the demo.
type demonstration struct {
	*program
	serving serving // for its console and its log
	world   *demo.World
	app     *App
}

// out is where the demo tells what it does.
func (d *demonstration) out() io.Writer {
	if d.serving.console != nil {
		return d.serving.printer
	}
	return d.stdout
}

func (d *demonstration) leave() error {
	if d.serving.console == nil {
		return nil
	}
	return d.serving.console.Close()
}

func (d *demonstration) begin() {
	fmt.Fprintln(d.out(), "OpsBot demo: making an edge on this machine, which takes some seconds.")
}

// live starts the bot, talks, and stops it.
func (d *demonstration) live(ctx context.Context) error {
	load := func() (*config.Config, error) { return config.Load(d.world.File, config.Options{}) }
	cfg, err := load()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.serving.setLevel(cfg)
	d.app, err = New(Options{Config: cfg, Load: load, Log: d.serving.newLog("text")})
	if err != nil {
		return err
	}
	if err := d.app.Start(ctx); err != nil {
		return err
	}
	err = d.world.Connect(ctx, d.app.HooksAddr())
	if err == nil {
		var byWord []string
		if d.serving.console == nil {
			byWord = demo.Untold()
		}
		err = d.world.Enrol(ctx, demoAgents{d.app}, byWord...)
	}
	if err == nil {
		fmt.Fprintf(d.out(), "\n  %s\n  bot      %s\n", strings.Join(d.world.Parts(), "\n  "), filepath.Dir(d.world.File))
		err = d.talk(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return errors.Join(err, d.app.Stop(ctx))
}

// talk is the tour or the prompt.
func (d *demonstration) talk(ctx context.Context) error {
	if d.serving.console == nil {
		t := &demo.Tour{World: d.world, Bot: demoBot{d.app}, Out: d.stdout, Style: reply.Detect(d.getenv, false, 0)}
		return t.Play(ctx, demo.Scenes())
	}
	if err := d.world.Incident(ctx); err != nil {
		return err
	}
	return terminal.Run(ctx, terminal.Options{
		Desk: d.world.Desk(d.app.Desk()), As: demo.Anna, Screen: d.serving.console, Printer: d.serving.printer, Feed: d.app.Feed(ctx), Hello: d.world.Hello(),
		Leave: "Once more ends the demo; nothing of it stays.",
	})
}

// demoAgents lets the agents of the demo in, as an operator would.
type demoAgents struct{ *App }

// EnrolLine implements [demo.Agents].
func (a demoAgents) EnrolLine(ctx context.Context, node string) (string, error) {
	code, err := a.gate.NewCode(ctx, node, demo.Anna)
	return code.Line, err
}

// Ready implements [demo.Agents].
func (a demoAgents) Ready(ctx context.Context, node string) error {
	s, err := a.gate.Wait(ctx, node, func(s agent.Status) bool {
		return s.Health == agent.OK && s.Generation > 0 && s.Report.Facts.Underlay > 0 && !s.Report.Facts.MissingVTEP
	})
	if err != nil {
		return fmt.Errorf("it is %s: %s: %w", s.Health, s.Why, err)
	}
	return nil
}

// demoBot is the face of the bot that the tour sees.
type demoBot struct{ *App }

// Intents are all that the catalogue has.
func (b demoBot) Intents() []string {
	var out []string
	for _, s := range b.catalog.Intents() {
		out = append(out, s.Name)
	}
	return out
}

// Understand returns the intents of a line.
func (b demoBot) Understand(line string) []string {
	v := b.desk.view.Load()
	var out []string
	for _, c := range v.Parser.Parse(intents.Utterance{Text: line, Now: time.Now(), Zone: v.Zone, Door: intents.DoorTerminal}).Commands {
		out = append(out, c.Name)
	}
	return out
}
