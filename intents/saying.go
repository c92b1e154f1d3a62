package intents

import (
	"strings"
)

// saying is one sentence in somebody's own words, taken apart: words without punctuation, the things of the inventory among them, and what each
// other word is there for. It is scratch space and belongs to a matcher.
type saying struct {
	words  []token
	of     []int16   // of each word the entity it belongs to, -1 where it belongs to none
	cues   []cueKind // of each word the kind of the phrase it belongs to
	first  []bool    // of each word whether a phrase begins with it
	fixed  []bool    // of each word whether a slip of the finger was put right
	clause []int16   // of each word the number of its clause
	ents   []entity
	masked []byte
	info   []*wordInfo // what is known of each word; empty where nobody asked
	spare  []cueKind   // scratch

	question  bool // ended in a question mark, or holds one
	hesitates bool // trails off
	polite    bool // courtesy was found
	wish      bool // said as a wish
	dash      bool // a dash came last
	asked     int  // how many words stood before the last question mark
	slips     []string
}

// reset empties s.
func (s *saying) reset() {
	s.words, s.of, s.cues, s.first, s.fixed, s.clause = s.words[:0], s.of[:0], s.cues[:0], s.first[:0], s.fixed[:0], s.clause[:0]
	s.info = s.info[:0]
	s.ents, s.masked, s.slips = s.ents[:0], s.masked[:0], s.slips[:0]
	s.asked = 0
	s.question, s.hesitates, s.polite, s.wish, s.dash = false, false, false, false, false
}

// stops reports whether a clause ends behind word i.
func (s *saying) stops(i int) bool { return s.words[i].comma || s.words[i].end }

// take puts the words of pt into s without their punctuation.
func (s *saying) take(c *Catalog, pt *part) {
	s.reset()
	s.question, s.hesitates = pt.question, pt.hesitates
	for i := range pt.toks {
		t := pt.toks[i]
		if t.flag {
			continue
		}
		if low(pt.toks, i) == "as" && meansWell(low(pt.toks, i+1)) && low(pt.toks, i+2) == "as" {
			continue // "as well as" is "and"
		}
		if t.low == "as" && i > 1 && meansWell(low(pt.toks, i-1)) && low(pt.toks, i-2) == "as" {
			t = c.token("and", false)
		} else if meansWell(t.low) && low(pt.toks, i-1) == "as" && low(pt.toks, i+1) == "as" {
			continue
		}
		t.end = false
		if t.quoted || isURL(t.raw) {
			s.add(t)
			continue
		}
		if t.idle() && t.word != wordPlease {
			continue // an emoji
		}
		s.punctuated(c, t)
	}
	if s.dash {
		s.add(c.token("--", false))
	}
	if pt.question {
		s.asked = len(s.words)
	}
}

// meansWell reports whether w is "well", also with a slip in it.
func meansWell(w string) bool { return w == "well" || smoothSlip("well", w) }

// low returns word i of toks, "" where there is none or it is quoted.
func low(toks []token, i int) string {
	if i < 0 || i >= len(toks) || toks[i].quoted {
		return ""
	}
	return toks[i].low
}

// punctuated adds the word t without the punctuation around it.
func (s *saying) punctuated(c *Catalog, t token) {
	if last := t.raw[len(t.raw)-1]; letter(rune(last)) && letter(rune(t.raw[0])) && strings.IndexByte(t.raw, '-') < 0 {
		s.plainWord(c, t)
		return
	}
	bare := t.raw
	if n := len(bare); n > 2 && (bare[0] == '*' || bare[0] == '_') && bare[n-1] == bare[0] {
		bare = bare[1 : n-1] // bold and italics of chat platforms
	}
	if n := len(bare); n > 2 && bare[0] == '(' && bare[n-1] == ')' && len(s.words) > 0 {
		bare = bare[1 : n-1] // "edge-77 (192.0.2.7)"
	}
	core := strings.TrimRight(bare, ".!?…")
	if n := len(s.words); core == "" || core == "-" && n > 0 || core == "--" && n > 0 || core == ":" && n > 0 && strings.ContainsAny(s.words[n-1].low, "0123456789") {
		core = ""
	}
	marks := ""
	if core != "" {
		marks = bare[len(core):]
	} else {
		marks = strings.Trim(bare, "-:")
	}
	if strings.Contains(marks, "?") {
		s.question, s.asked = true, len(s.words)+1
		if core == "" {
			s.asked--
		}
	}
	if strings.Contains(marks, "..") || strings.Contains(marks, "…") {
		s.hesitates = true
	}
	if core == "" {
		if n := len(s.words); n > 0 && t.low != "'s" {
			s.words[n-1].end, s.dash = true, marks == ""
		}
		return
	}
	if core != t.raw {
		fresh := c.token(core, false)
		fresh.comma, fresh.end = t.comma, marks != ""
		t = fresh
	}
	if dash := strings.Index(t.low, "--"); dash > 0 && dash+2 < len(t.low) {
		head, tail := c.token(t.raw[:dash], false), c.token(t.raw[dash+2:], false)
		head.end, tail.comma, tail.end = true, t.comma, t.end
		s.add(head)
		t = tail
	}
	s.plainWord(c, t)
}

