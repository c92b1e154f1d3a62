package intents

import (
	"slices"
	"strings"
)

// leastWrong returns the reading whose one wrong value is the easiest to put right, nil where there is none.
func leastWrong(found []match) *match {
	var least *match
	for i := range found {
		f := &found[i]
		if f.fault == nil || f.err != "" {
			continue
		}
		if least == nil || f.fault.rank() < least.fault.rank() || f.fault.rank() == least.fault.rank() && f.fault.near < least.fault.near {
			least = f
		}
	}
	return least
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

// wrong makes the outcome of a command with one value that is not right: a request to see takes a mistyped name
// for what it must be, everything else asks.
func (p *Parser) wrong(f *match, pt *part) outcome {
	o := f.outcome()
	w := f.fault
	if w.kind == faultRefused {
		return outcome{decision: Refuse, because: w.text}
	}
	if o.spec.Risk.Changes() && pt.unclear() != "" {
		return outcome{decision: Refuse, because: pt.unclear()}
	}
	slot, _ := o.spec.Slot(w.slot)
	if w.kind == faultMistyped && !o.spec.Risk.Changes() {
		o.intent.Slots = o.spec.ordered(put(o.intent.Slots, slot, w.at, w.value))
		o.decision, o.sure, o.because = Act, 0.8, w.text+"; read"
		return o
	}
	o.decision, o.sure, o.because = Ask, 0.8, w.text
	o.missing = &Missing{Slot: w.slot, Choices: w.choices, At: w.at}
	if !slot.List {
		o.missing.At = -1
	}
	switch {
	case w.kind == faultMistyped:
		o.because = "there is no " + w.of.String() + " " + w.said
		o.question = "Did you mean " + w.value + "? Then type: " + o.with(slot, w.at, w.value).Canonical()
	case len(w.choices) > 0:
		o.question = capital(w.text) + "; did you mean " + numberedList(w.choices) + "?"
	default:
		o.question = capital(w.text) + ". " + prompt([]string{w.slot})
	}
	o.missing.Question = o.question
	return o
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
