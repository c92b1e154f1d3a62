package content

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// channel is what deployments consist of at the moment.
type channel struct {
	names    []string // of the deployments
	objects  []cache.Object
	problems []string      // what could not be walked, a sentence each
	errs     []error       // of deployments of which nothing could be walked
	target   time.Duration // the longest of the playlists'
}

// walkAll walks the deployments' playlists at their origins; via an edge as well where one is given, which may still hold playlists that
// the origin no longer has. What cannot be walked is a problem of the channel and keeps nothing else from being walked.
func (c *Content) walkAll(ctx context.Context, ds []actions.Deployment, via *cache.Edge) channel {
	ch := channel{names: deploymentNames(ds)}
	seen := map[string]bool{}
	for _, d := range ds {
		walked, err := cache.Walk(ctx, c.opts.Client, d.Origin, cache.WalkOptions{Allow: c.opts.Allow})
		if via != nil {
			old, verr := cache.Walk(ctx, c.opts.Client, d.Origin, cache.WalkOptions{Allow: c.opts.Allow, Via: via})
			if err != nil && verr == nil {
				walked, err = old, nil
			} else if verr == nil {
				walked.Objects = append(walked.Objects, old.Objects...)
			}
		}
		if err != nil {
			ch.problems = append(ch.problems, fmt.Sprintf("%s: %v", d.Name, err))
			if len(walked.Objects) == 0 {
				ch.errs = append(ch.errs, fmt.Errorf("%s: %w", d.Name, err))
			}
		}
		ch.take(d.Name, walked, seen)
	}
	for i, p := range ch.problems {
		ch.problems[i] = clip(p)
	}
	ch.problems = few(ch.problems)
	return ch
}

func (ch *channel) take(name string, w cache.Walked, seen map[string]bool) {
	for _, o := range w.Objects {
		if !seen[o.URL] {
			seen[o.URL] = true
			ch.objects = append(ch.objects, o)
		}
	}
	ch.target = max(ch.target, w.Target)
	for _, p := range w.Problems {
		ch.problems = append(ch.problems, name+": "+p.String())
	}
	if len(w.Refused) > 0 {
		ch.problems = append(ch.problems, fmt.Sprintf("%s: %s not asked, on a foreign host: %s", name, objects(len(w.Refused)), hostOf(w.Refused[0])))
	}
}

// dead returns an error when of no deployment anything could be walked, and for passing reasons: the origins are down, not the playlists.
func (ch channel) dead() error {
	if len(ch.errs) == 0 || len(ch.errs) < len(ch.names) {
		return nil
	}
	for _, err := range ch.errs {
		if !cache.Temporary(err) {
			return nil
		}
	}
	return errors.Join(ch.errs...)
}

// err returns an error when nothing at all could be walked.
func (ch channel) err() error {
	if len(ch.objects) > 0 || len(ch.errs) == 0 {
		return nil
	}
	err := fmt.Errorf("nothing of %s could be read: %w; is the origin up, and is the deployment's origin its master playlist?",
		strings.Join(ch.names, ", "), errors.Join(ch.errs...))
	if ch.dead() != nil {
		return actions.Temporary{Err: err}
	}
	return err
}

// problem says the first problem and how many more there are, or "".
func (ch channel) problem() string { return firstOf(ch.problems) }

func firstOf(problems []string) string {
	switch len(problems) {
	case 0:
		return ""
	case 1:
		return problems[0]
	}
	return fmt.Sprintf("%s (and %d more)", problems[0], len(problems)-1)
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "unreadable URL"
	}
	return u.Host
}

// truth is where answers are compared: at the origins of deployments alone. A URL that someone typed names any host, and the bot asks none
// that it does not know.
func (c *Content) truth(ds []actions.Deployment) cache.Origin {
	hosts := slices.Clone(c.opts.Allow)
	for _, d := range ds {
		hosts = append(hosts, hostOf(d.Origin))
	}
	client := *c.opts.Client
	client.Transport = guard{hosts: hosts, next: c.opts.Client.Transport}
	return cache.Origin{Client: &client}
}

// guard lets requests through to known hosts alone.
type guard struct {
	hosts []string // host or host:port
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	known := slices.ContainsFunc(g.hosts, func(h string) bool {
		return strings.EqualFold(h, r.URL.Host) || r.URL.Port() == "" && strings.EqualFold(h, r.URL.Hostname())
	})
	if !known {
		return nil, fmt.Errorf("%s is no deployment's origin, so it was not asked", r.URL.Host)
	}
	if g.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return g.next.RoundTrip(r)
}

// objects says "1 object" or "15 objects".
func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}
