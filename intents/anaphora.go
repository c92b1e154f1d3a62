package intents

import (
	"slices"
	"strings"
	"time"
)

// Context is what the same person did before in the same conversation: what "it" and "that" can mean. The zero value means nothing.
type Context struct {
	Last []Intent  // the commands last confirmed or done, in order
	Run  string    // the run that they became: what "undo that" takes back
	At   time.Time // when
}

// memory is how long "it" can still mean something.
const memory = 10 * time.Minute

// recall returns the commands that u can refer to, nil where there are none or they are too long ago.
func (u *Utterance) recall() []Intent {
	if u.Context == nil || u.Now.Sub(u.Context.At) > memory || u.Context.At.Sub(u.Now) > time.Minute {
		return nil
	}
	return u.Context.Last
}

// pronoun returns the word of s that stands for something said before, -1 where there is none.
func (s *saying) pronoun() int {
	for i := range s.words {
		if s.of[i] >= 0 || s.cues[i] != cueNone && s.cues[i] != cueAgain {
			continue
		}
		switch s.words[i].low {
		case "it", "them", "its", "their", "that", "those", "same", "there", "this", "these":
			return i
		}
	}
	return -1
}

// refer fills the slots of fr that are missing from what "it" stands for: something said before in the same message, or the last command of the
// same person.
func (p *Parser) refer(m *matcher, s *saying, fr *frame) {
	p.referLoosely(m, s, fr)
	at := s.pronoun()
	if at < 0 {
		return
	}
	p.referPlace(m, s, fr, at)
	for _, source := range [][]Intent{m.prior, m.last} {
		group := fr.spec.missing(fr.slots)
		if group == nil {
			return
		}
		for _, name := range group {
			if values := lastValues(source, name); values != nil {
				slot, _ := fr.spec.Slot(name)
				if !slot.List && len(values) > 1 {
					continue
				}
				fr.slots = fr.slots.With(name, values...)
				fr.from = append(fr.from, quote(s.words[at].low)+" is "+strings.Join(values, ", "))
				break
			}
		}
	}
}

// referPlace fills the nodes that "on it" means where the intent could do without: left out, it would mean everywhere.
func (p *Parser) referPlace(m *matcher, s *saying, fr *frame, at int) {
	if at == 0 || !slices.Contains([]string{"on", "in", "at", "from", "to", "with", "of"}, s.words[at-1].low) {
		return
	}
	for _, slot := range fr.spec.Slots {
		if slot.Required || slot.kind != kindNode || fr.slots.Has(slot.Name) {
			continue
		}
		for _, source := range [][]Intent{m.prior, m.last} {
			if values := lastValues(source, slot.Name); values != nil && (slot.List || len(values) == 1) {
				fr.slots = fr.slots.With(slot.Name, values...)
				fr.from = append(fr.from, quote(s.words[at].low)+" is "+strings.Join(values, ", "))
				return
			}
		}
		if fr.spec.missing(fr.slots) == nil {
			fr.shift = s.words[at].low
		}
	}
}

// referLoosely fills an optional slot of a request to see that s speaks of without a name: "how is it doing", "status of the node".
func (p *Parser) referLoosely(m *matcher, s *saying, fr *frame) {
	if fr.spec.Risk.Changes() || s.names() {
		return
	}
	it := -1
	for i := range s.words {
		if s.of[i] < 0 && (slices.Contains([]string{"it", "them", "its", "edge", "node", "box", "machine", "host"}, s.words[i].low) || s.words[i].low == "that" && i == len(s.words)-1) {
			it = i
		}
	}
	if it < 0 {
		return
	}
	for _, slot := range fr.spec.Slots {
		if slot.Required || slot.kind != kindNode && slot.kind != kindDeployment || fr.slots.Has(slot.Name) {
			continue
		}
		for _, source := range [][]Intent{m.prior, m.last} {
			if values := lastValues(source, slot.Name); values != nil && (slot.List || len(values) == 1) {
				fr.slots = fr.slots.With(slot.Name, values...)
				fr.from = append(fr.from, quote(s.words[it].low)+" is "+strings.Join(values, ", "))
				return
			}
		}
		if fr.vague == "" && slot.kind == kindNode {
			fr.vague = slot.Name
		}
	}
}

