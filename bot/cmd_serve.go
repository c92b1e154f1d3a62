package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/door/terminal"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/internal/secret"
)

// stopTime is how long an end in good order may take. A unit's TimeoutStopSec is longer.
const stopTime = 25 * time.Second

// serveOptions are the flags of serve.
type serveOptions struct {
	level       string
	acceptEmpty bool
	agent       string
}

func (p *program) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "run the bot",
		Long: `Run the bot: its doors, its engine, its listeners and its local socket. On a terminal there is a prompt, and leaving it stops the bot; elsewhere it
logs to the standard error and runs until it is told to stop.

Signals: TERM and INT stop it in good order within 25 seconds, parking what runs, which goes on at the next start; a second one ends it at once. HUP
reads the configuration again; a bad one changes nothing. USR1 writes the stacks of all goroutines and the runs under way to the log.

Under systemd it tells when it is ready, reloading and stopping, and feeds the watchdog as long as its engine works.`,
		Args: exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error { return p.serve(ctx, o) }),
	}
	c.Flags().StringVar(&o.level, "log-level", "", "`level` of the log: debug, info, warn or error; by default that of the configuration, at a prompt warn")
	c.Flags().BoolVar(&o.acceptEmpty, "accept-empty", false, "start with an empty store where one with data was expected")
	c.Flags().StringVar(&o.agent, "agent", "", "run the agent of this `node` in the same process, for a single machine")
	return c
}

func (p *program) serve(ctx context.Context, o serveOptions) error {
	if o.level != "" {
		if err := oneOf("log-level", o.level, "debug", "info", "warn", "error"); err != nil {
			return err
		}
	}
	cfg, err := p.loadConfig()
	if err != nil {
		return err
	}
	p.takeTime(nil)
	s := &serving{program: p, options: o}
	if err := s.openConsole(); err != nil {
		return err
	}
	s.setLevel(cfg)
	s.log = s.newLog(cfg.Log.Format)
	for _, w := range append(cfg.Warnings, cfg.CheckMachine()...) {
		s.log.Warn("configuration", "say", w.String())
	}
	err = s.live(ctx, cfg)
	if s.console != nil {
		err = errors.Join(err, s.console.Close())
	}
	return err
}

// serving is one life of the bot.
type serving struct {
	*program
	options serveOptions
	console *terminal.Console // nil without a terminal
	printer *terminal.Printer // on the console
	level   slog.LevelVar
	log     *slog.Logger
	app     *App
	notify  *ops.Notifier
}

// openConsole takes the terminal, where there is one.
func (s *serving) openConsole() error {
	in, ok := s.stdin.(*os.File)
	out, ok2 := s.stdout.(*os.File)
	if !ok || !ok2 {
		return nil
	}
	console, ok, err := terminal.Open(in, out)
	if err != nil || !ok {
		return err
	}
	s.console = console
	s.takeTime(func() { _ = console.Close() }) // the process ends with the next instruction
	width, _ := console.Size()
	s.printer = terminal.NewPrinter(console, reply.Detect(s.getenv, true, width), console)
	return nil
}

// setLevel takes the level of the log from the flag, else from the configuration; at a prompt only warnings come between the lines of a
// talk.
func (s *serving) setLevel(cfg *config.Config) {
	name := cfg.Log.Level
	if s.options.level != "" {
		name = s.options.level
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		level = slog.LevelInfo // the configuration and the flag were checked
	}
	if s.console != nil && s.options.level == "" {
		level = max(level, slog.LevelWarn)
	}
	s.level.Set(level)
}

// newLog logs to the standard error, at a prompt above it.
func (s *serving) newLog(format string) *slog.Logger {
	var out io.Writer = s.stderr
	f, ok := s.stderr.(*os.File)
	onTerminal := ok && term.IsTerminal(int(f.Fd()))
	if s.console != nil && onTerminal {
		out = s.printer
	}
	options := &slog.HandlerOptions{Level: &s.level, ReplaceAttr: secret.Redact}
	if format == "json" || format == "auto" && !onTerminal {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// live starts the bot, keeps it until it is told to stop, and stops it.
func (s *serving) live(ctx context.Context, cfg *config.Config) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1) // before the start: HUP would end the process
	defer signal.Stop(signals)
	load := func() (*config.Config, error) {
		c, err := s.loadConfig()
		if err == nil {
			s.setLevel(c)
		}
		return c, err
	}
	app, err := New(Options{Config: cfg, Load: load, Log: s.log, AcceptEmpty: s.options.acceptEmpty, Agent: s.options.agent})
	if err != nil {
		return err
	}
	s.app, s.notify = app, ops.NewNotifier(s.getenv)
	if err := app.Start(ctx); err != nil {
		return err
	}
	s.told(s.notify.Ready(s.summary(cfg)))
	return errors.Join(s.keep(ctx, cfg, signals), s.stop(ctx))
}

// keep watches over the running bot until there is a reason to stop.
func (s *serving) keep(ctx context.Context, cfg *config.Config, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { s.told(s.notify.Watchdog(ctx, s.app.Beat)) })
	left := make(chan error, 1)
	if s.console != nil {
		work.Go(func() { left <- s.talk(ctx, cfg) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-left:
			return err
		case err := <-s.app.Failed():
			return err
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				s.reload(ctx)
			} else {
				s.dump(ctx)
			}
		}
	}
}

// talk is the prompt.
func (s *serving) talk(ctx context.Context, cfg *config.Config) error {
	return terminal.Run(ctx, terminal.Options{
		Desk: s.app.Desk(), As: socket.Current(), Screen: s.console, Printer: s.printer, Feed: s.app.Feed(ctx),
		Hello: fmt.Sprintf("%s is ready: %s. Say \"help\", or leave with Ctrl-D, which stops the bot.", ops.Version(), s.summary(cfg)),
		Leave: "Once more stops the bot; what runs goes on at the next start.",
	})
}

func (s *serving) summary(cfg *config.Config) string {
	return fmt.Sprintf("%s, %s", count(len(cfg.Inventory.Nodes), "node"), count(len(cfg.Inventory.Deployments), "deployment"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (s *serving) reload(ctx context.Context) {
	s.told(s.notify.Reloading())
	status := "running; the last reload was refused, see the log"
	if err := s.app.Reload(ctx); err == nil { // it logs its own error
		status = "running; reloaded at " + time.Now().Format(time.TimeOnly)
	}
	s.told(s.notify.Ready(status))
}

// dump writes the stacks of all goroutines and the runs under way to the log, whatever its level is.
func (s *serving) dump(ctx context.Context) {
	defer s.level.Set(s.level.Level())
	s.level.Set(min(s.level.Level(), slog.LevelInfo))
	var stacks strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 1); err != nil {
		s.log.Error("dump", "err", err)
	}
	s.log.Info("dump", "goroutines", stacks.String())
	s.app.Dump(ctx)
	s.told(s.notify.Status("running; dumped to the log at " + time.Now().Format(time.TimeOnly)))
}

func (s *serving) stop(ctx context.Context) error {
	if s.end() {
		s.log.Info("stopping", "why", "signal")
	} else {
		s.log.Info("stopping", "why", "the prompt was left, or a part failed")
	}
	s.told(s.notify.Stopping())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	begun := time.Now()
	err := s.app.Stop(ctx)
	s.log.Info("stopped", "took", time.Since(begun).Round(time.Millisecond))
	return err
}

// told logs that the service manager could not be told something: that is no reason to stop.
func (s *serving) told(err error) {
	if err != nil {
		s.log.Warn("service manager", "err", err)
	}
}
