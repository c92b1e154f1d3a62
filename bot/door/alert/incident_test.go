package alert_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	stored "github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/bot/door/alert"
	"github.com/shitops/opsbot/icinga"
)

// noon is when the problems of these tests begin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// news is something about the object, so many seconds after noon; at < 0 is a look that cannot tell when.
func news(kind icinga.NotificationType, at int, edit ...func(s *stored.Stored)) stored.Stored {
	when := noon.Add(time.Duration(max(at, 0)) * time.Second)
	n := icinga.Notification{Type: kind, Host: "edge-1", Service: "s", State: icinga.Critical, StateType: icinga.Hard, At: when, ExecutionEnd: noon, LastHardStateChange: noon}
	if kind == icinga.TypeRecovery {
		n.State, n.LastHardStateChange, n.ExecutionEnd = icinga.OK, when, when
	}
	s := stored.NewStored(n, "edge-1", when)
	s.Sender = "test"
	if at < 0 {
		s.At = time.Time{}
	}
	for _, e := range edit {
		e(&s)
	}
	return s
}

func who(author, comment string) func(s *stored.Stored) {
	return func(s *stored.Stored) { s.Author, s.Comment = author, comment }
}

// TestCare: who keeps people from being told, in whatever order and however often it is told.
func TestCare(t *testing.T) {
	t.Parallel()
	const (
		ack, unack, start, end, cancelled = icinga.TypeAcknowledgement, icinga.NotificationType(stored.KindUnacknowledged), icinga.TypeDowntimeStart, icinga.TypeDowntimeEnd, icinga.TypeDowntimeCancelled
		flap, calm                        = icinga.TypeFlappingStart, icinga.TypeFlappingEnd
	)
	until := func(s *stored.Stored) { s.Until = noon.Add(time.Hour) }
	for _, tt := range []struct {
		name   string
		told   []stored.Stored
		status alert.Status
		title  string // behind the state and the time
		lines  int    // besides the problem
	}{
		{"nothing", nil, alert.Open, "", 0},
		{"acknowledged", []stored.Stored{news(ack, 1, who("anna", "on it"))}, alert.Acknowledged, ", acknowledged by anna", 1},
		{"for a time", []stored.Stored{news(ack, 1, who("anna", ""), until)}, alert.Acknowledged, ", acknowledged by anna until 13:00 UTC", 1},
		{"by the bot for a person", []stored.Stored{news(ack, 1, who("anna via opsbot", "on it"))}, alert.Acknowledged, ", acknowledged by anna", 1},
		{"twice", []stored.Stored{news(ack, 1, who("anna", "")), news(ack, 1, who("anna", "")), news(ack, 2, who("anna", ""))}, alert.Acknowledged, ", acknowledged by anna", 1},
		{"found and then told by whom", []stored.Stored{news(ack, -1), news(ack, 1, who("anna", "x"))}, alert.Acknowledged, ", acknowledged by anna", 2},
		{"told and then found", []stored.Stored{news(ack, 1, who("anna", "x")), news(ack, -1)}, alert.Acknowledged, ", acknowledged by anna", 1},
		{"no longer", []stored.Stored{news(ack, 1, who("anna", "")), news(unack, 5)}, alert.Open, "", 2},
		{"found to be no longer", []stored.Stored{news(ack, 1, who("anna", "")), news(unack, -1)}, alert.Open, "", 2},
		{"again", []stored.Stored{news(ack, 1, who("anna", "")), news(unack, 5), news(ack, 9, who("bert", ""))}, alert.Acknowledged, ", acknowledged by bert", 3},
		{"late", []stored.Stored{news(unack, 5), news(ack, 1, who("anna", ""))}, alert.Acknowledged, ", acknowledged by anna", 1}, // its end was about another one
		{"late behind its end", []stored.Stored{news(ack, 1, who("anna", "")), news(unack, 5), news(ack, 1, who("anna", ""))}, alert.Open, "", 2},
		{"before the problem", []stored.Stored{news(ack, 1, who("anna", ""), func(s *stored.Stored) { s.At = noon.Add(-time.Hour); s.Since = s.At; s.Checked = s.At })}, alert.Open, "", 0},
		{"downtime", []stored.Stored{news(start, 1, who("anna", "moving"), until)}, alert.InDowntime, ", in downtime by anna until 13:00 UTC", 1},
		{"downtime over", []stored.Stored{news(start, 1), news(end, 9)}, alert.Open, "", 2},
		{"downtime cancelled", []stored.Stored{news(start, 1), news(cancelled, 9)}, alert.Open, "", 2},
		{"downtime and acknowledged", []stored.Stored{news(ack, 1, who("anna", "")), news(start, 2)}, alert.InDowntime, ", acknowledged by anna, in downtime", 2},
		{"flapping", []stored.Stored{news(flap, 1)}, alert.IsFlapping, ", flapping", 1},
		{"flapping no more", []stored.Stored{news(flap, 1), news(calm, 9)}, alert.Open, "", 2},
		{"custom", []stored.Stored{news(icinga.TypeCustom, 1, who("anna", "hello"))}, alert.Open, "", 1},
		{"recovered", []stored.Stored{news(ack, 1, who("anna", "")), news(icinga.TypeRecovery, 60)}, alert.Resolved, "edge-1!s is OK again, after 1m0s", 2},
		{"news behind its end", []stored.Stored{news(icinga.TypeRecovery, 60), news(ack, 61, who("anna", ""))}, alert.Resolved, "edge-1!s is OK again, after 1m0s", 1},
		{"removed", []stored.Stored{news(stored.KindRemoved, 60, func(s *stored.Stored) { s.State = "" })}, alert.Resolved, "edge-1!s is no longer monitored", 1},
	} {
		var in alert.Incident
		in.Fold(news(icinga.TypeProblem, 0))
		for _, s := range tt.told {
			in.Fold(s)
		}
		title := in.Card().Title
		if tt.status != alert.Resolved {
			title = strings.TrimPrefix(title, "edge-1!s is CRITICAL since 12:00:00 UTC")
		}
		if in.Status() != tt.status || title != tt.title || len(in.Lines) != 1+tt.lines {
			t.Errorf("%s: %s, title %q, %d lines %+v; want %s, %q, %d", tt.name, in.Status(), title, len(in.Lines)-1, in.Lines, tt.status, tt.title, tt.lines)
		}
	}
}

