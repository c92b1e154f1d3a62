package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
	"github.com/shitops/opsbot/actions/policy"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/bot/config"
	"github.com/shitops/opsbot/bot/door/socket"
	"github.com/shitops/opsbot/bot/ops"
	"github.com/shitops/opsbot/bot/reply"
	"github.com/shitops/opsbot/cache"
	"github.com/shitops/opsbot/intents"
)

// lease is how long a run that nobody tends stays with its last owner: so long after a crash it is taken up again. It is extended every quarter.
const lease = 5 * time.Second

// wire builds every part by hand, top to bottom, from the configuration. Ctx bounds the start; work is the life of what runs in the background.
func (a *App) wire(ctx, work context.Context) error {
	cfg := a.config.Load()
	for _, part := range []struct {
		name string
		open func(ctx, work context.Context, cfg *config.Config) error
	}{
		{"store", a.openStore},
		{"caches", a.openContent},
		{"monitoring", a.openMonitoring},
		{"jobs", a.openJobs},
		{"registration", a.openEnrol},
		{"agents", a.openAgents},
		{"segments", a.openSegments},
		{"nodes", a.openNodes},
		{"language", a.openLanguage},
		{"engine", a.openEngine},
		{"desk", a.openDesk},
		{"chats", a.openChats},
		{"watch", a.openWatch},
		{"work", a.openWork},
		{"alerts", a.openAlertDoor},
		{"stream", a.startIcinga},
		{"registration", a.startEnrol},
		{"probing of segments", a.startProber},
		{"talks", a.startChats},
		{"clock", a.openClock},
		{"socket", a.openSocket},
		{"listeners", a.openListeners},
	} {
		if err := part.open(ctx, work, cfg); err != nil {
			return fmt.Errorf("start %s: %w", part.name, err)
		}
	}
	return nil
}

// storeDir is where the store lies. The marker that says that there was one lies beside it, in the data folder too: the bot may write nowhere else.
func storeDir(cfg *config.Config) string { return filepath.Join(cfg.DataDir, "store") }

func (a *App) openStore(_, _ context.Context, cfg *config.Config) error {
	s, err := store.Open(store.Options{
		Dir: storeDir(cfg), Log: a.log.With("room", "store"), AcceptEmpty: a.opts.AcceptEmpty, Ages: store.Ages(cfg.Store.Retention), Final: run.Final, Lease: lease,
	})
	if err != nil {
		return err
	}
	a.store, a.audit = s, policy.NewAudit(s.Log(store.Audit))
	a.own("store", s.Close)
	return nil
}

func (a *App) openContent(_, _ context.Context, cfg *config.Config) error {
	c, err := content.New(content.Options{World: liveWorld{a}, Open: a.openCache, Log: a.log.With("room", "content"), Fanout: cfg.Limits.Fanout})
	if err != nil {
		return err
	}
	a.content = c
	a.own("caches", func(context.Context) error { return c.Close() })
	return nil
}

func (a *App) openEngine(_, _ context.Context, cfg *config.Config) error {
	executors := map[string]run.Executor{}
	for _, more := range []map[string]run.Executor{a.content.Executors(), a.monitoring.alerts.Executors(), a.monitoring.rules.Executors(), a.jobs.Executors(), a.nodes.Executors(), a.gate.Executors(), a.segments.Executors(), a.teacher.Executors(), a.enrol.Executors()} {
		maps.Copy(executors, more)
	}
	e, err := run.New(run.Options{
		Store: a.store, Executors: executors, Owner: a.owner, Fanout: cfg.Limits.Fanout,
		Lease: lease, Log: a.log.With("room", "run"), Observe: a.observe(),
	})
	if err != nil {
		return err
	}
	a.engine = e
	return nil
}

// openCache opens the driver of one cache. Its secret is read at each login, from wherever the newest configuration says.
func (a *App) openCache(n actions.Node, c actions.Cache) (cache.Driver, error) {
	conf := cache.Config{
		Node: n.Name, Name: c.Name, Kind: cache.Kind(c.Kind), URL: c.URL, AdminAddress: c.AdminAddress,
		SecretFile: c.AdminSecretFile, StatsDir: c.StatsDir, Settle: c.Settle,
	}
	if source := a.config.Load().CacheSecret(n.Name, c.Name); !source.IsZero() {
		conf.Secret = func() ([]byte, error) {
			s, err := source.Read()
			return s.Reveal(), err
		}
	}
	return cache.Open(conf, cache.Options{Client: a.client, Log: a.log.With("room", "cache")})
}

