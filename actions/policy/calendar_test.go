package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/policy"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	const weekly = "DTSTART;TZID=Europe/Berlin:20260302T080000\nDTEND;TZID=Europe/Berlin:20260309T080000\nRRULE:FREQ=WEEKLY;INTERVAL=2"
	for _, test := range []struct {
		name, events string
		at           string
		want         []string
	}{
		{"once, before", shift("anna", "DTSTART:20261107T120000Z\nDTEND:20261107T130000Z"), "2026-11-07T11:59:59Z", nil},
		{"once, at its begin", shift("anna", "DTSTART:20261107T120000Z\nDTEND:20261107T130000Z"), "2026-11-07T12:00:00Z", []string{"anna"}},
		{"once, at its end", shift("anna", "DTSTART:20261107T120000Z\nDTEND:20261107T130000Z"), "2026-11-07T13:00:00Z", nil},
		{"a time of no zone is of the installation", shift("anna", "DTSTART:20261107T120000\nDTEND:20261107T130000"), "2026-11-07T03:30:00Z", []string{"anna"}},
		{"a time of a zone", shift("anna", "DTSTART;TZID=\"America/New_York\":20261107T120000\nDURATION:PT1H"), "2026-11-07T17:30:00Z", []string{"anna"}},
		{"a day", shift("anna", "DTSTART;VALUE=DATE:20261107"), "2026-11-07T14:59:59Z", []string{"anna"}},
		{"the day behind", shift("anna", "DTSTART;VALUE=DATE:20261107"), "2026-11-07T15:00:00Z", nil},
		{"weekly, the first", shift("anna", weekly), "2026-03-02T07:00:00Z", []string{"anna"}},
		{"weekly, the week of another", shift("anna", weekly), "2026-03-10T12:00:00Z", nil},
		{"weekly, over the change of the clock", shift("anna", weekly), "2026-03-30T05:59:59Z", nil},
		{"weekly, at eight in summer", shift("anna", weekly), "2026-03-30T06:00:00Z", []string{"anna"}},
		{"weekly, years on", shift("anna", weekly), "2036-03-04T12:00:00Z", []string{"anna"}},
		{"daily, over midnight", shift("anna", "DTSTART:20261101T220000Z\nDURATION:PT8H\nRRULE:FREQ=DAILY"), "2026-11-20T05:59:59Z", []string{"anna"}},
		{"daily, by day", shift("anna", "DTSTART:20261101T220000Z\nDURATION:PT8H\nRRULE:FREQ=DAILY"), "2026-11-20T06:00:00Z", nil},
		{"three times, the last", shift("anna", "DTSTART:20261101T220000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"), "2026-11-03T22:30:00Z", []string{"anna"}},
		{"three times, no more", shift("anna", "DTSTART:20261101T220000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"), "2026-11-04T22:30:00Z", nil},
		{"until, the last", shift("anna", "DTSTART:20261101T220000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20261103T220000Z;WKST=MO"), "2026-11-03T22:30:00Z", []string{"anna"}},
		{"until, no more", shift("anna", "DTSTART:20261101T220000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20261103T215959Z"), "2026-11-03T22:30:00Z", nil},
		{"longer than its period", shift("anna", "DTSTART:20261101T000000Z\nDURATION:P3D\nRRULE:FREQ=DAILY;COUNT=1"), "2026-11-03T12:00:00Z", []string{"anna"}},
		{"cancelled", shift("anna", "DTSTART:20261107T120000Z\nDTEND:20261107T130000Z\nSTATUS:CANCELLED"), "2026-11-07T12:30:00Z", nil},
		{"folded and escaped", "BEGIN:VEVENT\nSUM\n MARY:an\n\tna\\n\nDTSTART:20261107T120000Z\nDURATION:P1W2DT3H4M5S\nX-NOTE;A=\"b:c\":d\nEND:VEVENT\n", "2026-11-16T15:04:04Z", []string{"anna"}},
		{"zones and alarms are passed over", "BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY\nEND:STANDARD\nEND:VTIMEZONE\n" + "BEGIN:VEVENT\nSUMMARY:anna\nDTSTART:20261107T120000Z\nDURATION:PT1H\nBEGIN:VALARM\nDURATION:PT5M\nSUMMARY:wake up\nEND:VALARM\nEND:VEVENT\n", "2026-11-07T12:30:00Z", []string{"anna"}},
	} {
		now, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		c := calendar(t, test.events, "Asia/Tokyo")
		if diff := cmp.Diff(test.want, c.At(now)); diff != "" {
			t.Errorf("%s: At(%s) (-want +got):\n%s\nof\n%s", test.name, test.at, diff, test.events)
		}
	}
	c := calendar(t, shift("bert", "DTSTART:20261107T120000Z\nDURATION:PT1H")+shift("anna", "DTSTART:20261107T120000Z\nDURATION:PT1H")+shift("bert", "DTSTART:20261108T120000Z\nDURATION:PT1H"), "UTC")
	if diff := cmp.Diff([]string{"bert", "anna"}, c.People()); diff != "" {
		t.Errorf("People (-want +got):\n%s", diff)
	}
}

