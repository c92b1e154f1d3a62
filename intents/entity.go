package intents

import (
	"strconv"
	"strings"
)

// entity is a thing that somebody speaks of: a name of the inventory, a time, a URL, a number.
type entity struct {
	kind     kind
	from, to int      // its words in the saying
	values   []string // canonical
	also     int32    // the first of the names that are written alike, -1 where there is none
	typed    bool     // said with what it is ("channel news"), quoted, or impossible to take for a word
	slip     string   // how a mistyped name was read: "taking egde-2 as edge-2"
	fault    *fault   // what is wrong with it: a name that the inventory does not have
	later    bool     // a time that is not now
}

// mask returns the word that stands in the text in place of e.
func (e *entity) mask() string {
	switch e.kind {
	case kindNode:
		return maskNode
	case kindSite:
		return maskSite
	case kindDeployment:
		return maskDeployment
	case kindTenant:
		return maskTenant
	case kindSegment:
		return maskSegment
	case kindPerson:
		return maskPerson
	case kindRule:
		return maskRule
	case kindJob:
		return maskJob
	case kindPlatform:
		return maskPlatform
	case kindURL, kindPrefix:
		return maskURL
	case kindTag:
		return maskTag
	case kindRun:
		return maskRun
	case kindDuration, kindPeriod:
		return maskDuration
	case kindSchedule:
		return maskTime
	case kindCount, kindRate:
		return maskNumber
	case kindVNI:
		return maskVNI
	case kindService:
		return maskService
	}
	return maskText
}

// things finds every entity of s.
func (m *matcher) things(s *saying) {
	m.toks = s.words
	m.part = &part{toks: s.words}
	for i := 0; i < len(s.words); {
		e := entity{from: i, also: -1}
		next := m.thing(s, &e, i)
		if next <= i {
			i++
			continue
		}
		e.to = next
		at := int16(len(s.ents))
		s.ents = append(s.ents, e)
		for j := i; j < next; j++ {
			s.of[j] = at
		}
		i = next
	}
}

// thing reads one entity at word i and returns the word behind it, -1 where there is none.
func (m *matcher) thing(s *saying, e *entity, i int) int {
	t := &m.toks[i]
	m.vals = m.vals[:0]
	if t.quoted {
		return m.quotedThing(e, i)
	}
	if next := m.formed(e, i); next > 0 {
		return next
	}
	if next := m.typedThing(e, i); next > 0 {
		return next
	}
	if next := m.someNodes(s, e, i); next > 0 {
		return next
	}
	if next := m.anyThing(e, i); next > 0 {
		return next
	}
	if next := m.amount(e, i); next > 0 {
		return next
	}
	return m.almostThing(s, e, i)
}

// put makes e a thing of kind k with the values read last.
func (m *matcher) putThing(e *entity, k kind, typed bool) {
	e.kind, e.typed = k, typed
	e.values = append([]string(nil), m.vals...)
	m.vals = m.vals[:0]
}

// quotedThing reads a quotation: a name where the inventory has it, else text.
func (m *matcher) quotedThing(e *entity, i int) int {
	t := &m.toks[i]
	for k := kindNode; k <= kindJob; k++ {
		if found, next := m.lookup(k, i); found >= 0 {
			m.vals = append(m.vals, m.p.names.names[found].text)
			m.putThing(e, k, true)
			return next
		}
	}
	if t.raw == "" {
		return -1
	}
	for _, known := range m.p.inv.Services {
		if strings.EqualFold(known, t.raw) {
			m.vals = append(m.vals, known)
			m.putThing(e, kindService, true)
			return i + 1
		}
	}
	m.vals = append(m.vals, t.raw)
	m.putThing(e, kindText, true)
	return i + 1
}

// formed reads what its form gives away: URLs, paths, runs, segments by number, tags, services.
func (m *matcher) formed(e *entity, i int) int {
	t := &m.toks[i]
	if isURL(t.raw) {
		next := m.urls(&hole{kind: kindURL, list: true}, i)
		m.putThing(e, kindURL, true)
		if next < 0 {
			_, why := cleanURL(t.raw)
			e.fault = &fault{kind: faultForm, slot: "url", of: kindURL, said: t.raw, text: why, at: -1}
			return i + 1
		}
		return next
	}
	switch {
	case t.raw[0] == '/' && len(t.raw) > 1:
		if v := wordValue(kindPrefix, t); v != "" {
			m.vals = append(m.vals, v)
			m.putThing(e, kindPrefix, true)
			return i + 1
		}
	case t.word == wordRun || t.low[0] == 'r':
		if next := m.run(i); next > 0 {
			m.putThing(e, kindRun, true)
			return next
		}
	case t.word == wordVNI || t.word == wordSegment:
		if next := m.segment(i); next > 0 {
			k := kindSegment
			if t.word == wordVNI && digits(m.vals[0]) {
				k = kindVNI
			}
			m.putThing(e, k, true)
			return next
		}
	case t.low == "tag" && i+1 < len(m.toks) && !t.comma:
		if v := wordValue(kindTag, &m.toks[i+1]); v != "" && m.toks[i+1].word == wordNone {
			m.vals = append(m.vals, v)
			m.putThing(e, kindTag, true)
			return i + 2
		}
	}
	return m.serviceThing(e, i)
}

