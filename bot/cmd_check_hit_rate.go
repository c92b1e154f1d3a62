package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
)

// hitRateOptions are the flags of check cache-hit-rate.
type hitRateOptions struct {
	hitrate.Check
	node, cache, channel, edge, warning, critical, stateDir, stats string
}

func (p *program) checkHitRateCommand() *cobra.Command {
	o := hitRateOptions{Check: hitrate.Default()}
	var c *cobra.Command
	c = &cobra.Command{
		Use:   "cache-hit-rate",
		Short: "look at the hit rate of a cache",
		Long: `Look how much of what was asked for in the last minutes the cache of a node had. The counters are those of varnishstat, so it runs on the node itself,
as a user who may read them (of the group varnish). Samples are kept in a folder from call to call; the first one says UNKNOWN. Where the user
may read the secret of the management port, too, the check knows when the cache was flushed, and lets it fill again.

A cache counts no channels. With --channel the check asks for some of the channel's segments itself, as a viewer does and from anywhere, and counts how
many the cache had. Each segment counts once, however many viewers it has, and what was missing is in the cache from then on. Nothing is kept.

` + pluginCodes,
		Example: `  opsbot check cache-hit-rate --node ams-1 --warning 85: --critical 70:
  opsbot check cache-hit-rate --node ams-1 --channel http://origin.example/news/master.m3u8
  opsbot check cache-hit-rate --varnishstat /var/lib/varnish/ams-1`,
		RunE: p.run(func(ctx context.Context, _ []string) error {
			return p.plugin(ctx, hitrate.Name, checkPatience, func(ctx context.Context) plugin.Result {
				if o.channel != "" && !c.Flags().Changed("min-requests") {
					o.MinRequests = hitrate.MinAsked
				}
				r, err := p.checkHitRate(ctx, o)
				if err != nil {
					return plugin.Failed(hitrate.Name, err)
				}
				return r
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&o.node, "node", "", "the `name` of the node in the inventory; not needed with --varnishstat, nor with --edge")
	f.StringVar(&o.cache, "cache", "", "the `name` of the cache, where the node has more than one")
	f.StringVar(&o.channel, "channel", "", "a deployment, or the `URL` of a playlist at its origin: look at that channel, as a viewer does")
	f.StringVar(&o.edge, "edge", "", "the `URL` of the cache for viewers, for a channel; with it no configuration is read")
	f.StringVar(&o.warning, "warning", hitrate.Warning, "`range` of the rate in per cent; 85: warns below 85")
	f.StringVar(&o.critical, "critical", hitrate.Critical, "`range` of the rate in per cent")
	f.Var((*span)(&o.Window), "window", "the `span` that is looked at")
	f.Uint64Var(&o.MinRequests, "min-requests", hitrate.MinRequests, "fewer requests than this `number` in the window say nothing")
	f.Var((*span)(&o.WarmUp), "warm-up", "a `span` after a start or a flush in which a low rate is no alarm")
	f.StringVar(&o.stateDir, "state-dir", "/var/lib/icinga2/opsbot", "the `folder` for the samples")
	f.StringVar(&o.stats, "varnishstat", "", "the working `folder` of varnishd (varnishd -n); with it no configuration is read")
	return p.asPlugin(c, hitrate.Name)
}

func (p *program) checkHitRate(ctx context.Context, o hitRateOptions) (plugin.Result, error) {
	var none plugin.Result
	switch {
	case o.node == "" && (o.channel == "" && o.stats == "" || o.channel != "" && o.edge == ""):
		return none, errors.New("it needs --node, or the cache itself: --varnishstat, for a channel --edge")
	case o.Window <= 0:
		return none, fmt.Errorf("--window %s: it is longer than nothing", o.Window)
	case o.WarmUp < 0:
		return none, fmt.Errorf("--warm-up %s: it is no shorter than nothing", o.WarmUp)
	}
	var err error
	if o.Thresholds, err = plugin.ParseThresholds(o.warning, o.critical); err != nil {
		return none, err
	}
	if o.channel != "" {
		return p.checkChannel(ctx, o)
	}
	conf := cache.Config{Node: firstOf(o.node, "this machine"), Name: o.cache, Kind: cache.Varnish, URL: "http://localhost", StatsDir: o.stats}
	if o.stats == "" {
		if conf, err = p.cacheOf(o.node, o.cache); err != nil {
			return none, err
		}
	}
	driver, err := cache.Open(conf, cache.Options{})
	if err != nil {
		return none, err
	}
	defer func() { _ = driver.Close() }() // it was only read
	counters, err := driver.Stats(ctx)
	if err != nil {
		return none, err
	}
	name := firstOf(o.node, o.stats)
	if o.cache != "" {
		name += "/" + o.cache
	}
	file, sample := hitrate.File(o.stateDir, name, ""), sampleOf(counters)
	var unknown error
	sample.Content, unknown = contentNow(ctx, driver, lastContent(file))
	r := o.Run(file, sample)
	if unknown != nil {
		r.Details = append(r.Details, "when it was flushed is not known: "+unknown.Error())
	}
	return r, nil
}

// contentNow names what the cache's content depends on. What the server does not say now is as it was: else the check would hold its alarm back.
func contentNow(ctx context.Context, d cache.Driver, last string) (string, error) {
	teller, ok := d.(cache.Contents)
	if !ok || d.Config().AdminAddress == "" {
		return last, nil
	}
	c, err := teller.Content(ctx)
	if err != nil {
		return last, err
	}
	vcl, flushed, _ := strings.Cut(last, contentMark)
	if c.VCL == "" {
		c.VCL = vcl
	}
	if c.Flushed == "" { // the server forgets
		c.Flushed = flushed
	}
	return c.VCL + contentMark + c.Flushed, nil
}

// contentMark stands between the name of the VCL and the time of the newest flush.
const contentMark = " flushed "

// lastContent is what the last sample in a state was of; "" where there is none.
func lastContent(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	var s hitrate.State
	if json.Unmarshal(raw, &s) != nil || len(s.Samples) == 0 { // the check itself says what is wrong with it
		return ""
	}
	return s.Samples[len(s.Samples)-1].Content
}

// sampleOf is what the check needs of the counters. A restart of the worker process is another epoch, even where its uptime does not show it.
func sampleOf(c cache.Counters) hitrate.Sample {
	return hitrate.Sample{
		At: c.At, Uptime: c.Uptime, Epoch: strconv.FormatUint(c.Starts, 10), Hits: c.Hits, Misses: c.Misses,
		Stale: &c.Grace, Evictions: &c.Evictions, BackendFail: &c.BackendFail, Bans: &c.Bans, Objects: &c.Objects,
	}
}
