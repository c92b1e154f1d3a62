package terminal

import (
	"slices"
	"strings"

	"github.com/shitops/opsbot/bot/reply"
)

// chunk is something that stays on the screen: an incident, or what came between.
type chunk struct {
	id   string      // of an incident; "" for everything else, and for an incident that has ended or was printed anew further down
	card *reply.Card // on its way to the screen: the newest version of an incident
	skip []string    // lines of an incident that stand further up
	text string

	typed bool // a line that was entered at the prompt
}

// Incident shows what happens unasked, and goes on for longer than anybody looks. Cards of one ID are one block: it is changed where it stands
// while it is among the last lines of the screen; when it has scrolled away it is printed anew, with what is new since. Without a screen that is
// always so. What the person is typing stays as it is.
func (p *Printer) Incident(c reply.Card) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.screen == nil {
		made := p.incident(c, p.told[c.ID], p.style.Width)
		p.tell(c)
		_ = p.write(made.text) // whoever reads has gone; the incident does not end by that
		return
	}
	if i := slices.IndexFunc(p.late, func(l chunk) bool { return l.card != nil && l.id == c.ID }); i >= 0 && c.ID != "" {
		p.late[i].card = &c
	} else {
		p.late = append(p.late, chunk{id: c.ID, card: &c})
	}
	_ = p.redraw() // a terminal that is gone ends the reading, too
}

// incident renders a card without the lines that stand further up.
func (p *Printer) incident(c reply.Card, skip []string, width int) chunk {
	style, shown := p.style, c
	style.Width = width
	shown.Lines = slices.DeleteFunc(slices.Clone(c.Lines), func(l string) bool { return slices.Contains(skip, l) })
	made := chunk{id: c.ID, skip: skip, text: reply.Text(shown, style)}
	if !c.Live {
		made.id = ""
	}
	return made
}

// tell remembers which lines of an incident somebody could read, as long as it is open.
func (p *Printer) tell(c reply.Card) {
	if c.Live && c.ID != "" {
		p.told[c.ID] = c.Lines
		return
	}
	delete(p.told, c.ID)
}

// take moves what came late into the tail. It returns the columns of those lines of the old tail that must go from the screen, and the chunk
// from which on the tail is to be written.
func (p *Printer) take(width, height int) (old []int, from int) {
	before := len(p.tail)
	from = before
	was := columnsOf(p.tail)
	reach := p.reach(width, height)
	for _, l := range p.late {
		if l.card == nil {
			p.tail = append(p.tail, l)
			continue
		}
		i := slices.IndexFunc(p.tail, func(c chunk) bool { return c.id != "" && c.id == l.id })
		if i >= 0 && i >= reach {
			p.tail[i] = p.incident(*l.card, p.tail[i].skip, width)
			from = min(from, i)
		} else {
			if i >= 0 {
				p.tail[i].id = ""
			}
			p.tail = append(p.tail, p.incident(*l.card, p.told[l.card.ID], width))
		}
		p.tell(*l.card)
	}
	p.late = nil
	for _, lines := range was[from:] {
		old = append(old, lines...)
	}
	return old, from
}

// reach returns the first chunk of the tail that the cursor can go back to.
func (p *Printer) reach(width, height int) int {
	room := height - 3 - rows(p.drawn, width) // three lines for what is typed, as in area
	first := len(p.tail)
	for i, lines := range slices.Backward(columnsOf(p.tail)) {
		if room -= rows(lines, width); room < 0 {
			break
		}
		first = i
	}
	return first
}

// forget drops what nobody goes back to: what is above the first open incident that is within reach.
func (p *Printer) forget(width, height int) {
	reach := p.reach(width, height)
	i := slices.IndexFunc(p.tail[reach:], func(c chunk) bool { return c.id != "" })
	if i < 0 {
		p.tail = nil
		return
	}
	p.tail = slices.Clone(p.tail[reach+i:])
}

func columnsOf(chunks []chunk) [][]int {
	out := make([][]int, len(chunks))
	for i, c := range chunks {
		if c.text == "" {
			continue
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(c.text, "\n"), "\n") {
			out[i] = append(out[i], reply.Columns(line))
		}
	}
	return out
}
