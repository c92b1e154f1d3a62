package cache

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// LoadOptions shape a load test. The zero value works.
type LoadOptions struct {
	Duration time.Duration // 0 = 10 s
	Rate     float64       // requests per second; 0 = as fast as Conns allow
	Conns    int           // requests at a time; 0 = 16
	Zipf     float64       // exponent of the popularity, the first object being the most popular; 0 = 1.1
	Seed     uint64        // the same seed asks for the same objects in the same order (per connection)
	Timeout  time.Duration // of one request; 0 = 10 s

	// Stats, when set (usually Driver.Stats), is asked before and after, for the ratio as the server counts it.
	Stats func(context.Context) (Counters, error)
	// Progress, when set, is told once a second, and at the end.
	Progress func(elapsed, total time.Duration, requests uint64)
}

// LoadReport is what a load test measured.
type LoadReport struct {
	Node     string        `json:"node"`
	Objects  int           `json:"objects"`
	Requests uint64        `json:"requests"`
	Hits     uint64        `json:"hits"`
	Misses   uint64        `json:"misses"`
	Passes   uint64        `json:"passes"`
	Errors   uint64        `json:"errors"`   // no answer or an error status
	Vanished uint64        `json:"vanished"` // 404 of live objects
	Late     uint64        `json:"late"`     // not sent because all connections were busy: the rate asked for was not reached
	Bytes    int64         `json:"bytes"`
	Took     time.Duration `json:"took"`
	Hit      Latency       `json:"hit"`  // time to first byte of hits
	Missed   Latency       `json:"miss"` // and of misses and passes
	Server   *Ratio        `json:"server,omitempty"`
	Note     string        `json:"note"` // where the server's ratio comes from, or why there is none
	Failures []Offender    `json:"failures,omitempty"`
}

