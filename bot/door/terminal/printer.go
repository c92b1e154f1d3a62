package terminal

import (
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/shitops/opsbot/bot/reply"
)

// Sizer tells the size of a screen, in columns and rows.
type Sizer interface {
	Size() (width, height int)
}

// Printer shows cards. On a screen, cards that are Live stand at the bottom and are redrawn in place; everything else goes above them and stays.
// Without a screen everything is appended, and a living card only where its title is news.
//
// A Printer is safe for concurrent use. It is an io.Writer for what is not a card, such as log lines.
type Printer struct {
	mu     sync.Mutex
	out    io.Writer
	style  reply.Style
	screen Sizer // nil: append only

	live  []block // living cards, in order of their first appearance
	drawn []int   // columns of each line of the living area as it stands on the screen
	held  int     // lines that were typed and not told to Typed yet: nothing may be drawn meanwhile
	late  []chunk // what came meanwhile

	tail []chunk             // what stays and can still be reached: the oldest incident that may be edited, and everything below it
	told map[string][]string // of each open incident, the lines that somebody could read
}

// block is a living card as it was last shown.
type block struct {
	id, text, title string
}

// NewPrinter returns a printer to out. With a screen the style's width is that of the screen at each moment.
func NewPrinter(out io.Writer, style reply.Style, screen Sizer) *Printer {
	return &Printer{out: out, style: style, screen: screen, told: map[string][]string{}}
}

// Show shows a card.
func (p *Printer) Show(c reply.Card) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.screen == nil {
		p.append(c)
		return
	}
	style := p.style
	style.Width, _ = p.size()
	text := reply.Text(c, style)
	i := p.find(c.ID)
	switch {
	case c.Live && c.ID != "" && i >= 0:
		p.live[i].text = text
		text = ""
	case c.Live && c.ID != "":
		p.live = append(p.live, block{id: c.ID, text: text})
		text = ""
	case i >= 0:
		p.live = append(p.live[:i], p.live[i+1:]...)
	}
	p.draw(text)
}

// append shows a card where nothing can be redrawn: of a living card the whole at first and at last, in between its title.
func (p *Printer) append(c reply.Card) {
	i := p.find(c.ID)
	text := reply.Text(c, p.style)
	switch {
	case c.ID == "" || !c.Live && i < 0:
	case !c.Live:
		p.live = append(p.live[:i], p.live[i+1:]...)
	case i < 0:
		p.live = append(p.live, block{id: c.ID, title: c.Title})
	case p.live[i].title == c.Title:
		return
	default:
		p.live[i].title = c.Title
		text = reply.Text(reply.Card{Kind: c.Kind, Title: c.Title, Run: c.Run}, p.style)
	}
	p.write(text)
}

func (p *Printer) find(id string) int {
	if id == "" {
		return -1
	}
	for i, b := range p.live {
		if b.id == id {
			return i
		}
	}
	return -1
}

// Write shows text above the living cards. Text that does not end its line is given a line break, so that nothing is drawn over.
func (p *Printer) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.screen == nil {
		return p.out.Write(text)
	}
	s := string(text)
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return len(text), p.draw(s)
}

// Hold stops drawing for n lines that were typed and are about to be told to Typed: between the two the cursor stands below them, which
// only Typed can count with.
func (p *Printer) Hold(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held += n
}

// Typed tells that a line was entered at the prompt. It becomes part of what stays, above the living cards.
func (p *Printer) Typed(prompt, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = max(p.held-1, 0)
	if p.screen == nil {
		return
	}
	if len(p.drawn) > 0 {
		width, _ := p.size()
		for range utf8.RuneCountInString(prompt+line)/width + 1 {
			p.drawn = append(p.drawn, 0)
		}
		first := slices.IndexFunc(p.late, func(c chunk) bool { return !c.typed })
		if first < 0 {
			first = len(p.late)
		}
		p.late = slices.Insert(p.late, first, chunk{typed: true, text: prompt + line + "\n"}) // in the order of typing
	} else if len(p.tail) > 0 { // it stands where it belongs
		p.tail = append(p.tail, chunk{text: prompt + line + "\n"})
	}
	_ = p.draw("") // a terminal that is gone ends the reading, too
}

// draw replaces the living area on the screen: first what stays, then the living cards as they are now. One write, so that nothing
// flickers.
func (p *Printer) draw(stays string) error {
	if stays != "" {
		p.late = append(p.late, chunk{text: stays})
	}
	return p.redraw()
}

func (p *Printer) redraw() error {
	if p.held > 0 {
		return nil
	}
	width, height := p.size()
	var b strings.Builder
	old, from := p.take(width, height)
	b.WriteString(above(append(old, p.drawn...), width))
	for _, c := range p.tail[from:] {
		b.WriteString(c.text)
	}
	p.forget(width, height)
	p.drawn = p.drawn[:0]
	for _, line := range p.area(height) {
		line = clip(line, width)
		p.drawn = append(p.drawn, reply.Columns(line))
		b.WriteString(line + "\n")
	}
	return p.write(b.String())
}

// area returns the lines of the living cards, at most as many as the screen has beside the prompt.
func (p *Printer) area(height int) []string {
	var lines []string
	for _, b := range p.live {
		lines = append(lines, strings.Split(strings.TrimSuffix(b.text, "\n"), "\n")...)
	}
	room := max(height-3, 1)
	if len(lines) <= room {
		return lines
	}
	return append(lines[:room-1:room-1], "  (more lines than the screen has)")
}

func (p *Printer) write(text string) error {
	if text == "" {
		return nil
	}
	_, err := io.WriteString(p.out, text)
	return err
}

// size returns the size of the screen, or the usual one where the screen does not know.
func (p *Printer) size() (width, height int) {
	width, height = p.screen.Size()
	if width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// above returns what moves the cursor to the start of lines that were drawn and clears from there (ECMA-48 CUU, ED). Lines that are
// wider than the screen, since it was made narrower, take more than one row.
func above(drawn []int, width int) string {
	n := rows(drawn, width)
	if n == 0 {
		return ""
	}
	return "\x1b[" + itoa(n) + "A\r\x1b[J"
}

// rows tells how many rows lines of so many columns take.
func rows(lines []int, width int) int {
	n := 0
	for _, columns := range lines {
		n += max((columns+width-1)/width, 1)
	}
	return n
}

// through changes where the printer writes to: to the line editor, which takes its prompt away and puts it back, while there is one.
func (p *Printer) through(out io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out, p.held = out, 0
	_ = p.draw("") // a terminal that is gone ends the reading, too
}
