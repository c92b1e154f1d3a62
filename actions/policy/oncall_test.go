package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shitops/opsbot/actions/policy"
)

func calendar(t testing.TB, body, zoneName string) *policy.Calendar {
	t.Helper()
	c, err := policy.ParseCalendar([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"+strings.ReplaceAll(body, "\n", "\r\n")+"END:VCALENDAR\r\n"), "oncall.ics", zone(t, zoneName))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shift(person, rest string) string {
	return "BEGIN:VEVENT\nSUMMARY:" + person + "\n" + rest + "\nEND:VEVENT\n"
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	people := []policy.OnCallPerson{
		{Name: "anna", Quiet: "22:00-07:00", Zone: "Europe/Lisbon"},
		{Name: "bert", Quiet: "22:00-07:00"},
		{Name: "carl"},
	}
	// The shift of bert begins while that of anna still lasts.
	shifts := calendar(t, shift("bert", "DTSTART:20261107T120000\nDTEND:20261108T120000")+shift("anna", "DTSTART:20261106T120000\nDTEND:20261107T180000"), "Europe/Berlin")
	for _, test := range []struct {
		name  string
		order []string
		cal   *policy.Calendar
		now   string
		want  []string
	}{
		{"in order", []string{"carl", "anna"}, nil, "2026-11-07T12:00:00Z", []string{"carl", "anna"}},
		{"each once", []string{"carl", "carl"}, nil, "2026-11-07T12:00:00Z", []string{"carl"}},
		{"anna sleeps by her own clock", []string{"anna", "bert", "carl"}, nil, "2026-11-07T22:00:00Z", []string{"carl"}},
		{"an hour earlier only bert does", []string{"anna", "bert", "carl"}, nil, "2026-11-07T21:30:00Z", []string{"anna", "carl"}},
		{"all sleep: then all are called", []string{"anna", "bert"}, nil, "2026-11-07T23:00:00Z", []string{"anna", "bert"}},
		{"in summer the clock is another", []string{"anna", "carl"}, nil, "2026-07-04T21:30:00Z", []string{"carl"}},
		{"on the night of spring", []string{"bert", "carl"}, nil, "2026-03-29T04:59:59Z", []string{"carl"}},
		{"on the morning of spring", []string{"bert", "carl"}, nil, "2026-03-29T05:00:00Z", []string{"bert", "carl"}},
		{"on the morning of autumn", []string{"bert", "carl"}, nil, "2026-10-25T05:59:59Z", []string{"carl"}},
		{"from the calendar", nil, shifts, "2026-11-06T12:00:00Z", []string{"anna"}},
		{"whose shift began first", nil, shifts, "2026-11-07T12:00:00Z", []string{"anna", "bert"}},
		{"the order comes behind", []string{"carl", "bert"}, shifts, "2026-11-07T12:00:00Z", []string{"anna", "bert", "carl"}},
		{"a gap in the calendar", []string{"carl"}, shifts, "2026-12-01T12:00:00Z", []string{"carl"}},
		{"nobody", nil, shifts, "2026-12-01T12:00:00Z", nil},
	} {
		o, err := policy.NewOnCall(policy.OnCallConfig{Order: test.order, Calendar: test.cal, People: people, Zone: "Europe/Berlin"})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, o.Who(now)); diff != "" {
			t.Errorf("%s: Who(%s) (-want +got):\n%s", test.name, test.now, diff)
		}
	}
	if (*policy.OnCall)(nil).Who(at) != nil || (*policy.OnCall)(nil).EscalateAfter() != 0 {
		t.Error("nil calls somebody")
	}
}

func TestOnCallEscalates(t *testing.T) {
	t.Parallel()
	o, err := policy.NewOnCall(policy.OnCallConfig{Order: []string{"anna", "bert"}, People: []policy.OnCallPerson{{Name: "anna"}, {Name: "bert"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		after time.Duration
		who   string
		n     int
	}{
		{-time.Hour, "anna", 0}, {0, "anna", 0}, {10*time.Minute - 1, "anna", 0}, {10 * time.Minute, "bert", 1}, {20 * time.Minute, "bert", 2}, {24 * time.Hour, "bert", 144},
	} {
		if who, n, ok := o.Due(at, at.Add(test.after)); who != test.who || n != test.n || !ok {
			t.Errorf("Due after %v = %s, %d, %v, want %s, %d", test.after, who, n, ok, test.who, test.n)
		}
	}
	if who, _, ok := (*policy.OnCall)(nil).Due(at, at); ok || who != "" {
		t.Errorf("nil calls %s", who)
	}
}

func TestOnCallRefuses(t *testing.T) {
	t.Parallel()
	_, err := policy.NewOnCall(policy.OnCallConfig{
		Order:    []string{"zoe"},
		Calendar: calendar(t, shift("yan", "DTSTART:20261107T120000\nDURATION:P1D"), "UTC"),
		People:   []policy.OnCallPerson{{Name: "a", Quiet: "late"}, {Name: "b", Quiet: "22:00-07:00", Zone: "Mars"}, {Name: "c", Quiet: "22:00-07:00", Zone: "Local"}},
	})
	if err == nil {
		t.Fatal("NewOnCall takes what makes no sense")
	}
	for _, want := range []string{`order: there is no person "zoe"`, `oncall.ics:3: SUMMARY: there is no person "yan"`, `quiet hours of a: "late" is no part of the day`, `zone of b: unknown time zone Mars`, `zone of c: "Local"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("NewOnCall says\n%v\nwant also %s", err, want)
		}
	}
}
