package enrol_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/enrol"
	"github.com/shitops/opsbot/icinga"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an inventory that tests change.
type world struct {
	actions.World
	mu          sync.Mutex
	nodes       []actions.Node
	deployments []actions.Deployment
}

func (w *world) Nodes(context.Context) ([]actions.Node, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.nodes), nil
}

func (w *world) Deployments(context.Context) ([]actions.Deployment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deployments), nil
}

func (w *world) edit(edit func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	edit(w)
}

// sample is an edge with one cache, one with two, a mac, and a stream on both edges.
func sample() *world {
	return &world{
		nodes: []actions.Node{
			{Name: "edge-1", Address: "192.0.2.11", Site: "berlin", Platform: "linux", Caches: []actions.Cache{{Name: "front", URL: "http://192.0.2.11:6081", StatsDir: "/var/lib/varnish/edge-1"}}},
			{Name: "edge-2", Platform: "linux", Caches: []actions.Cache{{Name: "front", URL: "http://192.0.2.12:6081"}, {Name: "back", URL: "http://192.0.2.12:6091"}}},
			{Name: "mac-1", Address: "192.0.2.31", Platform: "darwin"},
		},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8", Nodes: []string{"edge-1", "edge-2"}}},
	}
}

// monitoring is an Icinga2 in memory, as bad as 2.13: it forgets what it accepts during a reload, and spoils the names of creates that fail.
type monitoring struct {
	mu        sync.Mutex
	started   time.Time
	objects   map[string]icinga.Owned // those without an owner are somebody else's
	templates map[bool][]string
	spoilt    map[string]bool
	refuse    string // creates of this name fail in their validation
	swallow   bool   // creates are accepted and forgotten
	away      error
	writes    []string
}

func newMonitoring() *monitoring {
	return &monitoring{
		started: time.Unix(1_800_000_000, 0), objects: map[string]icinga.Owned{}, spoilt: map[string]bool{},
		templates: map[bool][]string{false: {enrol.TemplateNode}, true: {enrol.TemplateHitRate, enrol.TemplateLatency}},
	}
}

// foreign puts an object there that is not ours; owner is another bot's, or "".
func (m *monitoring) foreign(name, owner string) {
	o := icinga.Owned{Owner: owner}
	o.Host, o.Service, _ = strings.Cut(name, "!")
	m.objects[name] = o
}

func (m *monitoring) reload() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started, m.spoilt = m.started.Add(time.Minute), map[string]bool{}
}

func (m *monitoring) Status(context.Context) (icinga.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return icinga.Status{ProgramStart: m.started}, m.away
}

func (m *monitoring) Templates(_ context.Context, services bool) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.templates[services], m.away
}

func (m *monitoring) Owned(_ context.Context, services bool) ([]icinga.Owned, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []icinga.Owned
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if o := m.objects[name]; o.Owner != "" && (o.Service != "") == services {
			out = append(out, o)
		}
	}
	return out, m.away
}

func (m *monitoring) Names(_ context.Context, services bool, hosts []string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for name, o := range m.objects {
		if slices.Contains(hosts, o.Host) && (o.Service != "") == services {
			out = append(out, name)
		}
	}
	return out, m.away
}

func (m *monitoring) Create(_ context.Context, o icinga.RuntimeObject) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := o.Name()
	m.writes = append(m.writes, "create "+name)
	_, there := m.objects[name]
	_, hosted := m.objects[o.Host]
	switch {
	case m.away != nil:
		return m.away
	case there:
		return fmt.Errorf("create %s: %w", name, icinga.ErrExists)
	case m.spoilt[name]:
		return fmt.Errorf("create %s: re-defined: %w", name, icinga.ErrPoisoned)
	case name == m.refuse, o.Service != "" && !hosted, slices.ContainsFunc(o.Templates, func(t string) bool { return !slices.Contains(m.templates[o.Service != ""], t) }):
		m.spoilt[name] = true
		return fmt.Errorf("create %s: Validation failed: %w", name, icinga.ErrInvalid)
	case m.swallow:
		return nil
	}
	made := icinga.Owned{Host: o.Host, Service: o.Service, Templates: o.Templates, Vars: map[string]any{}}
	set(&made, o.Attrs)
	m.objects[name] = made
	return nil
}

func set(o *icinga.Owned, attrs map[string]any) {
	for path, value := range attrs {
		switch name, is := strings.CutPrefix(path, "vars."); {
		case is:
			o.Vars[name] = value
		case path == "address":
			o.Address = value.(string)
		}
	}
	if mark, ok := o.Vars["opsbot"].(map[string]any); ok {
		o.Owner = mark["owner"].(string)
	}
}

func (m *monitoring) Modify(_ context.Context, host, service string, attrs map[string]any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := icinga.RuntimeObject{Host: host, Service: service}.Name()
	m.writes = append(m.writes, "modify "+name)
	o := m.objects[name]
	o.Vars = maps.Clone(o.Vars)
	set(&o, attrs)
	m.objects[name] = o
	return m.away
}

func (m *monitoring) Delete(_ context.Context, host, service string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := icinga.RuntimeObject{Host: host, Service: service}.Name()
	m.writes = append(m.writes, "delete "+name)
	maps.DeleteFunc(m.objects, func(key string, _ icinga.Owned) bool {
		return key == name || service == "" && strings.HasPrefix(key, host+"!")
	})
	return m.away
}

func (m *monitoring) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

// drain returns what was written since the last call.
func (m *monitoring) drain() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.writes
	m.writes = nil
	return out
}

// home is the loop over a world and a monitoring, and what it told.
type home struct {
	*enrol.Enrol
	world *world
	told  []enrol.Notice
	on    bool
}

func newHome(t testing.TB, w *world, m enrol.Icinga, edit ...func(*enrol.Options)) *home {
	t.Helper()
	h := &home{world: w, on: true}
	o := enrol.Options{Icinga: m, World: w, Enabled: func() bool { return h.on }, Tell: func(_ context.Context, n enrol.Notice) { h.told = append(h.told, n) }}
	for _, e := range edit {
		e(&o)
	}
	e, err := enrol.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.Enrol = e
	return h
}

func (h *home) pass(t testing.TB) enrol.Report {
	t.Helper()
	r, err := h.Pass(t.Context())
	if err != nil {
		t.Fatalf("pass: %v", err)
	}
	return r
}
