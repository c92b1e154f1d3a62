package intents

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/shitops/opsbot/intents/classify"
)

// Extra is one example that an operator adds to the built-in catalogue: a way to ask for an intent. Its text may hold {slot} holes; see Parser.Holes.
type Extra struct {
	Text   string
	Intent string
	From   string // where it is from, for messages: "examples.txt:12", "taught by anna"
}

// mostDrop is how much of the shipped phrases may come to be read otherwise because of what operators add.
const mostDrop = 0.01

// LoadWith returns the built-in catalogue with the examples of operators, and trains it. It refuses all of them where one is wrong: an unknown intent or
// hole, words that another intent has already or that ask for nothing, or examples that move a shipped phrase to an intent of another risk or make
// the whole worse. The error names each mistake with where it is from. The catalogue that is in use meanwhile stays as it is.
func LoadWith(extra ...Extra) (*Catalog, error) {
	shipped, err := Load()
	if err != nil || len(extra) == 0 {
		return shipped, err
	}
	c, err := shipped.with(extra)
	if err != nil {
		return nil, err
	}
	if err := c.Learn(); err != nil {
		return nil, err
	}
	if err := c.checkAgainst(shipped, extra); err != nil {
		return nil, err
	}
	return c, nil
}

// with returns c with more phrases.
func (c *Catalog) with(extra []Extra) (*Catalog, error) {
	more := *c
	more.specs = make([]*Spec, len(c.specs))
	more.taught = map[string]int{}
	maps.Copy(more.taught, c.taught)
	for i, spec := range c.specs {
		own := *spec
		own.Phrases = slices.Clone(spec.Phrases)
		more.specs[i] = &own
	}
	known := c.phraseOwners()
	l, err := c.lessons()
	if err != nil {
		return nil, err
	}
	var mistakes []error
	for _, e := range extra {
		err := more.take(e, known)
		if err == nil && l != nil {
			err = more.orders(e, l.vocab)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %s for %s: %w", e.From, shown(e.Text), e.Intent, err))
		}
	}
	more.extra += len(extra)
	more.learn = sync.OnceValues(more.study)
	return &more, errors.Join(mistakes...)
}

// phraseOwners returns the masked text of every phrase and the intent that has it, "" for those that ask for nothing.
func (c *Catalog) phraseOwners() map[string]string {
	owners := map[string]string{}
	for i := range c.none {
		owners[c.maskPhrase(c.none[i].Text)] = ""
	}
	for _, spec := range c.specs {
		for i := range spec.Phrases {
			owners[c.maskPhrase(spec.Phrases[i].Text)] = spec.Name
		}
	}
	return owners
}

// take adds one example.
func (c *Catalog) take(e Extra, known map[string]string) error {
	spec := c.spec(e.Intent)
	if spec == nil {
		return errors.New("there is no such intent")
	}
	text := strings.TrimSpace(e.Text)
	if err := checkPhrase(text); err != nil {
		return err
	}
	if err := spec.checkHoles(text); err != nil {
		return err
	}
	masked := c.maskPhrase(text)
	if strings.Trim(masked, " ?") == "" {
		return errors.New("nothing but courtesy")
	}
	owner, taken := known[masked]
	switch {
	case taken && owner == "":
		return errors.New("these words ask for nothing, as " + noneFile + " says")
	case taken && owner != e.Intent:
		return errors.New("these words belong to " + owner)
	case taken:
		return nil
	}
	known[masked], c.taught[masked] = e.Intent, c.classOf(e.Intent)
	spec.Phrases = append(spec.Phrases, Phrase{Text: text, From: e.From})
	return nil
}

// orders reports an example that is no order, or no request to see: what it says must not come to mean that it is done.
func (c *Catalog) orders(e Extra, v *vocabulary) error {
	s, ok := c.maskedSaying(e.Text)
	if !ok {
		return errors.New("these words cannot be read")
	}
	s.look(v)
	s.listen(c.cues)
	v.divide(s)
	f := v.feel(s, c.cues)
	changes := c.spec(e.Intent).Risk.Changes()
	switch f.mood {
	case moodCommand, moodShow, moodState:
		return nil
	case moodAdvice, moodHowto, moodReport, moodSuppose:
		if !changes {
			return nil
		}
	}
	return errors.New("these words give no order: " + f.mood.String())
}

