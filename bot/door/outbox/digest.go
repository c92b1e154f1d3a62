package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shitops/opsbot/bot/reply"
)

// closed is what the record of a digest shows when it is over.
const closed = "closed"

// overview opens the digest of the lane, ends it, and sets what those show whose storm is over.
func (l *lane) overview(now time.Time) {
	b := l.box
	if b.o.DigestOver < 0 {
		return
	}
	late, waiting := 0, 0
	for _, m := range l.queue {
		if m.waits && !m.rec.Digest {
			waiting++
			if now.Sub(m.since) >= b.o.DigestAfter {
				late++
			}
		}
	}
	switch {
	case l.digest == nil && late > b.o.DigestOver && !now.Before(l.digestAfter):
		l.openDigest(now)
	case l.digest != nil && waiting <= b.o.DigestOver/4:
		l.digest.over, l.digest = now, nil
	}
	for _, m := range l.queue {
		if m.waits && !m.over.IsZero() {
			l.conclude(m)
		}
	}
}

// conclude sets what a digest shows whose storm is over: that everything is in its place once it is, and until then what keeps failing. The caller
// holds Outbox.mu.
func (l *lane) conclude(digest *message) {
	left, failing := 0, 0
	for _, m := range l.queue {
		if digest.awaits(m) {
			left++
			if m.tries >= patience {
				failing++
			}
		}
	}
	switch {
	case left == 0:
		digest.want = wanted{card: closing(digest.rec), hash: closed}
	case failing == 0: // what is left comes soon
		digest.want = wanted{hash: digest.rec.Shown, live: true}
	default:
		l.tell(digest)
	}
}

// awaits tells whether a digest is not closed before m shows its card. The caller holds Outbox.mu.
func (m *message) awaits(o *message) bool {
	return o.waits && !o.rec.Digest && (m.over.IsZero() || !o.since.After(m.over))
}

func (l *lane) openDigest(now time.Time) {
	b := l.box
	card := reply.Card{ID: fmt.Sprintf("digest-%d", now.UnixMilli())}
	place := Place{Channel: l.channel}
	m := &message{key: keyOf(b.o.Door, place, card), rec: record{Place: place, Card: card.ID, At: now, Digest: true}}
	b.o.Count("digest")
	l.messages[m.key] = m
	b.resumeDigest(l, m)
}

// resumeDigest lets a digest be kept up to date. The caller holds Outbox.mu.
func (b *Outbox) resumeDigest(l *lane, m *message) {
	m.waits, m.since, m.queued = true, b.o.Now(), true
	b.waiting++
	l.queue = append(l.queue, m)
	if l.digest != nil { // of a storm before
		l.digest.over = m.since
	}
	l.digest = m
	b.start(l)
}

// digestRest is how long there is no other digest after one was refused.
const digestRest = 10 * time.Minute

// noDigest gives a digest up that the platform refuses.
func (l *lane) noDigest(ctx context.Context, j job, err error) {
	b := l.box
	b.o.Count("dropped")
	b.o.Log.Error("a digest was refused", "channel", l.channel, "err", err)
	b.mu.Lock()
	if l.digest == j.message {
		l.digest = nil
	}
	l.digestAfter = b.o.Now().Add(digestRest)
	j.message.want = wanted{hash: closed}
	b.mu.Unlock()
	l.settle(ctx, j.message, closed, err)
}

// refresh makes the digest tell what waits now, unless its storm is over. The caller holds Outbox.mu.
func (l *lane) refresh(digest *message) {
	if !digest.over.IsZero() {
		return
	}
	for _, m := range l.queue {
		if digest.awaits(m) {
			m.untold = time.Time{}
		}
	}
	if l.tell(digest); digest.want.hash == digest.rec.Shown {
		digest.edited = l.box.o.Now()
	}
}

// tell sets that the digest shows where everything stands that it awaits. The caller holds Outbox.mu.
func (l *lane) tell(digest *message) {
	w, err := newWanted(l.digestCard(digest))
	if err != nil {
		l.box.o.Log.Error("no digest", "channel", l.channel, "err", err)
		return
	}
	w.bytes = 0 // it lives for one call
	digest.want = w
}

// closing is the last card of a digest.
func closing(r record) reply.Card {
	c := reply.Card{ID: r.Card, Kind: reply.Answer, Title: "I have caught up: every message is in its place."}
	if r.Lost > 0 {
		c.Title = fmt.Sprintf("I have caught up, but for what could not be shown here (%d):", r.Lost)
		c.Lines = slices.Clone(r.LostNames)
		if more := r.Lost - len(r.LostNames); more > 0 {
			c.Lines = append(c.Lines, fmt.Sprintf("and %d more", more))
		}
	}
	return c
}

