package intents

import (
	"slices"
	"strconv"
)

// word is the number of a word that the grammar knows; wordNone is every other word.
type word = int32

// The words that the grammar itself needs, whatever the catalogue says. Their order is that of structureWords.
const (
	wordNone word = iota
	wordAnd
	wordThen
	wordPlease
	wordAll
	wordEvery
	wordEach
	wordThe
	wordExcept
	wordBut
	wordExcluding
	wordWithout
	wordThrough
	wordThru
	wordTo
	wordIn
	wordAt
	wordOn
	wordOf
	wordFrom
	wordWith
	wordFor
	wordSite
	wordNode
	wordNodes
	wordEdge
	wordEdges
	wordLabel
	wordRun
	wordMac
	wordMacs
	wordMacOS
	wordDarwin
	wordLinux
	wordDeployment
	wordChannel
	wordSegment
	wordVNI
	wordUntil
	wordEverything
	wordBoth
	wordZero      // the first of numberWords
	firstFreeWord = wordZero + 28
)

// structureWords returns the words of the constants above, in their order.
func structureWords() []string {
	words := []string{
		"", "and", "then", "please", "all", "every", "each", "the", "except", "but", "excluding", "without",
		"through", "thru", "to", "in", "at", "on", "of", "from", "with", "for", "site", "node", "nodes", "edge", "edges", "label",
		"run", "mac", "macs", "macos", "darwin", "linux", "deployment", "channel", "segment", "vni", "until", "everything", "both",
	}
	return slices.Concat(words, numberWords())
}

// reserved reports whether a bare w is never taken as a name: it must be quoted, typed ("node on") or given as a
// flag's value. w is in lower case.
func reserved(w string) bool {
	switch w {
	case "site", "node", "nodes", "edge", "edges", "label", "run", "deployment", "channel", "segment", "vni":
		return true
	}
	return joining(w)
}

// joining reports whether w never stands within a name either: between two words of a name it ends it. w is in lower case.
func joining(w string) bool {
	switch w {
	case "a", "an", "and", "or", "nor", "not", "no", "yes", "never", "dont", "don't", "then", "please", "all", "every", "each", "any",
		"the", "except", "but", "excluding", "without", "through", "thru", "to", "in", "at", "on", "of", "from", "with", "for", "by", "as",
		"if", "unless", "when", "once", "until", "while", "is", "are", "was", "it",
		"them", "this", "that", "these", "those", "now", "me", "my", "everything", "nothing", "same", "last",
		"r", "wait", "stop", "actually", "sorry", "instead", "what", "who", "how", "why", "where", "which", "should", "can", "could", "would":
		return true
	}
	return false
}

// numberWords returns the words for numbers that names and lists are said with: "edge two".
func numberWords() []string {
	return []string{
		"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
		"sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
	}
}

// number returns the number that t is, in digits or as a word, in digits; "" where it is none.
func (t *token) number() string {
	switch n := t.word - wordZero; {
	case digits(t.raw):
		return t.raw
	case t.quoted || n < 0 || n >= firstFreeWord-wordZero:
		return ""
	case n > 20:
		return strconv.Itoa(int(n-18) * 10) // behind "twenty" come the tens
	default:
		return strconv.Itoa(int(n))
	}
}

// digits reports whether s is one or more of the digits 0 to 9.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
