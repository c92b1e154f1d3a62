package intents

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mood says how a sentence is meant. Only moodCommand may lead to a change.
type mood uint8

const (
	moodCommand mood = iota // do it, now
	moodShow                // a request to see something
	moodState               // it says how things are
	moodAdvice              // should it be done?
	moodSuppose             // what if?
	moodHowto               // how is it done?
	moodReport              // it was done, or somebody does it
	moodFuture              // it is to be done later, perhaps
	moodNot                 // it is not to be done
	moodCorrect             // it takes back what it says
	moodTrail               // it breaks off
	moodCond                // it is to be done if
	moodQuote               // somebody else's words
	moodSkip                // it asks not to be asked
	moodOther               // it is said to somebody else
	moodHostile             // it wants to be obeyed against the rules
	moodForeign             // not English
	moods
)

// moodNames are for the trace, in the order of the constants.
var moodNames = [moods]string{
	"command", "request to see", "statement", "asks for advice", "what-if", "how-to", "report", "plan for later", "negated", "corrects itself", "trails off",
	"conditional", "quotes", "asks to skip the question", "said to somebody else", "hostile", "another language",
}

// String returns the name of m.
func (m mood) String() string { return moodNames[m] }

// feeling is the mood of a saying and where its order stands.
type feeling struct {
	weak bool // the verb is one by its place alone
	mood mood
	verb int // the word that orders, -1 where none does
	cue  int // the word that decided the mood, -1 where none did
}

// feel finds the mood of s.
func (v *vocabulary) feel(s *saying, t *cueTable) feeling {
	verb := v.order(s)
	for _, ask := range []func(s *saying, verb int) (mood, int){v.forbidden, v.headMood, v.takenBack, v.quoted, v.conditional, v.told} {
		if m, at := ask(s, verb); m != moodCommand {
			return feeling{mood: m, verb: verb, cue: at}
		}
	}
	if foreign(s, t) {
		return feeling{mood: moodForeign, verb: verb, cue: -1}
	}
	switch {
	case s.hesitates:
		return feeling{mood: moodTrail, verb: verb, cue: -1}
	case verb >= 0 && s.question && !s.requests() && v.strong(s, verb):
		return feeling{mood: moodAdvice, verb: verb, cue: -1}
	case verb >= 0:
		return feeling{mood: moodCommand, verb: verb, cue: -1, weak: !s.info[verb].acts && !s.info[verb].alien}
	case s.asks():
		return feeling{mood: moodShow, verb: -1, cue: -1}
	}
	return feeling{mood: moodState, verb: -1, cue: -1}
}

// requests reports whether s asks somebody to do something: "could you", "would you mind", "please".
func (s *saying) requests() bool {
	for i := range s.words {
		if s.cues[i] != cuePolite {
			continue
		}
		switch s.words[i].low {
		case "you", "mind", "please", "pls", "plz", "kindly", "someone", "somebody", "anyone", "anybody", "possible":
			return true
		}
	}
	return false
}

// forbidden finds what is refused whatever else is said.
func (v *vocabulary) forbidden(s *saying, _ int) (mood, int) {
	for i := range s.words {
		w := &s.words[i]
		if strings.HasPrefix(w.raw, "@") && s.of[i] < 0 || strings.HasPrefix(w.raw, "<@") {
			return moodOther, i
		}
		if e := s.of[i]; e >= 0 && i == 0 && s.ents[e].kind == kindPerson && len(s.words) > s.ents[e].to && (s.stops(s.ents[e].to-1) || s.words[s.ents[e].to].low == ":") {
			return moodOther, i
		}
		if s.of[i] < 0 && !w.quoted && (strings.ContainsAny(w.raw, "$|`{}\\<") || strings.Contains(w.raw, "&&")) {
			return moodHostile, i
		}
		if w.low == "as" && i+1 < len(s.words) && s.of[i+1] >= 0 && s.ents[s.of[i+1]].kind == kindPerson {
			return moodHostile, i
		}
	}
	for _, k := range []struct {
		cue  cueKind
		mood mood
	}{{cueHostile, moodHostile}, {cueSkip, moodSkip}} {
		if i := s.find(k.cue, 0); i >= 0 {
			return k.mood, i
		}
	}
	return moodCommand, -1
}

