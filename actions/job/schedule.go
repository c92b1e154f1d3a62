package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when a job comes. Times have whole seconds. It is safe for concurrent use; the zero value never comes.
//
// A day of changing clocks: a time of certain hours ("30 2 * * *") that the spring skips comes at the first instant after the gap, and one that the
// autumn repeats comes the first time only. What comes in every hour ("15 * * * *") comes whenever the clock shows it. What comes all through certain
// hours ("*/5 1-4 * * *") does both: it goes on in the repeated hour, and is not lost in the gap. @every knows no clock, only its anchor.
type Schedule struct {
	every  time.Duration
	spec   *cron.SpecSchedule // of clock readings, written as if they were UTC
	zone   *time.Location
	hourly bool // in every hour
	often  bool // all through its hours
}

// maxEvery is a leap year: longer than that a person would not mean.
const maxEvery = 366 * 24 * time.Hour

// Parse reads five fields as in crontab, or "@every 30m". zone is the IANA name of the clock that they are read from.
func Parse(at, zone string) (Schedule, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: zone %q: %w", at, zone, err)
	}
	return ParseIn(at, loc)
}

// ParseIn is Parse for a zone that is loaded already; many schedules may share it.
func ParseIn(at string, zone *time.Location) (Schedule, error) {
	fields := strings.Fields(at)
	switch {
	case len(fields) == 2 && fields[0] == "@every":
		return parseEvery(at, fields[1])
	case strings.HasPrefix(at, "@"):
		return Schedule{}, fmt.Errorf("schedule %q: of the words with an @ only @every is known, such as @every 30m", at)
	case len(fields) != 5 || strings.Contains(at, "TZ="):
		return Schedule{}, fmt.Errorf("schedule %q: want five fields (minute, hour, day of month, month, day of week) or @every 30m", at)
	}
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	parsed, err := parser.Parse(strings.Join(fields, " "))
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", at, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, fmt.Errorf("schedule %q: not five fields", at)
	}
	spec.Location = time.UTC
	const day = 1<<24 - 1
	s := Schedule{spec: spec, zone: zone, hourly: spec.Hour&day == day, often: strings.HasPrefix(fields[0], "*")}
	if spec.Next(time.Date(2023, 3, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, fmt.Errorf("schedule %q: there is no such day", at)
	}
	return s, nil
}

func parseEvery(at, text string) (Schedule, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %q is no duration; say for example @every 30m", at, text)
	}
	if d < time.Second || d%time.Second != 0 || d > maxEvery {
		return Schedule{}, fmt.Errorf("schedule %q: want whole seconds, from 1s to %v", at, maxEvery)
	}
	return Schedule{every: d}, nil
}

// Every returns the duration of @every, 0 for five fields.
func (s Schedule) Every() time.Duration { return s.every }

// Next returns the first tick later than after; the zero time when there is none. Those of @every lie whole durations away from anchor.
func (s Schedule) Next(after, anchor time.Time) time.Time {
	switch {
	case s.every > 0:
		step := int64(s.every / time.Second)
		since := (after.Unix() - anchor.Unix()) % step
		if since < 0 {
			since += step // a clock that was put back before the anchor
		}
		return time.Unix(after.Unix()-since+step, 0).In(after.Location())
	case s.spec == nil:
		return time.Time{}
	case s.hourly:
		return s.shown(after)
	}
	next := s.daily(after)
	if s.often {
		if again := s.shown(after); !again.IsZero() && again.Before(next) {
			return again
		}
	}
	return next
}

// Latest returns the last tick after from that is not later than now, or the zero time. Its cost does not grow with the ticks between them.
func (s Schedule) Latest(from, now, anchor time.Time) time.Time {
	if !now.After(from) {
		return time.Time{}
	}
	for span := time.Minute; ; span *= 4 {
		start := now.Add(-span)
		if start.Before(from) || span > maxSpan {
			start = from
		}
		if tick := s.Next(start, anchor); !tick.IsZero() && !tick.After(now) {
			return s.lastFrom(tick, now, anchor)
		}
		if start.Equal(from) {
			return time.Time{}
		}
	}
}

// maxSpan ends the widening before a duration overflows; leap days are the rarest that there is.
const maxSpan = 10 * maxEvery

func (s Schedule) lastFrom(tick, now, anchor time.Time) time.Time {
	if s.every > 0 {
		n := now.Unix() - tick.Unix()
		return tick.Add(time.Duration(n) * time.Second / s.every * s.every)
	}
	for {
		next := s.Next(tick, anchor)
		if next.IsZero() || next.After(now) {
			return tick
		}
		tick = next
	}
}

// wall returns what the clock shows at t, written as if it were UTC.
func (s Schedule) wall(t time.Time) time.Time {
	_, offset := t.In(s.zone).Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// shown returns the first instant after t at which the clock shows a time of the schedule, whether or not it has shown it before.
func (s Schedule) shown(t time.Time) time.Time {
	t = t.In(s.zone)
	reading := s.wall(t)
	for {
		tick := s.spec.Next(reading)
		if tick.IsZero() {
			return tick
		}
		_, offset := t.Zone()
		at := tick.Add(-time.Duration(offset) * time.Second).In(s.zone)
		_, end := t.ZoneBounds()
		stuck := !end.After(t) // as package time does it on the last day of leap years from 2040 on
		if end.IsZero() || at.Before(end) || stuck && s.wall(at).Equal(tick) {
			return at
		}
		if stuck {
			end = t.Add(time.Hour)
		}
		t = end
		reading = s.wall(end).Add(-time.Second) // the change itself may be a tick
	}
}

// daily returns the first instant after t that is the instant of a clock reading of the schedule. Later readings never have earlier instants, so
// that looking on from the reading at t finds it.
func (s Schedule) daily(t time.Time) time.Time {
	for reading := s.wall(t); ; {
		if reading = s.spec.Next(reading); reading.IsZero() {
			return reading
		}
		if at := s.instant(reading); at.After(t) {
			return at
		}
	}
}

// instant returns when the clock first shows a reading; for one that it never shows, the end of the gap.
func (s Schedule) instant(reading time.Time) time.Time {
	y, m, d := reading.Date()
	near := time.Date(y, m, d, reading.Hour(), reading.Minute(), reading.Second(), 0, s.zone)
	start, end := near.ZoneBounds()
	if !start.IsZero() {
		if early := s.with(reading, start.Add(-time.Second)); early.Before(start) && s.wall(early).Equal(reading) {
			return early
		}
	}
	if s.wall(near).Equal(reading) {
		return near
	}
	for _, change := range []time.Time{start, end} {
		if !change.IsZero() && !s.wall(change.Add(-time.Second)).After(reading) && s.wall(change).After(reading) {
			return change
		}
	}
	return near
}

// with returns the instant of a reading by the offset that is in force at t.
func (s Schedule) with(reading, t time.Time) time.Time {
	_, offset := t.In(s.zone).Zone()
	return reading.Add(-time.Duration(offset) * time.Second).In(s.zone)
}
