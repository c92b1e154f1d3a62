package intents

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// op is the operator of an expr.
type op uint8

const (
	opSeq  op = iota // all of kids, in order
	opAlt            // one of kids
	opOpt            // kids[0] or nothing
	opSet            // each of kids at most once, in any order
	opWord           // the word in text
	opHole           // the slot in text
)

// expr is a node of a pattern:
//
//	flush [the] (cache|caches) {node} <for {duration}|at {rate}>
//
// Brackets are optional, parentheses choose, angle brackets take each of their phrases at most once in any order.
// {verb} stands for the verbs of the header, {on} for a preposition of place, {is} for is, are and 's.
type expr struct {
	op   op
	kids []*expr
	text string
}

// patternParser reads one pattern.
type patternParser struct {
	text string
	pos  int
	deep int // how many brackets are open
	spec *Spec
}

// mostBrackets bounds how deep the brackets of a pattern nest.
const mostBrackets = 12

// parsePattern reads text, whose holes must be slots of spec.
func parsePattern(text string, spec *Spec) (*expr, error) {
	p := &patternParser{text: text, spec: spec}
	e, err := p.alternatives()
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	if p.pos < len(p.text) {
		return nil, fmt.Errorf("pattern %q: %q has no opening bracket", text, p.text[p.pos:])
	}
	return e, nil
}

// alternatives reads sequences with bars between them, up to a closing bracket or the end.
func (p *patternParser) alternatives() (*expr, error) {
	alt := &expr{op: opAlt}
	for {
		seq, err := p.sequence()
		if err != nil {
			return nil, err
		}
		alt.kids = append(alt.kids, seq)
		if p.pos >= len(p.text) || p.text[p.pos] != '|' {
			break
		}
		p.pos++
	}
	if len(alt.kids) == 1 {
		return alt.kids[0], nil
	}
	return alt, nil
}

// sequence reads words, holes and groups up to a bar, a closing bracket or the end.
func (p *patternParser) sequence() (*expr, error) {
	seq := &expr{op: opSeq}
	for p.pos < len(p.text) {
		var kid *expr
		var err error
		switch c := p.text[p.pos]; c {
		case ' ', '\t':
			p.pos++
			continue
		case '|', ')', ']', '>':
			return seq, nil
		case '(', '[', '<':
			kid, err = p.group(c)
		case '{':
			kid, err = p.hole()
		case '}':
			err = errors.New("a } without its {")
		default:
			kid = p.word()
		}
		if err != nil {
			return nil, err
		}
		seq.kids = append(seq.kids, kid)
	}
	return seq, nil
}

// group reads what stands in one pair of brackets.
func (p *patternParser) group(open byte) (*expr, error) {
	start := p.pos
	p.pos++
	if p.deep++; p.deep > mostBrackets {
		return nil, fmt.Errorf("more than %d brackets within each other", mostBrackets)
	}
	inner, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	p.deep--
	closing := map[byte]byte{'(': ')', '[': ']', '<': '>'}[open]
	if p.pos >= len(p.text) || p.text[p.pos] != closing {
		return nil, fmt.Errorf("%q has no closing %c", p.text[start:], closing)
	}
	p.pos++
	switch {
	case open == '[':
		return &expr{op: opOpt, kids: []*expr{inner}}, nil
	case open == '<' && inner.op == opAlt:
		return &expr{op: opSet, kids: inner.kids}, nil
	case open == '<':
		return &expr{op: opOpt, kids: []*expr{inner}}, nil
	}
	return inner, nil
}

// hole reads {slot}, or one of the words that stand for several: {verb}, {on} and {is}.
func (p *patternParser) hole() (*expr, error) {
	end := strings.IndexByte(p.text[p.pos:], '}')
	if end < 0 {
		return nil, fmt.Errorf("%q has no closing }", p.text[p.pos:])
	}
	name, first := p.text[p.pos+1:p.pos+end], strings.TrimSpace(p.text[:p.pos]) == ""
	p.pos += end + 1
	switch name {
	case "verb":
		verbs := slices.Clone(p.spec.Verbs)
		if first { // "cache.flush edge-1", but not "show me run list"
			verbs = append(verbs, p.spec.Name, strings.ReplaceAll(p.spec.Name, ".", " "))
		}
		return words(verbs...), nil
	case "on":
		return words("on", "in", "at", "of", "for", "from"), nil
	case "is":
		return words("is", "are", "'s"), nil
	}
	if _, ok := p.spec.Slot(name); !ok {
		return nil, fmt.Errorf("%s has no slot {%s}", p.spec.Name, name)
	}
	return &expr{op: opHole, text: name}, nil
}

// word reads one word.
func (p *patternParser) word() *expr {
	start := p.pos
	for p.pos < len(p.text) && !strings.ContainsRune(" \t|()[]<>{}", rune(p.text[p.pos])) {
		p.pos++
	}
	return &expr{op: opWord, text: strings.ToLower(p.text[start:p.pos])}
}

// words is a choice between phrases of plain words.
func words(phrases ...string) *expr {
	alt := &expr{op: opAlt}
	for _, phrase := range phrases {
		seq := &expr{op: opSeq}
		for w := range strings.FieldsSeq(phrase) {
			seq.kids = append(seq.kids, &expr{op: opWord, text: strings.ToLower(w)})
		}
		alt.kids = append(alt.kids, seq)
	}
	return alt
}
