package alert_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/run"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/icinga"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world has two nodes.
type world struct{ actions.World }

func (world) Nodes(context.Context) ([]actions.Node, error) {
	return []actions.Node{{Name: "edge-1"}, {Name: "edge-2"}}, nil
}

// monitoring is an Icinga2 in memory: it acknowledges as the real one does, and may lose its answers.
type monitoring struct {
	mu      sync.Mutex
	objects map[string]*icinga.Object
	acks    []icinga.Ack
	away    error
	lose    bool // the next acknowledgement is made and its answer is lost

	commands  map[string]string // of objects that are not checked by "check"
	downtimes []icinga.ScheduledDowntime
	made      int
	started   time.Time
	swallow   int // so many downtimes are accepted and forgotten, as during a reload
	checks    []string
	stuck     bool // no check that is asked for is made
}

func newMonitoring(objects ...icinga.Object) *monitoring {
	m := &monitoring{objects: map[string]*icinga.Object{}}
	for _, o := range objects {
		o.LastCheck, o.Reachable = time.Now(), true
		m.objects[o.Name()] = &o
	}
	return m
}

func (m *monitoring) find(host, service string) (*icinga.Object, error) {
	if m.away != nil {
		return nil, m.away
	}
	o := m.objects[actions.Alert{Host: host, Service: service}.Object()]
	if o == nil {
		return nil, icinga.ErrNotFound
	}
	return o, nil
}

func (m *monitoring) Object(_ context.Context, host, service string) (icinga.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(host, service)
	if err != nil {
		return icinga.Object{}, err
	}
	return *o, nil
}

func (m *monitoring) Problems(context.Context, string) ([]icinga.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return nil, m.away
	}
	var out []icinga.Object
	for _, o := range m.objects {
		if !o.State.Good() {
			out = append(out, *o)
		}
	}
	slices.SortFunc(out, func(a, b icinga.Object) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

func (m *monitoring) Acknowledge(_ context.Context, host, service string, a icinga.Ack) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(host, service)
	switch {
	case err != nil:
		return err
	case o.State.Good():
		return icinga.ErrConflict
	case !o.Acknowledged:
		// Times go through a floating-point number.
		o.Acknowledged, o.AckExpiry = true, a.Expiry.Truncate(time.Microsecond)
		m.acks = append(m.acks, a)
	}
	if m.lose {
		m.lose = false
		return icinga.ErrUnavailable
	}
	return nil
}

func (m *monitoring) RemoveAcknowledgement(_ context.Context, host, service, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(host, service)
	if err != nil {
		return err
	}
	o.Acknowledged, o.AckExpiry = false, time.Time{}
	return nil
}

func (m *monitoring) HostNamed(_ context.Context, host string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.objects {
		if strings.EqualFold(o.Host, host) && o.Service == "" {
			return o.Host, m.away
		}
	}
	return "", errors.Join(m.away, icinga.ErrNotFound)
}

func (m *monitoring) Checkables(_ context.Context, hosts ...string) ([]icinga.Checkable, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []icinga.Checkable
	for name, o := range m.objects {
		if slices.Contains(hosts, o.Host) {
			out = append(out, icinga.Checkable{Object: *o, Command: cmp.Or(m.commands[name], "check"), Active: true, Timeout: 20 * time.Second})
		}
	}
	slices.SortFunc(out, func(a, b icinga.Checkable) int { return strings.Compare(a.Name(), b.Name()) })
	return out, m.away
}

func (m *monitoring) ScheduleDowntime(_ context.Context, host, service string, d icinga.Downtime) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.find(host, service); err != nil {
		return err
	}
	one := icinga.ScheduledDowntime{Host: host, Service: service, Author: d.Author, Comment: d.Comment, Marker: d.Marker, From: d.From, Until: d.Until, Flexible: d.Flexible}
	if slices.ContainsFunc(m.downtimes, func(h icinga.ScheduledDowntime) bool {
		return h.Object() == one.Object() && h.Author == d.Author && h.Marker == d.Marker
	}) {
		return nil
	}
	for _, o := range m.sorted() {
		if o.Host != host || o.Service != service && !(d.Services && service == "") {
			continue
		}
		if m.swallow > 0 {
			m.swallow--
			continue
		}
		part := one
		part.Service = o.Service
		m.add(part)
	}
	if d.Children {
		child := one
		child.Host, child.Service = "child", ""
		m.add(child)
	}
	return nil
}

func (m *monitoring) sorted() []*icinga.Object {
	return slices.SortedFunc(maps.Values(m.objects), func(a, b *icinga.Object) int { return strings.Compare(a.Name(), b.Name()) })
}

func (m *monitoring) add(d icinga.ScheduledDowntime) {
	m.made++
	d.Name = fmt.Sprintf("%s!%d", d.Object(), m.made)
	m.downtimes = append(m.downtimes, d)
}