// quoted finds somebody else's words.
func (v *vocabulary) quoted(s *saying, verb int) (mood, int) {
	if verb >= 0 && v.holds[s.words[verb].low] {
		return moodCommand, -1
	}
	if i := s.find(cueQuote, 0); i >= 0 && (v.anyStrong(s) || i == 0) {
		return moodQuote, i
	}
	for i := range s.ents {
		if e := &s.ents[i]; e.kind == kindText && v.ordersWithin(e) && !s.saysWhy(e.from) {
			return moodQuote, e.from
		}
	}
	return moodCommand, -1
}

// ordersWithin reports whether the quoted text e begins like an order.
func (v *vocabulary) ordersWithin(e *entity) bool {
	first, rest, _ := strings.Cut(strings.ToLower(e.values[0]), " ")
	l, ok := v.forms[first]
	return ok && l.form == formBase && rest != ""
}

// saysWhy reports whether a reason stands before word i.
func (s *saying) saysWhy(i int) bool {
	return i > 0 && (s.cues[i-1] == cueReason || slices.Contains([]string{"because", "reason", "for", "teach", "service"}, s.words[i-1].low))
}

// find returns the first word from i on that begins a phrase of kind k, -1 where there is none.
func (s *saying) find(k cueKind, i int) int {
	for ; i < len(s.words); i++ {
		if s.cues[i] == k && s.first[i] {
			return i
		}
	}
	return -1
}

// strong reports whether word i is a form of a verb that some intent acts with.
func (v *vocabulary) strong(s *saying, i int) bool {
	if s.of[i] >= 0 || s.words[i].quoted || s.cues[i] == cuePolite {
		return false
	}
	w := s.info[i]
	return w.verb && (w.alien || w.changes)
}

// anyStrong reports whether s holds such a verb at all.
func (v *vocabulary) anyStrong(s *saying) bool { return v.nextStrong(s, 0, len(s.words)) >= 0 }

// nextStrong returns the first such verb from word i on before end, -1 where there is none.
func (v *vocabulary) nextStrong(s *saying, i, end int) int {
	for ; i < end; i++ {
		if v.strong(s, i) {
			return i
		}
	}
	return -1
}

// headMood reads the phrase that the sentence begins with, behind courtesy.
func (v *vocabulary) headMood(s *saying, verb int) (mood, int) {
	i := 0
	for i < len(s.words) && s.cues[i] == cuePolite {
		i++
	}
	if i == len(s.words) {
		return moodCommand, -1
	}
	any := v.anyForm(s)
	if s.of[i] < 0 && any {
		switch s.words[i].low { // "can edge-2 be flushed"
		case "can", "could", "may", "might", "should", "would", "will", "must", "shall":
			return moodAdvice, i
		}
	}
	if !s.first[i] {
		return moodCommand, -1
	}
	switch s.cues[i] {
	case cueHowto:
		return moodHowto, i
	case cueSuppose:
		return moodSuppose, i
	case cueAdvice:
		if any {
			return moodAdvice, i
		}
		return moodShow, i
	case cueReport:
		switch {
		case verb > i && s.clause[verb] != s.clause[i] && !s.question:
			return moodCommand, -1 // "I'm looking into edge-8, ack it"
		case s.words[i].low == "who" && !v.anyHeavy(s):
			return moodShow, i
		case any:
			return moodReport, i
		case s.question, s.words[i].low == "who", s.words[i].low == "did", s.words[i].low == "has", s.words[i].low == "when":
			return moodShow, i
		}
		return moodState, i
	case cueFuture:
		if any {
			return moodFuture, i
		}
		return moodState, i
	case cueNot:
		return moodNot, i
	}
	return moodCommand, -1
}

// anyForm reports whether s speaks of a deed at all, in whatever form.
func (v *vocabulary) anyForm(s *saying) bool {
	for i := range s.words {
		if v.strong(s, i) || s.of[i] < 0 && v.deed(s.words[i].low) {
			return true
		}
	}
	return false
}

// deed reports whether w is the noun of a deed.
func (v *vocabulary) deed(w string) bool {
	switch w {
	case "failover", "failback", "flush", "purge", "drain", "deletion", "removal", "rollback", "downtime", "maintenance", "reboot", "restart":
		return true
	}
	return false
}