// observe counts what the engine does.
func (a *App) observe() run.Observe {
	return run.Observe{
		Step: func(kind string, state actions.OutcomeState, took time.Duration) {
			a.metrics.StepEnded(kind, string(state), took)
		},
		Run: func(state actions.State, _ time.Duration) { a.metrics.RunEnded(string(state)) },
	}
}

func (a *App) openDesk(ctx, _ context.Context, cfg *config.Config) error {
	d := &Desk{
		catalog: a.catalog.Intents(), engine: a.engine, audit: a.audit, questions: &questions{a.store.Bucket(store.Guards)},
		contexts: contexts{a.store.Bucket(store.Guards)},
		quotas:   policy.NewQuotas(a.store.Bucket(store.Guards)), rules: deskRules{a.monitoring.rules}, tell: a.monitoring.hub.Publish,
		bound: a.boundJob, importer: a.store, status: a.statusLines, count: a.metrics.Message, log: a.log.With("room", "desk"),
	}
	d.incidents, d.owners = a.openIncidents, a.segments.Owners
	d.verbs = map[string]actions.Verb{}
	for _, verbs := range [][]actions.Verb{
		d.ownVerbs(), a.nodes.Verbs(), a.segments.Verbs(), a.enrol.Verbs(), a.content.Verbs(), run.Verbs(a.engine, d.planAgain), a.monitoring.alerts.Verbs(), a.monitoring.rules.Verbs(),
		policy.AuditVerbs(a.audit), a.jobs.Verbs(), a.teacher.Verbs(),
	} {
		for _, v := range verbs {
			d.verbs[v.Intent] = v
		}
	}
	a.desk = d
	a.begun.Store(d)
	view, err := a.view(ctx, cfg)
	if err != nil {
		return err
	}
	d.SetView(view)
	return nil
}

// view builds what a reload replaces. It changes nothing but what the store remembers of the file's inventory.
func (a *App) view(ctx context.Context, cfg *config.Config) (*View, error) {
	nodes, deployments := cfg.Nodes(), cfg.Deployments()
	orphans, err := remember(ctx, a.store.Bucket(store.Inventory), nodes)
	if err != nil {
		return nil, err
	}
	nodes, orphans = a.inventory(nodes, orphans)
	w := newWorld(nodes, orphans, deployments)
	inv := inventoryOf(cfg, w, a.monitoring.services.names())
	for _, s := range a.known.Segments() {
		inv.Segments = append(inv.Segments, intents.Segment{Name: s.Name, VNI: uint32(s.VNI)})
	}
	catalog, err := a.catalogOf(cfg)
	if err != nil {
		return nil, err
	}
	parser, err := intents.NewParser(catalog, inv)
	if err != nil {
		return nil, err
	}
	bound, err := bind(catalog, cfg, inv)
	if err != nil {
		return nil, err
	}
	p, err := policy.New(bound.policy)
	if err != nil {
		return nil, err
	}
	onCall, err := cfg.WhoIsOnCall()
	if err != nil {
		return nil, err
	}
	if err := a.monitoring.rules.SetRules(bound.rules); err != nil {
		return nil, err
	}
	return &View{Parser: parser, Policy: p, World: w, Names: inv, OnCall: onCall, Binder: bound.binder, Zone: cfg.Location(), Limits: Limits{PlanSteps: cfg.Limits.PlanSteps, Fanout: cfg.Limits.Fanout}}, nil
}

// inventoryOf gives the parser the names that commands may use.
func inventoryOf(cfg *config.Config, w *world, services []string) intents.Inventory {
	inv := intents.Inventory{Tenants: cfg.Inventory.Tenants}
	for _, n := range w.nodes {
		inv.Nodes = append(inv.Nodes, intents.Node{Name: n.Name, Site: n.Site, Platform: n.Platform, Labels: n.Labels})
	}
	for _, d := range w.deployments {
		inv.Deployments = append(inv.Deployments, d.Name)
	}
	for _, p := range cfg.People {
		inv.People = append(inv.People, p.Name)
	}
	for _, r := range cfg.Rules {
		inv.Rules = append(inv.Rules, r.Name)
		if s := r.When.Service; s != "" && !strings.ContainsAny(s, "*?[-") {
			inv.Services = append(inv.Services, s)
		}
	}
	for _, s := range services {
		if !slices.Contains(inv.Services, s) {
			inv.Services = append(inv.Services, s)
		}
	}
	for _, j := range cfg.Jobs {
		inv.Jobs = append(inv.Jobs, j.Name)
	}
	return inv
}

