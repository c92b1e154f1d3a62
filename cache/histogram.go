package cache

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in buckets of constant relative width (32 a power of two, so 3 % wide), from 1 µs to 36 minutes. It
// takes 8 KiB however many durations it saw. The zero value is empty.
type histogram struct {
	n       uint64
	max     time.Duration
	buckets [32 * 32]uint64
}

func (h *histogram) add(d time.Duration) {
	h.n++
	h.max = max(h.max, d)
	h.buckets[bucketOf(d)]++
}

func (h *histogram) merge(o *histogram) {
	h.n += o.n
	h.max = max(h.max, o.max)
	for i, c := range o.buckets {
		h.buckets[i] += c
	}
}

// bucketOf: below 32 µs the microseconds themselves, above it the power of two and the five bits after the leading one.
func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 32 {
		return int(us)
	}
	power := bits.Len64(us) - 6
	return min(power*32+int(us>>power), 32*32-1)
}

// upper is the upper end of a bucket.
func upper(i int) time.Duration {
	if i < 64 {
		return time.Duration(i+1) * time.Microsecond
	}
	power := i/32 - 1
	return time.Duration((uint64(i%32)+33)<<power) * time.Microsecond
}

// quantile returns an upper bound of the q-quantile (0.95 = 95th percentile), at most the largest duration seen; 0 when empty.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.n)))
	var seen uint64
	for i, c := range h.buckets {
		if seen += c; seen >= rank && c > 0 {
			return min(upper(i), h.max)
		}
	}
	return h.max
}
