package intents

import (
	"strings"
)

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
	if chosen, after := m.describe(i); after == next {
		e.chosen = chosen
	}
	if found, after := m.lookup(kindSite, i); found >= 0 && after == next {
		e.site = m.p.names.names[found].text
	}
	return next
}

// plainNode reports whether the words from i to next cannot be taken for anything but nodes.
func (m *matcher) plainNode(i, next int) bool {
	for j := i; j < next; j++ {
		if t := &m.toks[j]; t.quoted || t.word != wordNone || marked(t.raw) {
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
	typed := marked(n.text) && bestNext == i+1 || bestNext > i+1
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

// almostThing reads a name with a slip in it, and what has the form of a name and is none.
func (m *matcher) almostThing(s *saying, e *entity, i int) int {
	t := &m.toks[i]
	if len(t.raw) < 4 && !marked(t.raw) && (i+1 == len(m.toks) || m.toks[i+1].number() == "") {
		return -1
	}
	raw, next := t.raw, i+1
	if said, after := m.twoWords(i); after > 0 && !t.quoted && (m.p.prefixes[t.low] || m.p.fuzzy.near(kindNode, said) != "") {
		raw, next = said, after
	}
	if raw == t.raw && !marked(raw) && (t.word != wordNone || m.vocab == nil || m.vocab.known(t.low)) {
		return -1
	}
	numbered := strings.ContainsAny(raw, "0123456789") && strings.ContainsFunc(raw, letter)
	if digits(raw) || strings.ContainsAny(raw, "~*|<>@#$%") {
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

// marked reports whether w has a digit, a hyphen, an underscore or a dot in it, as names have and words of the language do not.
func marked(w string) bool {
	for i := range len(w) {
		if c := w[i]; c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return true
		}
	}
	return false
}

// letter reports whether r is a letter of the Latin alphabet.
func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
