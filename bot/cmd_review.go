package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/reply"
)

// day is what a review counts in.
const day = 24 * time.Hour

func (p *program) reviewCommand() *cobra.Command {
	days := 7
	c := &cobra.Command{
		Use:   "review",
		Short: "list what people said and I did not understand at once",
		Long: `List what people said in the last days and I asked back or refused, the most frequent first, without who said it. Nothing is learned from it by itself: what
should mean something can be taught in chat, teach "kick the cache of edge-1" as cache.flush, and counts once a second person agrees.`,
		Example: `  opsbot review --days 30`,
		Args:    exactly(),
		RunE:    p.run(func(ctx context.Context, _ []string) error { return p.review(ctx, days) }),
	}
	c.Flags().IntVar(&days, "days", days, "how many `days` to look back")
	return c
}

func (p *program) review(ctx context.Context, days int) error {
	if days < 1 || days > 3650 {
		return usagef("--days %d is out of bounds; 1 to 3650", days)
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	list, err := client.Review(ctx, time.Now().Add(-time.Duration(days)*day))
	if err != nil {
		return err
	}
	if p.asJSON {
		out := json.NewEncoder(p.stdout)
		for _, m := range list {
			if err := out.Encode(m); err != nil {
				return err
			}
		}
		return nil
	}
	card := reply.Card{Kind: reply.Answer, Title: fmt.Sprintf("in the last %d days everything was understood at once", days)}
	if len(list) > 0 {
		card.Title = fmt.Sprintf("%d phrases of the last %d days were not understood at once", len(list), days)
		card.Hint = "teach \"<phrase>\" as <intent>, where one should mean something"
		card.Table = &actions.Table{Columns: []string{"times", "said", "became", "why"}}
	}
	for _, m := range list {
		card.Table.Rows = append(card.Table.Rows, []string{fmt.Sprint(m.Times), m.Text, m.Was, m.Why})
	}
	_, err = io.WriteString(p.stdout, reply.Text(card, reply.Detect(p.getenv, false, 0)))
	return err
}
