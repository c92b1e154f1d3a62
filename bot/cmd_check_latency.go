package bot

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/icinga/latency"
	"github.com/shitops/opsbot/icinga/plugin"
)

// latencyTimeout bounds one request: with all that follow one another a look stays below checkPatience.
const latencyTimeout = 1500 * time.Millisecond

// latencyOptions are the flags of check stream-latency.
type latencyOptions struct {
	edge, origin, host, node, cache, channel, stateDir string
	allow                                              []string
	timeout                                            time.Duration
	age, lag, stall, ttfb                              limitFlags
}

// limitFlags are the two ranges of one measure.
type limitFlags struct{ warning, critical string }

func (p *program) checkLatencyCommand() *cobra.Command {
	var o latencyOptions
	c := &cobra.Command{
		Use:   "stream-latency",
		Short: "look how far a stream at an edge is behind",
		Long: `Look at the playlist of a channel as a viewer of an edge does, compare it with the origin's, and say who is late: the origin, or the edge because it serves an
old playlist, is slow, or lacks segments.

The live edge is the end of the newest segment, by EXT-X-PROGRAM-DATE-TIME. Whether a playlist moves is known from the second call on: what one
saw is kept in a folder. A playlist that has ended has no live edge; of it the first byte and the segments are looked at. The playlist is asked
for twice, and the second answer counts, since the first one may be what the cache had kept for the first who came.

--edge is the URL of the playlist at the edge, or of the edge alone: then the playlist is that of --origin, asked for with the origin's name. The
channel and the cache may be taken from the inventory instead, by --channel and --node.

Limits are ranges in seconds. Without them they follow from the target duration T of the playlist: age 3 T and 6 T, lag T and 2 T, stall 1.5 T and
3 T; time to the first byte 0.2 and 1.

` + pluginCodes,
		Example: `  opsbot check stream-latency --edge http://192.0.2.11 --origin http://origin.example/news/master.m3u8
  opsbot check stream-latency --node ams-1 --channel news --critical-age 30`,
		RunE: p.run(func(ctx context.Context, _ []string) error {
			return p.plugin(ctx, latency.Name, checkPatience, func(ctx context.Context) plugin.Result {
				r, err := p.checkLatency(ctx, o)
				if err != nil {
					return plugin.Failed(latency.Name, err)
				}
				return r
			})
		}),
	}
	o.flags(c.Flags())
	return p.asPlugin(c, latency.Name)
}

func (o *latencyOptions) flags(f *pflag.FlagSet) {
	o.timeout = latencyTimeout
	f.StringVar(&o.edge, "edge", "", "the `URL` of the playlist at the edge, or of the edge")
	f.StringVar(&o.origin, "origin", "", "the `URL` of the playlist at the origin; without it the edge alone is looked at")
	f.StringVar(&o.host, "host", "", "the `name` that viewers ask the edge for (the header Host)")
	f.StringVar(&o.node, "node", "", "the `name` of a node in the inventory, instead of --edge")
	f.StringVar(&o.cache, "cache", "", "the `name` of the cache, where the node has more than one")
	f.StringVar(&o.channel, "channel", "", "the `name` of a deployment in the inventory, instead of --origin")
	f.StringSliceVar(&o.allow, "allow", nil, "other `hosts` that playlists may name")
	f.Var((*span)(&o.timeout), "timeout", "a `span` that one request may take")
	f.StringVar(&o.stateDir, "state-dir", "/var/lib/icinga2/opsbot", "the `folder` for what the check saw")
	for _, l := range []struct {
		name, what string
		of         *limitFlags
	}{
		{"age", "the age of the live edge", &o.age}, {"lag", "what the edge is behind the origin", &o.lag},
		{"stall", "the time since the playlist moved", &o.stall}, {"ttfb", "the time to the first byte", &o.ttfb},
	} {
		f.StringVar(&l.of.warning, "warning-"+l.name, "", "`range` of "+l.what+", in seconds")
		f.StringVar(&l.of.critical, "critical-"+l.name, "", "`range` of "+l.what+", in seconds")
	}
}

