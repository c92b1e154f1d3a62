package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/internal/secret"
)

// Buckets is the part of a store that the gate needs: desired, observed, inventory and guards.
type Buckets interface {
	Bucket(name string) store.KV
}

// GateOptions are what a Gate is made of. Dir, Store and Incarnation are required.
type GateOptions struct {
	// Listen is host:port for agents on other machines, port 0 takes a free one; empty lets in agents of this process alone.
	Listen string
	// Public is host:port as agents reach it, for the line that enrols one; empty is Listen, with the name of this host where it listens everywhere.
	Public string
	// CertificateFile and KeyFile are read again when they change; without them the gate has a CA of its own.
	CertificateFile, KeyFile string
	// Dir holds the gate's keys, 0700.
	Dir string
	// Passphrase seals a copy of those keys into the store, so that every export has them and an imported bot still knows its agents. Zero keeps no copy.
	Passphrase  secret.Source
	Store       Buckets
	Incarnation string // of the store's data: generations carry it
	// Observing tells whether nothing may be changed yet (store.Engine.ObserveOnly); then nothing is pushed. Nil for never.
	Observing func(ctx context.Context) (bool, error)
	// Patience is how long desired.put waits for a node's report; 0 means 30 s.
	Patience time.Duration
	// VTEP is the address that a node is to use for tunnels, told to a new agent at once so that it can tell what that address bears. Nil for none.
	VTEP func(node string) netip.Addr
	// Changed hears of every report that tells something new. It must not block. Nil for nobody.
	Changed func(Status)
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil is time.Now
}

// Gate is the bot's end of all agents. Make one with Open; it is safe for concurrent use.
type Gate struct {
	o         GateOptions
	ringMu    sync.Mutex // of ring
	ring      *keyring
	sealer    *sealer // nil without a passphrase; of ringMu, too
	accounts  *accounts
	presenter *presenter
	server    *server.Server
	ears      *nats.Conn // in the bot's account: hears what agents say, says nothing
	mouth     *nats.Conn // in the agents' account: says on push.ID, hears nothing
	porch     *nats.Conn // in the newcomers' account, likewise
	box       nkeys.KeyPair

	desired, observed, inventory, guards store.KV

	mu    sync.Mutex
	nodes map[string]*node
	calls map[string]chan Answer // by node and key

	work sync.WaitGroup
	stop context.CancelFunc
	keep chan string // nodes whose report is to be stored
}

// node is what the gate knows of one node.
type node struct {
	enrolled    Enrolled
	incarnation string // of the newest state
	generation  uint64
	revision    uint64 // of its record
	report      Report
	seen        time.Time
	connected   bool
	fault       string
	dirty       bool
	waiting     map[chan struct{}]bool
}

// Open starts the gate: what it knows is read, the keys are made at the first start, agents are let in. Ctx bounds the start alone.
func Open(ctx context.Context, o GateOptions) (*Gate, error) {
	if o.Dir == "" || o.Store == nil || o.Incarnation == "" {
		return nil, errors.New("open the gate for agents: Dir, Store and Incarnation are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	g := &Gate{
		o: o, nodes: map[string]*node{}, calls: map[string]chan Answer{}, keep: make(chan string, 1<<16), stop: func() {},
		desired: o.Store.Bucket(store.Desired), observed: o.Store.Bucket(store.Observed), inventory: o.Store.Bucket(store.Inventory), guards: o.Store.Bucket(store.Guards),
	}
	if err := g.open(ctx); err != nil {
		return nil, errors.Join(err, g.Close(ctx))
	}
	return g, nil
}

func (g *Gate) open(ctx context.Context) (err error) {
	if g.sealer, err = newSealer(g.o.Passphrase); err != nil {
		return err
	}
	restored, err := restoreRing(ctx, g.inventory, g.sealer, g.o.Dir)
	if err != nil {
		return err
	}
	if restored {
		g.o.Log.Info("agents' keys are back, from the sealed copy in the store")
	}
	if g.ring, err = openKeyring(g.o.Dir, g.o.Now()); err != nil {
		return err
	}
	if err := g.keepSealed(ctx); err != nil {
		return err
	}
	if g.accounts, err = newAccounts(g.ring); err != nil {
		return err
	}
	if g.box, err = nkeys.CreateCurveKeys(); err != nil {
		return fmt.Errorf("make the key that answers newcomers: %w", err)
	}
	g.presenter = &presenter{certificateFile: g.o.CertificateFile, keyFile: g.o.KeyFile, ca: g.ring.CA, caKey: g.ring.CAKey, now: g.o.Now}
	if _, err := g.presenter.get(nil); err != nil {
		return err
	}
	if err := g.load(ctx); err != nil {
		return err
	}
	if err := g.serve(); err != nil {
		return err
	}
	if err := g.connect(); err != nil {
		return err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	g.work.Go(func() { g.follow(life, "desired state", g.desired, "", g.noteDesired) })
	g.work.Go(func() { g.follow(life, "enrolled agents", g.inventory, enrolledPrefix, g.noteEnrolled) })
	for range writers {
		g.work.Go(func() { g.write(life) })
	}
	g.work.Go(func() { g.sweep(life) })
	return nil
}

// serve starts the server that agents talk to. It has no storage.
func (g *Gate) serve() error {
	operator, err := g.accounts.operatorClaims()
	if err != nil {
		return err
	}
	sentinel, err := g.accounts.sentinel()
	if err != nil {
		return err
	}
	options := &server.Options{
		ServerName: "opsbot-agents", NoSigs: true, NoSystemAccount: true,
		TrustedOperators: []*jwt.OperatorClaims{operator}, AccountResolver: g.accounts.resolver, DefaultSentinel: sentinel,
		MaxPayload: maxOrder, MaxControlLine: 1 << 10, MaxPending: 16 << 20, WriteDeadline: 10 * time.Second,
		PingInterval: 20 * time.Second, MaxPingsOut: 2, AuthTimeout: 10, DontListen: g.o.Listen == "",
	}
	if g.o.Listen != "" {
		host, port, err := net.SplitHostPort(g.o.Listen)
		if err != nil {
			return fmt.Errorf("listen for agents on %s: %w", g.o.Listen, err)
		}
		if options.Port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("listen for agents on %s: %w", g.o.Listen, err)
		}
		if options.Port == 0 {
			options.Port = server.RANDOM_PORT
		}
		options.Host = host
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: g.presenter.get}
		options.TLSHandshakeFirst, options.TLSTimeout = true, 10
	}
	s, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("start the server for agents: %w", err)
	}
	s.SetLoggerV2(&serverLog{log: g.o.Log}, false, false, false)
	s.Start()
	g.server = s
	if !s.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("start the server for agents on %s: not ready after 10 s; its log says why", g.o.Listen)
	}
	return nil
}

