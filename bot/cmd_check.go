package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
)

// checkPatience bounds a check: monitoring waits 30 s for it (see icinga-kit), agents of other kinds 10 s.
const checkPatience = 8 * time.Second

const pluginCodes = `It is a monitoring plugin: one line with performance data, and the exit codes 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, the last for
everything that keeps it from looking, a wrong command line too. It gives up after 8 seconds.`

func (p *program) checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "look at one thing, as a monitoring plugin",
		Long:  "Look at one thing and report as a monitoring plugin does.\n\n" + pluginCodes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return p.unknown("CHECK", fmt.Errorf("there is no check %.40q", args[0]))
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.checkHitRateCommand(), p.checkBotCommand())
	return c
}

// plugin runs a check and prints its result. A check that does not heed its time is left behind: the program ends.
func (p *program) plugin(ctx context.Context, name string, patience time.Duration, check func(context.Context) plugin.Result) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan plugin.Result, 1)
	go func() { done <- check(ctx) }()
	late := time.NewTimer(patience + grace) // those that heed it say why
	defer late.Stop()
	select {
	case r := <-done:
		return p.result(r)
	case <-late.C:
		return p.unknown(name, fmt.Errorf("there was no answer within %s", patience))
	}
}

func (p *program) unknown(name string, err error) error { return p.result(plugin.Failed(name, err)) }

// result prints what a check found, and returns its exit code.
func (p *program) result(r plugin.Result) error {
	var err error
	if p.asJSON {
		out := struct {
			Name    string   `json:"name"`
			Status  string   `json:"status"`
			Text    string   `json:"text"`
			Metrics []string `json:"metrics,omitempty"`
			Details []string `json:"details,omitempty"`
			Exit    int      `json:"exit"`
		}{Name: r.Name, Status: r.Status.String(), Text: r.Text, Details: r.Details, Exit: r.Status.Exit()}
		for _, m := range r.Metrics {
			out.Metrics = append(out.Metrics, m.String())
		}
		err = json.NewEncoder(p.stdout).Encode(out)
	} else {
		_, err = fmt.Fprint(p.stdout, r)
	}
	switch {
	case err != nil:
		return &failure{exit: door.Exit(plugin.Unknown), err: err}
	case r.Status == plugin.OK:
		return nil
	}
	return &failure{exit: door.Exit(r.Status.Exit())}
}

// asPlugin makes the usage errors of a command those of a plugin.
func (p *program) asPlugin(c *cobra.Command, name string) *cobra.Command {
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return p.unknown(name, err) })
	c.Args = func(c *cobra.Command, args []string) error {
		if err := exactly()(c, args); err != nil {
			return p.unknown(name, err)
		}
		return nil
	}
	return c
}

// hitRateOptions are the flags of check cache-hit-rate.
type hitRateOptions struct {
	hitrate.Check
	node, cache, channel, warning, critical, stateDir, stats string
}

