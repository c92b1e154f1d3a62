package classify_test

import (
	"math"
	"strings"
	"testing"

	"github.com/shitops/opsbot/intents/classify"
	"pgregory.net/rapid"
)

func TestScoreFindsWhatWasTaught(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 4, classify.Options{Masks: masks})
	var s classify.Scratch
	for _, tt := range []struct {
		text string
		want int
	}{
		{"flush xnode", 0},
		{"please flush xnode now", 0},
		{"the cache of xnode, empty it", 0},
		{"flsh the cache on xnode", 0},
		{"take xnode out of the rotation", 1},
		{"draining xnode", 1},
		{"acknowledged, the alert on xnode is mine", 2},
		{"acknowlege xnode", 2},
		{"the toilet at noon", 3},
		{"who was late?", 3},
	} {
		if got := m.Score(&s, tt.text); got.Class != tt.want {
			t.Errorf("Score(%q) = %+v, want class %d", tt.text, got, tt.want)
		}
	}
}

func TestTextsThatReadAlike(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 4, classify.Options{Masks: masks})
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"flush xnode", "FLUSH, xnode!", true},
		{"flush xnode", "  flush\t-- xnode … ", true},
		{"I've got it", "ive got it", true},
		{"I’ve got it", "ive got it", true},
		{"lunch at noon?", "lunch at noon", false},
		{"lunch at noon ?", "lunch at noon?", true},
		{"flush xnode", "xnode flush", false},
		{"flush xnode", "flush flush xnode", false},
		{"flush xnode", "flush xnode zzzz", true},
		{"flush xnode", "flush xnode ÄÖ", true},
		{"", "zzzz", true},
	} {
		if got := fingerprint(m, tt.a) == fingerprint(m, tt.b); got != tt.same {
			t.Errorf("%q and %q read alike: %t, want %t", tt.a, tt.b, got, tt.same)
		}
	}
}

func TestScoreCountsWords(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 4, classify.Options{Masks: masks})
	var s classify.Scratch
	for _, tt := range []struct {
		text         string
		words, known int
		class        bool
	}{
		{"flush xnode", 2, 2, true},
		{"flush xnode quickly", 3, 2, true},
		{"flush flush xnode?", 4, 4, true},
		{"QQQQ ÄÄÄÄ", 2, 0, false},
		{"", 0, 0, false},
		{"- , .", 0, 0, false},
	} {
		got := m.Score(&s, tt.text)
		if got.Words != tt.words || got.Known != tt.known || got.Class >= 0 != tt.class {
			t.Errorf("Score(%q) = %+v, want %d words, %d known, a class: %t", tt.text, got, tt.words, tt.known, tt.class)
		}
		if !tt.class && (got.Second != -1 || got.Margin != 0 || got.SecondMargin != 0) {
			t.Errorf("Score(%q) = %+v, want nothing beside the words", tt.text, got)
		}
	}
}

func TestBestAndSecondAreTheLargestMargins(t *testing.T) {
	t.Parallel()
	examples := corpus(7, 20, 3)
	m := train(t, examples, 7, classify.Options{Masks: masks})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(examples).Draw(t, "a").Text + " " + rapid.SampledFrom(examples).Draw(t, "b").Text
		var s classify.Scratch
		got := m.Score(&s, text)
		margins := m.Margins(&s, nil)
		if margins[got.Class] != got.Margin || margins[got.Second] != got.SecondMargin || got.Gap() < 0 || got.Class == got.Second {
			t.Fatalf("Score(%q) = %+v of margins %v", text, got, margins)
		}
		for class, margin := range margins {
			if class != got.Class && margin > got.SecondMargin && class != got.Second {
				t.Fatalf("Score(%q) = %+v, but class %d has %g", text, got, class, margin)
			}
		}
	})
}

func TestScoreDoesNotRememberTheTextBefore(t *testing.T) {
	t.Parallel()
	examples := corpus(5, 20, 4)
	m := train(t, examples, 5, classify.Options{Masks: masks})
	other := train(t, commands, 4, classify.Options{})
	var kept classify.Scratch
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.SampledFrom([]string{examples[0].Text, examples[9].Text, "", "zzz"}), rapid.String()).Draw(t, "text")
		var fresh classify.Scratch
		if got, want := m.Score(&kept, text), m.Score(&fresh, text); got != want {
			t.Fatalf("Score(%q) = %+v, with fresh memory %+v", text, got, want)
		}
		other.Score(&kept, text) // memory may move between models
		if got := m.Margins(&kept, nil); got != nil {
			t.Fatalf("margins of another model's text: %v", got)
		}
	})
}

func TestScoreAllocatesNothing(t *testing.T) {
	m := train(t, corpus(20, 20, 5), 20, classify.Options{Masks: masks})
	texts := []string{"", "please xnode", corpus(20, 20, 5)[100].Text, strings.Repeat("flush xnode ", 100)}
	var s classify.Scratch
	score := func() {
		for _, text := range texts {
			m.Score(&s, text)
		}
	}
	score()
	if got := testing.AllocsPerRun(100, score); got != 0 {
		t.Errorf("Score allocates %g times for %d texts, want never", got, len(texts))
	}
}

func TestExplainAddsUp(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 4, classify.Options{Masks: masks})
	for _, e := range commands {
		var s classify.Scratch
		m.Score(&s, e.Text)
		for class, want := range m.Margins(&s, nil) {
			var sum float64
			for _, reason := range m.Explain(e.Text, class) {
				sum += float64(reason.Weight)
			}
			if math.Abs(sum-float64(want)) > 1e-4 {
				t.Errorf("Explain(%q, %d) adds up to %g, want the margin %g", e.Text, class, sum, want)
			}
		}
	}
}

func TestExplainNamesFeatures(t *testing.T) {
	t.Parallel()
	m := train(t, commands, 4, classify.Options{Masks: masks})
	names := map[string]bool{}
	for _, reason := range m.Explain("flush xnode?", 0) {
		names[reason.Feature] = true
	}
	for _, want := range []string{"", "flush", "xnode", "?", "first word flush", "flush xnode", "fl…", "…lus…", "…sh"} {
		if !names[want] {
			t.Errorf("Explain names %v, want %q among them", names, want)
		}
	}
	if names["…nod…"] {
		t.Errorf("Explain names %v: a mask has no characters", names)
	}
	for _, class := range []int{-1, 4} {
		if got := m.Explain("flush xnode", class); got != nil {
			t.Errorf("Explain for class %d = %v, want nothing", class, got)
		}
	}
}

func FuzzScore(f *testing.F) {
	m := train(f, commands, 4, classify.Options{Masks: masks})
	for _, e := range commands {
		f.Add(e.Text)
	}
	f.Add("\xff\x00’'?\u0301ß")
	f.Fuzz(func(t *testing.T, text string) {
		var s classify.Scratch
		got := m.Score(&s, text)
		for _, margin := range []float32{got.Margin, got.SecondMargin} {
			if margin != margin || margin > 10 || margin < -10 {
				t.Errorf("Score(%q) = %+v, want margins of a few units", text, got)
			}
		}
		if got.Known > got.Words || got.Words > len(text) {
			t.Errorf("Score(%q) = %+v: more words than there are", text, got)
		}
	})
}
