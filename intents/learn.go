package intents

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/shitops/opsbot/intents/classify"
)

// learned is what the catalogue's phrases have taught: a classifier, and which words belong to which intent. It is made at the first text that the
// exact grammar does not read, or by Catalog.Learn.
type learned struct {
	model  *classify.Model
	limits classify.Thresholds
	vocab  *vocabulary
	pool   sync.Pool // of *classify.Scratch
}

// Learn trains the classifier from the phrases of the catalogue, if that was not done yet; without it, the first text in free words pays for it. It
// fails where the phrases cannot be learned from; then free words are refused and exact commands go on.
func (c *Catalog) Learn() error {
	_, err := c.lessons()
	return err
}

// Model names the classifier: the same phrases have the same name on every run. It is empty where there are no phrases.
func (c *Catalog) Model() string {
	l, err := c.lessons()
	if err != nil || l == nil {
		return ""
	}
	return l.model.Hash()
}

// lessons returns what was learned, nil where the catalogue has no phrases.
func (c *Catalog) lessons() (*learned, error) { return c.learn() }

// study trains the classifier.
func (c *Catalog) study() (*learned, error) {
	examples := c.examples()
	if len(examples) == 0 || len(c.none) == 0 {
		return nil, nil
	}
	l := &learned{}
	l.pool.New = func() any { return new(classify.Scratch) }
	var vocab sync.WaitGroup
	vocab.Go(func() { l.vocab = c.newVocabulary() }) // while the classifier trains
	var err error
	l.model, err = classify.Train(examples, len(c.specs)+1, classifyOptions())
	if vocab.Wait(); err != nil {
		return nil, fmt.Errorf("learn from the catalogue: %w", err)
	}
	l.limits, err = c.limits(l.vocab, l.model.Hash())
	return l, err
}

// classifyOptions are the options of the training.
func classifyOptions() classify.Options {
	return classify.Options{Masks: masks()}
}

// masks lists every mask.
func masks() []string {
	return []string{
		maskNode, maskDuration, maskTime, maskURL, maskDeployment, maskRun, maskService, maskSegment, maskVNI, maskAddress, maskPlatform, maskPerson, maskJob,
		maskRule, maskNumber, maskTag, maskIntent, maskTenant, maskText,
	}
}

// examples returns every phrase of the catalogue as the classifier reads it. The class of an intent is its place among the specs; the class behind the
// last is that of what asks for nothing.
func (c *Catalog) examples() []classify.Example {
	var out []classify.Example
	heard := c.newSamples()
	if heard == nil {
		return nil
	}
	pattern := 0
	add := func(text string, class int) {
		if masked := heard.mask(text); strings.Trim(masked, " ?'") != "" {
			out = append(out, classify.Example{Text: masked, Class: class, Pattern: pattern})
		}
		pattern++
	}
	for class, spec := range c.specs {
		for i := range spec.Phrases {
			add(spec.Phrases[i].Text, class)
		}
	}
	if len(out) == 0 {
		return nil
	}
	for class, spec := range c.specs {
		for _, verb := range spec.Verbs {
			add(verb+" "+spec.holes(), class)
		}
	}
	for i := range c.none {
		add(c.none[i].Text, len(c.specs))
	}
	return out
}

// holes returns the first hole of each group of required slots.
func (s *Spec) holes() string {
	var out []string
	for _, group := range s.Require {
		slot, _ := s.Slot(group[0])
		if _, known := maskOf(slot.Type); known {
			out = append(out, "{"+slot.Type+"}")
		}
	}
	return strings.Join(out, " ")
}

// maskPhrase returns the text of a phrase as a saying is masked: without courtesy, with the masks of its holes.
func (c *Catalog) maskPhrase(text string) string {
	masked, err := unhole(text)
	if err != nil {
		return ""
	}
	if masked, err = normalise(masked); err != nil {
		return ""
	}
	toks, err := c.tokenise(nil, masked)
	if err != nil || len(toks) == 0 {
		return masked // an apostrophe that closes nothing
	}
	var s saying
	pt := c.part(toks)
	s.take(c, &pt)
	c.maskNames(&s)
	s.listen(c.cues)
	return s.mask()
}

// maskNames puts a mask in place of names of intents: what is learned about one is known about all.
func (c *Catalog) maskNames(s *saying) {
	for i := range s.words {
		if w := &s.words[i]; strings.IndexByte(w.low, '.') > 0 && c.spec(w.low) != nil {
			w.low = maskIntent
		}
	}
}

//go:embed catalog/limits
var limitsFile string

// fewExtra is the part of the shipped phrases up to which those of operators leave the thresholds where they are: a handful does not move them, and a
// lesson must not wait for a new measurement.
const fewExtra = 0.02

// limits returns the thresholds that belong to the model with this hash: those that were measured and stored, else those that are measured now.
func (c *Catalog) limits(v *vocabulary, hash string) (classify.Thresholds, error) {
	if stored, err := classify.ParseThresholds(limitsFile); err == nil && (stored.Hash == hash || c.extra > 0 && float64(c.extra) <= fewExtra*float64(c.phraseCount())) {
		return stored, nil
	}
	measured, _, err := c.measureLimits(v)
	return measured, err
}

// phraseCount returns how many phrases there are.
func (c *Catalog) phraseCount() int {
	n := 0
	for _, spec := range c.specs {
		n += len(spec.Phrases)
	}
	return n
}

// classOf returns the class of the intent called name, -1 where there is none.
func (c *Catalog) classOf(name string) int {
	return slices.IndexFunc(c.specs, func(s *Spec) bool { return s.Name == name })
}
