package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// userAgent tells the origin's operator who asks.
const userAgent = "opsbot-cache"

// Edge is the side of a cache that viewers see. Objects keep the names that the origin gave them; an Edge sends the request for
// them to its own URL, with the origin's Host. Safe for concurrent use.
type Edge struct {
	Node   string       // for messages
	URL    string       // http://host:port where requests enter
	Kind   Kind         // make of the server, for telling hit from miss; "" = unknown
	Host   string       // Host header; "" = the host of the object's URL
	Client *http.Client // nil = a client over http.DefaultTransport that follows no redirects
}

// Origin is where the truth is. The zero value asks the host in each object's URL.
type Origin struct {
	URL    string       // http://host:port to connect to instead; "" = the object's own
	Host   string       // Host header; "" = the host of the object's URL
	Client *http.Client // as for Edge
}

func (o Origin) edge() Edge { return Edge{Node: "origin", URL: o.URL, Host: o.Host, Client: o.Client} }

// NewClient returns a client made for caches: straight to the server (no proxy from the environment), no redirects, bodies as
// they are (no transparent gzip), and a pool of kept connections big enough for 1,000 nodes with 64 connections each in use.
func NewClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			MaxIdleConns:           4096,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: noRedirect,
	}
}

// Lookup tells hit from miss in an answer of this edge. A Varnish always writes X-Varnish anew, while other headers may be a shield's,
// cached together with the object: there, X-Varnish is believed first.
func (e Edge) Lookup(h http.Header) Lookup {
	told := LookupOf(h)
	if e.Kind == Varnish && told != LookupPass {
		if own := xVarnish(h); own != LookupUnknown {
			return own
		}
	}
	return told
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (e Edge) client() *http.Client {
	if e.Client != nil {
		return e.Client
	}
	return &http.Client{CheckRedirect: noRedirect}
}

// request makes a request for the object that the origin calls rawURL. A rawURL that begins with a slash is a path on this edge.
func (e Edge) request(ctx context.Context, method, rawURL string) (*http.Request, error) {
	object, err := parseObjectURL(rawURL)
	if err != nil {
		return nil, err
	}
	target, host := *object, object.Host
	if e.URL != "" {
		base, err := url.Parse(e.URL)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
		target.Scheme, target.Host = base.Scheme, base.Host
	}
	if target.Host == "" {
		return nil, fmt.Errorf("%w %s: a path alone, and no edge URL to join it with", ErrBadURL, clip(rawURL))
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrBadURL, clip(rawURL), err)
	}
	if e.Host != "" {
		host = e.Host
	}
	if host != "" {
		req.Host = strings.ToLower(host) // viewers' is lowered by Varnish's built-in VCL, a purge's is not, and it is part of the hash
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept-Encoding", "identity") // else net/http asks for gzip, and ETag and length are those of another variant
	return req, nil
}

// parseObjectURL accepts http and https URLs with a host, and absolute paths; it drops the fragment and any user and password.
func parseObjectURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadURL, err)
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		if u.Path == "" {
			u.Path = "/"
		}
		return u, nil
	case u.Scheme == "" && u.Host == "" && u.Opaque == "" && len(u.Path) > 0 && u.Path[0] == '/':
		return u, nil
	}
	return nil, fmt.Errorf("%w %s: want http://host/path or /path", ErrBadURL, clip(raw))
}

// do sends a request and names the cause of a failure plainly: the end of the context, or what the connection said. net/http's own
// words repeat the whole URL, and with it whatever token its query holds.
func (e Edge) do(req *http.Request) (*http.Response, error) {
	resp, err := e.client().Do(req)
	return resp, causeOf(req.Context(), err)
}

func causeOf(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}
