package job_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shitops/opsbot/actions/job"
)

func TestTicksOnDaysOfChangingClocks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, zone, at string
		from           string // in the zone
		want           []string
	}{
		{"daily in the gap", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"daily at the start of the gap", "Europe/Berlin", "0 2 * * *", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"two in the gap are one", "Europe/Berlin", "10,40 2 * * *", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:10:00+02:00"}},
		{"the gap's end is a tick itself", "Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"daily twice shown", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00+02:00",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"from inside the second hour", "Europe/Berlin", "30 2 * * *", "2026-10-25T02:10:00+01:00",
			[]string{"2026-10-26T02:30:00+01:00"}},
		{"after the gap of that day", "Europe/Berlin", "30 5 * * *", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T05:30:00+02:00"}},
		{"hourly over the gap", "Europe/Berlin", "15 * * * *", "2026-03-29T00:30:00+01:00",
			[]string{"2026-03-29T01:15:00+01:00", "2026-03-29T03:15:00+02:00"}},
		{"hourly in autumn", "Europe/Berlin", "15 * * * *", "2026-10-25T01:30:00+02:00",
			[]string{"2026-10-25T02:15:00+02:00", "2026-10-25T02:15:00+01:00", "2026-10-25T03:15:00+01:00"}},
		{"all through an hour in autumn", "Europe/Berlin", "*/30 2 * * *", "2026-10-25T01:30:00+02:00",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:00:00+01:00"}},
		{"all through an hour in spring", "Europe/Berlin", "*/30 2 * * *", "2026-03-29T01:30:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"every second hour in autumn", "Europe/Berlin", "0 */2 * * *", "2026-10-25T00:30:00+02:00",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T04:00:00+01:00"}},

		{"half an hour's gap", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00+10:30",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"after half an hour's gap", "Australia/Lord_Howe", "15 3 * * *", "2026-10-03T12:00:00+10:30",
			[]string{"2026-10-04T03:15:00+11:00", "2026-10-05T03:15:00+11:00"}},
		{"hourly over half an hour's gap", "Australia/Lord_Howe", "45 * * * *", "2026-10-04T01:00:00+10:30",
			[]string{"2026-10-04T01:45:00+10:30", "2026-10-04T02:45:00+11:00"}},
		{"half an hour shown twice", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"hourly in half an hour shown twice", "Australia/Lord_Howe", "45 * * * *", "2026-04-05T01:00:00+11:00",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30", "2026-04-05T02:45:00+10:30"}},

		{"midnight that does not exist", "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00-03:00",
			[]string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		{"a day that does not exist", "Pacific/Apia", "0 12 * * *", "2011-12-29T13:00:00-10:00",
			[]string{"2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"}},
		{"leap day", "UTC", "0 0 29 2 *", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"day of month or of week", "UTC", "0 0 13 * fri", "2026-03-01T00:00:00Z", []string{"2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z"}},
		{"every", "Europe/Berlin", "@every 90m", "2026-03-29T01:00:00+01:00", []string{"2026-03-29T03:30:00+02:00", "2026-03-29T05:00:00+02:00"}},
	} {
		s, err := job.Parse(test.at, test.zone)
		if err != nil {
			t.Errorf("%s: Parse(%q, %s): %v", test.name, test.at, test.zone, err)
			continue
		}
		loc, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		at := when(t, test.from)
		for range test.want {
			at = s.Next(at, time.Unix(0, 0))
			got = append(got, at.In(loc).Format(time.RFC3339))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %q in %s from %s (-want +got):\n%s", test.name, test.at, test.zone, test.from, diff)
		}
	}
}

func when(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestScheduleMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ at, zone, want string }{
		{"", "UTC", "five fields"},
		{"5 * * *", "UTC", "five fields"},
		{"0 5 * * * *", "UTC", "five fields"},
		{"99 * * * *", "UTC", "above maximum"},
		{"* * * * 8", "UTC", "above maximum"},
		{"x * * * *", "UTC", "parse int"},
		{"*/0 * * * *", "UTC", "step"},
		{"0 0 30 2 *", "UTC", "no such day"},
		{"@reboot", "UTC", "only @every"},
		{"@daily", "UTC", "only @every"},
		{"@every", "UTC", "only @every"},
		{"@every soon", "UTC", "no duration"},
		{"@every 10ms", "UTC", "whole seconds"},
		{"@every 1500ms", "UTC", "whole seconds"},
		{"@every -1h", "UTC", "whole seconds"},
		{"@every 20000h", "UTC", "whole seconds"},
		{"TZ=UTC", "UTC", "five fields"},
		{"CRON_TZ=UTC 5 * * *", "UTC", "five fields"},
		{"5 5 * * *", "Mars", "zone"},
	} {
		if _, err := job.Parse(test.at, test.zone); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%q, %s) = %v, want an error with %q", test.at, test.zone, err, test.want)
		}
	}
	if got := (job.Schedule{}).Next(time.Unix(1, 0), time.Unix(0, 0)); !got.IsZero() {
		t.Errorf("the zero schedule comes at %v, want never", got)
	}
}