// connect makes the gate's own connections: one that hears and two that speak.
func (g *Gate) connect() (err error) {
	if g.ears, err = g.dial(g.accounts.bot, func(c *jwt.UserClaims) { c.Pub.Deny.Add(">") }); err != nil {
		return err
	}
	if g.mouth, err = g.dial(g.accounts.agents, func(c *jwt.UserClaims) { c.Sub.Deny.Add(">"); c.Pub.Allow.Add(subjectPush + "*") }); err != nil {
		return err
	}
	if g.porch, err = g.dial(g.accounts.enrol, func(c *jwt.UserClaims) { c.Sub.Deny.Add(">"); c.Pub.Allow.Add(subjectSeal + "*") }); err != nil {
		return err
	}
	for subject, hear := range map[string]nats.MsgHandler{
		subjectHello + "*":  g.spoken(subjectHello, g.hearReport),
		subjectReport + "*": g.spoken(subjectReport, g.hearReport),
		subjectResult + "*": g.spoken(subjectResult, g.hearAnswer),
		subjectRenew + "*":  g.spoken(subjectRenew, g.hearRenew),
		subjectJoin:         func(m *nats.Msg) { g.hearJoin(m.Data) },
	} {
		sub, err := g.ears.Subscribe(subject, hear)
		if err != nil {
			return fmt.Errorf("listen to agents: %w", err)
		}
		if err := sub.SetPendingLimits(-1, 256<<20); err != nil {
			return fmt.Errorf("listen to agents: %w", err)
		}
	}
	return g.ears.Flush()
}

// spoken hands on what an agent said, under the id that its permissions let it speak by. The reply subject is never looked at.
func (g *Gate) spoken(prefix string, hear func(id string, data []byte)) nats.MsgHandler {
	return func(m *nats.Msg) {
		id := m.Subject[len(prefix):]
		if CheckID(id) != nil {
			g.o.Log.Warn("agent with a forbidden id", "subject", m.Subject)
			return
		}
		hear(id, m.Data)
	}
}

func (g *Gate) dial(account nkeys.KeyPair, allow func(*jwt.UserClaims)) (*nats.Conn, error) {
	token, seed, err := inside(account, allow)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect("", nats.InProcessServer(g.server), nats.UserJWTAndSeed(token, seed), nats.Name("opsbot"), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond), nats.NoCallbacksAfterClientClose(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			g.o.Log.Warn("connection to the server for agents", "err", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to the server for agents: %w", err)
	}
	return nc, nil
}

// InProcessConn lets an agent of this process in without a socket. It has to enrol like any other.
func (g *Gate) InProcessConn() (net.Conn, error) { return g.server.InProcessConn() }

// Addr returns where the gate listens, with the port it got, or "".
func (g *Gate) Addr() string {
	if g.o.Listen == "" || g.server == nil {
		return ""
	}
	if a := g.server.Addr(); a != nil {
		return a.String()
	}
	return ""
}

// Close lets all agents go. They come back by themselves when there is a gate again.
func (g *Gate) Close(context.Context) error {
	g.stop()
	for _, nc := range []*nats.Conn{g.ears, g.mouth, g.porch} {
		if nc != nil {
			nc.Close()
		}
	}
	if g.server != nil {
		g.server.Shutdown()
		g.server.WaitForShutdown()
	}
	g.work.Wait()
	return nil
}

// serverLog hands the server's log on.
type serverLog struct{ log *slog.Logger }

// Noticef implements server.Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }

// Fatalf implements server.Logger.
func (l *serverLog) Fatalf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }

// Errorf implements server.Logger. What a client does wrong is an error to the server, not to us.
func (l *serverLog) Errorf(format string, v ...any) { l.log.Info(fmt.Sprintf(format, v...)) }

// Debugf implements server.Logger.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef implements server.Logger.
func (l *serverLog) Tracef(string, ...any) {}
