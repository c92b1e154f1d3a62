package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shitops/opsbot/actions/agent"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/enrol"
	"github.com/shitops/opsbot/actions/job"
	"github.com/shitops/opsbot/actions/node"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/teach"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door"
	"github.com/shitops/opsbot/bot/door/clock"
	"github.com/shitops/opsbot/bot/door/slack"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/intents"
)

// Options are what an App is made of. Config is required.
type Options struct {
	Config *config.Config
	// Load reads the configuration again at a reload; nil makes a reload impossible.
	Load func() (*config.Config, error)
	Log  *slog.Logger // nil discards
	// AcceptEmpty starts with an empty store where a filled one was expected.
	AcceptEmpty bool
	// Agent is the node whose agent runs in this process; empty for none.
	Agent string
	// SlackBase and DiscordBase stand in for the platforms' addresses, for tests and proxies.
	SlackBase, DiscordBase string
	SlackPace              slack.Pace // how fast is posted there; the zero value keeps within what Slack documents
}

// App is the running bot, the same in `opsbot serve` and in tests: New, Start, Reload, Stop. Its parts are built in wire.go.
type App struct {
	opts    Options
	log     *slog.Logger
	config  atomic.Pointer[config.Config]
	metrics *ops.Metrics
	catalog *intents.Catalog
	client  *http.Client // for caches and origins; its connections are shared

	store      *store.Engine
	content    *content.Content
	monitoring *monitoring
	jobs       *job.Store
	added      *node.Store // the nodes that were added at run time
	nodes      *node.Nodes
	gate       *agent.Gate
	known      *segment.Store
	segments   *segment.Segments
	prober     *segment.Prober
	probes     *probeMetrics
	drains     *node.Drains
	enrol      *enrol.Enrol
	clock      atomic.Pointer[clock.Clock]
	owner      string // names this process in the store
	engine     *run.Engine
	audit      *policy.Audit
	desk       *Desk
	begun      atomic.Pointer[Desk] // the same, for those who may ask before it is there
	socket     *socket.Server
	chats      []door.Chat // the platforms
	http       *ops.Servers
	board      *ops.Board // how the rooms vote on readiness
	census     census
	language   language
	teacher    *teach.Teacher

	reloading sync.Mutex
	stop      context.CancelFunc // of what works in the background
	working   sync.WaitGroup
	opened    []closer // in order of opening; closed in reverse
}

// closer ends one part.
type closer struct {
	name  string
	close func(context.Context) error
}

// New checks the options. It opens nothing.
func New(o Options) (*App, error) {
	if o.Config == nil {
		return nil, errors.New("start the bot: no configuration")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	catalog, err := intents.Load()
	if err != nil {
		return nil, fmt.Errorf("start the bot: %w", err)
	}
	a := &App{opts: o, log: o.Log, catalog: catalog, client: cache.NewClient(), metrics: ops.NewMetrics(ops.Version())}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	a.owner = fmt.Sprintf("%s/%d", host, os.Getpid())
	a.config.Store(o.Config)
	a.metrics.ConfigRead(o.Config.Hash(), time.Now())
	return a, nil
}

// Start opens the store, carries on with the runs that are under way, and listens. It returns when everything is ready; after an error nothing
// is left open. Ctx bounds the start alone.
func (a *App) Start(ctx context.Context) error {
	begun := time.Now()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	if err := a.wire(ctx, work); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	a.log.Info("ready", "took", time.Since(begun).Round(time.Millisecond), "socket", a.SocketPath(), "ops", a.OpsAddr(), "version", ops.Version().String())
	return nil
}

// Stop ends the doors first, then parks what runs, then closes the store. A run that is parked goes on at the next start. Ctx bounds the whole.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	if a.stop != nil {
		a.stop()
	}
	for i := len(a.opened) - 1; i >= 0; i-- {
		if err := a.opened[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", a.opened[i].name, err))
		}
	}
	a.opened = nil
	return errors.Join(errs...)
}

// Reload reads the configuration again. A bad one changes nothing; what needs a restart is told in the log.
func (a *App) Reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload(ctx)
	if err != nil {
		a.metrics.ConfigRefused()
		a.log.Error("reload refused, the running configuration stays", "err", err)
	}
	return err
}

func (a *App) reload(ctx context.Context) error {
	if a.opts.Load == nil {
		return errors.New("reload: the configuration did not come from a file")
	}
	next, err := a.opts.Load()
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	senders, err := sendersOf(next)
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	view, err := a.view(ctx, next)
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	if err := a.gate.SealWith(ctx, next.Store.Export.Passphrase); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	a.monitoring.door.SetSenders(senders)
	a.jobs.Reload()
	old := a.config.Swap(next)
	a.desk.SetView(view)
	a.enrol.Kick()
	a.metrics.ConfigRead(next.Hash(), time.Now())
	for _, line := range config.Diff(old, next) {
		a.log.Info("reloaded", "change", line)
	}
	a.note(ctx, "configuration reloaded, hash "+next.Hash())
	return nil
}

// Desk returns where doors bring their messages.
func (a *App) Desk() door.Desk { return a.desk }

// HooksAddr returns the address that platforms post to, with the port it got, or "".
func (a *App) HooksAddr() string { return a.http.Addr(config.GroupHooks) }

// Feed returns the living cards of incidents and of what everybody should know, for doors where people watch. It ends with ctx.
func (a *App) Feed(ctx context.Context) <-chan reply.Card { return a.monitoring.hub.Subscribe(ctx) }

// Failed sends the error that makes it pointless to go on, if there is one.
func (a *App) Failed() <-chan error { return a.http.Failed() }

// Beat returns when the engine's loop was last seen alive, for a watchdog.
func (a *App) Beat() time.Time { return a.engine.Beat() }

// SocketPath returns where the local socket lies.
func (a *App) SocketPath() string { return a.config.Load().Socket.Path }

// OpsAddr returns the address that serves health and metrics, with the port it got, or "".
func (a *App) OpsAddr() string { return a.http.Addr(config.GroupOps) }

// Export writes a copy of the whole state, as of now.
func (a *App) Export(ctx context.Context, w io.Writer) error {
	_, err := a.store.Export(ctx, w)
	return err
}

// Dump writes the runs under way to the log, for SIGUSR1.
func (a *App) Dump(ctx context.Context) {
	runs, err := a.engine.List(ctx, run.Filter{Limit: 200})
	if err != nil {
		a.log.Error("dump", "err", err)
		return
	}
	for _, r := range runs {
		if !r.State.Final() {
			a.log.Info("run under way", "run", r.ID, "state", r.State, "epoch", r.Epoch, "owner", r.Owner, "say", r.Plan.Say, "outcomes", len(r.Outcomes))
		}
	}
}

// own adds a part that Stop closes, in reverse order.
func (a *App) own(name string, end func(context.Context) error) {
	a.opened = append(a.opened, closer{name, end})
}
