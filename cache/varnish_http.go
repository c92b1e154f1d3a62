package cache

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// purgedReason matches the reason phrases of a purge: "Purged" (built in), "Purged 4 objects", "Soft purged".
var purgedReason = regexp.MustCompile(`^(?:Purged|Soft purged)(?: (\d+)(?: objects?)?)?$`)

// notCachedReason is what a soft purge of our VCL answers, with 404, when there is nothing to purge.
const notCachedReason = "Not in cache"

// purgeRequest sends one PURGE or SOFTPURGE and judges the answer. removed is nil where the server does not count.
func (v *varnish) purgeRequest(ctx context.Context, soft bool, url string, tags []string) (Proof, *int64, error) {
	method := "PURGE"
	if soft {
		method = "SOFTPURGE"
	}
	ctx, cancel := context.WithTimeout(ctx, v.opts.Timeout)
	defer cancel()
	req, err := v.edge.request(ctx, method, url)
	if err != nil {
		return Proof{}, nil, err
	}
	// A purge may be repeated. With this key, which is not sent, net/http does so when a kept connection turns out to be dead; Varnish
	// closes idle ones after 5 s (timeout_idle).
	req.Header["X-Idempotency-Key"] = nil
	if len(tags) > 0 {
		req.Header.Set("xkey-purge", strings.Join(tags, " "))
	}
	resp, err := v.edge.do(req)
	if err != nil {
		return Proof{}, nil, err
	}
	defer drain(resp)
	return judgePurge(resp)
}

// judgePurge tells a purge by Varnish itself from everything else that looks like one. A Varnish whose VCL lacks the method pipes
// it to the origin and passes the origin's 200 on (no X-Varnish); one that passes it to a shield adds Via to the shield's answer.
func judgePurge(resp *http.Response) (Proof, *int64, error) {
	_, reason, _ := strings.Cut(resp.Status, " ")
	p := Proof{Status: resp.StatusCode, Reason: reason, ID: resp.Header.Get("X-Varnish"), Server: resp.Header.Get("Server")}
	ours := p.ID != "" && p.Server == "Varnish" && resp.Header.Get("Via") == ""
	status := &StatusError{Status: p.Status, Reason: clip(reason)}
	switch {
	case ours && p.Status == http.StatusOK && purgedReason.MatchString(reason):
		return p, countIn(reason), nil
	case ours && p.Status == http.StatusNotFound && reason == notCachedReason:
		return p, new(int64), nil
	case temporaryStatus(p.Status):
		return p, nil, status
	case p.Status == http.StatusMethodNotAllowed, p.Status == http.StatusForbidden, p.Status == http.StatusUnauthorized:
		return p, nil, fmt.Errorf("%w: %w", ErrRefused, status)
	}
	return p, nil, fmt.Errorf("%w: %w, Server %s, X-Varnish %s, Via %s", ErrNoSignature, status,
		orNone(p.Server), orNone(p.ID), orNone(resp.Header.Get("Via")))
}

func countIn(reason string) *int64 {
	m := purgedReason.FindStringSubmatch(reason)
	if m == nil || m[1] == "" {
		return nil
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return clip(s)
}

// drain reads what little is left of a body, so that the connection can be used again, and closes it.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // a longer rest costs more than a new connection
	_ = resp.Body.Close()                          // nothing was written
}

// retryPause is the wait before the only repetition of a purge that failed for a passing reason.
const retryPause = 100 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
