package clock

import "github.com/shitops/opsbot/actions/job"

// entry is a job on the clock. Times are Unix seconds, 0 for none: a hundred thousand of them are kept.
type entry struct {
	job      job.Job
	spec     string
	schedule job.Schedule
	wrong    string // why it never comes
	anchor   int64  // of @every
	base     int64  // ticks up to here are dealt with
	next     int64  // the first tick after base
	hold     int64  // until then nothing is tried
	check    int64  // when to look what became of another's claim
	at       int64  // when to look at the entry: its place in the heap
	busy     bool   // with a worker, and not in the heap
	gone     bool   // no longer among the jobs

	state    state // as last seen in the store
	revision uint64
}

// heap orders entries by at. It is the plain binary heap, without the interface calls that container/heap makes for each comparison.
type heap []*entry

func (h *heap) push(e *entry) {
	*h = append(*h, e)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if s[parent].at <= s[i].at {
			return
		}
		s[parent], s[i] = s[i], s[parent]
		i = parent
	}
}

// pop removes and returns the first entry; the heap must not be empty.
func (h *heap) pop() *entry {
	s := *h
	first, last := s[0], len(s)-1
	s[0], s[last] = s[last], nil
	*h = s[:last]
	h.down(0)
	return first
}

func (h *heap) down(i int) {
	s := *h
	for {
		child := 2*i + 1
		if child >= len(s) {
			return
		}
		if child+1 < len(s) && s[child+1].at < s[child].at {
			child++
		}
		if s[i].at <= s[child].at {
			return
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
}

// keep drops all entries that want does not name, and restores the order.
func (h *heap) keep(want func(*entry) bool) {
	s := (*h)[:0]
	for _, e := range *h {
		if want(e) {
			s = append(s, e)
		}
	}
	clear((*h)[len(s):])
	*h = s
	for i := len(s)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}
