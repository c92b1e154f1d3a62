package intents

import (
	"fmt"
	"strings"
)

// rule is one `=` line of a catalogue file: a pattern, and what it sets beyond its holes.
type rule struct {
	spec    *Spec
	line    int
	pattern *expr
	preset  Slots             // slots that the words themselves fill: "failed runs" sets state
	options map[string]string // options that the words themselves set: "follow r-17"
}

// file is one catalogue file as read.
type file struct {
	spec  *Spec
	rules []*rule
}

// parseFile reads one catalogue file. Errors name the file and the line.
func parseFile(name, text string) (*file, error) {
	f := &file{spec: &Spec{}}
	var patterns []numbered
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		var err error
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			patterns = append(patterns, numbered{i + 1, strings.TrimSpace(line[1:])})
		case line[0] == '!':
			err = f.counterexample(strings.TrimSpace(line[1:]))
		case line[0] == '~':
			err = f.phrasing(i+1, strings.TrimSpace(line[1:]))
		case len(patterns) == 0 && len(f.spec.Examples) == 0 && strings.Contains(line, ":"):
			err = f.header(line)
		default:
			f.spec.Examples = append(f.spec.Examples, line)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, p := range patterns {
		if err := f.rule(p); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, p.line, err)
		}
	}
	return f, nil
}

// numbered is a line with its number.
type numbered struct {
	line int
	text string
}

// header reads one `key: value` line.
func (f *file) header(line string) error {
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	s := f.spec
	var err error
	switch key {
	case "intent":
		s.Name = value
	case "risk":
		s.Risk, err = ParseRisk(value)
	case "help":
		s.Help = value
	case "slots":
		err = s.parseSlots(value)
	case "options":
		for word := range strings.FieldsSeq(value) {
			option, hasValue := strings.CutSuffix(word, "=text")
			s.Options = append(s.Options, OptionSpec{Name: option, Value: hasValue})
		}
	case "verbs":
		for verb := range strings.SplitSeq(value, ",") {
			s.Verbs = append(s.Verbs, strings.TrimSpace(verb))
		}
	case "words":
		for phrase := range strings.SplitSeq(value, ",") {
			s.Words = append(s.Words, strings.TrimSpace(phrase))
		}
	case "undo":
		s.Undo = value
	case "confirm":
		s.Confirm = value
	case "opposite":
		s.Opposite = value
	default:
		return fmt.Errorf("unknown key %q; known are intent, risk, help, slots, options, verbs, words, undo, confirm, opposite", key)
	}
	return err
}

// counterexample reads a `!` line: the text and, after two spaces or a tab, the intent that it is.
func (f *file) counterexample(line string) error {
	text, is, ok := strings.Cut(strings.ReplaceAll(line, "\t", "  "), "  ")
	if is = strings.TrimSpace(is); !ok || is == "" {
		return fmt.Errorf("%q: after two spaces name the intent that it is, or none", line)
	}
	f.spec.Unlike = append(f.spec.Unlike, Unlike{Text: text, Is: is})
	return nil
}

// check holds the header against what every intent needs.
func (f *file) check() error {
	s := f.spec
	switch {
	case s.Name == "":
		return fmt.Errorf("the header has no intent")
	case s.Risk == "":
		return fmt.Errorf("intent %s: the header has no risk", s.Name)
	case s.Help == "":
		return fmt.Errorf("intent %s: the header has no help", s.Name)
	case len(s.Verbs) == 0:
		return fmt.Errorf("intent %s: the header has no verbs", s.Name)
	case s.Risk == Destructive && s.Confirm == "":
		return fmt.Errorf("intent %s: is destructive and has no confirm", s.Name)
	}
	for _, option := range s.Options {
		if _, clash := s.Slot(option.Name); clash {
			return fmt.Errorf("intent %s: %s is a slot and an option", s.Name, option.Name)
		}
	}
	return nil
}

// rule reads one pattern with its presets: "failed runs -> state=failed".
func (f *file) rule(p numbered) error {
	text, sets, _ := strings.Cut(p.text, "->")
	pattern, err := parsePattern(text, f.spec)
	if err != nil {
		return err
	}
	r := &rule{spec: f.spec, line: p.line, pattern: pattern}
	for set := range strings.FieldsSeq(sets) {
		name, value, has := strings.Cut(set, "=")
		if _, ok := f.spec.Slot(name); ok && has {
			r.preset = r.preset.With(name, value)
			continue
		}
		if _, ok := f.spec.Option(name); !ok {
			return fmt.Errorf("%q: %s has no slot or option %s", p.text, f.spec.Name, name)
		}
		if !has {
			value = "true"
		}
		if r.options == nil {
			r.options = map[string]string{}
		}
		r.options[name] = value
	}
	if f.spec.Usage == "" {
		f.spec.Usage = usage(pattern, f.spec)
	}
	f.rules = append(f.rules, r)
	return nil
}
