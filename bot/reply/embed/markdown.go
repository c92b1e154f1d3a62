package embed

import (
	"strings"

	"github.com/shitops/opsbot/bot/reply"
)

// Escape returns text, cleaned, in which no markdown of Discord takes effect: what it shows is what the text says. Addresses stay as they are,
// because a backslash inside one would break the link.
func Escape(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		escapeLine(&b, reply.Clean(line))
	}
	return b.String()
}

func escapeLine(b *strings.Builder, line string) {
	start := len(line) - len(strings.TrimLeft(line, " "))
	b.WriteString(line[:start])
	if n := opensBlock(line[start:]); n > 0 {
		b.WriteString(line[start : start+n-1])
		b.WriteByte('\\')
		b.WriteByte(line[start+n-1])
		start += n
	}
	for i := start; i < len(line); {
		if n := address(line[i:]); n > 0 && (i == 0 || !letter(line[i-1])) {
			b.WriteString(line[i : i+n])
			i += n
			continue
		}
		if strings.IndexByte("\\*_~`|[]<", line[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(line[i])
		i++
	}
}

// opensBlock returns the length of what would make a heading, a quotation or a list out of the line; its last byte is the one to escape.
func opensBlock(line string) int {
	if line == "" {
		return 0
	}
	if strings.IndexByte("#>-+", line[0]) >= 0 {
		return 1
	}
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	if digits > 0 && digits < len(line)-1 && line[digits] == '.' && line[digits+1] == ' ' {
		return digits + 1
	}
	return 0
}

// address returns the length of the web address that text begins with, 0 where there is none.
func address(text string) int {
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		return 0
	}
	if end := strings.IndexAny(text, " <>`[]|*\\"); end >= 0 {
		return end
	}
	return len(text)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }

// fence returns lines as a block of code. Three grave accents in them would end it, so an invisible space keeps them apart.
func fence(lines []string) string {
	var b strings.Builder
	b.WriteString("```\n")
	for _, l := range lines {
		b.WriteString(strings.ReplaceAll(l, "```", "`\u200b`\u200b`"))
		b.WriteByte('\n')
	}
	b.WriteString("```")
	return b.String()
}
