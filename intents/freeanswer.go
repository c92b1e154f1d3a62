package intents

import (
	"slices"
	"strings"
)

// looseAnswer reads an answer in own words: "the first one", "the berlin one", "edge-2 please", "I meant edge-2". It returns the values for the slot,
// nil where the words are no such answer.
func (p *Parser) looseAnswer(m *matcher, missing *Missing, spec *Spec, said string) (slot SlotSpec, values []string) {
	l, err := p.catalog.lessons()
	toks, wrong := p.catalog.tokenise(nil, said)
	if err != nil || l == nil || wrong != nil {
		return slot, nil
	}
	s := &m.saying
	pt := p.catalog.part(toks)
	s.take(p.catalog, &pt)
	p.correctSlips(s, l)
	s.greet(p.catalog.cues)
	m.things(s)
	if i := p.pointed(s, missing.Choices); i >= 0 {
		return p.chosen(m, missing, spec, missing.Choices[i])
	}
	if len(s.ents) != 1 || s.ents[0].fault != nil || s.ents[0].slip != "" {
		return slot, nil
	}
	for i := range s.words {
		if s.of[i] < 0 && !answering(s.words[i].low) {
			return slot, nil
		}
	}
	e := &s.ents[0]
	for name := range strings.SplitSeq(missing.Slot, "|") {
		slot, ok := spec.Slot(name)
		if ok && (slot.kind == e.kind || slot.kind == kindPeriod && e.kind == kindDuration) && (slot.List || len(e.values) == 1) {
			return slot, slices.Clone(e.values)
		}
	}
	return slot, nil
}

// chosen reads a choice as the value of one of the slots that are missing.
func (p *Parser) chosen(m *matcher, missing *Missing, spec *Spec, choice string) (SlotSpec, []string) {
	for name := range strings.SplitSeq(missing.Slot, "|") {
		slot, ok := spec.Slot(name)
		if !ok {
			continue
		}
		if values, wrong := p.values(m, slot, choice); wrong == nil {
			return slot, values
		}
	}
	return SlotSpec{}, nil
}

// answering reports whether w says nothing but that this is an answer.
func answering(w string) bool {
	switch w {
	case "please", "thanks", "the", "a", "one", "it", "'s", "is", "i", "mean", "meant", "take", "use", "that", "this", "yes", "yeah", "yep", "ok", "okay", "sure", "just", "only", "well", "uh", "um", "on", "in", "at", "for", "of", "from", "to",
		"was", "would", "be", "make", "let", "go", "with", "number", "option", "thank", "you", "both", "and", "oh", "hm", "hmm", "said", "node", "edge", "channel", "deployment", "run", "site", "person", "rule", "job", "say", "rather":
		return true
	}
	return false
}

// pointed returns which of choices s points at: "the second one", "the last", "the berlin one"; -1 where it points at none or at several.
func (p *Parser) pointed(s *saying, choices []string) int {
	if len(choices) == 0 || len(s.words) > 6 {
		return -1
	}
	at := -1
	for i := range s.words {
		w := s.words[i].low
		if n := ordinal(w, len(choices)); n >= 0 && s.of[i] < 0 {
			if at >= 0 && at != n {
				return -1
			}
			at = n
			continue
		}
		if s.of[i] >= 0 || !answering(w) {
			if at >= 0 || i > 0 && s.words[i-1].low != "the" {
				return -1
			}
			if at = p.described(s, i, choices); at < 0 {
				return -1
			}
		}
	}
	return at
}

// ordinal returns which of n choices w counts to, -1 where it is no ordinal.
func ordinal(w string, n int) int {
	words := []string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"}
	if w == "last" || w == "latter" && n == 2 {
		return n - 1
	}
	if w == "former" && n == 2 {
		return 0
	}
	i := slices.Index(words, w)
	if i >= n {
		return -1
	}
	return i
}

// described returns the one of choices that word i describes, as the site of a node or as a part of its name; -1 where it is none or several.
func (p *Parser) described(s *saying, i int, choices []string) int {
	word, found := s.words[i].low, -1
	var nodes []string
	if e := s.of[i]; e >= 0 && s.ents[e].kind == kindNode && s.ents[e].site == "" {
		return -1
	}
	for k := range p.inv.Nodes {
		if n := &p.inv.Nodes[k]; strings.EqualFold(n.Site, word) || strings.EqualFold(n.Platform, word) {
			nodes = append(nodes, n.Name)
		}
	}
	for k, choice := range choices {
		part := slices.Contains(strings.FieldsFunc(strings.ToLower(choice), func(r rune) bool { return strings.ContainsRune("-_. ", r) }), word)
		if !part && !slices.Contains(nodes, choice) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = k
	}
	return found
}