func (p *program) checkLatency(ctx context.Context, o latencyOptions) (plugin.Result, error) {
	check, err := o.limits()
	if err != nil {
		return plugin.Result{}, err
	}
	edge, at, opt, err := p.stream(o)
	if err != nil {
		return plugin.Result{}, err
	}
	edge.Client = cache.NewClient()
	defer edge.Client.CloseIdleConnections()
	live, err := cache.LookLive(ctx, edge, cache.Origin{Client: edge.Client}, at, opt)
	if err != nil {
		return plugin.Result{}, err
	}
	name := o.edge
	if name == "" {
		name = o.node + "/" + o.cache
	}
	return check.Run(latency.File(o.stateDir, name, firstOf(o.origin, o.channel)), latency.Sample{Edge: sideOf(live.Edge), Origin: sideOf(live.Origin)}), nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func (o latencyOptions) limits() (latency.Check, error) {
	var c latency.Check
	for _, l := range []struct {
		name string
		from limitFlags
		to   *plugin.Thresholds
	}{{"age", o.age, &c.Age}, {"lag", o.lag, &c.Lag}, {"stall", o.stall, &c.Stall}, {"ttfb", o.ttfb, &c.TTFB}} {
		var err error
		if *l.to, err = plugin.ParseThresholds(l.from.warning, l.from.critical); err != nil {
			return c, fmt.Errorf("limits of the %s: %w", l.name, err)
		}
	}
	return c, nil
}

// stream finds out what is asked for, of whom.
func (p *program) stream(o latencyOptions) (cache.Edge, string, cache.LiveOptions, error) {
	opt := cache.LiveOptions{Allow: o.allow, Timeout: o.timeout}
	edge := cache.Edge{Node: firstOf(o.node, "edge"), Host: o.host}
	fail := func(err error) (cache.Edge, string, cache.LiveOptions, error) { return edge, "", opt, err }
	switch {
	case o.edge == "" && o.node == "":
		return fail(errors.New("it needs --edge or --node"))
	case o.edge != "" && o.node != "":
		return fail(errors.New("--edge and --node are two ways to say the same"))
	case o.origin != "" && o.channel != "":
		return fail(errors.New("--origin and --channel are two ways to say the same"))
	case o.timeout <= 0:
		return fail(fmt.Errorf("--timeout %s: it is longer than nothing", o.timeout))
	}
	if o.channel != "" {
		var err error
		if o.origin, err = p.channelURL(o.channel); err != nil {
			return fail(err)
		}
	}
	if o.node != "" {
		conf, err := p.cacheNamed(o.node, o.cache)
		if err != nil {
			return fail(err)
		}
		edge.URL, edge.Kind, edge.Host = conf.URL, conf.Kind, firstOf(o.host, conf.Host)
	}
	if o.edge != "" {
		if err := goodURL("edge", o.edge); err != nil {
			return fail(err)
		}
	}
	at, err := url.Parse(o.edge)
	switch {
	case err != nil: // goodURL has said so
		return fail(err)
	case o.edge == "" || at.Path == "" || at.Path == "/":
		if o.origin == "" {
			return fail(errors.New("which playlist? It needs --origin or --channel, or an --edge with the path of one"))
		}
		edge.URL = firstOf(edge.URL, o.edge)
		return edge, o.origin, opt, nil
	}
	opt.OriginURL, opt.NoOrigin = o.origin, o.origin == ""
	return edge, o.edge, opt, nil
}

// sideOf is what the check needs of what was seen.
func sideOf(s cache.LiveSide) latency.Side {
	side := latency.Side{
		At: s.At, TTFB: s.TTFB, Age: s.Age, Skew: s.Skew, First: s.List.Sequence, End: s.List.Sequence + uint64(s.List.Segments),
		Length: s.List.Length, Target: s.List.Target, Date: s.List.Date, Ended: s.List.Ended, Breaks: s.List.Breaks,
		Asked: s.Asked, Segment: s.Segment, Hit: s.Found == cache.LookupHit, Missing: s.Missing,
	}
	if s.Err != nil {
		side.Fault = s.Err.Error()
	}
	if s.Failed != nil {
		side.BadFetch = s.Failed.Error()
	}
	return side
}
