package classify_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shitops/opsbot/intents/classify"
	"pgregory.net/rapid"
)

// calibrated is Calibrate of a corpus whose last class is none.
func calibrated(t *testing.T, classes, patterns int) classify.Calibration {
	t.Helper()
	c, err := classify.Calibrate(corpus(classes, patterns, 8), classes, classes-1, classify.Options{Masks: masks})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCalibrateKeepsItsPromises(t *testing.T) {
	t.Parallel()
	const none = 7
	c := calibrated(t, none+1, 40)
	var taken, low, sure, sureRight, apart, apartRight int
	for _, l := range c.Left {
		if !l.Taken {
			continue
		}
		if l.Example.Class != none {
			taken++
			if l.Margin >= c.Low {
				low++
			}
		}
		if l.Margin >= c.High {
			sure++
			if l.Right() {
				sureRight++
			}
		}
		if l.Margin >= c.Low && l.Gap() >= c.Gap {
			apart++
			if l.Right() {
				apartRight++
			}
		}
	}
	for _, tt := range []struct {
		name        string
		part, whole int
		want        float64
	}{
		{"reach Low", low, taken, 0.97},
		{"reach High and are right", sureRight, sure, 0.995},
		{"have the gap and are right", apartRight, apart, 0.99},
	} {
		if got := float64(tt.part) / float64(tt.whole); got < tt.want {
			t.Errorf("%d of %d %s, want %g", tt.part, tt.whole, tt.name, tt.want)
		}
	}
	if c.High < c.Low || c.Gap < 0 {
		t.Errorf("thresholds %+v: High is below Low, or Gap below 0", c.Thresholds)
	}
	if c.Accuracy < 0.85 || c.Sure > c.Kept || c.Kept > c.Accuracy || c.Leaked > c.LeakedLow || c.LeakedLow > c.FromNone {
		t.Errorf("shares %+v are out of order", c)
	}
}

func TestCalibrateLeavesPatternsOutWhole(t *testing.T) {
	t.Parallel()
	var examples []classify.Example
	for pattern := range 20 {
		word := strings.Repeat(string(rune('a'+pattern)), 6)
		for range 3 {
			examples = append(examples, classify.Example{Text: word, Class: pattern % 2, Pattern: pattern})
		}
	}
	c, err := classify.Calibrate(examples, 2, -1, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range c.Left {
		if l.Best.Class >= 0 {
			t.Errorf("%q was left out, but its only word was known: %+v", l.Text, l.Best)
		}
	}
	if c.Accuracy != 0 || c.Kept != 0 {
		t.Errorf("Calibrate = %+v, want no text recognised", c)
	}
}

func TestCalibrateIsDeterministicAndNamesTheModel(t *testing.T) {
	t.Parallel()
	a, b := calibrated(t, 4, 10), calibrated(t, 4, 10)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the second calibration differs (-first +second):\n%s", diff)
	}
	if m := train(t, corpus(4, 10, 8), 4, classify.Options{Masks: masks}); a.Hash != m.Hash() {
		t.Errorf("thresholds are of model %s, want %s", a.Hash, m.Hash())
	}
	if len(a.Left) != len(corpus(4, 10, 8)) {
		t.Errorf("%d texts were left out, want every one once", len(a.Left))
	}
}

func TestCalibrateWithoutNone(t *testing.T) {
	t.Parallel()
	c, err := classify.Calibrate(corpus(4, 20, 9), 4, -1, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.ToNone > 0.01 || c.FromNone != 0 || c.Leaked != 0 || c.Accuracy == 0 {
		t.Errorf("Calibrate without none = %+v", c)
	}
}

func TestCalibrateNeedsPatterns(t *testing.T) {
	t.Parallel()
	if c, err := classify.Calibrate(commands[:1], 1, -1, classify.Options{}); err == nil {
		t.Errorf("Calibrate of one example = %+v, want an error: nothing is left to train on", c)
	}
}

func TestThresholdsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := classify.Thresholds{
			Hash: rapid.StringMatching("[0-9a-f]{64}").Draw(t, "hash"),
			Low:  rapid.Float32().Draw(t, "low"),
			High: rapid.Float32().Draw(t, "high"),
			Gap:  rapid.Float32().Draw(t, "gap"),
		}
		got, err := classify.ParseThresholds("# measured\n\n" + want.String())
		if err != nil || got != want {
			t.Fatalf("ParseThresholds(%q) = %+v, %v, want %+v", want.String(), got, err, want)
		}
	})
}

func TestThresholdsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"", "all needed"},
		{"model abc\nlow 1\nhigh 2\n", "all needed"},
		{"low 1\nhigh 2\ngap 0\n", "all needed"},
		{"model abc\nlow x\nhigh 2\ngap 0\n", `low is "x"`},
		{"model abc\nlow NaN\nhigh 2\ngap 0\n", "no number"},
		{"model abc\nlow 1\nlow 2\nhigh 2\ngap 0\n", `"low" is unknown or said twice`},
		{"model abc\nmodel abd\nlow 1\nhigh 2\ngap 0\n", `"model" is unknown or said twice`},
		{"model abc\nlow 1\nhigh 2\ngap 0\nmiddle 3\n", `"middle" is unknown`},
	} {
		if got, err := classify.ParseThresholds(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseThresholds(%q) = %+v, %v, want an error with %q", tt.text, got, err, tt.want)
		}
	}
}

func FuzzParseThresholds(f *testing.F) {
	f.Add("model abc\nlow 0.1\nhigh 0.5\ngap 0.01\n")
	f.Add("# a comment\nlow")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := classify.ParseThresholds(text)
		if err != nil {
			return
		}
		again, err := classify.ParseThresholds(got.String())
		if err != nil || again != got || math.IsNaN(float64(got.Low+got.High-got.High)) && !math.IsInf(float64(got.High), 0) && !math.IsInf(float64(got.Low), 0) {
			t.Errorf("%q reads as %+v, which reads back as %+v, %v", text, got, again, err)
		}
	})
}
