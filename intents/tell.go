package intents

import "strings"

// moody decides about a saying whose mood alone says that nothing is to be done.
func (p *Parser) moody(m *matcher, l *learned, pt *part, s *saying, f feeling, tr *tracer) outcome {
	switch f.mood {
	case moodHostile:
		return refuse("that is no way to ask me; nothing is done")
	case moodOther:
		return refuse("said to somebody else; nothing is done")
	case moodSkip:
		return refuse("the question before the deed is never left out; nothing is done")
	case moodForeign:
		return refuse("I understand English only; `help` shows what can be said")
	case moodQuote:
		return refuse("somebody else's words are no command; nothing is done")
	case moodTrail:
		return refuse("it trails off; nothing is done")
	case moodNot:
		return refuse("negated; nothing is done")
	case moodCond:
		return refuse("a condition; nothing is done now. A rule or a job could do it when the time comes")
	case moodCorrect:
		return outcome{decision: Ask, because: "it corrects itself; nothing is done", question: "Which of the two is meant? Say the whole command again"}
	}
	if o, ok := p.seen(m, l, s, f, tr); ok {
		return o
	}
	g := p.guess(m, l, s.topical(), tr)
	return p.told(m, s, f, g, l, pt)
}

// seen reads what sounds like a report, advice or a way to do things, and is a request to see: "what was changed on edge-2", "is r-17 finished?".
func (p *Parser) seen(m *matcher, l *learned, s *saying, f feeling, tr *tracer) (outcome, bool) {
	if f.mood != moodReport && f.mood != moodAdvice && f.mood != moodHowto {
		return outcome{}, false
	}
	g := p.guess(m, l, s.mask(), tr)
	if g.reading < 0 || g.reading != g.class || g.margin < l.limits.High || g.none > g.margin {
		return outcome{}, false
	}
	name := p.catalog.specs[g.class].Name
	if name == "help" || name == "audit.show" && l.vocab.anyHeavy(s) || !s.questions() {
		return outcome{}, false
	}
	fr := p.frame(m, s, l, g.class, f)
	fr.trace(tr)
	if fr.odd != "" || fr.loose(s) || !fr.specific(s, l.vocab, g, l) {
		return outcome{}, false
	}
	o := p.toSee(fr, g, l)
	return o, o.decision == Act
}

// questions reports whether s has the form of a question, or of a request to be shown something.
func (s *saying) questions() bool {
	if s.question {
		return true
	}
	for i := range s.words {
		if s.cues[i] == cuePolite {
			continue
		}
		switch s.words[i].low {
		case "what", "which", "who", "whose", "where", "when", "how", "why", "is", "are", "does", "do", "did", "has", "have", "was", "were", "any", "show", "list", "would", "will", "can", "could", "should":
			return true
		}
		return false
	}
	return false
}

// anyHeavy reports whether s holds a verb that a catalogue file names for an intent that changes something.
func (v *vocabulary) anyHeavy(s *saying) bool {
	for i := range s.words {
		if s.of[i] < 0 && s.cues[i] != cuePolite {
			if s.info[i].heavy {
				return true
			}
		}
	}
	return false
}

func refuse(because string) outcome { return outcome{decision: Refuse, because: because} }

// topical returns s masked, without the words that say how it is meant.
func (s *saying) topical() string {
	kept := s.cues
	s.cues = make([]cueKind, len(kept))
	for i, k := range kept {
		if k != cueNone && k != cueAgain {
			s.cues[i] = cuePolite
		}
	}
	text := strings.TrimSuffix(s.mask(), " ?")
	s.cues = kept
	return text
}