// checkHoles reports a hole that no slot of the intent takes.
func (s *Spec) checkHoles(text string) error {
	for _, part := range strings.Split(text, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		mask, _ := maskOf(name)
		fits := func(slot SlotSpec) bool {
			own, ok := maskOf(slot.Type)
			return slot.Name == name || slot.Type == name || ok && own == mask
		}
		if !slices.ContainsFunc(s.Slots, fits) && mask != maskText {
			return fmt.Errorf("%s has no slot for {%s}", s.Name, name)
		}
	}
	return nil
}

// checkAgainst holds c, which has more examples, against the catalogue as shipped: what was read rightly must stay in its class of risk, and nearly all of
// it must be read rightly still.
func (c *Catalog) checkAgainst(shipped *Catalog, extra []Extra) error {
	old, err := shipped.lessons()
	if err != nil || old == nil {
		return err
	}
	fresh, err := c.lessons()
	if err != nil {
		return err
	}
	var was, is classify.Scratch
	right, lost := 0, 0
	for class, spec := range shipped.specs {
		for i := range spec.Phrases {
			text := shipped.maskPhrase(spec.Phrases[i].Text)
			if old.model.Score(&was, text).Class != class {
				continue
			}
			right++
			now := fresh.model.Score(&is, text).Class
			if now == class {
				continue
			}
			lost++
			if now < 0 || now == len(c.specs) {
				continue // it is asked for otherwise then, which harms nobody
			}
			other := c.specs[now] // a phrase on the border between two others may move by a hair; that is nobody's doing
			if other.Risk != spec.Risk && slices.ContainsFunc(extra, func(e Extra) bool { return e.Intent == other.Name }) {
				return fmt.Errorf("%s: %s of %s (%s) would be read as %s (%s)", fromOf(extra, other.Name), shown(spec.Phrases[i].Text), spec.Name, spec.Risk, other.Name, other.Risk)
			}
		}
	}
	if float64(lost) > mostDrop*float64(right) {
		return fmt.Errorf("%s: with these examples %d of %d shipped phrases would be read otherwise", fromOf(extra, ""), lost, right)
	}
	return nil
}

// fromOf returns where the examples of the intent called name are from, of all where there are none.
func fromOf(extra []Extra, name string) string {
	var from []string
	for _, e := range extra {
		if (e.Intent == name || name == "") && !slices.Contains(from, e.From) && len(from) < 3 {
			from = append(from, e.From)
		}
	}
	if len(from) == 0 && name != "" {
		return fromOf(extra, "")
	}
	return strings.Join(from, ", ")
}

// Holes returns text with a {hole} in place of each thing of the inventory, time, URL or quotation in it: what somebody wrote as an example for every
// machine. It returns an error where the text cannot be read at all.
func (p *Parser) Holes(u Utterance) (string, error) {
	text, err := clean(&u)
	if err != nil {
		return "", err
	}
	toks, err := p.catalog.tokenise(nil, text)
	if err != nil {
		return "", err
	}
	m := p.scratch(u.clock())
	defer p.release(m)
	s := &m.saying
	pt := part{toks: toks}
	s.take(p.catalog, &pt)
	s.greet(p.catalog.cues)
	m.things(s)
	var out []string
	for i := range s.words {
		switch e := s.of[i]; {
		case e < 0:
			out = append(out, s.words[i].raw)
		case s.ents[e].from == i:
			out = append(out, "{"+s.ents[e].hole()+"}")
		}
	}
	return strings.Join(out, " "), nil
}

// hole returns the name of the hole that stands for e.
func (e *entity) hole() string {
	switch e.kind {
	case kindSchedule, kindTime:
		return "time"
	case kindPeriod:
		return "duration"
	case kindPrefix:
		return "url"
	case kindSite:
		return "site"
	case kindRate:
		return "count"
	}
	if _, known := maskOf(e.kind.String()); known {
		return e.kind.String()
	}
	return "text"
}
