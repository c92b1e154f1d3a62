package cache

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// PrimeOptions bound a prime. The zero value works.
type PrimeOptions struct {
	Conns    int                   // requests at a time; 0 = 16
	ByteRate int64                 // bytes per second over all connections, from the start; 0 = no limit
	MaxBytes int64                 // stop asking after so many; 0 = no limit
	Timeout  time.Duration         // of one object, body included; 0 = 30 s
	Progress func(done, total int) // told of every object, never twice at a time
}

// Prime asks the edge for every object as a viewer would, and reads each to its end, so that the edge holds it. Order is kept;
// a URL given twice is asked for once; a failure skips nothing. A passing failure is tried once more.
//
// The error is ctx's alone: what went wrong with objects is in the report. Objects not asked for because MaxBytes was reached or
// ctx ended are counted as skipped.
func Prime(ctx context.Context, e Edge, objects []Object, opt PrimeOptions) (Report, error) {
	start := time.Now()
	objects = unique(objects)
	p := primer{edge: e, opt: opt}
	p.opt.Timeout = orDefault(opt.Timeout, 30*time.Second)
	if opt.ByteRate > 0 {
		p.limit = rate.NewLimiter(rate.Limit(opt.ByteRate), int(max(opt.ByteRate/10, primeChunk)))
	}
	outcomes := make([]outcome, len(objects))
	done := newCounter(len(objects), opt.Progress)
	err := fan(ctx, len(objects), orDefault(opt.Conns, 16), func(i int) {
		outcomes[i] = p.prime(ctx, objects[i])
		done.add()
	})
	r := tally(e.Node, objects, outcomes)
	r.Took = time.Since(start)
	if err == nil {
		err = ctx.Err()
	}
	return r, err
}

// primeChunk is how much is read between two looks at the byte rate.
const primeChunk = 32 << 10

type primer struct {
	edge  Edge
	opt   PrimeOptions
	limit *rate.Limiter // nil = none
	read  atomic.Int64
}

func (p *primer) prime(ctx context.Context, o Object) outcome {
	if p.opt.MaxBytes > 0 && p.read.Load() >= p.opt.MaxBytes {
		return outcome{kind: outSkipped, why: fmt.Sprintf("limit of %d bytes reached", p.opt.MaxBytes)}
	}
	out, err := p.get(ctx, o)
	if err != nil && Temporary(err) && ctx.Err() == nil && pause(ctx, retryPause) == nil {
		bytes := out.bytes
		out, err = p.get(ctx, o)
		out.retried, out.bytes = 1, out.bytes+bytes
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		out.kind = outSkipped
	case o.Live && vanished(err):
		out.kind = outVanished
	default:
		out.kind, out.why = outFailed, err.Error()
	}
	return out
}

func (p *primer) get(ctx context.Context, o Object) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opt.Timeout)
	defer cancel()
	req, err := p.edge.request(ctx, http.MethodGet, o.URL)
	if err != nil {
		return outcome{}, err
	}
	resp, err := p.edge.do(req)
	if err != nil {
		return outcome{}, err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusOK {
		return outcome{}, &StatusError{Status: resp.StatusCode, Reason: http.StatusText(resp.StatusCode)}
	}
	n, err := p.readAll(ctx, resp.Body)
	return outcome{kind: kindOf(p.edge.Lookup(resp.Header), uncacheable(resp.Header)), bytes: n}, causeOf(ctx, err)
}

func (p *primer) readAll(ctx context.Context, body io.Reader) (int64, error) {
	if p.limit == nil {
		n, err := io.Copy(io.Discard, body)
		p.read.Add(n)
		return n, err
	}
	var total int64
	for {
		n, err := io.CopyN(io.Discard, body, primeChunk)
		total += n
		p.read.Add(n)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
		if err := p.limit.WaitN(ctx, int(n)); err != nil {
			return total, err
		}
	}
}
