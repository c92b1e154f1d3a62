package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shitops/opsbot/internal/secret"
)

// Mistake is one thing that is wrong, or in a warning hardly meant, at one place.
type Mistake struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 where the file as a whole is meant
	Column int    `json:"column,omitempty"` // from 1, in bytes as editors count them
	Key    string `json:"key,omitempty"`    // such as inventory.nodes[2].address
	Say    string `json:"say"`              // what is wrong and what to do; never a secret
}

// String returns file:line:column: key: what is wrong.
func (m Mistake) String() string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
	}
	b.WriteString(": ")
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	b.WriteString(m.Say)
	return b.String()
}

// Mistakes are all that is wrong with a file, in the order of the file. As an error they mean exit code 78.
type Mistakes []Mistake

// shown bounds how many mistakes Error lists; a file that is not meant for us can have thousands.
const shown = 100

// Error returns one mistake a line.
func (ms Mistakes) Error() string {
	lines := make([]string, 0, min(len(ms), shown)+1)
	for _, m := range ms[:min(len(ms), shown)] {
		lines = append(lines, m.String())
	}
	if more := len(ms) - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// clip makes a foreign value fit to be shown: short and without tokens.
func clip(text string) string { return clipTo(secret.Scrub(text), 60) }

func clipTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// quote is clip in quotation marks, with everything escaped that is not ASCII: a look-alike letter must show.
func quote(text string) string { return strconv.QuoteToASCII(clip(text)) }
