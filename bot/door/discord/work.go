package discord

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/bot/reply/embed"
)

// sendWithin bounds how long a card may take to be kept.
const sendWithin = 10 * time.Second

// serve takes work until ctx ends.
func (d *Door) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-d.queue:
			d.handle(ctx, w)
		}
	}
}

// enqueue hands work on; what finds no place before ctx ends stays in the inbox, for after a restart.
func (d *Door) enqueue(ctx context.Context, w work) {
	select {
	case d.queue <- w:
	case <-ctx.Done():
	}
}

// handle brings one event to the desk and closes it, unless the program ends before the desk is through.
func (d *Door) handle(ctx context.Context, w work) {
	cards, sent := 0, time.Time{}
	send := func(c reply.Card) {
		cards++
		if c.ID == "" { // the same after a restart, so that nothing is said twice
			c.ID = fmt.Sprintf("%s/%d", w.id, cards)
		}
		d.send(ctx, w, c)
		sent = time.Now()
	}
	d.ask(ctx, w, send)
	if ctx.Err() != nil {
		return
	}
	if h := parseHook(w.place.Hook); h.token != "" && h.message == "" && d.responses.left(h.id) {
		d.closing.Go(func() { d.closeResponse(ctx, w, h, sent) })
	}
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendWithin)
	defer cancel()
	if err := d.inbox.done(long, w.id); err != nil {
		d.o.Log.Warn("an event stays open", "event", w.id, "err", err)
		return
	}
	d.o.Count("closed")
}

// ask lets the desk handle the event. A bug there costs one answer and not the program.
func (d *Door) ask(ctx context.Context, w work, send func(reply.Card)) {
	defer func() {
		if bug := recover(); bug != nil {
			d.o.Count("panic")
			d.o.Log.Error("handling an event failed", "event", w.id, "panic", fmt.Sprint(bug), "stack", string(debug.Stack()))
			send(reply.Card{Kind: reply.Error, Title: "that went wrong inside me, and it is in my log", Hint: "whether anything was done: \"runs\" tells"})
		}
	}()
	d.o.Desk.Handle(ctx, w.message, send)
}

// send gives a card to the outbox, also while the program ends.
func (d *Door) send(ctx context.Context, w work, c reply.Card) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendWithin)
	defer cancel()
	if err := d.box.Send(ctx, w.place, c); err != nil {
		d.o.Count("unkept")
		d.o.Log.Error("a card is not kept, and lost if the program ends before it is shown", "event", w.id, "card", c.ID, "err", err)
	}
}

// closeResponse sees to it that no response says for ever that the bot is thinking: the answer may have gone into a message that was there before,
// or there was none. Sent is when the last card was given to the outbox, zero where there was none.
func (d *Door) closeResponse(ctx context.Context, w work, h hook, sent time.Time) {
	ctx, cancel := context.WithDeadline(ctx, w.place.HookEnds)
	defer cancel()
	title := "there is nothing to say to that"
	if !sent.IsZero() {
		title = "the answer is in the message above that was there before"
		for first := true; first || d.box.Oldest() >= time.Since(sent); first = false { // it still waits to be shown
			if !sleep(ctx, lookAgain) || !d.responses.left(h.id) {
				return
			}
		}
	}
	if mine, err := d.responses.take(ctx, h.id, "closed"); !mine || err != nil {
		return
	}
	out := wire{d}
	if _, err := out.respond(ctx, h, embed.Render(reply.Card{Kind: reply.Answer, Title: title}, embed.Options{})); err != nil {
		d.o.Log.Info("a response stays open", "event", w.id, "err", err)
	}
}

// lookAgain is how long a response may stay empty before it is looked after.
const lookAgain = time.Second

// resume takes up what an earlier process left.
func (d *Door) resume(ctx context.Context) error {
	left, err := d.inbox.pending(ctx)
	if err != nil && left == nil {
		return err
	}
	if err != nil {
		d.o.Log.Error("some stored events cannot be read", "err", err)
	}
	for _, e := range left {
		w, err := d.again(ctx, e)
		if err != nil {
			d.o.Log.Error("a stored event is given up", "event", e.ID, "err", err)
			if err := d.inbox.done(ctx, e.ID); err != nil {
				d.o.Log.Warn("an event stays open", "event", e.ID, "err", err)
			}
			continue
		}
		d.o.Count("resumed")
		d.enqueue(ctx, w)
	}
	return nil
}