// TestManyReminders: an incident that stands for days stays bounded, its first trigger is known for long, and reminders are told apart.
func TestManyReminders(t *testing.T) {
	t.Parallel()
	var in alert.Incident
	ids := map[string]bool{}
	for number := 1; number <= 1000; number++ {
		for range 2 {
			a, _ := in.Fold(news(icinga.TypeProblem, 0, func(s *stored.Stored) {
				s.Reminder, s.Checked = number, noon.Add(time.Duration(number-1)*time.Minute)
			}))
			ids[a.ID] = true
		}
	}
	if a, changed := in.Fold(news(icinga.TypeProblem, 0)); changed || !ids[a.ID] {
		t.Errorf("what the stream tells late is %s, news %v", a.ID, changed)
	}
	if len(ids) != 1000 || len(in.Lines) > 40 || len(in.Seen) > 32 || in.Cut != 960 {
		t.Errorf("%d triggers, %d lines, %d seen, %d cut", len(ids), len(in.Lines), len(in.Seen), in.Cut)
	}
	if c := in.Card(); len(c.Lines) != 41 || !strings.Contains(strings.Join(c.Lines, "\n"), "... 960 more") || c.Data.(alert.Incident).Seen != nil {
		t.Errorf("the card has %d lines", len(c.Lines))
	}
}

