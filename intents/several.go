package intents

import (
	"slices"
)

// several reads an order that is made of several, joined by "and" or a comma, where each has its own verb and is whole by itself.
func (p *Parser) several(m *matcher, pt *part, s *saying, f feeling, l *learned, tr *tracer) (outcome, bool) {
	if m.inner {
		return outcome{}, false
	}
	starts := []int{0}
	for i := f.verb + 1; i < len(s.words); i++ {
		if i == 0 || !s.stops(i-1) && s.words[i-1].low != "and" && s.words[i-1].low != "then" || s.reason(i) {
			continue
		}
		if v := l.vocab.orderAt(s, i); v >= 0 && v > f.verb && (l.vocab.strong(s, v) || p.verbOfAny(l, s.words[v].low)) {
			starts = append(starts, i)
		}
	}
	if len(starts) < 2 || len(starts) > mostCommands || p.oneDeed(m, s, f, starts, l) {
		return outcome{}, false
	}
	inner := p.scratch(m.now) // s is in use
	defer p.release(inner)
	inner.prior, inner.last, inner.lastRun, inner.exact, inner.inner = m.prior, m.last, m.lastRun, false, true
	words, hedged := s.words, s.polite || s.wish
	var out outcome
	for k, start := range starts {
		end := len(words)
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		toks := slices.Clone(words[start:end])
		for len(toks) > 0 && !toks[len(toks)-1].quoted && (toks[len(toks)-1].low == "and" || toks[len(toks)-1].low == "then") {
			toks = toks[:len(toks)-1]
		}
		for len(toks) > 0 && !toks[0].quoted && (toks[0].low == "and" || toks[0].low == "then") {
			toks = toks[1:]
		}
		if len(toks) == 0 {
			return outcome{}, false
		}
		toks[len(toks)-1].comma = false
		one := part{toks: toks}
		if k == len(starts)-1 {
			one.flags, one.question, one.hesitates = pt.flags, pt.question, pt.hesitates
		}
		o := p.understand(inner, &one, tr)
		if o.decision == Act && hedged && o.spec != nil && o.risk().Changes() {
			o.decision = Confirm
		}
		if o.spec != nil {
			inner.prior = append(inner.prior[:len(inner.prior):len(inner.prior)], o.intent)
		}
		out.more = append(out.more, o)
	}
	return out, true
}

// oneDeed reports whether the orders that begin at starts are one deed said twice: "let edge-2 alert again, remove the ack".
func (p *Parser) oneDeed(m *matcher, s *saying, f feeling, starts []int, l *learned) bool {
	g := p.guess(m, l, s.mask(), &tracer{})
	if g.class < 0 || g.margin < l.limits.High || g.margin-max(g.secondary, g.none) < l.limits.Gap {
		return false
	}
	named := 0
	for k, start := range starts {
		end := len(s.words)
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		verb := f.verb
		if k > 0 {
			verb = l.vocab.orderAt(s, start)
		}
		if verb < 0 || !s.info[verb].says(g.class) {
			return false
		}
		for i := start; i < end; i++ {
			if e := s.of[i]; e >= 0 && s.ents[e].kind <= kindJob {
				named++
				break
			}
		}
	}
	return named < 2
}

// verbOfAny reports whether w is an action verb of any intent, or one of what no intent does.
func (p *Parser) verbOfAny(l *learned, w string) bool {
	info := l.vocab.at(w)
	return info.acts || info.alien
}
