package intents

import (
	"maps"
	"slices"
	"strings"

	"github.com/shitops/opsbot/intents/when"
)

// correctSlips puts words right that are one slip of the finger away from a word that is known, or from a name. What it did is noted in s.slips and shown.
func (p *Parser) correctSlips(s *saying, l *learned) {
	for i := range s.words {
		if right := p.slipOf(s, l.vocab, i); right != "" {
			p.putRight(s, i, right)
		}
	}
	for i := range s.words {
		p.sternSlip(s, l.vocab, i)
	}
}

// putRight puts right in the place of word i of s, and notes it.
func (p *Parser) putRight(s *saying, i int, right string) {
	t := &s.words[i]
	s.slips = append(s.slips, "taking "+t.raw+" as "+right)
	fresh := p.catalog.token(right, false)
	fresh.comma, fresh.end = t.comma, t.end
	switch right {
	case "boxes", "machines", "servers", "hosts":
		fresh.word = wordNodes
	case "box", "machine", "server", "host":
		fresh.word = wordNode
	}
	s.words[i], s.fixed[i] = fresh, true
}

// sternSlip puts right the one wrong word of a phrase at word i that holds a sentence back: "as son as", "in cake", "mae that". It may be a word of its own:
// better held back once too often.
func (p *Parser) sternSlip(s *saying, v *vocabulary, i int) {
	if t := &s.words[i]; i > 0 && s.stops(i-1) && s.stops(i) && !t.quoted && smoothSlip("oops", t.low) {
		p.putRight(s, i, "actually") // alone between two stops
		return
	}
	var space [64]byte
	for n := 2; n <= mostStern && i+n <= len(s.words); n++ {
		if s.stops(i + n - 2) {
			return
		}
		for star := range n {
			word := &s.words[i+star]
			if len(word.low) < 3 || word.quoted {
				continue
			}
			meant := v.starred[string(starKey(space[:0], s.words[i:i+n], star))]
			if len(meant) == 0 || p.knows(word) {
				continue
			}
			for _, right := range meant {
				if right == word.low {
					break
				}
				if distance(right, word.low, 1) == 1 {
					p.putRight(s, i+star, right)
					return
				}
			}
		}
	}
}

// mostStern bounds how many words of a phrase are looked at.
const mostStern = 3

// starKey writes words with a star in the place of one of them.
func starKey(buf []byte, words []token, star int) []byte {
	for k := range words {
		if k == star {
			buf = append(buf, '*', ' ')
			continue
		}
		buf = append(append(buf, words[k].low...), ' ')
	}
	return buf
}

// starred is starKey of words.
func starred(words []string, star int) string {
	said := slices.Clone(words)
	said[star] = "*"
	return strings.Join(said, " ") + " "
}

// learnStern collects the phrases that hold a sentence back.
func (v *vocabulary) learnStern(t *cueTable) {
	v.stern, v.starred = map[string]bool{}, map[string][]string{}
	for first, list := range t.cues {
		for i := range list {
			switch list[i].kind {
			case cueNot, cueCorrect, cueCond, cueSkip, cueHostile:
			default:
				continue
			}
			words := append([]string{first}, list[i].rest...)
			if len(words) == 1 {
				v.stern[first] = true
			}
			if len(words) == 1 || len(words) > mostStern || list[i].head {
				continue
			}
			for star, right := range words {
				if len(right) < 4 {
					continue
				}
				key := starred(words, star)
				v.starred[key] = append(v.starred[key], right)
			}
		}
	}
	for key := range v.starred {
		slices.Sort(v.starred[key])
	}
}

// slipOf returns what word i of s was meant to be, "" where it is right as it is or nobody can tell.
func (p *Parser) slipOf(s *saying, v *vocabulary, i int) string {
	t := &s.words[i]
	if t.quoted || t.word != wordNone || len(t.low) < 3 {
		return ""
	}
	if !letters(t.low) && strings.ContainsAny(t.low, "0123456789/.=_:-") {
		if i < 2 && strings.IndexByte(t.low, '.') > 0 && !strings.ContainsAny(t.low, "0123456789/:") {
			return closest(t.low, p.catalog.names())
		}
		return ""
	}
	if timely := i+1 < len(s.words) && v.times[s.words[i+1].low]; timely && t.low == "ever" {
		return "every"
	}
	if v.known(t.low) || p.knows(t) || p.startsName(t.low) {
		return ""
	}
	if i+1 < len(s.words) && s.words[i+1].number() != "" {
		if head := p.slippedHead(t.low); head != "" {
			return head
		}
	}
	at := slipPlace{first: i == 0, head: s.atHead(v, i), ordered: s.ordered(v, i), timely: i+1 < len(s.words) && v.times[s.words[i+1].low]}
	if right := v.corrected(t.low, at); right != "" {
		return right
	}
	return p.slippedName(t.low)
}

