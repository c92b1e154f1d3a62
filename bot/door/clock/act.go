package clock

import (
	"context"
	"errors"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/store"
)

// What a worker does with a job.
type kind int

const (
	doTick   kind = iota // claims and says a tick, or one that another left behind
	doAnchor             // remembers when the job was first seen
	doDrop               // forgets a job that is gone
)

// task is a job in the hands of a worker: a copy of what the entry held.
type task struct {
	kind     kind
	entry    *entry // for finish alone
	job      job.Job
	spec     string
	anchor   int64
	base     int64
	tick     int64 // 0 for a look at another's claim
	late     bool
	state    state
	revision uint64
}

// result is what becomes of the entry.
type result struct {
	task
	hold, check int64
}

func (c *Clock) work(ctx context.Context, t task) result {
	switch t.kind {
	case doAnchor:
		return c.doAnchor(ctx, t)
	case doDrop:
		if err := c.drop(ctx, t.job.Name); err != nil {
			c.opt.Log.Warn("state of a job that is gone is left behind", "job", t.job.Name, "err", err)
		}
		return result{task: t}
	}
	return c.doTick(ctx, t)
}

// later gives up for now, since the store or the desk did not answer.
func (c *Clock) later(ctx context.Context, t task, what string, err error) result {
	if ctx.Err() == nil {
		c.opt.Log.Warn(what, "job", t.job.Name, "tick", t.tick, "err", err)
	}
	return result{task: t, hold: c.opt.Now().Add(retry).Unix()}
}

func (c *Clock) doAnchor(ctx context.Context, t task) result {
	for {
		if t.state.Spec == t.spec && t.state.Anchor != 0 && t.state.Anchor <= c.opt.Now().Add(jump).Unix() {
			t.base = max(t.state.Anchor, t.state.Last)
			return result{task: t}
		}
		s := t.state
		s.Spec, s.Anchor = t.spec, c.opt.Now().Unix()
		revision, err := c.write(ctx, t.job.Name, s, t.revision)
		if err == nil {
			t.state, t.revision, t.base = s, revision, s.Anchor
			return result{task: t}
		}
		if errors.Is(err, store.ErrConflict) {
			t.state, t.revision, err = c.read(ctx, t.job.Name)
		}
		if err != nil {
			return c.later(ctx, t, "anchor of a job is not stored yet", err)
		}
	}
}

// doTick says a tick once over all replicas, after whatever was left unsaid before it.
func (c *Clock) doTick(ctx context.Context, t task) result {
	var err error
	if !t.state.said() {
		if t.state, t.revision, err = c.read(ctx, t.job.Name); err != nil {
			return c.later(ctx, t, "state of a job is not known", err)
		}
	}
	for {
		s, tick, wait := c.wanted(t)
		if wait != 0 || tick == 0 {
			return c.stand(t, wait)
		}
		if !s.Said {
			paused, err := c.paused(ctx)
			if err != nil {
				return c.later(ctx, t, "it is not known whether all is paused, so nothing is said", err)
			}
			if paused {
				s.Said, s.Outcome = true, "not said: all was paused"
			}
		}
		revision, err := c.write(ctx, t.job.Name, s, t.revision)
		switch {
		case err == nil:
			t.state, t.revision = s, revision
			return c.say(ctx, t, tick)
		case errors.Is(err, store.ErrConflict):
			if t.state, t.revision, err = c.read(ctx, t.job.Name); err == nil {
				continue
			}
		}
		return c.later(ctx, t, "tick is not claimed", err)
	}
}

func (c *Clock) paused(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.opt.Paused(ctx)
}

// stand leaves the entry until another's claim runs out, or until its next tick.
func (c *Clock) stand(t task, wait int64) result {
	r := result{task: t}
	switch {
	case wait == 0 || t.tick == 0 || t.state.Last >= t.tick:
		r.base, r.check = max(t.base, t.state.Last), wait
	default:
		r.hold = wait // the tick before is under way elsewhere
	}
	return r
}

