package intents

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// understand reads one command: exactly; then as one that lacks something; then as one with a wrong value.
func (p *Parser) understand(m *matcher, pt *part, tr *tracer) outcome {
	if len(pt.toks) == 0 {
		return outcome{decision: Refuse, because: "flags without a command"}
	}
	m.read(pt, false)
	if o, ok := p.exactly(m, pt, tr); ok {
		return o
	}
	l := p.lessonsFor(m, tr)
	if l == nil {
		if o, ok := p.begun(m, pt, tr); ok {
			return o
		}
		return p.roughly(m, pt, tr)
	}
	s, f, o, ok := p.heard(m, pt, l, tr)
	if ok {
		return o
	}
	half, ok := p.begun(m, pt, tr)
	if ok && (half.spec != nil || len(pt.toks) == 1) {
		return half
	}
	free := p.freely(m, l, pt, s, f, tr)
	switch {
	case !ok:
		return free
	case free.decision == Refuse || free.spec == nil:
		return half
	case free.decision != Ask && free.risk().Changes(): // "remove edge-2": of what, or the machine itself?
		text := p.catalog.canonical(&free.intent)
		free.decision, free.sure, free.question = Ask, 0.5, "It is not finished. Do you mean this? Then type: "+text
		free.missing = &Missing{Slot: SlotCommand, Choices: []string{text}, At: -1, Question: free.question}
	}
	return free
}

// exactly reads a command that the grammar reads to its end.
func (p *Parser) exactly(m *matcher, pt *part, tr *tracer) (outcome, bool) {
	if whole := best(m.found); len(whole) > 0 {
		if len(whole) > 1 {
			tr.add("grammar: ", strconv.Itoa(len(whole)), " ways to read it")
			return p.which(whole, pt), true
		}
		tr.reading(&whole[0], "")
		o := p.decide(&whole[0], pt)
		if o.decision == Refuse && pt.question && !m.exact {
			return p.askedExactly(&whole[0], o), true
		}
		return o, true
	}
	if whole := best(p.verbAndFlags(m)); len(whole) == 1 {
		tr.reading(&whole[0], ", slots in flags")
		return p.decide(&whole[0], pt), true
	}
	return outcome{}, false
}

// askedExactly answers an exact command that is asked as a question with how its things stand.
func (p *Parser) askedExactly(f *match, o outcome) outcome {
	i := f.outcome().intent
	s := &saying{}
	for _, slot := range f.rule.spec.Slots {
		if values := i.Slots.All(slot.Name); len(values) > 0 {
			s.ents = append(s.ents, entity{kind: slot.kind, values: values, also: -1})
		}
	}
	if see, ok := p.look(nil, s, cached(i.Name)); ok {
		return p.answer(see, o.because)
	}
	return o
}

// heard takes the words apart and decides where their mood alone does, or where they point back to what was said before. m keeps what the grammar found.
func (p *Parser) heard(m *matcher, pt *part, l *learned, tr *tracer) (*saying, feeling, outcome, bool) {
	s, f := p.hear(m, pt, l, tr)
	if o, ok := p.takingOver(m, s, f, l, tr); ok {
		return s, f, o, true
	}
	if f.mood >= moodAdvice {
		return s, f, p.moody(m, l, pt, s, f, tr), true
	}
	if s.pronoun() >= 0 { // "then prime it": the grammar knows no "it"
		found, ended := slices.Clone(m.found), slices.Clone(m.ended)
		if o := p.free(m, l, pt, s, f, tr); o.decision != Refuse && o.decision != Answer {
			return s, f, o, true
		}
		s, f = p.hear(m, pt, l, &tracer{})
		m.found, m.ended = found, ended
	}
	m.part, m.toks = pt, pt.toks
	return s, f, outcome{}, false
}

// begun reads a command that the grammar reads up to a place where something is missing.
func (p *Parser) begun(m *matcher, pt *part, tr *tracer) (outcome, bool) {
	if half := p.unfinished(m); half != nil {
		if !half.missing && len(half.faults) == 0 && half.err == "" {
			tr.reading(half, ", finished by flags")
			return p.decide(half, pt), true // "show run --run r-17"
		}
		tr.reading(half, ", unfinished")
		return p.lacks(half, pt), true
	}
	if o := p.openEnded(m, pt); o != nil {
		tr.add("grammar: unfinished, several intents")
		return *o, true
	}
	return outcome{}, false
}

