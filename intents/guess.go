package intents

import (
	"strconv"

	"github.com/shitops/opsbot/intents/classify"
)

// guess is what the classifier makes of a saying.
type guess struct {
	class, second       int // the two best intents, -1 where there is none
	margin, secondary   float32
	none                float32 // the margin of what asks for nothing
	reading             int     // the best intent that changes nothing
	readingMargin       float32
	words, knownOfWords int
}

// guess asks the classifier.
func (p *Parser) guess(m *matcher, l *learned, masked string, tr *tracer) guess {
	scratch := l.pool.Get().(*classify.Scratch)
	defer l.pool.Put(scratch)
	best := l.model.Score(scratch, masked)
	m.margins = l.model.Margins(scratch, m.margins[:0])
	g := guess{class: -1, second: -1, reading: -1, words: best.Words, knownOfWords: best.Known}
	if best.Class < 0 {
		return g
	}
	specs := p.catalog.specs
	for class, margin := range m.margins[:len(specs)] {
		switch {
		case g.class < 0 || margin > g.margin:
			g.second, g.secondary = g.class, g.margin
			g.class, g.margin = class, margin
		case g.second < 0 || margin > g.secondary:
			g.second, g.secondary = class, margin
		}
		if !specs[class].Risk.Changes() && (g.reading < 0 || margin > g.readingMargin) {
			g.reading, g.readingMargin = class, margin
		}
	}
	g.none = m.margins[len(specs)]
	if class, ok := p.catalog.taught[masked]; ok {
		g.sure(class, !specs[class].Risk.Changes(), l)
	}
	if tr.on && g.second >= 0 {
		tr.add("classifier: ", strconv.Quote(masked), ": ", specs[g.class].Name, " ", decimal(g.margin), ", ", specs[g.second].Name, " ", decimal(g.secondary),
			", nothing ", decimal(g.none), "; low ", decimal(l.limits.Low), ", high ", decimal(l.limits.High), ", gap ", decimal(l.limits.Gap))
	}
	return g
}

// sure makes class the best by far: the text is, word for word, what operators have taught to mean it.
func (g *guess) sure(class int, reading bool, l *learned) {
	if g.class != class {
		g.second, g.secondary = g.class, g.margin
	}
	g.class, g.margin = class, max(g.margin, l.limits.High)
	behind := g.margin - 1.001*l.limits.Gap // so that no rounding brings it nearer
	g.secondary, g.none = min(g.secondary, behind), min(g.none, behind)
	if reading {
		g.reading, g.readingMargin = class, g.margin
	}
}

// decimal writes a margin.
func decimal(x float32) string { return strconv.FormatFloat(float64(x), 'f', 2, 32) }

// certain reports whether the guess is sure and far ahead of every other.
func (g *guess) certain(l *learned) bool {
	return g.margin >= l.limits.High && g.margin-max(g.secondary, g.none) >= l.limits.Gap
}
