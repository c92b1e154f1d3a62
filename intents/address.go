package intents

import (
	"net/netip"
	"strings"
	"time"
)

// address reads where a node is: an IP address, or the name of a host with a dot in it.
func (m *matcher) address(i int) int {
	t := &m.toks[i]
	if !isAddress(t.raw) {
		return -1
	}
	m.vals = append(m.vals, strings.ToLower(t.raw))
	return i + 1
}

// isAddress reports whether w is an address that a node can have: no port, no path, nothing that stands for several machines or for none.
func isAddress(w string) bool {
	if a, err := netip.ParseAddr(w); err == nil {
		return !a.IsUnspecified() && !a.IsMulticast() && a.Zone() == "" && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	const most = 253 // RFC 1035 section 3.1
	if len(w) > most || !strings.ContainsRune(w, '.') {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(w, ".") {
		if !hostLabel(label) {
			return false
		}
		last = label
	}
	return !digits(last) // 192.0.2.300 is a slip and no name
}

// hostLabel reports whether s is a part of a host's name (RFC 1123 section 2.1).
func hostLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// moment reads a time that is to come: "22:00", "tomorrow at 02:00", "2026-06-12 02:00", 2026-06-12T02:00:00+02:00. Its value is in RFC 3339, in the
// zone of who speaks. What has passed and what lies more than 30 days ahead is none.
func (m *matcher) moment(i int) int {
	at, next := m.momentAt(i)
	if next < 0 || !m.now.IsZero() && (at.Before(m.now) || at.Sub(m.now) > longestSpan) {
		return -1
	}
	m.vals = append(m.vals, at.Format(time.RFC3339))
	return next
}

// momentAt reads the words of a time at i and returns the word behind them; -1 where there is none, or no clock to read it against.
func (m *matcher) momentAt(i int) (time.Time, int) {
	if i >= len(m.toks) {
		return time.Time{}, -1
	}
	if at, err := time.Parse(time.RFC3339, m.toks[i].raw); err == nil {
		return at, i + 1
	}
	if m.now.IsZero() {
		return time.Time{}, -1
	}
	day, dated := m.now, true
	switch date, err := time.ParseInLocation(time.DateOnly, m.toks[i].raw, m.now.Location()); {
	case err == nil:
		day = date
	case m.toks[i].low == "tomorrow":
		day = m.now.AddDate(0, 0, 1)
	case m.toks[i].low != "today":
		dated = false
	}
	if dated {
		if i++; i < len(m.toks) && m.toks[i].word == wordAt {
			i++
		}
	}
	if i >= len(m.toks) {
		return time.Time{}, -1
	}
	said, next := m.toks[i].low, i+1
	if next < len(m.toks) && (m.toks[next].low == "am" || m.toks[next].low == "pm") {
		said += m.toks[next].low
		next++
	}
	hour, minute, ok := timeOfDay(said)
	if !ok {
		return time.Time{}, -1
	}
	at := time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, m.now.Location())
	if !dated && !at.After(m.now) {
		at = time.Date(day.Year(), day.Month(), day.Day()+1, hour, minute, 0, 0, m.now.Location())
	}
	return at, next
}

// since returns the time in front of the word at i, which stands between two: that of "from 22:00 until 02:00". Zero where there is none.
func (m *matcher) since(i int) time.Time {
	for j := i - 1; j > 0; j-- {
		if m.toks[j-1].word != wordFrom && m.toks[j-1].low != "between" {
			continue
		}
		if at, next := m.momentAt(j); next == i {
			return at
		}
	}
	return time.Time{}
}

// untilWord reports whether the word at i says that a time of day follows: "until", and what stands between the two times of "from 22:00 to 02:00".
func (m *matcher) untilWord(i int) bool {
	switch t := &m.toks[i]; {
	case t.word == wordUntil:
		return true
	case t.word == wordTo || t.word == wordAnd || t.low == "till":
		return !m.since(i).IsZero()
	}
	return false
}
