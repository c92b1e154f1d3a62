package intents

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// flags fills the slots and options of f from the flags of the command. A mistake goes into f.err or f.faults.
func (m *matcher) flags(f *match) {
	for i := range m.part.flags {
		t := &m.part.flags[i]
		spec := f.rule.spec
		if slot, ok := flagSlot(spec, t.low); ok {
			m.flagSlot(f, t, slot)
			continue
		}
		option, ok := spec.Option(t.low)
		switch {
		case !ok:
			f.err = unknownFlag(spec, t.raw)
		case option.Value && (!t.given || t.value == ""):
			f.err = "--" + option.Name + " needs a value"
		case !option.Value && t.given && t.value != "true" && t.value != "false":
			f.err = "--" + option.Name + " is a switch: it takes true or false, not " + t.value
		default:
			f.set(option, t)
		}
		if f.err != "" {
			return
		}
	}
}

// contradiction notes in f.err that more than one slot is filled of a group that wants one.
func (f *match) contradiction() {
	for _, group := range f.rule.spec.Require {
		var filled []string
		for _, name := range group {
			if f.slots.Has(name) {
				filled = append(filled, name)
			}
		}
		if len(filled) > 1 && f.err == "" {
			f.err = orList(filled) + ": one of them, not all"
		}
	}
}

// flagSlot returns the slot that the flag called name fills.
func flagSlot(spec *Spec, name string) (SlotSpec, bool) {
	for _, slot := range spec.Slots {
		if slot.Name == name || slot.kind.flagAlias() == name {
			return slot, true
		}
	}
	return SlotSpec{}, false
}

// unknownFlag says that spec has no flag called name, and which is the nearest.
func unknownFlag(spec *Spec, name string) string {
	known := spec.Flags()
	if slices.ContainsFunc(spec.Slots, func(s SlotSpec) bool { return s.kind == kindCommand }) {
		return spec.Name + " has no flag --" + name + "; a flag of the job's command stands with it in quotation marks"
	}
	if len(name) > 30 {
		name = name[:30] + "…"
	}
	if len(known) == 0 {
		return spec.Name + " has no flag --" + name + "; it takes none"
	}
	if near := closest(strings.ToLower(name), known); near != "" {
		return spec.Name + " has no flag --" + name + "; did you mean --" + near + "?"
	}
	return spec.Name + " has no flag --" + name + "; it takes --" + strings.Join(known, ", --")
}

// set sets an option. What the words said already must not be said otherwise by a flag.
func (f *match) set(option OptionSpec, t *token) {
	value := t.value
	if !option.Value && !t.given {
		value = "true"
	}
	if old, twice := f.options[option.Name]; twice && old != value {
		f.err = "--" + option.Name + " is said twice"
		return
	}
	if !f.owned {
		f.options, f.owned = maps.Clone(f.options), true
	}
	if f.options == nil {
		f.options = map[string]string{}
	}
	if f.options[option.Name] = value; value == "false" && !option.Value {
		delete(f.options, option.Name)
	}
}

// flagSlot fills slot from the flag t. A list may be filled by several flags and by words.
func (m *matcher) flagSlot(f *match, t *token, slot SlotSpec) {
	if !t.given || t.value == "" {
		f.err = "--" + t.low + " needs a value"
		return
	}
	values, wrong := m.p.flagValues(slot, t)
	switch {
	case wrong != nil:
		m.flagFaults(f, t, slot, values, wrong)
	case f.slots.Has(slot.Name) && !slot.List:
		if f.slots.One(slot.Name) != values[0] {
			f.err = slot.Name + " is said twice"
		}
	default:
		f.fill(slot.Name, values)
	}
}