// giveUp settles a message that will never show its card, once the digests that await it know: none may say that it is in its place.
func (l *lane) giveUp(ctx context.Context, m *message, shown string, end error) {
	b := l.box
	var digests []*message
	b.mu.Lock()
	for _, d := range l.queue {
		if d.rec.Digest && d.waits && d.awaits(m) && m.want.hash == shown {
			if d.rec.Lost++; len(d.rec.LostNames) < digestBad {
				d.rec.LostNames = append(d.rec.LostNames, cmp.Or(nameOf(m.want.card), m.rec.Card))
			}
			digests = append(digests, d)
		}
	}
	b.mu.Unlock()
	for _, d := range digests {
		l.store(ctx, d)
	}
	l.settle(ctx, m, shown, end)
}

// The bounds of a digest: it must fit into one message of any platform together with what the renderer adds.
const (
	digestLine  = 1500 // bytes of one line of names
	digestTotal = 3000
	digestBad   = 10 // what went wrong and is told by its whole title
)

// digestCard tells where everything stands that is not shown yet, by kind, what went wrong first.
func (l *lane) digestCard(digest *message) reply.Card {
	groups := map[reply.Kind][]wanted{}
	n, failing := 0, 0
	for _, m := range l.queue {
		if digest.awaits(m) {
			n++
			if m.tries >= patience {
				failing++
			}
			c := m.want
			if c.spilled {
				c.card = reply.Card{ID: m.rec.Card}
			}
			groups[c.kind] = append(groups[c.kind], c)
		}
	}
	card := reply.Card{ID: digest.rec.Card, Kind: reply.Progress, Live: true, Title: digestTitle(n, failing, !digest.over.IsZero())}
	room := digestTotal
	for _, k := range []reply.Kind{reply.Failed, reply.Error, reply.Partly, reply.Refused, reply.Question, reply.Done, reply.Progress, reply.Plan, reply.Answer} {
		g := groups[k]
		if len(g) == 0 {
			continue
		}
		if bad := k == reply.Failed || k == reply.Error || k == reply.Partly; bad && len(g) <= digestBad {
			for _, w := range g {
				line := clip(w.card.Title, 200)
				room -= len(line)
				card.Lines = append(card.Lines, fmt.Sprintf("%s: %s", k, line))
			}
			continue
		}
		line := names(g, min(digestLine, max(room, 100)))
		room -= len(line)
		card.Lines = append(card.Lines, fmt.Sprintf("%s (%d): %s", k, len(g), line))
	}
	return card
}

// digestTitle says why messages wait, of which some failed again and again.
func digestTitle(waiting, failing int, over bool) string {
	switch {
	case over:
		return fmt.Sprintf("I have caught up, but for what I try again and again (%d):", waiting)
	case failing == 0:
		return fmt.Sprintf("%d messages wait, as I may post only so many a minute. Where they stand:", waiting)
	default:
		return fmt.Sprintf("%d messages wait, as I may post only so many a minute; I try %d of them again and again. Where they stand:", waiting, failing)
	}
}

// gather is how long news are gathered before the digest tells them: many runs end together.
const gather = time.Second

// ripe returns when the digest has to tell of what is more than progress, zero when it tells of all. The caller holds Outbox.mu.
func (l *lane) ripe() time.Time {
	var first time.Time
	for _, m := range l.queue {
		if m.waits && !m.untold.IsZero() && (first.IsZero() || m.untold.Before(first)) {
			first = m.untold
		}
	}
	if first.IsZero() {
		return first
	}
	return first.Add(gather)
}

// untell notes that a digest could not be shown.
func (l *lane) untell(digest *message) {
	b := l.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if !digest.rec.Digest {
		return
	}
	for _, m := range l.queue {
		if m.waits && !m.rec.Digest {
			m.untold = b.o.Now()
		}
	}
}

// names lists what the cards are about in at most the given number of bytes; runs that follow each other as r-1 to r-9.
func names(g []wanted, most int) string {
	var b strings.Builder
	for i := 0; i < len(g); {
		name, n := nameOf(g[i].card), 1
		for i+n < len(g) && follows(nameOf(g[i+n-1].card), nameOf(g[i+n].card)) {
			n++
		}
		if n > 2 {
			name += " to " + nameOf(g[i+n-1].card)
		} else {
			n = 1
		}
		if i > 0 {
			name = ", " + name
		}
		if b.Len()+len(name) > most {
			fmt.Fprintf(&b, " and %d more", len(g)-i)
			break
		}
		b.WriteString(name)
		i += n
	}
	return b.String()
}

func nameOf(c reply.Card) string {
	return cmp.Or(c.Run, clip(c.Title, 60), c.ID)
}

// follows tells whether b is a plus one, as r-8 and r-9.
func follows(a, b string) bool {
	i, j := strings.LastIndexByte(a, '-')+1, strings.LastIndexByte(b, '-')+1
	if i == 0 || a[:i] != b[:j] {
		return false
	}
	x, errX := strconv.Atoi(a[i:])
	y, errY := strconv.Atoi(b[j:])
	return errX == nil && errY == nil && y == x+1
}

// clip returns at most the given number of bytes of text, whole letters.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