// TestFormerRelease: an incident that was written without what is seen now goes on as it is.
func TestFormerRelease(t *testing.T) {
	t.Parallel()
	var in alert.Incident
	first, _ := in.Fold(news(icinga.TypeProblem, 0, func(s *stored.Stored) { s.Reminder = 1 }))
	in.Seen = nil
	found := news(icinga.TypeProblem, 0, func(s *stored.Stored) { s.Exact, s.Looked = noon, noon.Add(time.Hour) })
	if a, _ := in.Fold(found); a.ID != first.ID || len(in.Lines) != 1 {
		t.Errorf("a look after an update finds %s, want %s; lines %+v", a.ID, first.ID, in.Lines)
	}
}

// TestNotes: what others know is told once, and only of the problem that it is about.
func TestNotes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := fake.New().Open(fake.Options{})
		i := alert.NewIncidents(h.Bucket(store.Guards), alert.NewHub(), time.Now)
		a := news(icinga.TypeProblem, 0).Alert
		for range 2 {
			if err := errors.Join(i.Note(t.Context(), a, "run/r-7", "r-7 flushed it"), i.Called(t.Context(), a, "call/1", "anna was called")); err != nil {
				t.Fatal(err)
			}
		}
		other := a
		other.Problem = "edge-1!s@5"
		if err := i.Note(t.Context(), other, "run/r-8", "x"); err != nil {
			t.Fatal(err)
		}
		told, err := i.Told(t.Context(), noon)
		if err != nil || len(told) != 1 || told[0].Done != "anna was called" {
			t.Errorf("told %+v, %v", told, err)
		}
		open, err := i.Open(t.Context())
		if err != nil || len(open) != 1 || len(open[0].Lines) != 2 || !open[0].Called {
			t.Errorf("open %+v, %v; want both notes, once", open, err)
		}
	})
}

// TestNames: the commands of buttons are words that are read as they are meant.
func TestNames(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]string{
		"disk": "ack edge-1 service disk", "Cache Hit Rate": `ack edge-1 service "Cache Hit Rate"`, `a "b"`: `ack edge-1 service "a \"b\""`,
		"x then flush edge-2": `ack edge-1 service "x then flush edge-2"`, "": "ack edge-1",
	} {
		var in alert.Incident
		in.Fold(news(icinga.TypeProblem, 0, func(s *stored.Stored) { s.Service = service }))
		if got := in.Card().Buttons[0].Say; got != want {
			t.Errorf("service %q: %q, want %q", service, got, want)
		}
	}
	var foreign alert.Incident
	foreign.Fold(news(icinga.TypeProblem, 0, func(s *stored.Stored) { s.Node = "" }))
	if c := foreign.Card(); len(c.Buttons) != 0 || c.Hint != "" {
		t.Errorf("what is on no node has buttons %+v, hint %q", c.Buttons, c.Hint)
	}
}

// TestStoreAway: while the store takes nothing the stream is opened again and again, and once it does all is known.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		away := false
		h := fake.New().Open(fake.Options{Inject: func(op fake.Op) fake.Fault {
			mu.Lock()
			defer mu.Unlock()
			if away && op.Name == "log.append" {
				return fake.Unavailable
			}
			return fake.None
		}})
		m := newMonitoring()
		d, s, _, stop := listen(t, h, m)
		defer stop()
		time.Sleep(time.Second)
		mu.Lock()
		away = true
		mu.Unlock()
		for i := range 50 {
			m.tell(m.set(fmt.Sprintf("edge-%d", i), "s", icinga.Critical))
		}
		time.Sleep(2 * time.Minute)
		if live, err := s.Live(); live || err == nil {
			t.Errorf("while nothing can be stored it is live: %v, %v", live, err)
		}
		mu.Lock()
		away = false
		mu.Unlock()
		time.Sleep(2 * time.Minute)
		if got := objectsOf(t, d); len(got) != 50 {
			t.Errorf("%d incidents are open, want 50", len(got))
		}
	})
}

