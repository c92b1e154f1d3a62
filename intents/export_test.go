package intents

import (
	"strings"
	"sync"

	"github.com/shitops/opsbot/intents/classify"
)

// LoadFrom reads a catalogue from files, for tests of the file format and of catalogues larger than the built-in one.
var LoadFrom = load

// Sentence makes one sentence of the intent called name: choose(n) picks one of n ways wherever a pattern leaves a choice, value gives the
// words for a slot of that type behind the word before. It returns the words and the slots that they fill.
func (c *Catalog) Sentence(name string, choose func(n int) int, value func(slot, of, before string) string) (text string, filled map[string]bool) {
	var rules []*rule
	for _, r := range c.rules {
		if r.spec.Name == name {
			rules = append(rules, r)
		}
	}
	s := sentence{spec: c.spec(name), choose: choose, value: value, filled: map[string]bool{}}
	s.write(rules[choose(len(rules))].pattern)
	return strings.Join(s.words, " "), s.filled
}

// sentence collects the words of one walk through a pattern.
type sentence struct {
	spec   *Spec
	choose func(n int) int
	value  func(slot, of, before string) string
	words  []string
	filled map[string]bool
}

// write appends one of the ways to say e.
func (s *sentence) write(e *expr) {
	switch e.op {
	case opWord:
		if e.text == "'s" && len(s.words) > 0 {
			s.words[len(s.words)-1] += "'s"
			return
		}
		s.words = append(s.words, e.text)
	case opHole:
		slot, _ := s.spec.Slot(e.text)
		before := ""
		if n := len(s.words); n > 0 {
			before = s.words[n-1]
		}
		s.words = append(s.words, s.value(e.text, slot.Type, before))
		s.filled[e.text] = true
	case opSeq:
		for _, kid := range e.kids {
			s.write(kid)
		}
	case opAlt:
		s.write(e.kids[s.choose(len(e.kids))])
	case opOpt:
		if s.choose(2) == 1 {
			s.write(e.kids[0])
		}
	case opSet:
		for said, n := 0, s.choose(len(e.kids)+1); said < n; said++ {
			s.write(e.kids[(said+n)%len(e.kids)])
		}
	}
}

// MeasureLimits measures the thresholds of the classifier.
func MeasureLimits(c *Catalog) (classify.Calibration, error) {
	t, cal, err := c.measureLimits(c.newVocabulary())
	cal.Thresholds = t
	return cal, err
}

// Without returns the catalogue without every n-th phrase, counted from fold, and those phrases by intent.
func (c *Catalog) Without(fold, n int) (*Catalog, map[string][]Phrase) {
	less, out := *c, map[string][]Phrase{}
	less.specs = nil
	of := map[*Spec]*Spec{}
	for _, spec := range c.specs {
		s := *spec
		s.Phrases = nil
		for i, phrase := range spec.Phrases {
			if i%n == fold {
				out[spec.Name] = append(out[spec.Name], phrase)
				continue
			}
			s.Phrases = append(s.Phrases, phrase)
		}
		less.specs = append(less.specs, &s)
		of[spec] = &s
	}
	less.learn = sync.OnceValues(less.study)
	return &less, out
}
