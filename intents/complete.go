package intents

import (
	"slices"
	"strings"
	"time"
)

// mostCompletions bounds what Complete returns; a terminal shows no more.
const mostCompletions = 200

// Complete returns what the last word of line may become, or, behind a space, what may come next: words of the
// grammar first, then names of the inventory in their order. Behind "--" it returns the flags of the command.
func (p *Parser) Complete(line string) []string {
	if tooLong(line) {
		return nil
	}
	cut := strings.LastIndexAny(line, " \n;,") + 1
	head, typed := line[:cut], line[cut:]
	toks, err := p.catalog.tokenise(nil, head)
	if err != nil {
		return nil
	}
	m := p.scratch(time.Time{})
	defer p.release(m)
	m.listing = true
	last, more := lastCommand(toks)
	if strings.HasPrefix(typed, "--") {
		return p.completeFlag(m, last, typed)
	}
	m.read(&part{toks: last}, false)
	c := completion{p: p, typed: strings.ToLower(typed)}
	for i := range m.ended {
		e := &m.ended[i]
		if more {
			if n := len(e.caps); n > 0 {
				c.names(m.hole(e.caps[n-1]).kind)
			}
			continue
		}
		c.words(e.state)
		for _, edge := range p.catalog.auto.states[e.state].holes {
			c.names(p.catalog.auto.holes[edge.hole].kind)
		}
	}
	return c.result()
}

// lastCommand returns the words of the last command of toks without flags, and whether they end within a list.
func lastCommand(toks []token) (last []token, more bool) {
	for i := range toks {
		if toks[i].flag {
			continue
		}
		if last = append(last, toks[i]); toks[i].word == wordThen || toks[i].end {
			last = nil
		}
	}
	if n := len(last); n > 1 && last[n-1].word == wordAnd && !last[n-1].quoted {
		last, more = last[:n-1], true
	}
	if n := len(last); n > 0 && last[n-1].comma {
		last[n-1].comma, more = false, true
	}
	return last, more
}

// completeFlag returns the flags that begin like typed and that the intents which last could be take.
func (p *Parser) completeFlag(m *matcher, last []token, typed string) []string {
	m.read(&part{toks: last}, false)
	var out []string
	for i := range m.ended {
		for _, r := range p.catalog.ahead(m.ended[i].state) {
			for _, flag := range r.spec.Flags() {
				if flag = "--" + flag; strings.HasPrefix(flag, strings.ToLower(typed)) && !slices.Contains(out, flag) {
					out = append(out, flag)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// completion collects what a word may become.
type completion struct {
	p        *Parser
	typed    string // in lower case
	grammar  []string
	fromList []string
}

// words adds the words that lead on from state s. Articles help nobody, nor do dotted names before their dot.
func (c *completion) words(s int32) {
	for _, w := range c.p.catalog.auto.states[s].words {
		text := c.p.catalog.spell[w]
		dotted := strings.Contains(text, ".") && !strings.Contains(c.typed, ".")
		if w != wordThe && text != "me" && !dotted && len(text) > 1 && text[0] != '\'' && strings.HasPrefix(text, c.typed) {
			c.grammar = append(c.grammar, text)
		}
	}
}

// names adds the names of kind k.
func (c *completion) names(k kind) {
	for _, name := range c.p.names.ofKind[k] {
		if len(c.fromList) < mostCompletions && strings.HasPrefix(strings.ToLower(name), c.typed) {
			c.fromList = append(c.fromList, nameText(name))
		}
	}
}

// result returns everything once.
func (c *completion) result() []string {
	slices.Sort(c.grammar)
	var out []string
	seen := map[string]bool{}
	for _, text := range slices.Concat(slices.Compact(c.grammar), c.fromList) {
		if !seen[text] && len(out) < mostCompletions {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}
