package intents

import (
	"slices"
	"strings"
)

// place puts entity i of s into the slot of fr that takes it.
func (p *Parser) place(m *matcher, s *saying, fr *frame, i int, f feeling) {
	e := &s.ents[i]
	if fr.chosenBy(e) {
		return
	}
	slot, values, ok := p.slotFor(m, s, fr, e)
	if !ok {
		fr.later = fr.later || e.later
		fr.spare = append(fr.spare, i)
		return
	}
	if e.fault != nil && slot.kind != kindJobName {
		fr.faults = append(fr.faults, p.placeFault(m, fr, e, slot))
		return
	}
	fr.doubt(p, s, e, slot, values, f)
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
	if e.kind == kindNode && len(have) > 0 && e.from > 0 && s.of[e.from-1] < 0 && s.words[e.from-1].low != "to" && s.words[e.from-1].low != "for" && preposition(s.words[e.from-1].low) && !joins(s.words[e.from-1].low) && !s.joined(e.from-1) {
		fr.twice = slot.Name // "flush edge-2 on edge-3"
		return
	}
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
	fr.slots = put(fr.slots, slot, len(have), values...)
}

// chosenBy fills what nodes are chosen by where the intent takes that instead of nodes: "list the machines in hamburg".
func (fr *frame) chosenBy(e *entity) bool {
	if e.kind != kindNode || !e.chosen.given() && !e.chosen.all || slices.ContainsFunc(fr.spec.Slots, func(s SlotSpec) bool { return s.kind == kindNode }) {
		return false
	}
	taken := e.chosen.label == ""
	for name, value := range map[string]string{"site": e.chosen.site, "platform": e.chosen.platform} {
		if value == "" {
			continue
		}
		if _, ok := fr.spec.Slot(name); !ok {
			taken = false
			continue
		}
		fr.slots = fr.slots.With(name, value)
	}
	return taken
}

// joined reports whether "and" or a comma stands before word i: "on edge-1 and in lisbon".
func (s *saying) joined(i int) bool {
	return i > 0 && (s.words[i-1].low == "and" || s.words[i-1].comma)
}

// placeFault says what is wrong with e, which stands where the value of slot should.
func (p *Parser) placeFault(m *matcher, fr *frame, e *entity, slot SlotSpec) *fault {
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
	return &w
}

// doubt notes what makes e, which goes into slot, less than certain.
func (fr *frame) doubt(p *Parser, s *saying, e *entity, slot SlotSpec, values []string, f feeling) {
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
