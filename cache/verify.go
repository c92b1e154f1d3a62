package cache

import (
	"context"
	"errors"
	"time"
)

// VerifyOptions bound a verify. The zero value works.
type VerifyOptions struct {
	Conns    int                   // objects looked at at a time; 0 = 16
	Timeout  time.Duration         // of one object; 0 = 10 s
	Progress func(done, total int) // told of every object, never twice at a time
}

// Verify looks at every object a second time: it must come from the cache, and be what the origin has (see FlushProved for how
// versions are compared). Only headers are asked for. A playlist lives for seconds, so one that is a miss is looked at once more.
//
// The error is ctx's alone. Report.Cached tells whether all is as wanted.
func Verify(ctx context.Context, e Edge, o Origin, objects []Object, opt VerifyOptions) (Report, error) {
	start := time.Now()
	objects = unique(objects)
	outcomes := make([]outcome, len(objects))
	done := newCounter(len(objects), opt.Progress)
	timeout := orDefault(opt.Timeout, 10*time.Second)
	err := fan(ctx, len(objects), orDefault(opt.Conns, 16), func(i int) {
		one, cancel := context.WithTimeout(ctx, timeout)
		outcomes[i] = verifyOne(one, e, o, objects[i])
		cancel()
		if ctx.Err() != nil && outcomes[i].kind == outFailed {
			outcomes[i] = outcome{}
		}
		done.add()
	})
	r := tally(e.Node, objects, outcomes)
	r.Took = time.Since(start)
	if err == nil {
		err = ctx.Err()
	}
	return r, err
}

func verifyOne(ctx context.Context, e Edge, o Origin, object Object) outcome {
	c, err := compare(ctx, e, o, object.URL)
	if err == nil && c.verdict == Fresh && c.edge.lookup == LookupMiss && object.Role == RolePlaylist {
		c, err = compare(ctx, e, o, object.URL)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return outcome{}
	case err != nil:
		return outcome{kind: outFailed, why: err.Error()}
	case c.edge.status/100 != 2 && object.Live && (c.edge.status == 404 || c.edge.status == 410) && c.verdict == Fresh:
		return outcome{kind: outVanished}
	case c.verdict == Stale:
		return outcome{kind: outStale, why: c.why}
	case c.edge.status/100 != 2 && c.edge.status != 0:
		return outcome{kind: outFailed, why: (&StatusError{Status: c.edge.status}).Error()}
	case c.verdict == Unknown:
		return outcome{kind: outUntold, why: c.why}
	}
	out := outcome{kind: kindOf(c.edge.lookup, c.edge.uncacheable)}
	switch out.kind {
	case outMiss:
		out.why = missed
	case outUntold:
		out.why = untold
	}
	return out
}

// What is said of objects that are not as wanted.
const (
	missed = "miss: the edge had to fetch it"
	untold = "no header tells hit from miss"
)
