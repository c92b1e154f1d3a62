package intents

import (
	"slices"
	"sync"
	"time"
)

// matcher walks the automaton over the words of one command. It is scratch space that Parse takes from a pool.
type matcher struct {
	p     *Parser
	typed []token // every word of the utterance
	parts []part  // its commands
	toks  []token // the words of the command that is read now
	part  *part
	now   time.Time // the clock of the utterance, in the person's zone

	vals  []string  // values of the holes passed so far
	caps  []capture // which hole took which of vals
	key   []byte    // scratch for keys
	nodes nodeSet   // scratch for lists of nodes
	steps int       // edges tried; bounded, so that no utterance takes long
	verbs int       // words of the grammar on the path walked now

	saying   saying // scratch for free words
	margins  []float32
	vocab    *vocabulary // of the saying, nil where names with slips in them are not wanted
	heard    []string    // scratch: words that may say a time
	polished []token     // scratch: words without courtesy
	prior    []Intent    // the commands before, in the same message
	last     []Intent    // the commands that "it" may refer to
	lastRun  string
	exact    bool // the exact grammar alone
	inner    bool // the words are one of several orders

	listing bool     // every state in which the words end is wanted, not what they mean
	nested  bool     // the words are the command of a job: none within it
	lenient bool     // second pass: values may be wrong
	faults  []*fault // what is wrong with values on the path walked now
	found   []match
	ended   []halfway // where the words ended within a pattern
}

// halfway is a state in which the words ended although the pattern goes on.
type halfway struct {
	state int32
	vals  []string
	caps  []capture
}

// capture is a hole that took values.
type capture struct {
	hole       int32
	start, end int32 // in matcher.vals
}

// match is one way to read the words.
type match struct {
	rule    *rule
	slots   Slots
	options map[string]string
	owned   bool     // options is the match's own, not the rule's
	quoted  int      // quoted words that were taken for words of the grammar
	missing bool     // a required slot is not filled
	faults  []*fault // values that are wrong; those of words only in the lenient pass
	err     string   // a flag that is wrong
}

// mostSteps bounds the edges tried for one command; an ordinary command takes less than a hundred.
const mostSteps = 20000

// mostFaults bounds how many values of one command may be wrong; more is no command.
const mostFaults = 3

// mostEnded bounds how many unfinished ways to read a command are looked at.
const mostEnded = 8

// newMatchers returns the pool of scratch space for p.
func newMatchers(p *Parser) *sync.Pool {
	return &sync.Pool{New: func() any { return &matcher{p: p} }}
}

// scratch takes a matcher from the pool; release gives it back. now is the clock of the utterance.
func (p *Parser) scratch(now time.Time) *matcher {
	m := p.matchers.Get().(*matcher)
	m.now, m.listing, m.nested = now, false, false
	m.prior, m.last, m.lastRun, m.exact, m.inner = nil, nil, "", true, false
	return m
}

// release gives m back to the pool.
func (p *Parser) release(m *matcher) { p.matchers.Put(m) }

// read walks the automaton over pt and leaves every way to read it in m.found.
func (m *matcher) read(pt *part, lenient bool) {
	m.part, m.toks = pt, pt.toks
	m.vals, m.caps, m.found, m.ended = m.vals[:0], m.caps[:0], m.found[:0], m.ended[:0]
	m.steps, m.verbs, m.lenient, m.faults = 0, 0, lenient, m.faults[:0]
	m.walk(0, 0, 0)
}

// walk goes on from state s at word i. quoted counts the quoted words on the path.
func (m *matcher) walk(s int32, i, quoted int) {
	if m.steps++; m.steps > mostSteps {
		return
	}
	a := m.p.catalog.auto
	st := &a.states[s]
	if i == len(m.toks) {
		m.end(s, st, quoted)
		return
	}
	if i > 0 && m.toks[i-1].comma {
		return // a comma that no list has taken
	}
	t := &m.toks[i]
	if t.word != wordNone {
		if to, ok := a.step(s, t.word); ok {
			m.verbs++
			if t.quoted {
				m.walk(to, i+1, quoted+1)
			} else {
				m.walk(to, i+1, quoted)
			}
			m.verbs--
			if s == 0 && t.word >= firstFreeWord {
				return // a verb at the head is the verb, also where something has its name
			}
		}
	}
	for _, e := range st.holes {
		m.take(e, i, quoted)
	}
}

