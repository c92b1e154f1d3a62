package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/blockkit"
)

// talk brings one item to the desk and its cards to where it came from.
func (d *Door) talk(ctx context.Context, it item) {
	d.in.join(ctx, it)
	p := d.place(it)
	s := sender{d: d, ctx: ctx, place: p, it: it}
	exit := d.o.Desk.Handle(ctx, d.message(it), s.send)
	if !it.Overheard || exit != door.Usage {
		s.release()
	}
}

// message is an item as the desk takes it.
func (d *Door) message(it item) door.Message {
	return door.Message{
		ID: it.ID, Text: it.Text, As: "slack:" + d.o.Workspace + "/" + it.User, At: it.At, Token: it.Token,
		Patient: true, // a person who can be asked
		Origin:  actions.Origin{Door: origin, Channel: d.channel(it.Channel), Thread: it.Thread, Message: it.Message},
	}
}

func (d *Door) place(it item) outbox.Place {
	p := outbox.Place{Channel: d.channel(it.Channel), Thread: it.Thread, User: it.User, Hook: it.Hook, HookEnds: it.HookEnds}
	if it.Aside {
		p.Hook = aside(p.Hook)
	}
	return p
}

// sender takes the cards of one talk.
type sender struct {
	d     *Door
	ctx   context.Context // of the one call that it lives for
	place outbox.Place
	it    item
	n     int
	held  []reply.Card
}

// send brings a card. One without an ID gets one that is the same when the message is handled again after a restart. When we were not called by
// name, a refusal waits until it is known that the words were meant for us.
func (s *sender) send(c reply.Card) {
	if c.ID == "" {
		s.n++
		c.ID = fmt.Sprintf("%s.%d", s.it.ID, s.n)
	}
	if s.it.Overheard && c.Kind == reply.Refused {
		s.held = append(s.held, c)
		return
	}
	if err := s.d.send(s.ctx, s.place, c); err != nil && s.ctx.Err() == nil {
		s.d.o.Count("lost")
		s.d.o.Log.Error("a card lies in memory alone until it is posted", "card", c.ID, "err", err)
	}
}

func (s *sender) release() {
	s.it.Overheard = false
	for _, c := range s.held {
		s.send(c)
	}
}

// sorry tells a person that their message broke something.
func (d *Door) sorry(ctx context.Context, it item) {
	s := sender{d: d, ctx: ctx, place: d.place(it), it: it}
	s.send(reply.Card{
		ID: it.ID + ".sorry", Kind: reply.Error, Title: "something broke in me while I handled that; it is in my log",
		Hint: `"list runs" tells whether anything was begun`,
	})
}

// open shows the form of a question. It must come within 3 s of the press.
func (d *Door) open(ctx context.Context, f form) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err := d.openForm(ctx, f)
	if err == nil {
		d.o.Count("form")
		return
	}
	d.o.Log.Warn("no form", "user", f.user, "err", err)
	p := outbox.Place{Channel: d.channel(f.channel), Thread: f.private.Thread, User: f.user, Hook: f.hook, HookEnds: d.o.Now().Add(hookLife)}
	card := reply.Card{
		ID: "form." + f.trigger, Kind: reply.Error, Private: true, Title: "I could not open the form in time; press the button once more",
		Lines: []string{"Or answer in your next line."},
	}
	if err := d.send(context.WithoutCancel(ctx), p, card); err != nil {
		d.o.Log.Warn("nobody is told that there is no form", "user", f.user, "err", err)
	}
}

func (d *Door) openForm(ctx context.Context, f form) error {
	private, err := json.Marshal(f.private)
	if err != nil {
		return err
	}
	view, err := blockkit.Form(strings.TrimSpace(f.question), string(private))
	if err != nil {
		return err
	}
	client, err := d.api.get()
	if err != nil {
		return err
	}
	_, err = client.OpenViewContext(ctx, f.trigger, view)
	return outcome(err, "views.open")
}
