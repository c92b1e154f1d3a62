package policy

import (
	"fmt"
	"strings"
	"time"
)

// Span is a part of every day by the clock on the wall: from From on until before To, both since midnight. It goes over midnight when To is not
// after From; with both the same it is the whole day that begins then. What the clock skips or shows twice on the days when it is changed is in
// the span as often as the clock shows it.
type Span struct{ From, To time.Duration }

// ParseSpan reads HH:MM-HH:MM, such as 22:00-07:00.
func ParseSpan(text string) (Span, error) {
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return Span{}, fmt.Errorf("%q is no part of the day; write one such as 22:00-07:00", text)
	}
	return span(from, to)
}

func span(from, to string) (s Span, err error) {
	if s.From, err = parseWall(from); err != nil {
		return Span{}, err
	}
	s.To, err = parseWall(to)
	return s, err
}

func parseWall(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is no time of day; write one such as 07:00", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// String returns HH:MM-HH:MM.
func (s Span) String() string { return wall(s.From) + "-" + wall(s.To) }

func wall(d time.Duration) string { return time.Time{}.Add(d).Format("15:04") }

// Covers tells whether the wall clock of t is in the span, and on which day of the week that span began.
func (s Span) Covers(t time.Time) (began time.Weekday, ok bool) {
	h, m, sec := t.Clock()
	at := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second
	today, yesterday := t.Weekday(), (t.Weekday()+6)%7
	switch {
	case s.From < s.To:
		return today, s.From <= at && at < s.To
	case at >= s.From:
		return today, true
	default:
		return yesterday, at < s.To
	}
}

// weekday reads the first three letters of a day in English.
func weekday(text string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if text == strings.ToLower(d.String()[:3]) {
			return d, true
		}
	}
	return 0, false
}

// Days are the names of days that a Freeze takes, in order.
func Days() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

func location(name string) (*time.Location, error) {
	if name == "Local" { // would mean another thing on each machine
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	return time.LoadLocation(name)
}
