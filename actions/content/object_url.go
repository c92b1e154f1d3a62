package content

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/cache"
)

// urlsMost is how many URLs one command may name.
const urlsMost = 200

// objectURLs returns the URLs as the origin names them, which is how caches know them: the Host is part of an object's name. A path alone,
// and a URL that was copied from an edge, get the origin of the deployment that they belong to.
func (s scope) objectURLs(typed []string) ([]string, error) {
	if len(typed) > urlsMost {
		return nil, fmt.Errorf("%d URLs are more than one command may name (%d): purge the deployment, a tag or a prefix", len(typed), urlsMost)
	}
	out := make([]string, len(typed))
	for i, raw := range typed {
		var err error
		if out[i], err = s.objectURL(raw); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s scope) objectURL(raw string) (string, error) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) { // net/url lets a blank in a query pass
		return "", fmt.Errorf("%w %q: it holds a blank or a control character; percent-encode it", cache.ErrBadURL, raw)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("%w: %w", cache.ErrBadURL, err)
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	web := (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	bare := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/")
	if !web && !bare {
		return "", fmt.Errorf("%w %q: want http://host/path, or /path of a deployment", cache.ErrBadURL, raw)
	}
	if web && !s.ofEdge(u.Host) {
		return u.String(), nil
	}
	origins := s.origins(u.Path)
	switch len(origins) {
	case 1:
		u.Scheme, u.Host = origins[0].Scheme, origins[0].Host
		return u.String(), nil
	case 0:
		return "", fmt.Errorf("%w %q: no deployment is known whose origin could have it; say the whole URL as the origin names it", cache.ErrBadURL, raw)
	}
	return "", fmt.Errorf("%w %q: %d origins could have it; say the whole URL, such as %s://%s%s", cache.ErrBadURL, raw, len(origins),
		origins[0].Scheme, origins[0].Host, u.Path)
}

// ofEdge tells whether viewers' requests for a cache enter at host: then it is no name that an origin gave.
func (s scope) ofEdge(host string) bool {
	return slices.ContainsFunc(s.nodes, func(n actions.Node) bool {
		return slices.ContainsFunc(n.Caches, func(c actions.Cache) bool { return strings.EqualFold(hostOf(c.URL), host) })
	})
}

// origins returns the distinct origins of the deployments whose folder holds p; where none does, of all deployments.
func (s scope) origins(p string) []*url.URL {
	var under, all []*url.URL
	for _, d := range s.deployments {
		u, err := url.Parse(d.Origin)
		if err != nil || u.Host == "" {
			continue
		}
		if strings.HasPrefix(p, strings.TrimSuffix(path.Dir(u.Path), "/")+"/") {
			under = addOrigin(under, u)
		}
		all = addOrigin(all, u)
	}
	if len(under) > 0 {
		return under
	}
	return all
}

func addOrigin(to []*url.URL, u *url.URL) []*url.URL {
	if slices.ContainsFunc(to, func(o *url.URL) bool { return o.Scheme == u.Scheme && o.Host == u.Host }) {
		return to
	}
	return append(to, u)
}

// pathPrefix returns the path of a prefix that may be a URL, and a note where a host was dropped: bans look at the path alone.
func pathPrefix(raw string) (prefix, note string, err error) {
	whole := errors.New("everything is no prefix: to remove everything say: flush") // another risk, another question
	if strings.HasPrefix(raw, "/") {
		if strings.Trim(raw, "/") == "" {
			return "", "", whole
		}
		return raw, "", nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", "", fmt.Errorf("%w %q: want /path or http://host/path", cache.ErrBadPrefix, raw)
	}
	if strings.Trim(u.EscapedPath(), "/") == "" && u.RawQuery == "" || u.EscapedPath() == "" {
		return "", "", whole
	}
	prefix = u.EscapedPath()
	if u.RawQuery != "" {
		prefix += "?" + u.RawQuery
	}
	return prefix, "the prefix is looked for under every host, not only " + u.Host, nil
}