// serviceThing reads the name of a service that is known, or the word behind "service".
func (m *matcher) serviceThing(e *entity, i int) int {
	if m.toks[i].low == "service" && i+1 < len(m.toks) && !m.toks[i].comma && (m.toks[i+1].quoted || m.toks[i+1].word == wordNone && strings.ToLower(m.toks[i+1].raw) != m.toks[i+1].raw) {
		if next := m.service(i + 1); next > 0 {
			m.putThing(e, kindService, true)
			return next
		}
	}
	for _, known := range m.p.inv.Services {
		if n := m.fits(i, known); n > 0 {
			m.vals = append(m.vals, known)
			m.putThing(e, kindService, true)
			return i + n
		}
	}
	return -1
}

// typedThing reads a name behind the word for what it is: "channel news", "site berlin"; so said, a name may be any word.
func (m *matcher) typedThing(e *entity, i int) int {
	t := &m.toks[i]
	k := kindNone
	switch t.low {
	case "deployment", "channel", "stream":
		k = kindDeployment
	case "tenant":
		k = kindTenant
	case "person", "user":
		k = kindPerson
	case "rule":
		k = kindRule
	case "job":
		k = kindJob
	}
	if k == kindNone || t.comma || i+1 >= len(m.toks) {
		return -1
	}
	found, next := m.typedName(k, i+1)
	if found < 0 {
		return -1
	}
	m.vals = append(m.vals, m.p.names.names[found].text)
	m.putThing(e, k, true)
	return next
}

// someNodes reads nodes: names, lists, ranges, selectors.
func (m *matcher) someNodes(s *saying, e *entity, i int) int {
	t := &m.toks[i]
	switch t.word {
	case wordAll, wordEvery, wordEach, wordEverything, wordBoth, wordNode, wordNodes, wordEdge, wordEdges, wordThe, wordMac, wordMacs, wordMacOS, wordDarwin, wordLinux:
	default:
		one, plural := strings.CutSuffix(t.low, "s")
		if !m.begins(i, kindNode) && !m.begins(i, kindSite) && !(plural && m.p.prefixes[one]) && !strings.Contains(t.raw, "..") && !strings.Contains(t.raw, "=") {
			return -1
		}
	}
	next := m.nodeList(&hole{kind: kindNode, list: true}, i, false)
	if next < 0 || next == i+1 && t.word != wordNone && !m.begins(i, kindNode) {
		m.vals = m.vals[:0]
		return -1
	}
	m.putThing(e, kindNode, m.plainNode(i, next))
	return next
}

// plainNode reports whether the words from i to next cannot be taken for anything but nodes.
func (m *matcher) plainNode(i, next int) bool {
	for j := i; j < next; j++ {
		if t := &m.toks[j]; t.quoted || t.word != wordNone || strings.ContainsAny(t.raw, "0123456789-_.") {
			return true
		}
	}
	return false
}

// begins reports whether a name of kind k may begin with word i: with the word alone or with those behind it.
func (m *matcher) begins(i int, k kind) bool {
	found, _ := m.lookup(k, i)
	return found >= 0
}

// anyThing reads a name of any other kind.
func (m *matcher) anyThing(e *entity, i int) int {
	best, bestNext := int32(-1), -1
	for k := kindSite; k <= kindJob; k++ {
		if len(m.p.names.ofKind[k]) == 0 {
			continue
		}
		if found, next := m.lookup(k, i); found >= 0 && next > bestNext {
			best, bestNext = found, next
		}
	}
	if best < 0 {
		return -1
	}
	n := &m.p.names.names[best]
	m.vals = append(m.vals, n.text)
	typed := strings.ContainsAny(n.text, "0123456789-_.") && bestNext == i+1 || bestNext > i+1
	m.putThing(e, n.kind, typed)
	e.also = best
	if m.noun(n.kind, bestNext) && !m.toks[bestNext-1].comma { // "the news channel"
		e.typed = true
		bestNext++
	}
	return bestNext
}

