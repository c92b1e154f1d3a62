package outbox

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/reply"
)

// Options are what New needs. Door, KV and Wire are required; the rest has defaults.
type Options struct {
	Door string   // names the records in the store, such as slack-T0123; letters, digits and "-"
	KV   store.KV // the bucket of dedupe or of guards: records end by themselves
	Wire Wire
	Log  *slog.Logger
	Now  func() time.Time

	// Alarm is told once when the platform begins to refuse our token.
	Alarm func(error)
	// Count is told of everything that happens, by one word: posted, edited, found, same, coalesced, limited, unknown, failed, gone, moved,
	// reposted, refused, dropped, spilled, digest, unsaved.
	Count func(what string)
	// Elsewhere returns where to bring a final card whose place is gone, as to the person who asked.
	Elsewhere func(Place) (Place, bool)

	// Fresh is set where every Post makes a message with its content. Elsewhere a Post whose nonce was used may return the first message, and what
	// that shows is not known.
	Fresh bool

	EditEvery time.Duration // least time between two edits of one message; default 2 s
	PostEvery time.Duration // least time between two new messages in one channel; default 1 s
	Posts     Rate          // new messages in all channels together; default unlimited
	Edits     Rate          // edits in all channels together; default unlimited
	Workers   int           // calls at the same time; default 8
	Call      time.Duration // how long one call may take; default 10 s
	Keep      time.Duration // how long a message is remembered after its last card; default 30 days
	Brief     time.Duration // the same for an answer that was complete at once; default 2 h
	Memory    int           // most bytes of waiting cards in memory; what is above lies in the store alone; default 32 MiB

	// DigestOver is how many messages of one channel must wait for longer than DigestAfter before there is a digest; default 8; below 0 means never.
	DigestOver  int
	DigestAfter time.Duration // default 2 s
}

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Alarm == nil {
		o.Alarm = func(error) {}
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Elsewhere == nil {
		o.Elsewhere = func(Place) (Place, bool) { return Place{}, false }
	}
	o.EditEvery = cmp.Or(o.EditEvery, 2*time.Second)
	o.PostEvery = cmp.Or(o.PostEvery, time.Second)
	o.Workers = cmp.Or(o.Workers, 8)
	o.Call = cmp.Or(o.Call, 10*time.Second)
	o.Keep = cmp.Or(o.Keep, 30*24*time.Hour)
	o.Brief = cmp.Or(o.Brief, 2*time.Hour)
	o.Memory = cmp.Or(o.Memory, 32<<20)
	o.DigestOver = cmp.Or(o.DigestOver, 8)
	o.DigestAfter = cmp.Or(o.DigestAfter, 2*time.Second)
	return o
}

// Outbox is the coalescing sender of one door. It is safe for concurrent use. Cards may be sent before Run, and are brought once it runs.
type Outbox struct {
	o     Options
	posts *budget
	edits *budget
	slots chan struct{} // calls under way

	mu      sync.Mutex
	lanes   map[string]*lane
	run     func(*lane) // starts a lane; nil while Run is not running
	pause   [kinds]time.Time
	denied  error // why the token is refused, nil while it is not
	waiting int   // messages that do not show their last card yet
	memory  int   // bytes of their cards
	settled chan struct{}
	last    time.Time // when the newest message began
}

// New returns an outbox. Nothing is sent before Run.
func New(o Options) (*Outbox, error) {
	if o.Door == "" || o.KV == nil || o.Wire == nil {
		return nil, errors.New("outbox: a door, a bucket and a wire are required")
	}
	if err := store.CheckKey(prefix(o.Door) + "x"); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	now := o.Now()
	return &Outbox{
		o: o, posts: newBudget(o.Posts, now), edits: newBudget(o.Edits, now), slots: make(chan struct{}, o.Workers), lanes: map[string]*lane{},
	}, nil
}

// Send keeps a card for its place. It returns once the card is safe: a final card in the store, a later state of a Live one in memory. With an
// error the card is brought all the same, unless this process ends before.
//
// The same content as the message shows already is not sent again. A card without an ID is a message of its own.
func (b *Outbox) Send(ctx context.Context, p Place, c reply.Card) error {
	w, err := newWanted(c)
	if err != nil {
		return err
	}
	m, l := b.message(p, w)
	return b.send(ctx, l, m, p, w)
}

// SendAndWait is Send that returns once the platform has taken the card, or will never take it.
func (b *Outbox) SendAndWait(ctx context.Context, p Place, c reply.Card) error {
	w, err := newWanted(c)
	if err != nil {
		return err
	}
	m, l := b.message(p, w)
	b.mu.Lock()
	m.users++ // until the end
	b.mu.Unlock()
	err = b.send(ctx, l, m, p, w)
	b.mu.Lock()
	shown := make(chan error, 1)
	if m.waits {
		m.heard = append(m.heard, shown)
	} else {
		shown <- nil
	}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		m.users--
		l.drop(m)
	}()
	select {
	case end := <-shown:
		return end
	case <-ctx.Done():
		return errors.Join(ctx.Err(), err)
	}
}

