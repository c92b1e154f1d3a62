package classify

import "math"

// Model tells to which class a text belongs. It is made by Train, does not change afterwards and may be used by any number of goroutines.
type Model struct {
	dict        *dictionary
	frequencies frequencies
	classes     int
	width       int       // classes rounded up to a multiple of 4
	weights     []float32 // by feature, then by class: the weights of one feature lie together
	empty       []bool    // classes that had no examples
	hash        string
}

// Best is what a model says of a text.
type Best struct {
	Class        int     // the class with the largest margin, -1 where the text has no feature that the model knows
	Margin       float32 // how far on the right side of that class's border the text is; 1 is what training asks for, below 0 is the wrong side
	Second       int     // the class after it, -1 where there is none
	SecondMargin float32
	Words        int // words of the text
	Known        int // of them, those that occur in the training texts
}

// Gap is how far the best class is ahead of the second one.
func (b Best) Gap() float32 { return b.Margin - b.SecondMargin }

// Scratch is the working memory of Score. The zero value is ready for use with any model; it grows at the first call and is kept by who calls.
// One goroutine at a time.
type Scratch struct {
	model    *Model
	words    words
	features []feature
	bag      bag
	vector   vector
	margins  []float32
}

// Hash names the model: 64 hexadecimal digits, the same for the same examples, classes and options.
func (m *Model) Hash() string { return m.hash }

// Classes is how many classes there are.
func (m *Model) Classes() int { return m.classes }

// Features is how many features the model knows.
func (m *Model) Features() int { return m.dict.len() }

// Score finds the best class of a text in which what varies is masked as it was in training. It allocates nothing once s has seen a text.
func (m *Model) Score(s *Scratch, masked string) Best {
	best := m.read(s, masked)
	if len(s.vector) == 0 {
		return best
	}
	m.multiply(s)
	for class, margin := range s.margins[:m.classes] {
		switch {
		case m.empty[class]:
		case best.Class < 0 || margin > best.Margin:
			best.Second, best.SecondMargin = best.Class, best.Margin
			best.Class, best.Margin = class, margin
		case best.Second < 0 || margin > best.SecondMargin:
			best.Second, best.SecondMargin = class, margin
		}
	}
	return best
}

// Margins appends to into the margin of every class, of the text that s scored last. A class without examples has minus infinity.
func (m *Model) Margins(s *Scratch, into []float32) []float32 {
	if s.model != m {
		return into
	}
	for class, margin := range s.margins[:m.classes] {
		if m.empty[class] {
			margin = float32(math.Inf(-1))
		}
		into = append(into, margin)
	}
	return into
}

// read puts the features of the text into s.
func (m *Model) read(s *Scratch, text string) Best {
	if s.model != m {
		s.model, s.bag = m, bag{seen: make([]uint16, m.dict.len())}
		s.margins = make([]float32, m.width)
	}
	clear(s.margins)
	s.words.cut(text)
	s.features = extract(s.features[:0], &s.words, m.dict.whole)
	best := Best{Class: -1, Second: -1, Words: s.words.len()}
	best.Known = m.dict.count(s.features, &s.bag)
	s.vector = m.dict.weigh(s.vector, &s.bag, &m.frequencies)
	s.bag.clear()
	return best
}

// multiply computes the margins, four features at a time.
func (m *Model) multiply(s *Scratch) {
	sum, x := s.margins, s.vector
	copy(sum, m.row(uint32(m.dict.len())))
	for len(x) >= 4 {
		a, b, c, d := m.row(x[0].id)[:len(sum)], m.row(x[1].id)[:len(sum)], m.row(x[2].id)[:len(sum)], m.row(x[3].id)[:len(sum)]
		t, u, v, w := x[0].value, x[1].value, x[2].value, x[3].value
		for i := range sum {
			sum[i] += float32(float32(a[i]*t)+float32(b[i]*u)) + float32(float32(c[i]*v)+float32(d[i]*w))
		}
		x = x[4:]
	}
	for _, p := range x {
		row := m.row(p.id)[:len(sum)]
		for i := range sum {
			sum[i] += float32(row[i] * p.value)
		}
	}
}

// row is the weights of a feature, or of the constant behind the last.
func (m *Model) row(id uint32) []float32 {
	from := int(id) * m.width
	return m.weights[from : from+m.width : from+m.width]
}
