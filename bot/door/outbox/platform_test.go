package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/outbox"
	"github.com/shitops/opsbot/bot/reply"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shown is one message of the platform.
type shown struct {
	id, channel, nonce string
	root               string
	card               reply.Card
	edits              []time.Time
	at                 time.Time
	states             []string // titles, in the order in which they were shown
}

// platform is a chat platform in memory that counts and limits what is asked of it. The zero value takes everything.
type platform struct {
	mu       sync.Mutex
	n        int
	messages []*shown
	calls    int
	posts    []time.Time // all channels
	edits    []time.Time
	limited  int
	fault    func(op, channel string) error // before the call has its effect
	lost     func(op, channel string) bool  // the call has its effect, and its answer is lost
	perPost  time.Duration                  // least time between posts in one channel
	perMin   int                            // edits in all channels
	takes    time.Duration
	poison   string // the title at which the platform breaks
	refuse   string // the beginning of the IDs of cards that are refused
	echo     bool   // a Post whose nonce was used returns the first message as it is, and Find finds nothing
}

var errLost = errors.New("connection reset by peer")

func (p *platform) begin(ctx context.Context, op, channel string) error {
	if p.takes > 0 {
		t := time.NewTimer(p.takes)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	if err := ctx.Err(); err != nil {
		return err
	}
	p.calls++
	if p.fault != nil {
		return p.fault(op, channel)
	}
	return nil
}

func (p *platform) Post(ctx context.Context, at outbox.Place, c reply.Card, nonce string) (string, error) {
	err := p.begin(ctx, "post", at.Channel)
	defer p.mu.Unlock()
	if err != nil {
		return "", err
	}
	now := time.Now()
	if p.poison != "" && c.Title == p.poison {
		return "", errLost
	}
	if p.refuse != "" && strings.HasPrefix(c.ID, p.refuse) {
		return "", outbox.ErrRefused
	}
	for _, m := range slices.Backward(p.messages) {
		if m.channel == at.Channel && p.perPost > 0 && now.Sub(m.at) < p.perPost {
			p.limited++
			return "", outbox.RetryAfter{D: p.perPost - now.Sub(m.at)}
		}
		if m.channel == at.Channel {
			break
		}
	}
	if m := p.find(func(m *shown) bool { return p.echo && m.channel == at.Channel && m.nonce == nonce }); m != nil {
		return m.id, nil
	}
	p.n++
	m := &shown{id: fmt.Sprintf("m%d", p.n), channel: at.Channel, nonce: nonce, root: at.Root, card: c, at: now, states: []string{c.Title}}
	p.messages = append(p.messages, m)
	p.posts = append(p.posts, now)
	if p.lost != nil && p.lost("post", at.Channel) {
		return "", errLost
	}
	return m.id, nil
}

func (p *platform) Edit(ctx context.Context, at outbox.Place, id string, c reply.Card) error {
	err := p.begin(ctx, "edit", at.Channel)
	defer p.mu.Unlock()
	if err != nil {
		return err
	}
	now := time.Now()
	if p.perMin > 0 {
		n := 0
		for _, e := range slices.Backward(p.edits) {
			if now.Sub(e) >= time.Minute {
				break
			}
			n++
		}
		if n >= p.perMin {
			p.limited++
			return outbox.RetryAfter{D: 5 * time.Second, Everywhere: true}
		}
	}
	m := p.find(func(m *shown) bool { return m.id == id })
	if m == nil {
		return outbox.ErrMessageGone
	}
	p.edits = append(p.edits, now)
	m.card, m.edits, m.states = c, append(m.edits, now), append(m.states, c.Title)
	if p.lost != nil && p.lost("edit", at.Channel) {
		return errLost
	}
	return nil
}

func (p *platform) Find(ctx context.Context, at outbox.Place, nonce string) (string, bool, error) {
	err := p.begin(ctx, "find", at.Channel)
	defer p.mu.Unlock()
	if err != nil {
		return "", false, err
	}
	if m := p.find(func(m *shown) bool { return m.channel == at.Channel && m.nonce == nonce }); m != nil && !p.echo {
		return m.id, true, nil
	}
	return "", false, nil
}

func (p *platform) find(is func(*shown) bool) *shown {
	for _, m := range p.messages {
		if is(m) {
			return m
		}
	}
	return nil
}

// asked returns how many calls there were.
func (p *platform) asked() int { p.mu.Lock(); defer p.mu.Unlock(); return p.calls }

// fails sets what befalls calls from now on.
func (p *platform) fails(fault func(op, channel string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// all returns copies of the messages of a channel, "" for every channel.
func (p *platform) all(channel string) []shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []shown
	for _, m := range p.messages {
		if channel == "" || m.channel == channel {
			out = append(out, *m)
		}
	}
	return out
}

func (p *platform) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = slices.DeleteFunc(p.messages, func(m *shown) bool { return m.id == id })
}

// world is a disk, a platform, and the outbox of one process at a time.
type world struct {
	t       testing.TB
	disk    *fake.Disk
	wire    *platform
	o       outbox.Options
	box     *outbox.Outbox
	store   *fake.Handle
	stop    func()
	virtual bool

	mu     sync.Mutex
	counts map[string]int
	alarms []error
}

// newWorld returns a world on the virtual clock of a bubble.
func newWorld(t testing.TB, change func(*outbox.Options)) *world {
	w := &world{t: t, disk: fake.New(), wire: &platform{}, counts: map[string]int{}, virtual: true}
	w.setUp(change)
	return w
}

// newWorldFor returns a world on the real clock without limits.
func newWorldFor(t testing.TB) *world {
	w := &world{t: t, disk: fake.New(), wire: &platform{}, counts: map[string]int{}}
	w.setUp(func(o *outbox.Options) { o.PostEvery, o.DigestOver = time.Nanosecond, -1 })
	return w
}

func (w *world) setUp(change func(*outbox.Options)) {
	w.o = outbox.Options{
		Door: "test", Wire: w.wire,
		Count: func(what string) { w.mu.Lock(); w.counts[what]++; w.mu.Unlock() },
		Alarm: func(err error) { w.mu.Lock(); w.alarms = append(w.alarms, err); w.mu.Unlock() },
	}
	if change != nil {
		change(&w.o)
	}
	w.start()
}

// start begins a process.
func (w *world) start() {
	w.store = w.disk.Open(fake.Options{})
	w.startOn(w.store)
}

func (w *world) startOn(st store.Store) {
	w.t.Helper()
	w.o.KV = st.Bucket(store.Dedupe)
	box, err := outbox.New(w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.box = box
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := box.Run(ctx); err != nil && !errors.Is(err, store.ErrClosed) {
			w.t.Errorf("Run: %v", err)
		}
	})
	w.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	if w.virtual {
		synctest.Wait() // until it has read what an earlier process left
	}
}

// crash ends the process so that it writes nothing any more.
func (w *world) crash() {
	w.store.Kill()
	w.stop()
}

func (w *world) send(channel string, cards ...reply.Card) {
	w.t.Helper()
	for _, c := range cards {
		if err := w.box.Send(context.Background(), outbox.Place{Channel: channel, User: "anna"}, c); err != nil {
			w.t.Errorf("Send(%s, %+v): %v", channel, c, err)
		}
	}
}

func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
	defer cancel()
	if err := w.box.Settle(ctx); err != nil {
		w.t.Errorf("Settle: %v, %d messages wait for up to %s", err, w.box.Backlog(), w.box.Oldest())
	}
}

func (w *world) count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[what]
}

func titles(messages []shown) string {
	var out []string
	for _, m := range messages {
		out = append(out, m.card.Title)
	}
	return strings.Join(out, " | ")
}

func live(id, title string) reply.Card {
	return reply.Card{ID: id, Kind: reply.Progress, Title: title, Run: id, Live: true}
}

func done(id, title string) reply.Card {
	return reply.Card{ID: id, Kind: reply.Done, Title: title, Run: id}
}

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, n)) }