// amount reads times, durations and numbers.
func (m *matcher) amount(e *entity, i int) int {
	t := &m.toks[i]
	if t.word == wordUntil && i+1 < len(m.toks) {
		if next := m.span(i + 1); next > 0 {
			m.putThing(e, kindDuration, true)
			return next
		}
	}
	if beginsSchedule(t.low) {
		if value, next := m.scheduleAt(i); next > 0 {
			m.vals = append(m.vals, value)
			m.putThing(e, kindSchedule, true)
			e.later = true
			return next
		}
	}
	if next := m.rate(i); next > 0 {
		m.putThing(e, kindRate, true)
		return next
	}
	if c := t.low[0]; c >= '0' && c <= '9' || t.low == "an" || t.low == "a" || t.low == "half" || t.word >= wordZero && t.word < firstFreeWord {
		if d, next := m.spanAt(i); next > 0 && d > 0 {
			m.vals = append(m.vals, d.String())
			m.putThing(e, kindDuration, true)
			if d > longestSpan {
				e.fault = &fault{kind: faultRefused, of: kindDuration, text: "longer than 30 days", at: -1}
			}
			return next
		}
	}
	if next := m.later(e, i); next > 0 {
		return next
	}
	if p := wordValue(kindPlatform, t); p != "" {
		m.vals = append(m.vals, p)
		m.putThing(e, kindPlatform, true)
		return i + 1
	}
	if n := t.number(); n != "" && t.low != "one" {
		m.vals = append(m.vals, n)
		m.putThing(e, kindCount, true)
		return i + 1
	}
	return -1
}

// later reads a time that is not now: "tomorrow", "tonight", "at 6pm", "on friday".
func (m *matcher) later(e *entity, i int) int {
	next := -1
	switch m.toks[i].low {
	case "tomorrow", "tonight":
		next = i + 1
	case "next", "on", "this":
		if i+1 < len(m.toks) {
			if day, _ := dayOf(m.toks[i+1].low); day != "" && len(day) == 1 && day != "*" {
				next = i + 2
			}
		}
	case "noon", "midnight":
		next = i + 1
	default:
		if _, _, ok := timeOfDay(m.toks[i].low); ok {
			next = i + 1
		} else if digits(m.toks[i].raw) && i+1 < len(m.toks) && (m.toks[i+1].low == "am" || m.toks[i+1].low == "pm" || m.toks[i+1].low == "o'clock") {
			next = i + 2
		} else if day, _ := dayOf(m.toks[i].low); len(day) == 1 && day != "*" && len(m.toks[i].low) > 3 {
			next = i + 1
		}
	}
	if next < 0 {
		return -1
	}
	m.vals = append(m.vals, m.words(i, next))
	m.putThing(e, kindSchedule, true)
	e.later = true
	e.fault = &fault{kind: faultForm, of: kindSchedule, said: e.said(m), at: -1}
	return next
}

// said returns the words of e.
func (e *entity) said(m *matcher) string { return m.words(e.from, max(e.to, e.from+1)) }

// almostThing reads a name with a slip in it, and what has the form of a name and is none.
func (m *matcher) almostThing(s *saying, e *entity, i int) int {
	t := &m.toks[i]
	raw, next := t.raw, i+1
	if said, after := m.twoWords(i); after > 0 && !t.quoted && (m.p.prefixes[t.low] || m.p.fuzzy.near(kindNode, said) != "") {
		raw, next = said, after
	}
	numbered := strings.ContainsAny(raw, "0123456789") && strings.ContainsFunc(raw, letter)
	if !numbered && (len(raw) < 4 || !strings.ContainsAny(raw, "-_.")) || digits(raw) {
		return -1
	}
	for k := kindNode; k <= kindJob; k++ {
		if name := m.p.fuzzy.near(k, raw); name != "" {
			m.vals = append(m.vals, name)
			m.putThing(e, k, true)
			e.slip = "taking " + raw + " as " + name
			return next
		}
	}
	if !numbered {
		return -1
	}
	letters, _ := shape(raw)
	for k := kindNode; k <= kindJob; k++ {
		if m.p.fuzzy.shaped(k, letters) {
			e.kind, e.typed = k, true
			e.fault = m.p.fault(&hole{slot: k.String(), kind: k}, raw, -1)
			return next
		}
	}
	return -1
}

// letter reports whether r is a letter of the Latin alphabet.
func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// count returns the number that e is, 0 where it is none.
func (e *entity) count() int {
	if e.kind != kindCount || len(e.values) != 1 {
		return 0
	}
	n, err := strconv.Atoi(e.values[0])
	if err != nil {
		return 0
	}
	return n
}
