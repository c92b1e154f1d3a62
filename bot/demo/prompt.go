package demo

import (
	"context"
	"strings"

	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/reply"
)

// Anna is who sits at the prompt of the demo.
const Anna = "unix:anna"

// Hello is what the prompt begins with.
const Hello = `
An advertisement was exchanged at the origin. Viewers still see the old one. You are anna, operator of this edge. Try:

  verify news                       is what the caches serve what the origin has?
  flush edge-1                      shows its plan and asks; answer yes
  purge news                        needs a second person: "ben: approve r-N" speaks as ben, "vik: ..." as one who may only look
  prime news on edge-2              then: stats edge-2, loadtest news on edge-2 for 5s at 50/s
  schedule "prime news" @every 1m   a job; then: jobs, runs
  alerts, rules, stop everything    the monitoring checks both edges each second; low hit rates are healed by a rule
  runs, show r-N, help, whoami      what was done, and what can be said

Leave with Ctrl-D; nothing of the demo stays.`

// Incident lets viewers fill the caches and then changes the origin.
func (w *World) Incident(ctx context.Context) error {
	if err := w.Watch(ctx); err != nil {
		return err
	}
	w.ChangeOrigin()
	return nil
}

// Desk lets one person play all: "ben: approve r-5" is said by ben.
func Desk(d door.Desk) door.Desk { return cast{d} }

type cast struct{ door.Desk }

// Handle implements door.Desk.
func (c cast) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	for _, who := range []string{"anna", "ben", "vik"} {
		if text, ok := strings.CutPrefix(m.Text, who+": "); ok {
			m.Text, m.As = text, "unix:"+who
			m.Origin.Thread += "/" + who
		}
	}
	return c.Desk.Handle(ctx, m, send)
}
