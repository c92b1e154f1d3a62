package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/clock"
	"github.com/shitops/opsbot/bot/reply"
)

// openJobs knows the jobs of the file and those that people made.
func (a *App) openJobs(ctx, _ context.Context, _ *config.Config) error {
	s, err := job.NewStore(job.Options{
		KV: a.store.Bucket(store.Inventory), File: a.fileJobs, Check: a.checkCommand, Status: a.jobStatus, Log: a.log.With("room", "job"),
		Zone: func() string { return a.config.Load().Zone },
	})
	if err != nil {
		return err
	}
	a.jobs = s
	return s.Load(ctx)
}

// fileJobs are the jobs of the configuration as it is now.
func (a *App) fileJobs() []job.Job {
	var out []job.Job
	for _, j := range a.config.Load().Jobs {
		out = append(out, job.Job{Name: j.Name, At: j.At, Do: j.Do, Owner: j.Owner, Missed: j.Missed, Source: job.File})
	}
	return out
}

// checkCommand understands the command of a job as it would be typed by that actor now, and looks whether they may give it: a job can do nothing
// that its owner cannot.
func (a *App) checkCommand(ctx context.Context, text string, by actions.Actor) (job.Checked, error) {
	v := a.desk.view.Load()
	canonical, names, risk, err := v.Binder.read(text)
	if err != nil {
		return job.Checked{}, err
	}
	parsed := v.Binder.commands(text)
	for _, c := range parsed {
		r := actions.Request{Intent: c.Name, Slots: map[string][]string{}, Options: c.Options, Text: c.Canonical(), Actor: by}
		for _, s := range c.Slots {
			r.Slots[s.Name] = s.Values
		}
		verb := a.desk.verbs[c.Name]
		switch {
		case strings.HasPrefix(c.Name, "schedule."):
			return job.Checked{}, errors.New("a job cannot make or remove jobs")
		case c.Slots.Has("start"):
			return job.Checked{}, errors.New("what a job says begins when it says it: leave the beginning out, and give the job that time")
		case verb.Plan == nil && verb.Answer == nil:
			return job.Checked{}, fmt.Errorf("nothing stands behind %s", c.Name)
		case verb.Plan == nil && verb.Risk != actions.Read:
			return job.Checked{}, fmt.Errorf("what %q hands out is for a person who asks for it: no job can", c.Canonical())
		}
		verdict := v.Policy.Decide(ctx, policy.Case{Request: r, Risk: verb.Risk, World: v.World, Segments: a.segments.Owners(r, nil)})
		if !verdict.Allow {
			return job.Checked{}, fmt.Errorf("%s may not: %s", by, verdict.Why)
		}
	}
	return job.Checked{Text: canonical, Intents: names, Risk: risk}, nil
}

// boundJob is what a job that was made at run time is bound to, nil for everybody else. Those of the file are in the policy.
func (a *App) boundJob(as string) *policy.Bound {
	name, ok := strings.CutPrefix(as, policy.JobPrefix)
	if !ok {
		return nil
	}
	j, ok := a.jobs.Find(name)
	if !ok || j.Source != job.Chat {
		return nil
	}
	return &policy.Bound{Name: j.Name, Owner: j.Owner, Intents: j.Intents}
}

// sayFor is how long the command of a job may take, a chain of commands included, before another replica takes the tick over.
const sayFor = 15 * time.Minute

// openClock says jobs when their time comes, once the desk is there to hear them.
func (a *App) openClock(_, work context.Context, cfg *config.Config) error {
	c, err := clock.New(clock.Options{
		Jobs: a.jobs.Jobs, Changed: a.jobs.Changed(), KV: a.store.Bucket(store.Guards), Say: a.sayForJob, Paused: a.held, SayFor: sayFor,
		Zone: func() string { return a.config.Load().Zone }, Owner: a.owner, Log: a.log.With("room", "clock"),
	})
	if err != nil {
		return err
	}
	a.clock.Store(c)
	run, stop := context.WithCancel(work)
	a.working.Go(func() { a.untilStopped("jobs", run, a.jobs.Run) })
	a.working.Go(func() { a.untilStopped("clock", run, c.Run) })
	a.own("clock", func(context.Context) error { stop(); return nil })
	return nil
}

// held tells whether nothing may act by itself: there is a pause, or nobody has looked at an import yet.
func (a *App) held(ctx context.Context) (bool, error) {
	if on, _, err := a.observing(ctx); on || err != nil {
		return on, err
	}
	on, _, err := a.monitoring.rules.Switch().Paused(ctx)
	return on, err
}

// sayForJob brings a job's command to the desk, as any door does, and waits for the end, since a chain stops at what does not end well.
func (a *App) sayForJob(ctx context.Context, t clock.Tick) (string, error) {
	m := door.Message{
		ID: t.Cause, Text: t.Job.Do, As: policy.JobPrefix + t.Job.Name, At: time.Now(), Yes: true,
		Origin: actions.Origin{Door: "clock", Thread: t.Job.Name},
	}
	last := ""
	exit := a.desk.Handle(ctx, m, func(card reply.Card) {
		last = card.Title
		card.ID, card.Live = t.Cause+"/"+card.ID, card.Live && card.ID != ""
		a.monitoring.hub.Publish(card)
	})
	switch {
	case ctx.Err() != nil:
		return last, actions.Temporary{Err: fmt.Errorf("say %q for job %s: %w", t.Job.Do, t.Job.Name, context.Cause(ctx))}
	case exit == door.Temporary && last == "":
		return last, actions.Temporary{Err: errors.New("the desk could not take it")}
	default:
		return last, nil
	}
}

// jobStatus tells how the jobs stand with the clock.
func (a *App) jobStatus() map[string]job.Status {
	if c := a.clock.Load(); c != nil {
		return c.Status()
	}
	return nil
}