func (b *Outbox) send(ctx context.Context, l *lane, m *message, p Place, w wanted) error {
	m.io.Lock()
	defer m.io.Unlock()
	fresh, err := m.keep(ctx, b, p, w)
	if !fresh {
		b.forget(l, m)
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.want(l, m, w)
	return err
}

// message returns the message that shows the card, which may be new.
func (b *Outbox) message(p Place, w wanted) (*message, *lane) {
	key := keyOf(b.o.Door, p, w.card)
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lane(p.Channel)
	m := l.messages[key]
	if m == nil {
		m = &message{key: key, rec: record{Place: p, Card: w.card.ID, Under: w.card.Under, At: b.tick()}}
		l.messages[key] = m
	}
	m.users++
	return m, l
}

// tick returns the time, later than ever before, so that it gives an order. The caller holds b.mu.
func (b *Outbox) tick() time.Time {
	now := b.o.Now()
	if !now.After(b.last) {
		now = b.last.Add(1)
	}
	b.last = now
	return now
}

// lane returns the lane of a channel. The caller holds b.mu.
func (b *Outbox) lane(channel string) *lane {
	l := b.lanes[channel]
	if l == nil {
		l = &lane{box: b, channel: channel, messages: map[string]*message{}, wake: make(chan struct{}, 1)}
		b.lanes[channel] = l
	}
	return l
}

// want sets what a message is to show. The caller holds b.mu and m.io.
func (b *Outbox) want(l *lane, m *message, w wanted) {
	m.users--
	switch {
	case !m.waits:
		m.waits, m.since = true, b.o.Now()
		b.waiting++
		if !m.queued {
			m.queued = true
			l.queue = append(l.queue, m)
		}
	default:
		b.o.Count("coalesced")
		b.memory -= m.size()
	}
	m.want = w
	if m.untold.IsZero() && (!w.live || w.kind != reply.Progress) {
		m.untold = b.o.Now()
	}
	if b.memory += m.size(); b.memory > b.o.Memory && m.durable(w) {
		b.memory -= m.size()
		m.want.card, m.want.bytes, m.want.spilled = reply.Card{}, 0, true
		b.o.Count("spilled")
	}
	b.start(l)
}

// forget drops what message has taken where nothing is to be sent.
func (b *Outbox) forget(l *lane, m *message) {
	b.o.Count("same")
	b.mu.Lock()
	defer b.mu.Unlock()
	m.users--
	l.drop(m)
}

// start wakes the lane, or starts it. The caller holds b.mu.
func (b *Outbox) start(l *lane) {
	if b.run == nil {
		return
	}
	if !l.running {
		l.running = true
		b.run(l)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run brings what waits until ctx ends, and then stores what it knows. What an earlier process left is brought first.
func (b *Outbox) Run(ctx context.Context) error {
	if err := b.load(ctx); err != nil && ctx.Err() != nil {
		return nil
	} else if err != nil {
		return err
	}
	var wg sync.WaitGroup
	b.mu.Lock()
	b.run = func(l *lane) { wg.Go(func() { l.serve(ctx) }) }
	for _, l := range b.lanes {
		b.start(l)
	}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	b.run = nil
	b.mu.Unlock()
	wg.Wait()
	return b.save(context.WithoutCancel(ctx))
}

// Backlog returns how many messages do not show their last card yet.
func (b *Outbox) Backlog() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// Oldest returns how long the longest waiting card has been waiting, 0 when none is.
func (b *Outbox) Oldest() time.Duration {
	now := b.o.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var most time.Duration
	for _, l := range b.lanes {
		for _, m := range l.queue {
			if m.waits {
				most = max(most, now.Sub(m.since))
			}
		}
	}
	return most
}

// Denied returns how the platform refused our token at the last call, nil if it did not.
func (b *Outbox) Denied() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.denied
}

// Settle waits until every message shows its last card, or ctx ends.
func (b *Outbox) Settle(ctx context.Context) error {
	for {
		b.mu.Lock()
		if b.waiting == 0 {
			b.mu.Unlock()
			return nil
		}
		if b.settled == nil {
			b.settled = make(chan struct{})
		}
		c := b.settled
		b.mu.Unlock()
		select {
		case <-c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// done notes that a message shows its last card. The caller holds b.mu.
func (b *Outbox) done() {
	if b.waiting--; b.waiting == 0 && b.settled != nil {
		close(b.settled)
		b.settled = nil
	}
}
