package intents

import "slices"

// unfinished returns the one intent that the words began or that lacks a slot, nil where there is none or there
// are several.
func (p *Parser) unfinished(m *matcher) *match {
	var found *match
	for i := range m.found {
		if m.found[i].missing && (found == nil || len(m.found[i].slots) > len(found.slots)) {
			found = &m.found[i]
		}
	}
	if found != nil {
		return found
	}
	for i := range m.ended {
		e := &m.ended[i]
		for _, r := range p.catalog.ahead(e.state) {
			if found != nil && found.rule.spec != r.spec {
				return nil
			}
			m.vals, m.caps = e.vals, e.caps
			if slots := m.slots(r); found == nil || len(slots) > len(found.slots) {
				found = &match{rule: r, slots: slots, missing: true}
			}
		}
	}
	if found != nil && len(m.part.flags) > 0 {
		words := len(found.slots)
		m.flags(found)
		found.contradiction()
		found.missing = len(found.slots) == words || found.rule.spec.missing(found.slots) != nil
	}
	return found
}

// openEnded asks which intent is meant where the words begin several of them.
func (p *Parser) openEnded(m *matcher, pt *part) *outcome {
	var names []string
	for i := range m.ended {
		for _, r := range p.catalog.ahead(m.ended[i].state) {
			if !slices.Contains(names, r.spec.Name) {
				names = append(names, r.spec.Name)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	const most = 3
	var samples []string
	for _, name := range names[:min(most, len(names))] {
		samples = append(samples, p.sample(p.catalog.spec(name), nil))
	}
	if len(names) > most {
		names = append(names[:most:most], "others")
	}
	return &outcome{
		decision: Ask, because: "it is not finished; it could begin " + orList(names), sure: 0.5,
		question: "What shall I do with " + quoteWords(m, pt) + "? For example: " + orList(samples),
	}
}

// quoteWords returns the command as typed, in quotation marks.
func quoteWords(m *matcher, pt *part) string {
	m.toks = pt.toks
	return `"` + m.words(0, len(pt.toks)) + `"`
}

// ahead returns the rules that can still be reached from state s, one of each intent, those of few words first.
func (c *Catalog) ahead(s int32) []*rule {
	seen := map[int32]bool{s: true}
	var out []*rule
	for queue := []int32{s}; len(queue) > 0; queue = queue[1:] {
		st := &c.auto.states[queue[0]]
		for _, r := range st.accepts {
			if !slices.ContainsFunc(out, func(have *rule) bool { return have.spec == r.spec }) {
				out = append(out, r)
			}
		}
		var next []int32
		for _, e := range st.holes {
			next = append(next, e.to)
		}
		for _, w := range st.words {
			to, _ := c.auto.step(queue[0], w)
			next = append(next, to)
		}
		for _, to := range next {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	return out
}

// lacks asks for the slot that f lacks.
func (p *Parser) lacks(f *match, pt *part) outcome {
	if f.err != "" {
		return outcome{decision: Refuse, because: f.err}
	}
	if len(f.faults) > 0 {
		return p.wrong(f, pt)
	}
	o := f.outcome()
	if o.spec.Risk.Changes() && pt.unclear() != "" {
		return outcome{decision: Refuse, because: pt.unclear() + "; `help " + o.spec.Name + "` shows how it is said"}
	}
	o.decision, o.sure = Ask, 1
	group := o.spec.missing(o.intent.Slots)
	if group == nil { // the words break off behind what is needed: "prime news on"
		if group = p.wanted(f); group == nil {
			return outcome{spec: nil, decision: Ask, because: "it is not finished", question: "How does it go on? For example: " + p.sample(o.spec, o.intent.Slots), sure: 0.5}
		}
	}
	p.askFor(&o, group)
	return o
}

// wanted returns the first slot of f's intent that is not filled.
func (p *Parser) wanted(f *match) []string {
	for _, slot := range f.rule.spec.Slots {
		if !slot.Required && !f.slots.Has(slot.Name) {
			return []string{slot.Name}
		}
	}
	return nil
}
