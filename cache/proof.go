package cache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ProofOptions bound a proved operation. The zero value works.
type ProofOptions struct {
	Origin  Origin        // where the truth is
	Conns   int           // purges and looks at a time; 0 = 16
	Settle  time.Duration // between the two rounds; 0 = the driver's
	Timeout time.Duration // of one look; 0 = 10 s
	Soft    bool          // PurgeProved and PurgeTagProved: soft purges

	// Progress, when set, is told of every URL that is done. It is never called twice at a time.
	Progress func(done, total int)
}

func (o ProofOptions) filled(d Driver) ProofOptions {
	if o.Conns <= 0 {
		o.Conns = 16
	}
	if o.Settle <= 0 {
		o.Settle = d.Config().Settle
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	return o
}

// URLResult is the outcome of purging one URL.
type URLResult struct {
	URL    string
	Result Result
	Err    error // nil only when accepted; a stale object is ErrStale
}

// PurgeProved purges every URL, lets fetches in flight settle, purges again and compares what viewers get with the origin.
//
// Each URL has its own outcome, in the order given; a failure of one never skips another. The error is ctx's alone. A soft purge
// answers the first viewer with the old copy, so its proof looks a second time when the first look is stale.
func PurgeProved(ctx context.Context, d Driver, urls []string, opt ProofOptions) ([]URLResult, error) {
	p := purger{d: d, opt: opt.filled(d), start: time.Now(), out: make([]URLResult, len(urls))}
	for i, u := range urls {
		p.out[i].URL = u
	}
	done := newCounter(len(urls), opt.Progress)
	err := p.each(ctx, nil, p.purge)
	err = p.each(ctx, errors.Join(err, pause(ctx, p.opt.Settle)), p.again)
	err = p.each(ctx, err, func(ctx context.Context, r *URLResult) {
		p.look(ctx, r)
		done.add()
	})
	for i := range p.out {
		if r := &p.out[i]; err != nil && r.Err == nil && r.Result.Verified == Unknown {
			r.Err = verifyError(d, r.URL, ctx.Err())
		}
	}
	return p.out, ctx.Err()
}

// purger is one PurgeProved under way.
type purger struct {
	d     Driver
	opt   ProofOptions // filled
	start time.Time
	out   []URLResult
}

// each calls do for every URL, unless an earlier step has failed.
func (p *purger) each(ctx context.Context, failed error, do func(context.Context, *URLResult)) error {
	if failed != nil {
		return failed
	}
	return fan(ctx, len(p.out), p.opt.Conns, func(i int) { do(ctx, &p.out[i]) })
}

func (p *purger) purge(ctx context.Context, u *URLResult) {
	r, err := p.d.Purge(ctx, u.URL, p.opt.Soft)
	r.Attempts += u.Result.Attempts
	r.Removed = sum(r.Removed, u.Result.Removed)
	r.Took = time.Since(p.start)
	u.Result, u.Err = r, err
}

// again purges a second time. What failed for good is left alone.
func (p *purger) again(ctx context.Context, u *URLResult) {
	if u.Err == nil || Temporary(u.Err) {
		p.purge(ctx, u)
	}
}

func (p *purger) look(ctx context.Context, u *URLResult) {
	if u.Err != nil {
		return
	}
	verdict, why, err := look(ctx, p.d.Edge(), u.URL, p.opt)
	u.Result.Verified, u.Result.Why, u.Err = verdict, why, verifyError(p.d, u.URL, err)
	u.Result.Took = time.Since(p.start)
}

func verifyError(d Driver, url string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Node: d.Config().Node, Cache: d.Config().Name, Op: "verify", Object: shown(url), Err: err}
}

// FlushProved flushes twice with the driver's settling time in between, and compares the sample with the origin. The marks in the
// server's list are mark+"/1" and mark+"/2": a repetition after a crash does only what is still to do, and waits only for the
// rest of the settling time.
func FlushProved(ctx context.Context, d Driver, mark string, sample []Object, opt ProofOptions) (Result, error) {
	return proved(ctx, d, sample, opt, func(round string) (Result, error) { return d.Flush(ctx, mark+round) })
}