func TestCalendarMistakes(t *testing.T) {
	t.Parallel()
	event := func(rest string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:anna\n" + rest + "\nEND:VEVENT\nEND:VCALENDAR\n"
	}
	for _, test := range []struct{ name, given, want string }{
		{"nothing", "", "f.ics:1: does not begin with BEGIN:VCALENDAR"},
		{"a web page", "<html>\n", `f.ics:1: "<html>" is no line of a calendar`},
		{"an event alone", "BEGIN:VEVENT\nEND:VEVENT\n", "f.ics:1: BEGIN:VEVENT stands outside"},
		{"a line outside", "VERSION:2.0\n", "f.ics:1: stands outside of BEGIN:VCALENDAR"},
		{"half a file", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:anna\n", "f.ics: ends inside of VEVENT"},
		{"wrong end", "BEGIN:VCALENDAR\nEND:VEVENT\n", "f.ics:2: END:VEVENT, but VCALENDAR is open"},
		{"two calendars", "BEGIN:VCALENDAR\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\n", "f.ics:3: a second calendar"},
		{"event in an event", event("BEGIN:VEVENT"), "f.ics:4: an event inside of VEVENT"},
		{"too deep", "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:X\n", 20), "f.ics:10: parts inside of parts"},
		{"no summary", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261107T120000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n", "f.ics:5: the event of line 2 has no SUMMARY"},
		{"no start", event("DURATION:PT1H"), "f.ics:5: the event of line 2 has no DTSTART"},
		{"no end", event("DTSTART:20261107T120000Z"), "f.ics:5: the event of line 2 has no end"},
		{"two ends", event("DTSTART:20261107T120000Z\nDURATION:PT1H\nDTEND:20261107T130000Z"), "f.ics:7: the event of line 2 has DTEND and DURATION"},
		{"backwards", event("DTSTART:20261107T120000Z\nDTEND:20261107T110000Z"), "ends before it begins"},
		{"for ever", event("DTSTART:20261107T120000Z\nDTEND:20361107T110000Z"), "lasts longer than a year"},
		{"summary twice", event("SUMMARY:bert"), "f.ics:4: SUMMARY is here twice"},
		{"no time", event("DTSTART:tomorrow"), `f.ics:4: DTSTART: "tomorrow" is no time`},
		{"no day", event("DTSTART:20261301"), `f.ics:4: DTSTART: "20261301" is no time`},
		{"no zone", event("DTSTART;TZID=Middle Earth:20261107T120000"), `f.ics:4: DTSTART: "Middle Earth" is no time zone`},
		{"local zone", event("DTSTART;TZID=Local:20261107T120000"), `"Local" is no time zone`},
		{"yearly", event("RRULE:FREQ=YEARLY"), "f.ics:4: RRULE: FREQ must be DAILY or WEEKLY"},
		{"weekdays", event("RRULE:FREQ=WEEKLY;BYDAY=MO"), "f.ics:4: RRULE: BYDAY is not supported"},
		{"interval", event("RRULE:FREQ=WEEKLY;INTERVAL=0"), `f.ics:4: RRULE: INTERVAL: "0" is no number`},
		{"until", event("RRULE:FREQ=WEEKLY;UNTIL=x"), `f.ics:4: RRULE: UNTIL: UNTIL: "X" is no time`},
		{"exceptions", event("EXDATE:20261107T120000Z"), "f.ics:4: EXDATE is not supported"},
		{"duration", event("DURATION:1h"), `f.ics:4: DURATION: "1h" is none`},
		{"empty duration", event("DURATION:P"), `f.ics:4: DURATION: "P" is none`},
		{"huge duration", event("DURATION:PT99999999999H"), `f.ics:4: DURATION: "PT99999999999H" is none`},
		{"negative duration", event("DURATION:-PT1H"), `f.ics:4: DURATION: "-PT1H" is none`},
		{"not UTF-8", "BEGIN:VCALENDAR\nX:\xff\n", "f.ics: is not UTF-8"},
		{"too many", "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nSUMMARY:a\nDTSTART;VALUE=DATE:20261107\nEND:VEVENT\n", 20_001) + "END:VCALENDAR\n", "f.ics:80002: more than 20000 events"},
		{"too large", strings.Repeat("x", 4<<20+1), "f.ics: has more than 4194304 bytes"},
	} {
		_, err := policy.ParseCalendar([]byte(test.given), "f.ics", time.UTC)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: ParseCalendar = %v, want %s", test.name, err, test.want)
		}
	}
}

