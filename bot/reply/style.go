package reply

import "strings"

// Style is how a terminal wants its text. The zero value is for pipes and files in any locale: no colour, no wrapping, ASCII marks.
type Style struct {
	Color   bool
	Unicode bool // marks such as ✓ beyond ASCII
	Width   int  // columns to wrap at; 0 means never
}

// Detect returns the style for a stream: colour and wrapping for a terminal alone, and there as NO_COLOR and TERM allow; marks beyond ASCII
// where the locale is UTF-8. Getenv reads the environment; width is that of the terminal, 0 when it is not known.
func Detect(getenv func(string) string, tty bool, width int) Style {
	s := Style{Unicode: utf8Locale(getenv)}
	if !tty {
		return s
	}
	name := getenv("TERM")
	s.Width = width
	s.Color = getenv("NO_COLOR") == "" && name != "dumb" && name != ""
	s.Unicode = s.Unicode && name != "dumb" && name != "linux" // the font of the Linux console lacks them
	return s
}

func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// The SGR sequences (ECMA-48 section 8.3.117) in use. Only the eight basic colours, which every theme makes readable.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint wraps text into an SGR sequence where the style has colour.
func (s Style) paint(code, text string) string {
	if !s.Color || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// mark returns the sign in front of a card's title and its colour. Answers bear none.
func (s Style) mark(k Kind) (sign, color string) {
	switch k {
	case Done:
		return s.pick("✓", "+"), green
	case Partly:
		return "!", yellow
	case Failed, Error:
		return s.pick("✗", "x"), red
	case Refused:
		return s.pick("⊘", "-"), yellow
	case Question:
		return "?", cyan
	case Progress:
		return s.pick("…", "~"), cyan
	case Plan:
		return s.pick("▸", ">"), cyan
	default:
		return "", bold
	}
}

func (s Style) pick(unicode, ascii string) string {
	if s.Unicode {
		return unicode
	}
	return ascii
}
