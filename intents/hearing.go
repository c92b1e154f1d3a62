package intents

import (
	"strconv"
	"strings"
)

// hear takes apart the words of pt that the exact grammar does not read, and finds how they are meant.
func (p *Parser) hear(m *matcher, pt *part, l *learned, tr *tracer) (*saying, feeling) {
	s := &m.saying
	m.vocab = l.vocab
	s.take(p.catalog, pt)
	p.correctSlips(s, l)
	s.look(l.vocab)
	s.greet(p.catalog.cues)
	m.things(s)
	s.listen(p.catalog.cues)
	l.vocab.divide(s)
	f := l.vocab.feel(s, p.catalog.cues)
	if f.mood == moodForeign && !p.foreign(s) {
		f.mood = moodCommand
		if f.verb < 0 {
			f.mood = moodShow
		}
	}
	if tr.on {
		tr.add("words: ", s.String())
		for i := range s.ents {
			e := &s.ents[i]
			tr.add("thing: ", strconv.Quote(e.said(m)), " is ", e.kind.String(), " ", strings.Join(e.values, ", "), " ", e.slip)
		}
		tr.add("mood: ", f.mood.String(), f.because(s))
	}
	return s, f
}

// String returns the words of s.
func (s *saying) String() string {
	said := make([]string, len(s.words))
	for i := range s.words {
		said[i] = s.words[i].low
	}
	return strings.Join(said, " ")
}

// because returns the words that decided the mood, for the trace.
func (f feeling) because(s *saying) string {
	out := ""
	if f.cue >= 0 && f.cue < len(s.words) {
		out = ", by " + strconv.Quote(s.words[f.cue].low)
	}
	if f.verb >= 0 {
		out += "; the verb is " + strconv.Quote(s.words[f.verb].low)
	}
	return out
}

// names returns the names of all intents.
func (c *Catalog) names() []string {
	out := make([]string, len(c.specs))
	for i, spec := range c.specs {
		out[i] = spec.Name
	}
	return out
}

// foreign reports whether s is in another language although the inventory may have names that are words of it.
func (p *Parser) foreign(s *saying) bool {
	own := saying{words: make([]token, 0, len(s.words)), of: s.of}
	for i := range s.words {
		if !p.knows(&s.words[i]) && (p.catalog.cues.foreign[s.words[i].low] == 0 || !p.startsName(s.words[i].low)) {
			own.words = append(own.words, s.words[i])
		}
	}
	own.of = make([]int16, len(own.words))
	for i := range own.of {
		own.of[i] = -1
	}
	return foreign(&own, p.catalog.cues)
}

// knows reports whether the inventory has the name t.
func (p *Parser) knows(t *token) bool {
	key, ok := appendKey(nil, t.raw)
	if !ok {
		return false
	}
	_, ok = p.names.keys[string(key)]
	return ok
}

// startsName reports whether a name of the inventory has w for its first word.
func (p *Parser) startsName(w string) bool { return p.fuzzy.heads[w] }
