package clock

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestHeapOrders holds the heap against a sorted list, with entries taken out in between.
func TestHeapOrders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var h heap
		var want []int64
		rt.Repeat(map[string]func(*rapid.T){
			"push": func(rt *rapid.T) {
				at := rapid.Int64Range(1, 50).Draw(rt, "at")
				h.push(&entry{at: at})
				want = append(want, at)
				slices.Sort(want)
			},
			"pop": func(rt *rapid.T) {
				if len(want) == 0 {
					return
				}
				if got := h.pop().at; got != want[0] {
					rt.Fatalf("pop = %d, want %d of %v", got, want[0], want)
				}
				want = want[1:]
			},
			"keep": func(rt *rapid.T) {
				below := rapid.Int64Range(1, 50).Draw(rt, "below")
				h.keep(func(e *entry) bool { return e.at >= below })
				want = slices.DeleteFunc(want, func(at int64) bool { return at < below })
			},
			"": func(rt *rapid.T) {
				if len(h) != len(want) || len(h) > 0 && h[0].at != want[0] {
					rt.Fatalf("heap of %d, want %v", len(h), want)
				}
			},
		})
	})
}
