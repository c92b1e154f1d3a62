package alert_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
)

// monitoring is an Icinga2 in memory: objects, and streams that a test may cut, silence or fill.
type monitoring struct {
	mu        sync.Mutex
	objects   map[string]icinga.Object
	remarks   []icinga.Remark
	downtimes []icinga.ScheduledDowntime
	held      []string
	away      error
	mute      bool          // results are taken and tell nothing
	slow      time.Duration // of each query
	no        map[string]error
	start     time.Time
	streams   []*feed
	opened    []time.Time
	asked     []icinga.EventType
	canaries  int
}

// feed is one open stream.
type feed struct {
	lines chan icinga.Event
	ctx   context.Context
	over  context.CancelFunc
}

// Next implements alert.Events.
func (f *feed) Next() (icinga.Event, error) {
	select {
	case e := <-f.lines:
		return e, nil
	default:
	}
	select {
	case e := <-f.lines:
		return e, nil
	case <-f.ctx.Done():
		return icinga.Event{}, io.EOF
	}
}

// Close implements alert.Events.
func (f *feed) Close() error { f.over(); return nil }

func newMonitoring(objects ...icinga.Object) *monitoring {
	m := &monitoring{objects: map[string]icinga.Object{}, held: []string{"*"}, no: map[string]error{}, start: time.Now().Add(-time.Hour)}
	for _, o := range objects {
		m.objects[o.Name()] = o
	}
	return m
}

func (m *monitoring) ask(ctx context.Context, what string) error {
	m.mu.Lock()
	slow, err := m.slow, errors.Join(m.away, m.no[what])
	m.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (m *monitoring) Permissions(ctx context.Context) (icinga.Permissions, error) {
	return icinga.Permissions{User: "opsbot", Held: m.held}, m.ask(ctx, "permissions")
}

func (m *monitoring) Status(ctx context.Context) (icinga.Status, error) {
	err := m.ask(ctx, "status")
	m.mu.Lock()
	defer m.mu.Unlock()
	return icinga.Status{ProgramStart: m.start, PID: 7}, err
}

func (m *monitoring) Open(ctx context.Context, types ...icinga.EventType) (alert.Events, error) {
	if err := m.ask(ctx, "open"); err != nil {
		return nil, err
	}
	ctx, over := context.WithCancel(ctx)
	f := &feed{lines: make(chan icinga.Event, 20_000), ctx: ctx, over: over}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams, m.opened, m.asked = append(m.streams, f), append(m.opened, time.Now()), types
	return f, nil
}

func (m *monitoring) Objects(ctx context.Context, q icinga.Query) ([]icinga.Object, error) {
	if err := m.ask(ctx, "objects"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []icinga.Object
	for _, o := range m.objects {
		if (o.Service == "") == q.Hosts {
			if q.Lean {
				o.Output = ""
			}
			out = append(out, o)
		}
	}
	return out, nil
}

func (m *monitoring) Object(ctx context.Context, host, service string) (icinga.Object, error) {
	if err := m.ask(ctx, "object"); err != nil {
		return icinga.Object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[icinga.Object{Host: host, Service: service}.Name()]
	if !ok {
		return o, icinga.ErrNotFound
	}
	return o, nil
}

func (m *monitoring) Remarks(ctx context.Context) ([]icinga.Remark, error) {
	return m.remarks, m.ask(ctx, "remarks")
}

func (m *monitoring) Downtimes(ctx context.Context, _, _, _ string) ([]icinga.ScheduledDowntime, error) {
	err := m.ask(ctx, "downtimes")
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.downtimes), err
}

func (m *monitoring) ProcessCheckResult(ctx context.Context, host, service string, _ icinga.CheckResult) error {
	if err := m.ask(ctx, "report"); err != nil {
		return err
	}
	m.mu.Lock()
	m.canaries++
	mute := m.mute
	m.mu.Unlock()
	if !mute {
		m.tell(icinga.Event{Type: icinga.EventCheckResult, Host: host, Service: service, State: icinga.OK, StateType: icinga.Hard, At: time.Now(), CheckEnd: time.Now()})
	}
	return nil
}

// tell sends an event to all who listen.
func (m *monitoring) tell(events ...icinga.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.streams {
		if f.ctx.Err() == nil {
			for _, e := range events {
				f.lines <- e
			}
		}
	}
}

// cut ends all streams.
func (m *monitoring) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.streams {
		f.over()
	}
}

func (m *monitoring) edit(edit func(m *monitoring)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(m)
}

// openings returns how long after begin each stream was opened.
func (m *monitoring) openings(begin time.Time) []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []time.Duration
	for _, at := range m.opened {
		out = append(out, at.Sub(begin))
	}
	return out
}

// set makes an object be in a state since now, and returns the event that tells so.
func (m *monitoring) set(host, service string, state icinga.State) icinga.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	name := icinga.Object{Host: host, Service: service}.Name()
	o, known := m.objects[name]
	if !known {
		o = icinga.Object{Host: host, Service: service, State: icinga.OK, StateType: icinga.Hard, Reachable: true}
		if service == "" {
			o.State = icinga.Up
		}
	}
	was := o.State
	if was.Good() {
		o.LastGood = now.Add(-time.Millisecond)
	}
	o.State, o.StateType, o.LastCheck, o.LastHardStateChange, o.Output = state, icinga.Hard, now, now, "it is "+string(state)
	if state.Good() {
		o.LastGood = now
	}
	m.objects[name] = o
	return icinga.Event{
		Type: icinga.EventStateChange, Host: host, Service: service, State: state, StateType: icinga.Hard, Was: was, At: now.Add(time.Millisecond),
		CheckEnd: now, Output: o.Output, Reachable: true, Acknowledged: o.Acknowledged, DowntimeDepth: o.DowntimeDepth,
	}
}

// listen starts a door and a stream on it.
func listen(t *testing.T, h *fake.Handle, m *monitoring, edit ...func(*alert.StreamOptions)) (*alert.Door, *alert.Stream, *rules, func()) {
	t.Helper()
	r := &rules{}
	d := open(t, h, r)
	o := alert.StreamOptions{Source: m, Door: d, Canary: alert.Canary{Host: "opsbot", Service: "canary"}}
	for _, e := range edit {
		e(&o)
	}
	s, err := alert.NewStream(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{d.Run, s.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("Run() = %v", err)
			}
		})
	}
	return d, s, r, sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// objectsOf lists the incidents that are open.
func objectsOf(t *testing.T, d *alert.Door) []string {
	t.Helper()
	open, err := d.Incidents().Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, in := range open {
		out = append(out, in.Object()+" "+in.State)
	}
	slices.Sort(out)
	return out
}
