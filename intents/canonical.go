package intents

import (
	"maps"
	"slices"
	"strings"
)

// Canonical returns the whole exact command for i: the text that parses back to the same intent. It uses the
// first pattern of the intent's catalogue file that fits, with its first verb; slots without a place in it, and
// options, become flags. An intent that the built-in catalogue does not have is written with flags alone.
//
// Names that could be taken for words of the grammar stand in quotation marks.
func (i Intent) Canonical() string {
	c, err := shipped()
	if err != nil { // a catalogue that does not load stops the program at its start; there is nobody to read this
		c = &Catalog{}
	}
	return c.canonical(&i)
}

// canonical is Intent.Canonical for the intents of c.
func (c *Catalog) canonical(i *Intent) string {
	w := &phrase{catalog: c, intent: i}
	for _, r := range c.byName[i.Name] {
		if r.preset != nil || r.options != nil {
			continue
		}
		if text, ok := w.render(r.pattern); ok {
			return w.finish(text)
		}
		w.used = w.used[:0]
	}
	return w.finish([]string{i.Name})
}

// phrase renders a pattern with the slots of an intent.
type phrase struct {
	catalog *Catalog
	intent  *Intent
	used    []string // slots that have found a place
}

// render returns the words of e, false where it needs a slot that is not filled.
func (w *phrase) render(e *expr) ([]string, bool) {
	switch e.op {
	case opWord:
		return []string{e.text}, true
	case opHole:
		values := w.intent.Slots.All(e.text)
		if len(values) == 0 || slices.Contains(w.used, e.text) {
			return nil, false
		}
		w.used = append(w.used, e.text)
		return []string{w.values(e.text, values)}, true
	case opAlt:
		for _, kid := range e.kids {
			before := len(w.used)
			if text, ok := w.render(kid); ok {
				return text, true
			}
			w.used = w.used[:before]
		}
		return nil, false
	}
	var out []string
	for _, kid := range e.kids {
		if e.op != opSeq && !w.filled(kid) {
			continue
		}
		before := len(w.used)
		text, ok := w.render(kid)
		if !ok && e.op == opSeq {
			return nil, false
		}
		if !ok {
			w.used = w.used[:before]
			continue
		}
		out = append(out, text...)
	}
	return out, true
}

// filled reports whether e has a hole whose slot is filled: an optional part without one is left out.
func (w *phrase) filled(e *expr) bool {
	if e.op == opHole {
		return w.intent.Slots.Has(e.text) && !slices.Contains(w.used, e.text)
	}
	return slices.ContainsFunc(e.kids, w.filled)
}

// finish adds what has no place in the pattern as flags.
func (w *phrase) finish(text []string) string {
	for _, slot := range w.intent.Slots {
		if slices.Contains(w.used, slot.Name) {
			continue
		}
		for _, v := range slot.Values {
			text = append(text, "--"+slot.Name, w.value(slot.Name, v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.intent.Options)) {
		switch value := w.intent.Options[name]; {
		case value == "true" && !w.catalog.flags[name]:
			text = append(text, "--"+name)
		default:
			text = append(text, "--"+name, quote(value))
		}
	}
	return strings.Join(text, " ")
}

// values joins the values of a slot.
func (w *phrase) values(slot string, values []string) string {
	said := make([]string, len(values))
	for i, v := range values {
		said[i] = w.value(slot, v)
	}
	return strings.Join(said, ", ")
}

// value returns one value as it must be written.
func (w *phrase) value(slot, v string) string {
	spec := w.catalog.spec(w.intent.Name)
	if spec == nil {
		return quote(v)
	}
	s, _ := spec.Slot(slot)
	switch s.kind {
	case kindPlatform, kindState, kindRun, kindDuration, kindPeriod, kindCount, kindVNI, kindTopic, kindAddress:
		return v
	case kindRate:
		return v + "/s"
	case kindURL, kindPrefix:
		if strings.ContainsAny(v, "\"'`\\") || strings.TrimRight(v, ".,;!?") != v {
			return quote(v)
		}
		return v
	case kindText, kindReason, kindSchedule, kindCommand, kindTime:
		return quote(v)
	}
	if s.kind == kindService && !freeName(v) {
		return quote(v)
	}
	if w.catalog.lexicon[strings.ToLower(v)] != wordNone || s.kind == kindNode && !strings.ContainsAny(v, "0123456789") {
		return quote(v) // a node without a number may share its name with a site
	}
	return nameText(v)
}

// nameText returns a name as it must be written: in quotation marks where it could be read as something else.
func nameText(v string) string {
	for i := range len(v) {
		c := v[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return quote(v)
		}
	}
	low := strings.ToLower(v)
	if v == "" || v[0] == '-' || v[len(v)-1] == '.' || strings.Contains(v, "..") || digits(v) || reserved(low) {
		return quote(v)
	}
	return v
}

// quote puts text into quotation marks such that tokenise takes them off again.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