// roughly reads a command with wrong values, where nothing but the grammar may read.
func (p *Parser) roughly(m *matcher, pt *part, tr *tracer) outcome {
	m.read(pt, true)
	if wrong := leastWrong(m.found); wrong != nil {
		tr.reading(wrong, ", but "+wrong.faults[0].text)
		return p.wrong(wrong, pt)
	}
	tr.add("grammar: no pattern fits")
	if p.corrects(pt) {
		return outcome{decision: Ask, because: "it corrects itself; nothing is done", question: "Which of the two is meant? Say the whole command again"}
	}
	return outcome{decision: Refuse, because: p.hint(pt)}
}

// freely reads a command with wrong values that look like values, else free words, else one with any wrong values.
func (p *Parser) freely(m *matcher, l *learned, pt *part, s *saying, f feeling, tr *tracer) outcome {
	var wrong *match
	if first := &pt.toks[0]; !letters(first.raw) || p.begins(first) {
		m.read(pt, true)
		wrong = leastWrong(m.found)
	}
	if wrong != nil && wrong.firm() && len(s.slips) == 0 {
		tr.reading(wrong, ", but "+wrong.faults[0].text)
		return p.wrong(wrong, pt)
	}
	tr.add("grammar: no pattern fits")
	var vague outcome
	if wrong != nil {
		vague = p.wrong(wrong, pt)
	}
	o := p.free(m, l, pt, s, f, tr)
	if vague.decision == "" || o.decision != Refuse && !vague.knowsMore(&o) {
		return o
	}
	return vague
}

// begins reports whether a command of the grammar can begin with the word t.
func (p *Parser) begins(t *token) bool {
	_, known := p.catalog.auto.step(0, t.word)
	return known && t.word != wordNone
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
		f.contradiction()
		f.missing = spec.missing(f.slots) != nil
		found = append(found, f)
	}
	return found
}

// best returns the ways to read a command that nothing is wrong with. Where there are none it returns those with
// a wrong flag or a wrong flag's value. Words in quotation marks count as the grammar's own only where nothing else fits.
func best(found []match) []match {
	least := -1
	for i := range found {
		if f := &found[i]; !f.missing && f.err == "" && len(f.faults) == 0 && (least < 0 || f.quoted < least) {
			least = f.quoted
		}
	}
	if least < 0 {
		for i := range found {
			if found[i].err != "" || len(found[i].faults) > 0 {
				return found[i : i+1]
			}
		}
		return nil
	}
	if len(found) == 1 {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(f match) bool {
		return f.missing || f.err != "" || len(f.faults) > 0 || f.quoted > least
	})
}

// decide makes the outcome of a command that was read in one way.
func (p *Parser) decide(f *match, pt *part) outcome {
	if f.err != "" {
		return outcome{decision: Refuse, because: f.err}
	}
	if len(f.faults) > 0 {
		return p.wrong(f, pt)
	}
	o := f.outcome()
	p.weigh(&o)
	o.decision, o.sure, o.because = o.risk().Exact(), 1, exactBecause(o.risk())
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
	options := f.options
	if !f.owned {
		options = maps.Clone(options) // the rule's own must stay as it is
	}
	if len(options) == 0 {
		options = nil
	}
	return outcome{spec: f.rule.spec, intent: Intent{Name: f.rule.spec.Name, Slots: slots, Options: options}}
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

// lessonsFor returns what was learned where words other than those of the exact grammar may be read, else nil.
func (p *Parser) lessonsFor(m *matcher, tr *tracer) *learned {
	if m.exact {
		return nil
	}
	l, err := p.catalog.lessons()
	if err != nil {
		tr.add("learn: ", err.Error())
		return nil
	}
	return l
}

// firm reports whether the wrong values of f look like values, rather than like any word of a sentence.
func (f *match) firm() bool {
	return !slices.ContainsFunc(f.faults, func(w *fault) bool { return w.kind == faultUnknown && !strings.ContainsAny(w.said, "0123456789-_.") })
}

// knowsMore reports whether the question o is about a slot of the request that free leaves empty: "status of edge" is not the status of everything.
func (o *outcome) knowsMore(free *outcome) bool {
	return o.missing != nil && o.spec != nil && o.spec == free.spec && !free.spec.Risk.Changes() && !free.intent.Slots.Has(o.missing.Slot)
}

// letters reports whether w is made of letters alone: such a word, where the grammar does not know it, begins no command, not even a wrong one.
func letters(w string) bool {
	for i := range len(w) {
		if !letter(rune(w[i])) {
			return false
		}
	}
	return true
}