// slipPlace is where a word stands that may hold a slip.
type slipPlace struct {
	first   bool // it is the first word
	head    bool // nothing but courtesy comes before it
	ordered bool // another word of the sentence is a verb that people give orders with
	timely  bool // a word of times comes behind it
}

// atHead reports whether nothing but words of courtesy comes before word i.
func (s *saying) atHead(v *vocabulary, i int) bool {
	for j := range i {
		if w := s.words[j].low; !v.function[w] && !v.cues[w] || s.words[j].quoted {
			return false
		}
	}
	return true
}

// ordered reports whether another word of s than i is a verb that people give orders with.
func (s *saying) ordered(v *vocabulary, i int) bool {
	for j := range s.words {
		if j != i && !s.words[j].quoted && v.anyActs(s.words[j].low) {
			return true
		}
	}
	return false
}

// slippedName returns the one name of letters alone that w is a slip away from, "" where there is none or several. Short names only differ by two
// letters that changed places, or by one that was doubled or is missing its double: too many words are close to them.
func (p *Parser) slippedName(w string) string {
	const short = 4
	found := ""
	take := func(name string) {
		if name == "" || found == name || len(name) <= short && !smoothSlip(strings.ToLower(name), w) {
			return
		}
		if found != "" {
			found = "?"
			return
		}
		found = name
	}
	if len(w) < short {
		return ""
	}
	for k := kindSite; k <= kindJob; k++ {
		take(p.names.shapes[k].mistyped(w, "", 1))
	}
	for _, service := range p.inv.Services {
		if low := strings.ToLower(service); len(low) >= short && low != w && distance(low, w, 1) <= 1 {
			take(service)
		}
	}
	if found == "?" {
		return ""
	}
	return found
}

// slippedHead returns the one first word of names, such as edge, that w is a slip away from, "" where there is none or several.
func (p *Parser) slippedHead(w string) string {
	found := ""
	for head := range p.fuzzy.heads {
		if len(head) < 3 || distance(head, w, 1) != 1 {
			continue
		}
		if found != "" {
			return ""
		}
		found = head
	}
	return found
}

// smoothSlip reports whether typed differs from right in nothing but two neighbours that changed places, or a letter that is there once too often or once
// too seldom beside its like: slips that make no other word.
func smoothSlip(right, typed string) bool {
	switch len(typed) - len(right) {
	case 0:
		for i := 1; i < len(right); i++ {
			if right[:i-1] == typed[:i-1] && right[i-1] == typed[i] && right[i] == typed[i-1] && right[i+1:] == typed[i+1:] {
				return right != typed
			}
		}
	case 1:
		return doubled(right, typed)
	case -1:
		return doubled(typed, right)
	}
	return false
}

// doubled reports whether long is short with one of its letters twice.
func doubled(short, long string) bool {
	for i := range short {
		if long == short[:i+1]+short[i:] {
			return true
		}
	}
	return false
}

// learnSlips makes the index of words with a letter left out, by which a slip of the finger is found without looking at every word.
func (v *vocabulary) learnSlips(c *Catalog) {
	v.cues, v.grammar, v.times = map[string]bool{}, map[string]bool{}, map[string]bool{}
	all := map[string]bool{}
	for w := range v.words {
		all[w] = true
	}
	for _, known := range []map[string]bool{v.generic, v.function, v.shifting} {
		for w := range known {
			all[w] = true
		}
	}
	for w := range v.forms {
		all[w] = true
	}
	for w := range c.lexicon {
		all[w], v.grammar[w] = true, true
	}
	for _, w := range when.Vocabulary() {
		all[w], v.grammar[w], v.times[w], v.real[w] = true, true, true, true
	}
	c.cues.words(func(w string) { all[w], v.cues[w], v.real[w] = true, true, true })
	v.learnStern(c.cues)
	numbers := numberWords()
	put := func(key, w string) {
		first, taken := v.slips[key]
		if !taken {
			first = -1
		}
		v.slips[key] = int32(len(v.near))
		v.near = append(v.near, slipWord{w, first})
	}
	for _, w := range slices.Sorted(maps.Keys(all)) {
		if len(w) < 4 || strings.ContainsAny(w, ".0123456789") || strings.HasPrefix(w, "x") || slices.Contains(numbers[:], w) {
			continue // numbers are exact, in words too
		}
		put(w, w)
		for i := range len(w) {
			if i == 0 || w[i] != w[i-1] {
				put(w[:i]+w[i+1:], w)
			}
		}
	}
}