// takenBack finds negations and corrections.
func (v *vocabulary) takenBack(s *saying, verb int) (mood, int) {
	for i := range s.words {
		if !s.first[i] {
			continue
		}
		before := v.nextStrong(s, 0, i) >= 0 || s.entityBefore(i)
		no := s.words[i].low == "no" || s.words[i].low == "nope"
		if s.cues[i] == cueNot && no && i > 0 && s.stops(i-1) && before {
			return moodCorrect, i
		}
		if why := s.reason(i); why && verb >= 0 && (s.cues[i] == cueNot || s.cues[i] == cueCond) {
			return moodNot, i // a reason that may take back what was said must stand in quotation marks
		}
		switch {
		case s.cues[i] == cueCorrect && i > 0 && (s.words[i-1].low == "the" || s.words[i-1].low == "a"): // "end the hold on automation"
		case s.cues[i] == cueCorrect && (before || s.contentBefore(i)):
			return moodCorrect, i
		case s.cues[i] == cueCorrect && !s.contentBefore(i) && slices.Contains([]string{"wait", "hold", "hang", "stop", "never", "forget", "leave"}, s.words[i].low):
			return moodNot, i
		case s.cues[i] == cueCorrect && v.strongInClause(s, i):
			return moodNot, i // "forget it, do not"
		case s.cues[i] == cueNot && i > 0 && (s.stops(i-1) || joins(s.words[i-1].low) && v.bids(s, i+1)) && i+1 < len(s.words):
			return moodNot, i
		case s.cues[i] == cueNot && kills(s.words[i].low):
			return moodNot, i
		case s.cues[i] == cueNot && (v.headInClause(s, i) || verb >= 0 && s.clause[i] == s.clause[verb] || s.entityBehind(i)):
			return moodNot, i
		case s.cues[i] == cueNot && verb < 0 && v.anyStrong(s):
			return moodNot, i
		case s.cues[i] == cueNot && verb >= 0 && s.clause[i] == s.clause[verb]:
			return moodNot, i
		}
	}
	return moodCommand, -1
}

// bids reports whether word i could be what is forbidden: a verb in its base form, or a thing.
func (v *vocabulary) bids(s *saying, i int) bool {
	if i >= len(s.words) {
		return false
	}
	l, ok := s.info[i].bent()
	return s.of[i] >= 0 || ok && l.form == formBase || s.words[i].low == "the"
}

// kills reports whether the negation w, wherever it stands, forbids: "do not", as against "it does not work".
func kills(w string) bool {
	switch w {
	case "don't", "dont", "do", "never", "nobody", "without", "avoid", "neither", "nor", "mustn't", "shouldn't", "should", "must", "needn't", "refrain", "hands", "under":
		return true
	}
	return false
}

// reason reports whether word i stands behind "because" and its like.
func (s *saying) reason(i int) bool {
	why := s.find(cueReason, 0)
	return why >= 0 && i > why
}

// contentBefore reports whether something other than courtesy was said before word i.
func (s *saying) contentBefore(i int) bool {
	for ; i > 0; i-- {
		if s.cues[i-1] != cuePolite && s.of[i-1] < 0 {
			return true
		}
	}
	return false
}

func (s *saying) entityBefore(i int) bool {
	for ; i > 0; i-- {
		if e := s.of[i-1]; e >= 0 && s.ents[e].kind != kindPerson {
			return true
		}
	}
	return false
}

// entityBehind reports whether a thing follows word i, with little between.
func (s *saying) entityBehind(i int) bool {
	for i++; i < len(s.words); i++ {
		if s.of[i] >= 0 {
			return true
		}
		switch s.words[i].low {
		case "the", "on", "in", "for", "at", "a", "of", "to", "from":
		default:
			return false
		}
	}
	return false
}

// strongInClause reports whether the clause of word i holds a verb that some intent acts with.
func (v *vocabulary) strongInClause(s *saying, i int) bool {
	for j := range s.words {
		if s.clause[j] == s.clause[i] && v.strong(s, j) {
			return true
		}
	}
	return false
}

// headInClause reports whether the clause of word i holds a verb that a catalogue file names for an intent that changes something.
func (v *vocabulary) headInClause(s *saying, i int) bool {
	for j := range s.words {
		if s.clause[j] != s.clause[i] || !v.strong(s, j) {
			continue
		}
		if s.info[j].heavy || s.info[j].alien {
			return true
		}
	}
	return false
}

