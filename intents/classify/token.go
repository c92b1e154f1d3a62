package classify

import (
	"unicode"
	"unicode/utf8"
)

// The bytes that stand around a word when its character n-grams are taken, so that "flush" and "unflush" begin differently.
const (
	wordBegin = '<'
	wordEnd   = '>'
)

// words is a text cut into tokens: each stands in buf as <word>, token i being buf[ends[i-1]:ends[i]].
type words struct {
	buf  []byte
	ends []int
}

// cut splits text into tokens, in place of what was there before: runs of letters and digits in lower case. Apostrophes inside a word vanish
// ("don't" is "dont"), a question mark is a token of its own, everything else separates.
func (w *words) cut(text string) {
	w.buf, w.ends = w.buf[:0], w.ends[:0]
	open := false
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		switch {
		case r == '\'' || r == '’':
		case isWord(r):
			if !open {
				w.buf, open = append(w.buf, wordBegin), true
			}
			w.buf = utf8.AppendRune(w.buf, lower(r))
		default:
			open = w.end(open)
			if r == '?' {
				w.buf = append(w.buf, wordBegin, '?')
				w.end(true)
			}
		}
	}
	w.end(open)
}

// end closes the open token, if there is one.
func (w *words) end(open bool) bool {
	if open {
		w.buf = append(w.buf, wordEnd)
		w.ends = append(w.ends, len(w.buf))
	}
	return false
}

// len is how many tokens there are.
func (w *words) len() int { return len(w.ends) }

// isWord tells whether r is part of a word.
func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// lower is r in lower case.
func lower(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(r)
}
