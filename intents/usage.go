package intents

import (
	"slices"
	"strings"
)

// usage says how an intent is said, from its first pattern: one word where several may stand, slots in angle brackets,
// what may be left out in square ones.
func usage(e *expr, spec *Spec) string {
	switch e.op {
	case opWord:
		return e.text
	case opHole:
		slot, _ := spec.Slot(e.text)
		if slot.List {
			return "<" + e.text + ">..."
		}
		return "<" + e.text + ">"
	case opOpt:
		if !e.hasHole() {
			return ""
		}
		return "[" + usage(e.kids[0], spec) + "]"
	case opAlt:
		return usageOfAlt(e, spec)
	}
	var said []string
	for _, kid := range e.kids {
		text := usage(kid, spec)
		if e.op == opSet {
			text = "[" + text + "]"
		}
		if text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, " ")
}

// usageOfAlt says a choice: the first where it is between words, all where it is between slots.
func usageOfAlt(e *expr, spec *Spec) string {
	if !e.hasHole() {
		return usage(e.kids[0], spec)
	}
	var said []string
	for _, kid := range e.kids {
		said = append(said, usage(kid, spec))
	}
	return "(" + strings.Join(said, " | ") + ")"
}

// hasHole reports whether a slot's value stands somewhere in e.
func (e *expr) hasHole() bool {
	return e.op == opHole || slices.ContainsFunc(e.kids, (*expr).hasHole)
}