// conditional finds conditions.
func (v *vocabulary) conditional(s *saying, verb int) (mood, int) {
	for i := s.find(cueCond, 0); i >= 0; i = s.find(cueCond, i+1) {
		if w := s.words[i].low; verb >= 0 && v.holds[s.words[verb].low] && (w == "every" || w == "each" || w == "nightly") {
			continue // what a job is about
		}
		if s.cues[i] != cueCond || s.reason(i) {
			continue
		}
		if i > 0 && s.seeing(i-1) || i == len(s.words)-1 && s.words[i].low == "once" {
			continue
		}
		if w := s.words[i].low; (w == "until" || w == "till") && i+1 < len(s.words) && strings.ContainsAny(s.words[i+1].low, "0123456789") {
			continue
		}
		if verb >= 0 || v.anyStrong(s) {
			return moodCond, i
		}
	}
	return moodCommand, -1
}

// seeing reports whether word i asks to look, so that "if" behind it is no condition: "tell me if", "check whether".
func (s *saying) seeing(i int) bool {
	switch s.words[i].low {
	case "me", "us":
		return i > 0 && (s.words[i-1].low == "tell" || s.words[i-1].low == "show" || s.words[i-1].low == "let")
	case "see", "check", "know", "tell", "look":
		return true
	}
	return false
}

// told finds reports and plans in the clause of the deed.
func (v *vocabulary) told(s *saying, verb int) (mood, int) {
	for i := range s.words {
		if !s.first[i] || s.reason(i) || verb >= 0 && verb < i && s.relative(verb, i) {
			continue
		}
		switch s.cues[i] {
		case cueFuture:
			if verb >= 0 && s.clause[i] == s.clause[verb] || v.strongInClause(s, i) {
				return moodFuture, i
			}
		case cueReport:
			if verb < 0 && v.anyForm(s) || verb > i && s.clause[i] == s.clause[verb] {
				return moodReport, i
			}
		case cueAdvice, cueSuppose, cueHowto:
			if v.anyForm(s) && (verb < 0 || s.clause[i] == s.clause[verb] || s.question) {
				return map[cueKind]mood{cueAdvice: moodAdvice, cueSuppose: moodSuppose, cueHowto: moodHowto}[s.cues[i]], i
			}
		}
	}
	if verb >= 0 {
		return moodCommand, -1
	}
	for i := range s.words {
		if s.cues[i] == cueNone && v.strong(s, i) && v.tellsDeed(s, i) {
			return moodReport, i
		}
	}
	return moodCommand, -1
}

// tellsDeed reports whether the verb at i tells that something was done, or is being done: by its form and by what stands before it.
func (v *vocabulary) tellsDeed(s *saying, i int) bool {
	form := s.info[i].lemma.form
	if form == formBase {
		return false
	}
	j := i - 1
	for j >= 0 && s.of[j] < 0 && (s.cues[j] == cuePolite || s.words[j].low == "just" || s.words[j].low == "already" || s.words[j].low == "never") {
		j--
	}
	if j < 0 && (form == formIng || form == formPast && (s.names() || i+1 < len(s.words) && (s.words[i+1].low == "automation" || s.words[i+1].low == "up" || s.words[i+1].low == "downtime"))) {
		return true // "adding node edge-9", "resumed automation"
	}
	if j < 0 {
		return form != formS && i+1 < len(s.words) && (s.of[i+1] >= 0 || s.words[i+1].low == "the" || s.words[i+1].low == "all")
	}
	if e := s.of[j]; e >= 0 {
		return form == formPast || s.ents[e].kind == kindPerson
	}
	switch s.words[j].low {
	case "i", "we", "they", "he", "she", "you", "who", "somebody", "someone", "anyone", "anybody", "nobody", "everybody":
		return true
	case "was", "were", "been", "has", "have", "had", "got", "be", "being":
		return form != formS
	case "is", "are", "am", "'m", "'re", "'s":
		return form == formIng && !s.question
	}
	return false
}

