package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/overlay"
)

func TestMain(m *testing.M) {
	if os.Getenv(fleetEnv) != "" {
		fleetMain()
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what should take milliseconds.
const patience = 60 * time.Second

// plane holds segments in memory.
type plane struct {
	mu      sync.Mutex
	objects map[string]overlay.Object
	applied int
	reads   int
	slow    time.Duration
	fail    func(overlay.Change) string // what cannot be done, and why
	deaf    bool                        // says that it did, and did not
	foreign []overlay.Foreign
	notify  func()
	closed  bool
	broken  error
}

func newPlane() *plane { return &plane{objects: map[string]overlay.Object{}} }

func objectKey(o overlay.Object) string {
	return fmt.Sprint(o.Kind, o.VNI, o.Endpoint, map[bool]string{true: o.MAC.String()}[o.Kind == overlay.TunnelMAC || o.Kind == overlay.BridgeMAC],
		map[bool]string{true: o.IP.String()}[o.Kind == overlay.Address || o.Kind == overlay.Neighbour || o.Kind == overlay.EndpointAddress],
		map[bool]string{true: o.VTEP.String()}[o.Kind == overlay.Flood])
}

func (p *plane) Probe(context.Context) (overlay.Capabilities, error) {
	return overlay.Capabilities{Plane: "memory", Tunnels: true, MaxSegments: 1000}, nil
}

func (p *plane) Read(context.Context) (overlay.Observed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	if p.broken != nil {
		return overlay.Observed{}, p.broken
	}
	o := overlay.Observed{Foreign: p.foreign, Facts: overlay.Facts{Underlay: 1500, Device: "eth0"}}
	for _, obj := range p.objects {
		o.Objects = append(o.Objects, obj)
	}
	slices.SortFunc(o.Objects, overlay.CompareObjects)
	return o, nil
}

func (p *plane) Apply(ctx context.Context, c overlay.Changes) (r overlay.Report, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow > 0 {
		pause(ctx, p.slow)
	}
	for _, ch := range c.List {
		if p.fail != nil {
			if why := p.fail(ch); why != "" {
				r.Failed = append(r.Failed, overlay.Failure{Change: ch, Err: why})
				continue
			}
		}
		r.Applied++
		p.applied++
		if p.deaf {
			continue
		}
		if ch.Op != overlay.Remove {
			p.objects[objectKey(ch.Object)] = ch.Object
			continue
		}
		for k, o := range p.objects {
			if o == ch.Object || ch.Object.Kind <= overlay.Tunnel && o.VNI == ch.Object.VNI && o.Kind > overlay.Port {
				delete(p.objects, k)
			}
		}
	}
	return r, nil
}

func (p *plane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

func (p *plane) Watch(ctx context.Context, _ time.Duration, notify func()) error {
	p.mu.Lock()
	p.notify = notify
	p.mu.Unlock()
	<-ctx.Done()
	return nil
}

// sabotage changes the plane by hand and lets the event be heard.
func (p *plane) sabotage(change func(objects map[string]overlay.Object)) {
	p.mu.Lock()
	change(p.objects)
	notify := p.notify
	p.mu.Unlock()
	if notify != nil {
		notify()
	}
}

func (p *plane) holds() (vnis []overlay.VNI) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.objects {
		if o.Kind == overlay.Tunnel {
			vnis = append(vnis, o.VNI)
		}
	}
	slices.Sort(vnis)
	return vnis
}

func (p *plane) set(change func(p *plane)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// vtepOf is the underlay address of a node of the tests.
func vtepOf(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, byte(2 + n/250), byte(1 + n%250)})
}

// segment is one that a node with the VTEP shares with another.
func segment(vni overlay.VNI) overlay.NodeSegment {
	return overlay.NodeSegment{Name: fmt.Sprintf("s%d", vni), Tenant: "acme", VNI: vni, MTU: 1450, Remotes: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}
}

// with is an edit to exactly these VNIs.
func with(vnis ...overlay.VNI) Edit {
	return Edit{By: "test", Change: func(d *overlay.Desired) error {
		d.VTEP, d.Segments, d.Gone = vtepOf(1), nil, nil
		for _, v := range vnis {
			d.Segments = append(d.Segments, segment(v))
		}
		return nil
	}}
}

// town is a bot with its agents.
type town struct {
	t     *testing.T
	store store.Store
	dir   string
	o     GateOptions
	gate  *Gate
}

// newTown opens a gate on a free port, over an in-memory store.
func newTown(t *testing.T, change ...func(*GateOptions)) *town {
	t.Helper()
	w := &town{t: t, store: fake.New().Open(fake.Options{}), dir: t.TempDir()}
	w.o = GateOptions{Listen: "127.0.0.1:0", Dir: filepath.Join(w.dir, "gate"), Store: w.store, Incarnation: "1-a", Patience: 10 * time.Second, Log: logOf(t, "gate")}
	for _, c := range change {
		c(&w.o)
	}
	w.open()
	t.Cleanup(func() { w.close() })
	return w
}

func (w *town) open() {
	w.t.Helper()
	g, err := Open(context.Background(), w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gate = g
}

func (w *town) close() {
	if w.gate != nil {
		if err := w.gate.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
		w.gate = nil
	}
}

// restart closes the gate and opens it again at the same place.
func (w *town) restart() {
	w.t.Helper()
	w.o.Listen = w.gate.Addr()
	w.close()
	w.open()
}

// logOf drops the log unless OPSBOT_TEST_LOG is set.
func logOf(t *testing.T, who string) *slog.Logger {
	if t == nil || os.Getenv("OPSBOT_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})).With("who", who)
}

type logWriter struct{ t *testing.T }

func (l logWriter) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// resident is an agent that runs.
type resident struct {
	*Agent
	t     *testing.T
	plane *plane
	o     Options
	stop  func() error
}

// settle enrols an agent for a node and starts it.
func (w *town) settle(id string, change ...func(*Options)) *resident {
	w.t.Helper()
	code, err := w.gate.NewCode(w.t.Context(), id, "anna")
	if err != nil {
		w.t.Fatal(err)
	}
	p := newPlane()
	r := &resident{t: w.t, plane: p, o: Options{
		Dir: filepath.Join(w.dir, "agent-"+id), Bot: w.gate.Addr(), Code: code.Text, Every: time.Hour, Version: "test", Log: logOf(w.t, id),
		Open: func(context.Context, string, netip.Addr) (overlay.DataPlane, error) { return p, nil },
	}}
	for _, c := range change {
		c(&r.o)
	}
	r.start()
	w.seen(id)
	return r
}

// start runs the agent of now.
func (r *resident) start() {
	r.t.Helper()
	a, err := New(r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r.Agent = a
	once := sync.OnceValue(func() error { cancel(); return <-done })
	r.stop = once
	r.t.Cleanup(func() {
		if err := once(); err != nil && !errors.Is(err, context.Canceled) {
			r.t.Errorf("agent of %s: %v", a.Node(), err)
		}
	})
}

// again stops the agent and starts it as a new process would.
func (r *resident) again(change func(*Options)) {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Fatal(err)
	}
	if change != nil {
		change(&r.o)
	}
	r.start()
}

// seen waits until a node is connected.
func (w *town) seen(id string) Status {
	w.t.Helper()
	return w.until(id, "is connected", func(s Status) bool { return s.Health != Offline && s.Health != NotEnrolled })
}

// until waits for a status.
func (w *town) until(id, what string, ok func(Status) bool) Status {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	s, err := w.gate.Wait(ctx, id, ok)
	if err != nil {
		w.t.Fatalf("%s: want that it %s, got %+v: %v", id, what, s, err)
	}
	return s
}

// hold changes what a node must hold and waits until it does.
func (w *town) hold(id string, e Edit) Status {
	w.t.Helper()
	d, err := w.gate.Edit(w.t.Context(), id, e)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.until(id, fmt.Sprintf("holds generation %d", d.Generation), func(s Status) bool {
		return s.Health == OK && s.Report.Generation >= d.Generation && s.Generation >= d.Generation
	})
}

// eventually waits for what no status tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not so after %s: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func nopOpen(context.Context, string, netip.Addr) (overlay.DataPlane, error) { return newPlane(), nil }
