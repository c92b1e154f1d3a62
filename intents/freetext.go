package intents

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shitops/opsbot/intents/classify"
)

// guess is what the classifier makes of a saying.
type guess struct {
	class, second       int // the two best intents, -1 where there is none
	margin, secondary   float32
	none                float32 // the margin of what asks for nothing
	reading             int     // the best intent that changes nothing
	readingMargin       float32
	words, knownOfWords int
}

// hear takes apart the words of pt that the exact grammar does not read, and finds how they are meant.
func (p *Parser) hear(m *matcher, pt *part, l *learned, tr *tracer) (*saying, feeling) {
	s := &m.saying
	m.vocab = l.vocab
	s.take(p.catalog, pt)
	p.correctSlips(s, l)
	s.look(l.vocab)
	s.greet(p.catalog.cues)
	m.things(s)
	s.listen(p.catalog.cues)
	l.vocab.divide(s)
	f := l.vocab.feel(s, p.catalog.cues)
	if f.mood == moodForeign && !p.foreign(s) {
		f.mood = moodCommand
		if f.verb < 0 {
			f.mood = moodShow
		}
	}
	if tr.on {
		tr.add("words: ", s.String())
		for i := range s.ents {
			e := &s.ents[i]
			tr.add("thing: ", strconv.Quote(e.said(m)), " is ", e.kind.String(), " ", strings.Join(e.values, ", "), " ", e.slip)
		}
		tr.add("mood: ", f.mood.String(), f.because(s))
	}
	return s, f
}

// String returns the words of s.
func (s *saying) String() string {
	said := make([]string, len(s.words))
	for i := range s.words {
		said[i] = s.words[i].low
	}
	return strings.Join(said, " ")
}

// because returns the words that decided the mood, for the trace.
func (f feeling) because(s *saying) string {
	out := ""
	if f.cue >= 0 && f.cue < len(s.words) {
		out = ", by " + strconv.Quote(s.words[f.cue].low)
	}
	if f.verb >= 0 {
		out += "; the verb is " + strconv.Quote(s.words[f.verb].low)
	}
	return out
}

// correctSlips puts words right that are one slip of the finger away from a word that is known.
func (p *Parser) correctSlips(s *saying, l *learned) {
	for i := range s.words {
		t := &s.words[i]
		if dotted := strings.IndexByte(t.low, '.') > 0; dotted && !t.quoted && t.word == wordNone && i < 2 && !strings.ContainsAny(t.low, "0123456789/:") {
			if near := closest(t.low, p.catalog.names()); near != "" {
				s.slips = append(s.slips, "taking "+t.raw+" as "+near)
				s.words[i], s.fixed[i] = p.catalog.token(near, false), true
			}
			continue
		}
		if t.quoted || t.word != wordNone || len(t.low) < 4 || strings.ContainsAny(t.low, "0123456789/.=_:-") || l.vocab.known(t.low) || p.knows(t) {
			continue
		}
		if right := l.vocab.corrected(t.low); right != "" {
			s.slips = append(s.slips, "taking "+t.raw+" as "+right)
			fresh := p.catalog.token(right, false)
			fresh.comma, fresh.end = t.comma, t.end
			s.words[i], s.fixed[i] = fresh, true
		}
	}
}

// names returns the names of all intents.
func (c *Catalog) names() []string {
	out := make([]string, len(c.specs))
	for i, spec := range c.specs {
		out[i] = spec.Name
	}
	return out
}

// foreign reports whether s is in another language although the inventory may have names that are words of it.
func (p *Parser) foreign(s *saying) bool {
	own := saying{words: make([]token, 0, len(s.words)), of: s.of}
	for i := range s.words {
		if !p.knows(&s.words[i]) && (p.catalog.cues.foreign[s.words[i].low] == 0 || !p.startsName(s.words[i].low)) {
			own.words = append(own.words, s.words[i])
		}
	}
	own.of = make([]int16, len(own.words))
	for i := range own.of {
		own.of[i] = -1
	}
	return foreign(&own, p.catalog.cues)
}

