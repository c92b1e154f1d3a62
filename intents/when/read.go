package when

import (
	"strings"
	"time"
)

// most bounds how many words one time is said in.
const most = 20

// Read reads the time that begins with the first of said, of whatever kind: the reading that takes the most words. Where no time begins there, it returns the
// zero Found and no error; where one does that cannot be used, an *Error.
//
// now is the clock, and its location the zone in which times are meant. Cost is that of a few comparisons where no time begins.
func Read(said []string, now time.Time) (Found, error) {
	if len(said) == 0 || !Begins(said[0]) {
		return Found{}, nil
	}
	if len(said) > most {
		said = said[:most]
	}
	var best Found
	var wrong *Error
	for _, read := range [...]func() (Found, error){
		func() (Found, error) { return ReadSchedule(said) },
		func() (Found, error) { return ReadBack(said, now) },
		func() (Found, error) { return ReadWindow(said, now) },
		func() (Found, error) { return ReadMoment(said, now) },
		func() (Found, error) { return ReadSpan(said) },
	} {
		f, err := read()
		if e, ok := err.(*Error); ok && (wrong == nil || e.Words > wrong.Words) {
			wrong = e
		}
		if f.Words > best.Words {
			best = f
		}
	}
	if wrong != nil && wrong.Words > best.Words {
		return Found{}, wrong
	}
	return best, nil
}

// Begins tells at a glance whether a time may begin with the word s, in lower case.
func Begins(s string) bool {
	if s == "" {
		return false
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '*', c == '@':
		return true
	case c == '-':
		return len(s) > 1 && s[1] >= '0' && s[1] <= '9'
	case c < 'a' || c > 'z':
		return false
	}
	if n := len(s); s[n-1] == ',' {
		s = s[:n-1]
	}
	switch s {
	case "a", "an", "at", "begin", "beginning", "between", "by", "daily", "day", "during", "each", "every", "for", "from", "fortnight", "half", "half-hour", "hourly",
		"in", "last", "midday", "midnight", "monthly", "next", "nightly", "noon", "on", "once", "over", "past", "previous", "quarter", "since", "start", "starting", "the", "this",
		"til", "till", "today", "tomorow", "tomorrow", "tmrw", "tonight", "twice", "until", "weekdays", "weekends", "weekly", "within", "workdays", "yesterday", "coming":
		return true
	}
	if len(s) < 3 {
		return false
	}
	if numberWord(s) >= 0 || weekdayName(s) >= 0 || month(s) > 0 || ordinal(s) > 0 {
		return true
	}
	if _, plural := dayField(s); plural {
		return true
	}
	tens, _, hyphen := strings.Cut(s, "-")
	return hyphen && numberWord(tens) >= 0
}
