package intents

import (
	"slices"
	"strconv"
	"strings"
)

// nodeSet collects nodes in the order said, each once.
type nodeSet struct {
	order []int32  // indexes into Inventory.Nodes
	seen  []uint32 // of each node the mark under which it was last seen
	mark  uint32
}

// reset empties the set; total is how many nodes there are.
func (s *nodeSet) reset(total int) {
	s.order = s.order[:0]
	if len(s.seen) < total {
		s.seen = make([]uint32, total)
		s.mark = 0
	}
	s.mark++
	if s.mark == 0 { // after 2^32 lists the marks begin anew
		clear(s.seen)
		s.mark = 1
	}
}

// add adds node at.
func (s *nodeSet) add(at int32) {
	if s.seen[at] != s.mark {
		s.seen[at] = s.mark
		s.order = append(s.order, at)
	}
}

// keep takes out of kept what is in the set now, and makes the rest the set.
func (s *nodeSet) keep(kept []int32) {
	s.order = s.order[:0]
	for _, at := range kept {
		if s.seen[at] != s.mark {
			s.order = append(s.order, at)
		}
	}
}

// nodeList reads nodes at word i: names, ranges and selectors, joined by commas, "and" or spaces, and behind
// "except" those that are meant not. Where h takes one node, it reads one name.
func (m *matcher) nodeList(h *hole, i int, rangeTo bool) int {
	m.nodes.reset(len(m.p.inv.Nodes))
	if !h.list {
		at, next := m.node(i)
		if at < 0 {
			return -1
		}
		m.vals = append(m.vals, m.p.inv.Nodes[at].Name)
		return next
	}
	next := m.nodeItems(i, rangeTo)
	if next < 0 {
		return -1
	}
	if after := m.except(next); after > next {
		kept := slices.Clone(m.nodes.order)
		m.nodes.reset(len(m.p.inv.Nodes))
		if next = m.nodeItems(after, rangeTo); next < 0 {
			return -1
		}
		m.nodes.keep(kept)
	}
	if len(m.nodes.order) == 0 {
		return -1
	}
	for _, at := range m.nodes.order {
		m.vals = append(m.vals, m.p.inv.Nodes[at].Name)
	}
	return next
}

// except reads "except" and its like at word i and returns the word behind, i where there is none.
func (m *matcher) except(i int) int {
	if i >= len(m.toks) || m.toks[i].quoted {
		return i
	}
	switch m.toks[i].word {
	case wordExcept, wordExcluding, wordWithout, wordBut:
		i++
		if i < len(m.toks) && (m.toks[i].word == wordFor || m.toks[i].low == "not") {
			i++
		}
	}
	return i
}

// nodeItems reads the items of a list up to something that is none.
func (m *matcher) nodeItems(i int, rangeTo bool) int {
	if i+1 < len(m.toks) && m.toks[i].word == wordBoth && !m.toks[i].quoted {
		i++ // "both edge-1 and edge-2"
	}
	next, last := m.nodeItem(i, rangeTo)
	for next > 0 && next < len(m.toks) {
		j := next
		joined := m.toks[j-1].comma
		if m.toks[j].word == wordAnd && !m.toks[j].quoted && j+1 < len(m.toks) {
			joined = true
			j++
		}
		if after, at := m.nodeItem(j, rangeTo); after > 0 {
			next, last = after, at
			continue
		}
		at, after := int32(-1), -1
		if joined && last >= 0 {
			at, after = m.sibling(last, j) // "edge-1, 2 and 5"
		}
		if at < 0 {
			break
		}
		m.nodes.add(at)
		next, last = after, at
	}
	return next
}

// nodeItem reads one item at word i: a range, a name or a selector. It returns the word behind, and the last
// node where the item was a name or a range, -1 where it was a selector.
func (m *matcher) nodeItem(i int, rangeTo bool) (next int, last int32) {
	if i >= len(m.toks) {
		return -1, -1
	}
	if at, next := m.node(i); at >= 0 {
		if end, after := m.rangeEnd(at, next, rangeTo); end >= 0 {
			m.addRange(at, end)
			return after, end
		}
		if after := m.selector(i); after > next {
			return after, -1
		}
		if m.alsoSite(i, next) {
			return -1, -1
		}
		m.nodes.add(at)
		return next, at
	}
	if from, to, ok := strings.Cut(m.toks[i].raw, ".."); ok && !m.toks[i].quoted {
		at, end := m.dotted(from, strings.TrimPrefix(to, "."))
		if at < 0 || end < 0 {
			return -1, -1
		}
		m.addRange(at, end)
		return i + 1, end
	}
	return m.selector(i), -1
}

// alsoSite reports whether the words from i to next, which name a node, name a site as well: which of the two is
// meant, only "node" before them or quotation marks around them say.
func (m *matcher) alsoSite(i, next int) bool {
	if m.toks[i].quoted || m.toks[i].word == wordNode || m.toks[i].word == wordNodes || m.toks[i].word == wordThe {
		return false
	}
	found, after := m.lookup(kindSite, i)
	return found >= 0 && after == next
}

