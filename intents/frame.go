package intents

import (
	"slices"
	"strings"
	"unicode"
)

// frame is an intent with its slots filled from a saying, and what speaks against it.
type frame struct {
	spec     *Spec
	class    int
	slots    Slots
	options  map[string]string
	faults   []*fault // values that are wrong
	slips    []string // how mistyped words were read
	from     []string // what "it" was taken for
	weak     []string // names that could be words like any other
	spare    []int    // entities that no slot takes
	wide     string   // a word with a slip in it that says which nodes
	bare     bool     // nodes are meant by the name of their site alone
	twice    string   // a slot that two things would fill
	alien    []string // words that belong to nothing we do
	object   string   // such a word that the order is about
	shift    string   // a word that changes what is said
	odd      string   // a word that is none
	vague    string   // an optional slot that is spoken of without a name: "the node"
	verb     bool     // an action verb of the intent is there
	light    bool     // the verb says nothing without its object
	borrowed bool     // the verb is one that no catalogue file names for anything that changes
	command  [2]int   // the words that are the command of a job
	own      bool     // a word besides the verb belongs to the intent
	contra   bool     // the words speak for the contrary
	later    bool     // it is to be done at another time
}

// frame fills the slots of the class from s.
func (p *Parser) frame(m *matcher, s *saying, l *learned, class int, f feeling) *frame {
	spec := p.catalog.specs[class]
	fr := &frame{spec: spec, class: class}
	m.toks = s.words
	for i := range s.ents {
		p.place(m, s, fr, i, f)
	}
	p.preset(m, s, fr)
	m.toks = s.words
	p.reasonOf(m, s, fr)
	p.refer(m, s, fr)
	fr.switches(s)
	fr.contradict()
	fr.slots = spec.ordered(fr.slots)
	fr.slips = append(fr.slips, s.slips...)
	fr.judge(s, l.vocab, f)
	return fr
}

