package bot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/icinga/plugin"
)

// overlayName is how the check calls itself in its line.
const overlayName = "OVERLAY"

// overlayPatience bounds the check: all pairs of a segment are probed meanwhile. Monitoring waits 30 s (see icinga-kit).
const overlayPatience = 25 * time.Second

func (p *program) checkOverlayCommand() *cobra.Command {
	var segment string
	c := &cobra.Command{
		Use:   "overlay",
		Short: "look whether a segment carries packets of full size between all its nodes",
		Long: `Let the running bot send packets of full size inside a segment, between each pair of nodes that share it, as "verify segment NAME" does. It is CRITICAL when a pair
cannot be reached, passes only smaller packets, or answers as another node than it should be. It asks over the local socket: the user that runs it needs the
right segment.verify.

` + pluginCodes,
		Example: `  opsbot check overlay --segment studio-a`,
		RunE: p.run(func(ctx context.Context, _ []string) error {
			return p.plugin(ctx, overlayName, overlayPatience, func(ctx context.Context) plugin.Result { return p.checkOverlay(ctx, segment) })
		}),
	}
	c.Flags().StringVar(&segment, "segment", "", "the `name` of the segment")
	return p.asPlugin(c, overlayName)
}

// checkOverlay asks the bot, and judges its answer.
func (p *program) checkOverlay(ctx context.Context, segment string) plugin.Result {
	if segment == "" {
		return plugin.Failed(overlayName, errors.New("it needs --segment"))
	}
	client, err := p.client(ctx)
	if err != nil {
		return plugin.Failed(overlayName, err)
	}
	var last reply.Card
	exit, err := client.Say(ctx, socket.Line{Text: "segment.verify " + segment}, func(c reply.Card) { last = c })
	if err != nil {
		return plugin.Failed(overlayName, err)
	}
	return judgeOverlay(exit, last)
}

// pairs finds the counts in what the bot says of a segment.
var pairs = regexp.MustCompile(`(\d+)/(\d+) pairs ok`)

// judgeOverlay turns the bot's answer into a state: what it could not find out is UNKNOWN, never OK.
func judgeOverlay(exit door.Exit, answer reply.Card) plugin.Result {
	r := plugin.Result{Name: overlayName, Status: plugin.Unknown, Text: answer.Title}
	found := pairs.FindStringSubmatch(answer.Title)
	switch {
	case answer.Kind != reply.Answer || found == nil:
		if r.Text == "" {
			r.Text = fmt.Sprintf("the bot did not tell how the segment is (%d)", exit)
		}
		return r
	case exit == door.OK:
		r.Status = plugin.OK
	case exit == door.Failure:
		r.Status = plugin.Critical
	}
	for i, label := range []string{"pairs_ok", "pairs"} {
		n, err := strconv.Atoi(found[i+1])
		if err != nil {
			continue // more than an int holds: it is in the text
		}
		r.Metrics = append(r.Metrics, plugin.Metric{Label: label, Value: float64(n), Min: new(0.0)})
	}
	return r
}
