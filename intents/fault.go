package intents

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// faultKind says what is wrong with a value.
type faultKind uint8

const (
	faultUnknown   faultKind = iota // a name that the inventory does not have
	faultMistyped                   // a name that is one slip away from exactly one of the inventory
	faultAmbiguous                  // a name that several things could mean
	faultForm                       // a value of the wrong form: a bare number for a run
	faultRefused                    // a value that is never right: a span of a hundred days
)

// fault is a value that stands where a slot's value should and is none.
type fault struct {
	kind    faultKind
	slot    string
	of      kind
	said    string   // as typed
	value   string   // with faultMistyped: what it is taken for
	choices []string // what could be meant
	at      int      // where in the slot's list it belongs, -1 where the whole list is in doubt
	text    string   // what is wrong, for a person
}

// faulty reads one value at word i that is not right, notes in m.fault what is wrong with it, and returns the
// word behind it; -1 where the word is nothing that a person would mean for this hole.
func (m *matcher) faulty(h *hole, i int) int {
	if h.kind == kindNode {
		return m.faultyNodes(h, i)
	}
	if h.kind.named() {
		return m.faultyName(h, i, 0)
	}
	t := &m.toks[i]
	f := &fault{kind: faultForm, slot: h.slot, of: h.kind, said: t.raw}
	next := i + 1
	switch h.kind {
	case kindRun:
		if t.word == wordRun && i+1 < len(m.toks) {
			next, f.said = i+2, m.toks[i+1].raw
		}
		if !digits(f.said) {
			return -1
		}
		f.text = "a bare number could be anything"
		f.choices = []string{"r-" + f.said}
	case kindDuration, kindPeriod:
		next = m.faultySpan(f, i)
	case kindState, kindPlatform:
		if reserved(t.low) {
			return -1
		}
		f.choices = states()
		if h.kind == kindPlatform {
			f.choices = []string{"linux", "darwin"}
		}
		f.text = "there is no " + h.kind.String() + " " + strconv.Quote(t.raw)
		if near := closest(t.low, f.choices); near == "" {
			return -1
		}
	case kindURL, kindPrefix:
		if !isURL(t.raw) {
			return -1
		}
		_, why := cleanURL(t.raw)
		f.text = why
	case kindTopic:
		if len(m.toks) != i+1 || reserved(t.low) {
			return -1
		}
		f.text = "there is nothing called " + strconv.Quote(t.raw)
		f.choices = m.p.catalog.topicsNear(t.low)
	case kindCount, kindVNI, kindRate:
		if !digits(t.raw) && !strings.HasPrefix(t.raw, "-") {
			return -1
		}
		f.text = t.raw + " is out of range"
	default:
		return -1
	}
	if next > 0 {
		m.fault = f
	}
	return next
}

// faultyName reads one or two words at i as a name that the inventory does not have. at is its place in a list.
func (m *matcher) faultyName(h *hole, i, at int) int {
	t := &m.toks[i]
	if t.quoted {
		m.fault = m.p.fault(h, t.raw, at)
		return i + 1
	}
	if reserved(t.low) || isURL(t.raw) || utf8.RuneCountInString(t.raw) > 64 || len(t.raw) == 0 || t.raw[0] == '-' || t.raw[0] == '\'' {
		return -1
	}
	article := i > 0 && (m.toks[i-1].word == wordThe || m.toks[i-1].low == "a" || m.toks[i-1].low == "my")
	if i+1 < len(m.toks) && !t.comma && (digits(m.toks[i+1].raw) || numberWord(m.toks[i+1].low) != "") && !digits(t.raw) {
		number := m.toks[i+1].raw
		if !digits(number) {
			number = numberWord(m.toks[i+1].low)
		}
		m.fault = m.p.fault(h, t.raw+"-"+number, at)
		return i + 2
	}
	f := m.p.fault(h, t.raw, at)
	if article && f.kind == faultUnknown && !slices.ContainsFunc([]byte(t.raw), func(c byte) bool { return '0' <= c && c <= '9' }) {
		return -1 // "flush the toilet" is not about us
	}
	m.fault = f
	return i + 1
}

// fault says what is wrong with the name said: mistyped, ambiguous, or unknown.
func (p *Parser) fault(h *hole, said string, at int) *fault {
	f := &fault{kind: faultUnknown, slot: h.slot, of: h.kind, said: said, at: at}
	if key, ok := appendKey(nil, said); ok {
		if same := p.names.same(h.kind, key); len(same) > 1 {
			f.kind, f.choices = faultAmbiguous, same
			f.text = strconv.Quote(said) + " could be " + orList(same)
			return f
		}
	}
	if near := p.names.mistyped(h.kind, said); near != "" {
		f.kind, f.value, f.choices = faultMistyped, near, []string{near}
		f.text = "taking " + said + " as " + near
		return f
	}
	f.choices = p.Nearest(h.kind.String(), said)
	f.text = "there is no " + h.kind.String() + " " + strconv.Quote(said)
	if digits(said) {
		f.text = "a bare number could be anything"
	}
	return f
}

// orList joins names for a person: "edge-1, edge-2 or edge-3".
func orList(names []string) string { return joined(names, " or ") }

// joined joins names with commas, and the last with the word last.
func joined(names []string, last string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	n := len(names) - 1
	return strings.Join(names[:n], ", ") + last + names[n]
}
