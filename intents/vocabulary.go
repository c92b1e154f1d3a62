package intents

import (
	"maps"
	"slices"
	"strings"
)

// classSet is a set of intents by their place in the catalogue.
type classSet []uint64

func (s classSet) has(class int) bool { return class>>6 < len(s) && s[class>>6]&(1<<(class&63)) != 0 }

func (s classSet) add(class int) { s[class>>6] |= 1 << (class & 63) }

// knownWord is what is known of one word.
type knownWord struct {
	said  classSet // the intents in whose phrases or patterns it stands
	verbs classSet // the intents whose action verb it is
	heads classSet // the intents whose catalogue file names it as a verb

	changes bool // it is the action verb of an intent that changes something
	heavy   bool // and the catalogue file of that intent names it
}

// vocabulary knows the words of the language: which intents they belong to, which are verbs, which say nothing.
type vocabulary struct {
	words    map[string]*knownWord
	forms    map[string]lemma // every form of every action verb
	alien    map[string]bool
	function map[string]bool
	shifting map[string]bool
	generic  map[string]bool
	holds    map[string]bool     // verbs of intents that take a whole command or a text
	real     map[string]bool     // words that are no slip of the finger
	cues     map[string]bool     // words of the phrases that say how something is meant
	grammar  map[string]bool     // words of the exact grammar and of times
	times    map[string]bool     // words of times
	stern    map[string]bool     // words that hold a sentence back: never, unless
	starred  map[string][]string // phrases of two and three words that do, with a star for one of them → what stands there
	slips    map[string]int32    // a word without one of its letters → the first of near that has it
	near     []slipWord
	pairs    map[pairOf]bool      // prepositions with the word behind them, as phrases have them
	info     map[string]*wordInfo // all of this, by word
	nothing  wordInfo             // of words that nobody knows
	opposite []int                // of each class the class that does the contrary, -1 where there is none
	size     int                  // of each set, in words of 64 bits
}

// pairOf is a preposition and the word behind it in a phrase of an intent: "in maintenance".
type pairOf struct {
	before, word string
	class        int
}

// newVocabulary collects the words of c.
func (c *Catalog) newVocabulary() *vocabulary {
	v := &vocabulary{
		words: map[string]*knownWord{}, pairs: map[pairOf]bool{}, forms: map[string]lemma{}, alien: set(alienVerbs()), generic: set(genericWords()), function: set(functionWords()), shifting: set(shiftingWords()), holds: map[string]bool{}, real: set(realWords()),
		slips: map[string]int32{}, size: (len(c.specs) + 64) / 64,
	}
	common := set(commonVerbs())
	for w := range common {
		bend(v.forms, w)
	}
	for class, spec := range c.specs {
		if slices.ContainsFunc(spec.Slots, func(s SlotSpec) bool { return s.kind == kindCommand || s.kind == kindText }) {
			for _, verb := range slices.Concat(spec.Verbs, spec.Words) {
				if !light(verb) {
					v.holds[verb] = true
				}
			}
		}
		v.opposite = append(v.opposite, c.classOf(spec.Opposite))
		v.takeSpec(c, spec, class, common)
	}
	for _, base := range slices.Sorted(maps.Keys(v.forms)) {
		if v.forms[base].form != formBase || len(base) < 3 {
			continue
		}
		for _, prefix := range []string{"un", "re", "de", "dis"} {
			if _, taken := v.forms[prefix+base]; !taken {
				v.forms[prefix+base] = lemma{prefix + base, formBase}
			}
		}
	}
	for form, base := range irregularForms() {
		v.forms[form] = lemma{base, formPast}
	}
	for w := range v.alien {
		bend(v.forms, w)
	}
	v.weigh(c)
	v.index(c)
	for class, spec := range c.specs {
		for i := range spec.Phrases {
			v.takeOrder(c, spec.Phrases[i].Text, class)
		}
	}
	for i := range c.none {
		for w := range strings.FieldsSeq(c.maskPhrase(c.none[i].Text)) {
			v.real[w] = true
		}
	}
	v.learnSlips(c)
	v.index(c)
	return v
}

// weigh notes which verbs change something.
func (v *vocabulary) weigh(c *Catalog) {
	for _, k := range v.words {
		for class, spec := range c.specs {
			k.changes = k.changes || k.verbs.has(class) && spec.Risk.Changes()
			k.heavy = k.heavy || k.heads.has(class) && spec.Risk.Changes()
		}
	}
}

