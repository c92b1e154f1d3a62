package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// checkOptions are the flags of check-config.
type checkOptions struct {
	diff, print, schema bool
	against             string
}

func (p *program) checkConfigCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check-config [FILE]",
		Short: "say everything that is wrong with a configuration",
		Long: `Check a configuration (FILE, or that of --config) and print every mistake as file:line:column, what is wrong and what to do. Ends with 78 if there is one.
What is allowed but hardly meant, and what this machine lacks, is printed as a warning.

With --diff it then prints what a reload of the running bot would change, with --against what would change from another file.`,
		Args: between(0, "FILE"),
		RunE: p.run(func(ctx context.Context, args []string) error {
			path := p.configPath
			if len(args) > 0 {
				path = args[0]
			}
			return p.checkConfig(ctx, path, o)
		}),
	}
	f := c.Flags()
	f.BoolVar(&o.diff, "diff", false, "print what a reload of the running bot would change")
	f.StringVar(&o.against, "against", "", "print what would change from this `file`")
	f.BoolVar(&o.print, "print", false, "print the effective configuration, every default filled in")
	f.BoolVar(&o.schema, "schema", false, "print the JSON schema of configurations, and do nothing else")
	c.MarkFlagsMutuallyExclusive("diff", "against", "print", "schema")
	return c
}

func (p *program) checkConfig(ctx context.Context, path string, o checkOptions) error {
	if o.schema {
		return p.write(config.Schema())
	}
	c, err := p.readConfig(path)
	if err != nil {
		return err
	}
	for _, w := range append(c.Warnings, c.CheckMachine()...) {
		fmt.Fprintln(p.stderr, "warning: "+reply.Clean(w.String()))
	}
	switch {
	case o.print:
		return p.write(c.Redacted())
	case o.diff:
		running, err := p.runningConfig(ctx)
		if err != nil {
			return err
		}
		return p.printDiff(running, c)
	case o.against != "":
		old, err := p.readConfig(o.against)
		if err != nil {
			return err
		}
		return p.printDiff(old, c)
	}
	_, err = fmt.Fprintf(p.stdout, "%s: well\n", path)
	return err
}

// runningConfig asks the running bot for the configuration that it runs with.
func (p *program) runningConfig(ctx context.Context) (*config.Config, error) {
	client, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	text, err := client.Config(ctx)
	if err != nil {
		return nil, err
	}
	c, err := config.Parse(text, p.configPath, config.Options{})
	if err != nil {
		return nil, &failure{exit: door.Failure, err: fmt.Errorf("read the configuration of the running bot: %w", err)}
	}
	return c, nil
}

func (p *program) printDiff(old, next *config.Config) error {
	lines := config.Diff(old, next)
	if len(lines) == 0 {
		lines = []string{"nothing would change"}
	}
	for i, l := range lines {
		lines[i] = reply.Clean(l)
	}
	_, err := fmt.Fprintln(p.stdout, strings.Join(lines, "\n"))
	return err
}

func (p *program) write(text []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(text)
	return err
}
