package bot

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/shitops/opsbot/bot/ops"
)

func (p *program) manCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages into a folder",
		Long:  "Write one manual page for each command into DIR, which is made if it is not there. Where SOURCE_DATE_EPOCH is set the pages bear its date.",
		Args:  exactly("DIR"),
		RunE: p.run(func(_ context.Context, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			root.DisableAutoGenTag = true // the same pages for the same program
			date := p.sourceDate()
			header := &doc.GenManHeader{Title: "OPSBOT", Section: "1", Source: "OpsBot " + ops.Version().Version, Manual: "OpsBot", Date: &date}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			return nil
		}),
	}
}

// sourceDate is the date of what is made from the source: that of SOURCE_DATE_EPOCH (reproducible-builds.org), else that of the commit,
// else the first day of all.
func (p *program) sourceDate() time.Time {
	if n, err := strconv.ParseInt(p.getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(n, 0).UTC()
	}
	if t, err := time.Parse(time.RFC3339, ops.Version().Time); err == nil {
		return t.UTC()
	}
	return time.Unix(0, 0).UTC()
}
