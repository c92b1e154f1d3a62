package intents

import "slices"

// takingOver reads what somebody says who takes a thing over by saying so: "I'm on edge-2", "I've got the disk alert on edge-2". It counts for what is
// taken back easily, where nothing else can be meant, and is confirmed.
func (p *Parser) takingOver(m *matcher, s *saying, f feeling, l *learned, tr *tracer) (outcome, bool) {
	if s.question || f.mood != moodReport && f.mood != moodState && f.mood != moodFuture || !s.takesOver() {
		return outcome{}, false
	}
	g := p.guess(m, l, s.mask(), tr)
	if g.class < 0 || g.margin < l.limits.High || g.margin-max(g.secondary, g.none) < l.limits.Gap || p.catalog.specs[g.class].Risk != Reversible {
		return outcome{}, false
	}
	fr := p.frame(m, s, l, g.class, feeling{mood: moodCommand, verb: -1, cue: -1})
	fr.trace(tr)
	if !fr.whole() || fr.contra || fr.later || fr.odd != "" || len(fr.spare) > 0 || len(fr.weak) > 0 {
		return outcome{}, false
	}
	o := fr.outcome(p)
	o.sure, o.because = 0.75, fr.readAs(p, &o)
	p.lessSure(&o)
	return o, true
}

// takesOver reports whether s begins like somebody who takes something over, with the thing right behind.
func (s *saying) takesOver() bool {
	i := s.firstWord()
	said := func(words ...string) int {
		for k, w := range words {
			if i+k >= len(s.words) || s.words[i+k].low != w || s.of[i+k] >= 0 {
				return -1
			}
		}
		return i + len(words)
	}
	behind := -1
	for _, words := range [][]string{
		{"i", "'m", "on"}, {"i", "am", "on"}, {"i", "'ve", "got"}, {"i", "have", "got"}, {"i", "got"}, {"i", "have"}, {"i", "take"}, {"i", "own"}, {"i", "'m", "taking"}, {"taking", "over"}, {"taking"}, {"i", "'m", "working", "on"},
		{"working", "on"}, {"i", "'m", "looking", "at"}, {"i", "'m", "looking", "into"}, {"looking", "at"}, {"looking", "into"}, {"i", "'ll", "take"}, {"i", "'ll", "take", "care", "of"}, {"i", "'ll", "handle"}, {"we", "'re", "on"}, {"we", "'ve", "got"},
		{"i", "'m", "handling"}, {"i", "'m", "fixing"}, {"i", "'m", "dealing", "with"},
	} {
		behind = max(behind, said(words...))
	}
	if behind < 0 {
		return false
	}
	const near = 5 // "the disk alert on edge-2"
	for j := behind; j < min(behind+near, len(s.words)); j++ {
		if s.of[j] >= 0 {
			return true
		}
		if !slices.Contains([]string{"the", "alert", "alerts", "problem", "problems", "on", "of", "at", "over", "care", "this", "all", "issue", "issues", "case"}, s.words[j].low) {
			return false
		}
	}
	return false
}
