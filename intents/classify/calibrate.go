package classify

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// What the thresholds are to keep.
const (
	folds = 5

	keptLow       = 0.97  // share of the phrasings left out that reach Low
	precisionHigh = 0.995 // share of what reaches High that is right
	precisionGap  = 0.99  // share of what reaches Low with the gap that is right
)

// Thresholds say how far a margin is to be trusted. They belong to the model whose hash they carry.
type Thresholds struct {
	Hash string
	Low  float32 // below it the text is not understood
	High float32 // from here on the answer is sure
	Gap  float32 // nearer than this, the second class may be meant as well
}

// Left is a phrasing that was left out of training, and what the model that had not seen it said.
type Left struct {
	Example
	Best
	Taken bool // for something: the best class is neither none nor missing
}

// Right tells whether the model was right.
func (l Left) Right() bool { return l.Example.Class == l.Best.Class }

// Calibration is what five-fold cross-validation measured.
type Calibration struct {
	Thresholds
	Accuracy  float64 // share of the phrasings of all classes but none that were taken for their class
	ToNone    float64 // share of them that were taken for nothing
	FromNone  float64 // share of none that was taken for something
	Kept      float64 // share of the phrasings of all classes but none that are right and reach Low
	Sure      float64 // share of them that are right and reach High
	LeakedLow float64 // share of none that reaches Low in another class
	Leaked    float64 // share of none that reaches High in another class
	Left      []Left  // every example, in the order given
}

// Calibrate finds thresholds by cross-validation over patterns: five times a fifth of the patterns of every class is left out and scored by
// a model trained on the rest. none is the class of texts that are nothing, or -1. It costs five trainings.
//
// Low keeps 97 % of the phrasings that were taken for something; from High on 99.5 % of what was taken for something is right; with Gap, 99 %.
func Calibrate(examples []Example, classes, none int, opt Options) (Calibration, error) {
	opt = opt.filled()
	if err := errors.Join(opt.check(), checkExamples(examples, classes)); err != nil {
		return Calibration{}, err
	}
	c := Calibration{Left: make([]Left, len(examples))}
	fold := foldOf(examples, opt.Seed)
	for n := range folds {
		if err := c.fold(examples, classes, none, opt, func(i int) bool { return fold[i] == n }); err != nil {
			return Calibration{}, fmt.Errorf("calibrate, fold %d of %d: %w", n+1, folds, err)
		}
	}
	c.Hash = hashOf(examples, classes, opt)
	c.measure(none)
	return c, nil
}

// fold trains without the examples that are left out and scores those.
func (c *Calibration) fold(examples []Example, classes, none int, opt Options, out func(int) bool) error {
	var kept []Example
	for i, e := range examples {
		if !out(i) {
			kept = append(kept, e)
		}
	}
	m, err := Train(kept, classes, opt)
	if err != nil {
		return err
	}
	var s Scratch
	for i, e := range examples {
		if out(i) {
			best := m.Score(&s, e.Text)
			taken := best.Class >= 0 && best.Class != none
			c.Left[i] = Left{e, best, taken}
		}
	}
	return nil
}

