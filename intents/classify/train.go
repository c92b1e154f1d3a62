package classify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// Example is one text to learn from.
type Example struct {
	Text    string // with what varies masked: "flush xnode"
	Class   int    // counted from 0
	Pattern int    // examples that came from one phrasing share it: they are left out together when thresholds are measured
}

// Options of the training. The zero value is what was measured to be best.
type Options struct {
	Masks      []string // words that stand for something: they have no character n-grams
	C          float32  // cost of an example on the wrong side; 1
	Turns      int      // times over the examples; 8, since more of them change nothing that can be measured
	CharWeight float32  // of character n-grams against words; 0.5
	Seed       uint64   // of the order in which examples are visited; 1
	Workers    int      // goroutines, which change the time and nothing else; as many as there are processors
}

// filled is o with its defaults.
func (o Options) filled() Options {
	if o.C == 0 {
		o.C = 1
	}
	if o.Turns == 0 {
		o.Turns = 8
	}
	if o.CharWeight == 0 {
		o.CharWeight = 0.5
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o
}

// check holds the options against what can be trained with.
func (o Options) check() error {
	ok := func(x float32) bool { return x > 0 && !math.IsInf(float64(x), 0) }
	if !ok(o.C) || !ok(o.CharWeight) || o.Turns < 0 {
		return fmt.Errorf("train with C %g, character weight %g, %d turns: each must be positive", o.C, o.CharWeight, o.Turns)
	}
	return nil
}

// version is part of Model.Hash. It is raised when the same examples come to give other weights.
const version = "classify 3"

// Train learns to tell the classes 0 to classes-1 apart. The same examples in the same order and the same options give the same model, on every
// processor. A class may be without examples: it never wins. Errors: no examples, a class out of range, a text without a word.
func Train(examples []Example, classes int, opt Options) (*Model, error) {
	opt = opt.filled()
	if err := errors.Join(opt.check(), checkExamples(examples, classes)); err != nil {
		return nil, err
	}
	m := &Model{classes: classes, width: (classes + 3) &^ 3, hash: hashOf(examples, classes, opt), frequencies: newFrequencies()}
	x := m.learn(examples, opt)
	m.weights = make([]float32, (m.dict.len()+1)*m.width)
	m.empty = make([]bool, classes)
	var work sync.WaitGroup
	next := make(chan int, classes)
	for class := range classes {
		m.empty[class] = !slices.ContainsFunc(examples, func(e Example) bool { return e.Class == class })
		if !m.empty[class] {
			next <- class
		}
	}
	close(next)
	for range min(opt.Workers, classes) {
		work.Go(func() { m.solve(next, examples, x, opt) })
	}
	work.Wait()
	return m, nil
}

// checkExamples says what is wrong with the examples, the first thing found.
func checkExamples(examples []Example, classes int) error {
	if len(examples) == 0 {
		return errors.New("train: there are no examples")
	}
	var w words
	for i, e := range examples {
		if e.Class < 0 || e.Class >= classes {
			return fmt.Errorf("train with example %d, %q: class %d is not one of the %d", i, e.Text, e.Class, classes)
		}
		if w.cut(e.Text); w.len() == 0 {
			return fmt.Errorf("train with example %d, %q: it has no word", i, e.Text)
		}
	}
	return nil
}

// learn fills the dictionary and returns the examples as vectors.
func (m *Model) learn(examples []Example, opt Options) []vector {
	d := &dictionary{table: newTable(4096), whole: newTable(2 * len(opt.Masks))}
	m.dict = d
	var w words
	for _, mask := range opt.Masks {
		if w.cut(mask); w.len() == 1 {
			d.whole.put(hash(seed(groupWord), w.buf))
		}
	}
	x := make([]vector, len(examples))
	var texts []int // by feature, in how many texts it is
	var b bag
	var features []feature
	for i, e := range examples {
		w.cut(e.Text)
		features = extract(features[:0], &w, d.whole)
		d.learn(features, &b)
		texts = append(texts, make([]int, d.len()-len(texts))...)
		x[i] = make(vector, len(b.ids))
		for j, id := range b.ids {
			texts[id]++
			x[i][j] = part{id, m.frequencies.of(b.seen[id])}
		}
		b.clear()
	}
	d.idf = make([]float32, d.len())
	for id, n := range texts {
		d.idf[id] = 1 + log(float64(1+len(examples))/float64(1+n))
		if d.group[id] == groupChars {
			d.idf[id] = float32(d.idf[id] * opt.CharWeight)
		}
	}
	for _, v := range x {
		d.scale(v)
	}
	return x
}

// solve trains the classes that come from next and writes their weights into the model. Each class has its own order of visits, so that it does
// not matter which goroutine takes it.
func (m *Model) solve(next <-chan int, examples []Example, x []vector, opt Options) {
	s := solver{x: x, c: opt.C, turns: opt.Turns, order: make([]int, len(x))}
	s.y, s.alpha, s.w = make([]float32, len(x)), make([]float32, len(x)), make([]float32, m.dict.len()+1)
	for class := range next {
		for i, e := range examples {
			s.y[i] = -1
			if e.Class == class {
				s.y[i] = 1
			}
		}
		s.rand = rand.New(rand.NewPCG(opt.Seed, uint64(class)))
		s.solve()
		for id, weight := range s.w {
			m.weights[id*m.width+class] = weight
		}
	}
}

// hashOf is the fingerprint of everything that decides the weights.
func hashOf(examples []Example, classes int, opt Options) string {
	h := sha256.New()
	text := func(s string) {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	number := func(n uint64) { h.Write(binary.AppendUvarint(nil, n)) }
	text(version)
	number(uint64(classes))
	number(uint64(math.Float32bits(opt.C)))
	number(uint64(math.Float32bits(opt.CharWeight)))
	number(uint64(opt.Turns))
	number(opt.Seed)
	number(uint64(len(opt.Masks)))
	for _, mask := range opt.Masks {
		text(mask)
	}
	for _, e := range examples {
		text(e.Text)
		number(uint64(e.Class))
		number(uint64(e.Pattern))
	}
	return hex.EncodeToString(h.Sum(nil))
}
