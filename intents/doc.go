// Package intents turns words into an Intent: what a person types, what a rule or a job has to do.
//
// In comes an Utterance: the text, the clock and the zone of who speaks, the kind of door, what the person did last. Out comes a Parsed: a Decision
// (act, confirm, ask, answer, refuse), the Intents in the order said, and a reason that a person can read. The package is pure: no network, no disk, no
// clock but the one handed in. What it does not clearly understand as a command to do now, it refuses or asks back; it never guesses on digits.
//
// Read parser.go first, then understand.go. An exact grammar reads first:
//
//	normalise.go markup.go   one form of characters; mentions, links and back-ticks taken off; quoted and hostile text refused
//	token.go                 words and flags; commands split at "then", ";" and line ends
//	matcher.go               the automaton of all patterns is walked over the words
//	value.go lookup.go       what a word means in its place; nodelist.go and selector.go for nodes, url.go, span.go and clock.go for the rest
//	schedule.go jobcommand.go freeword.go   times and commands of jobs; reasons, services and new names
//	understand.go            exactly one reading: the table of risks decides
//	unfinished.go wrong.go   one that lacks something, or holds values that are wrong (fault.go): questions
//	hint.go                  no reading: why not, and what to type instead
//	answer.go                the next line answers the question
//
// What the grammar does not read is taken apart (hearing.go, freetext.go); Utterance.Exact forbids that. Statistics name the intent, rules decide:
//
//	saying.go cue.go cuetable.go   words without punctuation; phrases of courtesy, of questions, of doubt
//	slip.go fuzzy.go               slips of the finger: always shown, never in a digit
//	entity.go entityname.go entityform.go   things of the inventory, times, URLs, numbers: masked
//	mood.go tell.go                is it an order to do now? If not: what can be shown instead
//	courtesy.go several.go         an exact command in courtesy; several orders in one text
//	guess.go learn.go limits.go vocabulary.go wordinfo.go   the classifier (classify) and the words of each intent, from the catalogue's phrases
//	frame.go place.go preset.go anaphora.go   its slots filled, also with what "it" means
//	leftover.go gate.go            what speaks against it: another's verb, a word that nothing explains, the contrary
//	doubt.go request.go            the decision where something is in doubt, and for what only shows
//	overlay.go                     examples of operators
//
// The patterns come from catalogfile.go and pattern.go, become a net in automaton.go and deterministic in subset.go, so that the time of a parse
// depends neither on how many intents there are nor on how many names. canonical.go is the way back, from an Intent to its text.
//
// # Catalogue files
//
// Each intent is one file in catalog/, called after it; another intent is another file and nothing else. A header says what it is:
//
//	intent:   cache.purge
//	risk:     disruptive                                        read, reversible, disruptive or destructive
//	help:     one line for `help`
//	slots:    url+ or tag or prefix or deployment, [node+]      + takes several, [ ] is optional, name:type where they differ
//	options:  soft dry-run reason=text                          flags that are no slots: switches, and those with a value
//	verbs:    purge, invalidate                                 the first is the one that canonical text uses
//	words:    throw out, drop                                   other verbs that free text may order it with
//	undo:     how to take it back
//	confirm:  Flush {node}?                                     the question before the yes; a destructive intent must have one
//	opposite: cache.prime
//
// Patterns follow. (a|b) chooses, [a] may be left out, <a|b> takes each phrase at most once in any order, {slot} is a value, {verb} each of the
// verbs, {on} a preposition of place, {is} a form of to be; what stands behind -> is set by the words themselves. The first pattern that fits is the canonical text.
//
//	= {verb} (tag {tag}|{deployment}) [{on} {node}]
//	= soft {verb} {deployment} -> soft
//
// Then utterances, which are tests: those of this intent, and behind ! those that are not, with the intent that they are.
//
//	purge tag ch-news
//	! flush edge-1    cache.flush
//
// Phrases stand behind ~: how people ask for it in their own words, thirty or more, with {node}, {deployment}, {url}, {duration}, {time} and so on where
// values stand (phrase.go). They are what the classifier learns; none.txt holds what asks for nothing. After a change of either, the thresholds in
// catalog/limits are measured anew: go test ./intents -run TestLimits -update; where that was not done, the program measures at its start.
//
//	~ {deployment} shows old pictures, throw it out of the caches
//
// Without being told, every intent understands its name as a verb ("cache.purge news", "cache purge news") and its slots as flags
// (--deployment news, --for 2h where it takes a duration).
//
// # Example
//
//	catalog, err := intents.Load()
//	parser, err := intents.NewParser(catalog, intents.Inventory{Nodes: []intents.Node{{Name: "edge-1"}}})
//	parsed := parser.Parse(intents.Utterance{Text: "flush EDGE 1, please"})
//	parsed.Decision                // confirm: it is destructive
//	parsed.Commands[0].Canonical() // flush edge-1
package intents
