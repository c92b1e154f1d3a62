package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// varnish is the driver of Varnish Cache 4 to 7: bans and health over the CLI, purges over HTTP, counters by varnishstat.
type varnish struct {
	cfg  Config
	opts Options
	edge Edge
	cli  *cli // nil without AdminAddress
}

func openVarnish(cfg Config, opts Options) (Driver, error) {
	bad := func(what string, err error) (Driver, error) {
		return nil, &Error{Node: cfg.Node, Cache: cfg.Name, Op: "open", Object: what, Err: fmt.Errorf("%w: %w", ErrConfig, err)}
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return bad("url", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return bad("url", fmt.Errorf("%s: want http://host:port", clip(cfg.URL)))
	}
	v := &varnish{cfg: cfg, opts: opts, edge: Edge{Node: cfg.Node, Kind: Varnish, URL: cfg.URL, Host: cfg.Host, Client: opts.Client}}
	if cfg.AdminAddress != "" {
		if _, _, err := net.SplitHostPort(cfg.AdminAddress); err != nil {
			return bad("admin address", err)
		}
		v.cli = newCLI(cfg.AdminAddress, cfg.Secret, opts.Timeout)
	}
	return v, nil
}

// Caps implements Driver.
func (v *varnish) Caps() Caps {
	c := CanPurgeURL | CanPurgeTag | CanSoft | CountsPurged
	if v.cli != nil {
		c |= CanFlush | CanPurgePrefix
	}
	if v.cfg.StatsDir != "" {
		c |= CanStats
	}
	return c
}

// Edge implements Driver.
func (v *varnish) Edge() Edge { return v.edge }

// Config implements Driver.
func (v *varnish) Config() Config { return v.cfg }

// Close implements Driver.
func (v *varnish) Close() error {
	if v.cli != nil {
		return v.cli.close()
	}
	return nil
}

func (v *varnish) fail(op, object string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Node: v.cfg.Node, Cache: v.cfg.Name, Op: op, Object: object, Err: err}
}

// Flush implements Driver: one ban on every object. It takes 0.1 ms whatever the cache holds.
func (v *varnish) Flush(ctx context.Context, mark string) (Result, error) {
	start := time.Now()
	if v.cli == nil {
		return Result{Method: "ban"}, v.fail("flush", mark, fmt.Errorf("%w: no admin address configured", ErrUnsupported))
	}
	if err := CheckMark(mark); err != nil {
		return Result{Method: "ban"}, v.fail("flush", mark, err)
	}
	var held *int64
	if c, err := v.Stats(ctx); err == nil { // only for the reply; without it the flush is as good
		held = new(int64(c.Objects))
	}
	r, err := v.ban(ctx, flushBan(mark), mark, 0)
	if r.Held = held; r.Repeated {
		r.Held = nil // what is held now is not what was held then
	}
	r.Took = time.Since(start)
	return r, v.fail("flush", mark, err)
}

// PurgePrefix implements Driver.
func (v *varnish) PurgePrefix(ctx context.Context, prefix, mark string) (Result, error) {
	start := time.Now()
	r := Result{Method: "ban"}
	if v.cli == nil {
		return r, v.fail("purge prefix", prefix, fmt.Errorf("%w: no admin address configured", ErrUnsupported))
	}
	if err := CheckMark(mark); err != nil {
		return r, v.fail("purge prefix", prefix, err)
	}
	spec, err := prefixBan(prefix, mark)
	if err != nil {
		return r, v.fail("purge prefix", prefix, err)
	}
	if err := v.needVCL(ctx, "beresp.http."+urlHeader, "keep the URL in the object"); err != nil {
		return r, v.fail("purge prefix", prefix, err)
	}
	r, err = v.ban(ctx, spec, mark, MaxBans)
	r.Took = time.Since(start)
	return r, v.fail("purge prefix", prefix, err)
}

// ban adds a ban unless its mark is already in the list, and again looks there when the connection broke before the answer:
// nobody else knows whether the server acted. limit 0 means no limit on bans at work.
func (v *varnish) ban(ctx context.Context, spec, mark string, limit int) (Result, error) {
	r := Result{Method: "ban", Accepted: Proof{Ban: spec, Via: v.cfg.AdminAddress}}
	for sent := 0; ; {
		bans, err := v.bans(ctx)
		if err != nil {
			return r, err
		}
		if b, ok := findMark(bans, mark); ok {
			r.Accepted.Status, r.Accepted.Since, r.Repeated = cliOK, b.time, sent == 0
			r.Age = b.age(v.now(ctx))
			return r, nil
		}
		if n := activeBans(bans); limit > 0 && n >= limit {
			return r, fmt.Errorf("%w: %d not yet worked off, limit %d", ErrTooManyBans, n, limit)
		}
		reply, err := v.cli.once1(ctx, "ban "+spec)
		sent++
		r.Attempts = sent
		if _, lost := errors.AsType[*lostError](err); lost && sent == 1 && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return r, err
		}
		r.Accepted.Status, r.Accepted.Reason = reply.status, firstLine(reply.body)
		return r, cliError(reply)
	}
}