// end notes that the words end in state s: they mean something, or they are unfinished.
func (m *matcher) end(s int32, st *state, quoted int) {
	if len(st.accepts) > 0 && !m.listing {
		m.accept(st, quoted)
		return
	}
	begun := m.verbs > 0 || len(m.toks) == 0 // a name alone begins nothing
	if !m.lenient && quoted == 0 && begun && (m.listing || len(m.ended) < mostEnded) {
		m.ended = append(m.ended, halfway{s, slices.Clone(m.vals), slices.Clone(m.caps)})
	}
}

// take tries to pass the hole of edge e at word i. In the lenient pass it also tries what is almost a value: the
// right one may be part of a list in which another is wrong.
func (m *matcher) take(e holeEdge, i, quoted int) {
	h := &m.p.catalog.auto.holes[e.hole]
	mark, before := len(m.vals), len(m.faults)
	m.pass(e, i, m.value(h, i, e.rangeTo), mark, quoted)
	if m.lenient && before < mostFaults && i > 0 { // before the verb, anything is everyday talk
		m.pass(e, i, m.faulty(h, i), mark, quoted)
	}
	m.faults = m.faults[:before]
}

// pass goes on behind the hole of e, whose value reaches from word i to next and is in m.vals from mark on.
func (m *matcher) pass(e holeEdge, i, next, mark, quoted int) {
	if next > i {
		m.caps = append(m.caps, capture{e.hole, int32(mark), int32(len(m.vals))})
		m.walk(e.to, next, quoted)
		m.caps = m.caps[:len(m.caps)-1]
	}
	m.vals = m.vals[:mark]
}

// accept notes that the words can be read as each rule that ends in st.
func (m *matcher) accept(st *state, quoted int) {
	for _, r := range st.accepts {
		f := match{rule: r, quoted: quoted, faults: slices.Clone(m.faults)}
		if m.repeats(r) {
			continue
		}
		f.slots = m.slots(r)
		f.options = r.options
		if len(m.part.flags) > 0 {
			m.flags(&f)
			f.contradiction()
		}
		f.missing = len(f.faults) == 0 && r.spec.missing(f.slots) != nil
		m.keep(f)
	}
}

// repeats reports whether two holes of the path fill the same slot, which no sentence means.
func (m *matcher) repeats(r *rule) bool {
	for i := range m.caps {
		for j := range i {
			if m.hole(m.caps[i]).slot == m.hole(m.caps[j]).slot {
				return true
			}
		}
	}
	return false
}

// hole returns the hole of c.
func (m *matcher) hole(c capture) *hole { return &m.p.catalog.auto.holes[c.hole] }

// slots returns what the holes of the path took, in the order of the catalogue file.
func (m *matcher) slots(r *rule) Slots {
	n := len(m.caps) + len(r.preset)
	if n == 0 {
		return nil
	}
	slots := make(Slots, 0, n)
	for i := range r.spec.Slots {
		name := r.spec.Slots[i].Name
		if preset := r.preset.All(name); preset != nil {
			slots = append(slots, Slot{Name: name, Values: slices.Clone(preset)})
			continue
		}
		for _, c := range m.caps {
			if m.hole(c).slot == name && c.end > c.start {
				values := make([]string, c.end-c.start)
				copy(values, m.vals[c.start:c.end])
				slots = append(slots, Slot{Name: name, Values: values})
			}
		}
	}
	return slots
}

// keep adds f to the ways found, unless it says the same as one of them.
func (m *matcher) keep(f match) {
	for i := range m.found {
		if m.found[i].same(&f) {
			m.found[i].quoted = min(m.found[i].quoted, f.quoted)
			return
		}
	}
	m.found = append(m.found, f)
}

// same reports whether two matches are the same intent with the same slots and options.
func (f *match) same(g *match) bool {
	if f.rule.spec != g.rule.spec || f.err != g.err || len(f.faults) != len(g.faults) || len(f.options) != len(g.options) || !f.slots.equal(g.slots) {
		return false
	}
	for i, w := range f.faults {
		if w.slot != g.faults[i].slot || w.said != g.faults[i].said {
			return false
		}
	}
	for name, value := range f.options {
		if g.options[name] != value {
			return false
		}
	}
	return true
}
