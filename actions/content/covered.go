package content

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// tagsAsked is how many objects' tags are read from the origin to find those that a purge by tag covers.
const tagsAsked = 64

// below returns a sample of the objects whose path and query begin with prefix.
func below(all []cache.Object, prefix string) []cache.Object {
	kept := slices.DeleteFunc(slices.Clone(all), func(o cache.Object) bool {
		u, err := url.Parse(o.URL)
		return err != nil || !strings.HasPrefix(u.RequestURI(), prefix)
	})
	return cache.Sample(kept, lookedAt)
}

// tagged returns a sample of the objects that the origin gives one of the tags. An object whose tags cannot be read is left out: to look
// at one that the purge does not cover would prove nothing, and a stale one would be blamed on the purge.
func (c *Content) tagged(ctx context.Context, all []cache.Object, tags []string, ds []actions.Deployment) []cache.Object {
	client := c.truth(ds).Client
	asked := cache.Sample(all, tagsAsked)
	has := make([]bool, len(asked))
	each(len(asked), func(i int) { has[i] = bears(ctx, client, asked[i].URL, tags) })
	var kept []cache.Object
	for i, o := range asked {
		if has[i] {
			kept = append(kept, o)
		}
	}
	return cache.Sample(kept, lookedAt)
}

func bears(ctx context.Context, client *http.Client, object string, tags []string) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, object, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // an answer to HEAD has no body
	words := strings.FieldsFunc(strings.Join(resp.Header.Values("Xkey"), " "), func(r rune) bool { return r == ' ' || r == ',' })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(tags, w) })
}