// now asks for the server's clock, in whole seconds rounded down; 0 = it did not say. "PONG 1795334127 1.0".
func (v *varnish) now(ctx context.Context) float64 {
	reply, err := v.cli.do(ctx, "ping")
	if err != nil {
		return 0
	}
	if f := strings.Fields(reply.body); len(f) >= 2 && f[0] == "PONG" {
		s, err := strconv.ParseFloat(f[1], 64)
		if err == nil {
			return s
		}
	}
	return 0
}

func (v *varnish) bans(ctx context.Context) ([]ban, error) {
	reply, err := v.cli.do(ctx, "ban.list")
	if err != nil {
		return nil, err
	}
	if err := cliError(reply); err != nil {
		return nil, err
	}
	return parseBans(reply.body), nil
}

// needVCL returns ErrUnsupported when the VCL in use does not contain what an operation rests on: a ban by prefix would be accepted
// and match nothing, a purge by tag would purge the URL / instead. A server that does not show its VCL gets the benefit of the doubt.
func (v *varnish) needVCL(ctx context.Context, text, meaning string) error {
	reply, err := v.cli.do(ctx, "vcl.list")
	if err != nil {
		return err
	}
	name := activeVCL(reply.body)
	if reply.status != cliOK || name == "" {
		return nil
	}
	if reply, err = v.cli.do(ctx, "vcl.show -v "+name); err != nil {
		return err
	}
	if reply.status == cliOK && !strings.Contains(reply.body, text) {
		return fmt.Errorf("%w: VCL %s does not %s (no %q in it)", ErrUnsupported, name, meaning, text)
	}
	return nil
}

// activeVCL finds the name in "active auto/warm 3 boot" (Varnish 4 to 7: first word the state, last the name or, with labels, "->").
func activeVCL(list string) string {
	for line := range strings.SplitSeq(list, "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "active" {
			continue
		}
		for _, word := range f[3:] {
			if vclName.MatchString(word) && !isNumber(word) {
				return word
			}
		}
		return f[len(f)-1]
	}
	return ""
}

var vclName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

func isNumber(s string) bool { _, ok := atoiPadded(s); return ok }

// cliError turns a status that is not 200 into an error: the server's own words.
func cliError(reply cliReply) error {
	status := &StatusError{Status: reply.status, Reason: firstLine(reply.body)}
	switch reply.status {
	case cliOK:
		return nil
	case cliCant, cliComms, cliClose:
		return fmt.Errorf("%w: %w", ErrDown, status)
	case cliUnknown:
		if strings.Contains(strings.ToLower(reply.body), "child not running") {
			return fmt.Errorf("%w: %w", ErrDown, status)
		}
		return fmt.Errorf("%w: %w", ErrUnsupported, status)
	default:
		return fmt.Errorf("%w: %w", ErrRefused, status)
	}
}

// Purge implements Driver.
func (v *varnish) Purge(ctx context.Context, url string, soft bool) (Result, error) {
	r, err := v.purge(ctx, soft, url, nil)
	r.Method = "purge"
	if soft {
		r.Method = "soft purge"
	}
	return r, v.fail(r.Method, shown(url), err)
}

// PurgeTag implements Driver.
func (v *varnish) PurgeTag(ctx context.Context, tags []string, soft bool) (Result, error) {
	r := Result{Method: "xkey"}
	if soft {
		r.Method = "soft xkey"
	}
	object := "tag " + strings.Join(tags, " ")
	if err := checkTags(tags); err != nil {
		return r, v.fail("purge", object, err)
	}
	if v.cli != nil {
		if err := v.needVCL(ctx, "xkey.", "purge by tag"); err != nil {
			return r, v.fail("purge", object, err)
		}
	}
	method := r.Method
	r, err := v.purge(ctx, soft, "/", tags)
	r.Method = method
	if err == nil && r.Removed == nil {
		err = fmt.Errorf("%w: the answer %s counts no objects, so the VCL purged the URL / and not the tags",
			ErrUnsupported, clip(r.Accepted.Reason))
	}
	return r, v.fail("purge", object, err)
}

var tagAlphabet = regexp.MustCompile(`^[!-+\--~]{1,250}$`)

func checkTags(tags []string) error {
	if len(tags) == 0 {
		return fmt.Errorf("%w: none given", ErrBadTag)
	}
	for _, tag := range tags {
		if !tagAlphabet.MatchString(tag) {
			return fmt.Errorf("%w %s: want 1 to 250 printable ASCII characters without blank and comma", ErrBadTag, clip(tag))
		}
	}
	return nil
}

// purge sends the request, and once more when the first failed for a passing reason: a purge may be repeated freely.
func (v *varnish) purge(ctx context.Context, soft bool, url string, tags []string) (Result, error) {
	start := time.Now()
	var r Result
	for {
		proof, removed, err := v.purgeRequest(ctx, soft, url, tags)
		proof.Via = v.cfg.URL
		r.Accepted, r.Removed, r.Took = proof, removed, time.Since(start)
		r.Attempts++
		if err == nil || r.Attempts > 1 || !Temporary(err) || isTimeout(err) {
			return r, err
		}
		if pause(ctx, retryPause) != nil {
			return r, err
		}
	}
}
