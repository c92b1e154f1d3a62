package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) enrolCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "enrol NODE",
		Short: "let the agent of a node in",
		Long: `Ask the running bot for a one-time code that enrols the agent of a node of the inventory, and print the line to type on that node. The code is good once
and for ten minutes. A node whose agent was lost is enrolled again the same way; the old agent's key then ends.`,
		Example: `  opsbot enrol edge-1`,
		Args:    exactly("NODE"),
		RunE:    p.run(func(ctx context.Context, args []string) error { return p.enrol(ctx, args[0]) }),
	}
}

func (p *program) enrol(ctx context.Context, node string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	line, err := client.Enrol(ctx, node)
	if err != nil {
		return err
	}
	if p.asJSON {
		return json.NewEncoder(p.stdout).Encode(struct {
			Node string `json:"node"`
			Line string `json:"line"`
		}{node, line})
	}
	_, err = fmt.Fprintln(p.stdout, line)
	return err
}
