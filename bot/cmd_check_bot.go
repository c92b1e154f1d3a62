package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/icinga/heartbeat"
	"github.com/shitops/opsbot/icinga/plugin"
)

// botOptions are the flags of check opsbot.
type botOptions struct {
	url                 string
	time, beat, backlog limitFlags
}

func (p *program) checkBotCommand() *cobra.Command {
	o := botOptions{
		beat: limitFlags{heartbeat.BeatWarning, heartbeat.BeatCritical}, backlog: limitFlags{heartbeat.BacklogWarning, heartbeat.BacklogCritical},
		time: limitFlags{"2", ""},
	}
	c := &cobra.Command{
		Use:   "opsbot",
		Short: "look whether the bot does its work",
		Long: `Ask the running bot whether it does its work: at --url, or else over its socket, or else at the listener of the group ops of the configuration. It is CRITICAL
when nobody answers, or when one of its parts does not do its work: the store, the engine, a door. It judges the numbers that the bot tells, too.

It sees what the bot's own heartbeat reports, from the outside: a bot that answers nobody still has a process.

` + pluginCodes,
		Example: `  opsbot check opsbot --url http://127.0.0.1:8081/readyz`,
		RunE: p.run(func(ctx context.Context, _ []string) error {
			return p.plugin(ctx, heartbeat.Name, checkPatience, func(ctx context.Context) plugin.Result { return p.checkBot(ctx, o) })
		}),
	}
	f := c.Flags()
	f.StringVar(&o.url, "url", "", "the `URL` of the bot's readiness, such as http://127.0.0.1:8081/readyz")
	for _, l := range []struct {
		name, what string
		of         *limitFlags
	}{
		{"time", "the time to the answer, in seconds", &o.time}, {"beat", "the time since the engine was seen alive, in seconds", &o.beat},
		{"backlog", "the runs that are accepted and not begun", &o.backlog},
	} {
		f.StringVar(&l.of.warning, "warning-"+l.name, l.of.warning, "`range` of "+l.what)
		f.StringVar(&l.of.critical, "critical-"+l.name, l.of.critical, "`range` of "+l.what)
	}
	return p.asPlugin(c, heartbeat.Name)
}

func (p *program) checkBot(ctx context.Context, o botOptions) plugin.Result {
	if o.url != "" {
		if err := goodURL("url", o.url); err != nil {
			return plugin.Failed(heartbeat.Name, err)
		}
	}
	limits := heartbeat.Limits{}
	for name, l := range map[string]limitFlags{"time": o.time, heartbeat.BeatAge: o.beat, heartbeat.Backlog: o.backlog} {
		t, err := plugin.ParseThresholds(l.warning, l.critical)
		if err != nil {
			return plugin.Failed(heartbeat.Name, fmt.Errorf("limits of %s: %w", name, err))
		}
		limits[name] = t
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience/2) // asked over two ways
	defer cancel()
	start := time.Now()
	var h socket.Health
	var err error
	if o.url != "" {
		h, err = healthFrom(ctx, o.url+"?format=json")
	} else {
		h, err = p.askHealth(ctx)
	}
	took := plugin.Metric{Label: "time", Value: time.Since(start).Seconds(), Unit: "s", Decimals: 4, Thresholds: limits["time"], Min: new(0.0)}
	if err != nil {
		return plugin.Result{Name: heartbeat.Name, Status: plugin.Critical, Text: firstLine(err.Error()), Metrics: []plugin.Metric{took}}
	}
	r := heartbeat.Judge(healthOf(h), limits)
	if s := limits["time"].Judge(took.Value); s != plugin.OK {
		r.Status = plugin.Worst(r.Status, s)
		r.Text += fmt.Sprintf("; it took %.1f s to say so", took.Value)
	}
	r.Metrics = append([]plugin.Metric{took}, r.Metrics...)
	return r
}

// healthOf is what the bot says of itself over its socket, as monitoring is told it.
func healthOf(h socket.Health) heartbeat.Health {
	out := heartbeat.Health{Ready: h.Ready}
	for _, v := range h.Votes {
		out.Votes = append(out.Votes, heartbeat.Vote{Name: v.Name, OK: v.OK, Why: v.Why})
	}
	for _, f := range h.Facts {
		out.Facts = append(out.Facts, heartbeat.Fact(f))
	}
	return out
}
