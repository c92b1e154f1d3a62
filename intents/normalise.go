package intents

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxCharacters is the length from which on an utterance is refused unread.
const MaxCharacters = 2000

// Errors of normalise. Their text is for the person who typed.
var (
	errTooLong = fmt.Errorf("longer than %d characters", MaxCharacters)
	errEmpty   = errors.New("an empty line")
	errBytes   = errors.New("not valid UTF-8")
	errQuoted  = errors.New("quoted text is no command")
	errStruck  = errors.New("struck-out text is no command")
)

// tooLong reports whether text has more than MaxCharacters characters, without reading more than it must.
func tooLong(text string) bool {
	return len(text) > MaxCharacters && (len(text) > utf8.UTFMax*MaxCharacters || utf8.RuneCountInString(text) > MaxCharacters)
}

// plain reports whether text is made of printable ASCII and line ends alone.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < ' ' && c != '\n') || c > '~' {
			return false
		}
	}
	return true
}

// normalise brings text into the one form that the grammar reads: NFKC, straight quotes, plain hyphens and
// spaces, nothing invisible. URLs keep every character. It fails on what could make a person read something
// else than the program does: control characters, text direction marks, words of two scripts.
func normalise(text string) (string, error) {
	if plain(text) {
		return text, nil
	}
	if !utf8.ValidString(text) {
		return "", errBytes
	}
	var b strings.Builder
	b.Grow(len(text))
	for len(text) > 0 {
		end := strings.IndexFunc(text, unicode.IsSpace)
		switch {
		case end < 0:
			end = len(text)
		case end == 0:
			r, size := utf8.DecodeRuneInString(text)
			if err := writeSpace(&b, r); err != nil {
				return "", err
			}
			text = text[size:]
			continue
		}
		if err := writeWord(&b, text[:end]); err != nil {
			return "", err
		}
		text = text[end:]
	}
	return b.String(), nil
}

// writeSpace writes one white space as a space or a line end.
func writeSpace(b *strings.Builder, r rune) error {
	switch r {
	case '\n', '\u2028', '\u2029': // line and paragraph separator
		b.WriteByte('\n')
	case '\r': // half of a line end
	case '\t':
		b.WriteByte(' ')
	case '\v', '\f', '\u0085':
		return fmt.Errorf("a control character (U+%04X)", r)
	default:
		b.WriteByte(' ')
	}
	return nil
}

// writeWord writes one word.
func writeWord(b *strings.Builder, w string) error {
	url := isURL(w)
	if !url {
		w = norm.NFKC.String(w)
	}
	var latin, other bool
	for i, r := range w {
		switch {
		case invisible(r):
			continue
		case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return fmt.Errorf("a control character (U+%04X)", r)
		case url:
			b.WriteRune(r)
			continue
		}
		latin = latin || unicode.Is(unicode.Latin, r)
		other = other || unicode.In(r, lookAlike()...)
		writeRune(b, r, i == 0, w[i:])
	}
	if latin && other {
		return fmt.Errorf("%s mixes letters of two scripts", shown(w))
	}
	return nil
}

// invisible reports whether r can be left out: it shows nothing and joins nothing that matters here.
func invisible(r rune) bool {
	switch r {
	case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\ufe0e', '\ufe0f': // soft hyphen, zero-width, variation selectors
		return true
	}
	return false
}

// lookAlike returns the scripts with letters that look like Latin ones.
func lookAlike() []*unicode.RangeTable {
	return []*unicode.RangeTable{unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu, unicode.Georgian}
}

// writeRune writes r as the plain character that it stands for. A dash at the head of a word is what a keyboard
// makes of two hyphens.
func writeRune(b *strings.Builder, r rune, first bool, rest string) {
	switch r {
	case '\u2018', '\u2019', '\u201a', '\u201b', '\u2032', '\u00b4':
		b.WriteByte('\'')
	case '\u201c', '\u201d', '\u201e', '\u201f', '\u2033', '\u00ab', '\u00bb':
		b.WriteByte('"')
	case '\u2013', '\u2014', '\u2015':
		if next, _ := utf8.DecodeRuneInString(rest[utf8.RuneLen(r):]); first && unicode.IsLetter(next) {
			b.WriteByte('-')
		}
		b.WriteByte('-')
	case '\u2010', '\u2011', '\u2012', '\u2212', '\ufe63', '\uff0d':
		b.WriteByte('-')
	case ' ':
		b.WriteByte(' ')
	default:
		b.WriteRune(r)
	}
}

// isURL reports whether w begins like a URL.
func isURL(w string) bool {
	const scheme, secure = "http://", "https://"
	return len(w) >= len(scheme) && (w[0] == 'h' || w[0] == 'H') &&
		(strings.EqualFold(w[:len(scheme)], scheme) || len(w) >= len(secure) && strings.EqualFold(w[:len(secure)], secure))
}