// TestNoElection: while nobody can be elected nothing is read, and it goes on when that works.
func TestNoElection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonitoring()
		h := fake.New().Open(fake.Options{})
		broken := &election{Leader: h.Leader(), err: errors.New("refused")}
		_, s, _, stop := listen(t, h, m, func(o *alert.StreamOptions) { o.Leader = broken })
		defer stop()
		time.Sleep(time.Minute)
		if len(m.opened) != 0 || s.Ready() != nil {
			t.Errorf("without an election it was opened %d times; ready %v", len(m.opened), s.Ready())
		}
		broken.heal()
		time.Sleep(time.Minute)
		if live, err := s.Live(); !live {
			t.Errorf("after the election it is not live: %v", err)
		}
	})
}

type election struct {
	store.Leader
	mu  sync.Mutex
	err error
}

func (e *election) heal() { e.mu.Lock(); defer e.mu.Unlock(); e.err = nil }

func (e *election) Campaign(ctx context.Context, role, owner string) (store.Term, error) {
	e.mu.Lock()
	err := e.err
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return e.Leader.Campaign(ctx, role, owner)
}

// TestNewStreamRefuses what cannot work.
func TestNewStreamRefuses(t *testing.T) {
	t.Parallel()
	d := open(t, fake.New().Open(fake.Options{}), nil)
	for _, o := range []alert.StreamOptions{{}, {Door: d}, {Source: newMonitoring()}} {
		if _, err := alert.NewStream(o); err == nil || !strings.Contains(err.Error(), "required") {
			t.Errorf("NewStream(%+v) = %v, want an error", o, err)
		}
	}
}

// TestNewsOfEvents: which events matter.
func TestNewsOfEvents(t *testing.T) {
	t.Parallel()
	hard := icinga.Event{Type: icinga.EventStateChange, Host: "h", Service: "s", State: icinga.Critical, StateType: icinga.Hard, Was: icinga.OK, CheckEnd: noon, At: noon}
	edit := func(f func(e *icinga.Event)) icinga.Event { e := hard; f(&e); return e }
	for name, tt := range map[string]struct {
		event icinga.Event
		want  []string
	}{
		"hard":                  {hard, []string{"PROBLEM CRITICAL"}},
		"soft":                  {edit(func(e *icinga.Event) { e.StateType = icinga.Soft }), nil},
		"well after a soft one": {edit(func(e *icinga.Event) { e.State = icinga.OK }), nil},
		"well at first":         {edit(func(e *icinga.Event) { e.State, e.Was = icinga.OK, "" }), nil},
		"well after a hard one": {edit(func(e *icinga.Event) { e.State, e.Was = icinga.OK, icinga.Warning }), []string{"RECOVERY OK"}},
		"in a downtime":         {edit(func(e *icinga.Event) { e.DowntimeDepth = 1 }), []string{"PROBLEM CRITICAL", "DOWNTIMESTART CRITICAL"}},
		"a check":               {edit(func(e *icinga.Event) { e.Type = icinga.EventCheckResult }), nil},
		"a downtime to come":    {edit(func(e *icinga.Event) { e.Type = icinga.EventDowntimeAdded }), nil},
		"a downtime":            {edit(func(e *icinga.Event) { e.Type, e.State = icinga.EventDowntimeEffect, "" }), []string{"DOWNTIMESTART "}},
		"a downtime over":       {edit(func(e *icinga.Event) { e.Type = icinga.EventDowntimeEnded }), nil}, // everything is looked at
		"made":                  {edit(func(e *icinga.Event) { e.Type, e.ObjectKind = icinga.EventCreated, "Service" }), nil},
		"removed":               {edit(func(e *icinga.Event) { e.Type, e.ObjectKind, e.State = icinga.EventDeleted, "Service", "" }), []string{"REMOVED "}},
		"a comment removed":     {edit(func(e *icinga.Event) { e.Type, e.ObjectKind = icinga.EventDeleted, "Comment" }), nil},
		"unknown":               {edit(func(e *icinga.Event) { e.Type = "Revolution" }), nil},
	} {
		var got []string
		for _, s := range alert.NewsOf(tt.event) {
			got = append(got, s.Kind+" "+s.State)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
