package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// defaultConfig is where the configuration lies unless --config or OPSBOT_CONFIG says otherwise.
const defaultConfig = "/etc/opsbot/opsbot.yaml"

const about = `OpsBot is the on-call assistant of an internet-TV edge: say what you need, see the plan, say yes, and it is done step by step, so that a crash
loses nothing.

` + exitCodes + `

With --json an error is one line of JSON on the standard error: {"error":"...","hint":"...","exit":2}.

Environment:
  OPSBOT_CONFIG  the configuration file, unless --config is given
  OPSBOT_SOCKET  the local socket of the running bot, unless --socket is given
  NO_COLOR       no colour on a terminal`

// root builds the command tree. Each command is in a file of its own.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:                        "opsbot",
		Short:                      "on-call assistant of an internet-TV edge",
		Long:                       about,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		Args:                       knownCommand,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	config := p.getenv("OPSBOT_CONFIG")
	if config == "" {
		config = defaultConfig
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.configPath, "config", config, "the configuration `file`")
	flags.StringVar(&p.socketPath, "socket", p.getenv("OPSBOT_SOCKET"), "the local socket of the running bot, a `path`; by default that of the configuration")
	flags.BoolVar(&p.asJSON, "json", false, "print JSON, one object a line, errors on the standard error, too")
	flags.Lookup("config").DefValue = defaultConfig // the help must not differ from place to place
	flags.Lookup("socket").DefValue = ""
	root.AddCommand(
		p.serveCommand(), p.agentCommand(), p.enrolCommand(), p.demoCommand(), p.holderCommand(), p.sayCommand(), p.parseCommand(), p.initCommand(), p.checkConfigCommand(), p.healthCommand(), p.reviewCommand(), p.doctorCommand(), p.unitCommand(),
		p.exportCommand(), p.importCommand(), p.versionCommand(), p.manCommand(root),
		p.notifyCommand(), p.checkCommand(), p.icingaKitCommand(), p.slackManifestCommand(),
	)
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"}) // --help says the same; help is what one says to the bot
	root.InitDefaultCompletionCmd()
	return root
}

func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := usagef("there is no command %q", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err = usagef("there is no command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return err
}

// exactly lets a command take as many arguments as are named.
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), names...)
}

// between lets a command take at least n of the named arguments.
func between(n int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return usagef("%s needs %s", c.CommandPath(), strings.Join(names[len(args):n], " and "))
		case len(args) > len(names):
			return usagef("%s takes no %q", c.CommandPath(), args[len(names)])
		}
		return nil
	}
}

// oneOf lets a flag hold one of some words.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return usagef("--%s %s: it is one of %s", flag, fmt.Sprintf("%.40q", value), strings.Join(words, ", "))
}
