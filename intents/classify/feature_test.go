package classify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tokens is what cut makes of text, as strings with the marks.
func tokens(text string) []string {
	var w words
	w.cut(text)
	var out []string
	from := 0
	for _, to := range w.ends {
		out = append(out, string(w.buf[from:to]))
		from = to
	}
	return out
}

// plainTokens is cut told in another way, slowly.
func plainTokens(text string) []string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\'' || r == '’':
		case r == '?':
			b.WriteString(" ? ")
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	var out []string
	for word := range strings.FieldsSeq(b.String()) {
		out = append(out, "<"+word+">")
	}
	return out
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" \t\n", nil},
		{"flush", []string{"<flush>"}},
		{"Flush xnode, please!", []string{"<flush>", "<xnode>", "<please>"}},
		{"don't", []string{"<dont>"}},
		{"don’t stop", []string{"<dont>", "<stop>"}},
		{"'", nil},
		{"is it?", []string{"<is>", "<it>", "<?>"}},
		{"what??", []string{"<what>", "<?>", "<?>"}},
		{"a?b", []string{"<a>", "<?>", "<b>"}},
		{"un-ack r-17", []string{"<un>", "<ack>", "<r>", "<17>"}},
		{"100/s", []string{"<100>", "<s>"}},
		{"ÜBER Łódź", []string{"<über>", "<łódź>"}},
		{"tag <b>", []string{"<tag>", "<b>"}},
		{"a\xffb", []string{"<a>", "<b>"}},
	} {
		if diff := cmp.Diff(tt.want, tokens(tt.text)); diff != "" {
			t.Errorf("cut(%q) differs (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestCutAgreesWithThePlainWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z'?,. 0-9-]{0,60}`)).Draw(t, "text")
		if diff := cmp.Diff(plainTokens(text), tokens(text)); diff != "" {
			t.Fatalf("cut(%q) differs from the plain way (-plain +cut):\n%s", text, diff)
		}
	})
}

// plainFeatures names the features of a text, slowly: the group, then the bytes.
func plainFeatures(text string, whole []string) []string {
	var out []string
	before := ""
	for i, token := range plainTokens(text) {
		out = append(out, fmt.Sprint(groupWord, token))
		if i == 0 {
			out = append(out, fmt.Sprint(groupFirst, token))
		} else {
			out = append(out, fmt.Sprint(groupPair, before+token))
		}
		before = token
		if slices.Contains(whole, strings.Trim(token, "<>")) {
			continue
		}
		for from := range len(token) {
			for size := minGram; size <= maxGram && from+size <= len(token); size++ {
				out = append(out, fmt.Sprint(groupChars, token[from:from+size]))
			}
		}
	}
	return out
}

func TestExtractAgreesWithThePlainWay(t *testing.T) {
	t.Parallel()
	whole := newTable(4)
	for _, token := range []string{"<xnode>", "<xdur>"} {
		whole.put(hash(seed(groupWord), []byte(token)))
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`((flush|xnode|xdur|is it\?|a|Ärger|don't) ?){0,8}`).Draw(t, "text")
		var w words
		w.cut(text)
		var got []string
		for _, f := range extract(nil, &w, whole) {
			got = append(got, fmt.Sprint(f.group, string(w.buf[f.from:f.to])))
			if want := hash(seed(f.group), w.buf[f.from:f.to]); f.hash != want {
				t.Fatalf("%q: the hash of %q is %x, want %x", text, w.buf[f.from:f.to], f.hash, want)
			}
		}
		if diff := cmp.Diff(plainFeatures(text, []string{"xnode", "xdur"}), got); diff != "" {
			t.Fatalf("extract(%q) differs from the plain way (-plain +extract):\n%s", text, diff)
		}
	})
}

// TestHashIsFNV holds the hash against the numbers of the algorithm's authors.
func TestHashIsFNV(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want uint64
	}{
		{"", 0xcbf29ce484222325},
		{"a", 0xaf63dc4c8601ec8c},
		{"foobar", 0x85944171f73967e8},
	} {
		if got := hash(fnvOffset, []byte(tt.text)); got != tt.want {
			t.Errorf("hash(%q) = %x, want %x", tt.text, got, tt.want)
		}
	}
}

func TestTableIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := newTable(rapid.IntRange(0, 20).Draw(t, "size"))
		want := map[uint64]uint32{}
		key := rapid.OneOf(rapid.Uint64Min(1), rapid.Uint64Range(1, 40))
		for _, k := range rapid.SliceOfN(key, 0, 300).Draw(t, "keys") {
			if _, known := want[k]; !known {
				want[k] = uint32(len(want))
			}
			if got := table.put(k); got != want[k] {
				t.Fatalf("put(%d) = %d, want %d", k, got, want[k])
			}
		}
		for range 50 {
			k := key.Draw(t, "key")
			number, known := want[k]
			if got, ok := table.find(k); ok != known || known && got != number {
				t.Fatalf("find(%d) = %d, %t, want %d, %t", k, got, ok, number, known)
			}
		}
		if int(table.count) != len(want) || 2*len(want) > len(table.places) {
			t.Fatalf("the table counts %d keys in %d places, want %d, at most half full", table.count, len(table.places), len(want))
		}
	})
}

func TestVectorsHaveLengthOne(t *testing.T) {
	t.Parallel()
	m := &Model{frequencies: newFrequencies()}
	texts := []string{"flush xnode", "flush the cache of xnode", "no no no", "a", "drain xnode now now"}
	var examples []Example
	for _, text := range texts {
		examples = append(examples, Example{Text: text})
	}
	for i, x := range m.learn(examples, Options{CharWeight: 0.5}) {
		var square float64
		for _, p := range x {
			square += float64(p.value) * float64(p.value)
		}
		if square < 0.9999 || square > 1.0001 {
			t.Errorf("the vector of %q has the square %g, want 1", texts[i], square)
		}
	}
}

func TestRareWordsWeighMore(t *testing.T) {
	t.Parallel()
	m := &Model{frequencies: newFrequencies()}
	m.learn([]Example{{Text: "flush the node"}, {Text: "drain the node"}, {Text: "drain the the pool"}}, Options{CharWeight: 0.5})
	weight := func(group byte, token string) float32 {
		id, ok := m.dict.table.find(hash(seed(group), []byte(token)))
		if !ok {
			t.Fatalf("%q is not known", token)
		}
		return m.dict.idf[id]
	}
	if flush, drain, the := weight(groupWord, "<flush>"), weight(groupWord, "<drain>"), weight(groupWord, "<the>"); flush <= drain || drain <= the || the <= 0 {
		t.Errorf("weights of flush, drain, the are %g, %g, %g: want the rarer to weigh more", flush, drain, the)
	}
	if word, chars := weight(groupWord, "<flush>"), weight(groupChars, "<flu"); chars != word/2 {
		t.Errorf("characters of a word in one text weigh %g, the word %g: want half", chars, word)
	}
	for n := uint16(1); n < 200; n++ {
		if m.frequencies.of(n) > m.frequencies.of(n+1) || m.frequencies.of(n) < 1 {
			t.Errorf("a word that occurs %d times weighs %g, one more time %g", n, m.frequencies.of(n), m.frequencies.of(n+1))
		}
	}
}

func TestBagCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := bag{seen: make([]uint16, 10)}
		for range 2 {
			want := map[uint32]uint16{}
			for _, id := range rapid.SliceOf(rapid.Uint32Range(0, 9)).Draw(t, "ids") {
				b.add(id)
				want[id]++
			}
			got := map[uint32]uint16{}
			for _, id := range b.ids {
				got[id] = b.seen[id]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("the bag differs (-want +got):\n%s", diff)
			}
			b.clear()
			if len(b.ids) > 0 || slices.Max(b.seen) > 0 {
				t.Fatalf("after clear the bag holds %v, %v", b.ids, b.seen)
			}
		}
	})
}