// TestRotation: of people who take turns by weeks, exactly one is on call at any time, whatever the clock does, and hands over at eight.
func TestRotation(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	var events strings.Builder
	names := []string{"anna", "bert", "carl"}
	first := time.Date(2026, 1, 5, 8, 0, 0, 0, berlin)
	for i, name := range names {
		from := first.AddDate(0, 0, 7*i)
		events.WriteString(shift(name, fmt.Sprintf("DTSTART;TZID=Europe/Berlin:%s\nDTEND;TZID=Europe/Berlin:%s\nRRULE:FREQ=WEEKLY;INTERVAL=3",
			from.Format("20060102T150405"), from.AddDate(0, 0, 7).Format("20060102T150405"))))
	}
	c := calendar(t, events.String(), "UTC")
	rapid.Check(t, func(t *rapid.T) {
		now := first.AddDate(0, 0, 21).Add(time.Duration(rapid.Int64Range(0, 20*365*24*3600).Draw(t, "seconds")) * time.Second)
		got := c.At(now)
		if len(got) != 1 {
			t.Fatalf("on call at %v: %v", now, got)
		}
		wall := time.Date(now.In(berlin).Year(), now.In(berlin).Month(), now.In(berlin).Day(), now.In(berlin).Hour(), 0, 0, 0, time.UTC)
		weeks := int(wall.Sub(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)) / (7 * 24 * time.Hour))
		if want := names[weeks%3]; got[0] != want {
			t.Fatalf("on call at %v: %v, want %s", now, got, want)
		}
	})
}

// FuzzCalendar: foreign bytes give a calendar that answers, or an error that names the file.
func FuzzCalendar(f *testing.F) {
	for _, seed := range []string{"", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:anna\r\nDTSTART;TZID=Europe/Berlin:20260302T080000\r\nDURATION:P7D\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=9\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", " x", "BEGIN:VCALENDAR\nX;A=\":\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := policy.ParseCalendar(data, "f.ics", time.UTC)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.ics") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("ParseCalendar(%q) = %v", data, err)
			}
			return
		}
		people := strings.Join(c.People(), "\n")
		for _, name := range c.At(at) {
			if name == "" || !strings.Contains(people, name) {
				t.Fatalf("ParseCalendar(%q): %q is on call", data, name)
			}
		}
	})
}
