package cache

import (
	"context"
	"net/http"
	"time"
)

// PeekOptions bound a look. The zero value works.
type PeekOptions struct {
	Conns   int           // objects asked for at a time; 0 = 16
	Timeout time.Duration // of one object; 0 = 10 s
}

// Peek asks the edge for the head of every object and tells those that it had from those that it had not: what the next viewer would find.
//
// It is no observation without effect. A cache fetches what it has not, so that a second look finds more than the first. Look at other objects each
// time, and never at so many that the looking fills the cache.
//
// The error is ctx's alone: what went wrong with objects is in the report.
func Peek(ctx context.Context, e Edge, objects []Object, opt PeekOptions) (Report, error) {
	start := time.Now()
	objects = unique(objects)
	outcomes := make([]outcome, len(objects))
	timeout := orDefault(opt.Timeout, 10*time.Second)
	err := fan(ctx, len(objects), orDefault(opt.Conns, 16), func(i int) {
		one, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		outcomes[i] = peek(one, e, objects[i])
		if ctx.Err() != nil && outcomes[i].kind == outFailed {
			outcomes[i] = outcome{}
		}
	})
	r := tally(e.Node, objects, outcomes)
	r.Took = time.Since(start)
	if err == nil {
		err = ctx.Err()
	}
	return r, err
}

func peek(ctx context.Context, e Edge, o Object) outcome {
	seen, err := head(ctx, e, o.URL)
	if err == nil && seen.status != http.StatusOK {
		err = &StatusError{Status: seen.status, Reason: http.StatusText(seen.status)}
	}
	switch {
	case err != nil && o.Live && vanished(err):
		return outcome{kind: outVanished}
	case err != nil:
		return outcome{kind: outFailed, why: err.Error()}
	}
	out := outcome{kind: kindOf(seen.lookup, seen.uncacheable)}
	switch out.kind {
	case outMiss:
		out.why = missed
	case outUntold:
		out.why = untold
	}
	return out
}
