package intents

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// name is one name of the inventory.
type name struct {
	text string
	kind kind
	at   int32 // its place among the names of its kind
	next int32 // the next name with the same key, -1 at the end
}

// nameIndex finds names however they are written: edge-2, edge2, EDGE 2 and "edge two" have one key.
type nameIndex struct {
	keys    map[string]int32 // key → first name
	names   []name
	longest int             // how many words a name may be said in
	ofKind  [kinds][]string // the names of each kind, in the order of the inventory
	shapes  [kinds]*shapes  // the same names by how they are spelled; nil for kinds that have none
	heads   heads           // how they begin
}

// appendKey appends the key of text to buf: in lower case, without what separates letters from digits, and with
// a hyphen for what separates letters from letters or digits from digits. It reports false for text that has
// separators at its ends or that is nothing but separators: such text names nothing.
func appendKey(buf []byte, text string) ([]byte, bool) {
	start, pending := len(buf), false
	last := classNone
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		c := classOf(r)
		if c == classSeparator {
			if last == classNone {
				return buf[:start], false
			}
			pending = true
			continue
		}
		if pending && c == last {
			buf = append(buf, '-')
		}
		pending, last = false, c
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		} else if r >= utf8.RuneSelf {
			r = unicode.ToLower(r)
		}
		buf = utf8.AppendRune(buf, r)
	}
	return buf, last != classNone && !pending
}

// class says what a rune is to a key.
type class uint8

const (
	classNone class = iota
	classLetter
	classDigit
	classSeparator
)

// classOf returns the class of r: everything that neither separates nor counts is a letter.
func classOf(r rune) class {
	switch {
	case '0' <= r && r <= '9':
		return classDigit
	case r == '-' || r == '_' || r == '.' || r == ' ':
		return classSeparator
	}
	return classLetter
}

// newNameIndex takes in every name of inv, and reports those that cannot be said as they are.
func newNameIndex(inv *Inventory, sites []string) (*nameIndex, []string) {
	x := &nameIndex{keys: make(map[string]int32, len(inv.Nodes)+len(inv.Deployments)+len(inv.Segments)), longest: 1}
	var problems []string
	add := func(k kind, names []string) {
		x.ofKind[k], x.shapes[k] = names, newShapes(names)
		for i, text := range names {
			if problem := x.add(k, text, int32(i)); problem != "" {
				problems = append(problems, problem)
			}
		}
	}
	nodes := make([]string, len(inv.Nodes))
	for i := range inv.Nodes {
		nodes[i] = inv.Nodes[i].Name
	}
	segments := make([]string, len(inv.Segments))
	for i := range inv.Segments {
		segments[i] = inv.Segments[i].Name
	}
	add(kindNode, nodes)
	add(kindSite, sites)
	add(kindDeployment, inv.Deployments)
	add(kindTenant, inv.Tenants)
	add(kindSegment, segments)
	add(kindPerson, inv.People)
	add(kindRule, inv.Rules)
	add(kindJob, inv.Jobs)
	return x, problems
}

// sitesOf returns the sites of inv in the order in which its nodes name them, then the others.
func sitesOf(inv *Inventory) []string {
	seen := map[string]bool{"": true}
	var out []string
	take := func(site string) {
		if !seen[site] {
			seen[site] = true
			out = append(out, site)
		}
	}
	for i := range inv.Nodes {
		take(inv.Nodes[i].Site)
	}
	for _, site := range inv.Sites {
		take(site)
	}
	return out
}

// add takes in one name. It returns a sentence where the name is hard to say: the same as another but for its
// separators, or impossible to write in a command.
func (x *nameIndex) add(k kind, text string, at int32) string {
	buf, ok := appendKey(nil, text)
	if !ok || !sayable(text) {
		return fmt.Sprintf("%s %q cannot be said in a command: it needs letters or digits at both ends and no unusual characters", k, text)
	}
	words := 1 + strings.Count(text, " ")
	for i := 1; i < len(text); i++ {
		if classOf(rune(text[i-1])) != classOf(rune(text[i])) && classOf(rune(text[i])) != classSeparator {
			words++
		}
	}
	x.longest = min(max(x.longest, words), mostNameWords)
	x.heads.add(k, buf)
	id := int32(len(x.names))
	first, taken := x.keys[string(buf)]
	x.names = append(x.names, name{text: text, kind: k, at: at, next: -1})
	if !taken {
		x.keys[string(buf)] = id
		return ""
	}
	problem := ""
	for {
		n := &x.names[first]
		if n.kind == k && n.text == text {
			problem = fmt.Sprintf("%s %q is there twice", k, text)
		} else if n.kind == kindNode && k == kindSite {
			problem = fmt.Sprintf("%q is a node and a site: say node %s, or all nodes in %s", text, nameText(n.text), nameText(text))
		} else if n.kind == k {
			problem = fmt.Sprintf("%s names %q and %q differ only in how they are written: each must be typed exactly", k, n.text, text)
		}
		if n.next < 0 {
			n.next = id
			return problem
		}
		first = n.next
	}
}

// sayable reports whether text, in quotation marks, survives the way into a command.
func sayable(text string) bool {
	if strings.ContainsRune(text, '\n') || isURL(text) {
		return false
	}
	if plain(text) && !strings.ContainsAny(text, "\"'`\\\n") {
		return true
	}
	said := "x " + quote(text)
	clean, err := normalise(said)
	if err != nil || clean != said {
		return false
	}
	if clean, err = unwrap(said, &Utterance{}); err != nil || clean != said {
		return false
	}
	var none Catalog
	toks, err := none.tokenise(nil, said)
	return err == nil && len(toks) == 2 && toks[1].quoted && toks[1].raw == text
}

// mostNameWords bounds how many words a name may be said in.
const mostNameWords = 6

// find returns the name of kind k with the given key. Where several share the key, exact decides: it is the
// text as typed, or "" where more than one word was typed. ambiguous reports that nothing decided.
func (x *nameIndex) find(k kind, key []byte, exact string) (found int32, ambiguous bool) {
	id, ok := x.keys[string(key)]
	if !ok {
		return -1, false
	}
	found = -1
	for ; id >= 0; id = x.names[id].next {
		n := &x.names[id]
		if n.kind != k {
			continue
		}
		if n.text == exact {
			return id, false
		}
		if found >= 0 && x.names[found].text != n.text {
			ambiguous = true
			continue
		}
		found = id
	}
	return found, ambiguous
}

// same returns the names of kind k that share the given key.
func (x *nameIndex) same(k kind, key []byte) []string {
	id, ok := x.keys[string(key)]
	if !ok {
		return nil
	}
	var out []string
	for ; id >= 0; id = x.names[id].next {
		if x.names[id].kind == k {
			out = append(out, x.names[id].text)
		}
	}
	return out
}
