package intents

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// token is one word of an utterance.
type token struct {
	raw    string // as typed
	low    string // in lower case
	word   word   // what the grammar knows it as, wordNone where it does not
	quoted bool   // stood in quotation marks or back-ticks: a value, or one word
	comma  bool   // a comma follows
	end    bool   // the command ends behind it: a semicolon or a line end
	flag   bool   // --name; value and hasValue belong to it
	value  string
	given  bool // the flag has a value
}

// Errors of the tokeniser. Their text is for the person who typed.
var (
	errUnclosed = errors.New("a quotation mark is not closed")
)

// tokenise splits text, which is normalised, and appends its words to toks.
func (c *Catalog) tokenise(toks []token, text string) ([]token, error) {
	for i := 0; i < len(text); {
		switch ch := text[i]; {
		case ch == ' ':
			i++
		case ch == '\n' || ch == ';':
			i++
			if len(toks) == 0 || toks[len(toks)-1].end {
				if ch == ';' {
					return toks, errors.New("nothing stands before a semicolon")
				}
				continue
			}
			toks[len(toks)-1].end = true
		case ch == '"' || ch == '\'' || ch == '`':
			value, length, err := quotation(text[i:])
			if err != nil {
				return toks, err
			}
			i += length
			toks = append(toks, c.token(value, true))
			i += closeToken(&toks[len(toks)-1], text[i:])
		case ch == '-' && strings.HasPrefix(text[i:], "--") && len(text) > i+2 && text[i+2] != ' ':
			t, length, err := c.flagToken(text[i:])
			if err != nil {
				return toks, err
			}
			i += length
			toks = append(toks, t)
		default:
			length := wordLength(text[i:])
			toks = c.wordTokens(toks, text[i:i+length])
			i += length
		}
	}
	return toks, nil
}

// wordLength returns how many bytes of text, which begins with one, the next word has.
func wordLength(text string) int {
	for i := range len(text) {
		if text[i] == ' ' || text[i] == '\n' {
			return i
		}
	}
	return len(text)
}

// token makes a token of one word.
func (c *Catalog) token(raw string, quoted bool) token {
	low := raw
	for i := range len(raw) {
		if ch := raw[i]; ch >= 0x80 || 'A' <= ch && ch <= 'Z' {
			low = strings.ToLower(raw)
			break
		}
	}
	return token{raw: raw, low: low, word: c.lexicon[low], quoted: quoted}
}

// closeToken reads the comma or semicolon right behind a quotation and returns its length.
func closeToken(t *token, rest string) int {
	switch {
	case rest == "":
		return 0
	case rest[0] == ',':
		t.comma = true
		return 1
	}
	return 0
}

// wordTokens appends the tokens of one word between spaces: commas, semicolons and a genitive end part of it.
func (c *Catalog) wordTokens(toks []token, w string) []token {
	if isURL(w) || w[0] == '/' {
		bare := strings.TrimRight(w, ",;")
		t := c.token(bare, false)
		t.word = wordNone
		t.comma = strings.Contains(w[len(bare):], ",")
		t.end = strings.Contains(w[len(bare):], ";")
		return append(toks, t)
	}
	if letters(w) {
		return append(toks, c.token(w, false))
	}
	for w != "" {
		cut := strings.IndexAny(w, ",;")
		if cut < 0 {
			return c.genitive(toks, w)
		}
		if cut > 0 {
			toks = c.genitive(toks, w[:cut])
		}
		if len(toks) == 0 {
			toks = append(toks, c.token(w[cut:cut+1], false)) // a leading comma: no word that anything knows
			w = w[cut+1:]
			continue
		}
		last := &toks[len(toks)-1]
		if w[cut] == ';' {
			last.end = true
		} else if cut == 0 && last.comma {
			toks = append(toks, c.token(",", false))
		} else {
			last.comma = true
		}
		w = w[cut+1:]
	}
	return toks
}

// genitive appends the token of w, and of "edge-1's" two: edge-1 and 's.
func (c *Catalog) genitive(toks []token, w string) []token {
	if w == "&" {
		w = "and"
	}
	if bare, ok := strings.CutSuffix(w, "'s"); ok && bare != "" {
		toks = append(toks, c.token(bare, false))
		w = "'s"
	}
	if bare, ok := strings.CutSuffix(w, ":"); ok && bare != "" && harmlessColon(bare) {
		toks = append(toks, c.token(bare, false))
		w = ":"
	}
	return append(toks, c.token(w, false))
}

// harmlessColon reports whether a colon behind w ends a phrase, rather than a short code such as :fire:.
func harmlessColon(w string) bool { return w[0] != ':' }

// quotation reads a quoted text at the head of text, and returns what is in it and how long it is. A backslash
// takes the next character as it is. The closing mark must stand at the end of a word.
func quotation(text string) (value string, length int, err error) {
	mark, plain := text[0], true
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
			plain = false
		case mark:
			if i+1 < len(text) && !strings.ContainsRune(" \n,;:.!?", rune(text[i+1])) {
				return "", 0, fmt.Errorf("a quotation mark within a word: %s", text[:i+2])
			}
			if plain {
				return text[1:i], i + 1, nil
			}
			return unescape(text[1:i]), i + 1, nil
		}
	}
	return "", 0, errUnclosed
}

