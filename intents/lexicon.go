package intents

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
	firstFreeWord
)

// structureWords returns the words of the constants above, in their order.
func structureWords() []string {
	return []string{
		"", "and", "then", "please", "all", "every", "each", "the", "except", "but", "excluding", "without",
		"through", "thru", "to", "in", "at", "on", "of", "from", "with", "for", "site", "node", "nodes", "edge", "edges", "label",
		"run", "mac", "macs", "macos", "darwin", "linux", "deployment", "channel", "segment", "vni", "until", "everything",
	}
}

// reserved reports whether a bare w is never taken as a name: it must be quoted or given as a flag's value.
// w is in lower case.
func reserved(w string) bool {
	switch w {
	case "a", "an", "and", "or", "nor", "not", "no", "yes", "never", "dont", "don't", "then", "please", "all", "every", "each", "any",
		"the", "except", "but", "excluding", "without", "through", "thru", "to", "in", "at", "on", "of", "from", "with", "for", "by", "as",
		"site", "node", "nodes", "edge", "edges", "label", "run", "if", "unless", "when", "once", "until", "while", "is", "are", "was", "it",
		"them", "this", "that", "these", "those", "now", "me", "my", "everything", "nothing", "same", "last", "vni", "deployment", "channel", "segment",
		"r", "wait", "stop", "actually", "sorry", "instead", "what", "who", "how", "why", "where", "which", "should", "can", "could", "would":
		return true
	}
	return false
}

// numberWord returns the digits for "zero" to "twenty" and the tens up to "ninety", "" for any other word.
func numberWord(w string) string {
	switch w {
	case "zero":
		return "0"
	case "one":
		return "1"
	case "two":
		return "2"
	case "three":
		return "3"
	case "four":
		return "4"
	case "five":
		return "5"
	case "six":
		return "6"
	case "seven":
		return "7"
	case "eight":
		return "8"
	case "nine":
		return "9"
	case "ten":
		return "10"
	case "eleven":
		return "11"
	case "twelve":
		return "12"
	case "thirteen":
		return "13"
	case "fourteen":
		return "14"
	case "fifteen":
		return "15"
	case "sixteen":
		return "16"
	case "seventeen":
		return "17"
	case "eighteen":
		return "18"
	case "nineteen":
		return "19"
	case "twenty":
		return "20"
	case "thirty":
		return "30"
	case "forty":
		return "40"
	case "fifty":
		return "50"
	case "sixty":
		return "60"
	case "seventy":
		return "70"
	case "eighty":
		return "80"
	case "ninety":
		return "90"
	}
	return ""
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
