package when_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/intents/when"
	"pgregory.net/rapid"
)

// anyNow draws a clock in one of some zones, also close to their changes.
func anyNow(tb testing.TB) *rapid.Generator[time.Time] {
	zones := []*time.Location{
		time.UTC, zone(tb, "Europe/Berlin"), zone(tb, "America/New_York"), zone(tb, "Asia/Kathmandu"), zone(tb, "Australia/Lord_Howe"), zone(tb, "America/Santiago"), zone(tb, "Pacific/Apia"),
	}
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := rapid.Int64Range(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2032, 1, 1, 0, 0, 0, 0, time.UTC).Unix()).Draw(t, "unix")
		return time.Unix(at, 0).In(rapid.SampledFrom(zones).Draw(t, "zone"))
	})
}

// anySaying draws words that make times, in any order.
func anySaying() *rapid.Generator[[]string] {
	vocabulary := strings.Fields(`for until from to between and at on in the next last past every each day days hour hours minute minutes week an a half quarter of two three twenty 2h 90m 1h30m
		6 12 17 6pm 6am 18:00 02:30 2:30 00:00 noon midnight tomorrow today tonight yesterday monday friday sunday next this morning evening night 2026-06-12 june 12 12th 12/06 utc since daily
		weekdays mondays sundays hourly twice once @every 30 5 * 0,30 1-5 now starting 22:00-02:00 -2h 1-2 or until until, friday, edge-1 please`)
	return rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 9)
}

// TestAnythingFoundCanBeUsed: whatever is said, a time lies ahead, within bounds, and took words that are there; or the error names what is wrong.
func TestAnythingFoundCanBeUsed(t *testing.T) {
	t.Parallel()
	nows := anyNow(t)
	rapid.Check(t, func(r *rapid.T) {
		now, said := nows.Draw(r, "now"), anySaying().Draw(r, "said")
		for _, read := range []func([]string) (when.Found, error){
			func(w []string) (when.Found, error) { return when.Read(w, now) },
			func(w []string) (when.Found, error) { return when.ReadMoment(w, now) },
			func(w []string) (when.Found, error) { return when.ReadWindow(w, now) },
			func(w []string) (when.Found, error) { return when.ReadBack(w, now) },
			when.ReadSchedule, when.ReadSpan,
		} {
			f, err := read(said)
			if problem := usable(f, err, said, now); problem != "" {
				r.Fatalf("%q at %v = %+v, %v: %s", said, now, f, err, problem)
			}
		}
	})
}

// usable says what is wrong with a result, "" where nothing is.
func usable(f when.Found, err error, said []string, now time.Time) string {
	var wrong *when.Error
	switch {
	case errors.As(err, &wrong):
		switch {
		case f != (when.Found{}):
			return "an error and a time"
		case wrong.Words < 1 || wrong.Words > len(said):
			return "an error of words that are not there"
		case wrong.Why == when.TwoReadings && len(wrong.Readings) != 2:
			return "two readings that are not two"
		case wrong.Why == when.TwoReadings && wrong.Readings[0] == wrong.Readings[1]:
			return "two readings that are one"
		case wrong.Error() == "" || strings.HasSuffix(wrong.Error(), ": "):
			return "an error that says nothing"
		}
		return ""
	case err != nil:
		return "an error of another type"
	case f.Words == 0:
		if f != (when.Found{}) {
			return "something found in no words"
		}
		return ""
	case f.Words > len(said) || f.Lead < 0 || f.Lead >= f.Words:
		return "words that are not there"
	case f.Absolute(now) == "":
		return "no absolute form"
	}
	switch f.Kind {
	case when.Span, when.Back:
		if f.Span <= 0 || f.Span > when.Longest || !f.Start.IsZero() {
			return "no span"
		}
	case when.Moment, when.Window:
		if f.Kind == when.Moment && f.Start.IsZero() || !f.Start.IsZero() && (f.Start.Before(now) || f.Start.Sub(now) > when.Longest) {
			return "it does not lie ahead"
		}
		if f.Kind == when.Window && (f.Span <= 0 || f.Span > when.Longest) {
			return "a window of no length"
		}
	case when.Schedule:
		if f.Cron == "" {
			return "an empty schedule"
		}
	default:
		return "no kind"
	}
	return ""
}

