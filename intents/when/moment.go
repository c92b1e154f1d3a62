package when

import (
	"strings"
	"time"
)

// ReadMoment reads one point in time at the head of said: "6pm", "tomorrow at 02:00", "6am on friday", "in 2 hours", "2026-06-12 04:00". A preposition
// before it ("at", "on", "from", "by", "starting at") is taken too.
func ReadMoment(said []string, now time.Time) (Found, error) {
	w := words(said)
	i, bare := w.preposition(0)
	t, next, err := w.moment(i, now, bare)
	if next < 0 && i > 0 && w.at(0) == "in" {
		return Found{}, nil
	}
	if err == nil && next > 0 {
		err = ahead(t, now)
	}
	return w.found(Found{Kind: Moment, Start: t}, next, i, err)
}

// preposition reads what stands before a moment, and whether it makes an hour of a bare number.
func (w words) preposition(i int) (next int, bare bool) {
	if w.any(i, "starting", "beginning", "start", "begin") {
		i++
	}
	switch w.at(i) {
	case "at", "from", "by":
		return i + 1, true
	case "on":
		return i + 1, false
	}
	return i, false
}

// found makes what Read returns of what was read.
func (w words) found(f Found, next, lead int, err *Error) (Found, error) {
	if next <= 0 {
		return Found{}, nil
	}
	if err != nil {
		err.Said, err.Words = w.text(next), next
		return Found{}, err
	}
	f.Words, f.Lead = next, lead
	return f, nil
}

// moment reads a point in time at i, past or not, and returns the word behind it, -1 where there is none.
func (w words) moment(i int, now time.Time, bare bool) (time.Time, int, *Error) {
	if t, next, err := w.stamp(i, now.Location()); next > 0 {
		return t, next, err
	}
	if t, next, err := w.relative(i, now); next > 0 {
		return t, next, err
	}
	d, next, err := w.day(i, now)
	if err != nil {
		return time.Time{}, next, err
	}
	if next > 0 {
		return w.dayThenClock(d, next, now)
	}
	c, next, err := w.clock(i, anyPart, bare)
	if next < 0 || err != nil {
		return time.Time{}, next, err
	}
	j := next
	if w.at(j) == "on" {
		j++
	}
	if !w.pause(next - 1) {
		if d, after, err := w.day(j, now); after > 0 {
			if err != nil {
				return time.Time{}, after, err
			}
			return w.together(d, c, after, now)
		}
	}
	t, err := comes(c, now)
	return t, next, err
}

// dayThenClock reads the time of day behind a day.
func (w words) dayThenClock(d day, i int, now time.Time) (time.Time, int, *Error) {
	j, bare := i, false
	if w.any(j, "at", "from", "between", "by") {
		j, bare = j+1, true
	}
	c, next, err := w.clock(j, d.part, bare)
	switch {
	case err != nil:
		return time.Time{}, next, err
	case next > 0:
		return w.together(d, c, next, now)
	case !d.alone:
		return time.Time{}, -1, nil
	}
	return time.Time{}, i, fault(NoClock)
}

// together puts a day and a time of it together.
func (w words) together(d day, c clock, next int, now time.Time) (time.Time, int, *Error) {
	if d.part != anyPart && (c.half || c.loose && d.part != morning) {
		c.hour, c.later = d.part.hour(c.hour)
		c.half = false
	}
	if c.half {
		c.half = false
		other := c
		other.hour = (c.hour + 12) % 24
		if a, err := local(d.date, c, now.Location()); err == nil && a.Before(now) && d.date == dateOf(now) && c.hour < 12 {
			t, err := local(d.date, other, now.Location()) // today at 6, said at noon
			return t, next, err
		}
		t, err := eitherOf(d.date, c, d.date, other, now.Location())
		return t, next, err
	}
	if c.midnight && d.part == night {
		c.later, c.midnight = 1, false
	}
	if c.midnight { // the night before that day, or the one after it
		end := c
		end.later++
		t, err := eitherOf(d.date, c, d.date, end, now.Location())
		return t, next, err
	}
	if d.other != (date{}) {
		t, err := eitherOf(d.date, c, d.other, c, now.Location())
		return t, next, err
	}
	t, err := local(d.date, c, now.Location())
	if err == nil && d.again {
		if !t.After(now) {
			t, err = local(d.date.plus(7), c, now.Location())
		} else {
			t, err = eitherOf(d.date, c, d.date.plus(7), c, now.Location())
		}
	}
	return t, next, err
}

