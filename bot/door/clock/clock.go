package clock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
)

const (
	// grace is how late a tick may be and still be on time; later ones were slept through.
	grace = time.Minute
	// jump is how far a clock is put back before the future that it showed counts as a mistake.
	jump = time.Hour
	// nap is the longest sleep: a timer does not notice that the clock was put on.
	nap = 10 * time.Second
	// settle is how long a change of the jobs waits for the next one.
	settle = 500 * time.Millisecond
	// retry is when something is tried again that the store did not answer.
	retry = 5 * time.Second
	// lease is how long a claim stands that is not renewed.
	lease = time.Minute
	// fresh is for how long after its last sign of life an unfinished tick may be taken over where ticks are not made up for.
	fresh = 3 * lease
)

// Tick is a job whose time has come.
type Tick struct {
	Job   job.Job
	At    time.Time // whole seconds
	Cause string    // the same on every replica: job/<name>@<unix>
	Late  bool      // it was slept through and is made up for
}

// Options are what a Clock needs.
type Options struct {
	// Jobs returns all jobs as they are now, each name once.
	Jobs func() []job.Job
	// Changed is received from when Jobs may return others; nil if only Reload tells so.
	Changed <-chan struct{}
	KV      store.KV // the bucket of guards
	// Say brings the command to the desk and returns one line about what came of it. It is repeated with the same cause when nobody
	// knows whether it was said to the end. An error that is marked temporary is tried again; any other is the outcome. It is called concurrently, for
	// one job once at a time.
	Say func(ctx context.Context, t Tick) (string, error)
	// Paused tells whether nothing automatic may act now. While that is not known nothing is said.
	Paused func(ctx context.Context) (bool, error)
	Zone   func() string    // of the installation, an IANA name; jobs may have their own
	Owner  string           // of this process, for people who read the store
	Width  int              // how many ticks are under way at once; default 1024
	SayFor time.Duration    // how long saying may take; default 15 min
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default silent
}

// Clock fires jobs. Its methods are safe for concurrent use.
type Clock struct {
	opt     Options
	owner   string
	reload  chan struct{}
	results chan result
	workers sync.WaitGroup

	// Of the goroutine of Run alone.
	loadAt  time.Time // when the jobs are read next; zero while nothing has changed
	seen    time.Time // the time of the turn before
	ready   []task    // due, waiting for a worker
	running int

	mu      sync.RWMutex // for what Status reads; only Run writes
	entries map[string]*entry
	heap    heap
}

// New returns a clock that stands still until Run.
func New(o Options) (*Clock, error) {
	if o.Jobs == nil || o.KV == nil || o.Say == nil || o.Paused == nil {
		return nil, errors.New("clock: Jobs, KV, Say and Paused are required")
	}
	if o.Zone == nil {
		o.Zone = func() string { return "UTC" }
	}
	if o.Width <= 0 {
		o.Width = 1024
	}
	if o.SayFor <= 0 {
		o.SayFor = 15 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Clock{
		opt: o, owner: o.Owner + "/" + rand.Text()[:8], reload: make(chan struct{}, 1), results: make(chan result, o.Width), entries: map[string]*entry{},
	}, nil
}

// Reload makes the clock ask for its jobs again.
func (c *Clock) Reload() {
	select {
	case c.reload <- struct{}{}:
	default:
	}
}

// Run fires the jobs until ctx ends, and returns when nothing is under way any more. It is called once.
func (c *Clock) Run(ctx context.Context) error {
	defer c.workers.Wait()
	changed := c.opt.Changed
	c.loadAt = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if !c.loadAt.IsZero() && !time.Now().Before(c.loadAt) {
			c.load(ctx)
		}
		timer.Reset(c.turn(ctx, c.opt.Now()))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case r := <-c.results:
			c.finish(r, c.opt.Now())
		case _, ok := <-changed:
			if !ok {
				changed = nil
			}
			c.loadSoon(settle)
		case <-c.reload:
			c.loadSoon(settle)
		}
	}
	return nil
}

func (c *Clock) loadSoon(wait time.Duration) {
	if c.loadAt.IsZero() {
		c.loadAt = time.Now().Add(wait)
	}
}

