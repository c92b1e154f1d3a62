package intents

import "strings"

// filter is what a selector asks of a node.
type filter struct {
	all      bool // "all", "every", "each"
	noun     bool // "nodes", "edges"
	plural   bool
	platform string
	site     string
	label    string // key=value
}

// given reports whether the filter asks for anything.
func (f *filter) given() bool { return f.platform != "" || f.site != "" || f.label != "" }

// matches reports whether n is what the filter asks for.
func (f *filter) matches(n *Node) bool {
	if f.platform != "" && n.Platform != f.platform || f.site != "" && n.Site != f.site {
		return false
	}
	if f.label == "" {
		return true
	}
	key, value, _ := strings.Cut(f.label, "=")
	have, ok := n.Labels[key]
	return ok && have == value
}

// selector reads a description of nodes at word i, such as "all mac nodes in berlin", and adds the nodes that it
// fits, in the order of the inventory. It returns the word behind, -1 where there is no selector or it fits none.
//
// "all" alone selects nothing: of what, it does not say. Nor does "edges" alone: all of them, or some?
func (m *matcher) selector(i int) int {
	f, next := m.describe(i)
	if next < 0 || !f.all && !f.given() || !f.noun && f.all && !f.given() {
		return -1
	}
	if f.noun && !f.plural && !f.all {
		return -1 // "the edge in berlin": which one?
	}
	fits := false
	for at := range m.p.inv.Nodes {
		if f.matches(&m.p.inv.Nodes[at]) {
			m.nodes.add(int32(at))
			fits = true
		}
	}
	if !fits {
		return -1
	}
	return next
}

// anyMatch reports whether f fits any node.
func (m *matcher) anyMatch(f *filter) bool {
	for at := range m.p.inv.Nodes {
		if f.matches(&m.p.inv.Nodes[at]) {
			return true
		}
	}
	return false
}

// describe reads the words of a selector: how many, what kind, the noun, and what follows it.
func (m *matcher) describe(i int) (filter, int) {
	var f filter
	start := i
	i = m.quantity(&f, i)
	i = m.adjectives(&f, i)
	if m.goesOn(start, i) && m.nodeNoun(&f, i) {
		i++
	}
	if i == start {
		return f, m.bareSite(&f, i)
	}
	if m.toks[i-1].comma {
		return f, i
	}
	for {
		after := m.where(&f, i)
		if after < 0 {
			return f, i
		}
		if i = after; m.toks[i-1].comma {
			return f, i
		}
	}
}

// quantity reads "all", "all the", "every", "each", "the".
func (m *matcher) quantity(f *filter, i int) int {
	for ; i < len(m.toks) && !m.toks[i].quoted; i++ {
		switch m.toks[i].word {
		case wordAll, wordEvery, wordEach, wordEverything:
			f.all = true
		case wordThe:
			if i+1 == len(m.toks) {
				return i
			}
		case wordOf: // "all of the nodes", not "all of berlin"
			if !f.all || i+1 == len(m.toks) || m.toks[i+1].word != wordThe {
				return i
			}
		default:
			return i
		}
	}
	return i
}

// adjectives reads platforms, sites and labels before the noun: "berlin mac nodes", "tier=gold edges". A site
// without a noun behind it is no adjective.
func (m *matcher) adjectives(f *filter, i int) int {
	start := i
	for m.goesOn(start, i) {
		t := &m.toks[i]
		if p := wordValue(kindPlatform, t); p != "" && !t.quoted && t.word != wordMacs && f.platform == "" {
			f.platform = p
			i++
			continue
		}
		if strings.Contains(t.raw, "=") && f.label == "" {
			f.label = t.raw
			i++
			continue
		}
		found, next := m.lookup(kindSite, i)
		if found < 0 || f.site != "" {
			break
		}
		f.site = m.p.names.names[found].text
		i = next
	}
	var probe filter
	if (f.site != "" || f.platform != "") && (!m.goesOn(start, i) || !m.nodeNoun(&probe, i)) {
		f.site, f.platform, f.label = "", "", ""
		return start
	}
	return i
}

// goesOn reports whether word i is there and no comma parts it from what began at start.
func (m *matcher) goesOn(start, i int) bool {
	return i < len(m.toks) && (i == start || !m.toks[i-1].comma)
}

// nodeNoun reads one word that means nodes.
func (m *matcher) nodeNoun(f *filter, i int) bool {
	t := &m.toks[i]
	if t.quoted {
		return false
	}
	switch t.word {
	case wordNodes, wordEdges:
		f.noun, f.plural = true, true
	case wordNode, wordEdge:
		f.noun = true
	case wordMacs:
		f.noun, f.plural, f.platform = true, true, "darwin"
	default:
		return false
	}
	return true
}

// where reads one phrase behind the noun: "in berlin", "at site berlin", "on linux", "with tier=gold". It returns
// the word behind, -1 where there is none.
func (m *matcher) where(f *filter, i int) int {
	if i+1 >= len(m.toks) || m.toks[i].quoted || m.toks[i].comma {
		return -1
	}
	switch m.toks[i].word {
	case wordWith:
		j := i + 1
		if m.toks[j].word == wordLabel && j+1 < len(m.toks) {
			j++
		}
		if f.label != "" || !strings.Contains(m.toks[j].raw, "=") {
			return -1
		}
		f.label = m.toks[j].raw
		return j + 1
	case wordIn, wordAt, wordOn, wordOf, wordFrom:
		j := i + 1
		if p := wordValue(kindPlatform, &m.toks[j]); p != "" && f.platform == "" && m.toks[i].word == wordOn {
			f.platform = p
			return j + 1
		}
		return m.site(f, j)
	case wordSite:
		return m.site(f, i)
	}
	return -1
}

// site reads "berlin", "site berlin" or "the site berlin" at word i.
func (m *matcher) site(f *filter, i int) int {
	if m.toks[i].word == wordThe && i+1 < len(m.toks) {
		i++
	}
	if m.toks[i].word == wordSite && i+1 < len(m.toks) {
		i++
	}
	found, next := m.lookup(kindSite, i)
	if found < 0 || f.site != "" {
		return -1
	}
	f.site = m.p.names.names[found].text
	return next
}

// bareSite reads a site that stands for its nodes: "site berlin" anywhere, "berlin" behind "in" or "at" alone,
// since "drain berlin" could mean a node of that name.
func (m *matcher) bareSite(f *filter, i int) int {
	behind := i > 0 && (m.toks[i-1].word == wordIn || m.toks[i-1].word == wordAt)
	if m.toks[i].word != wordSite && !behind {
		return -1
	}
	return m.site(f, i)
}