// takeSpec takes in the words of one intent.
func (v *vocabulary) takeSpec(c *Catalog, spec *Spec, class int, common map[string]bool) {
	for _, verb := range slices.Concat(spec.Verbs, spec.Words) {
		words := strings.Fields(verb)
		for i, w := range words {
			v.word(w).said.add(class)
			if i == 0 {
				v.word(w).verbs.add(class)
				v.word(w).heads.add(class)
			}
		}
		if head := words[0]; spec.Risk.Changes() {
			bend(v.forms, head)
		}
	}
	for _, r := range c.byName[spec.Name] {
		v.takePattern(r.pattern, class, common)
	}
	for i := range spec.Phrases {
		before := ""
		for w := range strings.FieldsSeq(c.maskPhrase(spec.Phrases[i].Text)) {
			if v.take(w, class, common); preposition(before) {
				v.pairs[pairOf{before, w, class}] = true
			}
			before = w
		}
	}
}

// takePattern takes in the words of a pattern.
func (v *vocabulary) takePattern(e *expr, class int, common map[string]bool) {
	if e.op == opWord {
		v.take(e.text, class, common)
	}
	for _, kid := range e.kids {
		v.takePattern(kid, class, common)
	}
}

// take takes in the word w of an intent.
func (v *vocabulary) take(w string, class int, common map[string]bool) {
	if v.shifting[w] {
		return // it counts within an order alone: takeOrder
	}
	v.word(w).said.add(class)
	if base := v.base(w); common[base] || v.word(base).verbs.has(class) {
		v.word(base).verbs.add(class)
	}
}

// takeOrder takes in the words of a phrase that stand within its order: elsewhere they tell why.
func (v *vocabulary) takeOrder(c *Catalog, text string, class int) {
	s, ok := c.maskedSaying(text)
	if !ok {
		return
	}
	s.look(v)
	s.listen(c.cues)
	v.divide(s)
	verb := v.order(s)
	for i := range s.words {
		if w := s.words[i].low; v.shifting[w] && s.cues[i] == cueNone && s.of[i] < 0 && (verb < 0 && !c.specs[class].Risk.Changes() || verb >= 0 && s.clause[i] == s.clause[verb]) {
			v.word(w).said.add(class)
		}
	}
}

// word returns what is known of w.
func (v *vocabulary) word(w string) *knownWord {
	k, ok := v.words[w]
	if !ok {
		k = &knownWord{said: make(classSet, v.size), verbs: make(classSet, v.size), heads: make(classSet, v.size)}
		v.words[w] = k
	}
	return k
}

// base returns the base form of the verb w, w itself where it is none.
func (v *vocabulary) base(w string) string {
	if l, ok := v.forms[w]; ok {
		return l.base
	}
	return w
}

// turned reports whether w is a verb turned into its contrary: "unmark", "disapprove".
func (v *vocabulary) turned(w string) bool {
	for _, prefix := range []string{"un", "dis", "de"} {
		rest, ok := strings.CutPrefix(w, prefix)
		if l, known := v.forms[rest]; ok && known && len(rest) > 2 && l.form == formBase {
			return true
		}
	}
	return false
}

// headClass returns the one intent whose catalogue file names w as a verb, -1 where there is none or several.
func (v *vocabulary) headClass(w string) int {
	k, ok := v.words[v.base(w)]
	if !ok {
		return -1
	}
	found := -1
	for class := range v.opposite {
		if k.heads.has(class) {
			if found >= 0 {
				return -1
			}
			found = class
		}
	}
	return found
}

// named reports whether the catalogue file of class names w as a verb.
func (v *vocabulary) named(w string, class int) bool {
	k, ok := v.words[v.base(w)]
	return ok && k.heads.has(class)
}

// anyActs reports whether w is an action verb of any intent.
func (v *vocabulary) anyActs(w string) bool {
	k, ok := v.words[v.base(w)]
	return ok && slices.ContainsFunc(k.verbs, func(bits uint64) bool { return bits != 0 })
}