// eitherOf returns the error of a time that may be either of two.
func eitherOf(a date, at clock, b date, bt clock, zone *time.Location) (time.Time, *Error) {
	one, err := local(a, at, zone)
	if err != nil {
		return one, err
	}
	other, err := local(b, bt, zone)
	if err != nil {
		return other, err
	}
	return time.Time{}, twice(one, other)
}

// comes returns when c comes next.
func comes(c clock, now time.Time) (time.Time, *Error) {
	today := dateOf(now)
	if c.zone != nil {
		today = dateOf(now.In(c.zone))
	}
	if c.half {
		c.half = false
		other := c
		other.hour = (c.hour + 12) % 24
		one, err := comes(c, now)
		if err != nil {
			return one, err
		}
		two, err := comes(other, now)
		if err != nil {
			return two, err
		}
		return time.Time{}, twice(one, two)
	}
	t, err := local(today, c, now.Location())
	if err != nil && err.Why == NoSuch {
		return t, err
	}
	if err == nil && t.After(now) {
		return t, nil
	}
	if err != nil { // twice today, perhaps over already
		if _, second := wall(today, c, now.Location()); second.After(now) {
			return t, err
		}
	}
	return local(today.plus(1), c, now.Location())
}

// relative reads "in 2 hours", "2 hours from now".
func (w words) relative(i int, now time.Time) (time.Time, int, *Error) {
	in := w.at(i) == "in"
	j := i
	if in {
		j++
	}
	d, next, err := w.span(j)
	if next < 0 {
		return time.Time{}, -1, nil
	}
	if !in {
		if !w.is(next, "from", "now") || w.pause(next-1) {
			return time.Time{}, -1, nil
		}
		next += 2
	}
	if err != nil && err.Why == TwoReadings {
		return time.Time{}, next, err
	}
	return now.Add(d).Round(time.Second), next, err
}

// stamp reads what Stamp writes, without or with day of the week, seconds and zone; and RFC 3339.
func (w words) stamp(i int, zone *time.Location) (time.Time, int, *Error) {
	if said := w.at(i); len(said) >= len("2006-01-02T15:04:05Z") && said[0] >= '0' && said[0] <= '9' {
		if t, err := time.Parse(time.RFC3339, strings.ToUpper(said)); err == nil {
			return t.In(zone), i + 1, nil
		}
	}
	name := weekdayName(w.at(i))
	if name >= 0 {
		i++
	}
	d, ok := isoDate(w.at(i))
	if !ok || !d.real() {
		return time.Time{}, -1, nil
	}
	layout := "15:04"
	if len(w.at(i+1)) == len("15:04:05") {
		layout = "15:04:05"
	}
	at, err := time.Parse(layout, w.at(i+1))
	if err != nil {
		return time.Time{}, -1, nil
	}
	next := i + 2
	if name >= 0 && name != d.weekday() {
		return time.Time{}, next, noSuch("that date is a " + d.weekday().String())
	}
	c := clock{hour: at.Hour(), minute: at.Minute(), second: at.Second()}
	if w.any(next, "utc", "gmt") && !w.pause(next-1) {
		c.zone = time.UTC
		t, err := local(d, c, zone)
		return t, next + 1, err
	}
	first, second := wall(d, c, zone)
	for _, t := range [...]time.Time{first, second} {
		if short, _ := t.Zone(); !t.IsZero() && strings.EqualFold(short, w.at(next)) && !w.pause(next-1) {
			return t, next + 1, nil
		}
	}
	t, fault := local(d, c, zone)
	return t, next, fault
}
