package intents

import "slices"

// genitive reports whether s begins with a deed and "of": "recheck of edge-2" names a deed that was, or that somebody speaks of.
func (s *saying) genitive(v *vocabulary) bool {
	i := s.firstWord()
	return i+1 < len(s.words) && s.of[i] < 0 && s.info[i].verb && (s.words[i+1].low == "of" || s.words[i+1].low == "for")
}

// tellsOfNode reports whether s begins with a machine and says something about it: "edge-2 is down".
func (s *saying) tellsOfNode() bool {
	i := s.firstWord()
	if len(s.words) == 0 {
		return false
	}
	if e := s.of[i]; e < 0 || s.ents[e].kind != kindNode || !s.ents[e].typed || s.ents[e].site != "" || s.ents[e].fault != nil || len(s.words) > 8 {
		return false
	}
	next := s.ents[s.of[i]].to
	return next < len(s.words) && (finite(s.words[next].low) || s.words[next].low == "'s")
}

// headed reports whether s begins with the word for a deed, or with a run that is to run: "run r-17 again".
func (s *saying) headed(v *vocabulary) bool {
	i := s.firstWord()
	if len(s.words) == 0 {
		return false
	}
	if e := s.of[i]; e >= 0 {
		return s.ents[e].kind == kindRun && s.words[i].low == "run" && s.find(cueAgain, 0) >= 0
	}
	return !v.function[s.words[i].low]
}

// hedged reports whether a phrase of s says that it is no plain order.
func (s *saying) hedged() bool {
	return slices.ContainsFunc(s.cues, func(k cueKind) bool {
		return k != cueNone && k != cuePolite && k != cueAgain && k != cueReason && k != cueWant
	})
}

// firstWord returns the first word of s that is no courtesy.
func (s *saying) firstWord() int {
	for i := range s.words {
		if s.cues[i] != cuePolite {
			return i
		}
	}
	return 0
}

// verbOnly asks for what is missing where nothing but a verb of the catalogue and words like "that one" are said.
func (p *Parser) verbOnly(m *matcher, s *saying, f feeling, l *learned) (outcome, bool) {
	if f.mood != moodCommand || len(s.words) > 6 {
		return outcome{}, false
	}
	class := l.vocab.headClass(s.words[f.verb].low)
	for i := range s.words {
		if w := s.words[i].low; i != f.verb && s.cues[i] != cuePolite && (s.of[i] >= 0 || !l.vocab.function[w]) {
			return outcome{}, false
		}
	}
	if class < 0 {
		return outcome{}, false
	}
	fr := p.frame(m, s, l, class, f)
	group := fr.spec.missing(fr.slots)
	o := fr.outcome(p)
	switch {
	case group != nil:
		o.decision, o.sure = Ask, 0.7
		p.askFor(&o, group)
	case len(fr.from) > 0:
		o.sure, o.because = 0.75, fr.readAs(p, &o)
		p.lessSure(&o)
	default:
		return outcome{}, false
	}
	return o, true
}

// bareOrder decides about words that name a deed and have no verb to order it with: "maintenance on edge-2 for 2h". What is certain, and what is asked for
// with please, is confirmed; else what to type is said.
func (p *Parser) bareOrder(m *matcher, s *saying, f feeling, g guess, l *learned, class int) (outcome, bool) {
	if f.mood != moodShow || f.cue >= 0 || s.question || g.margin < l.limits.High || s.hedged() {
		return outcome{}, false
	}
	fr := p.frame(m, s, l, class, f)
	const clear = 0.6 // a margin that speaks for itself
	if !fr.whole() || !fr.own && !fr.verb && g.margin < clear || fr.contra || fr.later || s.genitive(l.vocab) || fr.shift != "" || fr.odd != "" || len(fr.spare) > 0 || len(fr.alien) > 0 || len(fr.weak) > 0 || fr.narrow != "" {
		return outcome{}, false
	}
	o := fr.outcome(p)
	certain := g.margin-max(g.secondary, g.none) >= l.limits.Gap && s.headed(l.vocab)
	if s.begs() || certain {
		o.sure, o.because = 0.75, fr.readAs(p, &o)
		p.lessSure(&o)
		return o, true
	}
	o.decision, o.sure, o.because = Ask, 0.5, "it gives no order; nothing is done"
	o.question = "Do you mean this? Then type: " + p.catalog.canonical(&o.intent)
	return o, true
}

// askFault asks about the first value that is wrong.
func (p *Parser) askFault(o *outcome, fr *frame) outcome {
	for _, w := range fr.faults {
		if w.kind == faultRefused {
			return outcome{decision: Refuse, because: w.text}
		}
	}
	tail := &o.missing
	for _, w := range fr.faults {
		*tail = o.ask(w, len(fr.faults) == 1)
		tail = &(*tail).Next
	}
	o.decision, o.sure, o.because, o.question = Ask, 0.7, fr.faults[0].text, o.missing.Question
	return *o
}

// askWhich asks for a slot of group that is not filled; where a site was said, its nodes are offered.
func (p *Parser) askWhich(m *matcher, s *saying, o *outcome, group []string) {
	slot, _ := o.spec.Slot(group[0])
	if slot.kind == kindNode && slot.List {
		for i := range s.ents {
			if e := &s.ents[i]; e.kind == kindSite {
				w := &fault{kind: faultAmbiguous, slot: slot.Name, of: slot.kind, at: -1, text: shown(e.values[0]) + " is a site", choices: []string{"all nodes in " + nameText(e.values[0])}}
				o.missing = o.ask(w, true)
				o.because, o.question = w.text, o.missing.Question
				return
			}
		}
	}
	p.askFor(o, group)
}

// rival returns what the second best intent would be, where the two are too close to tell.
func (p *Parser) rival(m *matcher, s *saying, f feeling, fr *frame, g guess, l *learned) *outcome {
	if g.second < 0 || g.margin-g.secondary >= l.limits.Gap/3 || g.secondary < l.limits.Low {
		return nil
	}
	other := p.frame(m, s, l, g.second, f)
	if !other.whole() || len(other.spare) > len(fr.spare) || other.spec.Risk.Changes() && (!other.verb || other.contra || other.object != "") {
		return nil
	}
	o := other.outcome(p)
	return &o
}

// askEither asks which of two commands is meant.
func (p *Parser) askEither(a, b *outcome) outcome {
	o := outcome{decision: Ask, because: "it could be " + a.spec.Name + " or " + b.spec.Name, sure: 0.5, missing: &Missing{Slot: SlotCommand, At: -1}}
	o.missing.Choices = []string{p.catalog.canonical(&a.intent), p.catalog.canonical(&b.intent)}
	o.question = "Which one: " + numberedList(o.missing.Choices) + "?"
	o.missing.Question = o.question
	return o
}

// nothing decides about words that no intent is behind.
func (p *Parser) nothing(m *matcher, s *saying, f feeling, pt *part) outcome {
	if f.mood == moodState && s.tellsOfNode() {
		if i, ok := p.look(m, s, false); ok {
			return p.answer(i, "a statement, not an order; this is how it stands")
		}
	}
	if f.mood == moodShow && s.question {
		if i, ok := p.look(m, s, false); ok {
			return p.answer(i, "a question; this is how it stands")
		}
	}
	return outcome{decision: Refuse, because: p.hint(pt)}
}
