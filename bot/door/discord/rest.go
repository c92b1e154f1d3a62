package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
)

// Codes of errors (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json).
const (
	codeUnknownChannel     = 10003
	codeUnknownMessage     = 10008
	codeUnknownWebhook     = 10015
	codeUnknownInteraction = 10062
	codeAcknowledged       = 40060
	codeCannotWriteTo      = 50007 // this person
	codeHookEnded          = 50027
	codeThreadExists       = 160004
)

// rest makes calls of Discord's API, each once. It is safe for concurrent use.
type rest struct {
	client *http.Client
	limits *limits

	mu      sync.Mutex
	session *discordgo.Session
}

// newRest returns a client; base replaces https://discord.com where it is not empty.
func newRest(base string, now func() time.Time) (*rest, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = 64, 15*time.Second
	t.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	r := &rest{limits: &limits{now: now, buckets: map[string]bucket{}}}
	road := &road{next: t, limits: r.limits}
	if base != "" {
		u, err := url.Parse(base)
		if err != nil {
			return nil, fmt.Errorf("discord: base %q: %w", base, err)
		}
		road.base = u
	}
	r.client = &http.Client{
		Transport: road, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token goes to nobody else
	}
	return r, nil
}

// road is the transport: it turns requests to another host, and learns what their answers say about limits.
type road struct {
	next   http.RoundTripper
	base   *url.URL
	limits *limits
}

// RoundTrip implements http.RoundTripper.
func (r *road) RoundTrip(req *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(req.URL.Path, "/api/v"+discordgo.APIVersion+"/")
	out := req
	if r.base != nil {
		out = req.Clone(req.Context())
		out.URL.Scheme, out.URL.Host, out.Host = r.base.Scheme, r.base.Host, ""
	}
	resp, err := r.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	retry, everywhere := r.limits.note(req.Method, path, resp.StatusCode, resp.Header)
	if seen, ok := req.Context().Value(seenKey{}).(*problem); ok {
		seen.retry, seen.everywhere = retry, everywhere
	}
	for name := range resp.Header { // or the library would wait by itself
		if strings.HasPrefix(name, "X-Ratelimit-") {
			resp.Header.Del(name)
		}
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, 8<<20)
	return resp, nil
}

type seenKey struct{}

// problem is an answer of Discord that is no success. Status is 0 where none came.
type problem struct {
	what       string
	status     int
	code       int
	retry      time.Duration // of a 429, answered or foreseen
	everywhere bool
	unsent     bool // the call was not made
	err        error
}

// Error implements error.
func (p *problem) Error() string { return p.what + ": " + p.err.Error() }

// Unwrap returns the cause.
func (p *problem) Unwrap() error { return p.err }

// codeOf returns the code of Discord's error in err, 0 where there is none.
func codeOf(err error) int {
	var p *problem
	if errors.As(err, &p) {
		return p.code
	}
	return 0
}

func statusOf(err error) int {
	var p *problem
	if errors.As(err, &p) {
		return p.status
	}
	return 0
}

// use sets the token of all calls from now on.
func (r *rest) use(token string) error {
	s, err := r.newSession(token)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session = s
	return nil
}

// newSession returns a session of the library, set so that it does what is asked of it and nothing by itself.
func (r *rest) newSession(token string) (*discordgo.Session, error) {
	s, err := discordgo.New("Bot " + token)
	if err != nil {
		return nil, fmt.Errorf("make a session: %w", err)
	}
	s.Client = r.client
	s.StateEnabled, s.SyncEvents = false, true
	s.ShouldReconnectOnError, s.ShouldRetryOnRateLimit, s.MaxRestRetries = false, false, 0
	s.LogLevel = -1 // it would write to the standard logger, tokens included
	return s, nil
}

func (r *rest) current() *discordgo.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

// call makes one call. In is encoded as JSON unless it is a raw body; out, where not nil, takes the answer.
func (r *rest) call(ctx context.Context, method, path string, in, out any) error {
	body, kind := raw{}, "application/json"
	switch v := in.(type) {
	case nil:
	case raw:
		body, kind = v, v.kind
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode the body of %s %s: %w", method, shown(path), err)
		}
		body.text = text
	}
	s := r.current()
	p := &problem{what: method + " " + shown(path)}
	if s == nil {
		p.unsent, p.err = true, errors.New("the bot has no token yet")
		return p
	}
	if r.limits.banned() {
		p.unsent, p.err = true, fmt.Errorf("held back: Discord refused %d calls within %s, and more would get this address banned", maxRefused, refusedFor)
		return p
	}
	if p.retry, p.everywhere = r.limits.wait(method, path); p.retry > 0 {
		p.unsent, p.err = true, fmt.Errorf("rate limited for %s", p.retry)
		return p
	}
	// A bucket of its own: the library's would sleep, and live for ever.
	own := discordgo.NewRatelimiter().LockBucket(path)
	answer, err := s.RequestWithLockedBucket(method, discordgo.EndpointAPI+path, kind, body.text, own, 0,
		discordgo.WithContext(context.WithValue(ctx, seenKey{}, p)), discordgo.WithRestRetries(0), discordgo.WithRetryOnRatelimit(false))
	if err != nil {
		return p.because(err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		p.err = fmt.Errorf("read the answer: %w", err)
		return p
	}
	return nil
}

// raw is a body that is encoded already.
type raw struct {
	kind string
	text []byte
}

// because fills in what an error of the library says. The library's text of it holds the body, which may be long.
func (p *problem) because(err error) error {
	var failed *discordgo.RESTError
	var limited *discordgo.RateLimitError
	p.err = err
	var outer *url.Error
	if errors.As(err, &outer) { // it shows the address, and the token of an interaction in it
		p.err = outer.Err
	}
	switch {
	case errors.As(err, &limited):
		p.status = http.StatusTooManyRequests
		p.retry = max(p.retry, limited.RetryAfter)
		p.err = fmt.Errorf("rate limited for %s", p.retry)
	case errors.As(err, &failed):
		p.status = failed.Response.StatusCode
		if p.status == http.StatusTooManyRequests {
			p.retry = max(p.retry, time.Second)
		}
		if failed.Message != nil {
			p.code = failed.Message.Code
			p.err = fmt.Errorf("HTTP %d, code %d: %.300s", p.status, p.code, failed.ResponseBody)
		}
	case errors.Is(err, discordgo.ErrUnauthorized):
		p.status = http.StatusUnauthorized
	}
	var dial *net.OpError
	p.unsent = p.unsent || errors.As(err, &dial) && dial.Op == "dial"
	return p
}

// shown returns the path without the token of an interaction.
func shown(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 2 && (parts[0] == "webhooks" || parts[0] == "interactions") {
		parts[2] = "***"
	}
	return strings.Join(parts, "/")
}

// patient makes a call that waits for rate limits and tries again what surely had no effect or may be repeated, until ctx ends.
func (r *rest) patient(ctx context.Context, method, path string, in, out any) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := r.call(ctx, method, path, in, out)
		var p *problem
		if err == nil || !errors.As(err, &p) || p.retry == 0 && p.status != 0 && p.status < 500 {
			return err
		}
		pause := max(p.retry, wait)
		if end, ok := ctx.Deadline(); ok && time.Until(end) < pause {
			return err
		}
		if !sleep(ctx, pause) {
			return err
		}
	}
}

// sleep waits and tells whether ctx still runs.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
