package bot

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/internal/secret"
	"github.com/shitops/opsbot/overlay/kernel"
)

// agentOptions are the flags of agent.
type agentOptions struct {
	bot, code, dir, level, kind string
	plane                       kernel.Options
}

func (p *program) agentCommand() *cobra.Command {
	var o agentOptions
	c := &cobra.Command{
		Use:   "agent",
		Short: "run the agent of this node",
		Long: `Run the agent of this node: it keeps the segments of this node as the bot wants them, whoever changes them, and tells the bot what it holds. It
connects out to the bot by TLS, and goes on without it.

The first start takes the line that the bot shows when the node is enrolled. The code in it is good once and for ten minutes, and names the
certificate of the bot, so that no other can take its place. Later starts need neither flag; the same code once more is ignored.

What it must remember lies in the folder of --data: its key, which never leaves the node, and the state it was told last, signed by the bot. A node
that starts again is as it must be before the bot is heard of.

What holds the segments is settled at the start, by trying: the kernel where it has VXLAN (Linux), else the program itself (macOS, or a Linux that has
/dev/net/tun alone). By the program, the node is one host in each segment and can bear no endpoints.

TERM and INT stop it in good order. Segments that the kernel holds stay as they are; those of the program end with it, and come back when it starts.
It needs the right to change the network, and to try that in a namespace of its own (root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN).`,
		Example: `  opsbot agent --bot bot.example:4443 --code k3v...-q7a...
  opsbot agent
  opsbot agent --plane userspace`,
		Args: exactly(),
		RunE: p.run(func(ctx context.Context, _ []string) error { return p.agent(ctx, o) }),
	}
	f := c.Flags()
	f.StringVar(&o.bot, "bot", "", "`host:port` of the bot's listener for agents; by default that of the last start")
	f.StringVar(&o.code, "code", "", "the one-time `code` that enrols this node")
	f.StringVar(&o.dir, "data", "/var/lib/opsbot-agent", "the `folder` of what must survive")
	f.StringVar(&o.plane.Instance, "instance", "opsbot", "the `name` that marks devices as the bot's; two bots on one node need two names")
	f.StringVar(&o.plane.Namespace, "netns", "", "the `path` of the network namespace to keep; by default that of the process")
	f.StringVar(&o.plane.Endpoints, "endpoints", "", "the `folder` in which endpoints are found by name; by default /run/netns")
	f.StringVar(&o.kind, "plane", planeAuto, "what `holds` the segments: auto (the kernel where it can, else the program), kernel or userspace")
	f.StringVar(&o.level, "log-level", "info", "`level` of the log: debug, info, warn or error")
	return c
}

func (p *program) agent(ctx context.Context, o agentOptions) error {
	if err := oneOf("log-level", o.level, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	if err := oneOf("plane", o.kind, planeAuto, planeKernel, planeUserspace); err != nil {
		return err
	}
	p.takeTime(nil)
	log := p.agentLog(o.level)
	planes := &planes{options: o.plane, kind: o.kind, log: log}
	a, err := agent.New(agent.Options{
		Dir: o.dir, Bot: o.bot, Code: o.code, Open: planes.open, Handlers: planes.handlers(), Version: ops.Version().String(), Log: log,
	})
	if err != nil {
		return err
	}
	if a.Node() == "" && (o.code == "" || o.bot == "") {
		return &failure{exit: door.Usage, err: usagef("this node is not enrolled: agent needs --bot and --code"), hint: "the bot shows the whole line: opsbot enrol NODE"}
	}
	notify := ops.NewNotifier(p.getenv)
	if err := notify.Ready("agent"); err != nil {
		log.Warn("service manager", "err", err)
	}
	err = a.Run(ctx)
	p.end()
	if nerr := notify.Stopping(); nerr != nil {
		log.Warn("service manager", "err", nerr)
	}
	return err
}

// agentLog logs to the standard error, as text on a terminal.
func (p *program) agentLog(name string) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(name)) // it was checked
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: secret.Redact}
	if f, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(p.stderr, options))
	}
	return slog.New(slog.NewJSONHandler(p.stderr, options))
}