// told answers what asks for nothing to be done with something to read.
func (p *Parser) told(m *matcher, s *saying, f feeling, g guess, l *learned, pt *part) outcome {
	topic := ""
	if g.class >= 0 && g.margin >= l.limits.Low/2 && g.margin > g.none/2 {
		topic = p.catalog.specs[g.class].Name
	}
	if topic == "" && !s.names() && p.topicOf(s) == "" {
		return outcome{decision: Refuse, because: p.hint(pt)}
	}
	switch f.mood {
	case moodHowto:
		return p.howto(s, topic, pt)
	case moodReport:
		if i, ok := p.audit(s); ok {
			return p.answer(i, "about what was done; nothing is done now. This is the record")
		}
	case moodFuture:
		why := "a plan for later; nothing is done now. `schedule` lets a job do it by the clock"
		if i, ok := p.look(m, s, cached(topic)); ok {
			return p.answer(i, why)
		}
		return outcome{decision: Answer, because: why, sure: 0.6}
	case moodState:
		if i, ok := p.look(m, s, cached(topic)); ok {
			return p.answer(i, "a statement, not an order; nothing is done. This is how it stands")
		}
		return outcome{decision: Refuse, because: p.hint(pt)}
	}
	if i, ok := p.look(m, s, cached(topic)); ok {
		return p.answer(i, "a question; nothing is done. This is how it stands")
	}
	return p.howto(s, topic, pt)
}

// names reports whether s speaks of a thing of the inventory.
func (s *saying) names() bool {
	for i := range s.ents {
		if k := s.ents[i].kind; k <= kindJob && k != kindPerson || k == kindRun || k == kindURL {
			return true
		}
	}
	return false
}

// cached reports whether the intent called name is about what caches hold.
func cached(name string) bool { return strings.HasPrefix(name, "cache.") }

// answer makes the outcome that shows something.
func (p *Parser) answer(i Intent, because string) outcome {
	return outcome{spec: p.catalog.spec(i.Name), intent: i, decision: Answer, because: because, sure: 0.6}
}

// howto answers how something is said, or what a word means.
func (p *Parser) howto(s *saying, topic string, pt *part) outcome {
	if said := p.topicOf(s); said != "" {
		topic = said
	}
	spec := p.catalog.spec("help")
	if topic == "" || spec == nil {
		return outcome{decision: Refuse, because: p.hint(pt)}
	}
	return p.answer(Intent{Name: "help", Slots: Slots{{Name: "topic", Values: []string{topic}}}}, "a question; nothing is done. This is how it is said")
}

// audit returns the record of what was done to the things of s, and by whom.
func (p *Parser) audit(s *saying) (Intent, bool) {
	spec := p.catalog.spec("audit.show")
	if spec == nil {
		return Intent{}, false
	}
	i := Intent{Name: spec.Name, Slots: Slots{}}
	for k := range s.ents {
		e := &s.ents[k]
		slot, ok := slotOfKind(spec, e.kind)
		if ok && e.fault == nil && (slot.List || len(e.values) == 1) && !i.Slots.Has(slot.Name) && e.kind != kindDuration {
			i.Slots = i.Slots.With(slot.Name, e.values...)
		}
	}
	i.Slots = spec.ordered(i.Slots)
	return i, true
}

// look returns the request that shows how the things of s stand; cache says that it is about what caches hold.
func (p *Parser) look(m *matcher, s *saying, cache bool) (Intent, bool) {
	for k := range s.ents {
		e := &s.ents[k]
		if e.fault != nil || len(e.values) == 0 {
			continue
		}
		for _, name := range views(e.kind, cache) {
			spec := p.catalog.spec(name)
			if spec == nil {
				continue
			}
			slot, ok := slotOfKind(spec, e.kind)
			values := e.values
			if e.kind == kindSite {
				slot, ok = slotOfKind(spec, kindNode)
				values = p.nodesAt(e.values[0])
			}
			if !ok || len(values) == 0 || !slot.List && len(values) > 1 {
				continue
			}
			return Intent{Name: name, Slots: Slots{{Name: slot.Name, Values: values}}}, true
		}
	}
	return Intent{}, false
}

// views are the intents that show a thing of kind k, the best first.
func views(k kind, cache bool) []string {
	switch k {
	case kindNode, kindSite:
		if cache {
			return []string{"cache.stats", "status.show"}
		}
		return []string{"status.show", "node.show"}
	case kindDeployment:
		if cache {
			return []string{"cache.stats", "status.show"}
		}
		return []string{"deployment.show", "status.show"}
	case kindSegment:
		return []string{"segment.show"}
	case kindRun:
		return []string{"run.show"}
	case kindPerson:
		return []string{"audit.show"}
	}
	return nil
}
