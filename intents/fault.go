package intents

import (
	"strings"
	"unicode"
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
	near    int      // how far the first of choices is from what was said
	at      int      // where in the slot's list it belongs, -1 where the whole list is in doubt
	text    string   // what is wrong, for a person
}

// shapeless reports whether nothing in the words suggests that they were meant as a value at all.
func (f *fault) shapeless() bool { return f.kind == faultForm && f.choices == nil && f.text == "" }

// faulty reads one value at word i that is not right, notes in m.faults what is wrong with it, and returns the
// word behind it; -1 where the word is nothing that a person would mean for this hole.
func (m *matcher) faulty(h *hole, i int) int {
	if h.kind == kindNode {
		return m.faultyNodes(h, i)
	}
	if h.kind.named() {
		return m.faultyName(h, i, 0)
	}
	if h.kind == kindURL {
		return m.faultyURLs(h, i)
	}
	f := &fault{kind: faultForm, slot: h.slot, of: h.kind, said: m.toks[i].raw, at: -1}
	next := m.faultyForm(f, i)
	if next > 0 {
		m.faults = append(m.faults, f)
	}
	return next
}

// faultyForm is faulty for values that are no names: it completes f.
func (m *matcher) faultyForm(f *fault, i int) int {
	switch f.of {
	case kindRun:
		return m.faultyRun(f, i)
	case kindDuration, kindPeriod:
		return m.faultySpan(f, i)
	case kindRate:
		return m.faultyRate(f, i)
	case kindTopic:
		return m.faultyTopic(f, i)
	case kindTime:
		return m.faultyMoment(f, i)
	case kindSchedule:
		return m.faultySchedule(f, i)
	case kindCommand:
		return m.faultyCommand(f, i)
	case kindReason, kindService, kindJobName:
		return -1
	}
	t := &m.toks[i]
	switch f.of {
	case kindState:
		f.choices = states()
	case kindPlatform:
		f.choices = []string{"linux", "darwin"}
	case kindPrefix:
		if _, f.text = cleanURL(t.raw); !isURL(t.raw) {
			f.text = "a prefix begins with / or is a URL"
		}
		if reserved(t.low) {
			return -1
		}
		return i + 1
	case kindCount, kindVNI:
		f.text = t.raw + " is out of range"
		if !digits(strings.TrimPrefix(t.raw, "-")) {
			return -1
		}
		return i + 1
	}
	f.text = "there is no " + f.of.String() + " " + shown(t.raw)
	if reserved(t.low) || closest(t.low, f.choices) == "" {
		return -1
	}
	return i + 1
}

// faultyRun says in f what is wrong with the word at i that stands where a run should.
func (m *matcher) faultyRun(f *fault, i int) int {
	next := i + 1
	if m.toks[i].word == wordRun && next < len(m.toks) {
		f.said = m.toks[next].raw
		next++
	}
	if !digits(f.said) {
		return -1
	}
	f.text, f.choices = "a bare number could be anything", []string{"r-" + f.said}
	return next
}

// faultyTopic says in f what is wrong with the word at i that stands where a subject of help should.
func (m *matcher) faultyTopic(f *fault, i int) int {
	t := &m.toks[i]
	if len(m.toks) != i+1 || reserved(t.low) {
		return -1
	}
	f.text = "there is nothing called " + shown(t.raw)
	if f.choices = m.p.catalog.topicsNear(t.low); f.choices != nil {
		f.kind, f.value, f.text = faultMistyped, f.choices[0], "taking "+t.raw+" as "+f.choices[0]
	}
	return i + 1
}

// faultyRate says in f what is wrong with the word at i that stands where a rate should.
func (m *matcher) faultyRate(f *fault, i int) int {
	bare := strings.TrimSuffix(strings.TrimSuffix(m.toks[i].low, "/s"), "rps")
	if !digits(strings.TrimPrefix(bare, "-")) {
		return -1
	}
	if bare == m.toks[i].low && number(bare, 1, mostRate) != "" {
		f.text, f.choices = "a rate needs a unit", []string{bare + "/s"}
		return i + 1
	}
	f.text = "a rate of " + bare + " is out of range"
	if next := m.rateUnit(i + 1); next > 0 {
		return next
	}
	return i + 1
}

