package when

import "time"

// day is a day as said.
type day struct {
	date
	other date // the second reading; zero where there is none
	part  part
	again bool // it is today's day of the week, which may as well mean the one in a week
	alone bool // it is no abbreviation, and means a day also where no time of day follows
}

// day reads a day at i: today, tonight, tomorrow, friday, next friday, the day after tomorrow, friday next week, or a date. It returns the word
// behind, -1 where there is none.
func (w words) day(i int, now time.Time) (day, int, *Error) {
	today := dateOf(now)
	if w.at(i) == "the" && w.any(i+1, "day", "coming", "next") {
		i++
	}
	d, next := w.near(i, today)
	if next < 0 {
		d, next = w.weekday(i, today)
	}
	if next < 0 {
		d, next, err := w.calendar(i, today)
		if next < 0 || err != nil {
			return d, next, err
		}
		d.alone = true
		return w.partOf(d, next)
	}
	return w.partOf(d, next)
}

// partOf reads the part of the day behind a day: tomorrow morning.
func (w words) partOf(d day, next int) (day, int, *Error) {
	if d.part == anyPart && !w.pause(next-1) {
		if p := partWord(w.at(next)); p != anyPart {
			d.part, next = p, next+1
		} else if p, after := w.partBehind(next); p != anyPart {
			d.part, next = p, after
		}
	}
	return d, next, nil
}

// near reads the days that have names from today on.
func (w words) near(i int, today date) (day, int) {
	switch w.at(i) {
	case "today":
		return day{date: today, alone: true}, i + 1
	case "tonight":
		return day{date: today, part: night, alone: true}, i + 1
	case "tomorrow", "tmrw", "tomorow":
		return day{date: today.plus(1), alone: true}, i + 1
	case "yesterday":
		return day{date: today.plus(-1), alone: true}, i + 1
	case "this":
		if p := partWord(w.at(i + 1)); p != anyPart && !w.pause(i) {
			return day{date: today, part: p, alone: true}, i + 2
		}
	case "day":
		if w.is(i, "day", "after", "tomorrow") {
			return day{date: today.plus(2), alone: true}, i + 3
		}
	}
	return day{}, -1
}

// weekday reads "friday", "this friday", "next friday", "friday next week". "next friday" is another one than "friday" for some people and not for
// others, unless that day of this week is over.
func (w words) weekday(i int, today date) (day, int) {
	which := ""
	if w.any(i, "this", "next", "coming") {
		which = w.at(i)
		i++
	}
	at := weekdayName(w.at(i))
	if at < 0 {
		return day{}, -1
	}
	ahead := (int(at) - int(today.weekday()) + 7) % 7
	d := day{date: today.plus(ahead), alone: len(w.at(i)) > 5 || which != ""}
	left := (7 - int(today.weekday())) % 7 // days of this week that are to come; it ends on Sunday
	switch {
	case which == "next" && ahead == 0:
		d.date = today.plus(7)
	case which == "next" && ahead <= left:
		d.other = today.plus(ahead + 7)
	case which == "" && ahead == 0:
		d.again = true
	}
	if which == "" && w.is(i+1, "next", "week") && !w.pause(i) {
		d.again, d.date = false, today.plus(left+1+(int(at)+6)%7)
		return d, i + 3
	}
	return d, i + 1
}

// weekdayName returns the day that s names in full or for short, -1 where it names none.
func weekdayName(s string) time.Weekday {
	switch s {
	case "sunday", "sun":
		return time.Sunday
	case "monday", "mon":
		return time.Monday
	case "tuesday", "tue", "tues":
		return time.Tuesday
	case "wednesday", "wed":
		return time.Wednesday
	case "thursday", "thu", "thur", "thurs":
		return time.Thursday
	case "friday", "fri":
		return time.Friday
	case "saturday", "sat":
		return time.Saturday
	}
	return -1
}
