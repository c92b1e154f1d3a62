package intents

import "strings"

// allNodes is the selector that takes every node.
const allNodes = "all nodes"

// faultyNodes reads nodes at word i of which one is not right. See faulty.
func (m *matcher) faultyNodes(h *hole, i int) int {
	if h.list {
		if next := m.vague(h, i); next > 0 {
			return next
		}
	} else if next := m.tooMany(h, i); next > 0 {
		return next
	}
	m.nodes.reset(len(m.p.inv.Nodes))
	before := len(m.faults)
	next := m.faultyItem(h, i)
	for h.list && next > 0 && next < len(m.toks) {
		j := next
		joined := m.toks[j-1].comma
		if m.toks[j].word == wordAnd && j+1 < len(m.toks) {
			joined, j = true, j+1
		}
		after, _ := m.nodeItem(j, false)
		if after < 0 && joined && len(m.faults) < mostFaults {
			after = m.faultyItem(h, j)
		}
		if after < 0 {
			break
		}
		next = after
	}
	if len(m.faults) == before {
		return -1
	}
	for _, at := range m.nodes.order {
		m.vals = append(m.vals, m.p.inv.Nodes[at].Name)
	}
	return next
}

// faultyItem reads one item at word i, right or wrong.
func (m *matcher) faultyItem(h *hole, i int) int {
	if h.list {
		if after, _ := m.nodeItem(i, false); after > 0 {
			return after
		}
	}
	for i+1 < len(m.toks) && (m.toks[i].word == wordThe || m.toks[i].word == wordNode) {
		i++
	}
	next := m.faultyName(h, i, len(m.nodes.order))
	if next < 0 || next+1 >= len(m.toks) || !m.rangeWord(next) {
		return next
	}
	f := m.faults[len(m.faults)-1]
	f.at, f.said = -1, f.said+" "+m.words(next, next+2) // "edge-97 through edge-99": the whole list is in doubt
	return next + 2
}

// rangeWord reports whether word i joins the ends of a range and nothing else.
func (m *matcher) rangeWord(i int) bool {
	return m.toks[i].word == wordThrough || m.toks[i].word == wordThru
}

// vague reads a selector at word i that is one and says too little, or fits nothing.
func (m *matcher) vague(h *hole, i int) int {
	f, next := m.describe(i)
	fault := &fault{kind: faultAmbiguous, slot: h.slot, of: h.kind, at: -1}
	switch {
	case next > 0 && f.given() && !m.anyMatch(&f):
		fault.kind, fault.text = faultUnknown, "no node is "+f.String()
	case next > 0 && f.given() && f.noun && !f.plural && !f.all:
		f.all, f.plural = true, true
		fault.text, fault.choices = "which of the nodes", []string{"all nodes " + f.String()}
	case next > i && !f.given() && (f.all || f.noun && f.plural):
		fault.text, fault.choices = "it does not say which nodes", []string{allNodes}
		if after := m.except(next); after > next && f.all {
			m.nodes.reset(len(m.p.inv.Nodes))
			if end := m.nodeItems(after, false); end > 0 {
				fault.choices = []string{allNodes + " except " + m.words(after, end)}
				next = end
			}
		}
	default:
		return m.siteOrNode(h, i)
	}
	fault.said = m.words(i, next)
	m.faults = append(m.faults, fault)
	return next
}

// siteOrNode reads a site at word i that stands where nodes should.
func (m *matcher) siteOrNode(h *hole, i int) int {
	found, next := m.lookup(kindSite, i)
	if found < 0 {
		return -1
	}
	site := m.p.names.names[found].text
	f := &fault{kind: faultAmbiguous, slot: h.slot, of: h.kind, at: -1, said: m.words(i, next), text: shown(site) + " is a site"}
	f.choices = []string{"all nodes in " + nameText(site)}
	if at, _ := m.lookup(kindNode, i); at >= 0 {
		f.text = shown(site) + " is a site and a node"
		f.choices = append(f.choices, "node "+nameText(m.p.names.names[at].text))
	}
	m.faults = append(m.faults, f)
	return next
}

// tooMany reads several nodes at word i where one is wanted.
func (m *matcher) tooMany(h *hole, i int) int {
	m.nodes.reset(len(m.p.inv.Nodes))
	next := m.nodeItems(i, false)
	if next < 0 || len(m.nodes.order) < 2 {
		return -1
	}
	f := &fault{kind: faultAmbiguous, slot: h.slot, of: h.kind, at: -1, said: m.words(i, next), text: "this takes one node"}
	const most = 9
	for _, at := range m.nodes.order[:min(most, len(m.nodes.order))] {
		f.choices = append(f.choices, m.p.inv.Nodes[at].Name)
	}
	m.faults = append(m.faults, f)
	return next
}

// words returns the words from i up to next as they were typed.
func (m *matcher) words(i, next int) string {
	var b strings.Builder
	for ; i < next; i++ {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(m.toks[i].raw)
		if m.toks[i].comma && i+1 < next {
			b.WriteByte(',')
		}
	}
	return b.String()
}

// String says what the filter asks for.
func (f *filter) String() string {
	var said []string
	if f.platform != "" {
		said = append(said, "on "+f.platform)
	}
	if f.site != "" {
		said = append(said, "in "+f.site)
	}
	if f.label != "" {
		said = append(said, "with "+f.label)
	}
	return strings.Join(said, " ")
}
