package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shitops/opsbot/bot/reply"
)

// failed decides what to do about an error of a call.
func (l *lane) failed(ctx context.Context, j job, err error) {
	b := l.box
	l.untell(j.message)
	var slow RetryAfter
	switch {
	case errors.As(err, &slow):
		b.o.Count("limited")
		l.limited(j.kind, slow)
	case errors.Is(err, ErrAuth):
		l.refused(j, err)
	case errors.Is(err, ErrGone):
		l.gone(ctx, j, err)
	case errors.Is(err, ErrMessageGone) && j.kind == edit:
		l.deleted(ctx, j)
	case errors.Is(err, ErrRefused):
		l.simplify(ctx, j, err)
	default:
		b.o.Count("failed")
		b.o.Log.Warn("a card is not brought yet; trying again", "card", j.rec.Card, "channel", l.channel, "err", err)
		b.mu.Lock()
		defer b.mu.Unlock()
		if j.kind == post && !errors.Is(err, ErrNotSent) && !errors.Is(err, errFind) {
			b.o.Count("unknown")
			if j.message.unsure && j.message.tried != j.want.hash {
				j.message.tried = "" // one of several
			} else {
				j.message.unsure, j.message.tried = true, j.want.hash
			}
		}
		l.failures++
		l.hold(backoff(l.failures))
		if j.message.tries++; j.message.tries >= patience {
			j.message.notBefore = b.o.Now().Add(3 * backoff(j.message.tries))
		}
	}
}

// patience is how often a message is tried before those behind it go first: perhaps it is the message that breaks the
// platform. A short outage does not change the order.
const patience = 5

// hold lets the lane rest. The caller holds Outbox.mu.
func (l *lane) hold(d time.Duration) {
	until := l.box.o.Now().Add(d)
	for k := range l.pause {
		l.pause[k] = until
	}
}

func (l *lane) limited(k kind, slow RetryAfter) {
	b := l.box
	b.mu.Lock()
	defer b.mu.Unlock()
	until := b.o.Now().Add(max(slow.D, 100*time.Millisecond))
	l.pause[k] = until
	if slow.Everywhere {
		b.pause[k] = until
		b.budget(k).empty()
	}
}

// refused waits for somebody to renew the token.
func (l *lane) refused(j job, err error) {
	b := l.box
	b.o.Count("failed")
	b.mu.Lock()
	first := b.denied == nil
	b.denied = err
	l.failures++
	until := b.o.Now().Add(max(3*backoff(l.failures), 5*time.Second))
	b.pause = [kinds]time.Time{until, until}
	b.mu.Unlock()
	if first {
		b.o.Log.Error("the platform refuses our token", "card", j.rec.Card, "err", err)
		b.o.Alarm(err)
	}
}

// gone brings a card that must not be lost to another place, or gives it up.
func (l *lane) gone(ctx context.Context, j job, err error) {
	b := l.box
	p, ok := Place{}, false
	if !j.want.live && !j.place.Moved {
		p, ok = b.o.Elsewhere(j.place)
	}
	if ok {
		b.o.Count("moved")
		p.Moved = true
		c := j.want.card
		c.Lines = append(slices.Clip(c.Lines), "This belongs to "+l.channel+", where I can no longer write.")
		if sent := b.Send(context.WithoutCancel(ctx), p, c); sent != nil {
			b.o.Log.Warn("a card that moved lies in memory alone", "card", j.rec.Card, "err", sent)
		}
	} else {
		b.o.Count("gone")
		b.o.Log.Warn("a card has no place any more", "card", j.rec.Card, "channel", l.channel, "err", err)
	}
	l.giveUp(ctx, j.message, j.want.hash, err)
	if !ok && j.kind == post && !j.rec.Digest { // when we are let in again, the same content is news
		b.mu.Lock()
		j.message.rec.Shown = ""
		b.mu.Unlock()
		l.store(ctx, j.message)
	}
}

// deleted posts a message anew that somebody deleted, once.
func (l *lane) deleted(ctx context.Context, j job) {
	b := l.box
	b.mu.Lock()
	again := j.message.rec.Anew == 0
	if again {
		j.message.rec.Anew++
		j.message.rec.Message, j.message.rec.Shown = "", ""
		j.message.unsure, j.message.tried, j.message.edited = false, "", time.Time{}
	}
	b.mu.Unlock()
	if !again {
		b.o.Count("dropped")
		b.o.Log.Info("a message was deleted twice, so I leave it", "card", j.rec.Card, "channel", l.channel)
		l.giveUp(ctx, j.message, j.want.hash, ErrMessageGone)
		return
	}
	b.o.Count("reposted")
	l.store(ctx, j.message)
}

// simplify lets a card that the platform refuses be shown by its title alone.
func (l *lane) simplify(ctx context.Context, j job, err error) {
	b := l.box
	if j.rec.Digest {
		l.noDigest(ctx, j, err)
		return
	}
	if j.want.plain {
		b.o.Count("dropped")
		b.o.Log.Error("a card was refused even as a line of text", "card", j.rec.Card, "channel", l.channel, "err", err)
		l.giveUp(ctx, j.message, j.want.hash, err)
		return
	}
	b.o.Count("refused")
	b.o.Log.Error("a card was refused; its title is shown instead", "card", j.rec.Card, "channel", l.channel, "err", err)
	b.mu.Lock()
	defer b.mu.Unlock()
	j.message.edited = time.Time{}
	if j.message.want.hash == j.want.hash {
		j.message.want.plain = true
		if !j.message.want.spilled {
			b.memory -= j.message.size()
			j.message.want = plainly(j.message.want)
			b.memory += j.message.size()
		}
	}
}

// plainly returns the card with nothing but its title; it keeps its hash, since it stands for the whole.
func plainly(w wanted) wanted {
	c := w.card
	title := []rune(c.Title)
	w.card = reply.Card{
		ID: c.ID, Kind: c.Kind, Title: string(title[:min(len(title), 140)]), Run: c.Run, Live: c.Live, Private: c.Private, Secret: c.Secret,
		Lines: []string{fmt.Sprintf("The rest, %d lines, cannot be shown here.", len(c.Lines))},
	}
	w.bytes, w.plain, w.spilled = 200+len(w.card.Title), true, false
	return w
}
