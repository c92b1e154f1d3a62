package classify_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/shitops/opsbot/intents/classify"
	"pgregory.net/rapid"
)

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	one := []classify.Example{{Text: "flush", Class: 0}}
	for _, tt := range []struct {
		name     string
		examples []classify.Example
		opt      classify.Options
		want     string
	}{
		{"no examples", nil, classify.Options{}, "there are no examples"},
		{"class above", []classify.Example{{Text: "flush", Class: 2}}, classify.Options{}, `"flush": class 2 is not one of the 2`},
		{"class below", []classify.Example{{Text: "flush", Class: -1}}, classify.Options{}, "class -1"},
		{"no word", []classify.Example{{Text: " ,- ", Class: 1}}, classify.Options{}, `" ,- ": it has no word`},
		{"negative C", one, classify.Options{C: -1}, "C -1"},
		{"infinite C", one, classify.Options{C: float32(math.Inf(1))}, "C +Inf"},
		{"not a number", one, classify.Options{CharWeight: float32(math.NaN())}, "character weight NaN"},
		{"negative turns", one, classify.Options{Turns: -1}, "-1 turns"},
	} {
		_, err := classify.Train(tt.examples, 2, tt.opt)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Train = %v, want an error with %q", tt.name, err, tt.want)
		}
		if _, err := classify.Calibrate(tt.examples, 2, -1, tt.opt); err == nil {
			t.Errorf("%s: Calibrate took it", tt.name)
		}
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	t.Parallel()
	examples := corpus(10, 20, 1)
	first := train(t, examples, 10, classify.Options{Workers: 1, Masks: masks})
	for _, workers := range []int{0, 1, 3, 16} {
		again := train(t, examples, 10, classify.Options{Workers: workers, Masks: masks})
		if first.Hash() != again.Hash() {
			t.Errorf("%d workers: hash %s, with one %s", workers, again.Hash(), first.Hash())
		}
		for _, e := range examples {
			if got, want := fingerprint(again, e.Text), fingerprint(first, e.Text); got != want {
				t.Fatalf("%d workers: margins of %q are %s, with one %s", workers, e.Text, got, want)
			}
		}
	}
}

// TestWeightsAreTheSameEverywhere holds the margins against those of another machine and another day, to the last bit: no processor may fuse
// products and sums, and version must be raised when they change.
func TestWeightsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	examples := corpus(6, 15, 2)
	m := train(t, examples, 6, classify.Options{Masks: masks})
	sum := sha256.New()
	for _, e := range examples {
		fmt.Fprintln(sum, fingerprint(m, e.Text))
	}
	const want = "16c4b7f85f473f16"
	if got := fmt.Sprintf("%.8x", sum.Sum(nil)); got != want {
		t.Errorf("the margins of the corpus have the hash %s, want %s", got, want)
	}
}

func TestHashTellsModelsApart(t *testing.T) {
	t.Parallel()
	examples := corpus(3, 5, 1)
	swapped := slices.Clone(examples)
	swapped[0], swapped[9] = swapped[9], swapped[0]
	word := slices.Clone(examples)
	word[3].Text += " more"
	pattern := slices.Clone(examples)
	pattern[3].Pattern += 1000
	seen := map[string]string{}
	for _, tt := range []struct {
		name     string
		examples []classify.Example
		classes  int
		opt      classify.Options
	}{
		{"plain", examples, 3, classify.Options{}},
		{"order", swapped, 3, classify.Options{}},
		{"a word", word, 3, classify.Options{}},
		{"a pattern", pattern, 3, classify.Options{}},
		{"one less", examples[1:], 3, classify.Options{}},
		{"a class", examples, 4, classify.Options{}},
		{"C", examples, 3, classify.Options{C: 2}},
		{"turns", examples, 3, classify.Options{Turns: 11}},
		{"characters", examples, 3, classify.Options{CharWeight: 0.25}},
		{"seed", examples, 3, classify.Options{Seed: 2}},
		{"masks", examples, 3, classify.Options{Masks: masks}},
	} {
		h := train(t, tt.examples, tt.classes, tt.opt).Hash()
		if other, dup := seen[h]; dup || len(h) != 64 {
			t.Errorf("%s: hash %s, as of %q", tt.name, h, other)
		}
		seen[h] = tt.name
	}
	if h := train(t, examples, 3, classify.Options{C: 1, Turns: 8, CharWeight: 0.5, Seed: 1, Workers: 2}).Hash(); seen[h] != "plain" {
		t.Errorf("the defaults written out give another hash than the zero options")
	}
}

