package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shitops/opsbot/bot/reply"
)

// completion is what a press of the tabulator leads to.
type completion struct {
	line string   // the line with what is certain
	show []string // what it could be, where nothing more is certain
}

// complete extends the line by what all candidates have in common. A candidate is a whole line or the word that the line ends with.
func complete(line string, candidates []string) completion {
	begin := strings.LastIndexFunc(line, unicode.IsSpace) + 1
	var words []string
	for _, c := range candidates {
		c = reply.Clean(c)
		if rest, whole := cutPrefixFold(c, line[:begin]); whole && begin > 0 {
			c = rest
		}
		if _, fits := cutPrefixFold(c, line[begin:]); fits {
			words = append(words, c)
		}
	}
	switch len(words) {
	case 0:
		return completion{line: line}
	case 1:
		return completion{line: line[:begin] + words[0] + " "}
	}
	common := words[0]
	for _, w := range words[1:] {
		common = commonPrefix(common, w)
	}
	if len(common) > len(line)-begin {
		return completion{line: line[:begin] + common}
	}
	return completion{line: line, show: words}
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

func commonPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) {
		r, size := utf8.DecodeRuneInString(a[n:])
		q, _ := utf8.DecodeRuneInString(b[n:])
		if unicode.ToLower(r) != unicode.ToLower(q) {
			break
		}
		n += size
	}
	return a[:min(n, len(a))]
}

// columns lays words out under each other, as many in a row as the width lets.
func columns(words []string, width int) string {
	widest := 0
	for _, w := range words {
		widest = max(widest, reply.Columns(w))
	}
	each := widest + 2
	perRow := max(width/each, 1)
	var b strings.Builder
	for i, w := range words {
		b.WriteString(w)
		if (i+1)%perRow == 0 || i == len(words)-1 {
			b.WriteByte('\n')
		} else {
			b.WriteString(strings.Repeat(" ", each-reply.Columns(w)))
		}
	}
	return b.String()
}
