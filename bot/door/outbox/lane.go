package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/reply"
)

// kind of a call: a platform counts them apart.
type kind int

const (
	post kind = iota
	edit
	kinds // how many there are
)

// lane is one channel. Everything in it is under Outbox.mu, and one goroutine at a time serves it.
type lane struct {
	box      *Outbox
	channel  string
	messages map[string]*message
	queue    []*message // those that wait, are to be written, or were edited just now, in the order in which they came
	running  bool
	wake     chan struct{}
	nextPost time.Time
	pause    [kinds]time.Time
	failures int
	digest   *message // nil where all goes well
	// digestAfter is when there may be a digest again.
	digestAfter time.Time
}

// drop forgets a message that nothing is to be done about.
func (l *lane) drop(m *message) {
	if m.users > 0 || m.queued || m.waits {
		return
	}
	delete(l.messages, m.key)
	if len(l.messages) == 0 && !l.running {
		delete(l.box.lanes, l.channel)
	}
}

// serve does what is due in the lane until there is nothing left, or ctx ends.
func (l *lane) serve(ctx context.Context) {
	b := l.box
	for {
		b.mu.Lock()
		l.overview(b.o.Now())
		m, wait := l.pick(b.o.Now())
		if m == nil && wait < 0 || ctx.Err() != nil {
			l.running = false
			if len(l.messages) == 0 {
				delete(b.lanes, l.channel)
			}
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		if m != nil {
			l.serveOne(ctx, m)
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-l.wake:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// pick returns the message whose turn it is, or how long nothing is to be done; below 0 means for ever.
func (l *lane) pick(now time.Time) (*message, time.Duration) {
	var best *message
	first := true // in line for a post
	wait := time.Duration(-1)
	kept := l.queue[:0]
	for _, m := range l.queue {
		due, keep := l.due(m, now, first)
		if !keep {
			m.queued = false
			l.drop(m)
			continue
		}
		kept = append(kept, m)
		if m.waits && m.rec.Message == "" && !m.rec.Digest && !m.notBefore.After(now) {
			first = false
		}
		switch {
		case due > 0 && (wait < 0 || due < wait):
			wait = due
		case due == 0 && (best == nil || l.before(m, best, now)):
			best = m
		}
	}
	clear(l.queue[len(kept):])
	l.queue = kept
	return best, wait
}

// due returns in how long something is to be done about m; below 0 means not before something else has happened. Keep is false when m may leave
// the queue.
func (l *lane) due(m *message, now time.Time, first bool) (d time.Duration, keep bool) {
	quiet := m.edited.Add(l.box.o.EditEvery).Sub(now)
	switch {
	case !m.waits && !m.dirty.IsZero():
		return max(m.dirty.Sub(now), 0), true
	case !m.waits:
		return quiet, quiet > 0
	case !m.over.IsZero() && m.want.hash == m.rec.Shown: // until what it awaits is shown, or fails
		return -1, true
	case m.want.hash == m.rec.Shown && !m.rec.Digest:
		return 0, true // it was overtaken by its own past
	case m.notBefore.After(now): // it failed often: others go first
		return m.notBefore.Sub(now), true
	case m.rec.Message == "" && !first && !m.rec.Digest:
		return -1, true
	}
	k := m.kind()
	d = max(l.pause[k].Sub(now), l.box.pause[k].Sub(now))
	if k == post {
		d = max(d, l.nextPost.Sub(now))
	} else {
		d = max(d, quiet)
	}
	if d > 0 {
		return d, true
	}
	d = l.box.budget(k).wait(now, l.rank(m, now))
	if ripe := l.ripe().Sub(now); m.rec.Digest && ripe > 0 { // until then it is less urgent
		d = min(d, ripe)
	}
	return d, true
}

func (m *message) kind() kind {
	if m.rec.Message == "" {
		return post
	}
	return edit
}

// rank says how urgent the next call about m is: an end that nobody can read yet is.
func (l *lane) rank(m *message, now time.Time) rank {
	switch {
	case m.rec.Digest && m.rec.Message == "":
		return urgent
	case m.rec.Digest:
		if ripe := l.ripe(); !m.over.IsZero() || ripe.IsZero() || ripe.After(now) {
			return later
		}
		return urgent
	case m.rec.Message != "" && (m.want.live || l.digest != nil):
		return later
	default:
		return final
	}
}

// before tells whether m comes before another when both are due.
func (l *lane) before(m, o *message, now time.Time) bool {
	mine, theirs := l.rank(m, now), l.rank(o, now)
	if mine != theirs {
		return mine > theirs
	}
	if m.kind() != o.kind() {
		return m.kind() == post
	}
	return m.since.Before(o.since)
}

func (b *Outbox) budget(k kind) *budget {
	if k == post {
		return b.posts
	}
	return b.edits
}

// job is what one call is about, as it was when the call began.
type job struct {
	*message
	kind   kind
	place  Place
	id     string
	nonce  string
	unsure bool
	found  bool // by an earlier attempt, of which only the nonce is known
	want   wanted
}

// serveOne does what is due about one message.
func (l *lane) serveOne(ctx context.Context, m *message) {
	b := l.box
	b.mu.Lock()
	idle := !m.waits
	if m.rec.Digest && m.waits {
		l.refresh(m)
	}
	same := m.waits && m.want.hash == m.rec.Shown
	b.mu.Unlock()
	switch {
	case idle:
		l.store(ctx, m)
	case same:
		l.settle(ctx, m, m.rec.Shown, nil)
	default:
		select {
		case b.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		j, err := l.begin(ctx, m)
		if err == nil {
			err = l.call(ctx, &j)
		}
		<-b.slots
		l.end(ctx, j, err)
	}
}

// begin takes what the message is to show now.
func (l *lane) begin(ctx context.Context, m *message) (job, error) {
	b := l.box
	b.mu.Lock()
	j := job{message: m, kind: m.kind(), place: m.rec.Place, id: m.rec.Message, nonce: m.nonce(), unsure: m.unsure, want: m.want}
	b.budget(j.kind).take()
	b.mu.Unlock()
	j.place.Root = l.root(ctx, j.message)
	m.io.Lock()
	defer m.io.Unlock()
	if m.rec.Digest && !m.loaded { // a message that nobody knows of would stay as it is for ever
		l.write(ctx, m)
	}
	if !j.want.spilled {
		return j, nil
	}
	w, err := newWanted(*m.kept)
	plain := j.want.plain
	if j.want = w; plain {
		j.want = plainly(w)
	}
	return j, err
}

// root returns the message whose thread m belongs into, "" where there is none.
func (l *lane) root(ctx context.Context, m *message) string {
	b := l.box
	if m.rec.Under == "" {
		return ""
	}
	key := keyOf(b.o.Door, m.rec.Place, reply.Card{ID: m.rec.Under})
	b.mu.Lock()
	if o := l.messages[key]; o != nil && o.rec.Message != "" {
		defer b.mu.Unlock()
		return o.rec.Message
	}
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	var rec record
	e, err := b.o.KV.Get(ctx, key)
	if err == nil {
		err = json.Unmarshal(e.Value, &rec)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		b.o.Log.Warn("a card goes into no thread", "card", m.rec.Card, "under", m.rec.Under, "err", err)
	}
	return rec.Message
}

// call asks the platform. It may go on for a moment after ctx has ended, so that its outcome is known.
func (l *lane) call(ctx context.Context, j *job) error {
	b := l.box
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.o.Call)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	if j.kind == edit {
		return b.o.Wire.Edit(long, j.place, j.id, j.want.card)
	}
	if j.unsure {
		id, found, err := b.o.Wire.Find(long, j.place, j.nonce)
		if err != nil {
			return errors.Join(errFind, err)
		}
		if found {
			j.id, j.found = id, true
			return nil
		}
	}
	id, err := b.o.Wire.Post(long, j.place, j.want.card, j.nonce)
	j.id = id
	return err
}

// grace is how long a call may go on when the process is asked to stop.
const grace = 3 * time.Second

// errFind marks what Find returned: whether the message is there is as unknown as before.
var errFind = errors.New("look for the message")

// end notes what came of a call.
func (l *lane) end(ctx context.Context, j job, err error) {
	b := l.box
	now := b.o.Now()
	b.mu.Lock()
	j.message.edited = now
	if j.kind == post {
		l.nextPost = now.Add(b.o.PostEvery)
	}
	b.mu.Unlock()
	if err != nil {
		l.failed(ctx, j, err)
		return
	}
	b.mu.Lock()
	l.failures, b.denied = 0, nil
	tried := j.message.tried
	// A message that an earlier attempt made shows what that one sent.
	foreign := j.found || j.unsure && j.kind == post && !b.o.Fresh && tried != j.want.hash
	j.message.unsure, j.message.tried, j.message.tries = false, "", 0
	j.message.rec.Message = j.id
	if foreign {
		j.message.rec.Shown, j.message.edited = tried, time.Time{}
	}
	b.mu.Unlock()
	switch {
	case foreign:
		b.o.Count("found")
		l.store(ctx, j.message)
	case j.kind == post:
		b.o.Count("posted")
		l.settle(ctx, j.message, j.want.hash, nil)
	default:
		b.o.Count("edited")
		l.settle(ctx, j.message, j.want.hash, nil)
	}
}

// settle notes what the message shows and stores it: at once what is final, later what another state follows.
// Those who wait hear the error, which is nil unless it will never be shown.
func (l *lane) settle(ctx context.Context, m *message, shown string, end error) {
	b := l.box
	m.io.Lock()
	defer m.io.Unlock()
	b.mu.Lock()
	soon := !m.want.live || m.kept != nil || !m.loaded
	m.rec.Shown = shown
	done := m.waits && m.want.hash == shown && (!m.rec.Digest || shown == closed)
	if done {
		b.memory -= m.size()
		m.waits, m.want.card, m.want.bytes = false, reply.Card{}, 0
		b.done()
		for _, c := range m.heard {
			c <- end
		}
		m.heard = nil
	}
	if m.keptHash == shown || done {
		m.kept, m.keptHash = nil, ""
	}
	if !soon && m.dirty.IsZero() {
		m.dirty = b.o.Now().Add(saveTime)
	}
	b.mu.Unlock()
	if soon {
		l.write(ctx, m)
	}
}

// store writes the record of a message.
func (l *lane) store(ctx context.Context, m *message) {
	m.io.Lock()
	defer m.io.Unlock()
	l.write(ctx, m)
}

// write writes the record, or puts it off. The caller holds m.io.
func (l *lane) write(ctx context.Context, m *message) {
	b := l.box
	if err := m.save(context.WithoutCancel(ctx), b); err != nil {
		b.o.Log.Warn("what was posted is not written down; trying again", "card", m.rec.Card, "err", err)
		b.mu.Lock()
		m.dirty = b.o.Now().Add(saveTime)
		b.mu.Unlock()
	}
}

// longest is how long a channel rests at most while the platform fails.
const longest = 20 * time.Second

// backoff returns how long to wait after the given number of failures in a row.
func backoff(failures int) time.Duration {
	d := min(time.Second<<min(failures-1, 10), longest)
	return d + rand.N(d/4)
}
