package classify

import "math"

// vector is one text as the learner sees it: features and their weights, of length 1.
type vector struct {
	ids    []uint32
	values []float32
}

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

// weigh turns the bag into weights beside its ids: frequency times rarity, of length 1. The conversions forbid the compiler to fuse a product
// with a sum, so that every processor rounds alike.
func (d *dictionary) weigh(b *bag, f *frequencies, values []float32) []float32 {
	values = values[:0]
	var square float32
	for _, id := range b.ids {
		v := float32(f.of(b.seen[id]) * d.idf[id])
		square += float32(v * v)
		values = append(values, v)
	}
	if square > 0 {
		norm := float32(1 / math.Sqrt(float64(square)))
		for i := range values {
			values[i] = float32(values[i] * norm)
		}
	}
	return values
}

// dot is the product of x with the weights w of one class, the last of which is the constant's. Four sums at a time, always the same four.
func dot(w []float32, x vector) float32 {
	ids, values := x.ids, x.values[:len(x.ids)]
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(ids); i += 4 {
		a += float32(w[ids[i]] * values[i])
		b += float32(w[ids[i+1]] * values[i+1])
		c += float32(w[ids[i+2]] * values[i+2])
		d += float32(w[ids[i+3]] * values[i+3])
	}
	for ; i < len(ids); i++ {
		a += float32(w[ids[i]] * values[i])
	}
	return float32(float32(a+b)+float32(c+d)) + float32(w[len(w)-1]*biasValue)
}

// addTo adds step times x to the weights w.
func addTo(w []float32, x vector, step float32) {
	values := x.values[:len(x.ids)]
	for i, id := range x.ids {
		w[id] += float32(step * values[i])
	}
	w[len(w)-1] += float32(step * biasValue)
}
