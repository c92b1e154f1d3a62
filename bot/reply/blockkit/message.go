package blockkit

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/shitops/opsbot/bot/reply"
)

// Message is what Slack takes when a message is made or edited.
type Message struct {
	Text   string // what notifications and screen readers show
	Blocks []slack.Block
	// Short tells that something did not fit; File then holds the whole card as text.
	Short bool
}

// File is the whole of a card as text, to be uploaded where the message is too short for it.
type File struct {
	Name    string
	Title   string
	Content string
}

// maxFile is the most bytes of a file of text. Slack takes 1 MB as a snippet that can be read in place.
const maxFile = 1 << 20

// Render returns the message that shows c. It is pure: the same card gives the same message.
func Render(c reply.Card) Message { return RenderFor(c, "") }

// RenderFor is Render for a card that belongs into a thread but is shown outside of it: what is pressed tells the thread, see [CardOf].
func RenderFor(c reply.Card, thread string) Message {
	p := page{card: c, board: controls(c, thread)}
	p.room = maxSum - p.board.weight - 2*maxContext
	p.title()
	p.body()
	if p.short {
		p.note("… there is more than fits here; the whole is in the file below.")
	}
	if c.Hint != "" {
		p.note("next: " + oneLine(c.Hint))
	}
	p.blocks = append(p.blocks, p.board.blocks...)
	return Message{Text: fallback(c), Blocks: p.blocks, Short: p.short}
}

// page is a message in the making.
type page struct {
	card   reply.Card
	board  board
	blocks []slack.Block
	room   int  // letters that are left for the body
	short  bool // something is missing; nothing follows it, since a gap in the middle would mislead
}

// title writes the sign, the title in bold and, where the title does not name it, the run.
func (p *page) title() {
	text := p.card.Title
	if p.card.Run != "" && !strings.Contains(text, p.card.Run) {
		text = strings.TrimLeft(text+" ("+p.card.Run+")", " ")
	}
	text = oneLine(text)
	if strings.TrimSpace(text) == "" {
		text = string(p.card.Kind)
	}
	if text == "" {
		text = "—"
	}
	escaped := sign(p.card.Kind) + "*" + Escape(strings.ReplaceAll(text, "*", "∗")) + "*"
	if length(escaped) > maxSection {
		escaped, p.short = cut(escaped, maxSection-1)+"*", true
	}
	p.section(escaped)
}

// section adds a block of text that is known to fit.
func (p *page) section(text string) {
	p.room -= length(text)
	p.blocks = append(p.blocks, slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, true), nil, nil))
}

// note adds small grey text, for which there is always room.
func (p *page) note(text string) {
	o := slack.NewTextBlockObject(slack.MarkdownType, cut(Escape(text), maxContext), false, true)
	p.blocks = append(p.blocks, slack.NewContextBlock("", o))
}

func (p *page) body() {
	p.lines(p.card.Lines)
	if t := p.card.Table; t != nil {
		p.fenced(tableLines(p.card), widest)
	}
	if len(p.card.Code) > 0 {
		var code []string
		for _, c := range p.card.Code {
			code = append(code, reply.Clean(c))
		}
		p.fenced(code, 0)
	}
	if choices := p.card.Choices; len(choices) > 0 && (p.card.Token == "" || len(p.board.blocks) == 0) {
		p.lines([]string{"answer: " + strings.Join(choices, " / ")})
	}
	if len(p.board.left) > 0 {
		p.lines([]string{"or type: " + strings.Join(p.board.left, " / ")})
	}
}

// lines adds text, as many lines to a block as there is room for.
func (p *page) lines(lines []string) {
	var b strings.Builder
	flush := func() {
		if strings.TrimSpace(b.String()) != "" {
			p.section(b.String())
		}
		b.Reset()
	}
	defer flush()
	for _, whole := range lines {
		for l := range strings.SplitSeq(strings.TrimRight(strings.ReplaceAll(whole, "\r\n", "\n"), "\n"), "\n") {
			text := Escape(l)
			if length(text) > maxSection {
				text, p.short = cut(text, maxSection), true
			}
			if length(b.String())+length(text)+1 > maxSection {
				flush()
			}
			if !p.fits(length(b.String()) + length(text) + 1) {
				p.short = true
				return
			}
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(text)
			if p.short {
				return
			}
		}
	}
}

// fits tells whether a block of that length may follow, beside what comes at the end.
func (p *page) fits(n int) bool {
	const end = 2 // the notes
	return !p.short && n <= p.room && len(p.blocks)+1+end+len(p.board.blocks) <= maxBlocks
}

// widest is how many columns of a block of code a window shows before it breaks lines, which makes a table unreadable.
const widest = 110

// fenced adds lines as code, as many as there is room for; columns is how wide they may be, 0 for any width.
func (p *page) fenced(lines []string, columns int) {
	const frame = len("```\n\n```")
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			p.section("```\n" + b.String() + "\n```")
		}
		b.Reset()
	}
	defer flush()
	for _, l := range lines {
		text := entities(strings.ReplaceAll(l, "```", "'''"))
		n := length(text) + frame + 1
		if b.Len() > 0 && length(b.String())+n > maxSection {
			flush()
		}
		if n > maxSection || columns > 0 && reply.Columns(l) > columns || !p.fits(length(b.String())+n) {
			p.short = true
			return
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
}

// tableLines returns the rows of the card's table as a terminal shows them.
func tableLines(c reply.Card) []string {
	var out []string
	for l := range strings.Lines(reply.Text(reply.Card{Table: c.Table}, reply.Style{Unicode: true})) {
		out = append(out, strings.TrimPrefix(strings.TrimRight(l, "\n"), "  "))
	}
	return out
}

// Whole returns the card as a file.
func Whole(c reply.Card) File {
	text := reply.Text(c, reply.Style{Unicode: true})
	if len(text) > maxFile {
		text = strings.ToValidUTF8(text[:maxFile-100], "") + "\n(cut off here: the text is longer than a file may be)\n"
	}
	name := strings.Trim(strings.Map(fileRune, c.Run), "-")
	if name = name[:min(len(name), 40)]; name == "" {
		name = "reply"
	}
	return File{Name: name + ".txt", Title: cut(oneLine(c.Title), 200), Content: text}
}

func fileRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// fallback is the plain text of a card. It is escaped, too: notifications read mentions in it.
func fallback(c reply.Card) string {
	parts := []string{strings.TrimSpace(sign(c.Kind) + oneLine(c.Title))}
	for _, l := range c.Lines[:min(len(c.Lines), 3)] {
		parts = append(parts, oneLine(l))
	}
	text := strings.TrimSpace(strings.Join(parts, "\n"))
	if text == "" {
		text = string(c.Kind) + "…"
	}
	return cut(entities(text), maxText)
}

// sign returns the mark in front of a title. They are letters of Unicode, not names between colons, which a title could spell by itself.
func sign(k reply.Kind) string {
	switch k {
	case reply.Done:
		return "✅ "
	case reply.Partly:
		return "⚠️ "
	case reply.Failed, reply.Error:
		return "❌ "
	case reply.Refused:
		return "⛔ "
	case reply.Progress:
		return "⏳ "
	case reply.Plan:
		return "📋 "
	case reply.Question:
		return "❓ "
	default:
		return ""
	}
}
