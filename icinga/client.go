package icinga

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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

// Options say where Icinga2 is and who calls. URL, User and Password are required.
type Options struct {
	URL        string                        // https://host:5665
	User       string                        // name of an ApiUser
	Password   func() (secret.Secret, error) // asked for at each call, so that a rotated password counts at once
	CA         []byte                        // PEM of Icinga2's own authority (/var/lib/icinga2/certs/ca.crt); nil = the system's
	ServerName string                        // the NodeName, which is all that certificates of its own authority hold; "" = the URL's host
	Timeout    time.Duration                 // of one attempt; 0 = 10 s
	Log        *slog.Logger                  // nil = none
}

// Client calls one Icinga2. It is safe for concurrent use and keeps at most two connections: more of them make Icinga2 slower.
type Client struct {
	opt    Options
	base   *url.URL
	once   *http.Client          // sends a request one time
	repeat *retryablehttp.Client // sends it again when no answer came: for calls that may be repeated
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
	case opt.User == "" || opt.Password == nil:
		return nil, errors.New("icinga2: user and password are needed")
	}
	tlsConfig := &tls.Config{ServerName: opt.ServerName, MinVersion: tls.VersionTLS12}
	if opt.CA != nil {
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(opt.CA) {
			return nil, errors.New("icinga2: the file of its authority holds no PEM certificate")
		}
	}
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{opt: opt, base: base, once: &http.Client{
		Timeout:       opt.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the password stays here
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: opt.Timeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSClientConfig:     tlsConfig, // HTTP/1.1 only: Icinga2 knows no other
			TLSHandshakeTimeout: opt.Timeout,
			IdleConnTimeout:     idleTimeout,
			MaxIdleConns:        connections, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
		},
	}}
	c.repeat = &retryablehttp.Client{
		HTTPClient: c.once, RetryMax: attempts - 1, RetryWaitMin: 100 * time.Millisecond, RetryWaitMax: 2 * time.Second,
		Backoff: backoff, CheckRetry: mayRetry, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return c, nil
}

// Close gives up the idle connections. The client may still be used.
func (c *Client) Close() { c.once.CloseIdleConnections() }

// backoff doubles from 0.1 s, or waits as long as the answer asks for, and adds up to a half, so that callers do not come back in step.
func backoff(shortest, longest time.Duration, attempt int, resp *http.Response) time.Duration {
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
