package bot

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/ops/unit"
)

func (p *program) unitCommand() *cobra.Command {
	var manager string
	var agent bool
	c := &cobra.Command{
		Use:   "unit",
		Short: "print the unit that runs the bot, or an agent, as a service",
		Long: `Print the unit that runs "opsbot serve" as a service, for systemd or for launchd. It takes the program at /usr/local/bin/opsbot and the configuration at
/etc/opsbot/opsbot.yaml. With --agent it is the unit that runs "opsbot agent" on a node, which is enrolled before. make install puts both into place.`,
		Example: `  opsbot unit | sudo tee /etc/systemd/system/opsbot.service
  opsbot unit --agent | sudo tee /etc/systemd/system/opsbot-agent.service`,
		Args: exactly(),
		RunE: p.run(func(context.Context, []string) error {
			if err := oneOf("manager", manager, "systemd", "launchd"); err != nil {
				return err
			}
			texts := map[bool][2]string{false: {unit.Systemd, unit.Launchd}, true: {unit.SystemdAgent, unit.LaunchdAgent}}
			text := texts[agent][0]
			if manager == "launchd" {
				text = texts[agent][1]
			}
			return p.write([]byte(text), nil)
		}),
	}
	usual := "systemd"
	if runtime.GOOS == "darwin" {
		usual = "launchd"
	}
	c.Flags().StringVar(&manager, "manager", usual, "systemd or launchd")
	c.Flags().BoolVar(&agent, "agent", false, "the unit of the agent of a node")
	c.Flags().Lookup("manager").DefValue = "that of this machine"
	return c
}
