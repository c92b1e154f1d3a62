package intents

import (
	"slices"
	"strings"
)

// asksFirst reports whether something other than courtesy follows a question mark.
func (s *saying) asksFirst() bool {
	for i := s.asked; s.question && i < len(s.words); i++ {
		if s.cues[i] != cuePolite {
			return true
		}
	}
	return false
}

// begs reports whether somebody says please or thanks.
func (s *saying) begs() bool {
	return slices.ContainsFunc(s.words, func(t token) bool {
		switch t.low {
		case "please", "pls", "plz", "kindly", "thanks", "thank", "thx":
			return !t.quoted
		}
		return false
	})
}

// courteous reads an exact command with courtesy around it, or with a slip of the finger in it.
func (p *Parser) courteous(m *matcher, pt *part, s *saying, tr *tracer) (outcome, bool) {
	if s.asksFirst() {
		return outcome{}, false
	}
	slips := append([]string(nil), s.slips...)
	toks := m.polished[:0]
	for i := range s.words {
		if s.cues[i] == cuePolite || s.cues[i] == cueWant {
			if n := len(toks); n > 0 && s.stops(i) {
				toks[n-1].comma = true
			}
			continue
		}
		if e := s.of[i]; e >= 0 && s.ents[e].slip != "" {
			if e := &s.ents[e]; e.from == i {
				slips = append(slips, e.slip)
				fresh := p.catalog.token(e.values[0], true)
				fresh.comma = s.words[e.to-1].comma
				toks = append(toks, fresh)
			}
			continue
		}
		t := s.words[i]
		t.end = false
		toks = append(toks, t)
	}
	m.polished = toks
	if len(toks) == 0 || len(toks) == len(s.words) && len(slips) == 0 && len(toks) == len(pt.toks) {
		return outcome{}, false
	}
	toks[len(toks)-1].comma = false
	one := *pt
	one.toks, one.question, one.hesitates = toks, false, false
	m.read(&one, false)
	whole := best(m.found)
	if len(whole) != 1 || whole[0].err != "" || len(whole[0].faults) > 0 || whole[0].quoted > 0 {
		return outcome{}, false
	}
	tr.reading(&whole[0], ", behind courtesy or a slip of the finger")
	o := whole[0].outcome()
	p.weigh(&o)
	o.sure, o.decision = 0.95, Confirm
	o.because = strings.Join(append(slices.Clone(slips), "read as: "+p.catalog.canonical(&o.intent)), "; ") + "; " + string(o.spec.Risk)
	switch {
	case !o.risk().Changes():
		o.decision = Act
		if len(slips) > 0 {
			o.sure = 0.8
		}
	case len(slips) > 0 && len(o.spec.Require) == 0:
		o.decision, o.sure = Ask, 0.5 // "parse" is no slip of "pause"
		o.question = "Did you mean this? Then type: " + p.catalog.canonical(&o.intent)
		o.missing = &Missing{Slot: SlotCommand, Choices: []string{p.catalog.canonical(&o.intent)}, At: -1, Question: o.question}
	case len(slips) > 0:
		o.sure = 0.75
		p.lessSure(&o)
	}
	return o, true
}
