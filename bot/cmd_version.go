package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/ops"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print what program this is",
		Long:  "Print the version, the commit it was built from, and the Go release, system and machine it was built for.",
		Args:  exactly(),
		RunE: p.run(func(context.Context, []string) error {
			v := ops.Version()
			if p.asJSON {
				return json.NewEncoder(p.stdout).Encode(v)
			}
			_, err := fmt.Fprintln(p.stdout, v)
			return err
		}),
	}
}
