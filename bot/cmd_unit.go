package bot

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/ops/unit"
)

func (p *program) unitCommand() *cobra.Command {
	var manager string
	c := &cobra.Command{
		Use:   "unit",
		Short: "print the unit that runs the bot as a service",
		Long: `Print the unit that runs "opsbot serve" as a service, for systemd or for launchd. It takes the program at /usr/local/bin/opsbot and the configuration at
/etc/opsbot/opsbot.yaml; make install puts it into place.`,
		Example: `  opsbot unit | sudo tee /etc/systemd/system/opsbot.service`,
		Args:    exactly(),
		RunE: p.run(func(context.Context, []string) error {
			if err := oneOf("manager", manager, "systemd", "launchd"); err != nil {
				return err
			}
			if manager == "launchd" {
				return p.write([]byte(unit.Launchd), nil)
			}
			return p.write([]byte(unit.Systemd), nil)
		}),
	}
	usual := "systemd"
	if runtime.GOOS == "darwin" {
		usual = "launchd"
	}
	c.Flags().StringVar(&manager, "manager", usual, "systemd or launchd")
	c.Flags().Lookup("manager").DefValue = "that of this machine"
	return c
}