// unescape takes each backslash off the character behind it.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// flagToken reads --name, --name=value, or --name value where that flag takes one.
func (c *Catalog) flagToken(text string) (token, int, error) {
	end := 2
	for end < len(text) && !strings.ContainsRune(" \n;=", rune(text[end])) {
		end++
	}
	t := token{raw: text[2:end], low: strings.ToLower(text[2:end]), flag: true}
	wants := c.flags[t.low]
	switch {
	case end < len(text) && text[end] == '=':
		end++
	case wants && end < len(text) && text[end] == ' ':
		for end < len(text) && text[end] == ' ' {
			end++
		}
		if strings.HasPrefix(text[end:], "--") {
			return t, end, nil
		}
	default:
		return t, end, nil
	}
	if end < len(text) && (text[end] == '"' || text[end] == '\'' || text[end] == '`') {
		value, length, err := quotation(text[end:])
		t.value, t.given, t.quoted = value, true, true
		return t, end + length, err
	}
	length := wordLength(text[end:])
	value := text[end : end+length]
	if !isURL(value) {
		if cut := strings.IndexByte(value, ';'); cut >= 0 {
			value = value[:cut]
		}
	}
	t.value, t.given = value, value != ""
	return t, end + len(value), nil
}

// part is one command of an utterance: its words and its flags.
type part struct {
	toks      []token
	flags     []token
	question  bool // ended in a question mark
	hesitates bool // ended in an ellipsis
}

// errThen is what is wrong with "then" at either end.
var errThen = errors.New(`"then" needs a command on either side`)

// split appends the commands of toks to parts: they are separated by "then", "and then", a semicolon or a line end.
func (c *Catalog) split(parts []part, toks []token) ([]part, error) {
	start := 0
	for i := 0; i <= len(toks); i++ {
		then := i < len(toks) && toks[i].word == wordThen && !toks[i].quoted && !toks[i].flag
		if i < len(toks) && !then && !toks[i].end {
			continue
		}
		end := min(i+1, len(toks))
		if then {
			if end = i; end > start && toks[end-1].word == wordAnd {
				end--
			}
			if i+1 == len(toks) || end == start && (start == 0 || !toks[start-1].end) {
				return parts, errThen
			}
		}
		if end > start {
			parts = append(parts, c.part(toks[start:end]))
		}
		start = i + 1
	}
	return parts, nil
}

// part takes from toks what does not count: "please" and emoji at either end, closing punctuation.
func (c *Catalog) part(toks []token) part {
	var p part
	p.toks = toks
	p.trim()
	p.punctuation(c.lexicon)
	p.trim()
	if n := len(p.toks); n > 0 {
		p.toks[n-1].comma = false
	}
	if slices.ContainsFunc(p.toks, func(t token) bool { return t.flag }) {
		words := make([]token, 0, len(p.toks))
		for _, t := range p.toks {
			if t.flag {
				p.flags = append(p.flags, t)
			} else {
				words = append(words, t)
			}
		}
		p.toks = words
		p.trim()
	}
	return p
}

// trim takes "please" and harmless emoji off both ends.
func (p *part) trim() {
	for len(p.toks) > 1 && p.toks[0].idle() {
		p.toks = p.toks[1:]
	}
	for len(p.toks) > 1 && p.toks[len(p.toks)-1].idle() {
		p.toks = p.toks[:len(p.toks)-1]
		p.toks[len(p.toks)-1].comma = false
	}
}

// idle reports whether t says nothing.
func (t *token) idle() bool {
	return !t.flag && !t.quoted && (t.word == wordPlease || t.word == wordNone && harmless(t.raw))
}

// punctuation takes the closing punctuation off the last word, and notes what kind it was.
func (p *part) punctuation(lexicon map[string]word) {
	if len(p.toks) == 0 {
		return
	}
	last := &p.toks[len(p.toks)-1]
	if last.flag || last.quoted {
		return
	}
	bare := strings.TrimRight(last.raw, ".!?")
	if bare == last.raw || bare == "" && len(p.toks) == 1 {
		return
	}
	marks := last.raw[len(bare):]
	p.question = strings.Contains(marks, "?")
	p.hesitates = strings.Contains(marks, "..")
	if bare == "" {
		p.toks = p.toks[:len(p.toks)-1]
		return
	}
	last.raw, last.low = bare, strings.TrimRight(last.low, ".!?")
	last.word = lexicon[last.low]
}

// harmless reports whether w is an emoji, as a character or as a short code, that changes nothing about what is
// said. Others may well do so (a crossed-out sign, a thumb down), so they are words that nothing knows.
func harmless(w string) bool {
	switch w {
	case ":fire:", ":pray:", ":rocket:", ":+1:", ":thumbsup:", ":wave:", ":broom:", ":sparkles:", ":rotating_light:", ":warning:",
		":muscle:", ":zap:", ":boom:", ":hammer:", ":wrench:", ":gear:", ":ok_hand:", ":tada:", ":eyes:", ":bow:", ":raised_hands:",
		":smile:", ":slightly_smiling_face:", ":robot_face:", ":tv:", ":satellite:", ":point_right:", ":heart:", ":coffee:",
		"🔥", "🙏", "🚀", "👍", "👋", "🧹", "✨", "🚨", "⚠", "💪", "⚡", "💥", "🔨", "🔧", "⚙", "👌", "🎉", "👀", "🙇", "🙌", "🙂", "😀", "🤖", "📺", "👉", "❤", "☕":
		return true
	}
	return false
}
