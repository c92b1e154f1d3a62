package intents

import (
	"cmp"
	"slices"
	"strings"
)

// shapes are the names of one kind by their letters, so that the search for names that look alike compares each spelling once, not each name.
type shapes struct {
	groups []shapeGroup
	by     map[string]int // letters → place among groups
}

// shapeGroup are names that differ in their numbers alone: edge-1 to edge-800.
type shapeGroup struct {
	letters string
	holes   int // how many numbers its names have
	names   []shaped
	numbers map[string]int32 // numbers → the first of names that has them
}

// shaped is a name of a group.
type shaped struct {
	text    string
	numbers string
	order   int   // its place among the names of its kind
	next    int32 // the next name with the same numbers, -1 at the end
}

// newShapes takes in names in their order.
func newShapes(names []string) *shapes {
	s := &shapes{by: make(map[string]int)}
	for order, text := range names {
		letters, numbers := shape(text)
		at, ok := s.by[letters]
		if !ok {
			at = len(s.groups)
			s.by[letters] = at
			s.groups = append(s.groups, shapeGroup{letters: letters, holes: strings.Count(letters, "#"), numbers: map[string]int32{}})
		}
		g := &s.groups[at]
		id := int32(len(g.names))
		g.names = append(g.names, shaped{text: text, numbers: numbers, order: order, next: -1})
		if first, taken := g.numbers[numbers]; taken {
			g.names[id].next = first
		}
		g.numbers[numbers] = id
	}
	return s
}

// shape splits the key of a name into its letters, with a hash for each number, and its numbers.
func shape(text string) (letters, numbers string) {
	key, _ := appendKey(nil, text)
	var l, n strings.Builder
	for i := range key {
		if key[i] < '0' || key[i] > '9' {
			l.WriteByte(key[i])
			continue
		}
		if i == 0 || key[i-1] < '0' || key[i-1] > '9' {
			l.WriteByte('#')
			n.WriteByte(' ')
		}
		n.WriteByte(key[i])
	}
	return l.String(), n.String()
}

// closeName is a name and how far it is from what was typed.
type closeName struct {
	text                           string
	letters, digits, number, order int
}

// compare orders names by how far they are, the closest first.
func (c closeName) compare(d closeName) int {
	return cmp.Or(cmp.Compare(c.letters, d.letters), cmp.Compare(c.digits, d.digits), cmp.Compare(c.number, d.number), cmp.Compare(c.order, d.order))
}

// farLetters is the distance from which on spellings count as equally far.
const farLetters = 8

// nearest returns the names closest to one with these letters and numbers, most of them at most.
func (s *shapes) nearest(letters, numbers string, most int) []closeName {
	if s == nil {
		return nil
	}
	type tier struct{ far, at int }
	tiers := make([]tier, 0, len(s.groups))
	for at := range s.groups {
		g := &s.groups[at]
		far := 2 * distance(g.letters, letters, farLetters)
		if far > 0 && letters != "" && strings.HasPrefix(g.letters, letters) {
			far = 1
		}
		tiers = append(tiers, tier{far, at})
	}
	slices.SortStableFunc(tiers, func(a, b tier) int { return cmp.Compare(a.far, b.far) })
	var best []closeName
	for i, t := range tiers {
		if len(best) >= most && t.far > tiers[i-1].far {
			break
		}
		best = s.groups[t.at].closest(best, t.far, numbers, most)
	}
	return best
}

// closest merges the names of g that are closest to numbers into best, which holds most at most.
func (g *shapeGroup) closest(best []closeName, far int, numbers string, most int) []closeName {
	take := func(n *shaped) {
		bound := farLetters
		if len(best) == most && best[most-1].letters == far {
			bound = best[most-1].digits
		}
		digits := distance(n.numbers, numbers, bound)
		if digits > bound && bound < farLetters {
			return
		}
		c := closeName{text: n.text, letters: far, digits: digits, number: apart(n.numbers, numbers), order: n.order}
		at, _ := slices.BinarySearchFunc(best, c, closeName.compare)
		if at < most {
			best = slices.Insert(best, at, c)
			best = best[:min(most, len(best))]
		}
	}
	const small = 32
	if len(g.names) > small && g.near(numbers, most, take) {
		return best
	}
	for i := range g.names {
		take(&g.names[i])
	}
	return best
}

// near calls take with each name of g whose numbers are those given but for one digit, if there are enough of them.
func (g *shapeGroup) near(numbers string, enough int, take func(*shaped)) bool {
	var found []int32
	look := func(key []byte) {
		for at, ok := g.numbers[string(key)]; ok && at >= 0; at = g.names[at].next {
			if !slices.Contains(found, at) {
				found = append(found, at)
			}
		}
	}
	var space [32]byte
	look(append(space[:0], numbers...))
	for i := range len(numbers) {
		if numbers[i] != ' ' {
			look(append(append(space[:0], numbers[:i]...), numbers[i+1:]...))
			if i+1 < len(numbers) && numbers[i+1] != ' ' {
				look(append(append(append(space[:0], numbers[:i]...), numbers[i+1], numbers[i]), numbers[i+2:]...))
			}
		}
		for digit := byte('0'); digit <= '9'; digit++ {
			look(append(append(append(space[:0], numbers[:i+1]...), digit), numbers[i+1:]...))
			if numbers[i] != ' ' {
				look(append(append(append(space[:0], numbers[:i]...), digit), numbers[i+1:]...))
			}
		}
	}
	if len(found) < enough {
		return false
	}
	for _, at := range found {
		take(&g.names[at])
	}
	return true
}

// mistyped returns the one name that letters, a few slips away, and exactly these numbers make; "" where there is none or more than one.
func (s *shapes) mistyped(letters, numbers string, most int) string {
	if s == nil {
		return ""
	}
	found, holes := "", strings.Count(letters, "#")
	for at := range s.groups {
		g := &s.groups[at]
		if g.holes != holes {
			continue
		}
		first, ok := g.numbers[numbers]
		if !ok || distance(g.letters, letters, most) > most {
			continue
		}
		for ; first >= 0; first = g.names[first].next {
			if text := g.names[first].text; found == "" {
				found = text
			} else if found != text {
				return ""
			}
		}
	}
	return found
}