// foldOf deals the patterns of each class to the folds, in an order that only the seed decides.
func foldOf(examples []Example, seed uint64) []int {
	type pattern struct{ class, number int }
	var patterns []pattern
	where := map[pattern]int{}
	for _, e := range examples {
		p := pattern{e.Class, e.Pattern}
		if _, ok := where[p]; !ok {
			where[p] = 0
			patterns = append(patterns, p)
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(patterns), func(i, j int) { patterns[i], patterns[j] = patterns[j], patterns[i] })
	slices.SortStableFunc(patterns, func(a, b pattern) int { return cmp.Compare(a.class, b.class) })
	for i, p := range patterns {
		where[p] = i % folds
	}
	fold := make([]int, len(examples))
	for i, e := range examples {
		fold[i] = where[pattern{e.Class, e.Pattern}]
	}
	return fold
}

// measure finds the thresholds and counts what they let through.
func (c *Calibration) measure(none int) {
	taken := slices.DeleteFunc(slices.Clone(c.Left), func(l Left) bool { return !l.Taken })
	something := slices.DeleteFunc(slices.Clone(taken), func(l Left) bool { return l.Example.Class == none })
	slices.SortStableFunc(something, func(a, b Left) int { return cmp.Compare(b.Margin, a.Margin) })
	if n := len(something); n > 0 {
		c.Low = something[min(n-1, int(keptLow*float64(n)))].Margin
	}
	c.High = max(c.Low, precise(taken, precisionHigh, func(l Left) float32 { return l.Margin }))
	reached := slices.DeleteFunc(slices.Clone(taken), func(l Left) bool { return l.Margin < c.Low })
	c.Gap = max(0, precise(reached, precisionGap, func(l Left) float32 { return l.Best.Gap() }))
	c.count(none)
}

// precise is the smallest measure from which on the share of right answers is enough: the largest there is where it never is.
func precise(left []Left, enough float64, measure func(Left) float32) float32 {
	left = slices.Clone(left)
	slices.SortStableFunc(left, func(a, b Left) int { return cmp.Compare(measure(b), measure(a)) })
	var least float32
	right := 0
	for i, l := range left {
		if l.Right() {
			right++
		}
		last := i+1 == len(left) || measure(left[i+1]) < measure(l)
		if i == 0 || last && float64(right) >= enough*float64(i+1) {
			least = measure(l)
		}
	}
	return least
}

// count fills the shares.
func (c *Calibration) count(none int) {
	var own, foreign int
	for _, l := range c.Left {
		if l.Example.Class == none {
			foreign++
			c.FromNone += one(l.Taken)
			c.LeakedLow += one(l.Taken && l.Margin >= c.Low)
			c.Leaked += one(l.Taken && l.Margin >= c.High)
			continue
		}
		own++
		right := l.Taken && l.Right()
		c.Accuracy += one(right)
		c.ToNone += one(!l.Taken)
		c.Kept += one(right && l.Margin >= c.Low)
		c.Sure += one(right && l.Margin >= c.High)
	}
	for _, share := range []*float64{&c.Accuracy, &c.ToNone, &c.Kept, &c.Sure} {
		*share /= float64(max(1, own))
	}
	for _, share := range []*float64{&c.FromNone, &c.LeakedLow, &c.Leaked} {
		*share /= float64(max(1, foreign))
	}
}

// one is 1 for true.
func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// String is the thresholds in the form that ParseThresholds reads: lines of a name and a value.
func (t Thresholds) String() string {
	number := func(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }
	return fmt.Sprintf("model %s\nlow %s\nhigh %s\ngap %s\n", t.Hash, number(t.Low), number(t.High), number(t.Gap))
}

// ParseThresholds reads what String wrote. Empty lines and lines that begin with # are passed over.
func ParseThresholds(text string) (Thresholds, error) {
	var t Thresholds
	numbers := map[string]*float32{"low": &t.Low, "high": &t.High, "gap": &t.Gap}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch at := numbers[name]; {
		case name == "" || name[0] == '#':
		case name == "model" && t.Hash == "":
			t.Hash = value
		case at == nil:
			return Thresholds{}, fmt.Errorf("thresholds: %q is unknown or said twice; known are model, low, high, gap", name)
		default:
			x, err := strconv.ParseFloat(value, 32)
			if err != nil || x != x {
				return Thresholds{}, fmt.Errorf("thresholds: %s is %q, which is no number", name, value)
			}
			*at = float32(x)
			delete(numbers, name)
		}
	}
	if t.Hash == "" || len(numbers) > 0 {
		return Thresholds{}, errors.New("thresholds: model, low, high and gap are all needed")
	}
	return t, nil
}