// knows reports whether the inventory has the name t.
func (p *Parser) knows(t *token) bool {
	key, ok := appendKey(nil, t.raw)
	if !ok {
		return false
	}
	_, ok = p.names.keys[string(key)]
	return ok
}

// startsName reports whether a name of the inventory has w for its first word.
func (p *Parser) startsName(w string) bool { return p.fuzzy.heads[w] }

// guess asks the classifier.
func (p *Parser) guess(m *matcher, l *learned, masked string, tr *tracer) guess {
	scratch := l.pool.Get().(*classify.Scratch)
	defer l.pool.Put(scratch)
	best := l.model.Score(scratch, masked)
	m.margins = l.model.Margins(scratch, m.margins[:0])
	g := guess{class: -1, second: -1, reading: -1, words: best.Words, knownOfWords: best.Known}
	if best.Class < 0 {
		return g
	}
	specs := p.catalog.specs
	for class, margin := range m.margins[:len(specs)] {
		switch {
		case g.class < 0 || margin > g.margin:
			g.second, g.secondary = g.class, g.margin
			g.class, g.margin = class, margin
		case g.second < 0 || margin > g.secondary:
			g.second, g.secondary = class, margin
		}
		if !specs[class].Risk.Changes() && (g.reading < 0 || margin > g.readingMargin) {
			g.reading, g.readingMargin = class, margin
		}
	}
	g.none = m.margins[len(specs)]
	if tr.on && g.second >= 0 {
		tr.add("classifier: ", strconv.Quote(masked), ": ", specs[g.class].Name, " ", decimal(g.margin), ", ", specs[g.second].Name, " ", decimal(g.secondary),
			", nothing ", decimal(g.none), "; low ", decimal(l.limits.Low), ", high ", decimal(l.limits.High), ", gap ", decimal(l.limits.Gap))
	}
	return g
}

// decimal writes a margin.
func decimal(x float32) string { return strconv.FormatFloat(float64(x), 'f', 2, 32) }

// free reads the words of pt that the exact grammar does not.
func (p *Parser) free(m *matcher, l *learned, pt *part, s *saying, f feeling, tr *tracer) outcome {
	if o, ok := p.again(m, s); ok {
		return o
	}
	if o, ok := p.courteous(m, pt, s, tr); ok {
		return o
	}
	if f.mood == moodCommand {
		if o, ok := p.several(m, pt, s, f, l, tr); ok {
			return o
		}
	}
	g := p.guess(m, l, s.mask(), tr)
	if f.mood == moodCommand && (g.margin < l.limits.High || g.none > g.margin) {
		if order := s.maskClause(s.clause[f.verb]); order != "" {
			if own := p.guess(m, l, order, tr); own.class >= 0 && own.margin > g.margin {
				g = own
			}
		}
	}
	if g.class < 0 || g.margin < l.limits.Low || g.none > g.margin {
		if o, ok := p.verbOnly(m, s, f, l); ok {
			return o
		}
		return p.nothing(m, s, f, pt)
	}
	class := g.class
	if f.mood != moodCommand && p.catalog.specs[class].Risk.Changes() {
		if o, ok := p.bareOrder(m, s, f, g, l, class); ok {
			return o
		}
		if g.reading < 0 || g.readingMargin < l.limits.Low || f.mood == moodState {
			return p.told(m, s, f, g, l, pt)
		}
		class = g.reading
	}
	certain := class == g.class && g.margin >= l.limits.High && g.margin-max(g.secondary, g.none) >= l.limits.Gap
	if f.mood == moodState && (!certain || p.catalog.specs[class].Risk.Changes()) {
		return p.told(m, s, f, g, l, pt)
	}
	fr := p.frame(m, s, l, class, f)
	fr.trace(tr)
	if better := p.fitting(m, s, f, fr, g, l); better != nil {
		fr = better
		fr.trace(tr)
	}
	if f.verb >= 0 && !fr.spec.Risk.Changes() && l.vocab.strong(s, f.verb) && !l.vocab.acts(s.words[f.verb].low, class) && !l.vocab.says(s.words[f.verb].low, class) {
		tr.add("gate: ", strconv.Quote(s.words[f.verb].low), " is no verb of ", fr.spec.Name)
		return p.nothing(m, s, f, pt)
	}
	if why := p.flagged(m, pt, fr); why != "" {
		return refuse(why)
	}
	if !fr.spec.Risk.Changes() {
		if fr.odd != "" || fr.loose(s) || !fr.plainly(s, l.vocab, certain) && (fr.shift != "" && !s.question || !fr.specific(s, l.vocab, g, l)) {
			tr.add("gate: nothing in it is about ", fr.spec.Name)
			return p.nothing(m, s, f, pt)
		}
		o := p.toSee(fr, g, l)
		if o.decision == Act && fr.spec.Name == "help" && f.mood != moodCommand {
			o.decision, o.because = Answer, "a question; this is how it is said"
		}
		if o.decision == Act && f.mood == moodState {
			o.decision, o.because = Answer, "a statement, not an order; this is how it stands"
		}
		return o
	}
	return p.toChange(m, pt, s, f, fr, g, l, tr)
}

