package when

import (
	"strings"
	"time"
)

// Longest is how long a span may be, and how far away a time: what is further off is no work for an operator's bot, or a slip of the tongue.
const Longest = 30 * 24 * time.Hour

// Kind says what sort of time was found.
type Kind string

// The kinds of time. The zero Kind is none.
const (
	Span     Kind = "span"     // how long: "an hour and a half"
	Moment   Kind = "moment"   // when: "tomorrow at 6am", "in 2h"
	Window   Kind = "window"   // from when and how long: "from 22:00 to 02:00", "until 6pm", "tomorrow 02:00 for 2h"
	Back     Kind = "back"     // how far back: "the last 2 hours", "today"
	Schedule Kind = "schedule" // again and again: "every sunday at 4"
)

// Found is one time as understood. The zero Found is none; it is plain data.
type Found struct {
	Kind  Kind
	Start time.Time     // of Moment and Window, in the person's zone; zero in a Window that begins at once
	Span  time.Duration // of Span, Window and Back; greater than 0, and at most Longest
	Cron  string        // of Schedule: five fields as in crontab(5), or @every and a duration
	Words int           // how many words it took; 0 where there is none
	Lead  int           // how many of them are prepositions before it: "for", "until", "from", "at"
}

// End returns when a Window or a Span that begins at now is over; zero for every other kind.
func (f Found) End(now time.Time) time.Time {
	switch {
	case f.Kind == Span, f.Kind == Window && f.Start.IsZero():
		return now.Add(f.Span)
	case f.Kind == Window:
		return f.Start.Add(f.Span)
	}
	return time.Time{}
}

// Absolute writes f such that nobody can misread it: with days, dates and the zone. Moments and windows are read back by Read as the same times.
func (f Found) Absolute(now time.Time) string {
	switch f.Kind {
	case Moment:
		return Stamp(f.Start)
	case Window:
		if f.Start.IsZero() {
			return "until " + Stamp(f.End(now)) + " (" + Short(f.Span) + ")"
		}
		return Stamp(f.Start) + " to " + Stamp(f.End(now)) + " (" + Short(f.Span) + ")"
	case Span:
		return Short(f.Span) + ", until " + Stamp(f.End(now))
	case Back:
		return "since " + Stamp(now.Add(-f.Span)) + " (" + Short(f.Span) + ")"
	case Schedule:
		next := Next(f.Cron, now)
		if next.IsZero() {
			return f.Cron + ", which never comes"
		}
		return f.Cron + " in " + now.Location().String() + ", next " + Stamp(next)
	}
	return ""
}

// Stamp writes one moment with everything that makes it one: "Fri 2026-06-12 09:00 CEST". Seconds are left out where they are none.
func Stamp(t time.Time) string {
	if t.Second() == 0 {
		return t.Format("Mon 2006-01-02 15:04 MST")
	}
	return t.Format("Mon 2006-01-02 15:04:05 MST")
}

// Short writes a span without parts that are zero, in units up to hours: 30m, 1h30m, 48h.
func Short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