// place puts entity i of s into the slot of fr that takes it.
func (p *Parser) place(m *matcher, s *saying, fr *frame, i int, f feeling) {
	e := &s.ents[i]
	slot, values, ok := p.slotFor(m, s, fr, e)
	if !ok {
		fr.later = fr.later || e.later
		fr.spare = append(fr.spare, i)
		return
	}
	if e.fault != nil && slot.kind != kindJobName {
		w := *e.fault
		w.slot, w.of = slot.Name, slot.kind
		if w.text == "" {
			w.text = shown(e.said(m)) + " is no " + slotPhrase(slot.Name)
		}
		if w.kind != faultRefused && slot.kind.named() {
			w = *p.fault(&hole{slot: slot.Name, kind: slot.kind}, e.said(m), -1)
			if slot.List {
				w.at = len(fr.slots.All(slot.Name))
			}
		}
		fr.faults = append(fr.faults, &w)
		return
	}
	for k := e.from; k < e.to && slot.kind == kindNode; k++ {
		if s.fixed[k] && s.words[k].word != wordEdge && s.words[k].word != wordNode && s.words[k].word != wordThrough {
			fr.wide = s.words[k].low
		}
	}
	if e.slip != "" {
		fr.slips = append(fr.slips, e.slip)
	}
	if !e.typed && slot.kind.named() && !p.inPlace(s, e, f) {
		fr.weak = append(fr.weak, values...)
	}
	fr.bare = fr.bare || slot.kind == kindNode && e.site != ""
	if !slot.List && len(values) > 1 {
		fr.twice = slot.Name
		return
	}
	if e.kind == kindTime && e.span > 0 {
		for _, other := range fr.spec.Slots {
			if other.kind == kindDuration && !fr.slots.Has(other.Name) {
				fr.slots = fr.slots.With(other.Name, e.span.String())
			}
		}
	}
	have := fr.slots.All(slot.Name)
	if e.kind == kindNode && len(have) > 0 && e.from > 0 && s.words[e.from-1].low == "to" {
		var ok bool
		if values, ok = p.rangeOf(s, i); !ok {
			fr.twice = slot.Name
			return
		}
	}
	if len(have) > 0 && !slot.List && !slices.Equal(have, values) {
		fr.twice = slot.Name
		return
	}
	all := slices.Clone(have)
	for _, v := range values {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	fr.slots = fr.slots.With(slot.Name, all...)
}

// rangeOf returns the nodes from the one before entity i to entity i, where "to" joins them to a range.
func (p *Parser) rangeOf(s *saying, i int) ([]string, bool) {
	a, b := &s.ents[i-1], &s.ents[i]
	if a.kind != kindNode || a.to != b.from-1 || len(b.values) != 1 || len(a.values) != 1 {
		return nil, false
	}
	for k := a.from; k < a.to; k++ {
		if w := &s.words[k]; w.comma || w.word == wordExcept || w.word == wordExcluding || w.word == wordWithout || w.word == wordBut {
			return nil, false
		}
	}
	var from, to *series
	for k := range p.inv.Nodes {
		switch p.inv.Nodes[k].Name {
		case a.values[len(a.values)-1]:
			from = &p.series[k]
		case b.values[0]:
			to = &p.series[k]
		}
	}
	if from == nil || to == nil || !from.sameSeries(to) || from.number > to.number {
		return nil, false
	}
	var out []string
	for k := range p.series {
		if one := &p.series[k]; one.sameSeries(from) && one.number >= from.number && one.number <= to.number {
			out = append(out, p.inv.Nodes[k].Name)
		}
	}
	return out, true
}

// inPlace reports whether the name e, which could be a word like any other, stands where a name does: behind the verb or behind a preposition.
func (p *Parser) inPlace(s *saying, e *entity, f feeling) bool {
	i := e.from - 1
	if i < 0 || s.stops(i) {
		return false
	}
	switch s.words[i].low {
	case "on", "from", "of", "with", "for", "at", "in", "and":
		return true
	}
	if i == f.verb {
		return true
	}
	for k := range s.ents { // a machine that is named beside it, or the talk of caches and streams
		if o := &s.ents[k]; o != e && (o.kind == kindNode || o.kind == kindURL) && o.typed {
			return true
		}
	}
	return slices.ContainsFunc(s.words, func(t token) bool {
		switch t.low {
		case "cache", "caches", "cached", "channel", "deployment", "stream", "streams", "playlist", "manifest", "segments", "cdn", "origin", "edges", "nodes":
			return true
		}
		return false
	})
}

// slotFor returns the slot of the intent that takes e, and its values there.
func (p *Parser) slotFor(m *matcher, s *saying, fr *frame, e *entity) (SlotSpec, []string, bool) {
	if e.site != "" {
		for _, slot := range fr.spec.Slots {
			if slot.kind == kindSite || slot.Name == "site" {
				return slot, []string{e.site}, true
			}
		}
	}
	if e.kind == kindNode {
		if slot, ok := fr.nodeSlot(s, e); ok {
			return slot, e.values, true
		}
	}
	for _, slot := range fr.spec.Slots {
		if slot.kind == e.kind && e.kind != kindNode {
			return slot, e.values, true
		}
	}
	for _, slot := range fr.spec.Slots {
		switch {
		case e.kind == kindDuration && slot.kind == kindPeriod, e.kind == kindCount && slot.kind == kindVNI, e.kind == kindVNI && slot.kind == kindSegment,
			e.kind == kindURL && slot.kind == kindPrefix && len(e.values) == 1 && !fr.slots.Has("url"),
			e.kind == kindText && (slot.kind == kindReason && s.saysWhy(e.from) || slot.kind == kindService && !fr.slots.Has(slot.Name) || slot.kind == kindText):
			return slot, e.values, true
		case slot.kind == kindCommand && e.kind == kindText:
			if text, _ := p.jobCommand(e.values[0]); text != "" {
				return slot, []string{text}, true
			}
		case slot.kind == kindJobName && e.kind == kindNode && e.fault != nil && freeName(e.said(m)):
			return slot, []string{strings.ToLower(e.said(m))}, true
		case slot.kind == kindJobName && e.kind == kindSite && slot.Name == "site":
			return slot, e.values, true
		case e.kind == kindSite && slot.kind == kindNode && slot.List && !fr.spec.Risk.Changes():
			return slot, p.nodesAt(e.values[0]), true
		}
	}
	if e.also >= 0 {
		for id := p.names.firstAlike(e.also); id >= 0; id = p.names.names[id].next {
			for _, slot := range fr.spec.Slots {
				if n := &p.names.names[id]; slot.kind == n.kind {
					return slot, []string{n.text}, true
				}
			}
		}
	}
	return SlotSpec{}, nil, false
}

// firstAlike returns the first of the names that are written like the one with this id.
func (x *nameIndex) firstAlike(id int32) int32 {
	key, ok := appendKey(nil, x.names[id].text)
	if !ok {
		return id
	}
	return x.keys[string(key)]
}

// nodesAt returns the nodes at a site.
func (p *Parser) nodesAt(site string) []string {
	var out []string
	for i := range p.inv.Nodes {
		if p.inv.Nodes[i].Site == site {
			out = append(out, p.inv.Nodes[i].Name)
		}
	}
	return out
}

// nodeSlot returns the slot that takes the node e: where an intent has two, what stands around the name says which.
func (fr *frame) nodeSlot(s *saying, e *entity) (SlotSpec, bool) {
	var slots []SlotSpec
	for _, slot := range fr.spec.Slots {
		if slot.kind == kindNode {
			slots = append(slots, slot)
		}
	}
	switch {
	case len(slots) == 0:
		return SlotSpec{}, false
	case len(slots) > 1 && s.receives(e):
		return slots[1], true
	}
	return slots[0], true
}

// receives reports whether e is what something moves to: "to edge-2", "edge-3 takes over for".
func (s *saying) receives(e *entity) bool {
	if i := e.from - 1; i >= 0 {
		switch s.words[i].low {
		case "to", "onto", "into", "towards", "toward", "with", "by", "using":
			return true
		}
	}
	at := func(i int, words ...string) bool {
		for j, w := range words {
			if i+j >= len(s.words) || s.words[i+j].low != w {
				return false
			}
		}
		return true
	}
	for _, verb := range []string{"take", "takes", "jump", "step", "stand", "cover", "fill", "substitute", "replace", "stepping", "taking"} {
		if at(e.to, verb) || at(e.to, "to", verb) {
			return true
		}
	}
	return false
}

// preset fills the slots that words of the language fill: states of runs, subjects of help, commands of jobs.
func (p *Parser) preset(m *matcher, s *saying, fr *frame) {
	for _, slot := range fr.spec.Slots {
		if fr.slots.Has(slot.Name) {
			continue
		}
		switch slot.kind {
		case kindState:
			for i := range s.words {
				if v := stateOf(s.words[i].low); v != "" && s.of[i] < 0 {
					fr.slots = fr.slots.With(slot.Name, v)
				}
			}
		case kindJobName:
			if name := s.called(); name != "" && !fr.slots.Has("node") && slot.Name == "job" {
				fr.slots = fr.slots.With(slot.Name, name)
			}
		case kindTopic:
			if fr.spec.Name != "help" {
				continue
			}
			if topic := p.topicOf(s); topic != "" {
				fr.slots = fr.slots.With(slot.Name, topic)
			}
		case kindCommand:
			if text, from, to := p.commandOf(m, s); text != "" {
				fr.slots = fr.slots.With(slot.Name, text)
				fr.command = [2]int{from, to}
				fr.spare = slices.DeleteFunc(fr.spare, func(i int) bool { return s.ents[i].from >= from && s.ents[i].to <= to })
			}
		}
	}
}

// called returns the name behind "as", "called" or "named", "" where there is none.
func (s *saying) called() string {
	for i := 1; i < len(s.words); i++ {
		switch s.words[i-1].low {
		case "as", "called", "named":
			if s.of[i-1] < 0 && (s.of[i] < 0 || s.ents[s.of[i]].kind == kindText) && freeName(s.words[i].raw) {
				return s.words[i].raw
			}
		}
	}
	return ""
}

// topicOf returns the subject of help that s names, "" where it names none.
func (p *Parser) topicOf(s *saying) string {
	const most = 3
	for n := most; n > 0; n-- {
		for i := 0; i+n <= len(s.words); i++ {
			if s.of[i] >= 0 || s.cues[i] != cueNone && n == 1 || s.words[i].low == "help" {
				continue
			}
			said := s.words[i].low
			for j := i + 1; j < i+n; j++ {
				said += " " + s.words[j].low
			}
			if topic, ok := p.catalog.topics[said]; ok {
				return topic
			}
		}
	}
	for i := range s.words {
		if l, ok := p.lemma(s.words[i].low); ok && s.of[i] < 0 {
			if topic, ok := p.catalog.topics[l]; ok && l != "help" {
				return topic
			}
		}
	}
	return ""
}

// lemma returns the base of the verb w.
func (p *Parser) lemma(w string) (string, bool) {
	l, err := p.catalog.lessons()
	if err != nil || l == nil {
		return "", false
	}
	f, ok := l.vocab.forms[w]
	return f.base, ok
}

// commandOf returns the command that s wants a job to say and its words, "" where it holds no exact one.
func (p *Parser) commandOf(m *matcher, s *saying) (text string, from, to int) {
	if m.nested {
		return "", 0, 0
	}
	end := len(s.words)
	for i := range s.ents {
		if s.ents[i].kind == kindSchedule && s.ents[i].from > 0 {
			end = s.ents[i].from
		}
	}
	m.toks = s.words
	for i := 0; i < end; i++ {
		if s.of[i] >= 0 {
			continue
		}
		if _, verb := p.catalog.auto.step(0, s.words[i].word); !verb || s.words[i].word == wordNone || s.words[i].low == "schedule" {
			continue
		}
		if text, _ := p.jobCommand(m.text(i, end)); text != "" {
			return text, i, end
		}
	}
	return "", 0, 0
}

// reasonOf fills why somebody does something from the words behind "because".
func (p *Parser) reasonOf(m *matcher, s *saying, fr *frame) {
	why := s.find(cueReason, 0)
	if why < 0 || why+1 >= len(s.words) || s.words[why].low == "reason" {
		return
	}
	i := why
	for i < len(s.words) && s.cues[i] == cueReason {
		i++
	}
	if i >= len(s.words) {
		return
	}
	m.toks = s.words
	text := m.text(i, len(s.words))
	if s.words[i].quoted && i+1 == len(s.words) {
		text = s.words[i].raw
	}
	for _, slot := range fr.spec.Slots {
		if slot.kind == kindReason && !fr.slots.Has(slot.Name) {
			fr.slots = fr.slots.With(slot.Name, text)
			return
		}
	}
	if option, ok := fr.spec.Option("reason"); ok && option.Value {
		fr.options = map[string]string{option.Name: text}
	}
}

// judge holds the frame against the words of s: the verb, the contrary, words that belong to nothing.
func (fr *frame) judge(s *saying, v *vocabulary, f feeling) {
	fr.findVerb(s, f)
	fr.light = !fr.verb && f.verb >= 0 && s.of[f.verb] < 0 && (f.weak || light(s.info[f.verb].base(s.words[f.verb].low)))
	fr.borrowed = !fr.verb && !fr.light && f.verb >= 0 && s.of[f.verb] < 0 && !s.info[f.verb].alien && !s.info[f.verb].heavy
	for i := range s.words {
		w := s.words[i].low
		if i != f.verb && s.of[i] < 0 && s.cues[i] == cueNone && !s.fixed[i] && !s.info[i].function && !s.info[i].generic && !s.info[i].shifting && !light(w) && s.info[i].says(fr.class) {
			fr.own = true
		}
	}
	if o := v.opposite[fr.class]; o >= 0 {
		fr.contra = v.favours(s, fr.class, o) < 0
		for i := range s.words {
			if w := s.words[i].low; s.of[i] < 0 && reversal(w) && !s.info[i].says(fr.class) && s.info[i].says(o) {
				fr.contra = true
			}
		}
	}
	if f.verb >= 0 && f.verb+1 < len(s.words) && s.of[f.verb+1] < 0 && ceases(s.info[f.verb].base(s.words[f.verb].low)) {
		if l, ok := s.info[f.verb+1].bent(); ok && l.form == formIng && s.info[f.verb+1].actsFor(fr.class) {
			fr.contra = true // "stop pausing the rules"
		}
	}
	if f.verb >= 0 && s.of[f.verb] < 0 && v.turned(s.words[f.verb].low) && !s.info[f.verb].says(fr.class) {
		fr.contra = true
	}
	fr.leftovers(s, v, f)
}

// findVerb finds out whether the order is given with a verb of the intent. Where the verb says little by itself, another one may say it: "do a recheck".
func (fr *frame) findVerb(s *saying, f feeling) {
	if f.verb < 0 {
		return
	}
	order := s.info[f.verb]
	if fr.verb = order.actsFor(fr.class); fr.verb || !f.weak && !light(order.base(s.words[f.verb].low)) && s.cues[f.verb] != cueWant {
		return
	}
	for i := range s.words {
		if i != f.verb && s.of[i] < 0 && !s.words[i].quoted && s.cues[i] != cuePolite && s.info[i].actsFor(fr.class) && s.clause[i] == s.clause[f.verb] && !s.reason(i) {
			fr.verb = true
		}
	}
}

// leftovers finds the words of the order that belong to nothing that the intent is about.
func (fr *frame) leftovers(s *saying, v *vocabulary, f feeling) {
	object := false // what the verb is about comes next
	if s.asksFirst() && f.verb >= s.asked {
		fr.odd = "?" // a question before the order
	}
	for i := range s.words {
		w := s.words[i].low
		switch {
		case i == f.verb:
			object = true
		case s.of[i] >= 0 || i > 0 && s.stops(i-1) || preposition(w):
			object = false
		}
		if s.of[i] < 0 && s.words[i].quoted {
			fr.odd = quote(s.words[i].raw)
		}
		if f.verb >= 0 && i > f.verb && s.strangeAt(v, i) && (s.clause[i] == s.clause[f.verb] || s.clause[i] > s.clause[f.verb] && nearCue(w)) {
			fr.shift = w // it could be "unless" with a slip in it
		}
		if s.of[i] < 0 && !s.words[i].quoted {
			switch {
			case w == "and" && i == len(s.words)-1, alters(w) && !s.info[i].says(fr.class) && (f.verb < 0 || !s.relative(f.verb, i)), finite(w) && i > 0 && s.of[i-1] >= 0 && f.verb >= 0 && s.clause[i] == s.clause[f.verb] && !s.relative(f.verb, i):
				fr.shift = w
			case !lettered(w) && s.cues[i] == cueNone && !(w == ":" && fr.takesCommand() && s.introduces(i, fr.command[0])):
				fr.odd = s.words[i].raw
			}
		}
		if s.cues[i] == cueQuote && s.of[i] < 0 && !s.info[i].says(fr.class) {
			fr.shift = w
		}
		if s.cues[i] == cueReport && s.of[i] < 0 && f.verb >= 0 && s.clause[i] == s.clause[f.verb] && !s.relative(f.verb, i) && !s.info[i].says(fr.class) {
			fr.shift = w
		}
		if i >= fr.command[0] && i < fr.command[1] {
			continue // the command of a job was read already
		}
		if s.of[i] >= 0 || s.words[i].quoted || s.cues[i] != cueNone || f.verb >= 0 && s.clause[i] != s.clause[f.verb] && !v.strong(s, i) {
			continue // a clause without an order tells why
		}
		if (s.fixed[i] || !s.info[i].says(fr.class) && !s.info[i].function && !s.info[i].shifting) && i != f.verb && s.restricts(i) || s.unresolved(i, v) {
			fr.shift = w
		}
		switch {
		case s.info[i].says(fr.class):
		case s.info[i].shifting && f.verb >= 0 && (i == f.verb || s.relative(f.verb, i)):
		case s.info[i].shifting:
			fr.shift = w
		case s.info[i].function:
			if w == "and" && i == len(s.words)-1 {
				fr.shift = w
			}
		case !lettered(w):
		case object && fr.wants(w):
		case i == f.verb && fr.borrowed:
			fr.alien = append(fr.alien, w)
		case i == f.verb && (fr.light || f.weak || light(s.info[i].base(w))):
		case object && i > f.verb && i+1 < len(s.words) && s.of[i+1] >= 0:
			fr.alien = append(fr.alien, w) // "the flap rule recheck-on-flap"
		case object && i > f.verb || i == f.verb:
			fr.object = w
			fr.alien = append(fr.alien, w)
		case !s.info[i].generic:
			fr.alien = append(fr.alien, w)
		}
	}
}

// ceases reports whether the verb w ends what the verb behind it says.
func ceases(w string) bool {
	switch w {
	case "stop", "quit", "cease", "end", "finish", "halt", "abort", "cancel":
		return true
	}
	return false
}

// restricts reports whether word i stands where a thing would that narrows down or widens what is meant: behind "in" or "and", or between two things.
func (s *saying) restricts(i int) bool {
	if i+2 < len(s.words) && s.of[i+1] < 0 && s.words[i+1].low == "and" && s.of[i+2] >= 0 {
		return true // "mars and edge-1"
	}
	j := i - 1
	for j >= 0 && s.of[j] < 0 && (s.words[j].low == "the" || s.words[j].low == "a" || s.words[j].low == "an") {
		j--
	}
	if j < 0 {
		return false
	}
	if s.of[j] >= 0 {
		return s.words[j].comma || i+1 < len(s.words) && s.of[i+1] >= 0 && s.ents[s.of[j]].kind == s.ents[s.of[i+1]].kind
	}
	switch s.words[j].low {
	case "in", "at", "on", "from", "of", "and", "to", "with", "within", "only", "without", "except", "but", "not", "inside", "near":
		return true
	}
	return false
}

// unresolved reports whether word i stands in a description of nodes that nothing fits: "all lisbonn edges".
func (s *saying) unresolved(i int, v *vocabulary) bool {
	if s.info[i].function || s.words[i].word != wordNone && !s.fixed[i] {
		return false
	}
	noun := false
	for j := i + 1; j < min(i+3, len(s.words)) && s.of[j] < 0; j++ {
		switch s.words[j].word {
		case wordNode, wordNodes, wordEdge, wordEdges, wordMac, wordMacs:
			noun = true
		}
	}
	if !noun || i == 0 {
		return false
	}
	for j := i - 1; j >= max(0, i-2); j-- {
		switch s.words[j].low {
		case "all", "every", "each", "the", "both", "only":
			return s.of[j] < 0
		}
	}
	return false
}

// relative reports whether word i stands in a description that begins between the verb and it: "dump everything edge-1 has cached".
func (s *saying) relative(verb, i int) bool {
	if s.clause[i] != s.clause[verb] {
		return false
	}
	for j := verb + 1; j < i; j++ {
		switch s.words[j].low {
		case "everything", "whatever", "what", "that", "which", "anything":
			return s.of[j] < 0
		}
	}
	return false
}

// introduces reports whether the colon at i stands between a time or a name and the command of a job, which begins at command.
func (s *saying) introduces(i, command int) bool {
	return i > 0 && s.of[i-1] >= 0 || i+1 == command
}

// takesCommand reports whether the intent holds a whole command: what a job says.
func (fr *frame) takesCommand() bool {
	return slices.ContainsFunc(fr.spec.Slots, func(s SlotSpec) bool { return s.kind == kindCommand })
}

// wants reports whether w is the word for a thing that a slot which is not filled would take: "put a node into downtime".
func (fr *frame) wants(w string) bool {
	for _, slot := range fr.spec.Slots {
		if fr.slots.Has(slot.Name) {
			continue
		}
		switch {
		case w == slot.Name || w == slot.Type || w == slot.Type+"s":
			return true
		case slot.kind == kindNode && slices.Contains([]string{"edge", "edges", "box", "boxes", "machine", "machines", "host", "hosts", "server", "servers"}, w):
			return true
		case slot.kind == kindDeployment && slices.Contains([]string{"channel", "channels", "stream", "streams"}, w):
			return true
		}
	}
	return false
}

// nearCue reports whether w is a slip of the finger away from a word that takes back or holds up what was said.
func nearCue(w string) bool {
	for _, cue := range []string{"if", "unless", "once", "when", "until", "till", "while", "case", "soon", "provided", "only", "after", "wait", "actually", "sorry", "scratch", "mean", "rather", "never", "not", "dont", "don't", "without", "except", "stop", "hold", "oops"} {
		if distance(cue, w, 1) <= 1 {
			return true
		}
	}
	return false
}

// alters reports whether w, wherever it stands, leaves something out or asks.
func alters(w string) bool {
	switch w {
	case "or", "nor", "except", "excluding", "why", "how", "who", "when", "where", "did":
		return true
	}
	return false
}

// finite reports whether w, behind a name, tells something about it: "purge news is running".
func finite(w string) bool {
	switch w {
	case "is", "are", "was", "were", "has", "had", "does", "did", "will", "would", "can", "could", "should", "must", "might":
		return true
	}
	return false
}

// preposition reports whether w begins a new part of a sentence, so that what follows is not what the verb is about.
func preposition(w string) bool {
	switch w {
	case "on", "in", "from", "at", "for", "of", "to", "with", "by", "before", "during", "and", "so", "because", "since":
		return true
	}
	return false
}

// lettered reports whether w is made of letters, with hyphens and apostrophes within.
func lettered(w string) bool {
	for i, r := range w {
		if !unicode.IsLetter(r) && (i == 0 && w != "'s" || r != '-' && r != '\'') {
			return false
		}
	}
	return true
}

// switches sets the options of the intent that s says as words: "purge news softly".
func (fr *frame) switches(s *saying) {
	for _, option := range fr.spec.Options {
		if option.Value || option.Name == "break-glass" {
			continue
		}
		first, second, two := strings.Cut(option.Name, "-")
		for i := range s.words {
			w := s.words[i].low
			if s.of[i] >= 0 || w != option.Name && w != option.Name+"ly" && (!two || w != first || i+1 == len(s.words) || s.words[i+1].low != second) {
				continue
			}
			if fr.options == nil {
				fr.options = map[string]string{}
			}
			fr.options[option.Name] = "true"
		}
	}
}

// contradict notes that more than one slot is filled of a group that wants one.
func (fr *frame) contradict() {
	for _, group := range fr.spec.Require {
		var filled []string
		for _, name := range group {
			if fr.slots.Has(name) {
				filled = append(filled, name)
			}
		}
		if len(filled) > 1 {
			fr.twice = orList(filled)
		}
	}
}

// whole reports whether every required slot is filled and nothing is wrong with any.
func (fr *frame) whole() bool {
	return len(fr.faults) == 0 && fr.spec.missing(fr.slots) == nil && fr.twice == ""
}

// outcome returns the intent of fr, undecided.
func (fr *frame) outcome(p *Parser) outcome {
	o := outcome{spec: fr.spec, intent: Intent{Name: fr.spec.Name, Slots: fr.slots, Options: fr.options}}
	if o.intent.Slots == nil {
		o.intent.Slots = Slots{}
	}
	p.weigh(&o)
	return o
}
