package intents

import "slices"

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
	counts   string   // a number that no slot takes
	narrow   string   // a word that could be a service, where none is named
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
	fr.contra = fr.contra || f.verb >= 0 && fr.ceases(s, f)
	fr.bare = fr.bare || slices.ContainsFunc(s.words, func(t token) bool { return t.low == "before" && !t.quoted })
	if f.verb >= 0 && s.of[f.verb] < 0 && v.turned(s.words[f.verb].low) && !s.info[f.verb].says(fr.class) {
		fr.contra = true
	}
	fr.leftovers(s, v, f)
	fr.aside(s, f)
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

// ceases reports whether the order is to leave a deed undone: "stop pausing the rules", "postpone acking edge-2", "put off the flush".
func (fr *frame) ceases(s *saying, f feeling) bool {
	order := s.info[f.verb].base(s.words[f.verb].low)
	near := min(f.verb+4, len(s.words))
	switch order {
	case "stop", "quit", "cease", "end", "finish", "halt", "abort", "cancel", "postpone", "defer", "delay", "skip", "avoid", "suspend", "hold", "pause", "put", "prevent":
	default:
		return false
	}
	for i := f.verb + 1; i < near && s.of[i] < 0; i++ {
		info := s.info[i]
		if s.words[i].low == "running" {
			continue // "cancel the running r-17"
		}
		if l, ok := info.bent(); ok && l.form == formIng && (info.actsFor(fr.class) || info.heavy && !info.says(fr.class)) {
			return true
		}
	}
	return false
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
