package intents

// plainly reports whether a request to see is certain, and nothing but what it is about is spoken of.
func (fr *frame) plainly(s *saying, v *vocabulary, certain bool) bool {
	if !certain {
		return false
	}
	own := s.question || s.names()
	for i := range s.words {
		w := s.info[i]
		own = own || s.of[i] < 0 && !w.function && !w.shifting && !w.generic && w.says(fr.class)
	}
	return own && (len(fr.alien) == 0 || s.names() && len(fr.alien) < 2)
}

// specific reports whether something in s is about the intent that only shows: a thing of the inventory, or a word that belongs to it. Words that belong
// to nothing speak against it.
func (fr *frame) specific(s *saying, v *vocabulary, g guess, l *learned) bool {
	named, own := false, false
	for i := range s.ents {
		e := &s.ents[i]
		named = named || e.kind <= kindJob || e.kind == kindRun || e.kind == kindURL
	}
	for i := range s.words {
		w := s.info[i]
		own = own || s.of[i] < 0 && s.cues[i] == cueNone && !w.function && !w.generic && !w.shifting && w.says(fr.class)
	}
	switch len(fr.alien) {
	case 0:
		return named || own || s.question && g.margin >= l.limits.High || v.verbAlone(s, fr.class)
	case 1:
		return (named || own && s.question) && g.margin >= l.limits.High
	}
	return named && own && g.margin >= l.limits.High
}

// loose reports whether a thing of s has no place in the request.
func (fr *frame) loose(s *saying) bool {
	for _, i := range fr.spare {
		switch e := &s.ents[i]; e.kind {
		case kindCount, kindPlatform, kindText:
		default:
			return true
		}
	}
	return false
}

// verbAlone reports whether a verb of the class stands in s although the word could be about anything: "nodes".
func (v *vocabulary) verbAlone(s *saying, class int) bool {
	for i := range s.words {
		if k, ok := v.words[s.words[i].low]; ok && s.of[i] < 0 && k.verbs.has(class) {
			return true
		}
	}
	return false
}

// toShow decides about what only shows something: whether it is asked for at all, and how.
func (p *Parser) toShow(m *matcher, pt *part, s *saying, f feeling, fr *frame, g guess, l *learned, tr *tracer) outcome {
	if f.verb >= 0 && l.vocab.strong(s, f.verb) && !s.info[f.verb].actsFor(fr.class) && !s.info[f.verb].says(fr.class) {
		tr.add("gate: ", shown(s.words[f.verb].low), " is no verb of ", fr.spec.Name)
		return p.nothing(m, s, f, pt)
	}
	if f.verb >= 0 && s.info[f.verb].heavy && s.info[f.verb].lemma.form == formBase && !l.vocab.named(s.words[f.verb].low, fr.class) {
		return p.nothing(m, s, f, pt) // "disable the rules" lists none
	}
	certain := fr.class == g.class && g.certain(l)
	if fr.odd != "" || fr.loose(s) || !fr.plainly(s, l.vocab, certain) && (fr.shift != "" && !s.question || !fr.specific(s, l.vocab, g, l)) {
		tr.add("gate: nothing in it is about ", fr.spec.Name)
		return p.nothing(m, s, f, pt)
	}
	o := p.toSee(fr, g, l)
	switch {
	case o.decision != Act:
	case fr.spec.Name == "help" && f.mood != moodCommand:
		o.decision, o.because = Answer, "a question; this is how it is said"
	case f.mood == moodState:
		o.decision, o.because = Answer, "a statement, not an order; this is how it stands"
	}
	return o
}

// toSee decides about a request to see something.
func (p *Parser) toSee(fr *frame, g guess, l *learned) outcome {
	o := fr.outcome(p)
	if len(fr.faults) > 0 {
		return p.askFault(&o, fr)
	}
	if group := fr.spec.missing(fr.slots); group != nil {
		o.decision, o.sure = Ask, 0.7
		p.askFor(&o, group)
		return o
	}
	if fr.vague != "" {
		o.decision, o.sure = Ask, 0.7
		p.askFor(&o, []string{fr.vague})
		return o
	}
	o.decision, o.sure = Act, 0.95
	o.because = fr.readAs(p, &o)
	if g.margin < l.limits.High || len(fr.slips) > 0 || len(fr.from) > 0 {
		o.sure = 0.75
	}
	return o
}
