package when

import (
	"strconv"
	"strings"
)

// days are the days that a schedule comes on.
type days struct {
	week  string // last field of crontab
	month string // third field of crontab
	part  part
}

// weekly reads days and the times of them: "every day at 5:30", "every monday and friday at 6pm", "weekdays at 7", "5:30 every day", "nightly at 2",
// "on the 1st of every month at 6".
func (w words) weekly() (string, int, *Error) {
	if d, next := w.days(0); next > 0 {
		j := next
		for w.any(j, "at", "from") || w.at(j) == "around" {
			j++
		}
		minute, hours, after, err := w.hours(j, d.part, j > next || d.part != anyPart)
		if after < 0 {
			return "", next, fault(NoClock)
		}
		if err != nil {
			return "", after, err
		}
		return atClock(minute, hours, d.month, d.week), after, nil
	}
	i := 0
	if w.at(i) == "at" {
		i++
	}
	minute, hours, next, err := w.hours(i, anyPart, true)
	if next < 0 || w.pause(next-1) {
		return "", -1, nil
	}
	d, after := w.days(next)
	if after < 0 || err != nil {
		return "", after, err
	}
	return atClock(minute, hours, d.month, d.week), after, nil
}

// hours reads one time of day or several that share their minute. An hour of which nobody said the half is one of 24.
func (w words) hours(i int, p part, bare bool) (minute int, hours []int, next int, err *Error) {
	next = -1
	for len(hours) < 24 {
		c, after, wrong := w.clock(i, p, bare)
		if after < 0 {
			break
		}
		if wrong != nil || c.zone != nil {
			if wrong == nil {
				wrong = noSuch("jobs keep the zone of their owner")
			}
			return 0, nil, after, wrong
		}
		if len(hours) > 0 && c.minute != minute {
			return 0, nil, after, &Error{Why: NotRegular, Detail: "times of day in one job share their minute"}
		}
		minute, hours, next, i = c.minute, append(hours, c.hour), after, after
		switch {
		case w.at(i) == "and":
			i++
		case !w.pause(i - 1):
			return minute, hours, next, nil
		case w.is(i, "and"):
			i++
		}
	}
	return minute, hours, next, nil
}

// days reads which days: "every day", "daily", "nightly", "every morning", "every monday and friday", "mondays", "on weekdays", "on the 1st of every month".
func (w words) days(i int) (days, int) {
	if d, next := w.monthly(i); next > 0 {
		return d, next
	}
	if w.at(i) == "on" {
		i++
	}
	switch {
	case w.at(i) == "daily":
		return days{week: "*", month: "*"}, i + 1
	case w.is(i, "once", "daily"):
		return days{week: "*", month: "*"}, i + 2
	case w.is(i, "once", "a", "day"):
		return days{week: "*", month: "*"}, i + 3
	case w.at(i) == "nightly":
		return days{week: "*", month: "*", part: night}, i + 1
	case w.at(i) == "weekly", w.is(i, "once", "a", "week"), w.is(i, "every", "week"), w.is(i, "each", "week"):
		for !w.any(i, "week", "weekly") {
			i++
		}
		if w.at(i+1) == "on" {
			i++
		}
		field, next := w.weekDays(i+1, true)
		return days{week: field, month: "*"}, next
	}
	every := w.any(i, "every", "each")
	if every {
		i++
		if p := partWord(w.at(i)); p != anyPart {
			return days{week: "*", month: "*", part: p}, i + 1
		}
	}
	field, next := w.weekDays(i, every)
	if next < 0 {
		return days{}, -1
	}
	d := days{week: field, month: "*"}
	if p := partWord(strings.TrimSuffix(w.at(next), "s")); p != anyPart && !w.pause(next-1) {
		d.part, next = p, next+1
	}
	return d, next
}

// weekDays reads days of the week, joined by commas and "and". Each must be in the plural unless every was said.
func (w words) weekDays(i int, every bool) (field string, next int) {
	var said []string
	for len(said) <= 7 {
		day, plural := dayField(w.at(i))
		if day == "" || !every && !plural {
			return "", -1
		}
		said = append(said, day)
		i++
		switch {
		case w.pause(i-1) && w.at(i) == "and":
			i++
		case w.pause(i - 1):
		case w.at(i) == "and":
			if day, _ := dayField(w.at(i + 1)); day == "" {
				return strings.Join(said, ","), i
			}
			i++
		default:
			return strings.Join(said, ","), i
		}
		if day, _ := dayField(w.at(i)); day == "" {
			return strings.Join(said, ","), i
		}
	}
	return "", -1
}

// dayField returns the day or days that s names, as crontab counts them, and whether it is said in the plural.
func dayField(s string) (field string, plural bool) {
	switch s {
	case "day":
		return "*", false
	case "weekday", "workday":
		return "1-5", false
	case "weekdays", "workdays":
		return "1-5", true
	case "weekend":
		return "0,6", false
	case "weekends":
		return "0,6", true
	}
	bare, plural := strings.CutSuffix(s, "s")
	if d := weekdayName(bare); d >= 0 && (!plural || len(bare) > 5) {
		return strconv.Itoa(int(d)), plural
	}
	if d := weekdayName(s); d >= 0 {
		return strconv.Itoa(int(d)), false
	}
	return "", false
}

// monthly reads "on the 1st of every month", "every 15th", "every month on the 1st", "monthly on the 1st".
func (w words) monthly(i int) (days, int) {
	begins := w.any(i, "monthly") || w.is(i, "every", "month") || w.is(i, "each", "month") || w.is(i, "once", "a", "month")
	if begins {
		for !w.any(i, "month", "monthly") {
			i++
		}
		i++
	}
	if w.at(i) == "on" {
		i++
	}
	every := !begins && w.any(i, "every", "each")
	if every || w.at(i) == "the" {
		i++
	}
	n := ordinal(w.at(i))
	if n < 1 || n > 31 || weekdayName(w.at(i+1)) >= 0 {
		return days{}, -1
	}
	i++
	of := w.is(i, "of", "every", "month") || w.is(i, "of", "each", "month") || w.is(i, "of", "the", "month")
	if of {
		i += 3
	}
	if !of && !begins && !every {
		return days{}, -1
	}
	return days{week: "*", month: strconv.Itoa(n)}, i
}
