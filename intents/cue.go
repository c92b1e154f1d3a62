package intents

import (
	"slices"
	"strings"
)

// cueKind says what a phrase tells about how a sentence is meant.
type cueKind uint8

const (
	cueNone    cueKind = iota
	cuePolite          // courtesy, or a word that fills: it says nothing
	cueWant            // a wish that is a request: "I need you to"
	cueHowto           // how it is done
	cueSuppose         // what would be if
	cueAdvice          // should it be done
	cueReport          // it was done, or somebody does it
	cueFuture          // it may be done later
	cueNot             // a negation
	cueCorrect         // what was said before is taken back
	cueCond            // a condition
	cueQuote           // somebody else's words
	cueSkip            // it asks not to be asked
	cueHostile         // it wants to be obeyed against the rules
	cueAgain           // once more
	cueReason          // what follows is why
	cueKinds
)

// cueNames are the words for the kinds in cueLines, in the order of the constants.
var cueNames = [cueKinds]string{
	"", "polite", "want", "howto", "suppose", "advice", "report", "future", "not", "correct", "cond", "quote", "skip", "hostile", "again", "reason",
}

// String returns the word for k.
func (k cueKind) String() string { return cueNames[k] }

// cue is one phrase of cueLines.
type cue struct {
	kind cueKind
	head bool // counts at the head of a sentence alone
	rest []string
}

// cueTable finds phrases by their first word; of one first word the longest phrase comes first.
type cueTable struct {
	cues    map[string][]cue
	foreign map[string]int // how much a word says that the text is not English: 2 is enough
}

// newCueTable reads cueLines.
func newCueTable() *cueTable {
	t := &cueTable{cues: map[string][]cue{}, foreign: map[string]int{}}
	for _, line := range cueLines() {
		name, phrases, _ := strings.Cut(line, ": ")
		kind := cueKind(slices.Index(cueNames[:], name))
		for phrase := range strings.SplitSeq(phrases, "|") {
			phrase, head := strings.CutPrefix(phrase, "^")
			words := strings.Fields(phrase)
			if len(words) > 0 {
				t.cues[words[0]] = append(t.cues[words[0]], cue{kind, head, words[1:]})
			}
		}
	}
	for _, list := range t.cues {
		slices.SortStableFunc(list, func(a, b cue) int { return len(b.rest) - len(a.rest) })
	}
	for w := range strings.FieldsSeq(foreignWords()) {
		w, strong := strings.CutPrefix(w, "!")
		t.foreign[w] = 1
		if strong {
			t.foreign[w] = 2
		}
	}
	return t
}

// words calls yield with every word of every phrase.
func (t *cueTable) words(yield func(w string)) {
	for first, list := range t.cues {
		yield(first)
		for i := range list {
			for _, w := range list[i].rest {
				yield(w)
			}
		}
	}
}

// at returns the longest phrase that begins at word i of s, and how many words it has. head says that nothing but courtesy came before.
func (t *cueTable) at(s *saying, i int, head bool) (cueKind, int) {
	if s.words[i].quoted {
		return cueNone, 0
	}
	var list []cue
	if len(s.info) > i {
		list = s.info[i].cues
	} else {
		list = t.cues[s.words[i].low]
	}
next:
	for k := range list {
		c := &list[k]
		if c.head && !head || i+len(c.rest) >= len(s.words) {
			continue
		}
		for j, w := range c.rest {
			if word := &s.words[i+1+j]; word.low != w || word.quoted || s.stops(i+j) || s.of[i+1+j] >= 0 {
				continue next
			}
		}
		return c.kind, 1 + len(c.rest)
	}
	return cueNone, 0
}
