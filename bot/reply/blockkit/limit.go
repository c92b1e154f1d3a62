package blockkit

import (
	"strings"
	"unicode/utf8"

	"github.com/shitops/opsbot/bot/reply"
)

// What Slack takes, in letters unless said otherwise. https://docs.slack.dev/reference/block-kit/blocks and
// .../composition-objects; the sum was measured by others to fail near 13,200 (msg_blocks_too_long).
const (
	maxBlocks   = 50
	maxSection  = 3000
	maxSum      = 12000 // of all text in a message
	maxText     = 3000  // of the plain text; Slack cuts at 40,000 and asks for less than 4,000
	maxButton   = 75    // the label
	maxValue    = 2000
	maxActionID = 255
	maxRow      = 5   // buttons beside each other; 25 are allowed, but a telephone shows few
	maxOptions  = 100 // of a select
	maxOption   = 75  // its text
	maxChosen   = 150 // its value
	maxContext  = 600 // of a note; Slack takes 2,000
	maxConfirm  = 300
	maxTitle    = 24 // of a form
	maxPrivate  = 3000
	maxInput    = 2000 // what a person may type into a form: the longest line that the desk takes
	mostRows    = 8    // rows of buttons
	maxControls = 5000 // of the labels and values of everything that can be pressed
)

// Escape makes text safe for Slack's mrkdwn: it is shown as it is, calls nobody and links to nothing.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
func Escape(text string) string {
	return entities(calm(reply.Clean(text)))
}

// entities escapes the three signs that Slack's own markup is made of.
func entities(text string) string {
	if !strings.ContainsAny(text, "&<>") {
		return text
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// calm keeps signs of markup from pairing up: a word joiner, which nobody sees, goes in front of each that is one of at least two and stands
// where markup begins or ends.
func calm(line string) string {
	if !strings.ContainsAny(line, "*_~`>") {
		return line
	}
	var b strings.Builder
	before := ' '
	for i, r := range line {
		switch {
		case r == '>' && i == 0:
			b.WriteRune(joiner)
		case strings.ContainsRune("*_~`", r) && strings.Count(line, string(r)) > 1 && edge(before, line[i+1:]):
			b.WriteRune(joiner)
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// joiner is WORD JOINER (U+2060), which has no width.
const joiner = '\u2060'

// edge tells whether a sign between the two stands at an end of a word, as markup does.
func edge(before rune, after string) bool {
	next, n := utf8.DecodeRuneInString(after)
	return n == 0 || !letter(before) || !letter(next)
}

func letter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f && r != joiner
}

// length counts as the strictest reader would: UTF-16 units.
func length(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// cut returns at most the given length of text, with a sign where something is missing. It never leaves half an escape behind.
func cut(text string, most int) string {
	if length(text) <= most {
		return text
	}
	n, end := 0, 0
	for i, r := range text {
		if n++; r > 0xffff {
			n++
		}
		if n > most-1 {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	short := text[:end]
	if i := strings.LastIndexByte(short, '&'); i >= 0 && len(short)-i < len("&amp;") && !strings.Contains(short[i:], ";") {
		short = short[:i]
	}
	return short + "…"
}

// oneLine returns text cleaned and without line breaks.
func oneLine(text string) string {
	return reply.Clean(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " "))
}
