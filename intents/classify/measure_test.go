package classify

import (
	"testing"

	"pgregory.net/rapid"
)

// judged is the outcome of a cross-validation that never happened: three classes, the last of which is none.
func judged(t *rapid.T) []Left {
	var left []Left
	margin := rapid.Custom(func(t *rapid.T) float32 { return float32(rapid.IntRange(-10, 20).Draw(t, "margin")) / 10 })
	for range rapid.IntRange(1, 80).Draw(t, "texts") {
		l := Left{Example: Example{Class: rapid.IntRange(0, 2).Draw(t, "class")}}
		l.Best = Best{Class: rapid.IntRange(-1, 2).Draw(t, "best"), Margin: margin.Draw(t, "best"), SecondMargin: -2}
		if rapid.Bool().Draw(t, "right") {
			l.Best.Class = l.Example.Class
		}
		l.Taken = l.Best.Class == 0 || l.Best.Class == 1
		left = append(left, l)
	}
	return left
}

// share is how many of those that pass are right.
func share(left []Left, passes func(Left) bool) (right, all int) {
	for _, l := range left {
		if passes(l) {
			all++
			if l.Right() {
				right++
			}
		}
	}
	return right, all
}

func TestPreciseIsTheSmallestThatIsEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		left := judged(t)
		enough := rapid.SampledFrom([]float64{0.5, 0.9, 0.995}).Draw(t, "enough")
		margin := func(l Left) float32 { return l.Margin }
		got := precise(left, enough, margin)
		ok := func(from float32) bool {
			right, all := share(left, func(l Left) bool { return l.Margin >= from })
			return float64(right) >= enough*float64(all)
		}
		found := false
		for _, l := range left {
			found = found || ok(l.Margin)
			if l.Margin < got && ok(l.Margin) {
				t.Fatalf("precise(%v, %g) = %g, but from %g on it is enough already", left, enough, got, l.Margin)
			}
		}
		if found && !ok(got) {
			t.Fatalf("precise(%v, %g) = %g, from which on it is not enough", left, enough, got)
		}
	})
}

func TestMeasureKeepsAndCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := Calibration{Left: judged(t)}
		c.measure(2)
		taken, all := 0, 0
		for _, l := range c.Left {
			if l.Taken && l.Example.Class != 2 {
				all++
				if l.Margin >= c.Low {
					taken++
				}
			}
		}
		if float64(taken) < keptLow*float64(all) {
			t.Fatalf("%d of %d reach Low %g in %v", taken, all, c.Low, c.Left)
		}
		if c.High < c.Low || c.Gap < 0 {
			t.Fatalf("thresholds %+v", c.Thresholds)
		}
		for _, x := range []float64{c.Accuracy, c.ToNone, c.FromNone, c.Kept, c.Sure, c.LeakedLow, c.Leaked} {
			if x < 0 || x > 1 {
				t.Fatalf("a share is %g in %+v", x, c)
			}
		}
		if c.Sure > c.Kept || c.Kept > c.Accuracy || c.Leaked > c.LeakedLow || c.LeakedLow > c.FromNone || c.Accuracy+c.ToNone > 1.000001 {
			t.Fatalf("the shares of %+v are out of order", c)
		}
	})
}

func TestFoldsAreFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var examples []Example
		for class := range rapid.IntRange(1, 5).Draw(t, "classes") {
			for pattern := range rapid.IntRange(1, 25).Draw(t, "patterns") {
				for range rapid.IntRange(1, 3).Draw(t, "each") {
					examples = append(examples, Example{Class: class, Pattern: pattern})
				}
			}
		}
		fold := foldOf(examples, rapid.Uint64().Draw(t, "seed"))
		of := map[Example]int{}
		sizes := map[int]*[folds]int{}
		for i, e := range examples {
			if at, seen := of[e]; seen && at != fold[i] {
				t.Fatalf("pattern %d of class %d is in the folds %d and %d", e.Pattern, e.Class, at, fold[i])
			} else if !seen {
				if sizes[e.Class] == nil {
					sizes[e.Class] = new([folds]int)
				}
				sizes[e.Class][fold[i]]++
			}
			of[e] = fold[i]
		}
		for class, size := range sizes {
			least, most := size[0], size[0]
			for _, n := range size {
				least, most = min(least, n), max(most, n)
			}
			if most-least > 1 {
				t.Fatalf("the patterns of class %d are dealt %v, want evenly", class, *size)
			}
		}
	})
}
