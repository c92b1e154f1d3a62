package intents

import "strconv"

// named reads one name of kind k, with or without what it is: "news", "channel news", "the news channel".
func (m *matcher) named(k kind, i int) int {
	found, next := m.lookup(k, i)
	if found < 0 && i+1 < len(m.toks) && !m.toks[i].quoted {
		the := m.toks[i].word == wordThe
		if the {
			i++
		}
		if m.noun(k, i) {
			found, next = m.typedName(k, i+1)
		} else if found, next = m.lookup(k, i); the && (found < 0 || !m.noun(k, next)) {
			return -1 // "the news" may be anybody's
		}
	}
	if found < 0 {
		return -1
	}
	if m.noun(k, next) && !m.toks[next-1].comma {
		next++
	}
	m.vals = append(m.vals, m.p.names.names[found].text)
	return next
}

// noun reports whether word i says what a name of kind k is.
func (m *matcher) noun(k kind, i int) bool {
	if i >= len(m.toks) || m.toks[i].quoted {
		return false
	}
	return m.toks[i].low == k.String() || k == kindDeployment && m.toks[i].word == wordChannel
}

// segment reads the name of a segment, or "segment 5001" and "vni 5001": its name where the VNI is known, else
// the VNI itself. A bare number is none.
func (m *matcher) segment(i int) int {
	if next := m.named(kindSegment, i); next > 0 {
		return next
	}
	t := &m.toks[i]
	typed := t.word == wordSegment || t.word == wordVNI
	if t.quoted || t.comma {
		return -1
	}
	if typed && i+1 < len(m.toks) {
		if t.word == wordSegment {
			if next := m.named(kindSegment, i+1); next > 0 {
				return next
			}
		}
		i++
	} else if i == 0 || m.toks[i-1].word != wordSegment && m.toks[i-1].word != wordVNI {
		return -1
	}
	said := number(m.toks[i].raw, 1, mostVNI)
	if said == "" {
		return -1
	}
	for j := range m.p.inv.Segments {
		if s := &m.p.inv.Segments[j]; s.VNI != 0 && strconv.FormatUint(uint64(s.VNI), 10) == said {
			said = s.Name
			break
		}
	}
	m.vals = append(m.vals, said)
	return i + 1
}

// mostVNI is the highest VNI: 24 bits, RFC 7348 section 5.
const mostVNI = 1<<24 - 1

// typedName is lookup behind a word that says what the name is of: so typed, a name may be any word.
func (m *matcher) typedName(k kind, i int) (found int32, next int) {
	if found, next = m.lookup(k, i); found >= 0 || i >= len(m.toks) || m.toks[i].quoted {
		return found, next
	}
	var ok bool
	if m.key, ok = appendKey(m.key[:0], m.toks[i].raw); !ok {
		return -1, -1
	}
	if found, ambiguous := m.p.names.find(k, m.key, m.toks[i].raw); found >= 0 && !ambiguous {
		return found, i + 1
	}
	return -1, -1
}

// lookup finds the name of kind k that begins at word i and takes the most words. It returns -1 where there is
// none, and where several names are written alike.
func (m *matcher) lookup(k kind, i int) (found int32, next int) {
	if i >= len(m.toks) {
		return -1, -1
	}
	t := &m.toks[i]
	x := m.p.names
	if !x.heads.may(k, t.low) {
		return -1, -1
	}
	var ok bool
	if m.key, ok = appendKey(m.key[:0], t.raw); !ok {
		return -1, -1
	}
	found, next = -1, -1
	if t.quoted || !reserved(t.low) && !digits(t.raw) {
		if id, ambiguous := x.find(k, m.key, t.raw); id >= 0 && !ambiguous {
			found, next = id, i+1
		}
	}
	if t.quoted || x.longest == 1 {
		return found, next
	}
	begins := reserved(t.low) // then a number alone may follow: "edge 2" is a name, "run r-17" is a run
	for j := i + 1; j < len(m.toks) && j < i+x.longest; j++ {
		t := &m.toks[j]
		if t.quoted || m.toks[j-1].comma || joining(t.low) || begins && t.number() == "" {
			break
		}
		if !m.extend(t) {
			break
		}
		if id, ambiguous := x.find(k, m.key, ""); id >= 0 && !ambiguous {
			found, next = id, j+1
		}
	}
	return found, next
}

// extend appends the word t to the key in m.key, a number word as its digits.
func (m *matcher) extend(t *token) bool {
	text := t.raw
	if n := t.number(); n != "" {
		text = n
	}
	last := m.key[len(m.key)-1]
	if classOf(rune(last)) == classOf(rune(text[0])) {
		m.key = append(m.key, '-')
	}
	var ok bool
	m.key, ok = appendKey(m.key, text)
	return ok
}
