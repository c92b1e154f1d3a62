package alert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/alert"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
	"github.com/shitops/opsbot/icinga"
)

func list(t testing.TB, a *alert.Alerts, slots ...string) actions.Answer {
	t.Helper()
	answer, err := verb(t, a, "alert.list").Answer(t.Context(), anna("alert.list", slots...), world{})
	if err != nil {
		t.Fatalf("alert.list: %v", err)
	}
	return answer
}

// TestList: what stands now, by node and service.
func TestList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		acked, soft := service("edge-2", "acked"), service("edge-2", "soft")
		acked.Acknowledged, acked.DowntimeDepth, acked.AckExpiry = true, 1, time.Now().Add(time.Hour)
		soft.StateType, soft.Flapping = icinga.Soft, true
		m := newMonitoring(service("EDGE-1", "Cache Hit Rate"), acked, soft, icinga.Object{Host: "switch", State: icinga.Down, StateType: icinga.Hard})
		a := home(healthy(), m)
		got := list(t, a)
		want := [][]string{
			{"1999-12-31 23:59", "EDGE-1", "Cache Hit Rate", "WARNING", "-", "hit ratio 61 %"},
			{"1999-12-31 23:59", "edge-2", "acked", "WARNING", "acknowledged until 01:00 UTC, in downtime", "hit ratio 61 %"},
			{"-", "edge-2", "soft", "WARNING (soft)", "flapping", "hit ratio 61 %"},
			{"-", "switch", "-", "DOWN", "-", "-"},
		}
		if diff := cmp.Diff(want, got.Table.Rows); diff != "" || got.Title != "4 problems" || got.Hint != "take one over: ack edge-1" || len(got.Lines) != 0 {
			t.Errorf("%q, hint %q, lines %q, rows (-want +got):\n%s", got.Title, got.Hint, got.Lines, diff)
		}
		for _, tt := range []struct {
			slots []string
			title string
		}{
			{[]string{"node=edge-1"}, "1 problem on edge-1"},
			{[]string{"node=edge-1", "node=edge-2"}, "3 problems on edge-1, edge-2"},
			{[]string{"service=cache hit rate"}, "1 problem, service cache hit rate"},
			{[]string{"node=edge-2", "service=nothing"}, "no problems on edge-2, service nothing"},
		} {
			if got := list(t, a, tt.slots...); got.Title != tt.title {
				t.Errorf("list %q = %q, want %q", tt.slots, got.Title, tt.title)
			}
		}
	})
}

// TestListMany: the table is bounded and says so.
func TestListMany(t *testing.T) {
	t.Parallel()
	var many []icinga.Object
	for i := range 150 {
		many = append(many, service(fmt.Sprintf("h%03d", i), "s"))
	}
	got := list(t, home(healthy(), newMonitoring(many...)))
	if len(got.Table.Rows) != 100 || got.Title != "150 problems" || len(got.Lines) != 1 || !strings.Contains(got.Lines[0], "and 50 more") {
		t.Errorf("%q, %d rows, lines %q", got.Title, len(got.Table.Rows), got.Lines)
	}
}

// notification reports a state of a service, so many minutes after midnight.
func notification(host string, kind icinga.NotificationType, state icinga.State, minute int) icinga.Notification {
	at := time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC)
	return icinga.Notification{Type: kind, Host: host, Service: "s", State: state, StateType: icinga.Hard, Number: 1, Author: "ben", Output: "out",
		ExecutionEnd: at, LastHardStateChange: at, At: at}
}

// TestListAway: while Icinga2 is away the stored alerts tell, the newest report of each object, whatever their order.
func TestListAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := healthy()
		for i, n := range []icinga.Notification{
			notification("edge-1", icinga.TypeProblem, icinga.Warning, 1),
			notification("edge-2", icinga.TypeProblem, icinga.Critical, 2),
			notification("well", icinga.TypeRecovery, icinga.OK, 4),
			notification("well", icinga.TypeProblem, icinga.Critical, 3), // late
			notification("edge-1", icinga.TypeAcknowledgement, icinga.Warning, 5),
			notification("edge-1", icinga.TypeCustom, icinga.OK, 6),
		} {
			one, err := json.Marshal(alert.NewStored(n, "", time.Now()))
			if err != nil {
				t.Fatal(err)
			}
			record, err := alert.EncodeBatch([]json.RawMessage{one})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Log(store.Alerts).Append(t.Context(), fmt.Sprint(i+1), record, store.AnySequence); err != nil {
				t.Fatal(err)
			}
		}
		m := newMonitoring()
		m.away = errAway
		got := list(t, home(h, m))
		want := [][]string{
			{"2000-01-01 00:02", "edge-2", "s", "CRITICAL", "-", "out"},
			{"2000-01-01 00:05", "edge-1", "s", "WARNING", "acknowledged by ben", "out"},
		}
		if diff := cmp.Diff(want, got.Table.Rows); diff != "" || !strings.Contains(got.Lines[0], "Icinga2 does not answer") || !strings.Contains(got.Lines[0], "connection refused") {
			t.Errorf("lines %q, rows (-want +got):\n%s", got.Lines, diff)
		}
	})
}

// TestListBroken: a store that does not answer, or holds what is not understood, is an error and no empty list.
func TestListBroken(t *testing.T) {
	t.Parallel()
	m := newMonitoring()
	m.away = errAway
	down := fake.New().Open(fake.Options{Inject: func(fake.Op) fake.Fault { return fake.Unavailable }})
	broken := healthy()
	if _, err := broken.Log(store.Alerts).Append(t.Context(), "1", []byte(`{"schema":9}`), store.AnySequence); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]*fake.Handle{"away": down, "broken": broken} {
		if got, err := verb(t, home(h, m), "alert.list").Answer(t.Context(), anna("alert.list"), world{}); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}

// TestStored: a stored alert tells the problem and the trigger once more, and its output is bounded within a character.
func TestStored(t *testing.T) {
	t.Parallel()
	n := notification("edge-1", icinga.TypeProblem, icinga.Warning, 1)
	n.Output, n.Sender = strings.Repeat("ü", 10_000), "icinga2"
	s := alert.NewStored(n, "edge-1", time.Now())
	if len(s.Output) > 8200 || strings.ContainsRune(s.Output, '�') || s.Sender != "icinga2" || s.Object() != "edge-1!s" {
		t.Errorf("stored %d bytes of output, sender %q, object %q", len(s.Output), s.Sender, s.Object())
	}
	back := s.Notification()
	if back.Trigger(icinga.Problem{}) != n.Trigger(icinga.Problem{}) || s.ID != n.Trigger(icinga.Problem{}).ID() {
		t.Errorf("trigger %v and %s, want %v", back.Trigger(icinga.Problem{}), s.ID, n.Trigger(icinga.Problem{}))
	}
}

// FuzzDecodeBatch: whatever lies in the log, reading it does not panic.
func FuzzDecodeBatch(f *testing.F) {
	f.Add([]byte(`{"schema":1,"alerts":[{"host":"h","since":"2000-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"schema":1,"alerts":null}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		alerts, err := alert.DecodeBatch(data)
		if err != nil && alerts != nil {
			t.Errorf("DecodeBatch(%q) = %v and %v", data, alerts, err)
		}
		for _, s := range alerts {
			_ = s.Notification().Trigger(icinga.Problem{}).ID() // must not panic
		}
	})
}