// faultyName reads one or two words at i as a name that the inventory does not have. at is its place in a list.
func (m *matcher) faultyName(h *hole, i, at int) int {
	t := &m.toks[i]
	if t.quoted {
		m.faults = append(m.faults, m.p.fault(h, t.raw, at))
		return i + 1
	}
	if said, next := m.twoWords(i); next > 0 {
		m.faults = append(m.faults, m.p.fault(h, said, at))
		return next
	}
	if m.wordName(h, t, at) {
		return i + 1
	}
	if !m.nameLike(t) {
		return -1
	}
	f := m.p.fault(h, t.raw, at)
	article := i > 0 && (m.toks[i-1].word == wordThe || m.toks[i-1].low == "a" || m.toks[i-1].low == "my")
	if article && f.kind == faultUnknown && !strings.ContainsAny(t.raw, "0123456789") {
		return -1 // "flush the toilet" is not about us
	}
	m.faults = append(m.faults, f)
	return i + 1
}

// wordName notes in m.faults that t is a word of the language and a name as well, and reports whether it is.
func (m *matcher) wordName(h *hole, t *token, at int) bool {
	var ok bool
	if m.key, ok = appendKey(m.key[:0], t.raw); !ok || !reserved(t.low) {
		return false
	}
	names := m.p.names.same(h.kind, m.key)
	if len(names) == 0 {
		return false
	}
	f := &fault{kind: faultAmbiguous, slot: h.slot, of: h.kind, said: t.raw, at: at, text: quote(t.raw) + " is a word of the language and a " + h.kind.String()}
	for _, name := range names {
		f.choices = append(f.choices, quote(name))
	}
	m.faults = append(m.faults, f)
	return true
}

// nameLike reports whether the word t could be meant as a name: not a word of the grammar, not a URL, no punctuation.
func (m *matcher) nameLike(t *token) bool {
	const longest = 64 // bytes; a name that is longer is a mistake of another kind
	if reserved(t.low) || isURL(t.raw) || len(t.raw) > longest || t.raw == "" || strings.ContainsRune("-'<:", rune(t.raw[0])) {
		return false
	}
	if _, verb := m.p.catalog.auto.step(0, t.word); verb && t.word != wordNone {
		return false
	}
	return strings.ContainsFunc(t.raw, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// twoWords reads a word and a number at word i that could be one name: "edge 99", "edge ninety". It returns the
// name and the word behind, -1 where there is none.
func (m *matcher) twoWords(i int) (said string, next int) {
	t := &m.toks[i]
	if i+1 >= len(m.toks) || t.comma || digits(t.raw) || reserved(t.low) && !m.p.prefixes[t.low] {
		return "", -1
	}
	number := m.toks[i+1].number()
	if number == "" {
		return "", -1
	}
	return t.raw + "-" + number, i + 2
}

// fault says what is wrong with the name said: mistyped, ambiguous, or unknown.
func (p *Parser) fault(h *hole, said string, at int) *fault {
	f := &fault{kind: faultUnknown, slot: h.slot, of: h.kind, said: said, at: at}
	if key, ok := appendKey(nil, said); ok {
		if same := p.names.same(h.kind, key); len(same) > 1 {
			f.kind, f.choices = faultAmbiguous, same
			f.text = shown(said) + " could be " + orList(same)
			return f
		}
	}
	if near := p.names.mistyped(h.kind, said); near != "" {
		f.kind, f.value, f.choices = faultMistyped, near, []string{near}
		f.text = "taking " + said + " as " + near
		return f
	}
	f.choices, f.near = p.nearest(h.kind, said)
	f.text = "there is no " + h.kind.String() + " " + shown(said)
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
