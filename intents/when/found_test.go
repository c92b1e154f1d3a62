package when_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents/when"
	"pgregory.net/rapid"
)

// TestAbsolute is what people are shown.
func TestAbsolute(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	for _, tt := range []struct{ said, want string }{
		{"6pm", "Wed 2026-06-10 18:00 CEST"},
		{"in 90 seconds", "Wed 2026-06-10 14:21:30 CEST"},
		{"for 2h", "2h, until Wed 2026-06-10 16:20 CEST"},
		{"for 30 days", "720h, until Fri 2026-07-10 14:20 CEST"},
		{"until midnight", "until Thu 2026-06-11 00:00 CEST (9h40m)"},
		{"from 22:00 to 02:00", "Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 02:00 CEST (4h)"},
		{"the last 2 hours", "since Wed 2026-06-10 12:20 CEST (2h)"},
		{"today", "since Wed 2026-06-10 00:00 CEST (14h20m)"},
		{"every sunday at 4", "0 4 * * 0 in Europe/Berlin, next Sun 2026-06-14 04:00 CEST"},
		{"every 30 minutes", "@every 30m in Europe/Berlin, next Wed 2026-06-10 14:50 CEST"},
		{"0 0 30 2 *", "0 0 30 2 *, which never comes"},
	} {
		f, err := when.Read(fields(tt.said), now)
		if err != nil {
			t.Errorf("Read(%q): %v", tt.said, err)
			continue
		}
		if got := f.Absolute(now); got != tt.want {
			t.Errorf("%q is shown as %q, want %q", tt.said, got, tt.want)
		}
	}
	if got := (when.Found{}).Absolute(now); got != "" {
		t.Errorf("nothing is shown as %q", got)
	}
}

// TestEnd tells when things are over.
func TestEnd(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	at := func(hour, minute int) time.Time { return time.Date(2026, 6, 10, hour, minute, 0, 0, now.Location()) }
	for said, want := range map[string]time.Time{
		"for 2h":              at(16, 20),
		"until 6pm":           at(18, 0),
		"from 15:00 to 16:30": at(16, 30),
		"15:00 for 20m":       at(15, 20),
		"6pm":                 {},
		"every day at 5":      {},
		"the last hour":       {},
	} {
		f, err := when.Read(fields(said), now)
		if err != nil {
			t.Errorf("Read(%q): %v", said, err)
			continue
		}
		if got := f.End(now); !got.Equal(want) {
			t.Errorf("%q is over at %v, want %v", said, got, want)
		}
	}
}

// TestErrors is what people are told.
func TestErrors(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	for _, tt := range []struct{ said, want string }{
		{"today at 6am", `"today at 6am" lies in the past`},
		{"for -2h", `"for -2h" lies in the past`},
		{"for 31 days", `"for 31 days" is more than 30 days`},
		{"in 5 weeks", `"in 5 weeks" is more than 30 days`},
		{"tomorrow", `"tomorrow" says no time of day`},
		{"for 0 minutes", `"for 0 minutes" lasts no time at all`},
		{"at 25:00", `"at 25:00": there is no such time of day`},
		{"june 31 at 4am", `"june 31": the calendar has no such day`},
		{"this morning at 18:00", `"this morning at 18:00": that hour is not in that part of the day`},
		{"thu 2026-06-12 04:00", `"thu 2026-06-12 04:00": that date is a Friday`},
		{"every other day", `"every other day": crontab cannot leave every second one out`},
		{"every 10ms", `"every 10ms": a job comes once a second at most`},
		{"every day at 6:00 and 18:30", `"every day at 6:00 and 18:30": times of day in one job share their minute`},
		{"every day at 18:00 utc", `"every day at 18:00 utc": jobs keep the zone of their owner`},
		{"next friday at 9am, please", `"next friday at 9am" can be Fri 2026-06-12 09:00 CEST or Fri 2026-06-19 09:00 CEST`},
		{"for an hour or two", `"for an hour or two" can be 1h or 2h`},
		{"at 6", `"at 6" can be Wed 2026-06-10 18:00 CEST or Thu 2026-06-11 06:00 CEST`},
	} {
		_, err := when.Read(fields(tt.said), now)
		var wrong *when.Error
		if !errors.As(err, &wrong) {
			t.Errorf("Read(%q): error %v, want one of this package", tt.said, err)
			continue
		}
		if got := wrong.Error(); got != tt.want {
			t.Errorf("Read(%q)\n   says %s\nwant %s", tt.said, got, tt.want)
		}
	}
}

