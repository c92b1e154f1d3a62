package bot

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/door/slack"
)

func (p *program) slackManifestCommand() *cobra.Command {
	o := slack.ManifestOptions{}
	var c *cobra.Command
	c = &cobra.Command{
		Use:   "slack-manifest",
		Short: "print the Slack app that connects a workspace",
		Long: `Print the manifest of the Slack app that connects a workspace: its command, its events and its scopes. Make an app of it at
https://api.slack.com/apps ("Create New App", "From a manifest"), install it, and put its tokens into files that opsbot.yaml names under slack.

Without --url the app uses Socket Mode: the bot connects out, and nothing of it need be reachable. With --url Slack posts to the bot's listener of the
group hooks, which it must be able to reach there.`,
		Example: `  opsbot slack-manifest
  opsbot slack-manifest --url https://ops.example --name OpsBot`,
		Args: exactly(),
		RunE: p.run(func(_ context.Context, _ []string) error {
			o.Mode = slack.Socket
			if c.Flags().Changed("url") {
				o.Mode = slack.HTTP
			}
			text, err := slack.Manifest(o)
			if err != nil {
				return usagef("%v", err)
			}
			_, err = p.stdout.Write(text)
			return err
		}),
	}
	f := c.Flags()
	f.StringVar(&o.URL, "url", "", "where Slack reaches the bot, an https `URL` without a path; without it the bot connects out")
	f.StringVar(&o.Name, "name", "OpsBot", "the `name` of the app")
	f.StringVar(&o.Command, "command", "/opsbot", "the slash `command`; take another one where two bots share a workspace")
	return c
}
