package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
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
		case verb.Plan == nil && verb.Answer == nil:
			return job.Checked{}, fmt.Errorf("nothing stands behind %s", c.Name)
		}
		verdict := v.Policy.Decide(ctx, policy.Case{Request: r, Risk: verb.Risk, World: v.World})
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

// jobStatus tells how the jobs stand with the clock.
func (a *App) jobStatus() map[string]job.Status { return nil }