// slipWord is a word of the index of slips, and the next one with the same letters left.
type slipWord struct {
	word string
	next int32
}

// corrected returns the one word that w is a slip of the finger away from, "" where there is none. Of several, neighbours that changed places and doubled
// letters come first, then the words that people say most here; a verb comes last where another word is one already.
func (v *vocabulary) corrected(w string, at slipPlace) string {
	if len(w) < 3 || len(w) > 24 || v.real[w] {
		return ""
	}
	var found [12]string
	n := 0
	v.closeTo(w, w, &found, &n)
	for i := range len(w) {
		v.closeTo(w[:i]+w[i+1:], w, &found, &n)
	}
	if n == len(found) {
		return ""
	}
	best, rank, tie := "", 0, false
	for _, hit := range found[:n] {
		r := v.slipRank(hit, w, at)
		switch {
		case r < 0:
		case best == "" || r < rank:
			best, rank, tie = hit, r, false
		case r == rank:
			tie = true
			if best == "could" && hit == "would" || best == "would" && hit == "could" { // they ask alike
				best, tie = "could", false
			}
		}
	}
	if tie {
		return ""
	}
	return best
}

// slipRank says how likely hit was meant where w was typed: the less, the likelier; -1 where it must not be taken for it.
func (v *vocabulary) slipRank(hit, w string, at slipPlace) int {
	smooth := smoothSlip(hit, w)
	switch {
	case at.first && hit == "please":
		return 0
	case len(w) < 4 && !v.cues[hit] && !(at.head && v.heads(hit)):
		return -1
	case selecting(hit) && !at.first && !at.timely && !smooth && len(hit) < 8 || unasked(hit) && !smooth && len(hit) == len(w) && len(hit) < 8:
		return -1 // it would widen what is done, or do what needs no object
	}
	l, bent := v.forms[hit]
	verb := bent && l.form == formBase && v.anyActs(hit)
	rank := 0
	switch {
	case at.timely && v.times[hit], v.stern[hit]:
		rank = 0
	case at.head && v.heads(hit):
		rank = 0
	case at.head && v.grammar[hit], v.cues[hit]:
		rank = 1
	case v.heads(hit):
		rank = 2
	case v.grammar[hit]:
		rank = 3
	case v.words[hit] != nil || v.function[hit] || v.generic[hit] || v.shifting[hit]:
		rank = 4
	case bent && l.form == formBase:
		rank = 5
	default:
		rank = 6
	}
	if verb && at.ordered && !at.head {
		rank += 4
	}
	if !smooth {
		rank += 10
	}
	if rank *= 2; len(hit) != len(w) {
		rank++
	}
	return rank
}

// heads reports whether a catalogue file names w as a verb.
func (v *vocabulary) heads(w string) bool {
	k, ok := v.words[w]
	return ok && slices.ContainsFunc(k.heads, func(bits uint64) bool { return bits != 0 })
}

// selecting reports whether w selects nodes, so that a word taken for it would widen what is done.
func selecting(w string) bool {
	switch w {
	case "all", "every", "everything", "nodes", "edges", "macs", "macos", "each", "both":
		return true
	}
	return false
}

// unasked reports whether w does something that needs no object.
func unasked(w string) bool {
	switch w {
	case "pause", "resume", "unpause", "automation", "automations":
		return true
	}
	return false
}

// closeTo adds to found the words that have key left without one letter and are one slip away from w.
func (v *vocabulary) closeTo(key, w string, found *[12]string, n *int) {
	at, ok := v.slips[key]
	for ; ok && at >= 0; at = v.near[at].next {
		hit := v.near[at].word
		if *n == len(found) || slices.Contains(found[:*n], hit) || distance(hit, w, 1) > 1 {
			continue
		}
		found[*n] = hit
		*n++
	}
}
