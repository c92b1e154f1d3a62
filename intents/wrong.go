package intents

import (
	"slices"
	"strings"
)

// leastWrong returns the reading whose wrong values are the easiest to put right, nil where there is none.
func leastWrong(found []match) *match {
	var least *match
	for i := range found {
		f := &found[i]
		if len(f.faults) == 0 || f.err != "" || !f.plausible() {
			continue
		}
		if least == nil || f.wrongness() < least.wrongness() {
			least = f
		}
	}
	return least
}

// plausible reports whether somebody could have meant f. One wrong value may be any word; where there are more, each must look like a name.
func (f *match) plausible() bool {
	if len(f.faults) == 1 {
		return true
	}
	return !slices.ContainsFunc(f.faults, func(w *fault) bool { return w.kind == faultUnknown && !strings.ContainsAny(w.said, "0123456789") })
}

// wrongness orders readings: by how many values are wrong, how badly, and how far the nearest name is.
func (f *match) wrongness() int {
	worst, near := 0, 0
	for _, w := range f.faults {
		worst, near = max(worst, w.rank()), near+w.near
	}
	return len(f.faults)*10000 + worst*1000 + min(near, 999)
}

// rank orders faults by how likely it is that the reading is the right one.
func (f *fault) rank() int {
	switch f.kind {
	case faultMistyped:
		return 0
	case faultAmbiguous:
		return 1
	case faultRefused, faultForm:
		return 2
	}
	if len(f.choices) > 0 {
		return 3
	}
	return 4
}

// wrong makes the outcome of a command with values that are not right: a request to see takes mistyped names for
// what they must be, everything else asks about one after another.
func (p *Parser) wrong(f *match, pt *part) outcome {
	o := f.outcome()
	for _, w := range f.faults {
		if w.kind == faultRefused {
			return outcome{decision: Refuse, because: w.text}
		}
	}
	if o.spec.Risk.Changes() && pt.unclear() != "" {
		return outcome{decision: Refuse, because: pt.unclear()}
	}
	if !o.spec.Risk.Changes() && f.allMistyped() {
		o.correct(f.faults)
		return o
	}
	tail := &o.missing
	for _, w := range f.faults {
		*tail = o.ask(w, len(f.faults) == 1)
		tail = &(*tail).Next
	}
	w := f.faults[0]
	o.decision, o.sure, o.because, o.question = Ask, 0.8, w.text, o.missing.Question
	if w.kind == faultMistyped {
		o.because = "there is no " + w.of.String() + " " + w.said
	}
	return o
}

// allMistyped reports whether every wrong value is one slip away from exactly one name.
func (f *match) allMistyped() bool {
	return !slices.ContainsFunc(f.faults, func(w *fault) bool { return w.kind != faultMistyped })
}

// correct puts the names that must be meant into the slots of o.
func (o *outcome) correct(faults []*fault) {
	said := make([]string, len(faults))
	for i, w := range faults {
		slot, _ := o.spec.Slot(w.slot)
		at := w.at
		if at >= 0 {
			at += i // those before it came in
		}
		o.intent.Slots = o.spec.ordered(put(o.intent.Slots, slot, at, w.value))
		said[i] = w.text
	}
	o.decision, o.sure, o.because = Act, 0.8, strings.Join(said, ", ")+"; read"
}

// ask asks about one wrong value; alone says that nothing else is wrong.
func (o *outcome) ask(w *fault, alone bool) *Missing {
	slot, _ := o.spec.Slot(w.slot)
	m := &Missing{Slot: w.slot, Choices: w.choices, At: w.at}
	if !slot.List {
		m.At = -1
	}
	switch {
	case w.kind == faultMistyped:
		if m.Question = "Did you mean " + w.value + "?"; alone {
			m.Question += " Then type: " + o.with(slot, w.at, w.value).Canonical()
		}
	case len(w.choices) > 0:
		m.Question = capital(w.text) + "; did you mean " + numberedList(w.choices) + "?"
	default:
		m.Question = capital(w.text) + ". " + prompt([]string{w.slot})
	}
	return m
}

// with returns the intent of o with value in slot.
func (o *outcome) with(slot SlotSpec, at int, value string) Intent {
	i := o.intent
	i.Slots = o.spec.ordered(put(i.Slots, slot, at, value))
	return i
}

// put returns slots with values in slot: inserted into its list at place at, or in place of what it held.
func put(slots Slots, slot SlotSpec, at int, values ...string) Slots {
	if !slot.List || at < 0 {
		return slots.With(slot.Name, values...)
	}
	have := slots.All(slot.Name)
	at = min(at, len(have))
	var all []string
	for _, v := range slices.Concat(have[:at], values, have[at:]) {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return slots.With(slot.Name, all...)
}

// capital returns text with its first letter in upper case.
func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
