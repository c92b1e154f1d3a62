package intents

import (
	"slices"
	"strings"
	"time"
)

// hint says why a command that no pattern fits is refused, and what to type instead.
func (p *Parser) hint(pt *part) string {
	if mood := moodOf(pt); mood != "" {
		return mood
	}
	if text := p.joined(pt); text != "" {
		return `not an exact command; two commands are joined by "then": ` + text
	}
	first := pt.toks[0].low
	if _, known := p.catalog.auto.step(0, pt.toks[0].word); !known {
		return p.mistypedVerb(pt, allClosest(first, p.catalog.first))
	}
	for _, spec := range p.catalog.specs {
		if slices.ContainsFunc(spec.Verbs, func(v string) bool { head, _, _ := strings.Cut(v, " "); return head == first }) {
			return "not an exact command; the exact form is: " + p.sample(spec, nil)
		}
	}
	return "not an exact command; `help` lists them"
}

// mistypedVerb says which of the verbs in near the first word could be: those with which it becomes a command.
func (p *Parser) mistypedVerb(pt *part, near []string) string {
	const most = 3
	if len(near) == 0 {
		return "not a command that I know; `help` lists them"
	}
	near = near[:min(most, len(near))]
	var whole []string
	for _, verb := range near {
		if text := p.corrected(pt, verb); text != "" {
			whole = append(whole, text)
		}
	}
	if len(whole) > 0 {
		return "not an exact command; did you mean: " + orList(whole)
	}
	return "not an exact command; did you mean " + orList(near) + "? `help " + near[0] + "` shows how it is said"
}

// joined returns two commands that "and" joins as they should be joined, "" where it does not join two.
func (p *Parser) joined(pt *part) string {
	m := p.scratch(time.Time{})
	defer p.release(m)
	const most = 4 // places to look at: a sentence with more is no two commands
	for i, tried := 1, 0; i+1 < len(pt.toks) && tried < most; i++ {
		if pt.toks[i].word != wordAnd || pt.toks[i].quoted {
			continue
		}
		tried++
		var both []string
		for _, toks := range [][]token{slices.Clone(pt.toks[:i]), pt.toks[i+1:]} {
			toks[len(toks)-1].comma = false
			m.read(&part{toks: toks, flags: pt.flags}, false)
			if whole := best(m.found); len(whole) == 1 && whole[0].err == "" && len(whole[0].faults) == 0 {
				both = append(both, whole[0].outcome().intent.Canonical())
			}
		}
		if len(both) == 2 {
			return strings.Join(both, " then ")
		}
	}
	return ""
}

// corrected returns the canonical text of the command with its first word put right, "" where it still is none.
func (p *Parser) corrected(pt *part, verb string) string {
	m := p.scratch(time.Time{})
	defer p.release(m)
	fixed := *pt
	fixed.toks = slices.Clone(pt.toks)
	fixed.toks[0] = p.catalog.token(verb, false)
	m.read(&fixed, false)
	if whole := best(m.found); len(whole) == 1 && whole[0].err == "" && len(whole[0].faults) == 0 {
		return whole[0].outcome().intent.Canonical()
	}
	return ""
}

// corrects reports whether a command takes back part of itself: "flush edge-3, no, edge-4". Which half counts
// only the person knows.
func (p *Parser) corrects(pt *part) bool {
	if _, command := p.catalog.auto.step(0, pt.toks[0].word); !command || pt.toks[0].word == wordNone {
		return false
	}
	for i := 1; i < len(pt.toks); i++ {
		switch pt.toks[i].low {
		case "wait", "actually", "sorry", "scratch", "rather", "instead", "oops":
			return true
		case "no":
			return pt.toks[i-1].comma
		case "mean":
			return pt.toks[i-1].low == "i"
		}
	}
	return false
}

// moodOf says what in the words makes them no command: a negation, a condition, a question. It returns "" where
// nothing does. It only gives the reason for a refusal; nothing is ever done because of it.
func moodOf(pt *part) string {
	for i := range pt.toks {
		switch pt.toks[i].low {
		case "don't", "dont", "not", "never", "no", "stop", "without":
			return "negated; nothing is done"
		case "if", "unless", "when", "once", "whenever", "until", "while":
			return "a condition; nothing is done now. A rule or a job could do it when the time comes"
		}
	}
	switch first := pt.toks[0].low; {
	case pt.question, slices.Contains([]string{"should", "could", "can", "would", "will", "what", "why", "how", "who", "when", "is", "are", "did", "does", "do", "has", "may"}, first):
		return "not an exact command; asked as a question, nothing is done"
	}
	return ""
}
