package bot

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/reply"
)

func (p *program) sayCommand() *cobra.Command {
	var line socket.Line
	c := &cobra.Command{
		Use:   "say TEXT",
		Short: "say one line to the running bot and print its replies",
		Long: `Say one line to the running bot, wait until the matter is closed, and print the replies (with --json each as one line of
JSON). A command that needs a yes prints its plan and ends with 4
unless --yes is given; one that waits for another person ends with 75 and its run. Going away does not stop a run.

` + exitCodes,
		Example: `  opsbot say "flush edge-1" --yes
  opsbot say --json "list runs"`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return between(1, "TEXT")(c, args)
			}
			return nil
		},
		ValidArgsFunction: p.completeLine,
		RunE: p.run(func(ctx context.Context, args []string) error {
			line.Text = strings.Join(args, " ")
			return p.say(ctx, line)
		}),
	}
	f := c.Flags()
	f.BoolVar(&line.Yes, "yes", false, "say yes to the plan beforehand")
	f.StringVar(&line.Thread, "thread", "", "the `name` of a conversation, so that a next line can answer a question")
	f.StringVar(&line.ID, "id", "", "a `name` for this very line: saying it again under the same name does not act again")
	return c
}

func (p *program) say(ctx context.Context, line socket.Line) error {
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	show := p.printer().Show
	if p.asJSON {
		show = p.showJSON
	}
	exit, err := client.Say(ctx, line, show)
	switch {
	case err != nil:
		return err
	case exit != door.OK:
		return &failure{exit: exit}
	}
	return nil
}

func (p *program) showJSON(c reply.Card) {
	b, err := reply.JSON(c)
	if err != nil {
		return // it came as JSON
	}
	_, _ = p.stdout.Write(b) // a reader that is gone stops neither the run nor the listening: the exit code still tells
}

// completeLine asks the running bot what the line could go on with. Where there is none, there is nothing to offer.
func (p *program) completeLine(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(c.Context(), time.Second)
	defer cancel()
	client, err := p.client(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	candidates, err := client.Complete(ctx, strings.TrimLeft(strings.Join(args, " ")+" "+word, " "))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	said := word[:strings.LastIndexByte(word, ' ')+1] // of a line in quotation marks
	for i, w := range candidates {
		candidates[i] = said + w
	}
	return candidates, cobra.ShellCompDirectiveNoFileComp
}
