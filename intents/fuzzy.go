package intents

import "strings"

// fuzzyIndex finds names with a slip in their letters: names that differ in digits alone are one shape in it, so that a fleet costs as much as a machine.
type fuzzyIndex struct {
	shapes [kindJob + 1][]string
	known  [kindJob + 1]map[string]bool   // shapes
	names  [kindJob + 1]map[string]string // shape and numbers → name, "" where several have them
	heads  map[string]bool                // first words of names, in lower case
}

// newFuzzyIndex takes in the names of x.
func newFuzzyIndex(x *nameIndex) *fuzzyIndex {
	f := &fuzzyIndex{heads: map[string]bool{}}
	for k := kindNode; k <= kindJob; k++ {
		f.names[k], f.known[k] = make(map[string]string, len(x.ofKind[k])), map[string]bool{}
		for _, name := range x.ofKind[k] {
			letters, numbers := shape(name)
			if !f.known[k][letters] {
				f.known[k][letters] = true
				f.shapes[k] = append(f.shapes[k], letters)
			}
			head, _, _ := strings.Cut(name, "-")
			f.heads[strings.ToLower(head)] = true
			key := letters + numbers
			if old, twice := f.names[k][key]; twice && old != name {
				name = ""
			}
			f.names[k][key] = name
		}
	}
	return f
}

// shaped reports whether a name of kind k has these letters.
func (f *fuzzyIndex) shaped(k kind, letters string) bool { return f.known[k][letters] }

// near returns the one name of kind k that said is a slip of the finger away from, "" where there is none or more than one. Digits are exact.
func (f *fuzzyIndex) near(k kind, said string) string {
	if len(said) > mostRunes || len(f.shapes[k]) == 0 {
		return ""
	}
	letters, numbers := shape(said)
	most := slips(len(strings.ReplaceAll(letters, "#", "")))
	if most == 0 {
		return ""
	}
	found := ""
	holes := strings.Count(letters, "#")
	for _, l := range f.shapes[k] {
		if strings.Count(l, "#") != holes || distance(l, letters, most) > most {
			continue
		}
		name, ok := f.names[k][l+numbers]
		if !ok {
			continue
		}
		if found != "" || name == "" {
			return ""
		}
		found = name
	}
	return found
}