// verbOnly asks for what is missing where nothing but a verb of the catalogue and words like "that one" are said.
func (p *Parser) verbOnly(m *matcher, s *saying, f feeling, l *learned) (outcome, bool) {
	if f.mood != moodCommand || len(s.words) > 6 {
		return outcome{}, false
	}
	class := l.vocab.headClass(s.words[f.verb].low)
	for i := range s.words {
		if w := s.words[i].low; i != f.verb && s.cues[i] != cuePolite && (s.of[i] >= 0 || !l.vocab.function[w]) {
			return outcome{}, false
		}
	}
	if class < 0 {
		return outcome{}, false
	}
	fr := p.frame(m, s, l, class, f)
	group := fr.spec.missing(fr.slots)
	o := fr.outcome(p)
	switch {
	case group != nil:
		o.decision, o.sure = Ask, 0.7
		p.askFor(&o, group)
	case len(fr.from) > 0:
		o.sure, o.because = 0.75, fr.readAs(p, &o)
		p.lessSure(&o)
	default:
		return outcome{}, false
	}
	return o, true
}

// bareOrder asks about words that name a deed and give no order: "full flush of edge-2". What to type is said.
func (p *Parser) bareOrder(m *matcher, s *saying, f feeling, g guess, l *learned, class int) (outcome, bool) {
	if f.mood != moodShow || s.question || g.margin < l.limits.High {
		return outcome{}, false
	}
	fr := p.frame(m, s, l, class, f)
	if !fr.whole() || !fr.own && !fr.verb || fr.contra || fr.later || fr.shift != "" || fr.odd != "" || len(fr.spare) > 0 || len(fr.alien) > 0 || len(fr.weak) > 0 {
		return outcome{}, false
	}
	o := fr.outcome(p)
	if s.begs() {
		o.sure, o.because = 0.75, fr.readAs(p, &o)
		p.lessSure(&o)
		return o, true
	}
	o.decision, o.sure, o.because = Ask, 0.5, "it gives no order; nothing is done"
	o.question = "Do you mean this? Then type: " + p.catalog.canonical(&o.intent)
	return o, true
}

// asksFirst reports whether something follows a question mark.
func (s *saying) asksFirst() bool { return s.question && s.asked < len(s.words) }

// begs reports whether somebody says please or thanks.
func (s *saying) begs() bool {
	return slices.ContainsFunc(s.words, func(t token) bool {
		switch t.low {
		case "please", "pls", "plz", "kindly", "thanks", "thank", "thx":
			return !t.quoted
		}
		return false
	})
}

