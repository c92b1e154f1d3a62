package intents

import (
	"fmt"
	"slices"
	"strings"
)

// Spec is one intent of the catalogue: what its file says.
type Spec struct {
	Name     string
	Risk     Risk
	Help     string   // one line for `help`
	Usage    string   // how it is said, with its slots: "prime (<deployment> | <url>...) [on <node>...]"
	Verbs    []string // the first is the one that canonical text uses
	Words    []string // other verbs that free text may order it with: "take out"
	Slots    []SlotSpec
	Require  [][]string // of each group at least one slot must be filled
	Options  []OptionSpec
	Undo     string   // how to take it back, "" where nothing does
	Confirm  string   // the question before the yes, with {slot} holes; "" where none is asked
	Opposite string   // the intent that does the contrary, "" where none does
	Examples []string // utterances, with {slot} holes where any value may stand
	Unlike   []Unlike // utterances that look like this intent and are not
	Phrases  []Phrase // how people ask for it in their own words
}

// SlotSpec is one slot of an intent.
type SlotSpec struct {
	Name     string
	Type     string // "node", "duration", ...; mostly the same as Name
	List     bool   // takes more than one value
	Required bool   // must be filled, alone or by one of its group (Spec.Require)

	kind kind
}

// OptionSpec is one flag of an intent that is no slot.
type OptionSpec struct {
	Name  string
	Value bool // takes a value; else it is a switch
}

// Unlike is one `!` line of a catalogue file.
type Unlike struct {
	Text string
	Is   string // the intent that it is, "none" where it is no command
}

// Slot returns the slot called name.
func (s *Spec) Slot(name string) (SlotSpec, bool) {
	for _, slot := range s.Slots {
		if slot.Name == name {
			return slot, true
		}
	}
	return SlotSpec{}, false
}

// Option returns the option called name.
func (s *Spec) Option(name string) (OptionSpec, bool) {
	for _, option := range s.Options {
		if option.Name == name {
			return option, true
		}
	}
	return OptionSpec{}, false
}

// Flags returns every flag that the intent takes, without the dashes, slots first.
func (s *Spec) Flags() []string {
	var out []string
	for _, slot := range s.Slots {
		if alias := slot.kind.flagAlias(); alias != "" {
			out = append(out, alias)
		}
		out = append(out, slot.Name)
	}
	for _, option := range s.Options {
		out = append(out, option.Name)
	}
	return out
}

// missing returns the first group of required slots of which none is filled.
func (s *Spec) missing(filled Slots) []string {
	for _, group := range s.Require {
		if !slices.ContainsFunc(group, filled.Has) {
			return group
		}
	}
	return nil
}

// parseSlots reads the notation of the catalogue: "url+ or tag or deployment, [node+] [to:node]".
func (s *Spec) parseSlots(text string) error {
	group := []string(nil)
	join := false
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, ",", " ")) {
		if word == "or" {
			if group == nil {
				return fmt.Errorf("slots: nothing stands before %q", "or")
			}
			join = true
			continue
		}
		slot, err := parseSlot(word)
		if err != nil {
			return err
		}
		if _, twice := s.Slot(slot.Name); twice {
			return fmt.Errorf("slots: %s is there twice", slot.Name)
		}
		s.Slots = append(s.Slots, slot)
		switch {
		case !slot.Required:
			group = nil
		case join:
			group = append(group, slot.Name)
			s.Require[len(s.Require)-1] = group
		default:
			group = []string{slot.Name}
			s.Require = append(s.Require, group)
		}
		join = false
	}
	return nil
}

// parseSlot reads one slot: "[name:type+]" with the brackets, the type and the plus as wanted.
func parseSlot(word string) (SlotSpec, error) {
	slot := SlotSpec{Required: true}
	if inner, ok := strings.CutPrefix(word, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return slot, fmt.Errorf("slots: %q has no closing bracket", word)
		}
		slot.Required, word = false, inner
	}
	word, slot.List = strings.CutSuffix(word, "+")
	slot.Name, slot.Type, _ = strings.Cut(word, ":")
	if slot.Type == "" {
		slot.Type = slot.Name
	}
	var err error
	slot.kind, err = parseKind(slot.Type)
	if err != nil {
		return slot, fmt.Errorf("slots: %s: %w", slot.Name, err)
	}
	return slot, nil
}
