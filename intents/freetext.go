package intents

import (
	"slices"
	"strconv"
	"strings"
)

// free reads the words of pt that the exact grammar does not.
func (p *Parser) free(m *matcher, l *learned, pt *part, s *saying, f feeling, tr *tracer) outcome {
	if o, ok := p.again(m, s); ok {
		return o
	}
	if o, ok := p.courteous(m, pt, s, tr); ok {
		return o
	}
	if f.mood == moodCommand {
		if o, ok := p.several(m, pt, s, f, l, tr); ok {
			return o
		}
	}
	g := p.bestGuess(m, l, s, f, tr)
	if g.class < 0 || g.margin < l.limits.Low || g.none > g.margin {
		if o, ok := p.verbOnly(m, s, f, l); ok {
			return o
		}
		return p.nothing(m, s, f, pt)
	}
	class := g.class
	if f.mood != moodCommand && p.catalog.specs[class].Risk.Changes() {
		if o, ok := p.bareOrder(m, s, f, g, l, class); ok {
			return o
		}
		if g.reading < 0 || g.readingMargin < l.limits.Low || f.mood == moodState {
			return p.told(m, s, f, g, l, pt)
		}
		class = g.reading
	}
	if f.mood == moodState && (!g.certain(l) || p.catalog.specs[class].Risk.Changes()) {
		return p.told(m, s, f, g, l, pt)
	}
	fr := p.frame(m, s, l, class, f)
	fr.trace(tr)
	if better := p.fitting(m, s, f, fr, g, l); better != nil {
		fr = better
		fr.trace(tr)
	}
	if why := p.flagged(m, pt, fr); why != "" {
		return refuse(why)
	}
	if fr.spec.Risk.Changes() {
		return p.toChange(m, pt, s, f, fr, g, l, tr)
	}
	return p.toShow(m, pt, s, f, fr, g, l, tr)
}

// bestGuess asks the classifier about all of s and, where that is not clear, about the clause of the order alone.
func (p *Parser) bestGuess(m *matcher, l *learned, s *saying, f feeling, tr *tracer) guess {
	g := p.guess(m, l, s.mask(), tr)
	if f.mood != moodCommand || g.margin >= l.limits.High && g.none <= g.margin {
		return g
	}
	if order := s.maskClause(s.clause[f.verb]); order != "" {
		if own := p.guess(m, l, order, tr); own.class >= 0 && own.margin > g.margin {
			return own
		}
	}
	return g
}

// readAs says how a text was read, in one line.
func (fr *frame) readAs(p *Parser, o *outcome) string {
	said := append(append([]string{}, fr.slips...), fr.from...)
	said = append(said, "read as: "+p.catalog.canonical(&o.intent))
	return strings.Join(said, "; ") + "; " + string(o.spec.Risk)
}

// askNarrow asks about a word that could mean a part of what would be changed.
func (fr *frame) askNarrow(o *outcome) outcome {
	o.decision, o.sure, o.because = Ask, 0.6, shown(fr.narrow)+" could mean a part of it; nothing is done"
	o.question = "What does " + shown(fr.narrow) + " mean? Say the whole command again"
	if _, ok := fr.spec.Slot("service"); ok {
		o.missing = &Missing{Slot: "service", At: -1, Question: "Which service? Say its whole name, or: service " + quote(fr.narrow)}
		o.question = o.missing.Question
	}
	return *o
}

// toChange decides about an order that changes something.
func (p *Parser) toChange(m *matcher, pt *part, s *saying, f feeling, fr *frame, g guess, l *learned, tr *tracer) outcome {
	o := fr.outcome(p)
	if fr.narrow != "" && fr.spec.missing(fr.slots) == nil {
		return fr.askNarrow(&o)
	}
	if why := fr.against(s, f, g.margin >= l.limits.High && g.margin-max(g.secondary, g.none) >= l.limits.Gap); why != "" {
		tr.add("gate: ", why)
		if !fr.verb && g.reading >= 0 && g.readingMargin >= l.limits.Low && f.verb >= 0 && s.info[f.verb].actsFor(g.reading) {
			see := p.frame(m, s, l, g.reading, f)
			if see.trace(tr); see.odd == "" && !see.loose(s) && see.specific(s, l.vocab, g, l) {
				return p.toSee(see, g, l)
			}
		}
		return p.gated(&o, fr, g, l, why)
	}
	if len(fr.faults) > 0 {
		return p.askFault(&o, fr)
	}
	if group := fr.spec.missing(fr.slots); group != nil {
		if fr.object != "" || len(fr.alien) > 1 {
			return outcome{decision: Refuse, because: p.hint(pt)}
		}
		o.decision, o.sure = Ask, 0.7
		p.askWhich(m, s, &o, group)
		return o
	}
	if second := p.rival(m, s, f, fr, g, l); second != nil {
		return p.askEither(&o, second)
	}
	o.because = fr.readAs(p, &o)
	if slices.ContainsFunc(fr.spec.Slots, func(s SlotSpec) bool { return s.kind == kindText }) { // what is taught is said exactly
		text := p.catalog.canonical(&o.intent)
		o.sure, o.decision, o.question = 0.75, Ask, "What is taught must be said exactly. Type: "+text
		o.missing = &Missing{Slot: SlotCommand, Choices: []string{text}, At: -1, Question: o.question}
		return o
	}
	less := g.margin < l.limits.High || g.margin-max(g.secondary, g.none) < l.limits.Gap || len(fr.slips) > 0 || len(fr.from) > 0 || len(fr.weak) > 0 || len(fr.alien) > 0 || !fr.verb || fr.bare || s.strange(l.vocab)
	if less {
		o.sure = 0.75
		p.lessSure(&o)
		return o
	}
	o.sure, o.decision = 0.95, Confirm
	if o.risk() == Reversible && !s.polite && !s.wish {
		o.decision = Act
		if o.spec.Undo != "" {
			o.because += "; " + o.spec.Undo
		}
	}
	if !o.risk().Changes() {
		o.decision = Act
	}
	return o
}

// lessSure decides about a command that was read without being sure.
func (p *Parser) lessSure(o *outcome) {
	switch risk := o.risk(); risk {
	case Read:
		o.decision = Act
	case Reversible, Disruptive:
		o.decision = Confirm
	default:
		text := p.catalog.canonical(&o.intent)
		o.decision, o.question = Ask, "Not sure enough for something "+string(risk)+". To do it, type: "+text
		o.missing = &Missing{Slot: SlotCommand, Choices: []string{text}, At: -1, Question: o.question}
	}
	if !strings.HasSuffix(o.because, "; "+string(o.risk())) {
		o.because += "; " + string(o.risk())
	}
}

// trace notes what the frame found.
func (fr *frame) trace(tr *tracer) {
	if !tr.on {
		return
	}
	i := Intent{Name: fr.spec.Name, Slots: fr.slots}
	tr.add("frame: ", i.Canonical(), "; verb ", strconv.FormatBool(fr.verb), ", contrary ", strconv.FormatBool(fr.contra), ", words of nothing: ", strings.Join(fr.alien, " "))
}
