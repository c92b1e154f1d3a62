package classify

import (
	"cmp"
	"slices"
	"strings"
)

// Reason is what one feature of a text says for a class, or against it where Weight is below 0.
type Reason struct {
	Feature string // the word, "first word …", the pair of words, or the characters between dots: "…flu…"
	Weight  float32
}

// Explain lists what speaks for and against a class in a text, the weightiest first. The weights and the constant, which is the feature "",
// add up to the margin.
func (m *Model) Explain(masked string, class int) []Reason {
	if class < 0 || class >= m.classes {
		return nil
	}
	var s Scratch
	m.read(&s, masked)
	names := map[uint32]string{}
	for _, f := range s.features {
		if id, ok := m.dict.table.find(f.hash); ok {
			names[id] = nameOf(f, s.words.buf)
		}
	}
	reasons := []Reason{{"", m.row(uint32(m.dict.len()))[class]}}
	for _, p := range s.vector {
		reasons = append(reasons, Reason{names[p.id], m.row(p.id)[class] * p.value})
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return cmp.Compare(max(b.Weight, -b.Weight), max(a.Weight, -a.Weight)) })
	return reasons
}

// nameOf is how a feature reads.
func nameOf(f feature, buf []byte) string {
	text := string(buf[f.from:f.to])
	bare := strings.Trim(text, string([]byte{wordBegin, wordEnd}))
	switch f.group {
	case groupFirst:
		return "first word " + bare
	case groupPair:
		return strings.Replace(bare, string([]byte{wordEnd, wordBegin}), " ", 1)
	case groupChars:
		if text[0] != wordBegin {
			bare = "…" + bare
		}
		if text[len(text)-1] != wordEnd {
			bare += "…"
		}
	}
	return bare
}
