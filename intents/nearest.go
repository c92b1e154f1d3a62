package intents

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// mostRunes bounds the words whose distance is measured; longer ones are far from everything.
const mostRunes = 64

// distance is the Damerau-Levenshtein distance (optimal string alignment) between a and b, or most+1 as soon as
// it is certain to exceed most.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most*utf8.UTFMax || len(b)-len(a) > most*utf8.UTFMax {
		return most + 1
	}
	if len(a) < shortWord && len(b) < shortWord && plain(a) && plain(b) {
		return shortDistance(a, b, most)
	}
	var space [2][mostRunes]rune
	x, y := runes(space[0][:0], a), runes(space[1][:0], b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > most || len(y) >= mostRunes {
		return most + 1
	}
	var rows [3][mostRunes]int
	before, prev, row := &rows[0], &rows[1], &rows[2]
	for i := range len(x) + 1 {
		prev[i] = i
	}
	for j := 1; j <= len(y); j++ {
		row[0] = j
		least := j
		for i := 1; i <= len(x); i++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[i] = min(prev[i]+1, row[i-1]+1, prev[i-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[i] = min(row[i], before[i-2]+1)
			}
			least = min(least, row[i])
		}
		if least > most {
			return most + 1
		}
		before, prev, row = prev, row, before
	}
	return min(prev[len(x)], most+1)
}

// shortWord bounds the words whose distance is measured on small tables: most names.
const shortWord = 16

// shortDistance is distance for short words in ASCII.
func shortDistance(a, b string, most int) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > most {
		return most + 1
	}
	var rows [3][shortWord]uint8
	before, prev, row := &rows[0], &rows[1], &rows[2]
	for i := range len(a) + 1 {
		prev[i] = uint8(i)
	}
	for j := 1; j <= len(b); j++ {
		row[0] = uint8(j)
		least := row[0]
		for i := 1; i <= len(a); i++ {
			cost := uint8(1)
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(prev[i]+1, row[i-1]+1, prev[i-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[i-2]+1)
			}
			row[i] = d
			least = min(least, d)
		}
		if int(least) > most {
			return most + 1
		}
		before, prev, row = prev, row, before
	}
	return min(int(prev[len(a)]), most+1)
}

// runes appends the runes of text to buf, as many as fit.
func runes(buf []rune, text string) []rune {
	for _, r := range text {
		if len(buf) == cap(buf) {
			break
		}
		buf = append(buf, r)
	}
	return buf
}

// slips is how many slips of the finger a word of n letters may hold and still be known.
func slips(n int) int {
	switch {
	case n < 3:
		return 0
	case n < 8:
		return 1
	}
	return 2
}

// mistyped returns the one name of kind k that said is a slip away from, "" where there is none or more than
// one. Only letters may differ: edge-2 has twenty neighbours in a fleet of forty that differ in a digit.
func (x *nameIndex) mistyped(k kind, said string) string {
	letters, numbers := shape(said)
	most := slips(len(strings.ReplaceAll(letters, "#", "")))
	if most == 0 {
		return ""
	}
	return x.shapes[k].mistyped(letters, numbers, most)
}

// Nearest returns up to three names of the inventory of the given kind ("node", "deployment", "site", ...) that
// look most like name, the closest first. It returns nil for a kind that the inventory does not have.
func (p *Parser) Nearest(of, name string) []string {
	k, err := parseKind(of)
	if err != nil || !k.named() {
		return nil
	}
	names, _ := p.nearest(k, name)
	return names
}

// nearest is Nearest for the kind k. It also returns how far the first name is.
func (p *Parser) nearest(k kind, name string) (names []string, far int) {
	letters, numbers := shape(name)
	const most = 3
	list := p.names.shapes[k].nearest(letters, numbers, most)
	for i := range list {
		names = append(names, list[i].text)
	}
	if len(list) > 0 {
		far = list[0].letters + list[0].digits
	}
	return names, far
}

// apart returns how far apart two lists of numbers are in their last number.
func apart(a, b string) int {
	x, errX := strconv.Atoi(a[strings.LastIndexByte(a, ' ')+1:])
	y, errY := strconv.Atoi(b[strings.LastIndexByte(b, ' ')+1:])
	if errX != nil || errY != nil {
		return 0
	}
	return max(x-y, y-x)
}

// closest returns the one of words that w is a slip away from, "" where none is or several are.
func closest(w string, words []string) string {
	if near := allClosest(w, words); len(near) == 1 {
		return near[0]
	}
	return ""
}

// allClosest returns those of words that w is the fewest slips away from.
func allClosest(w string, words []string) []string {
	best := slips(len(w))
	var found []string
	for _, other := range words {
		if len(other)-len(w) > best || len(w)-len(other) > best*utf8.UTFMax {
			continue
		}
		switch d := distance(w, other, best); {
		case d > best:
		case d < best:
			best, found = d, []string{other}
		case !slices.Contains(found, other):
			found = append(found, other)
		}
	}
	return found
}
