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
	if !words(said).promising() {
		return Found{}, nil
	}
	if len(said) > most {
		said = said[:most]
	}
	var best Found
	var wrong *Error
	for kind := range 5 {
		var f Found
		var err error
		switch kind {
		case 0:
			f, err = ReadSchedule(said)
		case 1:
			f, err = ReadBack(said, now)
		case 2:
			f, err = ReadWindow(said, now)
		case 3:
			f, err = ReadMoment(said, now)
		case 4:
			f, err = ReadSpan(said)
		}
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
func Begins(s string) bool { return weigh(s) > idle }

// weight is what a word says about time, taken alone.
type weight int

const (
	idle    weight = iota // nothing: no time begins with it
	leading               // a preposition or an article, which needs something behind it
	telling               // a time may begin with it
)

// promising reports whether a time may begin at the head of w: there is a word of time behind its prepositions and articles.
func (w words) promising() bool {
	for i := range min(len(w), 5) {
		switch weigh(w[i]) {
		case idle:
			return i > 0 && unit(w.at(i)) > 0
		case telling:
			return true
		}
	}
	return false
}

// weigh returns the weight of s.
func weigh(s string) weight {
	if s == "" {
		return idle
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '*', c == '@':
		return telling
	case c == '-':
		if len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
			return telling
		}
		return idle
	case c == '\'':
		return weigh(s[1:])
	case c < 'a' || c > 'z':
		return idle
	}
	s = strings.TrimSuffix(s, ",")
	switch s {
	case "a", "an", "at", "begin", "beginning", "between", "by", "during", "for", "from", "in", "on", "over", "start", "starting", "the", "til", "till", "until", "within":
		return leading
	case "coming", "couple", "daily", "day", "each", "every", "fortnight", "half", "half-hour", "hourly", "last", "midday", "midnight", "monthly", "next", "nightly", "noon", "once", "past",
		"previous", "quarter", "since", "this", "today", "tomorow", "tomorrow", "tmrw", "tonight", "twice", "weekdays", "weekends", "weekly", "workdays", "yesterday":
		return telling
	}
	if numberWord(s) >= 0 || weekdayName(s) >= 0 || month(s) > 0 || ordinal(s) > 0 {
		return telling
	}
	if _, plural := dayField(s); plural {
		return telling
	}
	if tens, _, ok := strings.Cut(s, "-"); ok && (numberWord(tens) >= 0 || clockLike(tens)) {
		return telling
	}
	return idle
}