// clocked reports whether s speaks of a job or of a schedule, outside the command that the job is to say.
func (fr *frame) clocked(s *saying) bool {
	for i := range s.words {
		if s.of[i] >= 0 || s.words[i].quoted || i >= fr.command[0] && i < fr.command[1] {
			continue
		}
		switch s.words[i].low {
		case "job", "jobs", "schedule", "scheduled", "timer", "cron", "crontab", "recurring", "automate", "automatically", "plan", "regularly", "periodically", "add", "create", "set", "make", "run", "do", "repeat", "register", "have", "let", "say":
			return true
		}
	}
	return false
}

// fitting returns the frame of the second best intent where the things that are spoken of fit that one alone: a tag is purged, not flushed.
func (p *Parser) fitting(m *matcher, s *saying, f feeling, fr *frame, g guess, l *learned) *frame {
	if fr.class != g.class || g.second < 0 || g.secondary < l.limits.Low || f.mood != moodCommand || !fr.spec.Risk.Changes() || fr.whole() && len(fr.spare) == 0 {
		return nil
	}
	other := p.frame(m, s, l, g.second, f)
	if heads := l.vocab.headClass(s.words[max(f.verb, 0)].low); heads == fr.class {
		return nil // the verb itself says which
	}
	if !other.whole() || len(other.spare) > 0 || !other.verb || other.contra || other.object != "" || len(other.faults) > 0 || !other.spec.Risk.Changes() {
		return nil
	}
	other.bare = true // less sure
	return other
}

// flagged applies the flags of pt to fr and returns what is wrong with one, "" where none is.
func (p *Parser) flagged(m *matcher, pt *part, fr *frame) string {
	if len(pt.flags) == 0 {
		return ""
	}
	m.part = pt
	f := match{rule: &rule{spec: fr.spec}, slots: fr.slots, options: fr.options}
	m.flags(&f)
	f.contradiction()
	fr.slots, fr.options = f.slots, f.options
	fr.faults = append(fr.faults, f.faults...)
	return f.err
}

// plainly reports whether a request to see is certain, and nothing but what it is about is spoken of.
func (fr *frame) plainly(s *saying, v *vocabulary, certain bool) bool {
	if !certain {
		return false
	}
	own := s.question || s.names()
	for i := range s.words {
		w := s.info[i]
		own = own || s.of[i] < 0 && !w.function && !w.shifting && !w.generic && w.says(fr.class)
	}
	return own && (len(fr.alien) == 0 || s.names() && len(fr.alien) < 2)
}

// specific reports whether something in s is about the intent that only shows: a thing of the inventory, or a word that belongs to it. Words that belong
// to nothing speak against it.
func (fr *frame) specific(s *saying, v *vocabulary, g guess, l *learned) bool {
	named, own := false, false
	for i := range s.ents {
		e := &s.ents[i]
		named = named || e.kind <= kindJob || e.kind == kindRun || e.kind == kindURL
	}
	for i := range s.words {
		w := s.info[i]
		own = own || s.of[i] < 0 && s.cues[i] == cueNone && !w.function && !w.generic && !w.shifting && w.says(fr.class)
	}
	switch len(fr.alien) {
	case 0:
		return named || own || s.question && g.margin >= l.limits.High || v.verbAlone(s, fr.class)
	case 1:
		return (named || own && s.question) && g.margin >= l.limits.High
	}
	return named && own && g.margin >= l.limits.High
}

// loose reports whether a thing of s has no place in the request.
func (fr *frame) loose(s *saying) bool {
	for _, i := range fr.spare {
		switch e := &s.ents[i]; e.kind {
		case kindCount, kindPlatform, kindText:
		default:
			return true
		}
	}
	return false
}

// verbAlone reports whether a verb of the class stands in s although the word could be about anything: "nodes".
func (v *vocabulary) verbAlone(s *saying, class int) bool {
	for i := range s.words {
		if k, ok := v.words[s.words[i].low]; ok && s.of[i] < 0 && k.verbs.has(class) {
			return true
		}
	}
	return false
}

