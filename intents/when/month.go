package when

import (
	"strconv"
	"strings"
	"time"
)

// date is a day of the calendar. The zero date is none.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// plus returns the date n days after d.
func (d date) plus(n int) date {
	return dateOf(time.Date(d.year, d.month, d.day+n, 12, 0, 0, 0, time.UTC))
}

// before reports whether d comes before e.
func (d date) before(e date) bool {
	if d.year != e.year {
		return d.year < e.year
	}
	if d.month != e.month {
		return d.month < e.month
	}
	return d.day < e.day
}

// weekday returns the day of the week that d is.
func (d date) weekday() time.Weekday {
	return time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC).Weekday()
}

// real reports whether the calendar has d.
func (d date) real() bool {
	return d.day > 0 && d.month >= 1 && d.month <= 12 && dateOf(time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC)) == d
}

// month returns the month that s names, 0 where it names none.
func month(s string) time.Month {
	switch s {
	case "january", "jan":
		return time.January
	case "february", "feb":
		return time.February
	case "march", "mar":
		return time.March
	case "april", "apr":
		return time.April
	case "may":
		return time.May
	case "june", "jun":
		return time.June
	case "july", "jul":
		return time.July
	case "august", "aug":
		return time.August
	case "september", "sep", "sept":
		return time.September
	case "october", "oct":
		return time.October
	case "november", "nov":
		return time.November
	case "december", "dec":
		return time.December
	}
	return 0
}

// calendar reads a date at i: 2026-06-12, june 12, 12 june, the 12th, the 12th of june 2026, 12/06, 12.06.
func (w words) calendar(i int, today date) (day, int, *Error) {
	if d, ok := isoDate(w.at(i)); ok {
		if !d.real() {
			return day{}, i + 1, noSuch("the calendar has no such day")
		}
		return day{date: d}, i + 1, nil
	}
	if d, next, err := w.slashDate(i, today); next > 0 {
		return d, next, err
	}
	the := w.at(i) == "the"
	if the {
		i++
	}
	if m := month(w.at(i)); m > 0 && !the {
		n := w.dayNumber(i + 1)
		if n == 0 || w.pause(i) {
			return day{}, -1, nil
		}
		return w.year(date{0, m, n}, i+2, today)
	}
	n := w.dayNumber(i)
	if n == 0 || w.pause(i) && !the {
		return day{}, -1, nil
	}
	j := i + 1
	if w.at(j) == "of" {
		j++
	}
	if m := month(w.at(j)); m > 0 {
		return w.year(date{0, m, n}, j+1, today)
	}
	if !the || ordinal(w.at(i)) == 0 {
		return day{}, -1, nil
	}
	return dayOfMonth(n, today), i + 1, nil
}

// dayNumber reads the number of a day at i, 0 where there is none.
func (w words) dayNumber(i int) int {
	s := w.at(i)
	if digits(s) && len(s) <= 2 {
		n, _ := strconv.Atoi(s) // two digits at most
		if n > 31 {
			return 0
		}
		return n
	}
	return ordinal(s)
}

// dayOfMonth returns the next nth.
func dayOfMonth(n int, today date) day {
	d := date{today.year, today.month, n}
	for range 12 {
		if d.real() && !d.before(today) {
			break
		}
		if d.month++; d.month > 12 {
			d.year, d.month = d.year+1, 1
		}
	}
	return day{date: d}
}

// year reads the year of d at i, where it is said; else it is the one in which d comes next.
func (w words) year(d date, i int, today date) (day, int, *Error) {
	if s := w.at(i); digits(s) && len(s) == 4 && s >= "1970" && s < "2200" {
		d.year, _ = strconv.Atoi(s) // four digits
		i++
	} else {
		d.year = today.year
		if d.before(today) {
			d.year++
		}
	}
	if !d.real() {
		return day{}, i, noSuch("the calendar has no such day")
	}
	return day{date: d}, i, nil
}

// isoDate reads 2026-06-12.
func isoDate(s string) (date, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' || !digits(s[:4]) || !digits(s[5:7]) || !digits(s[8:]) {
		return date{}, false
	}
	y, _ := strconv.Atoi(s[:4]) // digits only
	m, _ := strconv.Atoi(s[5:7])
	d, _ := strconv.Atoi(s[8:])
	return date{y, time.Month(m), d}, true
}

// slashDate reads 12/06, 12/06/2026, and with points, in which the day stands first: 12.06., 12.06.2026. With strokes people mean either.
func (w words) slashDate(i int, today date) (day, int, *Error) {
	s, points := w.at(i), false
	if s == "" || s[0] < '0' || s[0] > '9' || !strings.Contains(s, "/") && strings.Count(s, ".") < 2 {
		return day{}, -1, nil
	}
	fields := strings.Split(s, "/")
	if len(fields) == 1 && strings.Count(s, ".") == 2 {
		fields, points = strings.Split(strings.TrimSuffix(s, "."), "."), true
	}
	if len(fields) < 2 || len(fields) > 3 || !digits(fields[0]) || !digits(fields[1]) || len(fields[0]) > 2 || len(fields[1]) > 2 {
		return day{}, -1, nil
	}
	year := ""
	if len(fields) == 3 {
		if year = fields[2]; len(year) != 4 || !digits(year) {
			return day{}, -1, nil
		}
	}
	a, _ := strconv.Atoi(fields[0]) // two digits at most
	b, _ := strconv.Atoi(fields[1])
	one, _, err := words{year}.year(date{0, time.Month(b), a}, 0, today)
	other, _, otherErr := words{year}.year(date{0, time.Month(a), b}, 0, today)
	switch {
	case points || otherErr != nil:
		return one, i + 1, err
	case err != nil:
		return other, i + 1, nil
	case one.date != other.date:
		one.other = other.date
	}
	return one, i + 1, nil
}