// turn hands out what is due and returns how long there is nothing else to do.
func (c *Clock) turn(ctx context.Context, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.seen.Add(-jump)) {
		c.opt.Log.Warn("the clock was put back", "from", c.seen, "to", now)
		c.rewind(now)
	}
	c.seen = now
	for len(c.heap) > 0 && c.heap[0].at <= now.Unix() {
		c.due(c.heap.pop(), now)
	}
	for len(c.ready) > 0 && c.running < c.opt.Width {
		t := c.ready[0]
		c.ready[0] = task{}
		c.ready = c.ready[1:]
		if t.entry.gone && t.kind != doDrop {
			continue
		}
		c.running++
		c.workers.Go(func() { c.results <- c.work(ctx, t) })
	}
	wait := nap
	if len(c.heap) > 0 {
		wait = min(wait, time.Unix(c.heap[0].at, 0).Sub(now))
	}
	if !c.loadAt.IsZero() {
		wait = min(wait, time.Until(c.loadAt))
	}
	return max(wait, 0)
}

// rewind reckons all ticks anew.
func (c *Clock) rewind(now time.Time) {
	waiting := c.heap
	c.heap = nil
	for _, e := range waiting {
		e.hold, e.check = 0, 0
		c.schedule(e, now)
	}
}

// due decides what becomes of a job that was waited for.
func (c *Clock) due(e *entry, now time.Time) {
	unix := now.Unix()
	look := e.hold != 0 || e.check != 0 && e.check <= unix
	e.hold = 0
	if look {
		e.check = 0
	}
	t := task{kind: doTick, entry: e}
	if e.next != 0 && e.next <= unix {
		if tick := e.schedule.Latest(time.Unix(e.base, 0), now, time.Unix(e.anchor, 0)); !tick.IsZero() {
			late := now.Sub(tick) > grace
			switch {
			case late && e.job.Missed != job.Once:
				c.opt.Log.Info("ticks were slept through", "job", e.job.Name, "last", tick)
				e.base = tick.Unix()
			default:
				t.tick, t.late = tick.Unix(), late
			}
		}
	}
	if t.tick == 0 && (!look || e.state.said()) {
		c.schedule(e, now)
		return
	}
	c.begin(t)
}

// begin hands an entry to the workers; it comes back through finish.
func (c *Clock) begin(t task) {
	t.entry.busy = true
	t.job, t.base, t.anchor, t.spec, t.state, t.revision = t.entry.job, t.entry.base, t.entry.anchor, t.entry.spec, t.entry.state, t.entry.revision
	c.ready = append(c.ready, t)
}

// finish takes up what a worker found.
func (c *Clock) finish(r result, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	e := r.entry
	e.busy = false
	if e.gone {
		return
	}
	e.state, e.revision, e.hold, e.check = r.state, r.revision, r.hold, r.check
	e.base = max(e.base, r.base)
	if r.kind == doAnchor && r.hold == 0 {
		e.anchor = r.state.Anchor
		e.base = max(e.anchor, e.base)
	}
	c.schedule(e, now)
}

// schedule reckons when an entry is looked at next.
func (c *Clock) schedule(e *entry, now time.Time) {
	if e.wrong != "" || e.busy || e.gone {
		return
	}
	if e.base > now.Add(jump).Unix() {
		e.base = now.Unix()
	}
	e.next = 0
	if next := e.schedule.Next(time.Unix(e.base, 0), time.Unix(e.anchor, 0)); !next.IsZero() {
		e.next = next.Unix()
	}
	switch {
	case e.hold != 0:
		e.at = e.hold
	case e.next == 0 || e.check != 0 && e.check < e.next:
		e.at = e.check
	default:
		e.at = e.next
	}
	if e.at != 0 {
		c.heap.push(e)
	}
}

// Status returns how each job stands, by name. What another replica said lately may be missing yet.
func (c *Clock) Status() map[string]job.Status {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make(map[string]job.Status, len(c.entries))
	for name, e := range c.entries {
		s := job.Status{Outcome: e.state.Outcome, Wrong: e.wrong}
		if e.next != 0 {
			s.Next = time.Unix(e.next, 0).UTC()
		}
		if e.state.Last != 0 {
			s.Last = time.Unix(e.state.Last, 0).UTC()
			if !e.state.Said {
				s.Outcome = "is being said"
			}
		}
		out[name] = s
	}
	return out
}

// spec names what the ticks of a job depend on: when it changes, they are reckoned anew.
func spec(j job.Job, zone string) string {
	if j.Since.IsZero() {
		return j.At + " " + zone
	}
	return fmt.Sprintf("%s %s %d", j.At, zone, j.Since.Unix())
}
