package classify

import (
	"math"
	"math/rand/v2"
)

// solver finds the weights of one class against the rest: a linear support vector machine with squared hinge loss by dual coordinate descent
// (Hsieh et al., "A Dual Coordinate Descent Method for Large-scale Linear SVM", ICML 2008, algorithm 3 with shrinking).
type solver struct {
	x     []vector
	y     []float32 // by text: 1 where it is of the class, -1 where not
	c     float32
	turns int
	rand  *rand.Rand

	w      []float32 // by feature, the constant's last
	alpha  []float32
	order  []int
	active int
}

// tolerance is how much the projected gradients may spread at the end.
const tolerance = 0.01

// solve fills w.
func (s *solver) solve() {
	clear(s.w)
	clear(s.alpha)
	for i := range s.order {
		s.order[i] = i
	}
	s.active = len(s.order)
	bound := float32(math.Inf(1))
	for range s.turns {
		s.rand.Shuffle(s.active, func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
		low, high := s.turn(bound)
		if high-low <= tolerance {
			if s.active == len(s.order) {
				return
			}
			s.active, bound = len(s.order), float32(math.Inf(1))
			continue
		}
		if bound = high; bound <= 0 {
			bound = float32(math.Inf(1))
		}
	}
}

// turn goes once over the active texts, puts aside those whose weight is 0 and whose gradient is above bound, and returns the smallest and the
// largest projected gradient.
func (s *solver) turn(bound float32) (low, high float32) {
	diagonal := float32(1 / float32(2*s.c))
	low, high = float32(math.Inf(1)), float32(math.Inf(-1))
	for at := 0; at < s.active; at++ {
		i := s.order[at]
		y := s.y[i]
		gradient := float32(y*dot(s.w, s.x[i])) - 1 + float32(s.alpha[i]*diagonal)
		projected := gradient
		if s.alpha[i] == 0 {
			if gradient > bound {
				s.active--
				s.order[at], s.order[s.active] = s.order[s.active], s.order[at]
				at--
				continue
			}
			projected = min(gradient, 0)
		}
		low, high = min(low, projected), max(high, projected)
		if projected > -1e-6 && projected < 1e-6 {
			continue
		}
		// Every text has length 1, and the constant adds its square.
		next := max(s.alpha[i]-float32(gradient/float32(1+biasValue*biasValue+diagonal)), 0)
		addTo(s.w, s.x[i], float32((next-s.alpha[i])*y))
		s.alpha[i] = next
	}
	return low, high
}
