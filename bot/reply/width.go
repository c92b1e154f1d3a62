package reply

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Columns returns how many columns of a terminal the text takes; SGR sequences take none.
func Columns(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		if text[i] < 0x80 && text[i] != 0x1b {
			n++
			continue
		}
		return n + wideColumns(text[i:])
	}
	return n
}

func wideColumns(text string) int {
	n, skip := 0, false
	for _, r := range text {
		switch {
		case skip:
			skip = r != 'm'
		case r == 0x1b:
			skip = true
		default:
			n += runeColumns(r)
		}
	}
	return n
}

func runeColumns(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// wrap breaks text at spaces so that no line is wider than limit columns. Words that are wider stay whole, so that a URL or a command can be
// copied. A limit below 1 means no wrapping. Leading spaces are kept and indent the lines that follow.
func wrap(text string, limit int) []string {
	if limit < 1 || Columns(text) <= limit {
		return []string{text}
	}
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var out []string
	line, used := indent, len(indent)
	for word := range strings.FieldsSeq(text) {
		w := Columns(word)
		if used > len(indent) && used+1+w > limit {
			out = append(out, line)
			line, used = indent, len(indent)
		}
		if used > len(indent) {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+w
	}
	return append(out, line)
}

// pad fills text with spaces up to the given columns, on the right, or on the left where numbers are to stand under each other.
func pad(text string, columns int, left bool) string {
	space := strings.Repeat(" ", max(columns-Columns(text), 0))
	if left {
		return space + text
	}
	return text + space
}