// order returns the word that gives an order, -1 where none does: a verb in its base form that begins a clause, or the deed that a wish is about.
func (v *vocabulary) order(s *saying) int {
	for i := range s.words {
		if s.cues[i] == cueWant && s.first[i] && (i == 0 || !s.tells(i)) {
			if verb := v.wished(s, i); verb >= 0 {
				return verb
			}
		}
	}
	for i := 0; i < len(s.words); i++ {
		if i > 0 && !s.stops(i-1) && !joins(s.words[i-1].low) {
			continue
		}
		if verb := v.orderAt(s, i); verb >= 0 {
			return verb
		}
	}
	return -1
}

// divide counts the clauses of s: they end at punctuation, before another order, and before a reason.
func (v *vocabulary) divide(s *saying) {
	n := int16(0)
	for i := range s.words {
		if w := s.words[i].low; i > 0 && s.of[i] < 0 && (w == "so" || w == "before") && s.cues[i] == cueNone {
			n++ // it tells what for
		} else if i > 0 && (s.stops(i-1) && (s.of[i] < 0 || s.of[i] != s.of[i-1]) || s.cues[i] == cueReason && s.first[i] || joins(s.words[i-1].low) && s.of[i-1] < 0 && v.orderAt(s, i) >= 0) {
			n++
		}
		s.clause[i] = n
	}
}

// tells reports whether a phrase of a report or of a plan stands before word i in its clause.
func (s *saying) tells(i int) bool {
	for j := i - 1; j >= 0 && s.clause[j] == s.clause[i]; j-- {
		if k := s.cues[j]; k != cueNone && k != cuePolite && k != cueWant {
			return true
		}
	}
	return false
}

// joins reports whether w joins two clauses.
func joins(w string) bool {
	switch w {
	case "and", "so", "then", "but", ":", "plus":
		return true
	}
	return false
}

// orderAt returns the verb that a clause which begins with word i orders with, -1 where it is no order.
func (v *vocabulary) orderAt(s *saying, i int) int {
	mind, past := false, false // "would you mind draining", "I'd be glad if you drained"
	for i < len(s.words) && (s.cues[i] == cuePolite || joins(s.words[i].low) || s.performs(i) || s.words[i].low == "just" || s.words[i].low == "also" || s.words[i].low == "then") && s.of[i] < 0 {
		mind = mind || s.words[i].low == "mind" || s.words[i].low == "for" && s.cues[i] == cuePolite
		past = past || s.words[i].low == "if" && s.cues[i] == cuePolite
		i++
	}
	if i < len(s.words) && s.of[i] >= 0 { // "every day at 7 do", "at 6pm flush"
		if k := s.ents[s.of[i]].kind; k == kindSchedule || k == kindTime || k == kindDuration {
			for e := s.of[i]; i < len(s.words) && s.of[i] == e; i++ {
			}
		}
	}
	if i+1 < len(s.words) && s.of[i] < 0 && s.of[i+1] >= 0 {
		switch s.words[i].low { // "on edge-2 flush the cache"
		case "on", "in", "at", "for", "from", "to":
			for i++; i < len(s.words) && s.of[i] >= 0; i++ {
			}
		}
	}
	if i >= len(s.words) || s.of[i] >= 0 || s.words[i].quoted || s.cues[i] != cueNone && s.cues[i] != cueAgain {
		return -1
	}
	if i+1 < len(s.words) && s.words[i+1].low == "of" && s.of[i+1] < 0 && !s.wantsOf(i) {
		return -1 // "the recheck of edge-2": a deed that is spoken of
	}
	l, ok := s.info[i].bent()
	if w := s.words[i].low; (w == "have" || w == "get") && i+1 < len(s.words) && s.of[i+1] >= 0 && !s.question {
		for j := i + 1; j < len(s.words) && s.clause[j] == s.clause[i]; j++ {
			if l, past := s.info[j].bent(); s.of[j] < 0 && past && l.form == formPast && v.strong(s, j) {
				return j // "have edge-2 checked"
			}
		}
	}
	if !ok && v.verbByPlace(s, i) {
		return i
	}
	if s.words[i].low == "do" && i+1 < len(s.words) && s.of[i+1] >= 0 && s.ents[s.of[i+1]].kind == kindText {
		return i
	}
	if s.words[i].low == "do" && i+1 < len(s.words) && slices.Contains([]string{"a", "an", "the", "another", "one", "some"}, s.words[i+1].low) {
		return i
	}
	if !ok || l.form != formBase && !(mind && l.form == formIng) && !(past && l.form == formPast) {
		return -1
	}
	return i
}