// node reads the name of one node at word i, with or without "node" before it.
func (m *matcher) node(i int) (at int32, next int) {
	if found, next := m.lookup(kindNode, i); found >= 0 {
		return m.p.names.names[found].at, next
	}
	t := &m.toks[i]
	if t.quoted || i+1 >= len(m.toks) || t.comma {
		return -1, -1
	}
	switch t.word {
	case wordThe:
		return m.typedNode(i + 1)
	case wordNode, wordNodes:
		return m.typedNode(i)
	}
	if one, ok := strings.CutSuffix(t.low, "s"); ok && m.p.prefixes[one] { // "edges 1 to 4"
		return m.numbered(one, i+1)
	}
	return -1, -1
}

// typedNode reads "node" and a name at word i. So typed, a name may be any word.
func (m *matcher) typedNode(i int) (at int32, next int) {
	if m.toks[i].quoted || m.toks[i].word != wordNode && m.toks[i].word != wordNodes || i+1 >= len(m.toks) {
		return -1, -1
	}
	found, next := m.typedName(kindNode, i+1)
	if found < 0 {
		return -1, -1
	}
	return m.p.names.names[found].at, next
}

// numbered finds the node that prefix and the number at word i name together.
func (m *matcher) numbered(prefix string, i int) (at int32, next int) {
	if i >= len(m.toks) || m.toks[i].quoted || m.toks[i].number() == "" {
		return -1, -1
	}
	m.key, _ = appendKey(m.key[:0], prefix)
	m.key = append(m.key, m.toks[i].number()...)
	found, ambiguous := m.p.names.find(kindNode, m.key, "")
	if found < 0 || ambiguous {
		return -1, -1
	}
	return m.p.names.names[found].at, i + 1
}

// sibling finds the node that has the number at word i in place of the last number of node at: behind
// "edge-1" the number 2 means edge-2.
func (m *matcher) sibling(at int32, i int) (int32, int) {
	s := &m.p.series[at]
	if s.number < 0 || s.suffix != "" {
		return -1, -1
	}
	return m.numbered(s.prefix, i)
}

// rangeEnd reads what makes a range of the node at: "through edge-4", "to 4", ".. edge-4".
func (m *matcher) rangeEnd(at int32, i int, rangeTo bool) (end int32, next int) {
	if i+1 >= len(m.toks) || m.toks[i].quoted || m.toks[i-1].comma {
		return -1, -1
	}
	t := &m.toks[i]
	switch {
	case t.word == wordThrough || t.word == wordThru || t.raw == ".." || t.raw == "...":
	case t.word == wordTo && rangeTo:
	default:
		return -1, -1
	}
	if end, next = m.node(i + 1); end < 0 {
		end, next = m.sibling(at, i+1)
	}
	if end < 0 || !m.p.series[at].sameSeries(&m.p.series[end]) || m.p.series[at].number > m.p.series[end].number {
		return -1, -1
	}
	return end, next
}

// dotted finds the ends of a range in one word: "edge-1..edge-4" and "edge-1..4".
func (m *matcher) dotted(from, to string) (at, end int32) {
	find := func(text string) int32 {
		var ok bool
		if m.key, ok = appendKey(m.key[:0], text); !ok || digits(text) {
			return -1
		}
		found, ambiguous := m.p.names.find(kindNode, m.key, text)
		if found < 0 || ambiguous {
			return -1
		}
		return m.p.names.names[found].at
	}
	if at = find(from); at < 0 {
		return -1, -1
	}
	a := &m.p.series[at]
	if end = find(to); end < 0 && digits(to) && a.number >= 0 && a.suffix == "" {
		end = find(a.prefix + "-" + to)
	}
	if end < 0 || !a.sameSeries(&m.p.series[end]) || a.number > m.p.series[end].number {
		return -1, -1
	}
	return at, end
}

// addRange adds the nodes of one series from at to end, in the order of the inventory.
func (m *matcher) addRange(at, end int32) {
	a, b := &m.p.series[at], &m.p.series[end]
	for i := range m.p.series {
		if s := &m.p.series[i]; s.sameSeries(a) && s.number >= a.number && s.number <= b.number {
			m.nodes.add(int32(i))
		}
	}
}

// series is what a node's name is made of: edge-12 is "edge", 12, "".
type series struct {
	prefix string
	number int // the last number in the name, -1 where there is none
	suffix string
}

// seriesOf splits a node's name at its last number.
func seriesOf(text string) series {
	key, ok := appendKey(nil, text)
	if !ok {
		return series{number: -1}
	}
	end := len(key)
	for end > 0 && (key[end-1] < '0' || key[end-1] > '9') {
		end--
	}
	start := end
	for start > 0 && key[start-1] >= '0' && key[start-1] <= '9' {
		start--
	}
	number, err := strconv.Atoi(string(key[start:end]))
	if err != nil {
		return series{prefix: string(key), number: -1}
	}
	return series{prefix: string(key[:start]), number: number, suffix: string(key[end:])}
}

// sameSeries reports whether two names differ in their last number alone.
func (s *series) sameSeries(other *series) bool {
	return s.number >= 0 && other.number >= 0 && s.prefix == other.prefix && s.suffix == other.suffix
}