// TestNext tells when schedules come, also where clocks change.
func TestNext(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	now := wednesday(t)
	spring := time.Date(2026, 3, 28, 12, 0, 0, 0, berlin)
	for _, tt := range []struct {
		schedule string
		now      time.Time
		want     string
	}{
		{"0 4 * * 0", now, "Sun 2026-06-14 04:00 CEST"},
		{"20 14 * * *", now, "Thu 2026-06-11 14:20 CEST"},
		{"@every 30m", now, "Wed 2026-06-10 14:50 CEST"},
		{"0 5 * * *", spring, "Sun 2026-03-29 05:00 CEST"},
		{"0 12 1 * *", spring, "Wed 2026-04-01 12:00 CEST"},
		{"0 0 29 2 *", now, "Tue 2028-02-29 00:00 CET"},
	} {
		if got := when.Stamp(when.Next(tt.schedule, tt.now)); got != tt.want {
			t.Errorf("%q comes after %v at %s, want %s", tt.schedule, tt.now, got, tt.want)
		}
	}
	for _, none := range []string{"", "soon", "61 5 * * *", "* * * *", "TZ=UTC 5 5 * * *", "CRON_TZ=UTC 5 5 * * *", "0 0 31 2 *"} {
		if got := when.Next(none, now); !got.IsZero() {
			t.Errorf("%q comes at %v", none, got)
		}
	}
}

// TestShort writes spans as people do.
func TestShort(t *testing.T) {
	t.Parallel()
	got := map[time.Duration]string{}
	want := map[time.Duration]string{
		time.Second: "1s", time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 48 * time.Hour: "48h", 500 * time.Millisecond: "500ms", 0: "0s",
		10 * time.Minute: "10m", 10 * time.Hour: "10h",
	}
	for d := range want {
		got[d] = when.Short(d)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans as they are written (-want +got):\n%s", diff)
	}
}

// TestUnit tells what units there are.
func TestUnit(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]time.Duration{
		"s": time.Second, "secs": time.Second, "m": time.Minute, "minutes": time.Minute, "h": time.Hour, "hrs": time.Hour, "day": 24 * time.Hour, "weeks": 168 * time.Hour, "ms": time.Millisecond,
		"month": 0, "years": 0, "": 0, "nodes": 0, "H": 0,
	} {
		if got := when.Unit(said); got != want {
			t.Errorf("Unit(%q) = %v, want %v", said, got, want)
		}
	}
}

// TestOnlyTheWordsThatItTookMatter: what stands behind a time does not change it.
func TestOnlyTheWordsThatItTookMatter(t *testing.T) {
	t.Parallel()
	nows := anyNow(t)
	rapid.Check(t, func(r *rapid.T) {
		now, said := nows.Draw(r, "now"), anySaying().Draw(r, "said")
		whole, err := when.Read(said, now)
		took := whole.Words
		var wrong *when.Error
		if errors.As(err, &wrong) {
			took = wrong.Words
		}
		alone, again := when.Read(said[:took], now)
		if took > 0 && (alone != whole || (err == nil) != (again == nil)) {
			r.Fatalf("%q at %v = %+v, %v; its first %d words alone are %+v, %v", said, now, whole, err, took, alone, again)
		}
	})
}

// TestTheZoneIsThePersons: the same words at the same moment mean another time in another zone, and are shown in it.
func TestTheZoneIsThePersons(t *testing.T) {
	t.Parallel()
	moment := wednesday(t)
	for place, want := range map[string]string{
		"Europe/Berlin":    "Wed 2026-06-10 18:00 CEST",
		"Europe/Lisbon":    "Wed 2026-06-10 18:00 WEST",
		"America/New_York": "Wed 2026-06-10 18:00 EDT",
		"Asia/Tokyo":       "Thu 2026-06-11 18:00 JST",
		"Asia/Kathmandu":   "Thu 2026-06-11 18:00 +0545",
		"UTC":              "Wed 2026-06-10 18:00 UTC",
	} {
		now := moment.In(zone(t, place))
		f, err := when.Read(fields("at 6pm"), now)
		if got := f.Absolute(now); err != nil || got != want {
			t.Errorf("6pm in %s = %s, %v; want %s", place, got, err, want)
		}
	}
}

// TestVocabularyIsRead: every word of the vocabulary is one that this package does something with.
func TestVocabularyIsRead(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	frames := []string{"W", "2 W", "every W at 5", "every 2 W", "a W of an hour", "three W of an hour", "W past 18", "in W minutes", "june 12 at W", "W 12 at 04:00", "tomorrow W at 7", "W an hour", "three W a day", "W on the 1st at 6",
		"W monday at 5", "W 6pm", "W tomorrow at 6am", "W the last hour", "the W hour", "W friday at 9am", "W at 22:00", "W 4pm and 6pm", "the W at 4am", "a W of hours", "in W", "W at 5", "the W 2 hours", "every W evening at 6", "W the last day"}
	for _, word := range when.Vocabulary() {
		read := false
		for _, frame := range frames {
			with, err := when.Read(fields(strings.Replace(frame, "W", word, 1)), now)
			without, otherErr := when.Read(fields(strings.Replace(frame, "W", "xyzzy", 1)), now)
			read = read || with != without || (err == nil) != (otherErr == nil)
		}
		if !read && word != "after" && word != "night" {
			t.Errorf("%q is in the vocabulary, and changes nothing in any of %q", word, frames)
		}
	}
}