// openWork lets the engine take up runs, and starts what is done in the background.
func (a *App) openWork(_, work context.Context, _ *config.Config) error {
	serve, stop := context.WithCancel(work)
	done := make(chan error, 1)
	go func() { done <- a.engine.Serve(serve) }()
	a.own("engine", func(ctx context.Context) error {
		stop()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return fmt.Errorf("runs are not parked in time: %w", ctx.Err())
		}
	})
	background, end := context.WithCancel(work)
	for _, task := range []func(context.Context){a.learn, a.recordEnds, a.countRuns, a.exportNightly, a.sweep, a.keepFileSegments} {
		a.working.Go(func() { task(background) })
	}
	a.own("background work", func(context.Context) error { end(); a.working.Wait(); return nil })
	return nil
}

// learn trains what reads free words, so that nobody has to wait for it. Exact commands need none of it.
func (a *App) learn(context.Context) {
	if err := a.catalog.Learn(); err != nil {
		a.alarm(reply.Card{
			ID: "language", Kind: reply.Failed, Title: "free words are refused: " + err.Error(), Hint: "exact commands go on; \"help\" lists them",
		})
	}
}

func (a *App) openSocket(ctx, _ context.Context, cfg *config.Config) error {
	s, err := socket.Start(ctx, socket.Options{
		Path: cfg.Socket.Path, Mode: cfg.Socket.Mode, Group: cfg.Socket.Group, Line: cfg.Limits.Line, Desk: a.desk,
		Log: a.log.With("room", "socket"), Health: a.socketHealth, Reload: a.socketReload, Config: a.socketConfig, Review: a.socketReview, Export: a.socketExport, Enrol: a.socketEnrol,
	})
	if err != nil {
		return err
	}
	a.socket = s
	a.own("socket", s.Stop)
	return nil
}

func (a *App) openListeners(ctx, _ context.Context, cfg *config.Config) error {
	var listeners []ops.Listener
	for _, l := range cfg.Listeners {
		if slices.Contains(l.Serve, config.GroupAgents) {
			continue // it speaks no HTTP: openAgents
		}
		listeners = append(listeners, ops.Listener{Address: l.Address, Groups: l.Serve})
	}
	s, err := ops.Listen(ctx, ops.Network{
		Listeners: listeners, Routes: map[string]http.Handler{config.GroupOps: ops.Handler(a.board, a.metrics), config.GroupHooks: a.hooks()}, Log: a.log.With("room", "ops"),
	})
	if err != nil {
		return err
	}
	a.http = s
	a.own("listeners", s.Stop)
	return nil
}

// liveWorld is the world of the newest reload, for steps that are carried out long after their plan was made.
type liveWorld struct{ a *App }

func (l liveWorld) now() actions.World { return l.a.desk.view.Load().World }

// Nodes returns the inventory.
func (l liveWorld) Nodes(ctx context.Context) ([]actions.Node, error) { return l.now().Nodes(ctx) }

// Node returns one node.
func (l liveWorld) Node(ctx context.Context, name string) (actions.Node, error) {
	return l.now().Node(ctx, name)
}

// Deployments returns all deployments.
func (l liveWorld) Deployments(ctx context.Context) ([]actions.Deployment, error) {
	return l.now().Deployments(ctx)
}

// Deployment returns one deployment.
func (l liveWorld) Deployment(ctx context.Context, name string) (actions.Deployment, error) {
	return l.now().Deployment(ctx, name)
}

// planAgain plans a request with the world of now, for run.retry.
func (d *Desk) planAgain(ctx context.Context, r actions.Request) (actions.Plan, error) {
	verb, ok := d.verbs[r.Intent]
	if !ok || verb.Plan == nil {
		return actions.Plan{}, errors.New("nothing stands behind " + r.Intent + " that could be planned")
	}
	return verb.Plan(ctx, r, d.view.Load().World)
}
