package when

import (
	"strconv"
	"time"
)

// ReadSchedule reads how often something comes at the head of said: "every sunday at 4", "every 30 minutes", "weekdays at 05:30", "on the 1st of every month
// at 6", "twice a day", five fields as in crontab(5), "@every 30m". An hour alone is one of 24 here: every day at 4 is at 04:00.
func ReadSchedule(said []string) (Found, error) {
	w := words(said)
	value, next, err := w.schedule()
	return w.found(Found{Kind: Schedule, Cron: value}, next, 0, err)
}

// schedule reads a schedule and returns the word behind it, -1 where there is none.
func (w words) schedule() (string, int, *Error) {
	if value, n := w.fields(); n > 0 {
		return value, n, nil
	}
	switch w.at(0) {
	case "":
		return "", -1, nil
	case "@every":
		return w.everySpan(1)
	case "hourly":
		if w.at(1) == "at" {
			return w.pastHour(2)
		}
	case "every", "each", "once", "twice", "three", "four", "six":
		if value, next, err := w.timesPer(); next > 0 {
			return value, next, err
		}
	}
	if value := nickname(w.at(0)); value != "" {
		return value, 1, nil
	}
	return w.weekly()
}

// timesPer reads "every 30 minutes", "every hour", "every other day", "twice an hour", "once a day at 5".
func (w words) timesPer() (string, int, *Error) {
	if w.any(0, "every", "each") {
		if w.any(1, "other", "second") && w.at(2) != "" && (unit(w.at(2)) > 0 || weekdayName(w.at(2)) >= 0 || w.any(2, "night", "weekday", "weekend")) {
			if u := unit(w.at(2)); u > 0 && u < 24*time.Hour {
				value, err := every(2 * u)
				return value, 3, err
			}
			return "", 3, &Error{Why: NotRegular, Detail: "crontab cannot leave every second one out"}
		}
		if w.is(1, "hour", "at") && !w.pause(1) {
			return w.pastHour(3)
		}
		if u := unit(w.at(1)); u >= 24*time.Hour {
			return "", -1, nil // of what time of the day or the week?
		}
		return w.everySpan(1)
	}
	n := map[string]time.Duration{"once": 1, "twice": 2, "three": 3, "four": 4, "six": 6}[w.at(0)]
	i := 1
	if n > 2 {
		if w.at(i) != "times" {
			return "", -1, nil
		}
		i++
	}
	u := unit(w.at(i + 1))
	if !w.any(i, "a", "an", "every", "per", "each") || u < time.Minute || u > 7*24*time.Hour {
		return "", -1, nil
	}
	if w.at(i+2) == "at" || n == 1 && u >= 24*time.Hour {
		return "", -1, nil
	}
	value, err := every(u / n)
	return value, i + 2, err
}

// everySpan reads the span behind "every".
func (w words) everySpan(i int) (string, int, *Error) {
	d, next, err := w.span(i)
	if u := unit(w.at(i)); next < 0 && u > 0 {
		d, next = u, i+1
	}
	if next < 0 {
		return "", -1, nil
	}
	if err != nil && err.Why != Nothing {
		return "", next, err
	}
	value, err := every(d)
	return value, next, err
}

// pastHour reads the minute behind "every hour at": ":15", "quarter past", "15 past".
func (w words) pastHour(i int) (string, int, *Error) {
	said, next := w.at(i), i+1
	minute := -1
	switch {
	case len(said) == 3 && said[0] == ':' && digits(said[1:]):
		minute, _ = words{said[1:]}.number(0)
	case said == "quarter" && w.at(next) == "past":
		minute, next = 15, next+1
	case said == "half" && w.at(next) == "past":
		minute, next = 30, next+1
	case said == "quarter" && w.at(next) == "to":
		minute, next = 45, next+1
	default:
		n, after := w.number(i)
		if after > 0 && w.any(after, "minutes", "min") {
			after++
		}
		if after > 0 && w.at(after) == "past" {
			minute, next = n, after+1
		}
	}
	if minute < 0 {
		return "", -1, nil
	}
	if minute > 59 {
		return "", next, noSuch("an hour has 60 minutes")
	}
	return strconv.Itoa(minute) + " * * * *", next, nil
}
