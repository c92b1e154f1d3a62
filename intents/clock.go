package intents

import (
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// untilAt reads the end of a window at word i and returns how long it is from its beginning to then: from now on behind "until", from the time said before
// in "from 22:00 to 02:00". next is the word behind it, -1 where there is none, or no clock to read it against.
func (m *matcher) untilAt(i int) (d time.Duration, next int, err *when.Error) {
	if m.now.IsZero() {
		return 0, -1, nil
	}
	read := func(words []string) (when.Found, error) { return when.ReadWindow(words, m.now) }
	if i > 0 && m.toks[i].word != wordUntil {
		if begin := m.since(i); begin >= 0 {
			f, next, err := m.said(begin, read)
			return f.Span, next, err
		}
		i--
	}
	f, next, err := m.said(i, read)
	if err == nil && (f.Kind != when.Window || !f.Start.IsZero()) {
		return 0, -1, nil
	}
	return f.Span, next, err
}

// untilWord reports whether the word at i says that a time of day follows: "until", and what stands between the two times of "from 22:00 to 02:00".
func (m *matcher) untilWord(i int) bool {
	switch t := &m.toks[i]; {
	case t.quoted:
		return false
	case t.word == wordUntil || t.low == "till" || t.low == "til":
		return true
	case t.word == wordTo || t.word == wordAnd || t.low == "-":
		return m.since(i+1) >= 0
	}
	return false
}

// mostBefore bounds how many words a beginning is said in.
const mostBefore = 7

// since returns where the window begins whose end is at word i, -1 where there is none.
func (m *matcher) since(i int) int {
	if m.now.IsZero() {
		return -1
	}
	for j := max(0, i-1-mostBefore); j < i-1; j++ {
		if m.toks[j].quoted || !when.Begins(m.toks[j].low) {
			continue
		}
		f, next, err := m.said(j, func(words []string) (when.Found, error) { return when.ReadWindow(words, m.now) })
		if (f.Kind == when.Window && !f.Start.IsZero() || err != nil) && next > i && m.joint(j, i) == i-1 {
			return j
		}
	}
	return -1
}

// joint returns where the word stands that parts the ends of a window: the first between j and end that can.
func (m *matcher) joint(j, end int) int {
	for k := j + 1; k < end; k++ {
		switch m.toks[k].low {
		case "to", "until", "till", "til", "-", "and", "for":
			if m.toks[k-1].low != "quarter" {
				return k
			}
		}
	}
	return -1
}

// moment reads a time that is to come: "22:00", "tomorrow at 02:00", "in 2 hours", "2026-06-12 02:00", 2026-06-12T02:00:00+02:00. Its value is in RFC 3339,
// in the zone of who speaks. What has passed and what lies more than 30 days ahead is none. In "from 9 to 11am" the end says what the beginning is.
func (m *matcher) moment(i int) int {
	at, next, err := m.momentAt(i)
	if next < 0 || err != nil {
		return -1
	}
	m.vals = append(m.vals, at.Format(time.RFC3339))
	return next
}

// momentAt reads the words of a time at i and returns the word behind them; -1 where there is none, or no clock to read it against.
func (m *matcher) momentAt(i int) (time.Time, int, *when.Error) {
	if at, err := time.Parse(time.RFC3339, m.toks[i].raw); err == nil {
		if !m.now.IsZero() && (at.Before(m.now) || at.Sub(m.now) > longestSpan) {
			return time.Time{}, -1, nil
		}
		return at, i + 1, nil
	}
	if m.now.IsZero() {
		return time.Time{}, -1, nil
	}
	begin := i
	if i > 0 && !m.toks[i].quoted && !m.toks[i-1].quoted && (m.toks[i-1].word == wordFrom || m.toks[i-1].word == wordAt || m.toks[i-1].low == "between") {
		begin-- // it makes an hour of a bare number
	}
	f, next, wrong := m.said(begin, func(words []string) (when.Found, error) { return when.ReadWindow(words, m.now) })
	if k := m.joint(i, next); k > i && (wrong != nil || f.Kind == when.Window && !f.Start.IsZero()) {
		return f.Start, k, wrong
	}
	f, next, err := m.said(begin, func(words []string) (when.Found, error) { return when.ReadMoment(words, m.now) })
	if next <= i {
		return time.Time{}, -1, nil
	}
	return f.Start, next, err
}

// faultyMoment says in f what is wrong with the words at i that stand where a time should.
func (m *matcher) faultyMoment(f *fault, i int) int {
	_, next, err := m.momentAt(i)
	if next < 0 || err == nil {
		return -1
	}
	if m.wrongTime(f, err); err.Why == when.TooFar {
		f.text = shown(err.Said) + " is more than 30 days away"
	}
	for _, reading := range err.Readings {
		if m.untilReading(reading) <= 0 {
			f.choices = nil // they are windows, of which this is the beginning alone
		}
	}
	return next
}