// plainWord adds the word t, which has no punctuation around it.
func (s *saying) plainWord(c *Catalog, t token) {
	if low := joinedPrefix(t.low); low != t.low {
		fresh := c.token(low, false)
		fresh.comma, fresh.end = t.comma, t.end
		t = fresh
	}
	if n := len(s.words); n > 0 && !s.words[n-1].comma && !s.words[n-1].end && !s.words[n-1].quoted {
		if sum, ok := sumOf(&s.words[n-1], &t); ok { // "thirty five"
			fresh := c.token(sum, false)
			fresh.comma, fresh.end = t.comma, t.end
			s.words[n-1] = fresh
			return
		}
	}
	switch t.low {
	case "boxes", "machines", "servers", "hosts":
		t.word = wordNodes
	case "box", "machine", "server", "host":
		t.word = wordNode
	}
	if t.low == "n't" || t.low == "nt" && len(s.words) > 0 {
		t = c.token("not", false)
	}
	s.contraction(c, t)
}

// contraction adds t, and of "i'll" two words: i and 'll.
func (s *saying) contraction(c *Catalog, t token) {
	if strings.IndexByte(t.low, '\'') < 0 {
		s.add(t)
		return
	}
	for _, tail := range []string{"'ll", "'d", "'ve", "'re", "'m"} {
		if bare, ok := strings.CutSuffix(t.low, tail); ok && bare != "" {
			s.add(c.token(t.raw[:len(bare)], false))
			rest := c.token(tail, false)
			rest.comma, rest.end = t.comma, t.end
			s.add(rest)
			return
		}
	}
	if t.low == "'s" && len(s.words) > 0 && s.words[len(s.words)-1].low == "let" {
		t.low = "'s"
	}
	s.add(t)
}

// add appends the word t.
func (s *saying) add(t token) {
	s.dash = false
	s.words = append(s.words, t)
	s.of = append(s.of, -1)
	s.cues = append(s.cues, cueNone)
	s.first = append(s.first, false)
	s.fixed = append(s.fixed, false)
	s.clause = append(s.clause, 0)
}

// greet finds courtesy of several words, before anything in it is taken for a thing: "if you have a minute".
func (s *saying) greet(t *cueTable) {
	for i := 0; i < len(s.words); i++ {
		kind, n := t.at(s, i, false)
		if n < 3 || kind != cuePolite {
			continue
		}
		s.first[i], s.polite = true, true
		for j := i; j < i+n; j++ {
			s.cues[j] = kind
		}
		i += n - 1
	}
}

// listen finds the phrases that say how s is meant.
func (s *saying) listen(t *cueTable) {
	head := true
	for i := 0; i < len(s.words); {
		if s.cues[i] != cueNone {
			i++
			continue
		}
		if s.of[i] >= 0 {
			head = false
			i++
			continue
		}
		kind, n := t.at(s, i, head)
		if n == 0 {
			head = false
			i++
			continue
		}
		s.first[i] = true
		for j := i; j < i+n; j++ {
			s.cues[j] = kind
		}
		switch kind {
		case cuePolite:
			s.polite = s.polite || s.words[i].low != "so" // "so" is a word like any other
		case cueWant:
			s.wish, head = true, false
		default:
			head = false
		}
		i += n
	}
}

// maskClause is mask for the clause with the given number alone, "" where that is all there is.
func (s *saying) maskClause(n int16) string {
	kept, other := s.cues, false
	s.cues = append(s.spare[:0], kept...)
	s.spare = s.cues
	for i := range s.cues {
		if s.clause[i] != n {
			s.cues[i], other = cuePolite, true
		}
	}
	text := ""
	if other {
		text = s.mask()
	}
	s.cues = kept
	return text
}

// mask writes s with the type of each thing in its place, and without courtesy, into s.masked.
func (s *saying) mask() string {
	s.masked = s.masked[:0]
	for i := range s.words {
		if s.cues[i] == cuePolite {
			continue
		}
		w := s.words[i].low
		if e := s.of[i]; e >= 0 {
			if s.ents[e].from != i {
				continue
			}
			w = s.ents[e].mask()
		} else if s.words[i].quoted {
			w = maskText
		} else if digits(w) {
			w = maskNumber
		}
		if len(s.masked) > 0 && w != "'s" {
			s.masked = append(s.masked, ' ')
		}
		s.masked = append(s.masked, w...)
	}
	if s.question {
		s.masked = append(s.masked, " ?"...)
	}
	return string(s.masked)
}

// joinedPrefix writes "un-drain" as undrain: the hyphen says nothing.
func joinedPrefix(w string) string {
	if strings.IndexByte(w, '-') < 0 {
		return w
	}
	for _, prefix := range []string{"un-", "re-", "pre-", "de-"} {
		if rest, ok := strings.CutPrefix(w, prefix); ok && len(rest) > 2 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz") == "" {
			return prefix[:len(prefix)-1] + rest
		}
	}
	return w
}

// sumOf returns the number that two words say together: "thirty five" is 35.
func sumOf(tens, ones *token) (string, bool) {
	if tens.word < wordZero+20 || tens.word >= firstFreeWord || ones.word < wordZero+1 || ones.word > wordZero+9 {
		return "", false
	}
	return tens.number()[:1] + ones.number(), true
}
