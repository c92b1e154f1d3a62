package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/shitops/opsbot/overlay"
)

// Options are what an Agent is made of. Dir and Open are required, and Bot or Local at the first start.
type Options struct {
	// Dir holds the agent's key and the state that it took last, 0700.
	Dir string
	// Bot is host:port of the gate. Without it the one of the last start counts.
	Bot string
	// Code enrols the node, once; later starts ignore the code that they were enrolled with.
	Code string
	// Local is a gate in this process, in the place of Bot.
	Local nats.InProcessConnProvider
	// Open opens what holds segments on this node. It is closed and opened again when the node's VTEP changes.
	Open func(ctx context.Context, node string, vtep netip.Addr) (overlay.DataPlane, error)
	// Handlers answer the calls of node.do, beside those that every agent has: pass and report.
	Handlers map[string]Handler
	// Every is how often everything is compared although nothing happened; 0 is a minute.
	Every   time.Duration
	Version string
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil is time.Now
	// Reported hears of each report. It must not block. Nil for nobody.
	Reported func(Report)

	protocol int // another version, for tests
}

// Handler does one imperative call. It is called once for each key; a repeat is answered from what came of it.
type Handler func(ctx context.Context, o Order) (data []byte, err error)

// watcher is a data plane that tells when something was changed under it.
type watcher interface {
	Watch(ctx context.Context, debounce time.Duration, notify func()) error
}

// debounce is how long the events of a data plane are gathered.
const debounce = 200 * time.Millisecond

// Agent is the node's end. Make one with New and Run it.
type Agent struct {
	o     Options
	disk  disk
	calls *calls
	poke  chan struct{} // compare now
	told  chan struct{} // the report has changed
	boot  string

	mu       sync.Mutex
	id       identity
	want     State
	report   Report
	answers  []Answer // to be sent
	bot      *nats.Conn
	planeOf  netip.Addr
	plane    overlay.DataPlane
	able     overlay.Capabilities
	unwatch  func()
	watching sync.WaitGroup
	working  sync.WaitGroup // calls under way
	stopping bool
}

// New reads what the agent knows from earlier. It changes nothing.
func New(o Options) (*Agent, error) {
	if o.Dir == "" || o.Open == nil {
		return nil, errors.New("start the agent: Dir and Open are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Every, o.protocol = cmp.Or(o.Every, time.Minute), cmp.Or(o.protocol, Protocol)
	if o.Reported == nil {
		o.Reported = func(Report) {}
	}
	a := &Agent{o: o, disk: disk{o.Dir}, poke: make(chan struct{}, 1), told: make(chan struct{}, 1), boot: rand.Text()[:8], unwatch: func() {}}
	var err error
	if a.id, err = a.disk.identity(); err != nil {
		return nil, err
	}
	if a.calls, err = openCalls(a.disk); err != nil {
		return nil, err
	}
	if o.Bot != "" {
		a.id.Bot = o.Bot
	}
	if err := a.recall(); err != nil {
		o.Log.Error("state of before is not used", "err", err) // the bot sends it again
	}
	return a, nil
}

// recall takes the state of before from the disk, if a key that is trusted signed it.
func (a *Agent) recall() error {
	data, err := a.disk.state()
	if err != nil || data == nil {
		return err
	}
	var o order
	if err := a.id.Keys.open(data, kindOrder, &o); err != nil {
		return fmt.Errorf("read %s: %w", stateFile, err)
	}
	if o.State == nil || o.Node != a.id.Node || o.State.Desired.Node != a.id.Node {
		return fmt.Errorf("read %s: it is of %q", stateFile, o.Node)
	}
	a.want = *o.State
	return nil
}

// Node returns the name that the agent is enrolled by, or "".
func (a *Agent) Node() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id.Node
}

// Report returns what was told last.
func (a *Agent) Report() Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.report
}

// Run enrols if need be, and then keeps the node as it must be until ctx ends, with or without the bot. An error says why it cannot begin.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.enrol(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := a.openPlane(ctx); err != nil {
		return err
	}
	a.o.Log.Info("agent runs", "node", a.Node(), "bot", a.id.Bot, "generation", a.want.Desired.Generation)
	talk, hush := context.WithCancel(context.WithoutCancel(ctx))
	var talking sync.WaitGroup
	talking.Go(func() { a.talk(ctx, talk) })
	a.reconcile(ctx)
	a.leave()
	hush()
	talking.Wait()
	a.unwatch()
	a.watching.Wait()
	a.working.Wait()
	if a.plane == nil {
		return nil
	}
	if err := a.plane.Close(); err != nil {
		return fmt.Errorf("let go of the data plane: %w", err)
	}
	return nil
}

// leave tells the bot that the agent is stopped on purpose, if it hears that at once.
func (a *Agent) leave() {
	a.mu.Lock()
	nc := a.bot
	a.stopping = true
	a.mu.Unlock()
	if nc == nil {
		return
	}
	if err := a.send(nc, subjectReport, a.current()); err == nil {
		_ = nc.FlushTimeout(2 * time.Second) // the bot finds out anyway
	}
}

// openPlane opens what holds segments, for the VTEP of now, and lets its events wake the reconciler. It is called by the reconciler alone.
func (a *Agent) openPlane(ctx context.Context) error {
	vtep := a.state().Desired.VTEP
	if a.plane != nil {
		a.unwatch()
		a.watching.Wait()
		if err := a.plane.Close(); err != nil {
			a.o.Log.Warn("data plane let go with an error", "err", err)
		}
		a.plane = nil
	}
	p, err := a.o.Open(ctx, a.Node(), vtep)
	if err != nil {
		return fmt.Errorf("open the data plane of %s: %w", a.Node(), err)
	}
	able, err := p.Probe(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("try what %s can do: %w", a.Node(), err), p.Close())
	}
	a.plane, a.planeOf, a.able = p, vtep, able
	if w, ok := p.(watcher); ok {
		watch, stop := context.WithCancel(context.WithoutCancel(ctx))
		a.unwatch = stop
		a.watching.Go(func() { a.watch(watch, w) })
	}
	return nil
}

// watch hears the plane's events. Without them the full pass still comes each minute.
func (a *Agent) watch(ctx context.Context, w watcher) {
	for ctx.Err() == nil {
		err := w.Watch(ctx, debounce, a.Wake)
		if ctx.Err() != nil {
			return
		}
		a.o.Log.Warn("events of the data plane are not heard, trying again", "err", err)
		pause(ctx, a.o.Every)
	}
}

// Wake lets the agent compare everything now.
func (a *Agent) Wake() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}

// state returns what the node must hold.
func (a *Agent) state() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.want
}

// pause waits, and tells whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// The bounds of waiting before the bot is tried again.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	metRetries = 1 // the most that count once the bot was met: what follows is soon
)

// retry is how long to wait before try n, from 0: anything up to a bound that doubles, so that a thousand agents do not come at once.
func retry(n int) time.Duration {
	bound := min(firstRetry<<min(n, 10), lastRetry)
	return 10*time.Millisecond + mrand.N(bound)
}