// toSee decides about a request to see something.
func (p *Parser) toSee(fr *frame, g guess, l *learned) outcome {
	o := fr.outcome(p)
	if len(fr.faults) > 0 {
		return p.askFault(&o, fr)
	}
	if group := fr.spec.missing(fr.slots); group != nil {
		o.decision, o.sure = Ask, 0.7
		p.askFor(&o, group)
		return o
	}
	if fr.vague != "" {
		o.decision, o.sure = Ask, 0.7
		p.askFor(&o, []string{fr.vague})
		return o
	}
	o.decision, o.sure = Act, 0.95
	o.because = fr.readAs(p, &o)
	if g.margin < l.limits.High || len(fr.slips) > 0 || len(fr.from) > 0 {
		o.sure = 0.75
	}
	return o
}

// readAs says how a text was read, in one line.
func (fr *frame) readAs(p *Parser, o *outcome) string {
	said := append(append([]string{}, fr.slips...), fr.from...)
	said = append(said, "read as: "+p.catalog.canonical(&o.intent))
	return strings.Join(said, "; ") + "; " + string(o.spec.Risk)
}

// toChange decides about an order that changes something.
func (p *Parser) toChange(m *matcher, pt *part, s *saying, f feeling, fr *frame, g guess, l *learned, tr *tracer) outcome {
	o := fr.outcome(p)
	if why := fr.against(s, f, g.margin >= l.limits.High && g.margin-max(g.secondary, g.none) >= l.limits.Gap); why != "" {
		tr.add("gate: ", why)
		if !fr.verb && g.reading >= 0 && g.readingMargin >= l.limits.Low && l.vocab.acts(s.words[max(f.verb, 0)].low, g.reading) {
			see := p.frame(m, s, l, g.reading, f)
			if see.trace(tr); see.odd == "" && !see.loose(s) && see.specific(s, l.vocab, g, l) {
				return p.toSee(see, g, l)
			}
		}
		return p.gated(&o, fr, g, l, why)
	}
	if len(fr.faults) > 0 {
		return p.askFault(&o, fr)
	}
	if group := fr.spec.missing(fr.slots); group != nil {
		if fr.object != "" || len(fr.alien) > 1 {
			return outcome{decision: Refuse, because: p.hint(pt)}
		}
		o.decision, o.sure = Ask, 0.7
		p.askWhich(m, s, &o, group)
		return o
	}
	if second := p.rival(m, s, f, fr, g, l); second != nil {
		return p.askEither(&o, second)
	}
	o.because = fr.readAs(p, &o)
	if slices.ContainsFunc(fr.spec.Slots, func(s SlotSpec) bool { return s.kind == kindText }) { // what is taught is said exactly
		text := p.catalog.canonical(&o.intent)
		o.sure, o.decision, o.question = 0.75, Ask, "What is taught must be said exactly. Type: "+text
		o.missing = &Missing{Slot: SlotCommand, Choices: []string{text}, At: -1, Question: o.question}
		return o
	}
	less := g.margin < l.limits.High || g.margin-max(g.secondary, g.none) < l.limits.Gap || len(fr.slips) > 0 || len(fr.from) > 0 || len(fr.weak) > 0 || len(fr.alien) > 0 || !fr.verb || fr.bare || s.strange(l.vocab)
	if less {
		o.sure = 0.75
		p.lessSure(&o)
		return o
	}
	o.sure, o.decision = 0.95, Confirm
	if o.risk() == Reversible && !s.polite && !s.wish {
		o.decision = Act
		if o.spec.Undo != "" {
			o.because += "; " + o.spec.Undo
		}
	}
	if !o.risk().Changes() {
		o.decision = Act
	}
	return o
}

// strange reports whether s holds a word, wherever it stands, that nobody knows.
func (s *saying) strange(v *vocabulary) bool {
	for i := range s.words {
		if s.strangeAt(v, i) {
			return true
		}
	}
	return false
}

// strangeAt reports whether word i is one that nobody knows.
func (s *saying) strangeAt(v *vocabulary, i int) bool {
	return s.of[i] < 0 && !s.words[i].quoted && s.cues[i] == cueNone && s.words[i].word == wordNone && lettered(s.words[i].low) && !s.info[i].known
}

