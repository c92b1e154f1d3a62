package intents

import (
	"strconv"
	"strings"
	"time"
)

// untilAt reads a time of day at word i and returns how long it is until it next comes, with the word behind it;
// -1 where there is none, or no clock to read it against.
func (m *matcher) untilAt(i int) (time.Duration, int) {
	if m.now.IsZero() {
		return 0, -1
	}
	said, next := m.toks[i].low, i+1
	if next < len(m.toks) && (m.toks[next].low == "am" || m.toks[next].low == "pm") {
		said += m.toks[next].low
		next++
	}
	hour, minute, ok := timeOfDay(said)
	if !ok {
		return 0, -1
	}
	now := m.now
	if from := m.since(i - 1); !from.IsZero() {
		now = from
	}
	year, month, day := now.Date()
	at := time.Date(year, month, day, hour, minute, 0, 0, now.Location())
	if !at.After(now) {
		at = time.Date(year, month, day+1, hour, minute, 0, 0, now.Location())
	}
	return at.Sub(now).Round(time.Second), next
}

// timeOfDay reads 18:00, 6pm, 6:30pm, noon and midnight. A bare number is no time.
func timeOfDay(w string) (hour, minute int, ok bool) {
	switch w {
	case "noon":
		return 12, 0, true
	case "midnight":
		return 0, 0, true
	}
	bare, pm := strings.CutSuffix(w, "pm")
	bare, am := strings.CutSuffix(bare, "am")
	h, mm, colon := strings.Cut(bare, ":")
	if !colon {
		mm = "00"
	}
	if !colon && !am && !pm || len(mm) != 2 || !digits(h) || !digits(mm) || len(h) > 2 {
		return 0, 0, false
	}
	hour, _ = strconv.Atoi(h) // two digits at most
	minute, _ = strconv.Atoi(mm)
	if am || pm {
		if hour < 1 || hour > 12 || am && pm {
			return 0, 0, false
		}
		if hour %= 12; pm {
			hour += 12
		}
	}
	return hour, minute, hour < 24 && minute < 60
}
