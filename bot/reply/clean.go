package reply

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns text that cannot steer a terminal or hide from a reader: control characters (C0, DEL, C1), the ones that turn the direction
// of writing (Trojan Source, CVE-2021-42574) or are invisible, line and paragraph separators and bytes that are no UTF-8 are shown as escapes like \x1b and \u202e. A
// tab becomes a space. Clean text is returned as it is.
func Clean(text string) string {
	if clean(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\t':
			b.WriteByte(' ')
		case r < 0x80 && steers(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case steers(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

func clean(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || steers(r) {
			return false
		}
	}
	return true
}

// steers tells whether a terminal, or the eye, would be led by the rune instead of shown it.
func steers(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return true
	case r == '\u2028' || r == '\u2029':
		return true
	case r == '\u200d' || r == '\u200c': // joiners: emoji and several scripts need them
		return false
	default:
		return unicode.Is(unicode.Cf, r)
	}
}

// lines splits text at its line breaks and cleans every piece.
func lines(text string) []string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n")
	parts := strings.Split(text, "\n")
	for i, p := range parts {
		parts[i] = Clean(p)
	}
	return parts
}
