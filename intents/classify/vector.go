package classify

import "math"

// part is one feature of a vector.
type part struct {
	id    uint32
	value float32
}

// vector is one text as the learner sees it: features and their weights, of length 1. Numbers and weights lie side by side, since what training
// waits for is memory.
type vector []part

// biasValue is the value of the constant that every text has besides its features.
const biasValue = 1

// coarse is the grid on which logarithms are rounded: 2^-12. The last bits of math.Log may differ between processors, these do not.
const coarse = 1 << 12

// log is the natural logarithm of x on the coarse grid.
func log(x float64) float32 { return float32(math.Round(math.Log(x)*coarse) / coarse) }

// frequencies are 1 + log(n) for the small n that occur.
type frequencies [8]float32

// newFrequencies returns the table.
func newFrequencies() (f frequencies) {
	for n := 1; n < len(f); n++ {
		f[n] = 1 + log(float64(n))
	}
	return f
}

// of is 1 + log(n), or that of the largest entry.
func (f *frequencies) of(n uint16) float32 { return f[min(int(n), len(f)-1)] }

// weigh turns the counts of b into a vector of length 1, in place of what v held: frequency times rarity. The conversions forbid the compiler to
// fuse a product with a sum, so that every processor rounds alike.
func (d *dictionary) weigh(v vector, b *bag, f *frequencies) vector {
	v = v[:0]
	for _, id := range b.ids {
		v = append(v, part{id, f.of(b.seen[id])})
	}
	d.scale(v)
	return v
}

// scale turns frequencies into weights.
func (d *dictionary) scale(v vector) {
	var square float32
	for i := range v {
		v[i].value = float32(v[i].value * d.idf[v[i].id])
		square += float32(v[i].value * v[i].value)
	}
	if square > 0 {
		norm := float32(1 / math.Sqrt(float64(square)))
		for i := range v {
			v[i].value = float32(v[i].value * norm)
		}
	}
}

// dot is the product of x with the weights w of one class, the last of which is the constant's. Four sums at a time, always the same four.
func dot(w []float32, x vector) float32 {
	var a, b, c, d float32
	for len(x) >= 4 {
		a += float32(w[x[0].id] * x[0].value)
		b += float32(w[x[1].id] * x[1].value)
		c += float32(w[x[2].id] * x[2].value)
		d += float32(w[x[3].id] * x[3].value)
		x = x[4:]
	}
	for _, p := range x {
		a += float32(w[p.id] * p.value)
	}
	return float32(float32(a+b)+float32(c+d)) + float32(w[len(w)-1]*biasValue)
}

// addTo adds step times x to the weights w.
func addTo(w []float32, x vector, step float32) {
	for _, p := range x {
		w[p.id] += float32(step * p.value)
	}
	w[len(w)-1] += float32(step * biasValue)
}