// flagFaults notes what is wrong with the value of the flag t. values are those of its list that are right.
func (m *matcher) flagFaults(f *match, t *token, slot SlotSpec, values []string, wrong []*fault) {
	have := len(f.slots.All(slot.Name))
	for _, w := range wrong {
		switch {
		case w.kind == faultRefused:
			f.err = "--" + t.low + ": " + w.text
		case w.shapeless():
			w.text = shown(t.value) + " is no " + slotPhrase(slot.Name)
		}
		if w.at >= 0 && slot.List {
			w.at += have
		}
		if w.at < 0 && have > 0 {
			w.at = have
		}
	}
	f.faults = append(f.faults, wrong...)
	if len(values) > 0 && slot.List {
		f.fill(slot.Name, values)
	}
}

// fill adds values to the slot called name, each once, and keeps the slots in the order of the catalogue file.
func (f *match) fill(name string, values []string) {
	all := append([]string(nil), f.slots.All(name)...)
	for _, v := range values {
		if !contains(all, v) {
			all = append(all, v)
		}
	}
	f.slots = f.rule.spec.ordered(f.slots.With(name, all...))
}

// ordered returns slots in the order of the catalogue file.
func (s *Spec) ordered(slots Slots) Slots {
	out := make(Slots, 0, len(slots))
	for i := range s.Slots {
		if values := slots.All(s.Slots[i].Name); len(values) > 0 {
			out = append(out, Slot{Name: s.Slots[i].Name, Values: values})
		}
	}
	return out
}

// flagValues reads the value of the flag t as what slot takes, or says what is wrong with it.
func (p *Parser) flagValues(slot SlotSpec, t *token) (values []string, wrong []*fault) {
	m := p.scratch(time.Time{})
	defer p.release(m)
	if t.quoted && slot.kind != kindCommand {
		m.part = &part{toks: []token{{raw: t.value, low: strings.ToLower(t.value), quoted: true}}}
		if values, wrong = m.whole(slot); wrong == nil {
			return values, nil
		}
	}
	return p.values(m, slot, t.value)
}

// values reads text as what slot takes, all of it, or says what is wrong with it.
func (p *Parser) values(m *matcher, slot SlotSpec, text string) ([]string, []*fault) {
	if slot.kind == kindCommand {
		return p.commandValues(slot, text)
	}
	pt := &part{}
	toks, err := p.catalog.tokenise(nil, text)
	if err == nil {
		*pt = p.catalog.part(toks)
	}
	m.part = pt
	if err != nil || len(pt.toks) == 0 || len(pt.flags) > 0 {
		return nil, []*fault{{kind: faultForm, slot: slot.Name, of: slot.kind, said: text, at: -1}}
	}
	if slot.kind == kindText || slot.kind == kindReason || slot.kind == kindService {
		return []string{text}, nil
	}
	return m.whole(slot)
}

// whole reads every word of m.part as the value of slot.
func (m *matcher) whole(slot SlotSpec) ([]string, []*fault) {
	m.toks, m.vals, m.faults = m.part.toks, m.vals[:0], m.faults[:0]
	h := &hole{slot: slot.Name, kind: slot.kind, list: slot.List}
	if slot.kind == kindRate && len(m.toks) == 1 {
		if v := number(m.toks[0].raw, 1, mostRate); v != "" {
			return []string{v}, nil
		}
	}
	if next := m.value(h, 0, true); next == len(m.toks) {
		return slices.Clone(m.vals), nil
	}
	m.vals = m.vals[:0]
	if next := m.faulty(h, 0); next == len(m.toks) && len(m.faults) > 0 {
		return slices.Clone(m.vals), slices.Clone(m.faults)
	}
	return nil, []*fault{{kind: faultForm, slot: slot.Name, of: slot.kind, said: m.words(0, len(m.toks)), at: -1}}
}

// equal reports whether two lists of slots are the same.
func (s Slots) equal(other Slots) bool {
	if len(s) != len(other) {
		return false
	}
	for i := range s {
		if s[i].Name != other[i].Name || len(s[i].Values) != len(other[i].Values) {
			return false
		}
		for j := range s[i].Values {
			if s[i].Values[j] != other[i].Values[j] {
				return false
			}
		}
	}
	return true
}