func TestEmptyClassesNeverWin(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 9, classify.Options{})
	if m.Classes() != 9 || m.Features() == 0 {
		t.Errorf("the model has %d classes and %d features, want 9 and some", m.Classes(), m.Features())
	}
	var s classify.Scratch
	for _, e := range commands {
		got := m.Score(&s, e.Text)
		if got.Class > 3 || got.Second > 3 {
			t.Errorf("Score(%q) = %+v: classes from 4 on had no examples", e.Text, got)
		}
		if margins := m.Margins(&s, nil); !math.IsInf(float64(margins[5]), -1) {
			t.Errorf("Margins of %q = %v, want minus infinity for class 5", e.Text, margins)
		}
	}
	alone := train(t, commands[:5], 1, classify.Options{})
	if got := alone.Score(&s, "flush xnode"); got.Class != 0 || got.Second != -1 {
		t.Errorf("a model of one class says %+v", got)
	}
}

// TestLearnsWhatCanBeSeparated: texts of different words are told apart without a mistake, whatever the words.
func TestLearnsWhatCanBeSeparated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.IntRange(2, 6).Draw(t, "classes")
		var examples []classify.Example
		for class := range classes {
			for i := range rapid.IntRange(1, 8).Draw(t, "examples") {
				text := fmt.Sprintf("word%d the extra%d", class, i)
				examples = append(examples, classify.Example{Text: text, Class: class, Pattern: i})
			}
		}
		m, err := classify.Train(examples, classes, classify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var s classify.Scratch
		for _, e := range examples {
			if got := m.Score(&s, e.Text); got.Class != e.Class {
				t.Fatalf("Score(%q) = %+v, want class %d; trained with %v", e.Text, got, e.Class, examples)
			}
		}
	})
}

// TestPrecisionOnUnseenTexts: what was not trained on is told apart as well, and a typo costs little.
func TestPrecisionOnUnseenTexts(t *testing.T) {
	t.Parallel()
	all := corpus(12, 60, 6)
	var seen, unseen []classify.Example
	for _, e := range all {
		if e.Pattern%4 == 0 {
			unseen = append(unseen, e)
		} else {
			seen = append(seen, e)
		}
	}
	m := train(t, seen, 12, classify.Options{Masks: masks})
	var s classify.Scratch
	right, withTypo := 0, 0
	for i, e := range unseen {
		if m.Score(&s, e.Text).Class == e.Class {
			right++
		}
		at := 1 + i%(len(e.Text)-2)
		if m.Score(&s, e.Text[:at]+e.Text[at+1:]).Class == e.Class {
			withTypo++
		}
	}
	if least := len(unseen) * 88 / 100; right < least {
		t.Errorf("%d of %d unseen texts are right, want %d", right, len(unseen), least)
	}
	if least := right - len(unseen)*5/100; withTypo < least {
		t.Errorf("with a letter less %d of %d are right, want %d", withTypo, len(unseen), least)
	}
}

// TestOneModelManyGoroutines: a model is read by all at once, each with its own scratch.
func TestOneModelManyGoroutines(t *testing.T) {
	t.Parallel()
	examples := corpus(8, 15, 11)
	m := train(t, examples, 8, classify.Options{Masks: masks})
	var s classify.Scratch
	var want []classify.Best
	for _, e := range examples {
		want = append(want, m.Score(&s, e.Text))
	}
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			var s classify.Scratch
			for i, e := range examples {
				if got := m.Score(&s, e.Text); got != want[i] {
					t.Errorf("beside others Score(%q) = %+v, alone %+v", e.Text, got, want[i])
				}
			}
		})
	}
	work.Wait()
}

// TestMoreExamplesOfAClassDoNotDrownAnother: a class with few examples is still found by its own words.
func TestMoreExamplesOfAClassDoNotDrownAnother(t *testing.T) {
	t.Parallel()
	var examples []classify.Example
	for i, e := range corpus(1, 300, 12) {
		examples = append(examples, classify.Example{Text: e.Text, Class: 0, Pattern: i})
	}
	for i, text := range []string{"flush xnode", "flush the cache", "please flush xnode now", "flush it"} {
		examples = append(examples, classify.Example{Text: text, Class: 1, Pattern: 1000 + i})
	}
	m := train(t, examples, 2, classify.Options{Masks: masks})
	var s classify.Scratch
	for _, text := range []string{"flush that xnode", "could somebody flush xnode", "flushing xnode"} {
		if got := m.Score(&s, text); got.Class != 1 {
			t.Errorf("Score(%q) = %+v, want class 1", text, got)
		}
	}
}

// TestLongTexts: a text of any length has margins like any other.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 4, classify.Options{Masks: masks})
	var s classify.Scratch
	once := m.Score(&s, "flush xnode")
	for _, n := range []int{10, 1000, 70000} {
		got := m.Score(&s, strings.Repeat("flush xnode ", n))
		if got.Class != once.Class || got.Words != 2*n || got.Margin > 2 || got.Margin < once.Margin-1 {
			t.Errorf("flush xnode said %d times scores %+v, once %+v", n, got, once)
		}
	}
}
