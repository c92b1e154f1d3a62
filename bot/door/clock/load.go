package clock

import (
	"context"
	"fmt"
	"time"

	"github.com/shitops/opsbot/actions/job"
)

// few is up to how many states are read one by one; more are read all together.
const few = 64

// load makes the clock's jobs those that there are now.
func (c *Clock) load(ctx context.Context) {
	now := c.opt.Now()
	jobs := c.opt.Jobs()
	zones := newZones(c.opt.Zone())
	var fresh []*entry
	want := make(map[string]bool, len(jobs))
	for _, j := range jobs {
		want[j.Name] = true
		if e := c.fresh(j, zones); e != nil {
			fresh = append(fresh, e)
		}
	}
	if err := c.recall(ctx, fresh); err != nil {
		c.opt.Log.Warn("jobs are not read yet, the old ones go on", "err", err)
		c.loadAt = time.Now().Add(retry)
		return
	}
	c.loadAt = time.Time{}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(want, fresh)
	for _, e := range fresh {
		c.enter(e, now)
	}
	for _, j := range jobs {
		c.entries[j.Name].job = j
	}
	if len(fresh) > 0 {
		c.opt.Log.Info("jobs are on the clock", "new", len(fresh), "all", len(c.entries))
	}
}

// fresh returns an entry for a job that is new, or whose ticks are reckoned in another way than before.
func (c *Clock) fresh(j job.Job, zones *zones) *entry {
	loc, zone, err := zones.load(j.Zone)
	e := &entry{job: j, spec: spec(j, zone)}
	if old := c.entries[j.Name]; old != nil && old.spec == e.spec {
		return nil
	}
	if err == nil {
		e.schedule, err = job.ParseIn(j.At, loc)
	}
	if err == nil {
		err = job.CheckName(j.Name)
	}
	if err != nil {
		e.wrong = err.Error()
		c.opt.Log.Error("job never comes", "job", j.Name, "err", err)
	}
	return e
}

// recall reads what the store knows of new entries.
func (c *Clock) recall(ctx context.Context, fresh []*entry) error {
	if len(fresh) > few {
		return c.recallAll(ctx, fresh)
	}
	for _, e := range fresh {
		if e.wrong != "" {
			continue
		}
		s, revision, err := c.read(ctx, e.job.Name)
		if err != nil {
			return err
		}
		e.state, e.revision = s, revision
	}
	return nil
}

func (c *Clock) recallAll(ctx context.Context, fresh []*entry) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	all, err := c.opt.KV.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("read the states of jobs: %w", err)
	}
	byKey := make(map[string]int, len(all))
	for i, e := range all {
		byKey[e.Key] = i
	}
	for _, e := range fresh {
		if i, ok := byKey[prefix+e.job.Name]; ok {
			e.state, e.revision = c.decode(all[i]), all[i].Revision
		}
	}
	return nil
}

// leave takes off the clock what is not wanted, and what fresh replaces.
func (c *Clock) leave(want map[string]bool, fresh []*entry) {
	gone := false
	for _, e := range fresh {
		if old := c.entries[e.job.Name]; old != nil {
			old.gone, gone = true, true
		}
	}
	for name, e := range c.entries {
		if !want[name] {
			e.gone, gone = true, true
			delete(c.entries, name)
			c.ready = append(c.ready, task{kind: doDrop, entry: e, job: e.job})
		}
	}
	if gone {
		c.heap.keep(func(e *entry) bool { return !e.gone })
	}
}

// enter puts a new entry on the clock.
func (c *Clock) enter(e *entry, now time.Time) {
	c.entries[e.job.Name] = e
	if e.wrong != "" {
		return
	}
	same := e.state.Spec == e.spec
	switch {
	case !e.job.Since.IsZero():
		e.anchor = e.job.Since.Unix()
		e.base = max(e.anchor, e.state.Last)
	case e.schedule.Every() > 0 || e.job.Missed == job.Once:
		if !same || e.state.Anchor == 0 || e.state.Anchor > now.Add(jump).Unix() {
			e.base = now.Unix()
			c.begin(task{kind: doAnchor, entry: e})
			return
		}
		e.anchor = e.state.Anchor
		e.base = max(e.anchor, e.state.Last)
	case same && e.state.Last != 0:
		e.base = e.state.Last
	default:
		e.base = now.Unix()
	}
	if !e.state.said() {
		e.check = now.Unix()
	}
	c.schedule(e, now)
}

// zones loads each zone once: a hundred thousand jobs share them.
type zones struct {
	usual string
	known map[string]*time.Location
}

func newZones(usual string) *zones { return &zones{usual, map[string]*time.Location{}} }

func (z *zones) load(name string) (*time.Location, string, error) {
	if name == "" {
		name = z.usual
	}
	if loc := z.known[name]; loc != nil {
		return loc, name, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, name, fmt.Errorf("zone %q: %w", name, err)
	}
	z.known[name] = loc
	return loc, name, nil
}
