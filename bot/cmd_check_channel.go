package bot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/icinga/hitrate"
	"github.com/shitops/opsbot/icinga/plugin"
)

const (
	// channelSample is how many segments of a channel are asked for: enough for a ratio to within some per cent, few enough not to fill the cache.
	channelSample = 60
	// channelTimeout bounds one request of the check of a channel.
	channelTimeout = 2 * time.Second
)

// checkChannel looks at one channel as a viewer does, through the edge.
func (p *program) checkChannel(ctx context.Context, o hitRateOptions) (plugin.Result, error) {
	var none plugin.Result
	channel, err := p.channelURL(o.channel)
	if err == nil {
		err = goodChannel(channel)
	}
	if err != nil {
		return none, err
	}
	if o.edge != "" {
		if err := goodURL("edge", o.edge); err != nil {
			return none, err
		}
	}
	edge := cache.Edge{Node: firstOf(o.node, "the edge"), URL: o.edge, Client: cache.NewClient()}
	defer edge.Client.CloseIdleConnections()
	if o.edge == "" {
		conf, err := p.cacheNamed(o.node, o.cache)
		if err != nil {
			return none, err
		}
		edge.URL, edge.Kind, edge.Host = conf.URL, conf.Kind, conf.Host
	}
	walked, err := cache.Walk(ctx, edge.Client, channel, cache.WalkOptions{Via: &edge, NoParts: true, Timeout: channelTimeout})
	if err != nil {
		return none, err
	}
	segments := slices.DeleteFunc(walked.Objects, func(o cache.Object) bool { return o.Role != cache.RoleSegment })
	if len(segments) == 0 {
		return none, fmt.Errorf("%s lists no segments that may be asked for", withoutQuery(channel))
	}
	a := hitrate.Asked{Channel: withoutQuery(channel), Listed: len(segments)}
	// Others each time: those of the last look are in the cache because of it.
	rand.Shuffle(len(segments), func(i, j int) { segments[i], segments[j] = segments[j], segments[i] })
	report, err := cache.Peek(ctx, edge, segments[:min(len(segments), channelSample)], cache.PeekOptions{Timeout: channelTimeout})
	if err != nil {
		return none, fmt.Errorf("ask for segments of %s: %w", a.Channel, err)
	}
	a.Hits, a.Misses, a.Uncacheable, a.Untold, a.Failed = report.Hit, report.Miss, report.Uncacheable, report.Untold, report.Failed
	for _, bad := range report.Offenders {
		if a.Failed > 0 && a.Why == "" && bad.Why != "" {
			a.Why = bad.Why
		}
	}
	return o.JudgeAsked(a), nil
}

// withoutQuery is a URL fit to be shown: a query may hold somebody's token.
func withoutQuery(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the channel"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// goodChannel says what is wrong with the URL of a channel.
func goodChannel(channel string) error {
	u, err := url.Parse(channel)
	if err != nil {
		return errors.New("--channel: it is no URL")
	}
	if u.Host == "" && (u.Scheme != "" || len(u.Path) == 0 || u.Path[0] != '/') || u.Host != "" && u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--channel %s: want the URL of a playlist, or its path: http://origin.example/news/master.m3u8", withoutQuery(channel))
	}
	return nil
}
