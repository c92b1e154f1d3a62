package when

import (
	"strconv"
	"strings"
	"time"
)

// clock is a time of day.
type clock struct {
	hour, minute, second int
	half                 bool // of an hour up to 12 it is not said which half of the day it belongs to
	loose                bool // it has minutes and may be one of 12 hours where a part of the day says so: 8:30 in the evening
	later                int  // days after the day said: 1 for the small hours of a night
	midnight             bool // of a day named with it, either end
	zone                 *time.Location
}

// clock reads a time of day at i: 18:00, 6pm, 6:30 pm, noon, half past six, 6 in the evening. p is the part of the day said before it. Where bare
// is set an hour alone is one too. It returns the word behind, -1 where there is none.
func (w words) clock(i int, p part, bare bool) (clock, int, *Error) {
	c, next, err := w.dial(i, bare || p != anyPart)
	if next < 0 || err != nil {
		return c, next, err
	}
	if !w.pause(next - 1) {
		if behind, after := w.partBehind(next); behind != anyPart {
			p, next = behind, after
		}
		if w.any(next, "utc", "gmt") && !w.pause(next-1) {
			c.zone, next = time.UTC, next+1
		}
	}
	if p == anyPart || c.midnight {
		return c, next, nil
	}
	if c.half || c.loose && p != morning {
		c.hour, c.later = p.hour(c.hour)
		c.half = false
	} else if p == night && c.hour < 6 {
		c.later = 1
	}
	if !p.fits(c.hour) {
		return c, next, noSuch("that hour is not in that part of the day")
	}
	return c, next, nil
}

// dial reads a time of day without what stands behind it.
func (w words) dial(i int, bare bool) (clock, int, *Error) {
	said := w.at(i)
	switch said {
	case "":
		return clock{}, -1, nil
	case "noon", "midday":
		return clock{hour: 12}, i + 1, nil
	case "midnight":
		return clock{midnight: true}, i + 1, nil
	case "half", "quarter":
		c, next := w.pastOrTo(i)
		return c, next, nil
	}
	if w.is(i, "a", "quarter") {
		c, next := w.pastOrTo(i + 1)
		return c, next, nil
	}
	stem, sun := halfOfDay(said)
	next := i + 1
	if sun == "" && !w.pause(i) {
		if _, sun = halfOfDay(w.at(next)); sun != "" && (w.at(next) == sun || strings.Contains(w.at(next), ".")) {
			next++
		} else {
			sun = ""
		}
	}
	h, m, colon := strings.Cut(stem, ":")
	if !colon && sun != "" {
		h, m, colon = strings.Cut(stem, ".")
	}
	if !colon {
		return w.wholeHour(i, next, stem, sun, bare)
	}
	if !digits(h) || len(h) > 2 || !digits(m) || len(m) != 2 {
		return clock{}, -1, nil
	}
	hour, _ := strconv.Atoi(h) // two digits at most
	minute, _ := strconv.Atoi(m)
	c, next, err := dialled(hour, minute, sun, false, next)
	c.loose = sun == "" && h[0] != '0' && hour <= 12
	return c, next, err
}

// wholeHour reads "6pm", "6 pm", "6 o'clock", and "6" where bare allows it.
func (w words) wholeHour(i, next int, stem, sun string, bare bool) (clock, int, *Error) {
	hour := -1
	switch {
	case digits(stem) && len(stem) <= 2:
		hour, _ = strconv.Atoi(stem) // two digits at most
	case sun == "" || w.at(i) == stem:
		if n := numberWord(stem); n > 0 && n <= 12 {
			hour = n
		}
	}
	if hour < 0 {
		return clock{}, -1, nil
	}
	if sun == "" && w.any(next, "o'clock", "oclock") && !w.pause(i) {
		return dialled(hour, 0, "", hour >= 1 && hour <= 12, next+1)
	}
	if behind, _ := w.partBehind(next); behind != anyPart && !w.pause(i) {
		bare = true
	}
	if sun == "" && (!bare || unit(w.at(next)) > 0 && !w.pause(i) || w.at(next) == "times") {
		return clock{}, -1, nil
	}
	return dialled(hour, 0, sun, sun == "" && hour >= 1 && hour <= 12, next)
}

// dialled checks a time of day.
func dialled(hour, minute int, sun string, half bool, next int) (clock, int, *Error) {
	if sun != "" {
		if hour < 1 || hour > 12 {
			return clock{}, next, noSuch("there is no such time of day")
		}
		if hour %= 12; sun == "pm" {
			hour += 12
		}
	}
	if hour > 23 || minute > 59 {
		return clock{}, next, noSuch("there is no such time of day")
	}
	return clock{hour: hour, minute: minute, half: half}, next, nil
}

// halfOfDay cuts am or pm off s.
func halfOfDay(s string) (stem, sun string) {
	for _, end := range [...]string{"am", "a.m.", "a.m", "pm", "p.m.", "p.m"} {
		if stem, ok := strings.CutSuffix(s, end); ok {
			return stem, end[:1] + "m"
		}
	}
	return s, ""
}

// pastOrTo reads "half past six", "quarter past 7", "quarter to eight" at i.
func (w words) pastOrTo(i int) (clock, int) {
	minute := 0
	switch {
	case w.is(i, "half", "past"):
		minute = 30
	case w.is(i, "quarter", "past"):
		minute = 15
	case w.is(i, "quarter", "to"):
		minute = 45
	}
	if minute == 0 || w.pause(i+1) {
		return clock{}, -1
	}
	c, next, err := w.dial(i+2, true)
	if next < 0 || err != nil || c.minute != 0 {
		return clock{}, -1
	}
	if w.at(i+1) == "to" {
		c.midnight = false
		switch {
		case c.half && c.hour == 1:
			c.hour = 12
		default:
			c.hour = (c.hour + 23) % 24
		}
	}
	c.minute = minute
	return c, next
}