func (m *monitoring) Downtimes(_ context.Context, host, author, marker string) ([]icinga.ScheduledDowntime, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.DeleteFunc(slices.Clone(m.downtimes), func(d icinga.ScheduledDowntime) bool {
		return host != "" && d.Host != host || marker != "" && (d.Author != author || d.Marker != marker)
	})
	return out, m.away
}

func (m *monitoring) CancelDowntime(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.downtimes = slices.DeleteFunc(m.downtimes, func(d icinga.ScheduledDowntime) bool { return d.Name == name })
	return m.away
}

func (m *monitoring) Reschedule(_ context.Context, host, service string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(host, service)
	if err != nil {
		return err
	}
	m.checks = append(m.checks, o.Name())
	if !m.stuck {
		time.AfterFunc(3*time.Second, func() { m.edit(o.Name(), func(o *icinga.Object) { o.LastCheck = time.Now() }) })
	}
	return nil
}

func (m *monitoring) Status(context.Context) (icinga.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return icinga.Status{ProgramStart: m.started}, m.away
}

// forget lets downtimes vanish; a reload starts another daemon, too.
func (m *monitoring) forget(reload bool, vanish func(icinga.ScheduledDowntime) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.downtimes = slices.DeleteFunc(m.downtimes, vanish)
	if reload {
		m.started = m.started.Add(time.Minute)
	}
}

// set names the downtimes that are set: "edge-1!s of anna via opsbot".
func (m *monitoring) set() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, d := range m.downtimes {
		out = append(out, d.Object()+" of "+d.Author)
	}
	slices.Sort(out)
	return out
}

func (m *monitoring) edit(name string, edit func(*icinga.Object)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(m.objects[name])
}

func (m *monitoring) acknowledged(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[name].Acknowledged
}

// service is a service in WARNING.
func service(host, name string) icinga.Object {
	return icinga.Object{Host: host, Service: name, State: icinga.Warning, StateType: icinga.Hard, LastHardStateChange: time.Now().Add(-time.Minute), Output: "hit ratio 61 %\nmore"}
}

func home(h *fake.Handle, m alert.Icinga, edit ...func(*alert.Options)) *alert.Alerts {
	o := alert.Options{Icinga: m, Log: h.Log(store.Alerts), KV: h.Bucket(store.Guards)}
	for _, e := range edit {
		e(&o)
	}
	return alert.New(o)
}

func healthy() *fake.Handle { return fake.New().Open(fake.Options{}) }

func verb(t testing.TB, a *alert.Alerts, intent string) actions.Verb {
	t.Helper()
	for _, v := range a.Verbs() {
		if v.Intent == intent {
			return v
		}
	}
	t.Fatalf("no verb %s", intent)
	return actions.Verb{}
}

// anna is a request of a person; slots are given as name=value.
func anna(intent string, slots ...string) actions.Request {
	r := actions.Request{Intent: intent, Slots: map[string][]string{}, Actor: actions.Actor{Kind: actions.Person, Name: "anna"}}
	for _, s := range slots {
		name, value, _ := strings.Cut(s, "=")
		r.Slots[name] = append(r.Slots[name], value)
	}
	return r
}

// plan plans a request that must be possible.
func plan(t testing.TB, a *alert.Alerts, r actions.Request) actions.Plan {
	t.Helper()
	p, err := verb(t, a, r.Intent).Plan(t.Context(), r, world{})
	if err != nil {
		t.Fatalf("plan %s: %v", r.Intent, err)
	}
	return p
}

// host is a host that is up.
func host(name string) icinga.Object {
	return icinga.Object{Host: name, State: icinga.Up, StateType: icinga.Hard, LastGood: time.Now()}
}

// callOf is the call of the first step of a plan.
func callOf(p actions.Plan) (string, run.Call) {
	s := p.Groups[0].Steps[0]
	return s.Kind, run.Call{Run: "r-1", Node: p.Groups[0].Nodes[0], Key: "r-1/do/0/" + p.Groups[0].Nodes[0], Args: s.Args, Request: p.Request}
}

// perform does the first step of a plan until it is no longer temporary.
func perform(t testing.TB, a *alert.Alerts, p actions.Plan) run.Result {
	t.Helper()
	kind, c := callOf(p)
	for range 5 {
		r, err := a.Executors()[kind].Do(t.Context(), c)
		if err == nil {
			return r
		}
		if !actions.IsTemporary(err) {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	t.Fatalf("%s stays temporary", kind)
	return run.Result{}
}

func undo(t testing.TB, a *alert.Alerts, p actions.Plan, done run.Result) string {
	t.Helper()
	kind, c := callOf(p)
	r, err := a.Executors()[kind].(run.Undoer).Undo(t.Context(), c, done)
	if err != nil {
		t.Fatalf("undo %s: %v", kind, err)
	}
	return r.Say
}

var errAway = errors.Join(icinga.ErrUnavailable, errors.New("connection refused"))
