package intents

import (
	"errors"
	"strings"
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// longestSpan is the longest duration that is taken at its word.
const longestSpan = when.Longest

// span reads a duration: 2h, 1h30m, "90 minutes", "an hour and a half", "2 hours and 15 minutes". Its value is
// a Go duration. A bare number is none, nor is nothing or more than longestSpan.
//
// Behind "until", and behind the beginning of a window ("from 22:00 to"), it reads a time instead, and the value is how long it is until then.
func (m *matcher) span(i int) int {
	d, next := m.spanAt(i)
	if m.toks[i].word == wordUntil || i > 0 && m.untilWord(i-1) {
		d, next, _ = m.untilAt(i)
	}
	if next < 0 || d <= 0 || d > longestSpan {
		return -1
	}
	m.vals = append(m.vals, d.String())
	return next
}

// spanAt reads the words of a duration at i and returns it with the word behind, -1 where there is none. One that is too long is longer than
// longestSpan, one of no length is 0.
func (m *matcher) spanAt(i int) (d time.Duration, next int) {
	f, next, err := m.spanSaid(i)
	switch {
	case next < 0:
		return 0, -1
	case err == nil:
		return f.Span, next
	case err.Why == when.TooFar:
		return longestSpan + 1, next
	case err.Why == when.Nothing:
		return 0, next
	}
	return 0, -1
}

// spanSaid reads a duration at i, also a unit alone: "the last hour".
func (m *matcher) spanSaid(i int) (f when.Found, next int, err *when.Error) {
	f, next, err = m.said(i, func(words []string) (when.Found, error) { return when.ReadSpan(words) })
	if u := when.Unit(m.toks[i].low); next < 0 && u > 0 {
		return when.Found{Kind: when.Span, Span: u, Words: 1}, i + 1, nil
	}
	return f, next, err
}

// said lets read read the words from i on, and returns the word behind those it took; -1 where it found no time. What stands in quotation marks is
// read as a whole or not at all.
func (m *matcher) said(i int, read func(words []string) (when.Found, error)) (f when.Found, next int, wrong *when.Error) {
	t := &m.toks[i]
	var space [mostTimeWords]string
	words := m.phrase(space[:0], i)
	if t.quoted {
		words = strings.Fields(t.low)
	}
	f, err := read(words)
	took := f.Words
	if errors.As(err, &wrong) {
		took = wrong.Words
	}
	switch {
	case took == 0, t.quoted && took < len(words):
		return when.Found{}, -1, nil
	case t.quoted:
		return f, i + 1, wrong
	}
	return f, i + took, wrong
}

// mostTimeWords bounds how many words a time is said in.
const mostTimeWords = 16

// phrase appends the words from i on in lower case to buf, up to a quoted one, each with its comma.
func (m *matcher) phrase(buf []string, i int) []string {
	for ; i < len(m.toks) && len(buf) < mostTimeWords && !m.toks[i].quoted; i++ {
		w := m.toks[i].low
		if m.toks[i].comma {
			w += ","
		}
		buf = append(buf, w)
	}
	return buf
}

// faultySpan says what is wrong with the words at i that stand where a duration should, in f, and returns the
// word behind them, -1 where they are nothing like one.
func (m *matcher) faultySpan(f *fault, i int) int {
	said := m.toks[i].low
	if m.toks[i].word == wordUntil || i > 0 && m.untilWord(i-1) {
		_, next, err := m.untilAt(i)
		if err == nil {
			f.text = shown(said) + " is no time of day"
			return i + 1
		}
		m.wrongTime(f, err)
		for k, reading := range f.choices { // it is a span that is asked for
			if d := m.untilReading(reading); d > 0 {
				f.choices[k] = when.Short(d)
			}
		}
		return max(next, i+1)
	}
	if _, next, err := m.spanSaid(i); next > 0 && err != nil {
		m.wrongTime(f, err)
		return next
	}
	if n := m.toks[i].number(); n != "" {
		f.text, f.choices = "a time span needs a unit", []string{n + "m", n + "h"}
		return i + 1
	}
	return -1
}

// wrongTime says in f why words that say a time cannot be used.
func (m *matcher) wrongTime(f *fault, err *when.Error) {
	switch f.text = err.Error(); err.Why {
	case when.TooFar:
		f.kind, f.text = faultRefused, "longer than 30 days"
	case when.Nothing:
		f.kind, f.text = faultRefused, "nothing lasts no time at all"
	case when.Past:
		f.kind, f.text = faultRefused, shown(err.Said)+" lies in the past"
	case when.TwoReadings:
		f.choices = append([]string(nil), err.Readings...)
	}
}

// untilReading returns how long it is until one reading of a time, 0 where it is none.
func (m *matcher) untilReading(reading string) time.Duration {
	at, err := when.ReadMoment(strings.Fields(strings.ToLower(reading)), m.now)
	if err != nil || at.Kind != when.Moment {
		return 0
	}
	return at.Start.Sub(m.now)
}
