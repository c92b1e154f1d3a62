package embed

import (
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/shitops/opsbot/bot/reply"
)

// Options says where a card is shown.
type Options struct {
	// Loud puts the title into the plain text of the message, where phones show it in their notification.
	Loud bool
}

// Message is what Discord takes when a message is made or edited. All of it is there each time, so that an edit leaves nothing of the state
// before behind.
type Message struct {
	Content         string                            `json:"content"`
	Embeds          []*discordgo.MessageEmbed         `json:"embeds"`
	Components      []discordgo.MessageComponent      `json:"components"`
	Attachments     []Attachment                      `json:"attachments"`
	AllowedMentions *discordgo.MessageAllowedMentions `json:"allowed_mentions"`

	// File is what Attachments describes, nil where there is none.
	File *File `json:"-"`
	// Keep holds what was too long for a custom id, by key. Whoever posts the message keeps it first.
	Keep map[string]Action `json:"-"`
}

// Attachment names a file that is sent along with the message.
type Attachment struct {
	ID       int    `json:"id"`
	Filename string `json:"filename"`
}

// File is text that is longer than a message may be.
type File struct {
	Name string
	Text []byte
}

// Render returns the message that shows c. It is pure: the same card gives the same message.
func Render(c reply.Card, o Options) Message {
	board := components(c)
	m := Message{
		Embeds: []*discordgo.MessageEmbed{}, Components: board.rows, Attachments: []Attachment{}, Keep: board.keep,
		AllowedMentions: &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}},
	}
	if m.Components == nil {
		m.Components = []discordgo.MessageComponent{}
	}
	p := page{card: c, left: board.left}
	e := p.embed()
	if o.Loud && e.Title != "" {
		m.Content, e.Title = "**"+e.Title+"**", ""
	}
	if strings.TrimSpace(e.Title+e.Description) != "" || e.Footer != nil {
		m.Embeds = append(m.Embeds, e)
	}
	if p.short {
		m.File = attachment(c)
		m.Attachments = append(m.Attachments, Attachment{ID: 0, Filename: m.File.Name})
	}
	return m
}

// page is the text of a message in the making.
type page struct {
	card  reply.Card
	left  []string // choices and commands that found no room among the components
	short bool     // something is missing
	parts []string
	room  int
}

func (p *page) embed() *discordgo.MessageEmbed {
	e := &discordgo.MessageEmbed{Color: color(p.card.Kind)}
	title := p.card.Title
	if p.card.Run != "" && !strings.Contains(title, p.card.Run) {
		title = strings.TrimLeft(title+" ("+p.card.Run+")", " ")
	}
	title = sign(p.card.Kind) + Escape(oneLine(title))
	p.room = maxDescription - 80 // for the sentence that says what is missing
	if length(title) > maxTitle {
		p.add("**"+cut(title, 2*maxTitle)+"**", length(title) > 2*maxTitle)
	} else {
		e.Title = strings.TrimSpace(title)
	}
	if hint := p.hint(); hint != "" {
		e.Footer = &discordgo.MessageEmbedFooter{Text: hint}
	}
	p.body()
	if p.short {
		p.parts = append(p.parts, "*… the whole text is in the file.*")
	}
	e.Description = strings.Join(p.parts, "\n")
	if strings.TrimSpace(e.Title+e.Description) == "" {
		e.Description = "—"
	}
	return e
}

func (p *page) body() {
	for _, l := range p.card.Lines {
		p.line(l)
	}
	if t := p.card.Table; t != nil {
		p.block(tableLines(p.card))
	}
	if len(p.card.Code) > 0 {
		var code []string
		for _, c := range p.card.Code {
			code = append(code, reply.Clean(c))
		}
		p.block(code)
	}
	if choices := p.card.Choices; len(choices) > 0 && p.card.Token == "" {
		p.line("answer: " + strings.Join(choices, " / "))
	}
	if len(p.left) > 0 {
		p.line("or type: " + strings.Join(p.left, " / "))
	}
}

// add appends a part if there is room for it. Once something was left out nothing follows: a gap in the middle would mislead.
func (p *page) add(part string, cutOff bool) {
	n := length(part) + 1
	if p.short || n > p.room {
		p.short = true
		return
	}
	p.short = cutOff
	p.room -= n
	p.parts = append(p.parts, part)
}

// line adds a line, as much of it as there is room for.
func (p *page) line(text string) {
	escaped := Escape(text)
	if length(escaped)+1 <= p.room || p.short {
		p.add(escaped, false)
		return
	}
	if p.room > 100 {
		p.add(strings.TrimRight(cut(escaped, p.room-3), "\\…")+"…", true)
	}
	p.short = true
}

// widest is how many columns of a block of code a window shows before it breaks lines, which makes a table unreadable.
const widest = 110

// block adds lines as code, as many as there is room for.
func (p *page) block(lines []string) {
	const frame = len("```\n```\n")
	room, fit := p.room-frame, 0
	for _, l := range lines {
		if room -= length(strings.ReplaceAll(l, "```", "`\u200b`\u200b`")) + 1; room < 0 || reply.Columns(l) > widest && p.card.Table != nil {
			break
		}
		fit++
	}
	if fit > 0 {
		p.add(fence(lines[:fit]), fit < len(lines))
	}
	p.short = p.short || fit < len(lines)
}

func (p *page) hint() string {
	if strings.TrimSpace(p.card.Hint) == "" {
		return ""
	}
	hint := "next: " + oneLine(p.card.Hint)
	if length(hint) > maxFooter {
		p.short = true
	}
	return cut(hint, maxFooter)
}

// tableLines returns the rows of the card's table as a terminal shows them.
func tableLines(c reply.Card) []string {
	text := reply.Text(reply.Card{Table: c.Table}, reply.Style{Unicode: true})
	var out []string
	for l := range strings.Lines(text) {
		out = append(out, strings.TrimPrefix(strings.TrimRight(l, "\n"), "  "))
	}
	return out
}

// attachment returns the whole card as a file.
func attachment(c reply.Card) *File {
	text := reply.Text(c, reply.Style{Unicode: true})
	if len(text) > maxFile {
		text = cutBytes(text, maxFile-100) + "\n(cut off here: the text is longer than a file may be)\n"
	}
	name := "reply.txt"
	if safe := strings.Trim(strings.Map(fileRune, c.Run), "-"); safe != "" {
		name = cutBytes(safe, 40) + ".txt"
	}
	return &File{Name: name, Text: []byte(text)}
}

func fileRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// oneLine returns text cleaned and without line breaks.
func oneLine(text string) string {
	parts := slices.Collect(strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }))
	return reply.Clean(strings.Join(parts, " "))
}

// sign returns the mark in front of a title, the same as at a terminal.
func sign(k reply.Kind) string {
	switch k {
	case reply.Done:
		return "✓ "
	case reply.Partly:
		return "⚠ "
	case reply.Failed, reply.Error:
		return "✗ "
	case reply.Refused:
		return "⊘ "
	case reply.Progress:
		return "… "
	case reply.Plan:
		return "▸ "
	case reply.Question:
		return "? "
	default:
		return ""
	}
}

// color returns the colour of the bar beside the message, as 0xRRGGBB.
func color(k reply.Kind) int {
	switch k {
	case reply.Done:
		return 0x2e7d32
	case reply.Partly, reply.Refused:
		return 0xf9a825
	case reply.Failed, reply.Error:
		return 0xc62828
	case reply.Question, reply.Progress, reply.Plan:
		return 0x1565c0
	default:
		return 0x546e7a
	}
}