func (p *program) checkHitRateCommand() *cobra.Command {
	o := hitRateOptions{Check: hitrate.Default()}
	c := &cobra.Command{
		Use:   "cache-hit-rate",
		Short: "look at the hit rate of a cache",
		Long: `Look how much of what was asked for in the last minutes the cache of a node had. The counters are those of varnishstat, so it runs on the node itself,
as a user who may read them (of the group varnish). Samples are kept in a folder from call to call; the first one says UNKNOWN.

` + pluginCodes,
		Example: `  opsbot check cache-hit-rate --node ams-1 --warning 85: --critical 70:
  opsbot check cache-hit-rate --node ams-1 --varnishstat /var/lib/varnish/ams-1`,
		RunE: p.run(func(ctx context.Context, _ []string) error {
			return p.plugin(ctx, hitrate.Name, checkPatience, func(ctx context.Context) plugin.Result {
				r, err := p.checkHitRate(ctx, o)
				if err != nil {
					return plugin.Failed(hitrate.Name, err)
				}
				return r
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&o.node, "node", "", "the `name` of the node in the inventory")
	f.StringVar(&o.cache, "cache", "", "the `name` of the cache, where the node has more than one")
	f.StringVar(&o.channel, "channel", "", "only what lies below this `path`; varnishstat counts no paths, so with it the check says UNKNOWN")
	f.StringVar(&o.warning, "warning", hitrate.Warning, "`range` of the rate in per cent; 85: warns below 85")
	f.StringVar(&o.critical, "critical", hitrate.Critical, "`range` of the rate in per cent")
	f.DurationVar(&o.Window, "window", hitrate.Window, "the `span` that is looked at")
	f.Uint64Var(&o.MinRequests, "min-requests", hitrate.MinRequests, "fewer requests than this `number` in the window say nothing")
	f.DurationVar(&o.WarmUp, "warm-up", hitrate.WarmUp, "a `span` after a start or a flush in which a low rate is no alarm")
	f.StringVar(&o.stateDir, "state-dir", "/var/lib/icinga2/opsbot", "the `folder` for the samples")
	f.StringVar(&o.stats, "varnishstat", "", "the working `folder` of varnishd (varnishd -n); with it no configuration is read")
	return p.asPlugin(c, hitrate.Name)
}

func (p *program) checkHitRate(ctx context.Context, o hitRateOptions) (plugin.Result, error) {
	var none plugin.Result
	switch {
	case o.node == "":
		return none, errors.New("it needs --node")
	case o.channel != "":
		return none, fmt.Errorf("%s: varnishstat counts the cache as a whole, not by channel; leave --channel out", o.channel)
	case o.Window <= 0:
		return none, fmt.Errorf("--window %s: it is longer than nothing", o.Window)
	case o.WarmUp < 0:
		return none, fmt.Errorf("--warm-up %s: it is no shorter than nothing", o.WarmUp)
	}
	var err error
	if o.Thresholds, err = plugin.ParseThresholds(o.warning, o.critical); err != nil {
		return none, err
	}
	conf := cache.Config{Node: o.node, Name: o.cache, Kind: cache.Varnish, URL: "http://localhost", StatsDir: o.stats}
	if o.stats == "" {
		if conf, err = p.cacheOf(o.node, o.cache); err != nil {
			return none, err
		}
	}
	driver, err := cache.Open(conf, cache.Options{})
	if err != nil {
		return none, err
	}
	counters, err := driver.Stats(ctx)
	if err = errors.Join(err, driver.Close()); err != nil {
		return none, err
	}
	name := o.node
	if o.cache != "" {
		name += "/" + o.cache
	}
	return o.Run(hitrate.File(o.stateDir, name, o.channel), sampleOf(counters)), nil
}

// cacheOf finds the cache whose counters can be read here.
func (p *program) cacheOf(node, name string) (cache.Config, error) {
	cfg, err := p.loadConfig()
	if err != nil {
		return cache.Config{}, errors.New(firstLine(err.Error()))
	}
	for _, n := range cfg.Nodes() {
		if n.Name != node {
			continue
		}
		var found []actions.Cache
		var names []string
		for _, c := range n.Caches {
			if names = append(names, c.Name); name == c.Name || name == "" && c.StatsDir != "" {
				found = append(found, c)
			}
		}
		switch {
		case len(found) > 1:
			return cache.Config{}, fmt.Errorf("%s has the caches %s: say which by --cache", node, strings.Join(names, ", "))
		case len(found) == 0 && name != "":
			return cache.Config{}, fmt.Errorf("%s has no cache %s, it has %s", node, name, strings.Join(names, ", "))
		case len(found) == 0:
			return cache.Config{}, fmt.Errorf("%s: the configuration does not say where the counters of its cache are (stats.varnishstat)", node)
		}
		c := found[0]
		return cache.Config{Node: n.Name, Name: c.Name, Kind: cache.Kind(c.Kind), URL: c.URL, StatsDir: c.StatsDir}, nil
	}
	return cache.Config{}, fmt.Errorf("the inventory of %s has no node %s", filepath.Base(p.configPath), node)
}

// sampleOf is what the check needs of the counters. A restart of the worker process is another epoch, even where its uptime does not show it.
func sampleOf(c cache.Counters) hitrate.Sample {
	return hitrate.Sample{
		At: c.At, Uptime: c.Uptime, Epoch: strconv.FormatUint(c.Starts, 10), Hits: c.Hits, Misses: c.Misses,
		Stale: &c.Grace, Evictions: &c.Evictions, BackendFail: &c.BackendFail, Bans: &c.Bans, Objects: &c.Objects,
	}
}

// botCheck is what the check of the bot is called.
const botCheck = "OPSBOT"

func (p *program) checkBotCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use:   "opsbot",
		Short: "look whether the bot does its work",
		Long: `Ask the running bot whether it does its work: at --url, or else over its socket, or else at the listener of the group ops of the configuration. It is CRITICAL
when nobody answers, or when one of its parts does not do its work.

` + pluginCodes,
		Example: `  opsbot check opsbot --url http://127.0.0.1:8081/readyz`,
		RunE: p.run(func(ctx context.Context, _ []string) error {
			return p.plugin(ctx, botCheck, checkPatience, func(ctx context.Context) plugin.Result { return p.checkBot(ctx, url) })
		}),
	}
	c.Flags().StringVar(&url, "url", "", "the `URL` of the bot's readiness, such as http://127.0.0.1:8081/readyz")
	return p.asPlugin(c, botCheck)
}

func (p *program) checkBot(ctx context.Context, url string) plugin.Result {
	ctx, cancel := context.WithTimeout(ctx, checkPatience/2) // asked over two ways
	defer cancel()
	start := time.Now()
	var h socket.Health
	var err error
	if url != "" {
		h, err = healthFrom(ctx, url+"?format=json")
	} else {
		h, err = p.askHealth(ctx)
	}
	r := plugin.Result{Name: botCheck, Metrics: []plugin.Metric{{Label: "time", Value: time.Since(start).Seconds(), Unit: "s", Decimals: 4, Min: new(0.0)}}}
	if err != nil {
		r.Status, r.Text = plugin.Critical, firstLine(err.Error())
		return r
	}
	var ill []string
	for _, v := range h.Votes {
		if !v.OK {
			ill = append(ill, v.Name+": "+v.Why)
		}
	}
	r.Metrics = append(r.Metrics,
		plugin.Metric{Label: "parts", Value: float64(len(h.Votes)), Min: new(0.0)}, plugin.Metric{Label: "ill", Value: float64(len(ill)), Min: new(0.0)})
	switch {
	case h.Ready && len(ill) == 0:
		r.Text = fmt.Sprintf("ready, %d parts are well", len(h.Votes))
	case h.Ready:
		r.Status, r.Text = plugin.Warning, "ready, but "+strings.Join(ill, "; ")
	case len(ill) == 0:
		r.Status, r.Text = plugin.Critical, "not ready"
	default:
		r.Status, r.Text = plugin.Critical, "not ready: "+strings.Join(ill, "; ")
	}
	return r
}