// wantsOf reports whether the verb at i is one with "of" behind it: "dispose of edge-2", and "downtime of 2h for edge-2".
func (s *saying) wantsOf(i int) bool {
	switch s.words[i].low {
	case "dispose", "approve", "disapprove":
		return true
	}
	e := int16(-1)
	if i+2 < len(s.words) {
		e = s.of[i+2]
	}
	return e >= 0 && s.ents[e].kind == kindDuration
}

// performs reports whether word i is the I of a deed that is done by saying it: "I approve r-17".
func (s *saying) performs(i int) bool {
	if s.words[i].low != "i" && s.words[i].low != "we" || i+1 >= len(s.words) || s.of[i+1] >= 0 {
		return false
	}
	switch s.words[i+1].low {
	case "approve", "disapprove", "reject", "veto", "ack", "acknowledge", "agree", "decline", "deny":
		return true
	}
	return false
}

// verbByPlace reports whether word i, which begins a clause, can only be a verb that nobody knows: "unregister edge-2", "zero the caches".
func (v *vocabulary) verbByPlace(s *saying, i int) bool {
	w := s.words[i].low
	if len(w) < 3 || !lettered(w) || i+1 >= len(s.words) || s.stops(i) || s.info[i].function || s.info[i].shifting || s.info[i].generic || s.words[i].word != wordNone && s.words[i].word < firstFreeWord {
		return false
	}
	if s.of[i+1] >= 0 {
		k := s.ents[s.of[i+1]].kind
		return k <= kindJob || k == kindRun || k == kindURL
	}
	switch s.words[i+1].low {
	case "the", "its", "all", "every", "each", "out", "off", "up", "away", "our":
		return true
	}
	return false
}

// wished returns the word that says what the wish at word i is about, -1 where it is about no deed.
func (v *vocabulary) wished(s *saying, i int) int {
	want := i
	for i++; i < len(s.words) && s.cues[i] == cueWant && !s.first[i]; i++ {
	}
	for ; i < len(s.words) && s.clause[i] == s.clause[want]; i++ {
		if s.of[i] >= 0 || s.cues[i] != cueNone {
			continue
		}
		if l, ok := s.info[i].bent(); ok && l.form != formS && v.strong(s, i) {
			return i
		}
	}
	if w := s.words[want].low; s.of[want] < 0 && i > want+1 && (w == "we" || w == "make" || w == "be" || w == "see") {
		return want // "we need 4 packagers instead of 2", "make sure sport-1 is hot"
	}
	return -1
}

// asks reports whether s has the form of a question, or of a heading: "alerts in berlin".
func (s *saying) asks() bool {
	if s.question {
		return true
	}
	i := 0
	for i < len(s.words) && s.cues[i] == cuePolite {
		i++
	}
	if i == len(s.words) {
		return false
	}
	switch s.words[i].low {
	case "what", "which", "who", "whose", "where", "when", "how", "why", "is", "are", "does", "do", "any", "anything":
		return true
	}
	for ; i < len(s.words); i++ {
		if s.of[i] >= 0 {
			continue
		}
		if k := s.cues[i]; k == cueReport || k == cueFuture || k == cueNot {
			return false
		}
		switch s.words[i].low {
		case "is", "are", "was", "were", "has", "have", "had", "does", "do", "did", "will", "would", "seems", "looks", "went", "keeps", "'s", "'re", "i", "we", "they", "he", "she", "it", "you", "my", "can", "must", "that":
			return false
		}
	}
	return true
}

// foreign reports whether s is in another language.
func foreign(s *saying, t *cueTable) bool {
	n := 0
	for i := range s.words {
		if s.of[i] >= 0 || s.words[i].quoted {
			continue
		}
		w := s.words[i].low
		n += t.foreign[w]
		if strings.ContainsFunc(w, func(r rune) bool { return r >= utf8.RuneSelf && unicode.IsLetter(r) }) {
			n += 2
		}
		if strings.HasPrefix(w, "¿") || strings.HasPrefix(w, "¡") {
			n += 2
		}
	}
	return n > 1
}
