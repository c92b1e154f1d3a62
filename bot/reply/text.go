package reply

import "strings"

// margin is the indent of everything below a card's title.
const margin = "  "

// Text renders a card for a terminal, ending with a line break. Code is never wrapped, and stands alone on its lines, so that it can be
// copied. A card without any text renders as "".
func Text(c Card, s Style) string {
	p := page{style: s}
	p.title(c)
	for _, l := range c.Lines {
		p.body(l)
	}
	if c.Table != nil {
		p.table(*c.Table)
	}
	p.code(c.Code)
	if len(c.Choices) > 0 {
		p.body("answer: " + strings.Join(c.Choices, " / "))
	}
	if c.Hint != "" {
		p.hint(c.Hint)
	}
	return p.b.String()
}

// page is a text in the making.
type page struct {
	style Style
	b     strings.Builder
}

func (p *page) line(text string) {
	p.b.WriteString(strings.TrimRight(text, " "))
	p.b.WriteByte('\n')
}

// title writes the mark, the title and, where the title does not name it, the run.
func (p *page) title(c Card) {
	text := c.Title
	if c.Run != "" && !strings.Contains(text, c.Run) {
		text = strings.TrimLeft(text+" ("+c.Run+")", " ")
	}
	if text == "" {
		return
	}
	sign, color := p.style.mark(c.Kind)
	lead := ""
	if sign != "" {
		lead = strings.Repeat(" ", len(margin))
	}
	first := true
	for _, part := range lines(text) {
		for _, l := range wrap(part, p.room(len(lead))) {
			if first && sign != "" {
				p.line(p.style.paint(color, sign) + " " + p.style.paint(bold, l))
			} else {
				p.line(lead + p.style.paint(bold, l))
			}
			first = false
		}
	}
}

// room returns how many columns are left beside an indent; 0 means that nothing is to be wrapped.
func (p *page) room(indent int) int {
	if p.style.Width == 0 {
		return 0
	}
	return max(p.style.Width-indent, 20)
}

func (p *page) body(text string) {
	for _, part := range lines(text) {
		for _, l := range wrap(part, p.room(len(margin))) {
			p.line(margin + l)
		}
	}
}

// code writes commands to copy. A line break inside one is shown as an escape: pasted, it would run half a command.
func (p *page) code(commands []string) {
	for _, c := range commands {
		p.line(margin + margin + p.style.paint(cyan, Clean(c)))
	}
}

func (p *page) hint(text string) {
	lead := "next: "
	for _, part := range lines(text) {
		for _, l := range wrap(part, p.room(len(margin)+len(lead))) {
			p.line(margin + p.style.paint(dim, lead+l))
			lead = "      "
		}
	}
}
