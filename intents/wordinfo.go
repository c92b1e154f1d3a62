package intents

import "strings"

// wordInfo is everything that is known of one word, so that it is looked up once for each word of a text.
type wordInfo struct {
	lemma    lemma
	verb     bool // it is a form of lemma
	known    bool // it is a word at all
	function bool // it only holds a sentence together
	shifting bool // it changes what a sentence says
	generic  bool // it is what people call machines and trouble
	alien    bool // it orders what no intent does
	changes  bool // an intent that changes something acts with it
	heavy    bool // and the catalogue file of that intent names it
	acts     bool // some intent acts with it
	said     classSet
	acting   classSet
	cues     []cue
	foreign  int
}

// says reports whether the word, or another form of it, stands in a phrase of class.
func (w *wordInfo) says(class int) bool { return w.said.has(class) }

// actsFor reports whether the word is an action verb of class.
func (w *wordInfo) actsFor(class int) bool { return w.acting.has(class) }

// bent returns the verb that the word is a form of, false where it is none.
func (w *wordInfo) bent() (lemma, bool) { return w.lemma, w.verb }

// base returns the base form of the verb, the text itself where it is none.
func (w *wordInfo) base(text string) string {
	if w.verb {
		return w.lemma.base
	}
	return text
}

// index makes the table of everything that is known, from what was collected.
func (v *vocabulary) index(c *Catalog) {
	v.info = map[string]*wordInfo{}
	all := func(words func(yield func(string))) {
		words(func(w string) {
			if _, done := v.info[w]; !done {
				v.info[w] = v.describe(w, c.cues)
			}
		})
	}
	for _, set := range []map[string]bool{v.function, v.shifting, v.generic, v.real, v.alien} {
		all(func(yield func(string)) {
			for w := range set {
				yield(w)
			}
		})
	}
	all(func(yield func(string)) {
		for w := range v.words {
			yield(w)
		}
		for w := range v.forms {
			yield(w)
		}
		for w := range c.cues.foreign {
			yield(w)
		}
	})
	all(c.cues.words)
}

// describe collects what is known of w.
func (v *vocabulary) describe(w string, t *cueTable) *wordInfo {
	info := &wordInfo{function: v.function[w], shifting: v.shifting[w], generic: v.generic[w], cues: t.cues[w], foreign: t.foreign[w]}
	info.lemma, info.verb = v.forms[w]
	base := info.base(w)
	info.alien = v.alien[base]
	own, said := v.words[w]
	info.known = v.known(w)
	if said {
		info.said = own.said
	}
	if !said && !info.verb {
		if one, plural := strings.CutSuffix(w, "s"); plural && v.words[one] != nil {
			info.said = v.words[one].said
		}
	}
	if of := v.words[base]; of != nil {
		info.acting, info.changes, info.heavy = of.verbs, of.changes, of.heavy
		info.acts = v.anyActs(w)
		if info.verb {
			info.said = info.said.with(of.said).with(of.verbs)
		}
	}
	return info
}

// at returns what is known of w.
func (v *vocabulary) at(w string) *wordInfo {
	if info, ok := v.info[w]; ok {
		return info
	}
	return &v.nothing
}

// look looks every word of s up.
func (s *saying) look(v *vocabulary) {
	s.info = s.info[:0]
	for i := range s.words {
		s.info = append(s.info, v.at(s.words[i].low))
	}
}

// with returns s and other together.
func (s classSet) with(other classSet) classSet {
	out := make(classSet, max(len(s), len(other)))
	copy(out, s)
	for i := range other {
		out[i] |= other[i]
	}
	return out
}