// PurgePrefixProved is FlushProved for a prefix.
func PurgePrefixProved(ctx context.Context, d Driver, prefix, mark string, sample []Object, opt ProofOptions) (Result, error) {
	return proved(ctx, d, sample, opt, func(round string) (Result, error) { return d.PurgePrefix(ctx, prefix, mark+round) })
}

// PurgeTagProved purges the tags twice and compares the sample with the origin.
func PurgeTagProved(ctx context.Context, d Driver, tags []string, sample []Object, opt ProofOptions) (Result, error) {
	return proved(ctx, d, sample, opt, func(string) (Result, error) { return d.PurgeTag(ctx, tags, opt.Soft) })
}

// proved acts, settles, acts again and looks at the sample. An empty sample leaves the verdict unknown.
func proved(ctx context.Context, d Driver, sample []Object, opt ProofOptions, act func(round string) (Result, error)) (Result, error) {
	opt = opt.filled(d)
	start := time.Now()
	first, err := act(firstRound)
	if err != nil {
		return first, err
	}
	settle := opt.Settle
	if first.Repeated {
		settle = first.settleLeft(settle)
	}
	if err := pause(ctx, settle); err != nil {
		return first, err
	}
	r, err := act(secondRound)
	r.Attempts += first.Attempts
	r.Removed = sum(r.Removed, first.Removed)
	r.Held = first.Held
	r.Repeated = r.Repeated && first.Repeated
	if err == nil {
		r.Verified, r.Why, err = lookAll(ctx, d.Edge(), sample, opt)
		err = verifyError(d, "", err)
	}
	r.Took = time.Since(start)
	return r, err
}

func sum(a, b *int64) *int64 {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return new(*a + *b)
}

// lookAll compares every object of the sample. One stale object makes the whole stale; one that cannot be compared makes it unknown.
func lookAll(ctx context.Context, e Edge, sample []Object, opt ProofOptions) (Verdict, string, error) {
	sample = unique(sample)
	if len(sample) == 0 {
		return Unknown, "no sample to look at", nil
	}
	looks := make([]struct {
		verdict Verdict
		why     string
	}, len(sample))
	done := newCounter(len(sample), opt.Progress)
	if err := fan(ctx, len(sample), opt.Conns, func(i int) {
		defer done.add()
		looks[i].verdict, looks[i].why, _ = look(ctx, e, sample[i].URL, opt)
	}); err != nil {
		return Unknown, "not looked at", err
	}
	fresh, unknown := 0, ""
	for i, l := range looks {
		switch {
		case l.verdict == Stale:
			why := shown(sample[i].URL) + ": " + l.why
			return Stale, why, fmt.Errorf("%w: %s", ErrStale, why)
		case l.verdict == Fresh:
			fresh++
		case unknown == "":
			unknown = shown(sample[i].URL) + ": " + l.why
		}
	}
	if unknown != "" {
		return Unknown, fmt.Sprintf("%d of %d equal to the origin's; %s", fresh, len(sample), unknown), nil
	}
	return Fresh, fmt.Sprintf("%d of %d equal to the origin's", fresh, len(sample)), nil
}

// look compares one object. A look that could not be made is Unknown, which is no error: the purge was accepted all the same.
func look(ctx context.Context, e Edge, url string, opt ProofOptions) (Verdict, string, error) {
	looks := 1
	if opt.Soft {
		looks += int(opt.Settle/retryPause) + softLooks
	}
	var c comparison
	for n := range looks {
		if n > 0 && pause(ctx, retryPause) != nil {
			break
		}
		one, cancel := context.WithTimeout(ctx, opt.Timeout)
		var err error
		c, err = compare(one, e, opt.Origin, url)
		cancel()
		if err != nil && errors.Is(err, ctx.Err()) && ctx.Err() != nil {
			return Unknown, c.why, err
		}
		if c.verdict != Stale {
			return c.verdict, c.why, nil
		}
	}
	return Stale, c.why, fmt.Errorf("%w: %s", ErrStale, c.why)
}

// softLooks: after a soft purge the first look gets the old copy and sets off the fetch of the new one.
const softLooks = 10
