package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/rule"
	"github.com/shitops/opsbot/icinga"
)

const (
	cursorKey   = "alert.cursor"
	pageMost    = 64
	flightMost  = 20_000 // alerts read and not yet done
	pollEvery   = time.Second
	cursorEvery = 200 * time.Millisecond
	retryFirst  = 100 * time.Millisecond
	retryMost   = 15 * time.Second
	// giveUpAfter is how long an alert is tried: by then no rule may treat its problem without a person any more.
	giveUpAfter = 15 * time.Minute
	giveUpTries = 5
)

// cursor is the number of the last record of which everything is done.
type cursor struct {
	Done uint64 `json:"done"`
}

// Run hands every stored alert over, from where the last process has come to, until ctx ends; then it waits for those under way. Alerts of one object
// are handed over one after another in the order in which they were stored. What was not done when the process ended comes again.
func (d *Door) Run(ctx context.Context) error {
	if err := d.incidents.Load(ctx); err != nil && ctx.Err() == nil {
		d.opt.Logger.Error("incidents are not shown", "err", err)
	}
	f := &flight{door: d, free: make(chan struct{}, d.opt.Workers), lanes: map[string]*lane{}, left: map[uint64]int{}}
	defer func() {
		f.work.Wait()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = f.save(last) // else what is done comes again, and is folded
	}()
	next, err := f.start(ctx)
	if err != nil {
		return nil // ctx has ended
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		n, err := f.read(ctx, next)
		if err != nil && ctx.Err() == nil {
			d.opt.Logger.Error("read stored alerts", "from", next, "err", err)
		}
		more := n > next
		next = n
		if err := f.saveSometimes(ctx); err != nil && ctx.Err() == nil {
			d.opt.Logger.Error("save how far alerts are done", "err", err)
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-poll.C:
		}
	}
}

// flight is what was read and is not yet done.
type flight struct {
	door *Door
	free chan struct{} // holds one element per worker at work
	work sync.WaitGroup

	mu    sync.Mutex
	lanes map[string]*lane
	left  map[uint64]int // alerts left of a record
	order []uint64       // records in flight, ascending
	count int            // alerts in flight
	done  uint64         // all records up to here are done
	saved uint64
	at    time.Time // of the latest save
}

// lane holds the alerts of one object.
type lane struct{ queue []ticket }

type ticket struct {
	record uint64
	alert  stored.Stored
}

// start reads where to begin, however long that takes.
func (f *flight) start(ctx context.Context) (next uint64, err error) {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		c, err := rule.Change(ctx, f.door.opt.KV, cursorKey, 0, func(*cursor) (bool, error) { return false, nil })
		if err == nil {
			f.done, f.saved = c.Done, c.Done
			return c.Done + 1, nil
		}
		f.door.opt.Logger.Error("read how far alerts are done", "err", err)
		if err := sleep(ctx, wait); err != nil {
			return 0, err
		}
	}
}

// read takes the next records into flight, and returns where to go on.
func (f *flight) read(ctx context.Context, next uint64) (uint64, error) {
	f.mu.Lock()
	full := f.count >= flightMost
	f.mu.Unlock()
	if full {
		return next, nil
	}
	records, err := f.door.opt.Log.Read(ctx, next, pageMost)
	if err != nil {
		return next, err
	}
	for _, r := range records {
		alerts, err := stored.DecodeBatch(r.Data)
		if err != nil {
			f.door.opt.Logger.Error("a record of alerts is not understood and is left out", "record", r.Sequence, "err", err)
			f.door.opt.Count("undecoded")
		}
		f.begin(ctx, r.Sequence, alerts)
		next = r.Sequence + 1
	}
	return next, nil
}

// begin puts the alerts of one record into their lanes.
func (f *flight) begin(ctx context.Context, record uint64, alerts []stored.Stored) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left[record] = len(alerts)
	f.order = append(f.order, record)
	f.count += len(alerts)
	f.advance()
	for _, a := range alerts {
		l, busy := f.lanes[a.Object()]
		if !busy {
			l = &lane{}
			f.lanes[a.Object()] = l
		}
		l.queue = append(l.queue, ticket{record, a})
		if !busy {
			f.work.Go(func() { f.drive(ctx, a.Object(), l) })
		}
	}
}

// drive hands over what is in a lane, and ends when it is empty.
func (f *flight) drive(ctx context.Context, object string, l *lane) {
	for {
		f.mu.Lock()
		if len(l.queue) == 0 {
			delete(f.lanes, object)
			f.mu.Unlock()
			return
		}
		t := l.queue[0]
		l.queue = l.queue[1:]
		f.mu.Unlock()
		select {
		case f.free <- struct{}{}:
		case <-ctx.Done():
			return // it comes again
		}
		err := f.door.handOver(ctx, t.alert)
		<-f.free
		if err != nil {
			return
		}
		f.finish(t.record)
	}
}

