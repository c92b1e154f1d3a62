package bot

import (
	"context"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/bot/ops"
)

// censusMost bounds how many of the newest runs a start counts: older ones that are still open are not counted before they change.
const censusMost = 1000

// census counts the runs that are not over. The zero value is empty; it is safe for concurrent use.
type census struct {
	mu   sync.Mutex
	open map[string]actions.State
}

// note takes in the state of a run, and returns how many are open.
func (c *census) note(r actions.Run) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[string]actions.State{}
	}
	if r.State.Final() {
		delete(c.open, r.ID)
	} else {
		c.open[r.ID] = r.State
	}
	return len(c.open)
}

// count returns how many runs are open, and how many of them wait for a person or a time.
func (c *census) count() (open, waiting int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.open {
		if s == actions.Waiting {
			waiting++
		}
	}
	return len(c.open), waiting
}

// countRuns keeps the census until ctx ends.
func (a *App) countRuns(ctx context.Context) {
	feed, err := a.engine.Subscribe(ctx)
	if err != nil {
		a.log.Error("runs are not counted", "err", err)
		return
	}
	runs, err := a.engine.List(ctx, run.Filter{Limit: censusMost})
	if err != nil && ctx.Err() == nil {
		a.log.Error("runs from before the start are not counted", "err", err)
	}
	for _, r := range runs {
		a.metrics.RunsLive(a.census.note(r))
	}
	for e := range feed {
		if e.Progress == nil && e.Run.ID != "" {
			a.metrics.RunsLive(a.census.note(e.Run))
		}
	}
}

// facts are what is told about the program beside the votes.
func (a *App) facts() []ops.Fact {
	open, waiting := a.census.count()
	out := []ops.Fact{{Name: "runs", Value: float64(open)}, {Name: "waiting", Value: float64(waiting)}, {Name: "doors", Value: float64(len(a.chats))}}
	if beat := a.engine.Beat(); !beat.IsZero() {
		out = append(out, ops.Fact{Name: "beat_age", Value: time.Since(beat).Seconds(), Unit: "s"})
	}
	return out
}