// TestNextAgreesWithLookingAtEveryMinute holds Next against a reading of the rules that is as slow as it is plain.
func TestNextAgreesWithLookingAtEveryMinute(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "UTC", "Asia/Kathmandu", "Africa/Casablanca"}
	changes := map[string][]int64{}
	for _, name := range zones {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Unix(1767225600, 0).In(loc); at.Year() < 2027; { // of 2026
			_, end := at.ZoneBounds()
			if end.IsZero() {
				break
			}
			changes[name] = append(changes[name], end.Unix())
			at = end
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(rt, "zone")
		minute := rapid.IntRange(0, 59).Draw(rt, "minute")
		hour := rapid.IntRange(-1, 4).Draw(rt, "hour")
		start := int64(1774000000)
		if c := changes[zone]; len(c) > 0 {
			start = rapid.SampledFrom(c).Draw(rt, "change")
		}
		from := time.Unix(start+60*int64(rapid.IntRange(-300, 300).Draw(rt, "minutes")), 0)
		at := fmt.Sprintf("%d %d * * *", minute, hour)
		if hour < 0 {
			at = fmt.Sprintf("%d * * * *", minute)
		}
		s, err := job.Parse(at, zone)
		if err != nil {
			rt.Fatal(err)
		}
		loc, err := time.LoadLocation(zone)
		if err != nil {
			rt.Fatal(err)
		}
		got, want := s.Next(from, from), slowly(from.In(loc), minute, hour)
		if !got.Equal(want) {
			rt.Errorf("%q in %s after %v: %v, want %v", at, zone, from.In(loc), got.In(loc), want)
		}
		until := got.Add(time.Duration(rapid.IntRange(0, 100000).Draw(rt, "seconds")) * time.Second)
		latest := s.Latest(from, until, from)
		if latest.Before(got) || latest.After(until) || !s.Next(latest, from).After(until) {
			rt.Errorf("%q in %s: the latest from %v to %v is %v", at, zone, from.In(loc), until.In(loc), latest.In(loc))
		}
	})
}

// slowly looks at every minute: whether it shows the time for the first time that day, or is the first to show a later one.
func slowly(from time.Time, minute, hour int) time.Time {
	for at := from.Truncate(time.Minute).Add(time.Minute); ; at = at.Add(time.Minute) {
		if hour < 0 {
			if at.Minute() == minute {
				return at
			}
			continue
		}
		reached := func(t time.Time) bool { return t.Hour()*60+t.Minute() >= hour*60+minute }
		first := reached(at)
		for back := at.Add(-time.Minute); first && back.Day() == at.Day(); back = back.Add(-time.Minute) {
			first = !reached(back)
		}
		if first {
			return at
		}
	}
}

func TestEveryIsAnchored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		every := time.Duration(rapid.IntRange(1, 100000).Draw(rt, "every")) * time.Second
		s, err := job.Parse("@every "+every.String(), "UTC")
		if err != nil {
			rt.Fatal(err)
		}
		anchor := time.Unix(int64(rapid.IntRange(1, 2e9).Draw(rt, "anchor")), 0)
		after := anchor.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(rt, "after")))
		next := s.Next(after, anchor)
		if !next.After(after) || next.Sub(after) > every+time.Second || next.Sub(anchor)%every != 0 {
			rt.Errorf("every %v from %v after %v: %v", every, anchor, after, next)
		}
		latest := s.Latest(after, next.Add(every/2), anchor)
		if !latest.Equal(next) {
			rt.Errorf("every %v from %v: latest after %v is %v, want %v", every, anchor, after, latest, next)
		}
		if s.Every() != every {
			rt.Errorf("Every() = %v, want %v", s.Every(), every)
		}
	})
}

// TestFarAheadTheClockGoesOn walks over years whose bounds package time reckons by rule: on the last day of a leap year they do not move.
func TestFarAheadTheClockGoesOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		at   string
		want int
	}{{"15 * * * *", 8784}, {"*/30 1-4 * * *", 366 * 8}, {"30 2 * * *", 366}} {
		s, err := job.Parse(test.at, "Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		n, end := 0, when(t, "2041-01-01T00:00:00+01:00")
		for at := when(t, "2040-01-01T00:00:00+01:00"); ; n++ {
			if at = s.Next(at, at); at.After(end) {
				break
			}
		}
		if n != test.want {
			t.Errorf("%q comes %d times in 2040, want %d", test.at, n, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, at := range []string{"30 5 * * *", "*/5 1-4 * jan,feb mon-fri", "@every 30m", "TZ=", "? ? ? ? ?", "0 0 29 2 *", "1-2-3 * * * *", "@every 1e9h"} {
		f.Add(at)
	}
	f.Fuzz(func(t *testing.T, at string) {
		s, err := job.Parse(at, "Europe/Berlin")
		if err != nil {
			return
		}
		now := time.Unix(1774000000, 0)
		next := s.Next(now, now)
		if next.IsZero() {
			return
		}
		if !next.After(now) || next.Nanosecond() != 0 {
			t.Errorf("Parse(%q): next after %v is %v", at, now, next)
		}
		if latest := s.Latest(now, next, now); !latest.Equal(next) {
			t.Errorf("Parse(%q): latest up to the next %v is %v", at, next, latest)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for _, at := range []string{"30 5 * * *", "15 * * * *", "*/5 1-4 * * mon", "@every 30m"} {
		s, err := job.Parse(at, "Europe/Berlin")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(at, func(b *testing.B) {
			t := time.Unix(1774000000, 0)
			for b.Loop() {
				t = s.Next(t, time.Unix(0, 0))
			}
		})
	}
}
