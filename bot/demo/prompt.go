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
func (w *World) Hello() string {
	segments := onPaper
	if w.Nodes != nil {
		segments = onNodes
	}
	return hello + segments + `
Leave with Ctrl-D; nothing of the demo stays.`
}

const hello = `
An advertisement was exchanged at the origin. Viewers still see the old one. You are anna, operator of this edge. Try:

  verify news                       is what the caches serve what the origin has?
  flush edge-1                      shows its plan and asks; answer yes
  purge news                        needs a second person: "ben: approve r-N" speaks as ben, "vik: ..." as one who may only look
  prime news on edge-2              then: stats edge-2, loadtest news on edge-2 for 5s at 50/s
  schedule "prime news" @every 1m   a job; then: jobs, runs
  alerts, rules, stop everything    the monitoring checks both edges each second; low hit rates are healed by a rule
  runs, show r-N, help, whoami      what was done, and what can be said
`

const onNodes = `
Three nodes have agents, and no network between them but their underlay. Try:

  create segment studio-a with vni 5001 on edge-1 and edge-2
  edge-1$ ping -c1 100.83.137.3     a line of shell on a node; "ip address" shows what the agent has made
  attach edge-3 to studio-a         then: show segment studio-a, verify segment studio-a, list segments, show edge-3
  edge-2$ ip link del ob001389      break something by hand: the agent repairs it; "edge-2$ ip link" shows how soon
  delete segment studio-a           nothing of it stays
`

const onPaper = `
This machine lets no nodes be made (why is said above), so segments are numbers and addresses: create segment studio-a, show segment studio-a.
`

// Incident lets viewers fill the caches and then changes the origin.
func (w *World) Incident(ctx context.Context) error {
	if err := w.Watch(ctx); err != nil {
		return err
	}
	w.ChangeOrigin()
	return nil
}

// Desk lets one person play all: "ben: approve r-5" is said by ben, and "edge-1$ ip link" is a line of shell on a node.
func (w *World) Desk(d door.Desk) door.Desk { return cast{d, w} }

type cast struct {
	door.Desk
	world *World
}

// Handle implements door.Desk.
func (c cast) Handle(ctx context.Context, m door.Message, send func(reply.Card)) door.Exit {
	if name, line, ok := strings.Cut(m.Text, "$"); ok && c.world.Nodes != nil {
		if n, ok := c.world.Nodes.Find(strings.TrimSpace(name)); ok {
			return c.shell(ctx, n.Name, strings.TrimSpace(line), send)
		}
	}
	for _, who := range []string{"anna", "ben", "vik"} {
		if text, ok := strings.CutPrefix(m.Text, who+": "); ok {
			m.Text, m.As = text, "unix:"+who
			m.Origin.Thread += "/" + who
		}
	}
	return c.Desk.Handle(ctx, m, send)
}

// shell runs a line on a node. It is not said to the bot, which does not know of it but by what its agents see.
func (c cast) shell(ctx context.Context, node, line string, send func(reply.Card)) door.Exit {
	got, err := c.world.Nodes.Shell(ctx, node, line)
	if err != nil {
		send(reply.Card{Kind: reply.Error, Title: err.Error()})
		return door.Failure
	}
	card, exit := reply.Card{Kind: reply.Answer, Title: node + "$ " + line}, door.OK
	if text := strings.TrimRight(got.Output, "\n"); text != "" {
		card.Code = strings.Split(text, "\n")
	}
	if got.Failed != "" {
		card.Kind, card.Hint, exit = reply.Failed, got.Failed, door.Failure
	}
	send(card)
	return exit
}
