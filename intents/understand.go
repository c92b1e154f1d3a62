package intents

import (
	"slices"
	"strings"
)

// understand reads one command: exactly; then as one that lacks something; then as one with a wrong value.
func (p *Parser) understand(m *matcher, pt *part, tr *tracer) outcome {
	if len(pt.toks) == 0 {
		return outcome{decision: Refuse, because: "flags without a command"}
	}
	m.read(pt, false)
	if whole := best(m.found); len(whole) > 0 {
		tr.add("grammar: ", whole[0].rule.where())
		if len(whole) > 1 {
			return p.which(whole, pt)
		}
		return p.decide(&whole[0], pt)
	}
	if whole := best(p.verbAndFlags(m)); len(whole) == 1 {
		tr.add("grammar: ", whole[0].rule.where(), " by flags")
		return p.decide(&whole[0], pt)
	}
	if half := p.unfinished(m); half != nil {
		if !half.missing && half.fault == nil && half.err == "" {
			tr.add("grammar: ", half.rule.where(), ", finished by flags")
			return p.decide(half, pt) // "show run --run r-17"
		}
		tr.add("grammar: unfinished, ", half.rule.where())
		return p.lacks(half, pt)
	} else if o := p.openEnded(m, pt); o != nil {
		tr.add("grammar: unfinished, several intents")
		return *o
	}
	m.read(pt, true)
	if wrong := leastWrong(m.found); wrong != nil {
		tr.add("grammar: ", wrong.rule.where(), ", but ", wrong.fault.text)
		return p.wrong(wrong, pt)
	}
	tr.add("grammar: no pattern fits")
	if p.corrects(pt) {
		return outcome{decision: Ask, because: "it corrects itself; nothing is done", question: "Which of the two is meant? Say the whole command again"}
	}
	return outcome{decision: Refuse, because: p.hint(pt)}
}

// verbAndFlags returns the ways to read a command whose words are a verb alone and whose slots are all in flags.
func (p *Parser) verbAndFlags(m *matcher) []match {
	if len(m.part.flags) == 0 {
		return nil
	}
	verb := strings.ToLower(m.words(0, len(m.toks)))
	var found []match
	for _, spec := range p.catalog.specs {
		if spec.Name != verb && strings.ReplaceAll(spec.Name, ".", " ") != verb && !slices.Contains(spec.Verbs, verb) {
			continue
		}
		f := match{rule: &rule{spec: spec}}
		m.flags(&f)
		f.missing = spec.missing(f.slots) != nil
		found = append(found, f)
	}
	return found
}

// where names the rule for a trace.
func (r *rule) where() string { return r.spec.Name }

// best returns the ways to read a command that nothing is wrong with. Where there are none it returns those with
// a wrong flag or a wrong flag's value. Words in quotation marks count as the grammar's own only where nothing else fits.
func best(found []match) []match {
	least := -1
	for i := range found {
		if f := &found[i]; !f.missing && f.err == "" && f.fault == nil && (least < 0 || f.quoted < least) {
			least = f.quoted
		}
	}
	if least < 0 {
		for i := range found {
			if found[i].err != "" || found[i].fault != nil {
				return found[i : i+1]
			}
		}
		return nil
	}
	if len(found) == 1 {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(f match) bool {
		return f.missing || f.err != "" || f.fault != nil || f.quoted > least
	})
}

// decide makes the outcome of a command that was read in one way.
func (p *Parser) decide(f *match, pt *part) outcome {
	if f.err != "" {
		return outcome{decision: Refuse, because: f.err}
	}
	if f.fault != nil {
		return p.wrong(f, pt)
	}
	o := f.outcome()
	o.decision, o.sure, o.because = o.spec.Risk.Exact(), 1, exactBecause(o.spec.Risk)
	if !o.risk().Changes() {
		o.decision = Act
		if o.spec.Risk.Changes() {
			o.because = "exact command; only shown, nothing changes"
		}
	}
	if o.spec.Risk.Changes() {
		if why := pt.unclear(); why != "" {
			return outcome{decision: Refuse, because: why + "; to do it, type: " + o.intent.Canonical()}
		}
		if f.quoted > 0 && o.decision == Act {
			o.decision, o.because = Confirm, "exact command with a quoted word; "+string(o.spec.Risk)
		}
	}
	return o
}

