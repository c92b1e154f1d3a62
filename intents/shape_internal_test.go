package intents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// everyName is the search for near names as it is meant: it looks at each of them.
func everyName(names []string, said string, most int) []string {
	letters, numbers := shape(said)
	list := make([]closeName, 0, len(names))
	for order, text := range names {
		l, n := shape(text)
		c := closeName{text: text, letters: 2 * distance(l, letters, farLetters), digits: distance(n, numbers, farLetters), number: apart(n, numbers), order: order}
		if c.letters > 0 && letters != "" && strings.HasPrefix(l, letters) {
			c.letters = 1
		}
		list = append(list, c)
	}
	slices.SortFunc(list, closeName.compare)
	var out []string
	for _, c := range list[:min(most, len(list))] {
		out = append(out, c.text)
	}
	return out
}

// onlySlip is the search for the one name that was mistyped as it is meant.
func onlySlip(names []string, said string, most int) string {
	letters, numbers := shape(said)
	found := ""
	for _, text := range names {
		l, n := shape(text)
		if n != numbers || strings.Count(l, "#") != strings.Count(letters, "#") || distance(l, letters, most) > most {
			continue
		}
		if found != "" && found != text {
			return ""
		}
		found = text
	}
	return found
}

// TestShapesFindWhatLookingAtEveryNameFinds: the quick search for near names gives the same names in the same order, whatever they are.
func TestShapesFindWhatLookingAtEveryNameFinds(t *testing.T) {
	t.Parallel()
	anyName := rapid.Custom(func(r *rapid.T) string {
		letters := rapid.SampledFrom([]string{"edge", "edgy", "mac", "sport", "ams-edge", "news", "x", "Edge", "kids", "é"}).Draw(r, "letters")
		switch rapid.IntRange(0, 3).Draw(r, "form") {
		case 0:
			return letters
		case 1:
			return fmt.Sprintf("%s-%d-%d", letters, rapid.IntRange(0, 12).Draw(r, "first"), rapid.IntRange(0, 30).Draw(r, "second"))
		}
		return fmt.Sprintf("%s-%d", letters, rapid.IntRange(0, 140).Draw(r, "number"))
	})
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfN(anyName, 0, 300).Draw(r, "names")
		said := rapid.OneOf(anyName, rapid.SampledFrom([]string{"", "7", "egde-2", "edge-9999", "edge99x", "12 12", "sprot-1", "nwes"})).Draw(r, "said")
		s := newShapes(names)
		letters, numbers := shape(said)
		var got []string
		for _, c := range s.nearest(letters, numbers, 3) {
			got = append(got, c.text)
		}
		if diff := gocmp.Diff(everyName(names, said, 3), got); diff != "" {
			r.Fatalf("nearest to %q among %q (-want +got):\n%s", said, names, diff)
		}
		for most := range 3 {
			if got, want := s.mistyped(letters, numbers, most), onlySlip(names, said, most); got != want {
				r.Fatalf("mistyped %q with %d slips among %q = %q, want %q", said, most, names, got, want)
			}
		}
	})
}

// BenchmarkNearest searches among 1,000 names for one that is not there.
func BenchmarkNearest(b *testing.B) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("edge-%d", cmp.Or(i, 1000))
	}
	s := newShapes(names)
	for _, said := range []string{"edge-1001", "edge-99999", "egde-12"} {
		letters, numbers := shape(said)
		b.Run(said, func(b *testing.B) {
			for b.Loop() {
				s.nearest(letters, numbers, 3)
			}
		})
	}
}

// TestShortWordsAreMeasuredAlike: small tables give the distance that large ones give.
func TestShortWordsAreMeasuredAlike(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[ab1 -]{0,15}`)
	rapid.Check(t, func(r *rapid.T) {
		a, b, most := word.Draw(r, "a"), word.Draw(r, "b"), rapid.IntRange(0, 9).Draw(r, "most")
		long := strings.Repeat("x", shortWord) // in front of both it changes nothing but the way
		if got, want := distance(a, b, most), distance(long+a, long+b, most); got != want {
			r.Fatalf("distance of %q and %q up to %d = %d, of the long ones %d", a, b, most, got, want)
		}
	})
}

// TestHeadsHideNoName: whatever is found by its key begins like one of the names.
func TestHeadsHideNoName(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[a-zA-Z0-9é+][a-zA-Z0-9 ._-]{0,6}[a-zA-Z0-9ß]?`)
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfN(name, 1, 20).Draw(r, "names")
		var h heads
		keys := map[string]bool{}
		for _, text := range names {
			if key, ok := appendKey(nil, text); ok {
				h.add(kindJob, key)
				keys[string(key)] = true
			}
		}
		said := rapid.OneOf(rapid.SampledFrom(names), name).Draw(r, "said")
		word := strings.ToLower(said)
		if key, ok := appendKey(nil, said); ok && keys[string(key)] && !h.may(kindJob, word) {
			r.Fatalf("%q, a name, begins none of %q", said, names)
		}
		if first, _, _ := strings.Cut(word, " "); first != "" && !h.may(kindJob, first) {
			for _, text := range names {
				if a, ok := appendKey(nil, text); ok {
					if b, ok := appendKey(nil, first); ok && strings.HasPrefix(string(a), string(b)) {
						r.Fatalf("%q, the first word of %q, begins %q", first, said, text)
					}
				}
			}
		}
	})
}