// Latency are percentiles of times to first byte, upper bounds within 3 %.
type Latency struct {
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`
}

// HitRatio is hits over answers that were a hit or a miss, 0 to 1, as the viewers' side saw it.
func (r LoadReport) HitRatio() float64 {
	if n := r.Hits + r.Misses; n > 0 {
		return float64(r.Hits) / float64(n)
	}
	return 0
}

// String says the report in one line.
func (r LoadReport) String() string {
	s := fmt.Sprintf("%d requests in %s (%.0f/s), %.1f %% hits, %d errors, %.1f MB; TTFB hit p50 %s p99 %s, miss p50 %s p99 %s",
		r.Requests, r.Took.Round(time.Millisecond), float64(r.Requests)/max(r.Took.Seconds(), 1e-9), 100*r.HitRatio(), r.Errors,
		float64(r.Bytes)/1e6, r.Hit.P50, r.Hit.P99, r.Missed.P50, r.Missed.P99)
	if r.Server != nil {
		s += "; server: " + r.Server.String()
	}
	return s
}

// LoadTest asks the edge for the objects at random, the first most often (Zipf), for a while. Hit ratios seen by viewers and by the
// server differ by 1 to 8 points: other viewers are in the server's. It is not a benchmark of the server: one client is the limit.
//
// The error is ctx's, or says that there is nothing to ask for. A report comes with it in either case.
func LoadTest(ctx context.Context, e Edge, objects []Object, opt LoadOptions) (LoadReport, error) {
	objects = unique(objects)
	report := LoadReport{Node: e.Node, Objects: len(objects), Note: "client side only"}
	if len(objects) == 0 {
		return report, fmt.Errorf("load test of %s: %w: no objects", e.Node, ErrTooFew)
	}
	l := newLoader(e, objects, opt)
	before, statErr := l.stats(ctx)
	start := time.Now()
	l.run(ctx)
	report.Took = time.Since(start)
	l.fill(&report)
	if l.opt.Stats != nil {
		report.Server, report.Note = serverRatio(ctx, before, statErr, l.stats)
	}
	return report, ctx.Err()
}

func serverRatio(ctx context.Context, before Counters, err error, stats func(context.Context) (Counters, error)) (*Ratio, string) {
	if err != nil {
		return nil, "client side only: " + err.Error()
	}
	after, err := stats(context.WithoutCancel(ctx))
	if err != nil {
		return nil, "client side only: " + err.Error()
	}
	ratio, err := Window(before, after)
	if err != nil {
		return &ratio, after.Source + ": " + err.Error()
	}
	return &ratio, after.Source
}

type loader struct {
	edge    Edge
	objects []Object
	opt     LoadOptions
	weights []float64 // cumulative, the last is 1
	ticket  chan struct{}
	late    atomic.Uint64
	count   atomic.Uint64

	mu    sync.Mutex
	tally loadTally
}

// loadTally is what one connection counted.
type loadTally struct {
	requests, hits, misses, passes, errors, vanished uint64
	bytes                                            int64
	hit, missed                                      histogram
	failures                                         []Offender
}

func newLoader(e Edge, objects []Object, opt LoadOptions) *loader {
	opt.Duration = orDefault(opt.Duration, 10*time.Second)
	opt.Conns = orDefault(opt.Conns, 16)
	opt.Zipf = orDefault(opt.Zipf, 1.1)
	opt.Timeout = orDefault(opt.Timeout, 10*time.Second)
	l := &loader{edge: e, objects: objects, opt: opt, weights: zipfWeights(len(objects), opt.Zipf)}
	if opt.Rate > 0 {
		l.ticket = make(chan struct{})
	}
	return l
}

// zipfWeights returns cumulative probabilities of ranks 1..n, each proportional to rank^-s. (math/rand's Zipf has no s <= 1.)
func zipfWeights(n int, s float64) []float64 {
	out := make([]float64, n)
	total := 0.0
	for i := range out {
		total += math.Pow(float64(i+1), -s)
		out[i] = total
	}
	for i := range out {
		out[i] /= total
	}
	return out
}

func (l *loader) pick(r *rand.Rand) Object {
	i := sort.SearchFloat64s(l.weights, r.Float64())
	return l.objects[min(i, len(l.objects)-1)]
}

// statLag is how far a server's counters may be behind: a worker thread of Varnish adds what it counted to the others' only when
// its connection has been idle for 50 ms (timeout_linger).
const statLag = 200 * time.Millisecond

func (l *loader) stats(ctx context.Context) (Counters, error) {
	if l.opt.Stats == nil {
		return Counters{}, ErrUnsupported
	}
	if err := pause(ctx, statLag); err != nil {
		return Counters{}, err
	}
	return l.opt.Stats(ctx)
}

func (l *loader) run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.opt.Duration)
	defer cancel()
	var wg sync.WaitGroup
	for i := range l.opt.Conns {
		wg.Go(func() { l.work(ctx, rand.New(rand.NewPCG(l.opt.Seed, uint64(i)))) })
	}
	if l.ticket != nil {
		wg.Go(func() { l.pace(ctx) })
	}
	if l.opt.Progress != nil {
		wg.Go(func() { l.tell(ctx) })
	}
	wg.Wait()
}

// pace hands out tickets at the rate asked for. A ticket that nobody is free to take is late and lost: requests that wait for
// their turn would hide that the server is slow.
func (l *loader) pace(ctx context.Context) {
	const tick = 2 * time.Millisecond
	t := time.NewTicker(tick)
	defer t.Stop()
	start, given := time.Now(), 0.0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			for due := now.Sub(start).Seconds() * l.opt.Rate; given < due; given++ {
				select {
				case l.ticket <- struct{}{}:
				default:
					l.late.Add(1)
				}
			}
		}
	}
}

func (l *loader) tell(ctx context.Context) {
	start := time.Now()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			l.opt.Progress(min(time.Since(start), l.opt.Duration), l.opt.Duration, l.count.Load())
			return
		case <-t.C:
			l.opt.Progress(time.Since(start), l.opt.Duration, l.count.Load())
		}
	}
}

func (l *loader) work(ctx context.Context, r *rand.Rand) {
	var t loadTally
	for l.next(ctx) {
		l.one(ctx, l.pick(r), &t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.merge(&t)
}

func (l *loader) next(ctx context.Context) bool {
	if l.ticket == nil {
		return ctx.Err() == nil
	}
	select {
	case <-l.ticket:
		return true
	case <-ctx.Done():
		return false
	}
}

// one makes one request. One that the end of the test cuts off is not counted.
func (l *loader) one(ctx context.Context, o Object, t *loadTally) {
	one, cancel := context.WithTimeout(ctx, l.opt.Timeout)
	defer cancel()
	req, err := l.edge.request(one, http.MethodGet, o.URL)
	var resp *http.Response
	start := time.Now()
	if err == nil {
		resp, err = l.edge.do(req)
	}
	if err == nil {
		ttfb := time.Since(start)
		n, readErr := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close() // nothing was written
		if err = readErr; err == nil {
			l.count.Add(1)
			t.answer(o, resp.StatusCode, kindOf(l.edge.Lookup(resp.Header), uncacheable(resp.Header)), ttfb, n)
			return
		}
	}
	if ctx.Err() == nil {
		l.count.Add(1)
		t.requests++
		t.fail(o, causeOf(one, err).Error())
	}
}

func (t *loadTally) answer(o Object, status int, kind outcomeKind, ttfb time.Duration, n int64) {
	t.requests++
	t.bytes += n
	if status != http.StatusOK {
		if o.Live && (status == http.StatusNotFound || status == http.StatusGone) {
			t.vanished++
			return
		}
		t.fail(o, (&StatusError{Status: status, Reason: http.StatusText(status)}).Error())
		return
	}
	switch kind {
	case outHit:
		t.hits++
		t.hit.add(ttfb)
	case outMiss:
		t.misses++
		t.missed.add(ttfb)
	default:
		t.passes++
		t.missed.add(ttfb)
	}
}

func (t *loadTally) fail(o Object, why string) {
	t.errors++
	if len(t.failures) < maxOffenders {
		t.failures = append(t.failures, Offender{URL: shown(o.URL), Role: o.Role, Why: why})
	}
}

func (t *loadTally) merge(o *loadTally) {
	t.requests, t.hits, t.misses, t.passes = t.requests+o.requests, t.hits+o.hits, t.misses+o.misses, t.passes+o.passes
	t.errors, t.vanished, t.bytes = t.errors+o.errors, t.vanished+o.vanished, t.bytes+o.bytes
	t.hit.merge(&o.hit)
	t.missed.merge(&o.missed)
	t.failures = append(t.failures, o.failures...)
}

func (l *loader) fill(r *LoadReport) {
	t := &l.tally
	r.Requests, r.Hits, r.Misses, r.Passes, r.Errors, r.Vanished = t.requests, t.hits, t.misses, t.passes, t.errors, t.vanished
	r.Bytes, r.Late = t.bytes, l.late.Load()
	r.Hit, r.Missed = latencyOf(&t.hit), latencyOf(&t.missed)
	r.Failures = t.failures[:min(len(t.failures), maxOffenders)]
}

func latencyOf(h *histogram) Latency {
	return Latency{P50: h.quantile(0.50), P95: h.quantile(0.95), P99: h.quantile(0.99), Max: h.max}
}