// outcome returns the intent of f, undecided.
func (f *match) outcome() outcome {
	slots := f.slots
	if slots == nil {
		slots = Slots{}
	}
	return outcome{spec: f.rule.spec, intent: Intent{Name: f.rule.spec.Name, Slots: slots, Options: f.options}}
}

// exactBecause says why an exact command of class r is decided as it is.
func exactBecause(r Risk) string {
	switch r {
	case Read:
		return "exact command; read"
	case Reversible:
		return "exact command; reversible"
	case Disruptive:
		return "exact command; disruptive"
	}
	return "exact command; destructive"
}

// unclear says why the end of a command makes it none, "" where it does not.
func (p *part) unclear() string {
	switch {
	case p.question:
		return "a question; nothing is done"
	case p.hesitates:
		return "it trails off; nothing is done"
	}
	return ""
}

// which asks which of several readings is meant.
func (p *Parser) which(found []match, pt *part) outcome {
	o := outcome{decision: Ask, because: "it can be read in more than one way", sure: 0.5, missing: &Missing{Slot: SlotCommand, At: -1}}
	for i := range found {
		r := found[i].outcome()
		if r.spec.Risk.Changes() && pt.unclear() != "" {
			return outcome{decision: Refuse, because: pt.unclear()}
		}
		o.missing.Choices = append(o.missing.Choices, r.intent.Canonical())
	}
	o.question = "Which one: " + numberedList(o.missing.Choices) + "?"
	o.missing.Question = o.question
	return o
}

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
	if f.fault != nil {
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

// leastWrong returns the reading whose one wrong value is the easiest to put right, nil where there is none.
func leastWrong(found []match) *match {
	var least *match
	for i := range found {
		f := &found[i]
		if f.fault == nil || f.err != "" {
			continue
		}
		if least == nil || f.fault.rank() < least.fault.rank() || f.fault.rank() == least.fault.rank() && f.fault.near < least.fault.near {
			least = f
		}
	}
	return least
}

// rank orders faults by how likely it is that the reading is the right one.
func (f *fault) rank() int {
	switch f.kind {
	case faultMistyped:
		return 0
	case faultAmbiguous:
		return 1
	case faultRefused, faultForm:
		return 2
	}
	return 3 + boolInt(len(f.choices) == 0)
}

// boolInt returns 1 for true.
func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wrong makes the outcome of a command with one value that is not right: a request to see takes a mistyped name
// for what it must be, everything else asks.
func (p *Parser) wrong(f *match, pt *part) outcome {
	o := f.outcome()
	w := f.fault
	if w.kind == faultRefused {
		return outcome{decision: Refuse, because: w.text}
	}
	if o.spec.Risk.Changes() && pt.unclear() != "" {
		return outcome{decision: Refuse, because: pt.unclear()}
	}
	slot, _ := o.spec.Slot(w.slot)
	if w.kind == faultMistyped && !o.spec.Risk.Changes() {
		o.intent.Slots = o.spec.ordered(put(o.intent.Slots, slot, w.at, w.value))
		o.decision, o.sure, o.because = Act, 0.8, w.text+"; read"
		return o
	}
	o.decision, o.sure, o.because = Ask, 0.8, w.text
	o.missing = &Missing{Slot: w.slot, Choices: w.choices, At: w.at}
	if !slot.List {
		o.missing.At = -1
	}
	switch {
	case w.kind == faultMistyped:
		o.because = "there is no " + w.of.String() + " " + w.said
		o.question = "Did you mean " + w.value + "? Then type: " + o.with(slot, w.at, w.value).Canonical()
	case len(w.choices) > 0:
		o.question = capital(w.text) + "; did you mean " + numberedList(w.choices) + "?"
	default:
		o.question = capital(w.text) + ". " + prompt([]string{w.slot})
	}
	o.missing.Question = o.question
	return o
}

// with returns the intent of o with value in slot.
func (o *outcome) with(slot SlotSpec, at int, value string) Intent {
	i := o.intent
	i.Slots = o.spec.ordered(put(i.Slots, slot, at, value))
	return i
}

// put returns slots with values in slot: inserted into its list at place at, or in place of what it held.
func put(slots Slots, slot SlotSpec, at int, values ...string) Slots {
	if !slot.List || at < 0 {
		return slots.With(slot.Name, values...)
	}
	have := slots.All(slot.Name)
	at = min(at, len(have))
	var all []string
	for _, v := range slices.Concat(have[:at], values, have[at:]) {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return slots.With(slot.Name, all...)
}

// capital returns text with its first letter in upper case.
func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