func (f *flight) finish(record uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left[record]--
	f.count--
	f.advance()
}

// advance moves on over the records of which nothing is left. The caller holds the lock.
func (f *flight) advance() {
	for len(f.order) > 0 && f.left[f.order[0]] == 0 {
		f.done = f.order[0]
		delete(f.left, f.order[0])
		f.order = f.order[1:]
	}
	if f.done > f.saved && f.count == 0 {
		f.door.stored() // nothing else would save it
	}
}

func (f *flight) saveSometimes(ctx context.Context) error {
	f.mu.Lock()
	idle := f.count == 0
	due := idle || time.Since(f.at) >= cursorEvery
	f.mu.Unlock()
	if !due {
		return nil
	}
	return f.save(ctx)
}

// save stores how far all is done. Another process may have come further.
func (f *flight) save(ctx context.Context) error {
	f.mu.Lock()
	done := f.done
	if done == f.saved {
		f.mu.Unlock()
		return nil
	}
	f.at = time.Now()
	f.mu.Unlock()
	_, err := rule.Change(ctx, f.door.opt.KV, cursorKey, 0, func(c *cursor) (bool, error) {
		if c.Done >= done {
			return false, nil
		}
		c.Done = done
		return true, nil
	})
	if err == nil {
		f.mu.Lock()
		f.saved = max(f.saved, done)
		f.mu.Unlock()
	}
	return err
}

// handOver brings one alert to the incident, the calls and the rules, again and again while that fails. An error means that ctx has ended.
func (d *Door) handOver(ctx context.Context, s stored.Stored) error {
	for try, wait := 1, retryFirst; ; try, wait = try+1, min(2*wait, retryMost) {
		err := d.handOnce(ctx, s)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			d.opt.Count("handed-over")
			return nil
		case try >= giveUpTries && d.opt.Now().Sub(s.Received).Abs() > giveUpAfter:
			d.opt.Logger.Error("alert given up", "alert", s.ID, "tries", try, "err", err)
			d.opt.Count("given-up")
			return nil
		}
		d.opt.Logger.Warn("alert is tried again", "alert", s.ID, "try", try, "err", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (d *Door) handOnce(ctx context.Context, s stored.Stored) error {
	f, err := d.incidents.fold(ctx, s)
	if err != nil {
		return err
	}
	a := f.Alert
	if err := d.closeCall(ctx, a); err != nil {
		return err
	}
	// What is soft is not confirmed, and what is wrong with a service while its host is down is not its own trouble.
	if d.opt.Rules == nil || f.symptom || a.Kind == string(icinga.TypeProblem) && !a.Hard {
		return nil
	}
	outcomes, err := d.opt.Rules.Handle(ctx, a)
	return errors.Join(err, d.noteOutcomes(ctx, a, outcomes))
}

// closeCall ends a call that needs no answer any more.
func (d *Door) closeCall(ctx context.Context, a actions.Alert) error {
	if d.opt.Closed == nil {
		return nil
	}
	var err error
	switch a.Kind {
	case string(icinga.TypeRecovery):
		_, err = d.opt.Closed(ctx, a.Object(), "the monitoring", "it is "+a.State+" again")
	case stored.KindRemoved:
		_, err = d.opt.Closed(ctx, a.Object(), "the monitoring", "it is no longer monitored")
	case string(icinga.TypeAcknowledgement):
		_, err = d.opt.Closed(ctx, a.Object(), stored.Person(a.Author), "acknowledged in Icinga2")
	}
	return err
}

// noteOutcomes adds to the incident what the rules have made of the alert.
func (d *Door) noteOutcomes(ctx context.Context, a actions.Alert, outcomes []rule.Outcome) error {
	var errs []error
	for _, o := range outcomes {
		text := o.String()
		if o.Before != "" {
			text += "; before: " + o.Before
		}
		if o.After != "" {
			text += "; after: " + o.After
		}
		if o.Run != "" {
			text += " (" + o.Run + ")"
		}
		note := noteOptions{called: o.Decision == rule.Called || o.Decision == rule.Failed}
		if o.Decision != rule.Acted && o.Decision != rule.Waiting && o.Decision != rule.Disagreed {
			note.remedy = o.Command // a person may say it instead
		}
		err := d.incidents.note(ctx, a, note, Line{Key: fmt.Sprintf("rule/%s/%s", o.Rule, a.ID), At: d.opt.Now(), Text: text})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
