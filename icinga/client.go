package icinga

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/shitops/opsbot/internal/secret"
)

// Options say where Icinga2 is and who calls. URL is required, and either User and Password or Certificate.
type Options struct {
	URL        string                        // https://host:5665
	User       string                        // name of an ApiUser
	Password   func() (secret.Secret, error) // asked for at each call, so that a rotated password counts at once
	CA         []byte                        // PEM of Icinga2's own authority (/var/lib/icinga2/certs/ca.crt); nil = the system's
	ServerName string                        // the NodeName, which is all that certificates of its own authority hold; "" = the URL's host
	// Certificate proves who calls, for an ApiUser with client_cn; asked for at each handshake, so that a renewed one counts at once. nil = none.
	Certificate func() (*tls.Certificate, error)
	// Pins are digests of the server's public key as [Pin] writes them, of which one must fit: two, so that the key rotates without a gap. Empty = any
	// key that CA vouches for.
	Pins    []string
	Timeout time.Duration // of one attempt; 0 = 10 s
	Log     *slog.Logger  // nil = none
}

// Client calls one Icinga2. It is safe for concurrent use and keeps at most two connections: more of them make Icinga2 slower.
type Client struct {
	opt    Options
	base   *url.URL
	once   *http.Client          // sends a request one time
	repeat *retryablehttp.Client // sends it again when no answer came: for calls that may be repeated
	stream *http.Client          // for answers that do not end
}

const (
	// Icinga2 closes idle connections after 10 s; a request that meets the close has an unknown outcome.
	idleTimeout = 8 * time.Second
	// Measured: one connection 2,089 check results a second, two 1,274, eight 845.
	connections    = 2
	defaultTimeout = 10 * time.Second
	attempts       = 4
)

// New returns a client. It does not connect: a wrong password shows at the first call.
func New(opt Options) (*Client, error) {
	base, err := url.Parse(opt.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("icinga2: url: %w", err)
	case base.Scheme != "https" || base.Host == "" || base.User != nil || strings.Trim(base.Path, "/") != "":
		return nil, fmt.Errorf("icinga2: url %q: want https://host:5665, without user and path", base.Redacted())
	case (opt.User == "" || opt.Password == nil) && opt.Certificate == nil:
		return nil, errors.New("icinga2: user and password are needed, or a client certificate")
	}
	tlsConfig, err := trust(opt)
	if err != nil {
		return nil, err
	}
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{opt: opt, base: base}
	c.once = &http.Client{Timeout: opt.Timeout, CheckRedirect: stay, Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: opt.Timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:     tlsConfig, // HTTP/1.1 only: Icinga2 knows no other
		TLSHandshakeTimeout: opt.Timeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConns:        connections, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
	}}
	c.repeat = &retryablehttp.Client{
		HTTPClient: c.once, RetryMax: attempts - 1, RetryWaitMin: 100 * time.Millisecond, RetryWaitMax: 2 * time.Second,
		Backoff: backoff, CheckRetry: mayRetry, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	// A connection of its own for each stream, which is never used again: what is known of it is that it is alive.
	c.stream = &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		DialContext:     (&net.Dialer{Timeout: opt.Timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig: tlsConfig.Clone(), TLSHandshakeTimeout: opt.Timeout, ResponseHeaderTimeout: opt.Timeout,
		DisableKeepAlives: true, DisableCompression: true,
	}}
	return c, nil
}

// stay follows no redirect: the password stays here.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close gives up the idle connections. The client may still be used.
func (c *Client) Close() {
	c.once.CloseIdleConnections()
	c.stream.CloseIdleConnections()
}

// backoff doubles from 0.1 s, or waits as long as the answer asks for, and adds up to a half, so that callers do not come back in step. A daemon that
// says that it reloads needs about 2.4 s with 1,000 services, and is given more.
func backoff(shortest, longest time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil && resp.StatusCode == http.StatusServiceUnavailable {
		shortest = 500 * time.Millisecond
	}
	d := min(retryablehttp.DefaultBackoff(shortest, longest, attempt, resp), longest)
	return d + rand.N(d/2+1)
}

// mayRetry lets a call go out again when no answer came, or one that says "later".
func mayRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return !untrusted(err), nil
	default:
		return errors.Is(kindOf(resp.StatusCode), ErrUnavailable), nil
	}
}
