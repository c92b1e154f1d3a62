package intents

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed catalog/*.txt
var catalogFiles embed.FS

// Catalog holds every intent that the language knows, and the automaton of their patterns. It is immutable and
// safe for concurrent use.
type Catalog struct {
	specs   []*Spec // sorted by name
	rules   []*rule
	auto    *automaton
	lexicon map[string]word
	spell   []string           // word → text
	flags   map[string]bool    // every flag, and whether it takes a value
	topics  map[string]string  // what `help` can be asked about, and its one name
	first   []string           // the words that a command can begin with, sorted
	byName  map[string][]*rule // the rules of each intent, in the order of its file
	none    []Phrase           // what is said to a bot and asks for nothing that it does
	cues    *cueTable
	extra   int                      // how many phrases are operators'
	taught  map[string]int           // masked phrase of operators → class
	learn   func() (*learned, error) // once
}

// Load returns the catalogue that is built into the program. It reports every mistake in its files at once. The catalogue never changes, so that all
// who ask for it share one.
func Load() (*Catalog, error) { return shipped() }

// shipped is the built-in catalogue: made once, at the first call. Intent.Canonical has no other way to it.
var shipped = sync.OnceValues(func() (*Catalog, error) {
	files, err := fs.Sub(catalogFiles, "catalog")
	if err != nil {
		return nil, fmt.Errorf("built-in catalogue: %w", err)
	}
	return load(files)
})

// load reads the catalogue files in files.
func load(files fs.FS) (*Catalog, error) {
	names, err := fs.Glob(files, "*.txt")
	if err != nil {
		return nil, fmt.Errorf("list catalogue files: %w", err)
	}
	c := &Catalog{cues: newCueTable(), flags: map[string]bool{}, topics: map[string]string{}, byName: map[string][]*rule{}}
	var mistakes []error
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read catalogue file %s: %w", name, err)
		}
		if name == noneFile {
			c.none, err = parseNone(string(text))
			mistakes = append(mistakes, err)
			continue
		}
		f, err := parseFile(name, string(text))
		if err == nil {
			err = c.add(name, f)
		}
		mistakes = append(mistakes, err)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	c.learn = sync.OnceValues(c.study)
	return c, c.compile()
}

// add takes in one file.
func (c *Catalog) add(name string, f *file) error {
	if want := f.spec.Name + ".txt"; name != want {
		return fmt.Errorf("%s: the file of intent %s must be called %s", name, f.spec.Name, want)
	}
	c.specs = append(c.specs, f.spec)
	dotted, err := dottedRule(f.spec)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.rules = append(append(c.rules, f.rules...), dotted)
	c.byName[f.spec.Name] = f.rules
	c.addTopics(f.spec)
	for _, flag := range f.spec.Flags() {
		option, isOption := f.spec.Option(flag)
		value := !isOption || option.Value
		if old, known := c.flags[flag]; known && old != value {
			return fmt.Errorf("%s: flag --%s takes a value in one intent and none in another", name, flag)
		}
		c.flags[flag] = value
	}
	return nil
}

// addTopics makes known what `help` may be asked about spec: its name, its room, its verbs.
func (c *Catalog) addTopics(spec *Spec) {
	noun, verb, _ := strings.Cut(spec.Name, ".")
	c.topics[noun], c.topics[noun+"s"] = noun, noun
	c.topics[spec.Name], c.topics[strings.TrimSpace(noun+" "+verb)] = spec.Name, spec.Name
	for _, v := range spec.Verbs {
		if _, taken := c.topics[v]; !taken {
			c.topics[v] = v
		}
	}
}

// dottedRule is the pattern that every intent has without being told: its name and its slots in their order.
func dottedRule(spec *Spec) (*rule, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "(%s|%s)", spec.Name, strings.ReplaceAll(spec.Name, ".", " "))
	for _, group := range spec.Require {
		holes := make([]string, len(group))
		for i, name := range group {
			holes[i] = spec.holeOf(name)
		}
		b.WriteString(" (" + strings.Join(holes, "|") + ")")
	}
	var optional []string
	for _, slot := range spec.Slots {
		if !slot.Required {
			optional = append(optional, spec.phraseOf(slot))
		}
	}
	if len(optional) > 0 {
		b.WriteString(" <" + strings.Join(optional, "|") + ">")
	}
	pattern, err := parsePattern(b.String(), spec)
	return &rule{spec: spec, pattern: pattern}, err
}

// phraseOf returns the pattern of an optional slot: words that could be anything need to be announced.
func (s *Spec) phraseOf(slot SlotSpec) string {
	switch slot.kind {
	case kindReason:
		return "(because|reason) {" + slot.Name + "}"
	case kindJobName:
		return "(as|job) {" + slot.Name + "}"
	case kindText, kindService, kindCommand:
		return slot.Name + " {" + slot.Name + "}"
	}
	return "[({on}|with)] {" + slot.Name + "}"
}

// holeOf returns the pattern of a slot's value: words that could be anything need the slot's name before them.
func (s *Spec) holeOf(name string) string {
	slot, _ := s.Slot(name)
	switch slot.kind {
	case kindTag, kindPrefix, kindText, kindReason, kindService, kindJobName:
		return name + " {" + name + "}"
	case kindNode:
		return "[{on}] {" + name + "}"
	case kindCommand:
		return "[(:|to)] {" + name + "}"
	}
	return "{" + name + "}"
}

// compile builds the automaton.
func (c *Catalog) compile() error {
	slices.SortFunc(c.specs, func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	n := newNet()
	for _, r := range c.rules {
		if err := n.add(r); err != nil {
			return err
		}
	}
	auto, err := n.automaton()
	if err != nil {
		return err
	}
	c.auto, c.lexicon = auto, n.lexicon
	c.spell = make([]string, int(firstFreeWord)+len(n.lexicon)+1)
	for text, id := range n.lexicon {
		c.spell[id] = text
	}
	for _, w := range auto.states[0].words {
		if text := c.spell[w]; len(text) > 1 && !strings.Contains(text, ".") {
			c.first = append(c.first, text)
		}
	}
	slices.Sort(c.first)
	return nil
}

// Intents returns every intent of the catalogue, sorted by name.
func (c *Catalog) Intents() []Spec {
	out := make([]Spec, len(c.specs))
	for i, spec := range c.specs {
		out[i] = *spec
	}
	return out
}

// Intent returns the intent called name.
func (c *Catalog) Intent(name string) (Spec, bool) {
	if spec := c.spec(name); spec != nil {
		return *spec, true
	}
	return Spec{}, false
}

// spec returns the intent called name, nil where there is none.
func (c *Catalog) spec(name string) *Spec {
	i, ok := slices.BinarySearchFunc(c.specs, name, func(s *Spec, name string) int { return strings.Compare(s.Name, name) })
	if !ok {
		return nil
	}
	return c.specs[i]
}

// topicsNear returns the topics of `help` that w is a slip away from.
func (c *Catalog) topicsNear(w string) []string {
	if near := closest(w, slices.Sorted(maps.Keys(c.topics))); near != "" {
		return []string{c.topics[near]}
	}
	return nil
}