// lessSure decides about a command that was read without being sure.
func (p *Parser) lessSure(o *outcome) {
	switch risk := o.risk(); risk {
	case Read:
		o.decision = Act
	case Reversible, Disruptive:
		o.decision = Confirm
	default:
		text := p.catalog.canonical(&o.intent)
		o.decision, o.question = Ask, "Not sure enough for something "+string(risk)+". To do it, type: "+text
		o.missing = &Missing{Slot: SlotCommand, Choices: []string{text}, At: -1, Question: o.question}
	}
	if !strings.HasSuffix(o.because, "; "+string(o.risk())) {
		o.because += "; " + string(o.risk())
	}
}

// against returns what speaks against doing what the frame says, "" where nothing does.
func (fr *frame) against(s *saying, f feeling, sure bool) string {
	switch {
	case f.mood != moodCommand || f.verb < 0:
		return "it gives no order"
	case !fr.verb && !(fr.light && (fr.own || sure)) && !(fr.borrowed && sure):
		return "no verb of " + fr.spec.Name + " is in it"
	case fr.takesCommand() && !fr.clocked(s):
		return "it is for another time"
	case fr.wide != "":
		return shown(fr.wide) + " may widen what is meant"
	case len(fr.spec.Require) == 0 && (!fr.own && len(s.words) > 2 || len(fr.alien) > 0 || len(s.slips) > 0 || len(s.words) > 12):
		return "nothing in it is clearly about " + fr.spec.Name
	case fr.contra:
		return "the words speak for the contrary, " + fr.spec.Opposite
	case fr.later:
		return "it is for another time"
	case fr.twice != "":
		return "two things could be the " + fr.twice
	case fr.shift != "":
		return shown(fr.shift) + " may change what is meant"
	case len(fr.weak) > 0:
		return shown(fr.weak[0]) + " could be a word like any other"
	case fr.odd != "":
		return shown(fr.odd) + " is nothing that I know"
	}
	for _, i := range fr.spare {
		e := &s.ents[i]
		return fr.spec.Name + " takes no " + e.kind.String() + " like " + shown(s.words[e.from].raw)
	}
	if fr.object != "" {
		return shown(fr.object) + " is nothing that " + fr.spec.Name + " is about"
	}
	if len(fr.alien) > 2 {
		return "too many words that I do not know, such as " + shown(fr.alien[0])
	}
	return ""
}

// trace notes what the frame found.
func (fr *frame) trace(tr *tracer) {
	if !tr.on {
		return
	}
	i := Intent{Name: fr.spec.Name, Slots: fr.slots}
	tr.add("frame: ", i.Canonical(), "; verb ", strconv.FormatBool(fr.verb), ", contrary ", strconv.FormatBool(fr.contra), ", words of nothing: ", strings.Join(fr.alien, " "))
}

// gated decides where something speaks against a change: a question where the rest is clear, else a refusal.
func (p *Parser) gated(o *outcome, fr *frame, g guess, l *learned, why string) outcome {
	clear := g.margin >= l.limits.High && fr.whole() && fr.object == "" && fr.odd == "" && len(fr.alien) < 2
	text := p.catalog.canonical(&o.intent)
	switch {
	case fr.later && fr.whole():
		o.decision, o.sure, o.because = Ask, 0.6, "it is for another time; nothing is done now"
		o.question = "Now, or by the clock? Now: " + text + ". By the clock: schedule " + quote(text) + " and the times"
		return *o
	case !clear && fr.twice == "":
		return outcome{decision: Refuse, because: why + "; nothing is done"}
	case o.risk() == Destructive:
		return outcome{decision: Refuse, because: why + "; to do it, type: " + text}
	case fr.contra:
		return outcome{decision: Ask, sure: 0.5, because: why, question: "Is it " + fr.spec.Name + " or " + fr.spec.Opposite + "? To do the first, type: " + text}
	}
	o.decision, o.sure, o.because = Ask, 0.5, why
	o.question = "Do you mean this? Then type: " + text
	return *o
}