// wanted returns the state to write in order to deal with a tick, and which: 0 when there is none. wait is set while another's claim stands.
func (c *Clock) wanted(t task) (s state, tick, wait int64) {
	now := c.opt.Now()
	s = t.state
	s.Spec, s.By, s.Claimed, s.Said, s.Outcome = t.spec, c.owner, now.Unix(), false, ""
	if t.state.Spec != t.spec || s.Anchor == 0 {
		s.Anchor = t.anchor
	}
	if !t.state.said() {
		ends := min(t.state.Claimed, now.Unix()) + int64(lease/time.Second)
		if t.state.By != c.owner && ends > now.Unix() {
			return s, 0, ends
		}
		if now.Sub(time.Unix(max(t.state.Last, t.state.Claimed), 0)) > fresh && t.job.Missed != job.Once {
			s.Said, s.Outcome = true, "not finished: nobody was there in time"
		}
		return s, t.state.Last, 0
	}
	if t.tick == 0 || t.state.Last >= t.tick && t.state.Last <= now.Add(jump).Unix() {
		return s, 0, 0
	}
	s.Last = t.tick
	return s, t.tick, 0
}

// say brings a claimed tick to the desk and writes what came of it.
func (c *Clock) say(ctx context.Context, t task, tick int64) result {
	r := result{task: t}
	r.base = max(t.base, tick)
	if t.state.Said {
		return r
	}
	at := time.Unix(tick, 0).UTC()
	log := c.opt.Log.With("job", t.job.Name, "tick", at)
	outcome, err := c.hold(ctx, &t, Tick{Job: t.job, At: at, Cause: t.job.Cause(at), Late: t.late && tick == t.tick})
	r.state, r.revision = t.state, t.revision
	if err != nil && (ctx.Err() != nil || actions.IsTemporary(err)) {
		log.Warn("job is not said yet", "err", err)
		r.check = c.opt.Now().Add(retry).Unix()
		return c.release(ctx, r)
	}
	if err != nil {
		log.Error("job has failed", "err", err)
		outcome = "failed: " + err.Error()
	}
	s := t.state
	s.Said, s.Outcome = true, clip(outcome)
	revision, err := c.write(context.WithoutCancel(ctx), t.job.Name, s, t.revision)
	if errors.Is(err, store.ErrConflict) { // it took so long that another has taken over
		s, revision, err = c.read(context.WithoutCancel(ctx), t.job.Name)
	}
	if err != nil {
		log.Warn("what became of a job is not stored; it is said again with the same cause", "err", err)
		r.check = c.opt.Now().Add(retry).Unix()
		return r
	}
	r.state, r.revision = s, revision
	return r
}

// release lets anybody take the tick over at once when this process stops.
func (c *Clock) release(ctx context.Context, r result) result {
	if ctx.Err() == nil {
		return r
	}
	s := r.state
	s.Claimed = c.opt.Now().Add(-lease).Unix()
	if revision, err := c.write(context.WithoutCancel(ctx), r.job.Name, s, r.revision); err == nil {
		r.state, r.revision = s, revision
	}
	return r // else whoever takes it over waits for the end of the claim
}

// hold says a tick and renews the claim meanwhile.
func (c *Clock) hold(ctx context.Context, t *task, tick Tick) (outcome string, err error) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		outcome, err = c.sayFor(ctx, tick)
	}()
	renew := time.NewTicker(lease / 3)
	defer renew.Stop()
	for {
		select {
		case <-said:
			return outcome, err
		case <-renew.C:
			c.renew(ctx, t)
		}
	}
}

// renew lets the claim stand on, if it is still ours; what does not work now is tried at the next time.
func (c *Clock) renew(ctx context.Context, t *task) {
	s := t.state
	s.Claimed = c.opt.Now().Unix()
	revision, err := c.write(ctx, t.job.Name, s, t.revision)
	if errors.Is(err, store.ErrConflict) { // perhaps with a renewal whose outcome was not known
		if s, revision, err = c.read(ctx, t.job.Name); err == nil && (s.By != c.owner || s.Last != t.state.Last || s.Said) {
			return // another has taken over; what is said here and there has the same cause
		}
	}
	if err == nil {
		t.state, t.revision = s, revision
	}
}

// sayFor says a tick, and again after errors that are marked temporary, while there is time.
func (c *Clock) sayFor(ctx context.Context, t Tick) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.SayFor)
	defer cancel()
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		outcome, err := c.opt.Say(ctx, t)
		if err == nil || !actions.IsTemporary(err) {
			return outcome, err
		}
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return outcome, err
		case <-pause.C:
		}
	}
}

// maxOutcome keeps a state small: a line for a list.
const maxOutcome = 200

func clip(s string) string {
	if r := []rune(s); len(r) > maxOutcome {
		return string(r[:maxOutcome]) + "..."
	}
	return s
}
