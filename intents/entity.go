package intents

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// entity is a thing that somebody speaks of: a name of the inventory, a time, a URL, a number.
type entity struct {
	site     string // of nodes: the site that they were said by
	kind     kind
	from, to int           // its words in the saying
	values   []string      // canonical
	also     int32         // the first of the names that are written alike, -1 where there is none
	typed    bool          // said with what it is ("channel news"), quoted, or impossible to take for a word
	slip     string        // how a mistyped name was read: "taking egde-2 as edge-2"
	fault    *fault        // what is wrong with it: a name that the inventory does not have
	later    bool          // a time that is not now
	span     time.Duration // of a time: how long from then on
}

// mask returns the word that stands in the text in place of e.
func (e *entity) mask() string {
	switch e.kind {
	case kindNode, kindSite:
		return maskNode
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
	case kindSchedule, kindTime:
		return maskTime
	case kindAddress:
		return maskAddress
	case kindTopic:
		return maskIntent
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
		if s.cues[i] != cueNone { // "if you have a minute"
			i++
			continue
		}
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
	case (t.low == "tag" || t.low == "tagged") && i+1 < len(m.toks) && !t.comma:
		if v := wordValue(kindTag, &m.toks[i+1]); v != "" && m.toks[i+1].word == wordNone {
			m.vals = append(m.vals, v)
			m.putThing(e, kindTag, true)
			return i + 2
		}
	}
	if strings.IndexByte(t.low, '.') > 0 && m.p.catalog.spec(t.low) != nil {
		m.vals = append(m.vals, t.low)
		m.putThing(e, kindTopic, true)
		return i + 1
	}
	if strings.ContainsAny(t.raw, ".:") && isAddress(t.raw) && t.word == wordNone {
		m.vals = append(m.vals, strings.ToLower(t.raw))
		m.putThing(e, kindAddress, true)
		return i + 1
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
	if next < 0 || next == i+1 && t.word != wordNone && t.word != wordMacs && !m.begins(i, kindNode) {
		m.vals = m.vals[:0]
		return -1
	}
	m.putThing(e, kindNode, m.plainNode(i, next))
	if found, after := m.lookup(kindSite, i); found >= 0 && after == next {
		e.site = m.p.names.names[found].text
	}
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
	best, bestNext := m.spaced(i)
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

// spaced finds the name of a rule or of a job that is said with spaces for its hyphens, whatever words it is made of.
func (m *matcher) spaced(i int) (found int32, next int) {
	found, next = -1, -1
	for _, k := range []kind{kindRule, kindJob} {
		for at, name := range m.p.names.ofKind[k] {
			if n := m.spells(i, name); n > 2 && i+n > next {
				key, ok := appendKey(nil, name)
				if !ok {
					continue
				}
				if id, ambiguous := m.p.names.find(k, key, m.p.names.ofKind[k][at]); id >= 0 && !ambiguous {
					found, next = id, i+n
				}
			}
		}
	}
	return found, next
}

// spells returns how many words from i on spell name, 0 where they do not.
func (m *matcher) spells(i int, name string) int {
	n := 0
	for part := range strings.SplitSeq(name, "-") {
		if i+n >= len(m.toks) || n > 0 && m.toks[i+n-1].comma || m.toks[i+n].quoted || !strings.EqualFold(m.toks[i+n].raw, part) {
			return 0
		}
		n++
	}
	return n
}

// amount reads times, durations, platforms and numbers.
func (m *matcher) amount(e *entity, i int) int {
	t := &m.toks[i]
	if next := m.rate(i); next > 0 {
		m.putThing(e, kindRate, true)
		return next
	}
	if when.Begins(t.low) && !(t.low == "at" && i+1 < len(m.toks) && m.isRate(i+1)) {
		if next := m.timeThing(e, i); next > 0 {
			return next
		}
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

// isRate reports whether requests per second stand at i.
func (m *matcher) isRate(i int) bool {
	mark := len(m.vals)
	next := m.rate(i)
	m.vals = m.vals[:mark]
	return next > 0
}

// timeThing reads how long, when, since when or how often.
func (m *matcher) timeThing(e *entity, i int) int {
	found, err := when.Read(m.hearTime(i), m.now)
	var wrong *when.Error
	if errors.As(err, &wrong) {
		if wrong.Words == 0 || wrong.Why == when.NoClock && !comes(m.toks[i].low) {
			return -1
		}
		m.vals = append(m.vals, wrong.Said)
		m.putThing(e, kindTime, true)
		e.later = true
		e.fault = &fault{kind: faultForm, of: kindTime, said: wrong.Said, text: err.Error(), choices: wrong.Readings, at: -1}
		if wrong.Why == when.TooFar || wrong.Why == when.Past || wrong.Why == when.Nothing {
			e.fault.kind = faultRefused
		}
		return i + wrong.Words
	}
	if err != nil || found.Words == 0 || m.now.IsZero() && found.Kind != when.Span && found.Kind != when.Schedule {
		return -1
	}
	switch found.Kind {
	case when.Span:
		if last := i + found.Words - 1; found.Lead == 0 && m.toks[last].low == "second" && last+1 < len(m.toks) && !m.toks[last].comma && m.toks[last].raw != "1" && found.Words == 2 {
			return -1 // "a second chance"
		}
		m.vals = append(m.vals, found.Span.String())
		m.putThing(e, kindDuration, true)
	case when.Back:
		m.vals = append(m.vals, found.Span.Round(time.Second).String())
		m.putThing(e, kindPeriod, true)
	case when.Schedule:
		m.vals = append(m.vals, found.Cron)
		m.putThing(e, kindSchedule, true)
		e.later = true
	default:
		e.span = found.Span
		if found.Start.IsZero() {
			m.vals = append(m.vals, found.Span.Round(time.Second).String())
			m.putThing(e, kindDuration, true)
			break
		}
		m.vals = append(m.vals, found.Start.Format(time.RFC3339))
		m.putThing(e, kindTime, true)
		e.later = true
	}
	return i + found.Words
}

// comes reports whether w begins a day that is to come, although no time of day is said.
func comes(w string) bool {
	switch w {
	case "tomorrow", "tonight", "on", "next":
		return true
	}
	return slices.Contains([]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}, w)
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
	if digits(raw) {
		return -1
	}
	if !numbered && (len(raw) < 4 || !strings.ContainsAny(raw, "-_.")) && (len(raw) < 4 || m.vocab == nil || !lettered(t.low) || m.vocab.known(t.low) || t.word != wordNone) {
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

// hearTime returns the words from i on that may say a time, each with its comma.
func (m *matcher) hearTime(i int) []string {
	const most = 16
	m.heard = m.heard[:0]
	for ; i < len(m.toks) && len(m.heard) < most && !m.toks[i].quoted; i++ {
		w := m.toks[i].low
		if m.toks[i].comma {
			w += ","
		}
		m.heard = append(m.heard, w)
	}
	return m.heard
}
