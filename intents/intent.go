package intents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Intent is one command as understood: what to do, to what, and how.
//
// The zero value is no intent. An Intent is plain data: it can be compared, journaled and sent.
type Intent struct {
	Name    string            `json:"intent"`            // as in the catalogue: "cache.flush"
	Slots   Slots             `json:"slots"`             // what it is about
	Options map[string]string `json:"options,omitempty"` // how: "dry-run", "by-hand", "follow", "soft", "reason"; a switch has the value "true"
}

// Option reports whether the switch called name was given.
func (i Intent) Option(name string) bool {
	v, ok := i.Options[name]
	return ok && v != "false"
}

// Slot is one filled slot. Values has exactly one element unless the slot is a list.
type Slot struct {
	Name   string
	Values []string
}

// Slots are the filled slots of an intent, in the order in which its catalogue file names them.
// As JSON they are one object, in which node and url are always lists and everything else is a string.
// The zero value is empty and ready to use.
type Slots []Slot

// IsList reports whether the slot called name always holds a list, even where an intent takes one value.
func IsList(name string) bool { return name == "node" || name == "url" }

// One returns the first value of the slot called name, or "" where it is not filled.
func (s Slots) One(name string) string {
	if all := s.All(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// All returns the values of the slot called name, nil where it is not filled. The caller must not change them.
func (s Slots) All(name string) []string {
	for i := range s {
		if s[i].Name == name {
			return s[i].Values
		}
	}
	return nil
}

// Has reports whether the slot called name is filled.
func (s Slots) Has(name string) bool { return len(s.All(name)) > 0 }

// With returns a copy in which the slot called name holds values, in its old place or at the end.
// Without values the slot is left out.
func (s Slots) With(name string, values ...string) Slots {
	out := make(Slots, 0, len(s)+1)
	placed := len(values) == 0
	for _, slot := range s {
		switch {
		case slot.Name != name:
			out = append(out, slot)
		case !placed:
			out = append(out, Slot{Name: name, Values: slices.Clone(values)})
			placed = true
		}
	}
	if !placed {
		out = append(out, Slot{Name: name, Values: slices.Clone(values)})
	}
	return out
}

// MarshalJSON writes the slots as one object, in their order.
func (s Slots) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, slot := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		var value any = slot.Values
		if !IsList(slot.Name) {
			value = strings.Join(slot.Values, ",")
		}
		name, err := json.Marshal(slot.Name)
		if err != nil {
			return nil, fmt.Errorf("slot %s: %w", slot.Name, err)
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("slot %s: %w", slot.Name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes, keeping the order. A value is a string or a list of strings.
func (s *Slots) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	open, err := dec.Token()
	if err != nil {
		return fmt.Errorf("slots: %w", err)
	}
	if open == nil {
		*s = nil
		return nil
	}
	if open != json.Delim('{') {
		return fmt.Errorf("slots: want an object, got %v", open)
	}
	out := Slots{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return fmt.Errorf("slots: %w", err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fmt.Errorf("slot %v: %w", name, err)
		}
		values, err := slotValues(raw)
		if err != nil {
			return fmt.Errorf("slot %v: %w", name, err)
		}
		out = append(out, Slot{Name: fmt.Sprint(name), Values: values})
	}
	*s = out
	return nil
}

// slotValues reads a string or a list of strings.
func slotValues(raw json.RawMessage) ([]string, error) {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		return []string{one}, nil
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil {
		return nil, fmt.Errorf("want a string or a list of strings: %w", err)
	}
	return many, nil
}
