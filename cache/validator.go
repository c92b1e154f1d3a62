package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// digestMax is the size up to which bodies are compared where neither side sends an ETag or a date.
const digestMax = 16 << 20

// validator is what tells two versions of an object apart.
type validator struct {
	status       int
	etag         string // as plainETag makes it
	lastModified string
	digest       string // sha256 of the body; only when there is nothing better
	lookup       Lookup
	uncacheable  bool
	ttfb         time.Duration
}

// String names the validator as messages show it.
func (v validator) String() string {
	switch {
	case v.status != http.StatusOK:
		return fmt.Sprintf("status %d", v.status)
	case v.etag != "":
		return "ETag " + clip(v.etag)
	case v.lastModified != "":
		return "Last-Modified " + clip(v.lastModified)
	case v.digest != "":
		return "sha256 " + v.digest[:12]
	}
	return "no validator"
}

// validatorOf reads the headers of an answer of e.
func validatorOf(e Edge, resp *http.Response) validator {
	return validator{
		status:       resp.StatusCode,
		etag:         plainETag(resp.Header.Get("ETag")),
		lastModified: resp.Header.Get("Last-Modified"),
		lookup:       e.Lookup(resp.Header),
		uncacheable:  uncacheable(resp.Header),
	}
}

// plainETag takes away what compression on the way adds: W/ (nginx, Varnish), and the suffixes of Apache and Jetty. Edge and origin
// are asked by different clients, so one may have compressed where the other did not.
func plainETag(etag string) string {
	etag = strings.TrimPrefix(etag, "W/")
	for _, suffix := range []string{"-gzip", ";gzip", "--gzip", "-br"} {
		if opaque, ok := strings.CutSuffix(etag, suffix+`"`); ok {
			return strings.TrimSuffix(opaque, "-") + `"`
		}
	}
	return etag
}

func (v validator) comparable() bool {
	return v.status != http.StatusOK || v.etag != "" || v.lastModified != "" || v.digest != ""
}

// same compares two versions: by status, then ETag, date, digest, whichever both sides have first.
func (v validator) same(o validator) (verdict Verdict, by string) {
	pick := func(equal bool, by string) (Verdict, string) {
		if equal {
			return Fresh, by
		}
		return Stale, by
	}
	switch {
	case v.status != o.status:
		return Stale, "status"
	case v.status != http.StatusOK:
		return Fresh, "status"
	case v.etag != "" && o.etag != "":
		return pick(v.etag == o.etag, "ETag")
	case v.lastModified != "" && o.lastModified != "":
		return pick(v.lastModified == o.lastModified, "Last-Modified")
	case v.digest != "" && o.digest != "":
		return pick(v.digest == o.digest, "content")
	}
	return Unknown, "nothing to compare by"
}

// head asks for an object's headers. A server that does not know HEAD is asked by GET, whose body is not read.
func head(ctx context.Context, e Edge, url string) (validator, error) {
	v, err := ask(ctx, e, http.MethodHead, url, false)
	if err == nil && (v.status == http.StatusMethodNotAllowed || v.status == http.StatusNotImplemented) {
		return ask(ctx, e, http.MethodGet, url, false)
	}
	return v, err
}

func ask(ctx context.Context, e Edge, method, url string, digest bool) (validator, error) {
	req, err := e.request(ctx, method, url)
	if err != nil {
		return validator{}, err
	}
	start := time.Now()
	resp, err := e.do(req)
	if err != nil {
		return validator{}, err
	}
	v := validatorOf(e, resp)
	v.ttfb = time.Since(start)
	if digest && resp.StatusCode == http.StatusOK {
		h := sha256.New()
		n, err := io.Copy(h, io.LimitReader(resp.Body, digestMax+1))
		if err != nil {
			_ = resp.Body.Close() // the copy's error says more
			return v, err
		}
		if n <= digestMax {
			v.digest = hex.EncodeToString(h.Sum(nil))
		}
	}
	drain(resp)
	return v, nil
}

// comparison is the outcome of holding one object at the edge against the origin's.
type comparison struct {
	verdict Verdict
	why     string
	edge    validator
}

// compare asks edge and origin for one object. When they differ the origin is asked again, since a live playlist may have moved
// between the two questions: the edge is fresh when it equals either answer, and after three rounds of a moving origin nobody knows.
func compare(ctx context.Context, e Edge, o Origin, url string) (comparison, error) {
	const rounds = 3
	truth, err := head(ctx, o.edge(), url)
	if err != nil {
		return comparison{why: "origin: " + err.Error()}, fmt.Errorf("ask the origin for %s: %w", shown(url), err)
	}
	for range rounds {
		seen, err := head(ctx, e, url)
		if err != nil {
			return comparison{why: err.Error()}, fmt.Errorf("ask the edge for %s: %w", shown(url), err)
		}
		c := judge(ctx, e, o, url, seen, truth)
		if c.verdict != Stale {
			return c, nil
		}
		again, err := head(ctx, o.edge(), url)
		if err != nil {
			return comparison{edge: seen, why: "origin: " + err.Error()}, fmt.Errorf("ask the origin for %s: %w", shown(url), err)
		}
		if moved, _ := again.same(truth); moved != Stale {
			return c, nil
		}
		if c = judge(ctx, e, o, url, seen, again); c.verdict != Stale {
			return c, nil
		}
		truth = again
	}
	return comparison{why: "the origin changes faster than it can be compared"}, nil
}

// judge compares two answers, by their content when they bear nothing else.
func judge(ctx context.Context, e Edge, o Origin, url string, seen, truth validator) comparison {
	if !seen.comparable() || !truth.comparable() {
		lookup := seen.lookup
		s, err1 := ask(ctx, e, http.MethodGet, url, true)
		t, err2 := ask(ctx, o.edge(), http.MethodGet, url, true)
		if err1 == nil && err2 == nil {
			seen, truth = s, t
			seen.lookup = lookup
		}
	}
	verdict, by := seen.same(truth)
	c := comparison{verdict: verdict, edge: seen}
	switch verdict {
	case Fresh:
		c.why = by + " equal"
	case Stale:
		c.why = fmt.Sprintf("edge has %s, origin %s", seen, truth)
	case Unknown:
		c.why = by
	}
	return c
}