// light reports whether w is a verb that says nothing without its object: "put the ack away".
func light(w string) bool {
	switch w {
	case "put", "get", "take", "let", "make", "give", "set", "bring", "do", "have", "go", "keep", "shut", "turn", "throw", "send", "hand", "move", "pull", "push", "run", "start", "stop", "switch", "look", "come", "leave":
		return true
	}
	return false
}

// known reports whether w is a word at all: one of the language, of the catalogue, or of what asks for nothing.
func (v *vocabulary) known(w string) bool {
	if v.real[w] || v.generic[w] || v.function[w] || v.shifting[w] {
		return true
	}
	if _, ok := v.words[w]; ok {
		return true
	}
	_, ok := v.forms[w]
	return ok
}

// set returns the words of text as a set.
func set(text string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		out[w] = true
	}
	return out
}

// favours reports which of two opposite classes the verbs of s speak for: above 0 for a, below 0 for b. A verb speaks for the one that has it where the
// other does not; the verbs that a catalogue file names count most.
func (v *vocabulary) favours(s *saying, a, b int) int {
	n := 0
	for i := range s.words {
		if s.of[i] >= 0 || s.cues[i] == cuePolite {
			continue
		}
		w, info := s.words[i].low, s.info[i]
		if !info.verb && !info.acts && !reversal(w) {
			continue
		}
		if k, ok := v.words[info.base(w)]; ok && k.heads.has(a) != k.heads.has(b) && !(k.said.has(a) && k.said.has(b)) {
			if n += 3; k.heads.has(b) {
				n -= 6
			}
			continue
		}
		if !info.verb && !reversal(w) {
			continue
		}
		switch inA, inB := info.says(a), info.says(b); {
		case inA && !inB:
			n++
		case inB && !inA:
			n--
		}
	}
	return n
}

// reversal reports whether w turns what is said into its contrary: "un-drain", "back", "off", "cancel".
func reversal(w string) bool {
	return slices.Contains([]string{"back", "undo", "remove", "cancel", "stop", "end", "lift", "withdraw", "revoke", "disable", "off", "return", "restore", "rejoin", "resume", "reinstate", "release", "unset", "rid", "revert"}, w) ||
		strings.HasPrefix(w, "un-") || strings.HasPrefix(w, "de-")
}

// functionWords only hold a sentence together.
func functionWords() string {
	return `a an the this that these those it its they them their there here you me us my your our his her him of in on at by for from with into onto out off up down over under again about between through during and so yet then
as to 's 'll 'd 've 're 'm all any some both thing things stuff content contents few more most much many lot lots bit little other another such same own one ones everything anything something please thanks now just only also too very really quite rather pretty
almost maybe perhaps today tonight soon first second last next new old whole entire full complete completely totally fully properly correctly quickly fast slowly slow carefully back away together ahead around right well ok okay sorry hello hi hey
oh ah immediately beforehand everywhere upfront thoroughly entirely altogether wholly freshly anew temporarily briefly promptly swiftly gently safely manually individually separately likewise simply straight already properly super extra exactly actually definitely certainly surely hopefully kindly both simultaneously immediately currently still later before because since like not no yes once`
}

// shiftingWords change what a sentence says, unless a phrase of the intent has them: who does it, whether it was done, what is left out.
func shiftingWords() string {
	return `is are was were be been being am do does did has have had having will would shall should can could may might must i we he she they who whom whose which what where when why how if or nor than but except excluding without besides apart
minus instead every each daily hourly weekly nightly monthly always regularly periodically constantly ever forever awhile yesterday ago earlier nothing nobody none nowhere somebody someone everybody everyone anybody anyone`
}

// genericWords are what people call machines, caches and trouble; they say nothing about which intent is meant.
func genericWords() string {
	return `box boxes machine machines host hosts server servers node nodes edge edges system systems site sites place cache caches traffic viewers viewer people users customers load object objects file files
data page pages stream streams channel channels service services team ops night morning evening afternoon good bad fine better best worse worst great nice wrong broken weird strange odd funny issue issues problem problems error errors trouble
fault incident outage stale outdated dead down sick busy overloaded hot cold hour hours minute minutes second seconds day days week time times moment while until after half quarter noon midnight week weeks month months weekend monday tuesday wednesday thursday friday saturday sunday looks look looking seems seem seeming feels acting behaving going getting
happening says said say know think want need needs sure`
}