// askFault asks about the first value that is wrong.
func (p *Parser) askFault(o *outcome, fr *frame) outcome {
	for _, w := range fr.faults {
		if w.kind == faultRefused {
			return outcome{decision: Refuse, because: w.text}
		}
	}
	tail := &o.missing
	for _, w := range fr.faults {
		*tail = o.ask(w, len(fr.faults) == 1)
		tail = &(*tail).Next
	}
	o.decision, o.sure, o.because, o.question = Ask, 0.7, fr.faults[0].text, o.missing.Question
	return *o
}

// askWhich asks for a slot of group that is not filled; where a site was said, its nodes are offered.
func (p *Parser) askWhich(m *matcher, s *saying, o *outcome, group []string) {
	slot, _ := o.spec.Slot(group[0])
	if slot.kind == kindNode && slot.List {
		for i := range s.ents {
			if e := &s.ents[i]; e.kind == kindSite {
				w := &fault{kind: faultAmbiguous, slot: slot.Name, of: slot.kind, at: -1, text: shown(e.values[0]) + " is a site", choices: []string{"all nodes in " + nameText(e.values[0])}}
				o.missing = o.ask(w, true)
				o.because, o.question = w.text, o.missing.Question
				return
			}
		}
	}
	p.askFor(o, group)
}

// courteous reads an exact command with courtesy around it, or with a slip of the finger in it.
func (p *Parser) courteous(m *matcher, pt *part, s *saying, tr *tracer) (outcome, bool) {
	if s.asksFirst() {
		return outcome{}, false
	}
	slips := append([]string(nil), s.slips...)
	toks := m.polished[:0]
	for i := range s.words {
		if s.cues[i] == cuePolite || s.cues[i] == cueWant {
			if n := len(toks); n > 0 && s.stops(i) {
				toks[n-1].comma = true
			}
			continue
		}
		if e := s.of[i]; e >= 0 && s.ents[e].slip != "" {
			if e := &s.ents[e]; e.from == i {
				slips = append(slips, e.slip)
				fresh := p.catalog.token(e.values[0], true)
				fresh.comma = s.words[e.to-1].comma
				toks = append(toks, fresh)
			}
			continue
		}
		t := s.words[i]
		t.end = false
		toks = append(toks, t)
	}
	m.polished = toks
	if len(toks) == 0 || len(toks) == len(s.words) && len(slips) == 0 && len(toks) == len(pt.toks) {
		return outcome{}, false
	}
	toks[len(toks)-1].comma = false
	one := *pt
	one.toks, one.question, one.hesitates = toks, false, false
	m.read(&one, false)
	whole := best(m.found)
	if len(whole) != 1 || whole[0].err != "" || len(whole[0].faults) > 0 || whole[0].quoted > 0 {
		return outcome{}, false
	}
	tr.reading(&whole[0], ", behind courtesy or a slip of the finger")
	o := whole[0].outcome()
	p.weigh(&o)
	o.sure, o.decision = 0.95, Confirm
	o.because = strings.Join(append(slices.Clone(slips), "read as: "+p.catalog.canonical(&o.intent)), "; ") + "; " + string(o.spec.Risk)
	switch {
	case !o.risk().Changes():
		o.decision = Act
		if len(slips) > 0 {
			o.sure = 0.8
		}
	case len(slips) > 0 && len(o.spec.Require) == 0:
		o.decision, o.sure = Ask, 0.5 // "parse" is no slip of "pause"
		o.question = "Did you mean this? Then type: " + p.catalog.canonical(&o.intent)
		o.missing = &Missing{Slot: SlotCommand, Choices: []string{p.catalog.canonical(&o.intent)}, At: -1, Question: o.question}
	case len(slips) > 0:
		o.sure = 0.75
		p.lessSure(&o)
	}
	return o, true
}

