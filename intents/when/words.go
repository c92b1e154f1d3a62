package when

import (
	"slices"
	"strings"
)

// words is a line as it came in, with commas behind words.
type words []string

// at returns word i without its comma, "" behind the end.
func (w words) at(i int) string {
	if i < 0 || i >= len(w) {
		return ""
	}
	return strings.TrimSuffix(w[i], ",")
}

// pause reports whether a comma stands behind word i.
func (w words) pause(i int) bool { return i >= 0 && i < len(w) && strings.HasSuffix(w[i], ",") }

// is reports whether said stands at i, without a comma between its words.
func (w words) is(i int, said ...string) bool {
	for k, s := range said {
		if w.at(i+k) != s || k > 0 && w.pause(i+k-1) {
			return false
		}
	}
	return true
}

// any reports whether one of said stands at i.
func (w words) any(i int, said ...string) bool {
	at := w.at(i)
	return slices.Contains(said, at)
}

// text returns the words up to end as they were said.
func (w words) text(end int) string {
	return strings.TrimSuffix(strings.Join(w[:min(end, len(w))], " "), ",")
}

// digits reports whether s is one or more decimal digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Vocabulary returns the words of four letters and more that times are said with, for whoever puts slips of the finger right before reading.
func Vocabulary() []string {
	return strings.Fields(`
		second seconds minute minutes hour hours day days week weeks fortnight half quarter quarters couple
		sunday monday tuesday wednesday thursday friday saturday sundays mondays tuesdays wednesdays thursdays fridays saturdays
		weekday weekdays weekend weekends workday workdays
		january february march april june july august september october november december
		every each daily nightly hourly weekly monthly once twice times
		today tonight tomorrow yesterday morning afternoon evening night noon midday midnight
		until till from since between during within over last past next this coming starting after
		three four five seven eight nine eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
		twenty thirty forty fifty sixty seventy eighty ninety first third fourth fifth`)
}
