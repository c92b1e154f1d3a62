package intents

import (
	"strconv"
	"strings"
	"time"
)

// longestSpan is the longest duration that is taken at its word.
const longestSpan = 30 * 24 * time.Hour

// span reads a duration: 2h, 1h30m, "90 minutes", "an hour and a half", "2 hours and 15 minutes". Its value is
// a Go duration. A bare number is none, nor is nothing or more than longestSpan.
//
// Behind "until" it reads a time of day instead, and the value is how long it is until then.
func (m *matcher) span(i int) int {
	d, next := m.spanAt(i)
	if i > 0 && m.untilWord(i-1) {
		d, next = m.untilAt(i)
	}
	if next < 0 || d <= 0 || d > longestSpan {
		return -1
	}
	m.vals = append(m.vals, d.String())
	return next
}

// spanAt reads the words of a duration at i and returns it with the word behind, -1 where there is none.
func (m *matcher) spanAt(i int) (d time.Duration, next int) {
	next = -1
	for last := time.Duration(0); i < len(m.toks); {
		j := i
		if next > 0 && m.toks[j].word == wordAnd {
			j++
		}
		step, after := m.spanPart(j, d)
		if after < 0 || next > 0 && step >= last || d > longestSpan {
			break // what follows a part is smaller: an hour and a half, 1h 30m
		}
		d, i, next, last = d+step, after, after, step
		if m.toks[after-1].comma {
			break
		}
	}
	return d, next
}

// spanPart reads one part of a duration at i: "2h", "90 minutes", "an hour", "half an hour", and behind a whole
// unit "a half". so is what was read before.
func (m *matcher) spanPart(i int, so time.Duration) (time.Duration, int) {
	at := func(j int) string {
		if j < len(m.toks) && !m.toks[j].quoted {
			return m.toks[j].low
		}
		return ""
	}
	w := at(i)
	if w == "" && so == 0 && i < len(m.toks) {
		w = m.toks[i].low // a quoted whole: "2h"
	}
	if d, ok := compactSpan(w); ok {
		return d, i + 1
	}
	if w == "half" && (at(i+1) == "an" || at(i+1) == "a") {
		if u := unit(at(i + 2)); u > 0 {
			return u / 2, i + 3
		}
	}
	if w == "a" && at(i+1) == "half" && so > 0 {
		return halfOf(so), i + 2
	}
	if u := unit(w); u > 0 && so == 0 {
		return u, i + 1 // "the last hour"
	}
	u := unit(at(i + 1))
	if u == 0 {
		return 0, -1
	}
	if w == "a" || w == "an" {
		return u, i + 2
	}
	if n := m.toks[i].number(); n != "" {
		w = n
	}
	d, ok := times(w, u)
	if !ok {
		return 0, -1
	}
	return d, i + 2
}

// halfOf returns half of the unit that so ends in: half an hour behind hours, half a day behind days.
func halfOf(so time.Duration) time.Duration {
	for _, u := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if so%u == 0 {
			return u / 2
		}
	}
	return 0
}

// times returns number, a decimal, times u; false where it is no number or too large to be meant.
func times(number string, u time.Duration) (time.Duration, bool) {
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, false
	}
	d := f * float64(u)
	if d > float64(longestSpan)+float64(24*time.Hour) {
		return longestSpan + 24*time.Hour, true
	}
	return time.Duration(d).Round(time.Millisecond), true
}

// unit returns how long one of w is, 0 where w is no unit of time.
func unit(w string) time.Duration {
	switch w {
	case "ms", "millisecond", "milliseconds":
		return time.Millisecond
	case "s", "sec", "secs", "second", "seconds":
		return time.Second
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute
	case "h", "hr", "hrs", "hour", "hours":
		return time.Hour
	case "d", "day", "days":
		return 24 * time.Hour
	case "w", "week", "weeks":
		return 7 * 24 * time.Hour
	}
	return 0
}

// compactSpan reads a duration in one word: 2h, 90min, 1h30m, 1.5h, 2d12h.
func compactSpan(w string) (time.Duration, bool) {
	if w == "" || w[0] < '0' || w[0] > '9' {
		return 0, false
	}
	var sum time.Duration
	for w != "" {
		n := 0
		for n < len(w) && (w[n] >= '0' && w[n] <= '9' || w[n] == '.') {
			n++
		}
		end := n
		for end < len(w) && w[end] >= 'a' && w[end] <= 'z' {
			end++
		}
		u := unit(w[n:end])
		d, ok := times(w[:n], u)
		if u == 0 || !ok || n == 0 {
			return 0, false
		}
		sum = min(sum+d, longestSpan+24*time.Hour)
		w = w[end:]
	}
	return sum, true
}

// faultySpan says what is wrong with the words at i that stand where a duration should, in f, and returns the
// word behind them, -1 where they are nothing like one.
func (m *matcher) faultySpan(f *fault, i int) int {
	d, next := m.spanAt(i)
	said := m.toks[i].low
	switch {
	case i > 0 && m.toks[i-1].word == wordUntil:
		if f.text = shown(said) + " is no time of day"; next < 0 {
			next = i + 1
		}
	case next > 0 && d > longestSpan:
		f.kind, f.text = faultRefused, "longer than 30 days"
	case next > 0:
		f.kind, f.text = faultRefused, "nothing lasts no time at all"
	case strings.HasPrefix(said, "-"):
		f.kind, f.text = faultRefused, shown(said)+" lies in the past"
		next = i + 1
		if next < len(m.toks) && unit(m.toks[next].low) > 0 {
			next++
		}
	case m.toks[i].number() != "":
		n := m.toks[i].number()
		f.text, f.choices = "a time span needs a unit", []string{n + "m", n + "h"}
		next = i + 1
	default:
		return -1
	}
	return next
}