// lastValues returns what the last of the commands said of the slot called name.
func lastValues(said []Intent, name string) []string {
	for i := len(said) - 1; i >= 0; i-- {
		if values := said[i].Slots.All(name); len(values) > 0 {
			return slices.Clone(values)
		}
	}
	return nil
}

// again reads a saying that is nothing but a word about the last command: "same for edge-3", "undo that", "do that again", "the other one too".
func (p *Parser) again(m *matcher, s *saying) (outcome, bool) {
	text := s.bare()
	switch {
	case isUndo(text):
		return p.undoLast(m), true
	case isAgain(text):
		return p.repeatLast(m, nil), true
	case isOther(text):
		return p.otherOne(m), true
	}
	if len(s.ents) == 0 {
		return outcome{}, false
	}
	for _, e := range s.ents {
		text = strings.ReplaceAll(text, e.mask(), "#")
	}
	switch text {
	case "same for #", "the same for #", "do the same for #", "same on #", "the same on #", "do the same on #", "do the same with #", "same with #", "and # too", "# too", "also #", "and #", "and also #", "# as well", "and # as well",
		"same thing for #", "same thing on #", "the same thing for #", "do the same thing for #", "do it for #", "do it on #", "do that for #", "do that on #", "do it on # too", "do that on # too", "do it for # too",
		"same again for #", "now #", "now the same for #", "now do #", "now for #", "repeat that for #", "repeat for #", "repeat that on #", "repeat on #", "again for #", "again on #", "ditto for #", "ditto #", "likewise for #", "likewise #", "what about #", "how about #", "and for #", "and on #", "for # too", "on # too", "for # as well", "on # as well", "same for # too", "same for # please":
		return p.repeatLast(m, s.ents), true
	}
	return outcome{}, false
}

// bare returns the words of s without courtesy, with masks for things.
func (s *saying) bare() string {
	return strings.TrimSuffix(s.mask(), " ?")
}

func isUndo(text string) bool {
	switch text {
	case "undo that", "undo it", "undo this", "revert that", "revert it", "take that back", "take it back", "roll that back", "roll it back", "undo", "undo the last one", "undo the last command", "undo what you did", "undo what you just did",
		"reverse that", "reverse it", "back it out", "back that out", "undo the last thing", "undo last", "undo my last command", "put it back", "put it back the way it was":
		return true
	}
	return false
}

func isAgain(text string) bool {
	switch text {
	case "again", "once more", "one more time", "do that again", "do it again", "same again", "repeat that", "repeat it", "do the same again", "run that again", "run it again", "do that once more", "do it once more", "and again", "repeat", "the same again", "do that one more time", "do it one more time", "repeat the last command", "repeat the last one":
		return true
	}
	return false
}

func isOther(text string) bool {
	switch text {
	case "the other one", "the other one too", "the other", "the other too", "and the other one", "and the other one too", "and the other", "same for the other one", "same for the other", "the same for the other one", "do the other one", "do the other one too", "now the other one", "now the other", "the other one as well", "do the other", "other one", "other one too", "the other node", "the other node too":
		return true
	}
	return false
}

// nothingBefore asks what is meant where nothing was done before.
func nothingBefore(what string) outcome {
	return outcome{decision: Ask, because: what + " refers to nothing that you did here in the last ten minutes", question: "What do you mean? Say the whole command", sure: 0.5}
}