// rival returns what the second best intent would be, where the two are too close to tell.
func (p *Parser) rival(m *matcher, s *saying, f feeling, fr *frame, g guess, l *learned) *outcome {
	if g.second < 0 || g.margin-g.secondary >= l.limits.Gap/3 || g.secondary < l.limits.Low {
		return nil
	}
	other := p.frame(m, s, l, g.second, f)
	if !other.whole() || len(other.spare) > len(fr.spare) || other.spec.Risk.Changes() && (!other.verb || other.contra || other.object != "") {
		return nil
	}
	o := other.outcome(p)
	return &o
}

// askEither asks which of two commands is meant.
func (p *Parser) askEither(a, b *outcome) outcome {
	o := outcome{decision: Ask, because: "it could be " + a.spec.Name + " or " + b.spec.Name, sure: 0.5, missing: &Missing{Slot: SlotCommand, At: -1}}
	o.missing.Choices = []string{p.catalog.canonical(&a.intent), p.catalog.canonical(&b.intent)}
	o.question = "Which one: " + numberedList(o.missing.Choices) + "?"
	o.missing.Question = o.question
	return o
}

// nothing decides about words that no intent is behind.
func (p *Parser) nothing(m *matcher, s *saying, f feeling, pt *part) outcome {
	if f.mood == moodShow && s.question {
		if i, ok := p.look(m, s, false); ok {
			return p.answer(i, "a question; this is how it stands")
		}
	}
	return outcome{decision: Refuse, because: p.hint(pt)}
}

// several reads an order that is made of several, joined by "and" or a comma, where each has its own verb and is whole by itself.
func (p *Parser) several(m *matcher, pt *part, s *saying, f feeling, l *learned, tr *tracer) (outcome, bool) {
	if m.inner {
		return outcome{}, false
	}
	starts := []int{0}
	for i := f.verb + 1; i < len(s.words); i++ {
		if i == 0 || !s.stops(i-1) && s.words[i-1].low != "and" && s.words[i-1].low != "then" || s.reason(i) {
			continue
		}
		if v := l.vocab.orderAt(s, i); v >= 0 && v > f.verb && (l.vocab.strong(s, v) || p.verbOfAny(l, s.words[v].low)) {
			starts = append(starts, i)
		}
	}
	if len(starts) < 2 || len(starts) > mostCommands {
		return outcome{}, false
	}
	inner := p.scratch(m.now) // s is in use
	defer p.release(inner)
	inner.prior, inner.last, inner.lastRun, inner.exact, inner.inner = m.prior, m.last, m.lastRun, false, true
	words, hedged := s.words, s.polite || s.wish
	var out outcome
	for k, start := range starts {
		end := len(words)
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		toks := slices.Clone(words[start:end])
		for len(toks) > 0 && !toks[len(toks)-1].quoted && (toks[len(toks)-1].low == "and" || toks[len(toks)-1].low == "then") {
			toks = toks[:len(toks)-1]
		}
		for len(toks) > 0 && !toks[0].quoted && (toks[0].low == "and" || toks[0].low == "then") {
			toks = toks[1:]
		}
		if len(toks) == 0 {
			return outcome{}, false
		}
		toks[len(toks)-1].comma = false
		one := part{toks: toks}
		if k == len(starts)-1 {
			one.flags, one.question, one.hesitates = pt.flags, pt.question, pt.hesitates
		}
		o := p.understand(inner, &one, tr)
		if o.decision == Act && hedged && o.spec != nil && o.risk().Changes() {
			o.decision = Confirm
		}
		if o.spec != nil {
			inner.prior = append(inner.prior[:len(inner.prior):len(inner.prior)], o.intent)
		}
		out.more = append(out.more, o)
	}
	return out, true
}

// verbOfAny reports whether w is an action verb of any intent.
func (p *Parser) verbOfAny(l *learned, w string) bool {
	k, ok := l.vocab.words[l.vocab.base(w)]
	if !ok {
		return l.vocab.alien[w]
	}
	for class := range p.catalog.specs {
		if k.verbs.has(class) {
			return true
		}
	}
	return false
}
