package classify

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// problem is a small learning problem: vectors of length 1 over a few features.
func problem(t *rapid.T) *solver {
	features := rapid.IntRange(2, 12).Draw(t, "features")
	texts := rapid.IntRange(2, 30).Draw(t, "texts")
	s := &solver{c: rapid.SampledFrom([]float32{0.1, 1, 4}).Draw(t, "C"), turns: 300, rand: rand.New(rand.NewPCG(1, 2))}
	for range texts {
		var x vector
		var square float64
		for id := range features {
			if rapid.Bool().Draw(t, "has") {
				v := rapid.Float32Range(0.1, 1).Draw(t, "value")
				x = append(x, part{uint32(id), v})
				square += float64(v) * float64(v)
			}
		}
		for i := range x {
			x[i].value /= float32(math.Sqrt(square))
		}
		s.x = append(s.x, x)
		s.y = append(s.y, rapid.SampledFrom([]float32{-1, 1}).Draw(t, "y"))
	}
	s.w, s.alpha, s.order = make([]float32, features+1), make([]float32, texts), make([]int, texts)
	return s
}

// objective is what the learner minimises: half the square of the weights, and C times the squares of what lacks to a margin of 1.
func (s *solver) objective(w []float32) float64 {
	var sum float64
	for _, v := range w {
		sum += float64(v) * float64(v) / 2
	}
	for i, x := range s.x {
		lacks := max(0, 1-float64(s.y[i])*float64(dot(w, x)))
		sum += float64(s.c) * lacks * lacks
	}
	return sum
}

// bound is what no weights can get below, by the dual variables.
func (s *solver) bound() float64 {
	var square, sum float64
	for _, v := range s.w {
		square += float64(v) * float64(v)
	}
	for _, a := range s.alpha {
		sum += float64(a) - float64(a)*float64(a)/float64(4*s.c)
	}
	return sum - square/2
}

// TestSolveFindsTheMinimum: the weights come within a hundredth of the bound that the dual problem gives.
func TestSolveFindsTheMinimum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := problem(t)
		s.solve()
		found, bound := s.objective(s.w), s.bound()
		if found < bound-1e-3 {
			t.Fatalf("the objective %g is below its bound %g", found, bound)
		}
		if found > bound*1.02+1e-3 {
			t.Fatalf("the objective is %g, the bound %g: want them close, C %g, y %v, x %v", found, bound, s.c, s.y, s.x)
		}
		for i, a := range s.alpha {
			if a < 0 {
				t.Fatalf("weight %d of the dual is %g, want none below 0", i, a)
			}
		}
	})
}

// TestSolveIsNoWorseThanItsNeighbours: no step in any direction makes the weights better.
func TestSolveIsNoWorseThanItsNeighbours(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := problem(t)
		s.solve()
		found := s.objective(s.w)
		for i := range s.w {
			for _, step := range []float32{-0.05, 0.05} {
				near := append([]float32(nil), s.w...)
				near[i] += step
				if other := s.objective(near); other < found*0.99-1e-3 {
					t.Fatalf("with weight %d moved by %g the objective is %g, found was %g", i, step, other, found)
				}
			}
		}
	})
}

// TestSolveStartsAfresh: what a solver learned before has no part in what it learns next.
func TestSolveStartsAfresh(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := problem(t)
		s.solve()
		first := append([]float32(nil), s.w...)
		for i := range s.y {
			s.y[i] = -s.y[i]
		}
		s.rand = rand.New(rand.NewPCG(1, 2))
		s.solve()
		for i := range s.y {
			s.y[i] = -s.y[i]
		}
		s.rand = rand.New(rand.NewPCG(1, 2))
		s.solve()
		for i, w := range s.w {
			if w != first[i] {
				t.Fatalf("the second time weight %d is %g, the first time %g", i, w, first[i])
			}
		}
	})
}

func TestDot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := make([]float32, 30)
		for i := range w {
			w[i] = rapid.Float32Range(-2, 2).Draw(t, "w")
		}
		var x vector
		want := float64(w[29]) * biasValue
		for _, id := range rapid.SliceOfNDistinct(rapid.Uint32Range(0, 28), 0, 20, rapid.ID).Draw(t, "ids") {
			v := rapid.Float32Range(-1, 1).Draw(t, "v")
			x = append(x, part{id, v})
			want += float64(w[id]) * float64(v)
		}
		got := dot(w, x)
		if math.Abs(float64(got)-want) > 1e-4 {
			t.Fatalf("dot = %g, want %g of %v and %v", got, want, w, x)
		}
		square := float64(biasValue * biasValue)
		for _, p := range x {
			square += float64(p.value) * float64(p.value)
		}
		addTo(w, x, 0.5)
		if after := dot(w, x); math.Abs(float64(after)-want-square/2) > 1e-3 {
			t.Fatalf("after adding half of x dot = %g, want %g", after, want+square/2)
		}
	})
}