// TestTheAbsoluteFormIsReadBack: what is shown to a person can be typed, and means the same moment or window to the second. So do the readings that
// are offered where there are two.
func TestTheAbsoluteFormIsReadBack(t *testing.T) {
	t.Parallel()
	nows := anyNow(t)
	rapid.Check(t, func(r *rapid.T) {
		now, said := nows.Draw(r, "now"), anySaying().Draw(r, "said")
		f, err := when.Read(said, now)
		var wrong *when.Error
		if errors.As(err, &wrong) {
			for _, reading := range wrong.Readings {
				if again, err := when.Read(fields(reading), now); again.Words == 0 && err == nil {
					r.Fatalf("%q at %v offers %q, which is no time", said, now, reading)
				} else if e := (*when.Error)(nil); errors.As(err, &e) && e.Why == when.TwoReadings {
					r.Fatalf("%q at %v offers %q, which has two readings: %v", said, now, reading, err)
				}
			}
			return
		}
		if f.Kind != when.Moment && f.Kind != when.Window {
			return
		}
		shown, _, _ := strings.Cut(f.Absolute(now), " (")
		again, err := when.Read(fields(shown), now)
		if err != nil || again.Kind != f.Kind || !again.Start.Equal(f.Start) || again.Span.Round(time.Second) != f.Span.Round(time.Second) {
			r.Fatalf("%q at %v is shown as %q, which is read as %+v, %v; want %+v", said, now, shown, again, err, f)
		}
	})
}

func fields(text string) []string { return strings.Fields(strings.ToLower(text)) }

// TestAWholeSpanIsReadBack: every span that Go can write in hours, minutes and seconds is read as itself, together and apart.
func TestAWholeSpanIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, int64(when.Longest/time.Second)).Draw(r, "seconds")) * time.Second
		hours, minutes, seconds := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
		var words []string
		for _, part := range []struct {
			n    time.Duration
			unit string
		}{{hours, "hours"}, {minutes, "minutes"}, {seconds, "seconds"}} {
			if part.n > 0 {
				words = append(words, fmt.Sprintf("%d %s", part.n, part.unit))
			}
		}
		for _, said := range []string{d.String(), when.Short(d), strings.Join(words, " ")} {
			f, err := when.ReadSpan(fields(said))
			if err != nil || f.Span != d {
				r.Fatalf("ReadSpan(%q) = %v, %v, want %v", said, f.Span, err, d)
			}
		}
	})
}

// TestUntilIsTheNext: "until 18:00" never is a day or more away, nor over already, but for the hours that clocks change by.
func TestUntilIsTheNext(t *testing.T) {
	t.Parallel()
	nows := anyNow(t)
	rapid.Check(t, func(r *rapid.T) {
		now := nows.Draw(r, "now")
		hour, minute := rapid.IntRange(0, 23).Draw(r, "hour"), rapid.IntRange(0, 59).Draw(r, "minute")
		said := fmt.Sprintf("%02d:%02d", hour, minute)
		f, err := when.ReadWindow([]string{"until", said}, now)
		if err != nil {
			return // the night when clocks change
		}
		end := f.End(now)
		if f.Span <= 0 || f.Span > 50*time.Hour || end.Format("15:04") != said {
			r.Fatalf("until %s at %v is %v, in %v", said, now, end, f.Span)
		}
	})
}

// FuzzRead reads whatever bytes there are.
func FuzzRead(f *testing.F) {
	for _, said := range []string{
		"until 6pm", "from 22:00 to 02:00", "every sunday at 4", "in an hour and a half", "next friday at 9am", "30 5 * * 1-5", "an hour or two", "12/06 at 04:00", "tonight at 1", "the 12th of june 2026 at 4am",
		"2026-06-12t04:00:00z", "22:00-02:00", "since monday", "on the 1st of every month at 6", "99999999999999999999h", "half past half past six", "@every 1h", "* * * * *", "- - -", ", , ,",
	} {
		f.Add(said, int64(1781094000))
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		now := time.Unix(unix%4_000_000_000, 0).In(berlin)
		said := fields(text)
		for i := range min(len(said), 4) {
			got, err := when.Read(said[i:], now)
			if problem := usable(got, err, said[i:], now); problem != "" {
				t.Errorf("%q at %v = %+v, %v: %s", said[i:], now, got, err, problem)
			}
		}
	})
}

// BenchmarkRead measures words that begin no time, and times.
func BenchmarkRead(b *testing.B) {
	now := wednesday(b)
	for _, said := range []string{"edge-2 and edge-3", "the cache on edge-2", "for 2h", "until 6pm", "tomorrow 02:00 for 2h", "from 22:00 to 02:00", "every sunday at 4", "30 5 * * 1-5"} {
		words := fields(said)
		b.Run(strings.ReplaceAll(said, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = when.Read(words, now)
			}
		})
	}
}