// undoLast takes the last run back.
func (p *Parser) undoLast(m *matcher) outcome {
	spec := p.catalog.spec("run.undo")
	if m.lastRun == "" || spec == nil || m.last == nil {
		o := nothingBefore("undoing")
		if spec != nil {
			o.question = "Which run? Say: undo run 17"
		}
		return o
	}
	o := outcome{spec: spec, intent: Intent{Name: spec.Name, Slots: Slots{{Name: "run", Values: []string{m.lastRun}}}}, decision: Confirm, sure: 0.8}
	o.because = quote("that") + " is " + m.lastRun + ": " + p.saidLast(m) + "; " + string(spec.Risk)
	return o
}

// saidLast returns the last commands as text.
func (p *Parser) saidLast(m *matcher) string {
	said := make([]string, len(m.last))
	for i := range m.last {
		said[i] = p.catalog.canonical(&m.last[i])
	}
	return strings.Join(said, " then ")
}

// repeatLast does the last command again, for other things where ents names some.
func (p *Parser) repeatLast(m *matcher, ents []entity) outcome {
	if len(m.last) == 0 {
		return nothingBefore("that")
	}
	if len(m.last) > 1 {
		return outcome{decision: Ask, because: "the last message held several commands", question: "Which of them? Say the whole command", sure: 0.5}
	}
	i := m.last[0]
	spec := p.catalog.spec(i.Name)
	if spec == nil {
		return nothingBefore("that")
	}
	i.Slots = slices.Clone(i.Slots)
	for k := range ents {
		e := &ents[k]
		slot, ok := slotOfKind(spec, e.kind)
		if !ok || e.fault != nil || !slot.List && len(e.values) > 1 {
			return outcome{spec: spec, intent: i, decision: Ask, because: spec.Name + " takes no " + e.kind.String() + " like that", question: "What do you mean? Say the whole command", sure: 0.5}
		}
		i.Slots = i.Slots.With(slot.Name, e.values...)
	}
	o := outcome{spec: spec, intent: i, sure: 0.8}
	o.intent.Slots = spec.ordered(i.Slots)
	o.because = "the last command again: " + p.catalog.canonical(&o.intent)
	p.lessSure(&o)
	return o
}

// slotOfKind returns the first slot of spec that takes things of kind k.
func slotOfKind(spec *Spec, k kind) (SlotSpec, bool) {
	for _, slot := range spec.Slots {
		if slot.kind == k || k == kindDuration && slot.kind == kindPeriod {
			return slot, true
		}
	}
	return SlotSpec{}, false
}

// otherOne does the last command for the other node of a pair: where the site of the last node has exactly two.
func (p *Parser) otherOne(m *matcher) outcome {
	if len(m.last) != 1 || len(m.last[0].Slots.All("node")) != 1 {
		return nothingBefore("the other one")
	}
	last, site := m.last[0].Slots.One("node"), ""
	for i := range p.inv.Nodes {
		if p.inv.Nodes[i].Name == last {
			site = p.inv.Nodes[i].Site
		}
	}
	var others []string
	for _, name := range p.nodesAt(site) {
		if name != last {
			others = append(others, name)
		}
	}
	i := m.last[0]
	spec := p.catalog.spec(i.Name)
	if spec == nil || len(others) == 0 {
		return nothingBefore("the other one")
	}
	if len(others) == 1 {
		i.Slots = spec.ordered(i.Slots.With("node", others[0]))
		o := outcome{spec: spec, intent: i, sure: 0.8}
		o.because = "the other one is " + others[0] + ": " + p.catalog.canonical(&i)
		p.lessSure(&o)
		return o
	}
	const most = 9
	o := outcome{spec: spec, intent: i, decision: Ask, sure: 0.5, because: "there are several others"}
	o.intent.Slots = i.Slots.With("node")
	o.missing = &Missing{Slot: "node", Choices: others[:min(most, len(others))], At: -1}
	o.question = "Which one? " + capital(numberedList(o.missing.Choices)) + "."
	o.missing.Question = o.question
	return o
}
